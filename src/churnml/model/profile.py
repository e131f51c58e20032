"""What the training rows looked like: what is usual, and how each feature is spread, to hold nights against.

A log that began a year ago cannot say at its first snapshots what customers did in 365 days: what it counts there is
too low. So a feature with a window (`complaints_365d`) is described by the snapshots that can look back so far.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from churnml.metrics.drift import Drift, category_drift, number_drift

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
TENURE = "tenure_days"
SETTLED = 0.9
"""A snapshot describes a feature if so many of its customers have their whole window, or all their time, in the log."""
_BINS = 20
_WINDOW = re.compile(r"_(\d+)d$")


@dataclass(frozen=True)
class Profile:
    """What training rows looked like.

    Attributes
    ----------
    quantiles : feature -> its value at each of `QUANTILES` among the rows that have one
    histograms : feature -> `edges`, `shares` (of rows with a value, per bin), `missing` (share without a value) and
        `swing` (how far it moves from snapshot to snapshot, see `Drift`); for a category `edges` are its categories
    """

    quantiles: dict[str, list[float | None]]
    histograms: dict[str, dict[str, Any]]


def profile(X: pd.DataFrame, as_of: ArrayLike | None = None, began: date | None = None) -> Profile:
    """Describe training rows `X` (n, f) of the snapshots `as_of` (n,), from a log that `began` on a day.

    Without `as_of` all rows describe every feature, and none swings.
    """
    days = np.zeros(len(X), dtype="datetime64[D]") if as_of is None else np.asarray(as_of, dtype="datetime64[D]")
    tenure = X[TENURE].to_numpy(dtype=np.float64, na_value=np.inf) if TENURE in X.columns else np.full(len(X), np.inf)
    rows: dict[int, NDArray[np.bool_]] = {}
    quantiles, histograms = {}, {}
    for name in map(str, X.columns):
        window = int(found[1]) if (found := _WINDOW.search(name)) and as_of is not None else 0
        if window not in rows:
            rows[window] = _settled(days, began, np.minimum(tenure, window))
        kept, when = X[name][rows[window]], days[rows[window]]
        if feature_type(kept) == "number":
            quantiles[name] = _quantiles(kept)
        histograms[name] = _histogram(kept)
        histograms[name]["swing"] = _swing(kept, when, histograms[name])
    return Profile(quantiles, histograms)


def feature_type(column: pd.Series) -> str:
    """`number`, `category` or `text`."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return "category"
    return "number" if pd.api.types.is_numeric_dtype(column.dtype) else "text"


def feature_drift(column: pd.Series, reference: Mapping[str, Any], trained_rows: int) -> Drift | None:
    """Drift of a feature's values (n,) against its histogram in training; None where there is nothing to compare."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        moved = category_drift(reference, counts(column), reference_rows=trained_rows)
    else:
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        moved = number_drift(reference, values, reference_rows=trained_rows)
    return None if moved is None else replace(moved, swing=float(reference.get("swing", 0.0)))


def counts(column: pd.Series) -> dict[str, int]:
    """The rows of each category (n,), by its name."""
    return {str(name): int(rows) for name, rows in column.value_counts().items() if rows}


def histogram_shares(values: ArrayLike, edges: ArrayLike) -> list[float]:
    """Share of finite `values` in each bin [edge, next edge); the outer bins are open, the last edge is a bin itself.

    >>> histogram_shares([0.0, 1.0, 1.0, 9.0], [0.0, 1.0])
    [0.25, 0.75]
    """
    numbers, cuts = np.asarray(values, dtype=np.float64), np.asarray(edges, dtype=np.float64)
    numbers = numbers[np.isfinite(numbers)]
    if not len(cuts) or not len(numbers):
        return [0.0] * len(cuts)
    held = np.bincount(np.clip(np.searchsorted(cuts, numbers, side="right") - 1, 0, None), minlength=len(cuts))
    return [float(share) for share in held / len(numbers)]


def _settled(as_of: NDArray[np.datetime64], began: date | None, window: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The rows (n,) of the snapshots that see the `window` days (n,) of most customers; of the newest if none does."""
    if began is None or not len(as_of):
        return np.ones(len(as_of), dtype=bool)
    place = np.unique(as_of, return_inverse=True)[1]
    whole = (as_of - np.datetime64(began, "D")).astype(np.int64) >= window
    settled = np.bincount(place, weights=whole) / np.bincount(place) >= SETTLED
    settled[-1] |= not settled.any()
    kept: NDArray[np.bool_] = settled[place]
    return kept


def _swing(column: pd.Series, as_of: NDArray[np.datetime64], reference: Mapping[str, Any]) -> float:
    """How far a feature of snapshots (n,) has moved from all of them at the second oddest; 0 with fewer than three.

    What happened at a single snapshot is no habit.
    """
    snapshots, place = np.unique(as_of, return_inverse=True)
    if len(snapshots) < 3 or feature_type(column) == "text":
        return 0.0
    moved = [feature_drift(column[place == each], reference, len(column)) for each in range(len(snapshots))]
    return float(sorted(each.excess if each is not None else 0.0 for each in moved)[-2])


def _quantiles(column: pd.Series) -> list[float | None]:
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    values = values[np.isfinite(values)]
    return np.quantile(values, QUANTILES).tolist() if len(values) else [None] * len(QUANTILES)


def _histogram(column: pd.Series) -> dict[str, Any]:
    missing = float(column.isna().mean()) if len(column) else 0.0
    if feature_type(column) == "category":
        shares = column.value_counts(normalize=True, sort=False)
        return {"edges": shares.index.tolist(), "shares": shares.to_numpy(dtype=float).tolist(), "missing": missing}
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    values = values[np.isfinite(values)]
    edges = np.unique(np.quantile(values, np.linspace(0, 1, _BINS + 1))) if len(values) else np.zeros(0)
    return {"edges": edges.tolist(), "shares": histogram_shares(values, edges), "missing": missing}
