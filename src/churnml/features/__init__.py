"""Features: what each one means, which the data allows, and their values for one snapshot.

The names here are those that a file of custom features needs.
"""

from churnml.features.registry import Context, Feature, Inventory, Needs, safe  # isort: skip
from churnml.features.expressions import between, by_customer, count, flag, monitored, of, ratio, within
from churnml.features.fitted import Fitted, Material

__all__ = [
    "Context",
    "Feature",
    "Fitted",
    "Inventory",
    "Material",
    "Needs",
    "between",
    "by_customer",
    "count",
    "flag",
    "monitored",
    "of",
    "ratio",
    "safe",
    "within",
]
