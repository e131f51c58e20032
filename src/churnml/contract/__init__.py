"""The two canonical tables, the kinds of event, and the checks that hold data against them.

Everything a company knows is mapped to `customers` and `events`; a fact is visible at (as_of, known_at) if and
only if it occurred before the one and was recorded before the other.
"""

from churnml.contract.checks import NOTHING_ELSE, Evidence, check
from churnml.contract.report import ContractReport, Severity, Violation
from churnml.contract.tables import CUSTOMERS, EVENTS, KINDS, known_ends, midnight

__all__ = [
    "CUSTOMERS",
    "EVENTS",
    "KINDS",
    "NOTHING_ELSE",
    "ContractReport",
    "Evidence",
    "Severity",
    "Violation",
    "check",
    "known_ends",
    "midnight",
]
