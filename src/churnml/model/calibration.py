"""Calibration: predicted chances made to agree with what happened, where that holds up in later months.

Base rates move with the seasons. A correction fitted on the winter's outcomes can make the summer's chances worse, and
the rows of one snapshot do not tell: they move together. So a calibration must have proved itself on later snapshots
than those it was fitted on; else the model's own chances stand.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax

from churnml.errors import ModelError

Floats = NDArray[np.float64]
Fit = Callable[[Floats, NDArray[np.intp]], Floats]
SMALLEST = 1e-9
PROOFS = 3
"""On so many later snapshots, at least, a calibration must have been tried before it is used."""


@dataclass(frozen=True)
class Calibration:
    """Chances p become softmax(scale * log p + bias), class by class.

    `method` is `identity`, `temperature` (one scale for all, no bias) or `vector` (a scale and a bias per class;
    Guo et al. 2017). Results are never 0, 1 or missing, and rows sum to 1.

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

    @classmethod
    def identity(cls, classes: ArrayLike, rows: int = 0, log_loss: float | None = None) -> Calibration:
        """The calibration that changes nothing."""
        names = tuple(str(name) for name in np.asarray(classes).tolist())
        return cls(names, "identity", (1.0,) * len(names), (0.0,) * len(names), rows, log_loss, log_loss)

    @classmethod
    def fit(
        cls,
        proba: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike,
        *,
        as_of: ArrayLike | None = None,
        window_days: int = 0,
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
            return cls.identity(names)
        fits: dict[str, tuple[Fit, int]] = {"temperature": (_fit_temperature, 1)}
        if np.bincount(truth, minlength=k).min() >= few:
            fits["vector"] = (partial(_fit_vector, strength=strength), 2 * k - 1)
        if as_of is not None:
            days = np.asarray(as_of).astype("datetime64[D]")
            window = np.timedelta64(window_days, "D")
            fits = {name: fit for name, fit in fits.items() if _proved(logs, truth, days, window, fit[0])}
        if not fits:
            return cls.identity(names, n, _total_loss(logs, truth, np.concatenate([np.ones(k), np.zeros(k)])) / n)
        candidates = [(name, fit(logs, truth), cost) for name, (fit, cost) in fits.items()]
        before = _total_loss(logs, truth, np.concatenate([np.ones(k), np.zeros(k)]))
        method, numbers, cost = min(candidates, key=lambda c: _total_loss(logs, truth, c[1]) + c[2])
        after = _total_loss(logs, truth, numbers)
        if not after + cost < before:
            return cls.identity(names, n, before / n)
        scale, bias = tuple(numbers[:k].tolist()), tuple(numbers[k:].tolist())
        return cls(tuple(names), method, scale, bias, n, before / n, after / n)

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
        }

    @classmethod
    def restore(cls, state: dict[str, Any]) -> Calibration:
        """The calibration that gave `state`."""
        values = dict(state)
        return cls(**{**values, **{name: tuple(values[name]) for name in ("classes", "scale", "bias")}})

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


def _proved(
    logs: Floats, truth: NDArray[np.intp], days: NDArray[np.datetime64], window: np.timedelta64, fit: Fit
) -> bool:
    """Whether a calibration fitted on earlier snapshots lowered the loss of later ones (prequential, Dawid 1984)."""
    gains = []
    for day in np.unique(days):
        past, now = days + window <= day, days == day
        if past.any():
            same = np.concatenate([np.ones(logs.shape[1]), np.zeros(logs.shape[1])])
            losses = [_total_loss(logs[now], truth[now], numbers) for numbers in (same, fit(logs[past], truth[past]))]
            gains.append((losses[0] - losses[1]) / now.sum())
    if len(gains) < PROOFS:
        return False
    return bool(np.mean(gains) > np.std(gains, ddof=1) / np.sqrt(len(gains)))


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
