"""Nights side by side: what each was worth, what it is likely to be worth, how far it has drifted, and a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnml.metrics.drift import Drift, number_drift
from churnml.monitoring.estimate import estimate
from churnml.monitoring.judgement import Held, Outcomes, frame, hold, judge
from churnml.monitoring.promise import FIGURES, Promise
from churnml.monitoring.verdict import JUDGED, LEFT_OUT, SCORES, WAITING, Finding, findings
from churnml.outcomes import OUTCOMES, SILENT

if TYPE_CHECKING:
    from churnml.config import Scoring


@dataclass(frozen=True)
class Watched:
    """One published night, as it is watched.

    Attributes
    ----------
    name, as_of, model, withdrawn : which night, of which model version
    chances : (n, 3) of everybody who was scored
    seen : (n,) which of them the data still know; the others were forgotten, or are gone from the sources
    voiced : (n,) whether there was voice before the night
    outcomes : what became of those who can be labelled; None while nobody knows
    drift : of each feature, as measured when the night was scored
    why : why it can be neither judged nor estimated; empty where it can
    """

    name: str
    as_of: date
    model: str
    withdrawn: bool
    chances: NDArray[np.float64]
    seen: NDArray[np.bool_]
    voiced: NDArray[np.bool_]
    outcomes: Outcomes | None = None
    drift: Mapping[str, Drift] = field(default_factory=dict)
    why: str = ""

    @property
    def state(self) -> str:
        """`judged`, `waiting` for its outcomes, or `left out`."""
        return LEFT_OUT if self.why else WAITING if self.outcomes is None else JUDGED


@dataclass(frozen=True)
class Monitored:
    """What watching the nights has shown.

    Attributes
    ----------
    project, as_of : of whom, and up to when outcomes are known
    nights : one row each: night, as_of, model, state, withdrawn, why, customers, gone (whom the data know no more),
        outcomes (how many are known), silent (who left so, of those), expected (of the same), and worse (judged bad)
    figures : night, as_of, model, outcome, metric, value, low, high, promised, promised_low, promised_high, allowed,
        worse; of judged nights, among customers without voice before
    overall : the same of all judged nights of a model together, without those withdrawn; `nights` says how many
    estimates : night, as_of, model, outcome, metric, estimate: what was to be expected without any outcome
    drift : night, as_of, model, of (`SCORES` or a feature), psi, js, by_chance, beyond
    findings : what is wrong, one sentence each; empty when all is well
    """

    project: str
    as_of: date
    nights: pd.DataFrame
    figures: pd.DataFrame
    overall: pd.DataFrame
    estimates: pd.DataFrame
    drift: pd.DataFrame
    findings: tuple[Finding, ...]

    @property
    def well(self) -> bool:
        """Whether no night is worse than promised beyond noise, and nothing has drifted beyond the limits."""
        return not self.findings

    def state(self, *states: str) -> pd.DataFrame:
        """The nights of these states."""
        rows: pd.DataFrame = self.nights[self.nights["state"].isin(states)]
        return rows


def watch(
    project: str,
    as_of: date,
    nights: Sequence[Watched],
    promises: Mapping[str, Promise],
    scoring: Scoring,
    *,
    n_bootstrap: int,
    seed: int,
) -> Monitored:
    """Judge the nights whose outcomes are known, and estimate and measure the others.

    `promises` are those of the models, by version; a night without one is left out by its `why`.
    """
    limits = scoring.monitor
    judged = [each for each in nights if each.state == JUDGED]
    tests = max(1, len(judged)) * len(FIGURES)
    held: list[tuple[dict[str, Any], Held]] = []
    for each in judged:
        assert each.outcomes is not None
        found = judge(each.outcomes, n_bootstrap=n_bootstrap, seed=seed)
        held += [(_about(each), one) for one in hold(found, promises[each.model].figures, limits, tests=tests)]
    figures = frame(held, ("night", "as_of", "model"))
    overall: list[tuple[dict[str, Any], Held]] = []
    for model in dict.fromkeys(each.model for each in judged):
        kept = [e.outcomes for e in judged if e.model == model and not e.withdrawn and e.outcomes is not None]
        if kept:
            found = judge(Outcomes.together(part.sampled() for part in kept), n_bootstrap=n_bootstrap, seed=seed)
            about = {"model": model, "nights": len(kept)}
            overall += [(about, one) for one in hold(found, promises[model].figures, limits, tests=len(FIGURES))]
    told = pd.DataFrame([_row(each, figures) for each in nights], columns=_NIGHTS)
    moved = _drift(nights, promises, scoring)
    together = frame(overall, ("model", "nights"))
    return Monitored(
        project,
        as_of,
        told,
        figures,
        together,
        _estimates(nights),
        moved,
        findings(told, figures, together, moved, limits),
    )


_NIGHTS = ["night", "as_of", "model", "state", "withdrawn", "why", "customers", "gone"]
_NIGHTS += ["outcomes", "silent", "expected", "worse"]
_DRIFT = ["night", "as_of", "model", "of", "psi", "js", "by_chance", "beyond"]


def _about(night: Watched) -> dict[str, Any]:
    return {"night": night.name, "as_of": night.as_of, "model": night.model}


def _row(night: Watched, figures: pd.DataFrame) -> dict[str, Any]:
    known = night.outcomes
    silent = expected = float("nan")
    if known is not None and not night.why:
        silent = float((known.y == SILENT).sum())
        expected = float(known.chances[:, OUTCOMES.index(SILENT)].sum())
    return {
        **_about(night),
        "state": night.state,
        "withdrawn": night.withdrawn,
        "why": night.why,
        "customers": len(night.chances),
        "gone": int((~night.seen).sum()),
        "outcomes": 0 if known is None else len(known),
        "silent": silent,
        "expected": expected,
        "worse": bool(figures.loc[figures["night"] == night.name, "worse"].any()),
    }


def _estimates(nights: Sequence[Watched]) -> pd.DataFrame:
    rows = []
    for each in nights:
        if each.state == LEFT_OUT:
            continue
        known = each.outcomes
        chances = each.chances[each.seen & ~each.voiced] if known is None else known.chances[~known.voiced]
        for (outcome, metric), value in estimate(chances).items():
            rows.append({**_about(each), "outcome": outcome, "metric": metric, "estimate": value})
    return pd.DataFrame(rows, columns=["night", "as_of", "model", "outcome", "metric", "estimate"])


def _drift(nights: Sequence[Watched], promises: Mapping[str, Promise], scoring: Scoring) -> pd.DataFrame:
    """How far the chances of each night lie from those of the test snapshots, and its features from training."""
    rows = []
    for each in nights:
        if each.state == LEFT_OUT:
            continue
        promise = promises[each.model]
        for outcome, reference in promise.scores.items():
            chances = each.chances[:, OUTCOMES.index(outcome)]
            moved = number_drift(reference, chances, reference_rows=promise.tested)
            if moved is not None and outcome == SILENT:
                beyond = moved.beyond(scoring.monitor.scores_drift, tests=len(promise.scores) * len(nights))
                rows.append({**_about(each), "of": SCORES, **_measures(moved), "beyond": beyond})
        for name, moved in each.drift.items():
            if not name.startswith("p_"):
                beyond = moved.beyond(scoring.gates.drift_warn, tests=len(each.drift))
                rows.append({**_about(each), "of": name, **_measures(moved), "beyond": beyond})
    return pd.DataFrame(rows, columns=_DRIFT)


def _measures(moved: Drift) -> dict[str, float]:
    return {"psi": moved.psi, "js": moved.js, "by_chance": moved.by_chance()}
