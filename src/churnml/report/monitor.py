"""Draw the page of watched nights: are they as good as training promised, and does anything move?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from churnml.monitoring.promise import SMALLER
from churnml.monitoring.verdict import (
    FEATURES_DRIFT,
    JUDGED,
    LEFT_OUT,
    NAMES,
    SCORES,
    SCORES_DRIFT,
    WAITING,
    WORSE,
    WORSE_TOGETHER,
    Finding,
)
from churnml.monitoring.watch import Monitored
from churnml.report import night_figures
from churnml.report.page import Figure, drawn, page
from churnml.report.tables import Column, Table, interval, records
from churnml.report.words import MISSING, between, count, day, listed, percent, score, several, short_day
from churnml.report.words import sentence as as_sentence

if TYPE_CHECKING:
    from churnml.config import Scoring

TITLES = {
    "auroc": ("How well each night ranked silent leavers", "AUROC: 0.5 is a coin, 1 is perfect"),
    "log_loss": ("How good the chances themselves were", "Log loss of all outcomes; smaller is better"),
    "calibration_error": ("How far the chances lay from what happened", "Calibration error; smaller is better"),
    "lift_at_10pct": ("How many silent leavers the riskiest tenth held", "In multiples of a list drawn by lot"),
}
DIGITS = {"lift_at_10pct": 1, "calibration_error": 3}
ADVICE = {
    WORSE: "One night among good ones: look at the extracts of that day. Were they wrong, mend them and score the day "
    "again, or roll back. Several nights: train anew.",
    WORSE_TOGETHER: "No single night is to blame. Train anew on newer snapshots, and compare; until then, trust the "
    "order of the customers if AUROC and lift are as promised, and the chances if log loss and calibration error are.",
    SCORES_DRIFT: "Look whether a feed has stopped, or features have moved as well. A feed is mended, and its nights "
    "scored again; a business that has changed needs a new training.",
    FEATURES_DRIFT: "The table below names what has moved most; look at the sources these features come from.",
}
"""What to do, by kind of finding."""
MOST_FEATURES = 15


def sentence(found: Monitored) -> str:
    """The verdict in one sentence."""
    standing = found.nights[~found.nights["withdrawn"].astype(bool)]
    judged = int((standing["state"] == JUDGED).sum())
    worse = [each for each in found.findings if each.kind == WORSE]
    moved = any(each.kind in (SCORES_DRIFT, FEATURES_DRIFT) for each in found.findings)
    drifting = (
        "later nights have drifted away from the training" if moved else "none since is beyond the limits of drift"
    )
    if worse:
        named = day(worse[0].nights[0]) if len(worse) == 1 else f"{len(worse)} of {several(judged, 'judged night')}"
        return f"{'The night of ' if len(worse) == 1 else ''}{named} {'was' if len(worse) == 1 else 'were'} worse " + (
            f"than promised, and {drifting}"
        )
    if any(each.kind not in (WORSE, SCORES_DRIFT, FEATURES_DRIFT) for each in found.findings):
        return f"Taken together, the judged nights were worse than promised, and {drifting}"
    if not judged:
        waited = "but they have drifted away from the training" if moved else "and none has drifted beyond the limits"
        return f"No night can be judged yet, {waited}"
    kept = "The one judged night was" if judged == 1 else f"All {judged} judged nights were"
    return f"{kept} as good as promised, {'but' if moved else 'and'} {drifting}"


def render_monitor(found: Monitored, scoring: Scoring, *, definition_of: tuple[str, str]) -> str:
    """The page as HTML; `definition_of` says in words what counts as leaving, and as telling the company."""
    shown = [figure for metric in TITLES if (figure := _by_night(found, metric)) is not None]
    return page(
        "monitor.html",
        data=found,
        verdict=sentence(found),
        key_figures=_key_figures(found),
        findings=[(as_sentence(each.text), ADVICE[each.kind]) for each in found.findings],
        first=shown[:1],
        others=shown[1:],
        together=_together(found),
        counted=_counted(found),
        drift=_drift(found, scoring),
        features=_features(found),
        moved=_moved(found, scoring),
        nights=_nights(found),
        trust=_trust(found, scoring),
        leaving=definition_of[0],
        voice=definition_of[1],
    )


def _key_figures(found: Monitored) -> list[tuple[str, str, str]]:
    """What it is, the figure, and what stands below it in small letters."""
    figures = []
    led = found.overall[found.overall["metric"] == "auroc"]
    if len(led):
        row = led.iloc[-1]
        figures.append(
            (
                "AUROC of silent leavers",
                score(row["value"]),
                f"{interval(row['low'], row['high'])}; promised {score(row['promised'])} "
                f"({several(int(row['nights']), 'night')} of model {row['model']})",
            )
        )
    else:
        figures.append(("AUROC of silent leavers", "not known", "no night has been judged"))
    judged = found.state(JUDGED)
    judged = judged[~judged["withdrawn"].astype(bool)]
    if judged["outcomes"].sum():
        shares = [float(judged[name].sum() / judged["outcomes"].sum()) for name in ("silent", "expected")]
        figures.append(("Left silently", percent(shares[0]), f"{percent(shares[1])} expected, of the judged nights"))
    else:
        figures.append(("Left silently", "not known", "no outcome is known yet"))
    out = int((found.nights["state"] == LEFT_OUT).sum())
    gone = int(found.nights["withdrawn"].sum())
    rest = [f"{len(found.state(WAITING))} waiting for their outcomes"]
    rest += [f"{out} that cannot be judged"] if out else []
    rest += [f"{gone} withdrawn"] if gone else []
    figures.append(("Nights judged", f"{len(found.state(JUDGED))} of {len(found.nights)}", listed(rest)))
    return figures


def _by_night(found: Monitored, metric: str) -> Figure | None:
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


def _together(found: Monitored) -> Table | None:
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


def _counted(found: Monitored) -> Figure | None:
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


def _drift(found: Monitored, scoring: Scoring) -> Figure | None:
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


def _moved(found: Monitored, scoring: Scoring) -> str:
    """The features of the last night that was measured, in a sentence."""
    latest = _latest_features(found)
    if latest.empty:
        return "The drift of features was not measured when these nights were scored."
    number = int(latest["beyond"].sum())
    return (
        f"On {day(latest['as_of'].iloc[0])}, {number} of {several(len(latest), 'feature')} had moved further from "
        f"training than {scoring.gates.drift_warn:g} and than chance explains; up to "
        f"{percent(scoring.monitor.features_drifted)} may."
    )


def _features(found: Monitored) -> Table | None:
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


def _nights(found: Monitored) -> Table:
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


def _trust(found: Monitored, scoring: Scoring) -> list[tuple[str, list[str]]]:
    """How all this was found, and where it must not be trusted."""
    limits = scoring.monitor
    judging = [
        f"A night is judged when the outcomes of its customers are known, here as known at the start of "
        f"{day(found.as_of)}, by the same definition and the same code as in training, and by the chances that were "
        "published then.",
        "It is held against the figures that its own model had on the test snapshots of its training.",
        f"It is called worse when it falls short by more than is tolerated (AUROC {limits.auroc:g}, calibration error "
        f"{limits.calibration_error:g}, log loss {percent(limits.log_loss)}, lift {percent(limits.lift)}) and by more "
        "than chance explains: less than one look in a hundred, over all nights and figures, gives an alarm by "
        "chance alone. The error that chance alone gives a small night’s calibration is allowed.",
        "Neighbouring nights look at the same customers and nearly the same days: they are no independent proof.",
    ]
    guessing = [
        "Hollow marks are estimates (confidence-based performance estimation, CBPE): each customer counts as left with "
        "the chance that the model gave. They hold only while the chances are right, and cannot see that leaving "
        "itself has changed.",
        *_record(found),
    ]
    parts = [("How nights are judged", judging), ("What the estimates are worth", guessing)]
    out = found.nights[found.nights["state"] == LEFT_OUT]
    if len(out):
        by_reason = out.groupby("why", sort=True)["as_of"].apply(list)
        said = [
            as_sentence(f"{listed([day(when) for when in days][:6])}{' and others' if len(days) > 6 else ''}: {why}")
            for why, days in by_reason.items()
        ]
        parts.append(("Nights that cannot be judged", said))
    gone = int(found.nights["gone"].max()) if len(found.nights) else 0
    if gone:
        missing = (
            f"Up to {several(gone, 'customer')} of a night are not in the data any more, or were not eligible by what "
            "the data say now; the night is judged by the others."
        )
        parts.append(("Customers who are not there any more", [missing]))
    return parts


def _record(found: Monitored) -> list[str]:
    """How far the estimates of the judged nights lay from what came."""
    keys = ["night", "outcome", "metric"]
    both = found.figures.merge(found.estimates[[*keys, "estimate"]], on=keys)
    both = both[both["metric"] == "auroc"]
    if both.empty:
        return ["No estimate can be held against an outcome yet."]
    off = (both["estimate"] - both["value"]).astype(float)
    return [
        f"On {several(len(off), 'judged night')} the estimate of the AUROC lay {score(float(off.abs().mean()))} from "
        f"what came, on average ({between(float(off.min()), float(off.max()), '{:+.3f}'.format)})."
    ]


__all__ = ["Finding", "render_monitor", "sentence"]
