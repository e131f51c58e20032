"""The figures every model is judged by, computed at once for all bootstrap replicates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from churnml.errors import ModelError
from churnml.metrics import scores
from churnml.metrics.profit import Campaign, ProfitRanking
from churnml.outcomes import OUTCOMES, SILENT, VOCAL

Floats = NDArray[np.float64]
Key = tuple[str, str]
SHARES = (0.01, 0.05, 0.1)
EVERYONE, NO_VOICE = "everyone", "no voice before"
POPULATIONS = (EVERYONE, NO_VOICE)
PROFIT, PROFIT_BY_VALUE = "expected_maximum_profit", "expected_maximum_profit_by_value"
"""Per customer, of contacting those likely to leave silently: with one value for all, with individual values."""


@dataclass(frozen=True)
class Rows:
    """The rows that models are judged on: number of the outcome, group of the customer, and who had voiced before.

    `value` is what each customer is worth (nan: unknown), if that is given; `campaign` what keeping customers costs.
    """

    code: NDArray[np.intp]
    group_ids: NDArray[np.object_]
    voiced: NDArray[np.bool_]
    value: Floats | None = None
    campaign: Campaign | None = None

    @classmethod
    def of(
        cls,
        y: ArrayLike,
        group_ids: ArrayLike,
        voiced: ArrayLike,
        value: ArrayLike | None = None,
        campaign: Campaign | None = None,
    ) -> Rows:
        """Check and pack arrays of one length n: outcomes, group ids, and whether there was voice in the lookback."""
        labels = np.asarray(y)
        code = np.array([OUTCOMES.index(str(label)) if label in OUTCOMES else -1 for label in labels.tolist()], np.intp)
        if (code < 0).any():
            raise ModelError(f"{labels[code < 0].tolist()[0]!r} is no outcome", f"outcomes are {', '.join(OUTCOMES)}")
        groups = np.asarray(group_ids).astype(str).astype(object)
        said = np.asarray(voiced).astype(bool)
        if not len(code):
            raise ModelError("there are no rows to judge a model on", "open a test snapshot with labelled customers")
        if not len(code) == len(groups) == len(said):
            raise ModelError(f"{len(code)} outcomes, {len(groups)} group ids and {len(said)} voice flags do not match")
        worth = None if value is None else np.asarray(value, dtype=np.float64)
        if worth is not None and len(worth) != len(code):
            raise ModelError(f"{len(code)} outcomes and {len(worth)} customer values do not match")
        return cls(code, groups, said, worth, campaign)

    def within(self, population: str) -> NDArray[np.bool_]:
        """The rows (n,) of one of `POPULATIONS`."""
        return np.ones(len(self.code), bool) if population == EVERYONE else ~self.voiced

    def sizes(self, population: str) -> dict[str, int]:
        """Rows (`n`), leavers (`all`) and rows of each outcome in a population."""
        return counted(self.code[self.within(population)])

    def judge(self, rows: NDArray[np.intp] | NDArray[np.bool_], p: Floats) -> Judge:
        """The judge of chances (m, 3) of some of the rows."""
        return Judge(self.code[rows], p, None if self.value is None else self.value[rows], self.campaign)

    def checked(self, probabilities: Mapping[str, ArrayLike]) -> dict[str, Floats]:
        """Chances by model, each (n, 3) in the order of the outcomes."""
        tables = {name: np.asarray(table, dtype=np.float64) for name, table in probabilities.items()}
        for name, table in tables.items():
            if table.shape != (len(self.code), len(OUTCOMES)):
                raise ModelError(f"{name}: chances of shape {(len(self.code), len(OUTCOMES))} expected, {table.shape}")
            if np.isnan(table).any():
                raise ModelError(f"{name}: chances hold missing values")
        return tables


def counted(code: NDArray[np.intp]) -> dict[str, int]:
    """Rows (`n`), leavers (`all`) and rows of each outcome, from the numbers of the outcomes."""
    counts = np.bincount(code, minlength=len(OUTCOMES)).tolist()
    return {"n": len(code), "all": int(sum(counts[1:])), **dict(zip(OUTCOMES, counts, strict=True))}


class Judge:
    """One model's chances in one population, sorted once, so that each further set of weights is quick."""

    def __init__(
        self, code: NDArray[np.intp], p: Floats, value: Floats | None = None, campaign: Campaign | None = None
    ) -> None:
        losses: dict[Key, Floats] = {
            ("all", "log_loss"): scores.log_losses(code, p),
            ("all", "brier"): scores.briers(code, p),
        }
        self._rankings: dict[str, scores.Ranking] = {}
        self.bins: dict[str, scores.CalibrationBins] = {}
        for outcome in (SILENT, VOCAL):
            column = OUTCOMES.index(outcome)
            hit, chance = code == column, p[:, column]
            losses[outcome, "log_loss"] = scores.log_losses(hit, chance)
            losses[outcome, "brier"] = scores.briers(hit, chance)
            self._rankings[outcome] = scores.Ranking(hit, chance)
            self.bins[outcome] = scores.calibration_bins(hit, chance)
        silent, chance = code == OUTCOMES.index(SILENT), p[:, OUTCOMES.index(SILENT)]
        self._profits = {PROFIT: ProfitRanking(silent, chance, None, campaign)}
        if value is not None:
            self._profits[PROFIT_BY_VALUE] = ProfitRanking(silent, chance, value, campaign)
        self._loss_keys, self._losses = list(losses), np.array(list(losses.values()))

    def figures(self) -> dict[Key, float]:
        """Every figure, by outcome (`all`, `silent`, `vocal`) and name of the metric."""
        alike = np.ones((1, self._losses.shape[1]))
        return {key: float(value[0]) for key, value in self.replicates(alike).items()}

    def replicates(self, weights: Floats) -> dict[Key, Floats]:
        """Every figure for each row of weights (b, m): arrays (b,)."""
        total = weights.sum(axis=1)
        result: dict[Key, Floats] = {
            key: scores.quotient((weights * losses).sum(axis=1), total, total > 0)
            for key, losses in zip(self._loss_keys, self._losses, strict=True)
        }
        for outcome, ranking in self._rankings.items():
            curves = ranking.curves(weights)
            result[outcome, "auroc"] = curves.auroc()
            result[outcome, "average_precision"] = curves.average_precision()
            result[outcome, "calibration_error"] = self.bins[outcome].errors(weights)
            if outcome == SILENT:
                for share in SHARES:
                    result[outcome, f"precision_at_{percent(share)}"] = curves.precision_at(share)
                    result[outcome, f"lift_at_{percent(share)}"] = curves.lift_at(share)
        for name, profits in self._profits.items():
            result[SILENT, name] = profits.expected_maxima(weights)
        return result


