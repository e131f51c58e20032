"""What moves the model's answer, as the page tells it: by theme and by signal, how surely, how, and for whom."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pandas as pd

from churnml.features.sentences import FORMATS_OF_UNITS, YES_OR_NO, put
from churnml.report import driver_figures
from churnml.report.data import ReportData
from churnml.report.page import Figure, drawn
from churnml.report.tables import Column, Table, records
from churnml.report.words import MISSING, between, count, money, percent, sentence, several, times

OFTEN = 0.9
"""A theme that is among the first three in so many of the draws is called stable."""
SIGNALS = 15
THEMES = 5
"""So many themes have a column in the tables of kinds of customer."""
PARTS = 3
KIND = "kind of customer"


def main(data: ReportData) -> Figure | None:
    """The share of each theme, and how it moves over retrainings."""
    frame = data.theme_drivers
    if frame.empty or not frame["strength"].gt(0).any():
        return None
    frame = _with_stability(frame, data.theme_stability, "theme")
    summary = "; ".join(f"{row.theme} {percent(row.share)}" for row in records(frame.head(3)))
    known = frame["low"].notna().any()
    return drawn(
        "What the model goes by",
        "Share of all the pushes, up or down, that each theme gives to customers’ risk"
        + ("; the lines show between what it lay when the model was trained again, on less history" if known else ""),
        driver_figures.drivers(frame, "drivers"),
        f"Bar chart. Strongest: {summary}.",
        _theme_table(frame),
    )


def _with_stability(frame: pd.DataFrame, stability: pd.DataFrame, what: str) -> pd.DataFrame:
    known = stability[[what, "low", "high", "first"]].astype({"low": float, "high": float, "first": float})
    return frame.merge(known, on=what, how="left")


def _theme_table(frame: pd.DataFrame) -> Table:
    return Table(
        "How strongly each theme moves the model’s answer",
        (
            Column("Theme"), Column("Share of all pushes", True), Column("When trained again", True),
            Column("Among the first three", True), Column("Customers pushed towards leaving", True),
            Column("Signals", True),
        ),
        tuple(
            (
                _capital(row.theme), percent(row.share), between(row.low, row.high, percent), percent(row.first),
                percent(row.customers_towards), count(row.features),
            )
            for row in records(frame)
        ),
    )  # fmt: skip


def signals(data: ReportData) -> Table:
    """The strongest single signals."""
    frame = _with_stability(data.feature_drivers, data.feature_stability, "feature")
    return Table(
        "The strongest single signals",
        (
            Column("What is measured"), Column("Theme"), Column("Share of all pushes", True),
            Column("When trained again", True), Column("Direction"),
        ),
        tuple(
            (
                sentence(row.doc), _capital(row.theme), percent(row.share), between(row.low, row.high, percent),
                _capital(row.direction),
            )
            for row in records(frame.head(SIGNALS))
            if row.strength > 0
        ),
    )  # fmt: skip


def stability(data: ReportData) -> str:
    """How far the order of the themes can be relied on, in words."""
    known = data.theme_stability
    if known.empty:
        return (
            "Not known: how stable this order is. The history is too short for the model to be trained more than once, "
            "or it was trained before that was measured."
        )
    number = int(known["retrainings"].iloc[0])
    order = data.theme_drivers.loc[data.theme_drivers["share"] > 0, "theme"].head(3)
    first = known.set_index("theme")["first"].astype(float)
    sure = [f"“{theme}”" for theme in order if first.get(theme, 0.0) >= OFTEN]
    often = "once more on a shorter stretch" if number == 1 else f"{number} times more on shorter stretches"
    begin = f"The model was trained {often} of the same history, and customers were drawn again each time:"
    if len(sure) == len(order):
        return f"{begin} the first {_number(len(sure))} stayed {'first' if len(sure) == 1 else 'the same'}."
    if sure:
        stays = "stays" if len(sure) == 1 else "stay"
        return f"{begin} {' and '.join(sure)} {stays} among the first three; the order of the others is not certain."
    return f"{begin} none stays among the first three. Do not build on the order of the themes."


def _number(n: int) -> str:
    return {1: "one", 2: "two", 3: "three"}.get(n, str(n))


def shapes(data: ReportData) -> Figure | None:
    """How the odds move with the value of the strongest signal of each of the strongest themes."""
    frame = data.driver_shapes
    panels = [(_title(str(part["doc"].iloc[0])), part) for _, part in frame.groupby("feature", sort=False)]
    panels = _different([(title, part) for title, part in panels if len(part) > 1])
    if not panels:
        return None
    told = [(title, _panel(part, data.currency)) for title, part in panels]
    title, first = told[0]
    worst = first.sort_values("odds", ascending=False, kind="stable").iloc[0]
    rows = [
        (title, row.step, count(row.customers), times(row.odds), f"{times(row.low)} to {times(row.high)}")
        for title, panel in told
        for row in records(panel)
    ]
    columns = (
        Column("What is measured"), Column("Value"), Column("Customers", True), Column("Odds of leaving", True),
        Column("Middle four fifths", True),
    )  # fmt: skip
    return drawn(
        "How the risk moves with what is measured",
        "Odds of leaving, times those of the average customer, as far as the one signal goes; the lines hold the "
        "middle four fifths of the customers",
        driver_figures.shapes(told, "shapes"),
        f"Dot charts of {several(len(told), 'signal')}. {title}: highest at {worst['step']}, {times(worst['odds'])}.",
        Table("How the risk moves with what is measured", columns, tuple(rows), 3),
    )


def _different(panels: list[tuple[str, pd.DataFrame]]) -> list[tuple[str, pd.DataFrame]]:
    """Without a signal that tells the same of the same customers as an earlier one."""
    told: list[pd.DataFrame] = []
    kept = []
    for title, part in panels:
        steps = part[["from", "to", "text", "customers"]].reset_index(drop=True)
        if not any(steps.equals(one) for one in told):
            kept.append((title, part))
            told.append(steps)
    return kept


def _title(doc: str) -> str:
    """What is measured, in short.

    >>> _title("Days since the last friction (error, failed payment or return).")
    'Days since the last friction'
    >>> _title("Number of events of engagement (visit) on the first day: the share of customers who have less.")
    'Number of events of engagement (visit) on the first day: the share of customers who have less'
    >>> _title("The last rating, from 0 to 1, by the model of X.")
    'The last rating'
    """
    return re.sub(r"(?<!engagement) \([^()]*\)|, from 0 to 1|, by the .*|, half of .*", "", doc).rstrip(".")


def _panel(part: pd.DataFrame, currency: str) -> pd.DataFrame:
    numbers = part[["push", "low", "high"]].astype(float)
    return pd.DataFrame(
        {
            "step": [_step(row, currency) for row in part.to_dict("records")],
            "customers": part["customers"].to_numpy(),
            "odds": np.exp(numbers["push"].to_numpy()),
            "low": np.exp(numbers["low"].to_numpy()),
            "high": np.exp(numbers["high"].to_numpy()),
        }
    )


def _step(row: dict[Any, Any], currency: str) -> str:
    """The values of a step as people say them: "3 to 7 days", "no value"."""
    if not pd.isna(row["text"]):
        return str(row["text"])
    low, high, unit = float(row["from"]), float(row["to"]), str(row["unit"])
    if unit == YES_OR_NO:
        return "yes" if high >= 0.5 else "no"
    form = FORMATS_OF_UNITS.get(unit, "number")
    ends = [money(value, currency) if form == "amount" else put(value, form, currency) for value in (low, high)]
    if ends[0] == ends[1]:
        return ends[0]
    first, last = ends[0].split(" ")[0], ends[1].split(" ")[-1]
    if form == "share":
        return f"{ends[0].removesuffix('%')}–{ends[1]}"
    alike = form in ("days", "weeks", "times") and last.rstrip("s") == ends[0].split(" ")[-1].rstrip("s")
    return f"{first if alike else ends[0]}–{ends[1]}"


def by_part(data: ReportData) -> tuple[Table, ...]:
    """For each kind of customer and segment, how each of the strongest themes moves the odds."""
    frame = data.theme_parts
    themes = [theme for theme in data.theme_drivers["theme"].head(THEMES) if frame["theme"].eq(theme).any()]
    tables = []
    for by, part in list(frame.groupby("by", sort=False))[:PARTS]:
        wide = part.pivot_table(index="part", columns="theme", values="push", sort=False)
        number = part.groupby("part", sort=False)["customers"].first()
        rows = tuple(
            (_capital(name), count(number[name]), *(_odds(wide.loc[name, theme]) for theme in themes))
            for name in number.index
        )
        if len(rows) > 1:
            columns = (
                Column(_capital(by)),
                Column("Customers", True),
                *(Column(_capital(one), True) for one in themes),
            )
            named = KIND if by == KIND else f"“{by!s}”"
            tables.append(Table(f"By {named}: odds of leaving, times those of the average customer", columns, rows))
    return tuple(tables)


def _odds(push: float) -> str:
    return MISSING if math.isnan(push) else f"{math.exp(push):.2f}×"


def _capital(text: object) -> str:
    return str(text)[:1].upper() + str(text)[1:]
