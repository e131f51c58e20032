"""The charts and tables of watched nights."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from churnml.monitoring.promise import SMALLER
from churnml.monitoring.verdict import JUDGED, LEFT_OUT, NAMES, SCORES, WAITING
from churnml.monitoring.watch import Monitored
from churnml.report import night_figures
from churnml.report.page import Figure, drawn
from churnml.report.tables import Column, Table, interval, records
from churnml.report.words import MISSING, count, day, listed, percent, score, several, short_day

if TYPE_CHECKING:
    from churnml.config import Scoring

TITLES = {
    "auroc": ("How well each night ranked silent leavers", "AUROC: 0.5 is a coin, 1 is perfect"),
    "log_loss": ("How good the chances themselves were", "Log loss of all outcomes; smaller is better"),
    "calibration_error": ("How far the chances lay from what happened", "Calibration error; smaller is better"),
    "lift_at_10pct": ("How many silent leavers the riskiest tenth held", "In multiples of a list drawn by lot"),
}
DIGITS = {"lift_at_10pct": 1, "calibration_error": 3}
MOST_FEATURES = 15


def by_night(found: Monitored, metric: str) -> Figure | None:
    """One metric night by night: judged, or estimated."""
    keys = ["night", "as_of", "model"]
    seen = found.figures[found.figures["metric"] == metric]
    guessed = found.estimates[found.estimates["metric"] == metric][[*keys, "estimate"]]
    if seen.empty and guessed.empty:
        return None
    frame = found.nights[found.nights["state"] != LEFT_OUT][[*keys, "withdrawn"]]
    frame = frame.merge(seen.drop(columns=["outcome", "metric"]), on=keys, how="left")
    frame = frame.merge(guessed, on=keys, how="left").sort_values("as_of", kind="stable")
    for side in ("promised", "promised_low", "promised_high"):
        known = found.figures[found.figures["metric"] == metric].groupby("model")[side].first()
        frame[side] = frame[side].fillna(frame["model"].map(known)).astype(float)
    frame = frame.assign(worse=frame["worse"].eq(True)).reset_index(drop=True)
    for name in ("value", "low", "high", "estimate"):
        frame[name] = frame[name].astype(float)
    if frame[["value", "estimate"]].isna().all(axis=None):
        return None
    title, subtitle = TITLES[metric]
    bad = frame[frame["worse"]]
    said = f"Worse than promised: {listed([day(when) for when in bad['as_of']])}." if len(bad) else "None is worse."
    return drawn(
        title,
        f"{subtitle}; night by night, with 95% intervals, customers who had not complained before",
        night_figures.by_night(frame, f"night-{metric}", digits=DIGITS.get(metric, 2)),
        f"Dot chart over {several(len(frame), 'night')}. {said}",
        _metric_table(frame, metric),
    )


def _metric_table(frame: pd.DataFrame, metric: str) -> Table:
    return Table(
        f"{NAMES[metric][:1].upper()}{NAMES[metric][1:]} by night",
        (
            Column("Night"), Column("Model"), Column("Seen", True), Column("95% interval", True),
            Column("Promised", True), Column("Estimated before", True), Column("Verdict"),
        ),
        tuple(
            (
                day(row.as_of), str(row.model), score(row.value), interval(row.low, row.high), score(row.promised),
                score(row.estimate), _said(row),
            )
            for row in records(frame)
        ),
    )  # fmt: skip


def _said(row: object) -> str:
    withdrawn = " (withdrawn)" if getattr(row, "withdrawn", False) else ""
    if math.isnan(getattr(row, "value", math.nan)):
        return f"waiting{withdrawn}"
    return f"{'worse than promised' if getattr(row, 'worse', False) else 'as promised'}{withdrawn}"


def together(found: Monitored) -> Table | None:
    """The judged nights of each model together, beside the promise."""
    if found.overall.empty:
        return None
    rows = []
    for row in records(found.overall):
        better = "smaller" if row.metric in SMALLER else "larger"
        rows.append(
            (
                f"{NAMES[row.metric][:1].upper()}{NAMES[row.metric][1:]}\n{better} is better",
                f"{row.model}\n{several(row.nights, 'night')}",
                f"{score(row.value)}\n{interval(row.low, row.high)}",
                f"{score(row.promised)}\n{interval(row.promised_low, row.promised_high)}",
                "worse than promised" if row.worse else "as promised",
            )
        )
    columns = (Column("Figure"), Column("Model"), Column("Seen", True), Column("Promised", True), Column("Verdict"))
    return Table("The judged nights together, beside what training promised", columns, tuple(rows))


def counted(found: Monitored) -> Figure | None:
    """Who left silently, and who was expected to."""
    judged = found.state(JUDGED)
    judged = judged[judged["outcomes"] > 0].sort_values("as_of", kind="stable").reset_index(drop=True)
    if judged.empty:
        return None
    shares = judged.assign(seen=judged["silent"] / judged["outcomes"], expected=judged["expected"] / judged["outcomes"])
    table = Table(
        "Expected to leave silently, and left",
        (Column("Night"), Column("Outcomes known", True), Column("Expected", True), Column("Left silently", True)),
        tuple((day(row.as_of), count(row.outcomes), count(row.expected), count(row.silent)) for row in records(judged)),
    )
    low, high = shares["seen"].min(), shares["seen"].max()
    return drawn(
        "How many left silently, and how many were expected to",
        "Share of each judged night’s customers whose outcome is known",
        night_figures.expected_and_seen(shares, "counted"),
        f"Two lines over {several(len(shares), 'night')}: seen {percent(low)} to {percent(high)}.",
        table,
    )


def drift(found: Monitored, scoring: Scoring) -> Figure | None:
    """How far the chances of each night lie from those of the test snapshots."""
    frame = found.drift[found.drift["of"] == SCORES].sort_values("as_of", kind="stable").reset_index(drop=True)
    if frame.empty:
        return None
    limit, beyond = scoring.monitor.scores_drift, frame[frame["beyond"].astype(bool)]
    said = f"Beyond the limit: {listed([day(when) for when in beyond['as_of']])}." if len(beyond) else "None is beyond."
    table = Table(
        "Drift of the chances by night",
        (
            Column("Night"), Column("PSI", True), Column("Jensen-Shannon", True), Column("By chance up to", True),
            Column("Verdict"),
        ),
        tuple(
            (day(row.as_of), score(row.psi), score(row.js), score(row.by_chance),
             "beyond the limit" if row.beyond else "within")
            for row in records(frame)
        ),
    )  # fmt: skip
    return drawn(
        "How far the chances have moved",
        "Population stability index of the chance of leaving silently, against the test snapshots",
        night_figures.drift_by_night(frame, limit, "drift"),
        f"Bars over {several(len(frame), 'night')}, the limit at {limit:g}. {said}",
        table,
    )


def _latest_features(found: Monitored) -> pd.DataFrame:
    measured = found.drift[found.drift["of"] != SCORES]
    return measured[measured["as_of"] == measured["as_of"].max()] if len(measured) else measured


def moved(found: Monitored, scoring: Scoring) -> str:
    """The features of the last night that was measured, in a sentence."""
    latest = _latest_features(found)
    if latest.empty:
        if not len(found.state(WAITING)):
            return "No night is waiting for its outcomes, so there is nothing to watch."
        return "The drift of features was not measured when these nights were scored."
    number = int(latest["beyond"].sum())
    return (
        f"On {day(latest['as_of'].iloc[0])}, {number} of {several(len(latest), 'feature')} had moved further from "
        f"training than {scoring.gates.drift_warn:g} and than chance explains; up to "
        f"{percent(scoring.monitor.features_drifted)} may."
    )


def features(found: Monitored) -> Table | None:
    """The features that have moved most at the last night that was measured."""
    latest = _latest_features(found).sort_values(["psi", "of"], ascending=[False, True]).head(MOST_FEATURES)
    if latest.empty:
        return None
    return Table(
        f"What has moved most, {day(latest['as_of'].iloc[0])}",
        (
            Column("Feature"), Column("PSI", True), Column("Jensen-Shannon", True), Column("By chance up to", True),
            Column("Verdict"),
        ),
        tuple(
            (str(row.of), score(row.psi), score(row.js), score(row.by_chance),
             "beyond the limit" if row.beyond else "within")
            for row in records(latest)
        ),
    )  # fmt: skip


def every_night(found: Monitored) -> Table:
    """Every night, the newest first."""
    auroc = found.figures[found.figures["metric"] == "auroc"].set_index("night")["value"]
    guessed = found.estimates[found.estimates["metric"] == "auroc"].set_index("night")["estimate"]
    scores = found.drift[found.drift["of"] == SCORES]
    psi, drifted = scores.set_index("night")["psi"], set(scores.loc[scores["beyond"].astype(bool), "night"])
    rows = []
    for row in records(found.nights.sort_values("as_of", ascending=False, kind="stable")):
        value = score(float(auroc.get(row.night, math.nan)))
        if value == MISSING and row.night in guessed.index:
            value = f"{score(float(guessed[row.night]))}\nestimated"
        state = "worse than promised" if row.worse else {JUDGED: "as promised", WAITING: "waiting"}.get(row.state, "")
        state = state or "cannot be judged"
        if row.state == WAITING and row.night in drifted:
            state = f"{state}\nthe chances have drifted"
        silent = MISSING if np.isnan(row.silent) else f"{count(row.silent)}\n{count(row.expected)} expected"
        rows.append(
            (
                short_day(row.as_of),
                row.model or MISSING,
                count(row.customers) if row.customers else MISSING,
                silent,
                value,
                score(float(psi.get(row.night, math.nan))),
                f"{state}\nwithdrawn" if row.withdrawn else state,
            )
        )
    columns = (
        Column("Night"), Column("Model"), Column("Customers", True), Column("Left silently", True),
        Column("AUROC", True), Column("Drift (PSI)", True), Column("Verdict"),
    )  # fmt: skip
    return Table("Every night, the newest first", columns, tuple(rows))