def percent(share: float) -> str:
    """A share as the metrics' names write it.

    >>> percent(0.05)
    '5pct'
    """
    return f"{share * 100:g}pct"


@dataclass(frozen=True)
class Replicated:
    """Each figure of one model in one population: its value, and its bootstrap replicates (in paired order)."""

    value: dict[Key, float]
    replicates: dict[Key, Floats]
    curves: dict[str, tuple[Floats, Floats, Floats]]
    observed: dict[str, Floats]

    def interval(self, key: Key) -> tuple[float, float]:
        """95% percentile interval. A calibration error's is centred: resampling itself adds to that figure."""
        return bounds(key, self.value[key], self.replicates[key])


def bounds(key: Key, value: float, replicates: Floats) -> tuple[float, float]:
    """The percentile interval of a figure; see `Replicated.interval`."""
    low, high = centred(key, value, replicates)
    return (max(low, 0.0), high) if key[1] == "calibration_error" else (low, high)


def centred(key: Key, value: float, replicates: Floats) -> tuple[float, float]:
    """The percentile interval of a figure or of a difference; see `Replicated.interval`."""
    low, high = scores.interval(replicates)
    if key[1] != "calibration_error" or np.isnan(low):
        return low, high
    shift = float(np.nanmean(replicates)) - value
    return low - shift, high - shift


def replicate(
    rows: Rows, tables: Mapping[str, Floats], population: str, bootstrap: scores.ClusterBootstrap
) -> dict[str, Replicated]:
    """All figures of all models in one population; replicates of different models are paired."""
    mask = np.flatnonzero(rows.within(population))
    judges = {name: rows.judge(mask, table[mask]) for name, table in tables.items()}
    drawn: dict[str, list[dict[Key, Floats]]] = {name: [] for name in judges}
    shares: dict[str, dict[str, list[Floats]]] = {name: {o: [] for o in (SILENT, VOCAL)} for name in judges}
    for weights in bootstrap.batches():
        inside = weights.take(mask, axis=1)
        for name, judge in judges.items():
            drawn[name].append(judge.replicates(inside))
            for outcome, bins in judge.bins.items():
                shares[name][outcome].append(bins.curves(inside)[1])
    result = {}
    for name, judge in judges.items():
        value = judge.figures()
        result[name] = Replicated(
            value,
            {key: np.concatenate([figures[key] for figures in drawn[name]]) for key in value},
            {outcome: bins.curve() for outcome, bins in judge.bins.items()},
            {outcome: np.concatenate(each) for outcome, each in shares[name].items()},
        )
    return result
