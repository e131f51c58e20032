"""What is wrong with the nights, in sentences; nothing, if all is well."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from churnml.config import Monitor

NAMES = {
    "auroc": "AUROC",
    "lift_at_10pct": "lift at 10%",
    "log_loss": "log loss",
    "calibration_error": "calibration error",
}
JUDGED, WAITING, LEFT_OUT = "judged", "waiting", "left out"
"""The states of a night."""
SCORES = "the chances"
"""What drift is of, where it is not of a feature."""
WORSE, WORSE_TOGETHER, SCORES_DRIFT, FEATURES_DRIFT = "worse", "worse together", "scores", "features"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: its kind, the nights it concerns (their days), and a sentence."""

    kind: str
    nights: tuple[date, ...]
    text: str


def findings(
    nights: pd.DataFrame, figures: pd.DataFrame, overall: pd.DataFrame, drift: pd.DataFrame, limits: Monitor
) -> tuple[Finding, ...]:
    """Everything that is beyond noise and limits; frames as in `Monitored`. Withdrawn nights are past being mended."""
    standing = set(nights.loc[~nights["withdrawn"].astype(bool), "night"])
    found = []
    bad = figures[figures["worse"].astype(bool) & figures["night"].isin(standing)]
    for _, part in bad.groupby("night", sort=False):
        as_of: date = part["as_of"].tolist()[0]
        found.append(Finding(WORSE, (as_of,), f"{_day(as_of)} was worse than promised: {_figures(part)}"))
    for (model, number), part in overall[overall["worse"].astype(bool)].groupby(["model", "nights"], sort=False):
        days = tuple(figures.loc[(figures["model"] == model) & figures["night"].isin(standing), "as_of"].unique())
        text = f"the {number} judged nights of model {model} together are worse than promised: {_figures(part)}"
        found.append(Finding(WORSE_TOGETHER, days, text))
    waiting = nights.loc[(nights["state"] == WAITING) & nights["night"].isin(standing), "night"]
    recent = drift[drift["night"].isin(set(waiting))]
    scores = recent[(recent["of"] == SCORES) & recent["beyond"].astype(bool)]
    if len(scores):
        worst = scores.nlargest(1, "psi").to_dict("records")[0]
        found.append(
            Finding(
                SCORES_DRIFT,
                tuple(scores["as_of"]),
                f"the chances of {_span(scores['as_of'])} have drifted from the test snapshots: PSI up to "
                f"{worst['psi']:.2f} ({_day(worst['as_of'])}), limit {limits.scores_drift:g}",
            )
        )
    features = recent[recent["of"] != SCORES]
    shares = features.groupby("as_of", sort=True)["beyond"].mean()
    beyond = shares[shares > limits.features_drifted]
    if len(beyond):
        found.append(
            Finding(
                FEATURES_DRIFT,
                tuple(beyond.index),
                f"up to {beyond.max():.0%} of the features of {_span(beyond.index)} have drifted from training, limit "
                f"{limits.features_drifted:.0%}",
            )
        )
    return tuple(found)


def _figures(part: pd.DataFrame) -> str:
    said = []
    for row in part.to_dict("records"):
        digits = 2 if row["metric"] == "lift_at_10pct" else 3
        said.append(f"{NAMES[row['metric']]} {row['value']:.{digits}f}, promised {row['promised']:.{digits}f}")
    return "; ".join(said)


def _day(when: Any) -> str:
    stamp = pd.Timestamp(when)
    return f"{stamp.day} {stamp.strftime('%B %Y')}"


def _span(days: Iterable[date]) -> str:
    """How many nights, and between which days."""
    ordered = sorted(days)
    if len(ordered) == 1:
        return f"the night of {_day(ordered[0])}"
    return f"{len(ordered)} nights from {_day(ordered[0])} to {_day(ordered[-1])}"
