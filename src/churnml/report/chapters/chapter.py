"""What every insight on the page is made of: a heading, sentences, tables; and how its numbers are said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from churnml.insights.findings import Insights
from churnml.report.tables import Table
from churnml.report.words import between, percent, plainly, sentence, several


@dataclass(frozen=True)
class Chapter:
    """One insight: its heading, sentences, and tables. Without tables, the sentences say what is missing."""

    name: str
    title: str
    sentences: tuple[str, ...]
    tables: tuple[Table, ...] = ()

    @property
    def known(self) -> bool:
        """Whether there is anything but what is missing."""
        return bool(self.tables)


def rate(share: float) -> str:
    """A share, with a decimal where it is below a tenth: most rates of leaving are.

    >>> rate(0.0234), rate(0.234), rate(0.0), rate(0.0001)
    ('2.3%', '23%', '0%', 'under 0.1%')
    """
    return f"{share:.1%}" if 0.0005 <= share < 0.0995 else percent(share)


def span(row: Any, low: str, high: str) -> str:
    """The two ends of an interval of a row."""
    return between(getattr(row, low), getattr(row, high), rate)


def within(found: Insights) -> str:
    """By when customers had left."""
    return f"within {several(found.horizon_days, 'day')}"


def missing(why: str) -> str:
    """What is not known, and why."""
    return sentence(f"Not known: {plainly(why)}")


def capital(text: str) -> str:
    """A text with a capital first letter."""
    return text[:1].upper() + text[1:]
