"""Draw the model card (Mitchell et al. 2019): one page of Markdown that says what a model is and how far to trust it.

The same card gives the same bytes. Names from the data cannot break out of their line or table.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from churnml.report.tables import Table


@dataclass(frozen=True)
class Card:
    """Everything on the card: sentences and tables, under the headings of the template."""

    project: str
    purpose: str
    uses: tuple[str, ...]
    never: tuple[str, ...]
    definition: tuple[str, ...]
    data: tuple[str, ...]
    judged: tuple[str, ...]
    metrics: Table
    differences: Table
    calibrated: str
    calibration: Table
    fairness_said: str
    fairness: tuple[Table, ...]
    features_said: str
    switched_off: Table
    audit_said: str
    contacting_said: str
    limits: tuple[str, ...]
    lineage: Table
    sources: Table


class _Drawn(str):
    """Markdown that was made here."""


def plain(value: object) -> str:
    """A value as text that is no Markdown and no HTML.

    >>> plain("a|b <i>x</i>")
    'a\\\\|b &lt;i>x&lt;/i>'
    """
    if isinstance(value, _Drawn):
        return value
    text = " ".join(str(value).split()).replace("\\", "\\\\").replace("&", "&amp;").replace("<", "&lt;")
    for mark in "|`*[]":
        text = text.replace(mark, f"\\{mark}")
    return text


def table(content: Table) -> str:
    """A table in Markdown, its caption above it."""
    rows = [
        " | ".join(plain(column.head) for column in content.columns),
        " | ".join("---:" if column.number else "---" for column in content.columns),
        *(" | ".join(plain(cell) for cell in row) for row in content.rows),
    ]
    return _Drawn("\n".join([f"{plain(content.caption)}:", "", *(f"| {row} |" for row in rows)]))


def render_card(card: Card) -> str:
    """The card as Markdown."""
    source = (files("churnml.report") / "templates" / "model_card.md").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=False,  # Markdown: `plain` takes its place
        finalize=plain,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.from_string(source).render(card=card, table=table)
