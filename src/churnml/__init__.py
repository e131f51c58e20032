"""churnml predicts silent defection: customers who leave without ever complaining.

Importing the package does no work; the public names are loaded when they are first used.
"""

from __future__ import annotations

__version__ = "0.1.0"
