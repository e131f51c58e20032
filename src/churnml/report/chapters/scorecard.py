"""The ways in which a company drives people out, each as one measured figure."""

from __future__ import annotations

from typing import Any

from churnml.features.sentences import put
from churnml.insights.findings import Insights
from churnml.insights.scorecard import NOT_MEASURABLE
from churnml.report.chapters.chapter import Chapter, capital, missing, rate
from churnml.report.tables import Column, Table, records
from churnml.report.words import plainly


def ways(found: Insights) -> Chapter:
    """The scorecard."""
    table = found.scorecard.table
    said = [
        "Each line is one measured figure, held against the quarter before, and the share that its numbers have in "
        "what moves the predicted risk: no proof that it drives anybody out."
    ]
    if table["risk_share"].isna().all():
        said.append(missing("no model is trained yet; the share of the predicted risk comes with `churnml train`"))
    lacking = [row for row in records(table) if row.why]
    if lacking:
        why = "; ".join(
            f"{row.way} ({plainly(row.why.removeprefix(f'{NOT_MEASURABLE} it ').removeprefix(NOT_MEASURABLE).strip())})"
            for row in lacking
        )
        said.append(f"Not measurable with your data: {why}.")
    rows = tuple(
        (f"{capital(row.way)}\n{row.figure}", _figure(row.value, row.unit), _change(row), rate(row.risk_share))
        for row in records(table)
        if not row.why
    )
    columns = (
        Column("Way to drive people out"),
        Column("Now", True),
        Column("Change since the quarter before"),
    )
    return Chapter(
        "scorecard",
        "How a company drives people out",
        tuple(said),
        (Table("Scorecard", (*columns, Column("Share of predicted risk", True)), rows, 1),) if rows else (),
    )


def _figure(value: float, unit: str) -> str:
    if value != value:
        return "–"
    if unit == "number":
        return "none" if value == 0 else "under 0.01" if 0 < value < 0.005 else f"{value:,.2f}"
    return rate(value) if unit == "share" else put(value, "seconds")


def _change(row: Any) -> str:
    if row.change != row.change:
        return "no earlier quarter to compare"
    if row.change_low <= 0 <= row.change_high:
        return "none beyond chance"
    low, high = sorted((abs(row.change_low), abs(row.change_high)))
    size = {
        "share": f"{100 * low:.1f} to {100 * high:.1f} points",
        "seconds": f"{put(low, 'seconds')} to {put(high, 'seconds')}",
    }.get(row.unit, f"{low:.2f} to {high:.2f}")
    return f"{'up' if row.change > 0 else 'down'} by {size}"
