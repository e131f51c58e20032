"""The report's tables: texts made from frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from churnml.evaluation.evaluate import LEADING
from churnml.insights.silent_share import Share
from churnml.report.data import ReportData
from churnml.report.words import (
    MISSING,
    SMALLER_IS_BETTER,
    between,
    count,
    day,
    metric,
    money,
    percent,
    score,
    sentence,
)

SHOWN = (
    ("no voice before", "silent", "auroc"),
    ("no voice before", "silent", "average_precision"),
    ("no voice before", "silent", "calibration_error"),
    ("everyone", "vocal", "auroc"),
    ("everyone", "all", "log_loss"),
    ("everyone", "all", "brier"),
)
"""The figures of the table of models, in its order, as far as the evaluation has them."""


@dataclass(frozen=True)
class Column:
    """A column’s head, and whether numbers stand below it."""

    head: str
    number: bool = False


@dataclass(frozen=True)
class Table:
    """A table of texts; the second line of a text is set small. `strong` is the column that matters most."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    strong: int | None = None


def records(frame: pd.DataFrame) -> list[Any]:
    """The rows of a frame, each with its columns as attributes."""
    return list(frame.itertuples(index=False))


def without_empty(table: Table) -> Table:
    """The table without the columns in which every row lacks its number; the first column stays."""
    keep = [
        place
        for place in range(len(table.columns))
        if place == 0 or not table.rows or any(row[place] != MISSING for row in table.rows)
    ]
    return replace(
        table,
        columns=tuple(table.columns[place] for place in keep),
        rows=tuple(tuple(row[place] for place in keep) for row in table.rows),
        strong=keep.index(table.strong) if table.strong in keep else None,
    )


def bands(data: ReportData) -> Table:
    """Customers by risk."""
    return without_empty(
        Table(
            "Customers by risk of leaving silently",
            (
                Column("Risk"),
                Column("Customers", True),
                Column("Expected to leave silently", True),
                Column("Value at risk", True),
            ),
            tuple(
                (
                    _capital(row.risk_band),
                    count(row.customers),
                    count(row.expected),
                    money(row.value_at_risk, data.currency),
                )
                for row in records(data.bands)
            ),
        )
    )


def share_table(data: ReportData) -> Table:
    """The silent share of all leavers and of those who met friction."""
    silent = data.silent_share
    rows = [_share_row("Everyone who left", silent.overall)]
    if silent.after_friction is not None:
        rows.append(_share_row("Those who left after friction", silent.after_friction))
    return Table(
        "Of those who left, how many never said a word",
        (
            Column("Who"),
            Column("Left", True),
            Column("Silently", True),
            Column("Share", True),
            Column("95% interval", True),
        ),
        tuple(rows),
    )


def _share_row(name: str, share: Share) -> tuple[str, ...]:
    bounds = between(share.low, share.high, percent)
    return (name, count(share.leavers), count(share.silent), percent(share.share), bounds)


def share_by_snapshot(data: ReportData) -> Table:
    """The table behind the figure of the silent share over the snapshots."""
    return Table(
        "Share of leavers who never said a word, by snapshot",
        (
            Column("Snapshot"), Column("Left", True), Column("Silently", True), Column("Share", True),
            Column("95% interval", True),
        ),
        tuple(
            (
                day(row.as_of), count(row.leavers), count(row.silent), percent(row.share),
                between(row.low, row.high, percent),
            )
            for row in records(data.silent_share.by_snapshot)
        ),
    )  # fmt: skip


def outcomes_by_snapshot(data: ReportData) -> Table:
    """The table behind the figure of the outcome mix."""
    return Table(
        "What became of the customers seen at each snapshot",
        (
            Column("Snapshot"), Column("Customers", True), Column("Left silently", True),
            Column("Left, having said so", True), Column("Stayed", True),
        ),
        tuple(
            (day(row.as_of), count(row.customers), count(row.silent), count(row.vocal), count(row.retained))
            for row in records(data.silent_share.by_snapshot)
        ),
    )  # fmt: skip


