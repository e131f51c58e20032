"""Risk by silence, and what those said who were not silent."""

from __future__ import annotations

import numpy as np
import pandas as pd

from churnml.features.sentences import noun
from churnml.features.text import TOPIC_WORDS
from churnml.insights.quotes import Quotes
from churnml.insights.silence_curve import DAYS, GAPS
from churnml.report import figures
from churnml.report.data import ReportData
from churnml.report.page import Figure, drawn
from churnml.report.tables import Column, Table, records
from churnml.report.words import between, count, listed, percent, several, window

FEWEST = 10
"""A step of fewer customers is not drawn; it stands in the table."""
LABELS = {
    DAYS: ("Days since the last sign of life", "{} days"),
    GAPS: ("Silence, in the customer’s own usual gaps", "{} times the usual gap"),
}


def curves(data: ReportData) -> list[Figure]:
    """Expected risk against silence, in days and in the customers' own usual gaps, as far as both are known."""
    drawings = (_curve(data, scale) for scale in (DAYS, GAPS))
    return [figure for figure in drawings if figure is not None]


def _curve(data: ReportData, scale: str) -> Figure | None:
    rows = data.silence[data.silence["scale"] == scale].sort_values("step").reset_index(drop=True)
    shown = rows[rows["customers"] >= FEWEST].reset_index(drop=True)
    if len(shown) < 2:
        return None
    label, said = LABELS[scale]
    first, last = shown.iloc[0], shown.iloc[-1]
    unit = "days" if scale == DAYS else "gaps"
    return drawn(
        "Risk by days of silence" if scale == DAYS else "Risk by silence, by each customer’s own measure",
        f"Expected share who leave silently {window(data.lead_days, data.horizon_days)}; the band is what chance alone "
        "allows, the bars count customers",
        figures.silence(shown, [*map(_number, shown["from"]), _end(shown)], label, f"silence-{unit}"),
        f"Step chart. From {percent(first['expected'])} at {said.format(_step(first['from'], first['to'], scale))} to "
        f"{percent(last['expected'])} at {said.format(_step(last['from'], last['to'], scale))}.",
        Table(
            f"Expected and seen risk by silence, in {'days' if scale == DAYS else 'usual gaps'}",
            (
                Column("Silence"), Column("Customers", True), Column("Expected to leave silently", True),
                Column("By chance alone", True), Column("Seen at the test snapshots", True),
                Column("95% interval", True),
            ),
            tuple(
                (
                    _step(row.start, row.end, scale), count(row.customers), percent(row.expected),
                    between(row.low, row.high, percent), percent(row.seen),
                    between(row.seen_low, row.seen_high, percent),
                )
                for row in records(rows.rename(columns={"from": "start", "to": "end"}))
            ),
            2,
        ),
    )  # fmt: skip


def _number(value: float) -> str:
    return f"{value:g}"


def _end(shown: pd.DataFrame) -> str:
    last = shown["to"].iloc[-1]
    return "more" if not np.isfinite(last) else _number(last)


def _step(low: float, high: float, scale: str) -> str:
    if not np.isfinite(high):
        return f"{low:g} or more"
    if scale == DAYS:
        return f"{low:g}" if high - low == 1 else f"{low:g} to {high - 1:g}"
    return f"{low:g} to {high:g}"


def voices(quotes: Quotes) -> list[tuple[str, str]]:
    """Each quote, and where it was said."""
    return [(str(row.words), _where(row.kind, row.channel, row.heard)) for row in records(quotes.quotes)]


def _where(kind: str, channel: object, heard: object) -> str:
    by = "" if channel is None or pd.isna(channel) else f", {str(channel).replace('_', ' ')}"  # type: ignore[call-overload]
    said = noun(kind)
    return f"{said[:1].upper()}{said[1:]}{by}{'' if heard else ', where you do not listen'}"


def topics(quotes: Quotes) -> str:
    """What most of it is about."""
    rows = records(quotes.topics.head(4))
    named = [f"{TOPIC_WORDS.get(row.topic, row.topic)} ({percent(row.share)})" for row in rows]
    about = f" The most common subjects are {listed(named)}." if len(named) > 1 else ""
    return (
        f"{several(quotes.customers, 'customer')} wrote {several(quotes.texts, 'text')} within a year.{about} The few "
        "shown here are made of words that many use; all else is masked."
    )
