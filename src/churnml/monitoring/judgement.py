"""One night's published chances held against what happened, and against what the model had promised."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from churnml.evaluation.judge import NO_VOICE, Rows, replicate
from churnml.metrics.scores import ClusterBootstrap, calibration_bins
from churnml.monitoring.promise import FIGURES, SMALLER, Figure, Key
from churnml.outcomes import OUTCOMES, SILENT

if TYPE_CHECKING:
    from churnml.config import Monitor

Floats = NDArray[np.float64]
ALPHA = 0.01
"""How often chance may call a night bad, over all nights and figures of one look."""
MOST_ROWS = 50_000
"""A night is judged by at most about so many customers, the same ones every night: more would tell nothing new."""


@dataclass(frozen=True)
class Outcomes:
    """What became of a night's customers: outcome, chances (n, 3), group, and whether there was voice before."""

    y: NDArray[Any]
    chances: Floats
    group_ids: NDArray[Any]
    voiced: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.y)

    @classmethod
    def together(cls, several: Iterable[Outcomes]) -> Outcomes:
        """Those of several nights; a customer's rows stand or fall together."""
        parts = list(several)
        names = ("y", "chances", "group_ids", "voiced")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def sampled(self, most: int = MOST_ROWS) -> Outcomes:
        """About `most` rows, by a hash of the group, so that it is the same groups whatever the night."""
        if len(self) <= most:
            return self
        hashes = pd.util.hash_array(self.group_ids.astype(str).astype(object))
        kept = hashes < np.uint64(most / len(self) * float(2**64 - 1))
        return Outcomes(self.y[kept], self.chances[kept], self.group_ids[kept], self.voiced[kept])


@dataclass(frozen=True)
class Judged:
    """A night's figures among customers without voice before, and the calibration error that chance alone gives."""

    figures: Mapping[Key, Figure]
    by_chance: float


def judge(night: Outcomes, *, n_bootstrap: int, seed: int) -> Judged:
    """The figures of one night, or of several together, with intervals from a bootstrap of whole groups."""
    some = night.sampled()
    rows = Rows.of(some.y, some.group_ids, some.voiced)
    mask = rows.within(NO_VOICE)
    if not mask.any():
        return Judged({}, math.nan)
    bootstrap = ClusterBootstrap(rows.group_ids, n_bootstrap, seed)
    found = replicate(rows, {"night": some.chances}, NO_VOICE, bootstrap)["night"]
    figures = {key: Figure(found.value[key], *found.interval(key)) for key in FIGURES}
    chances = some.chances[mask, OUTCOMES.index(SILENT)]
    return Judged({key: each for key, each in figures.items() if math.isfinite(each.value)}, error_by_chance(chances))


def error_by_chance(chances: ArrayLike) -> float:
    """The calibration error that chances (n,) show when every one of them is right.

    In a bin of n customers the observed share misses by about sqrt(2 v / (pi n)) on average, v being the mean of
    p (1 - p).

    >>> round(error_by_chance(np.full(100, 0.5)), 3), round(error_by_chance(np.full(10_000, 0.5)), 3)
    (0.04, 0.004)
    """
    p = np.asarray(chances, dtype=np.float64)
    bins = calibration_bins(np.zeros(len(p), bool), p)
    sizes = np.bincount(bins.code, minlength=bins.n)
    spread = np.bincount(bins.code, p * (1 - p), minlength=bins.n) / np.maximum(sizes, 1)
    misses = np.sqrt(2 * spread / (math.pi * np.maximum(sizes, 1)))
    return float((misses * sizes).sum() / len(p)) if len(p) else math.nan


@dataclass(frozen=True)
class Held:
    """A figure held against the promise: what was `allowed` before noise, and whether it is worse beyond noise."""

    key: Key
    seen: Figure
    promised: Figure
    allowed: float
    worse: bool


def hold(judged: Judged, promised: Mapping[Key, Figure], limits: Monitor, *, tests: int) -> list[Held]:
    """Each figure against its promise, where there is one.

    A figure is worse when it falls short of the promise by more than the limit that is tolerated, and by more than
    chance explains: the noise of both, at a level that leaves chance one alarm in a hundred looks at so many `tests`.
    The calibration error of a small night is large by chance alone: that much is allowed besides.
    """
    beyond = float(norm.isf(ALPHA / max(tests, 1)))
    held = []
    for key in FIGURES:
        if key not in judged.figures or key not in promised:
            continue
        seen, due = judged.figures[key], promised[key]
        sign = 1 if key[1] in SMALLER else -1
        allowed = due.value + sign * tolerated(key[1], due.value, limits)
        if key[1] == "calibration_error":
            allowed += judged.by_chance
        excuse = judged.by_chance if key[1] == "calibration_error" else 0.0
        shortfall = sign * (seen.value - due.value) - excuse
        noise = beyond * math.hypot(seen.sd, due.sd)
        worse = sign * (seen.value - allowed) > 0 and shortfall > noise
        held.append(Held(key, seen, due, allowed, worse))
    return held


def tolerated(metric: str, promised: float, limits: Monitor) -> float:
    """By how much a figure may fall short of the promise before anybody asks whether that is noise."""
    if metric == "auroc":
        return limits.auroc
    if metric == "calibration_error":
        return limits.calibration_error
    return promised * (limits.log_loss if metric == "log_loss" else limits.lift)


def frame(held: Sequence[tuple[Mapping[str, Any], Held]], about: Sequence[str]) -> pd.DataFrame:
    """What was held as a table: what it is `about`, then outcome, metric, the figure, the promise, and the verdict."""
    columns = ["outcome", "metric", "value", "low", "high", "promised", "promised_low", "promised_high", "allowed"]
    rows = []
    for told, one in held:
        seen, due = one.seen, one.promised
        numbers = (seen.value, seen.low, seen.high, due.value, due.low, due.high, one.allowed)
        rows.append([*(told[name] for name in about), *one.key, *numbers, one.worse])
    return pd.DataFrame(rows, columns=[*about, *columns, "worse"])