def leading(frame: pd.DataFrame, outcome: str = "silent") -> tuple[pd.DataFrame, str]:
    """The rows of a frame of the evaluation for the leading population, and that population’s name."""
    rows = frame[frame["outcome"] == outcome] if "outcome" in frame.columns else frame
    for population in (LEADING[0], "everyone"):
        found = rows[rows["population"] == population]
        if not found.empty:
            return found, population
    return rows, "everyone"


def calibration_table(rows: pd.DataFrame) -> Table:
    """The table behind the calibration figure."""
    return Table(
        "Predicted chance and what happened",
        (Column("Predicted", True), Column("Observed", True), Column("95% interval", True), Column("Customers", True)),
        tuple(
            (percent(row.predicted), percent(row.observed), between(row.low, row.high, percent), count(row.n))
            for row in records(rows)
        ),
    )


def lift_table(data: ReportData, rows: pd.DataFrame) -> Table:
    """The table behind the lift figure."""
    return Table(
        "Lift: silent leavers found, in multiples of chance",
        (Column("Customers at highest risk"), Column("Model"), Column("Lift", True), Column("95% interval", True)),
        tuple(
            (percent(row.share), str(row.model), f"{row.lift:.2f}", between(row.low, row.high, "{:.2f}".format))
            for row in records(_in_order(rows, models(data)))
        ),
    )


def model_table(data: ReportData) -> Table:
    """Model beside baselines."""
    frame = data.metrics
    names = models(data)
    body = []
    for population, outcome, name in SHOWN:
        rows = frame[(frame[["population", "outcome", "metric"]] == [population, outcome, name]).all(axis=1)]
        if rows.empty:
            continue
        better = "smaller" if name in SMALLER_IS_BETTER else "larger"
        cells = [f"{metric(name)}\n{_of(population, outcome)}; {better} is better"]
        by_model = {row.model: f"{score(row.value)}\n{interval(row.low, row.high)}" for row in records(rows)}
        body.append((*cells, *(by_model.get(one, MISSING) for one in names)))
    columns = (Column("Metric"), *(Column(name, True) for name in names))
    return Table("The model beside its baselines, on the test snapshots", columns, tuple(body), strong=1)


def models(data: ReportData) -> list[str]:
    """The model, then recency alone, then the other baselines."""
    others = sorted(set(data.metrics["model"]) - {data.model}, key=lambda name: (not name.startswith("recency"), name))
    return [data.model, *others]


def _of(population: str, outcome: str) -> str:
    what = {"silent": "silent leavers", "vocal": "vocal leavers", "all": "all outcomes"}.get(outcome, outcome)
    return what if population == "everyone" else f"{what}, {population}"


def switched_off(data: ReportData) -> Table | None:
    """The features that the data does not allow."""
    frame = data.trust.switched_off
    if frame.empty:
        return None
    rows = tuple((str(row.feature), sentence(str(row.why))) for row in records(frame))
    return Table("Features switched off", (Column("Feature"), Column("Why")), rows)


def repairs(data: ReportData) -> Table | None:
    """What was mended in the sources."""
    frame = data.trust.repairs
    if frame.empty:
        return None
    return Table(
        "What was mended in the sources",
        (Column("Where"), Column("What"), Column("Rows", True)),
        tuple(
            (f"{row['table']}.{row['column']}", str(row["name"]), count(row["count"]))
            for row in frame.to_dict("records")
        ),
    )


def _in_order(rows: pd.DataFrame, order: Sequence[str]) -> pd.DataFrame:
    place = {name: rank for rank, name in enumerate(order)}
    return rows.assign(_place=rows["model"].map(place)).sort_values(["share", "_place"]).drop(columns="_place")


def interval(low: float, high: float, *, sign: bool = False) -> str:
    """An interval of a metric, or of a difference when `sign` is asked for.

    >>> interval(0.7, 0.8), interval(-0.01, 0.02, sign=True)
    ('0.700 to 0.800', '-0.010 to +0.020')
    """
    return between(low, high, "{:+.3f}".format if sign else "{:.3f}".format)


def _capital(text: object) -> str:
    return str(text)[:1].upper() + str(text)[1:]
