"""Calibration: predicted chances made to agree with what happened, where that holds up in later months.

Base rates move with the seasons. A correction fitted on the winter's outcomes can make the summer's chances worse, and
the rows of one snapshot do not tell: they move together. So a calibration must have proved itself on later snapshots
than those it was fitted on; else the model's own chances stand.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax

from churnml.errors import ModelError
from churnml.model.base_rates import likeliest_rates, moves

Floats = NDArray[np.float64]
Fit = Callable[[Floats, NDArray[np.intp]], Floats]
SMALLEST = 1e-9
STANDS = "the model's own chances stand"
PROOFS = 3
"""On so many later snapshots, at least, a calibration must have been tried before it is used."""


class Shift(NamedTuple):
    """What label shift does on one snapshot: what it adds to the logarithms (k,), how that changes the mean loss."""

    rows: int
    bias: Floats
    change: float


@dataclass(frozen=True)
class Calibration:
    """Chances p become softmax(scale * log p + bias), class by class.

    `method` is `identity`, `temperature` (one scale for all, no bias), `vector` (a scale and a bias per class;
    Guo et al. 2017) or `label shift` (a bias for each night, from that night's own chances: see `on`); `why` says in a
    sentence how it was chosen. Results are never 0, 1 or missing, and rows sum to 1.

    Of `label shift` only: `rates` are the base rates that the model has learnt from, and `reach` is how far, in
    logarithms, each has been moved at most on the snapshots that proved it.

    >>> Calibration.identity(["stays", "leaves"]).transform([[0.8, 0.2]]).round(6).tolist()
    [[0.8, 0.2]]
    """

    classes: tuple[str, ...]
    method: str
    scale: tuple[float, ...]
    bias: tuple[float, ...]
    rows: int = 0
    log_loss_before: float | None = None
    log_loss_after: float | None = None
    why: str = ""
    rates: tuple[float, ...] = ()
    reach: tuple[float, ...] = ()

    @classmethod
    def identity(cls, classes: ArrayLike, rows: int = 0, log_loss: float | None = None, why: str = "") -> Calibration:
        """The calibration that changes nothing."""
        names = tuple(str(name) for name in np.asarray(classes).tolist())
        return cls(names, "identity", (1.0,) * len(names), (0.0,) * len(names), rows, log_loss, log_loss, why)

    @classmethod
    def fit(
        cls,
        proba: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike,
        *,
        as_of: ArrayLike | None = None,
        window_days: int = 0,
        rates: ArrayLike | None = None,
        rates_then: ArrayLike | None = None,
        few: int = 500,
        strength: float = 1.0,
    ) -> Calibration:
        """Fit on predictions for rows the model had not seen (pooled rolling out-of-time predictions).

        Parameters
        ----------
        proba : (n, k) chances in the order of `classes`
        y : (n,) labels
        as_of : (n,) snapshot of each row. With it, a candidate must have proved itself: fitted on the snapshots whose
            outcomes were known by a later one (`window_days` after their own), it lowered that one's log loss, on
            average over the later snapshots by more than one standard error. With fewer than three such snapshots
            the identity stays.
        window_days : days from a snapshot to the day its outcomes are known
        rates, rates_then : base rates (k,) of the rows that the model to be calibrated has learnt from, and (n, k) of
            those behind each prediction. With them label shift is a candidate too; it must prove itself likewise.
        few : with fewer rows than this of any class only the temperature is fitted
        strength : weight of the pull towards the identity, in rows

        Without `as_of`, the identity stays unless calibrating lowers the total log loss by more than one nat per
        fitted number (Akaike's criterion), which is what chance alone would give.
        """
        names = [str(name) for name in np.asarray(classes).tolist()]
        position = {name: index for index, name in enumerate(names)}
        truth = np.array([position[str(label)] for label in np.asarray(y).tolist()], dtype=np.intp)
        logs = _logs(proba, len(names))
        n, k = logs.shape
        if not n:
            return cls.identity(names, why=f"{STANDS}: there is no prediction out of time to learn from")
        before = _total_loss(logs, truth, _unchanged(k))
        days = None if as_of is None else np.asarray(as_of).astype("datetime64[D]")
        window = np.timedelta64(window_days, "D")
        fits: dict[str, tuple[Fit, int]] = {"temperature": (_fit_temperature, 1)}
        doubts, chosen = [], (before, "identity", _unchanged(k))
        if (rarest := int(np.bincount(truth, minlength=k).min())) >= few:
            fits["vector"] = (partial(_fit_vector, strength=strength), 2 * k - 1)
        else:
            doubts.append(f"vector scaling needs {few} rows of every outcome, the rarest has {rarest}")
        for method, (fit, cost) in fits.items():
            if days is not None and (doubt := _doubt(_changes(logs, truth, days, window, fit))):
                doubts.append(f"{method} scaling {doubt}")
                continue
            numbers = fit(logs, truth)
            if (loss := _total_loss(logs, truth, numbers) + cost) < chosen[0]:
                chosen = (loss, method, numbers)
            else:
                doubts.append(f"{method} scaling is not worth its numbers ({cost}) on the rows it was fitted on")
        reach: tuple[float, ...] = ()
        if days is not None and rates is not None and rates_then is not None:
            shifts = _shifts(logs, truth, days, np.asarray(rates_then, dtype=np.float64))
            loss = before + sum(shift.change * shift.rows for shift in shifts)
            if doubt := _doubt([shift.change for shift in shifts]):
                doubts.append(f"label shift {doubt}")
            elif loss < chosen[0]:
                chosen = (loss, "label shift", _unchanged(k))
                reach = tuple(np.max([np.abs(shift.bias) for shift in shifts], axis=0).tolist())
        loss, method, numbers = chosen
        if method == "identity":
            return cls.identity(names, n, before / n, f"{STANDS}: {'; '.join(doubts)}")
        after = loss if reach else _total_loss(logs, truth, numbers)
        lowered = f"log loss from {before / n:.4f} to {after / n:.4f}"
        what = "label shift" if reach else f"{method} scaling"
        doubts.insert(0, f"{what} on {n:,} predictions out of time lowered their {lowered}")
        scale, bias = tuple(numbers[:k].tolist()), tuple(numbers[k:].tolist())
        learnt = tuple(np.asarray(rates, dtype=np.float64).tolist()) if reach else ()
        why = "; ".join(doubts)
        return cls(tuple(names), method, scale, bias, n, before / n, after / n, why, learnt, reach)

    def on(self, proba: ArrayLike) -> Calibration:
        """The calibration for the rows of one whole night or snapshot, whose raw chances are `proba` (n, k).

        It is this one, unless it is `label shift`: then its bias is what the night's likeliest base rates ask for, each
        held to what it was moved at most where the method has proved itself.
        """
        if not self.rates:
            return self
        bias = moves(likeliest_rates(proba, self.rates), self.rates)
        return replace(self, bias=tuple(np.clip(bias, -np.array(self.reach), self.reach).tolist()))

    def transform_each(self, proba: ArrayLike, as_of: ArrayLike) -> Floats:
        """Calibrated chances (n, k) of rows of several snapshots `as_of` (n,), each snapshot as a night of its own."""
        raw, days = np.asarray(proba, dtype=np.float64), np.asarray(as_of)
        result = np.empty_like(raw)
        for day in np.unique(days):
            now = days == day
            result[now] = self.on(raw[now]).transform(raw[now])
        return result

    def transform(self, proba: ArrayLike) -> Floats:
        """Calibrated chances (n, k) from raw ones (n, k), in the order of `classes`."""
        logs = _logs(proba, len(self.classes))
        chances = np.exp(log_softmax(logs * np.array(self.scale) + np.array(self.bias), axis=1))
        chances = np.clip(chances, SMALLEST, None)
        return np.asarray(chances / chances.sum(axis=1, keepdims=True))

    def state(self) -> dict[str, Any]:
        """Plain values for JSON; `restore` takes them back exactly."""
        return {
            "classes": list(self.classes),
            "method": self.method,
            "scale": list(self.scale),
            "bias": list(self.bias),
            "rows": self.rows,
            "log_loss_before": self.log_loss_before,
            "log_loss_after": self.log_loss_after,
            "why": self.why,
            "rates": list(self.rates),
            "reach": list(self.reach),
        }

    @classmethod
    def restore(cls, state: dict[str, Any]) -> Calibration:
        """The calibration that gave `state`."""
        values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in state.items()}
        return cls(**values)

    def to_json(self) -> str:
        """The calibration as JSON text."""
        return json.dumps(self.state(), sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Calibration:
        """The calibration that `to_json` wrote."""
        return cls.restore(json.loads(text))


def _logs(proba: ArrayLike, k: int) -> Floats:
    chances = np.asarray(proba, dtype=np.float64)
    if chances.ndim != 2 or chances.shape[1] != k:
        raise ModelError(f"chances of shape (n, {k}) are expected, got {chances.shape}")
    if np.isnan(chances).any():
        raise ModelError("chances hold missing values", "check the model's predict_proba")
    return np.asarray(np.log(np.clip(chances, SMALLEST, 1.0)))


def _total_loss(logs: Floats, truth: NDArray[np.intp], numbers: Floats) -> float:
    k = logs.shape[1]
    scores = log_softmax(logs * numbers[:k] + numbers[k:], axis=1)
    return -float(scores[np.arange(len(truth)), truth].sum())


def _unchanged(k: int) -> Floats:
    return np.concatenate([np.ones(k), np.zeros(k)])


def _changes(
    logs: Floats, truth: NDArray[np.intp], days: NDArray[Any], window: np.timedelta64, fit: Fit
) -> list[float]:
    """How a calibration changes the mean loss of each snapshot, fitted on those whose outcomes were known by then (a
    prequential test, Dawid 1984)."""
    changes = []
    for day in np.unique(days):
        past, now = days + window <= day, days == day
        if past.any():
            changes.append(_change(logs[now], truth[now], fit(logs[past], truth[past])))
    return changes


def _shifts(logs: Floats, truth: NDArray[np.intp], days: NDArray[Any], rates_then: Floats) -> list[Shift]:
    """What label shift does on each snapshot, given the base rates (n, k) behind each prediction."""
    shifts = []
    for day in np.unique(days):
        now = days == day
        then = rates_then[now][0]
        bias = moves(likeliest_rates(np.exp(logs[now]), then), then)
        change = _change(logs[now], truth[now], np.concatenate([np.ones(len(bias)), bias]))
        shifts.append(Shift(int(now.sum()), bias, change))
    return shifts


def _change(logs: Floats, truth: NDArray[np.intp], numbers: Floats) -> float:
    losses = [_total_loss(logs, truth, each) for each in (numbers, _unchanged(logs.shape[1]))]
    return (losses[0] - losses[1]) / len(truth)


def _doubt(changes: list[float]) -> str:
    """Why a calibration that changes the losses of later snapshots so is not used, or nothing."""
    if len(changes) < PROOFS:
        return f"could be tried on {len(changes)} later snapshots only, {PROOFS} are needed"
    mean, error = float(np.mean(changes)), float(np.std(changes, ddof=1)) / len(changes) ** 0.5
    if mean < -error:
        return ""
    return f"changed the log loss of {len(changes)} later snapshots by {mean:+.4f} (standard error {error:.4f})"


def _fit_temperature(logs: Floats, truth: NDArray[np.intp]) -> Floats:
    k = logs.shape[1]

    def numbers(log_scale: float) -> Floats:
        return np.concatenate([np.full(k, np.exp(log_scale)), np.zeros(k)])

    found = minimize_scalar(lambda s: _total_loss(logs, truth, numbers(s)), bounds=(-2.0, 2.0), method="bounded")
    return numbers(float(found.x))


def _fit_vector(logs: Floats, truth: NDArray[np.intp], strength: float) -> Floats:
    n, k = logs.shape
    start = np.concatenate([np.ones(k), np.zeros(k)])
    onehot = np.eye(k)[truth]

    def loss(numbers: Floats) -> tuple[float, Floats]:
        scores = log_softmax(logs * numbers[:k] + numbers[k:], axis=1)
        error = np.exp(scores) - onehot
        slope = np.concatenate([(error * logs).sum(axis=0), error.sum(axis=0)])
        away = numbers - start
        total = -float((scores * onehot).sum()) + strength * float((away**2).sum())
        return total / n, (slope + 2 * strength * away) / n

    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x)
