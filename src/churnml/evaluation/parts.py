"""Which rows belong together: segments, tenure, snapshots, and scores that are some days old."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

SMALLEST_PART = 50
"""Categories of fewer rows are put together: figures of a handful of customers say little, and too much of each."""

MOST_CATEGORIES = 8
OTHER, UNKNOWN = "other", "not known"
SEEN, NEVER_SEEN = "seen in training", "never seen in training"
_TENURES = {"under 90 days": 90.0, "90 days to a year": 365.0, "1 to 2 years": 730.0, "over 2 years": np.inf}


@dataclass(frozen=True)
class Part:
    """Some of the rows, and the rows whose chances they are judged by: the same ones, or those of an earlier score."""

    by: str
    name: str
    rows: NDArray[np.intp]
    scored: NDArray[np.intp]


def divided(by: str, labels: ArrayLike, order: Iterable[str] | None = None) -> list[Part]:
    """One part for each label (n,), in this order or that of their names.

    >>> [(part.name, part.rows.tolist()) for part in divided("plan", ["b", "a", "b"])]
    [('a', [1]), ('b', [0, 2])]
    """
    names = np.asarray(labels).astype(str)
    found = set(names.tolist())
    ordered = sorted(found) if order is None else [name for name in order if name in found]
    places = [(name, np.flatnonzero(names == name)) for name in ordered]
    return [Part(by, name, rows, rows) for name, rows in places]


def by_attribute(by: str, values: pd.Series) -> list[Part]:
    """Parts by a customer attribute: the most frequent categories, or thirds of a number; rare categories together."""
    if pd.api.types.is_numeric_dtype(values.dtype):
        return by_terciles(by, values)
    text = values.astype(object).where(values.notna(), UNKNOWN).astype(str)
    sizes = text.value_counts()
    order = sorted(sizes.index, key=lambda name: (-int(sizes[name]), name))
    kept = [name for name in order[:MOST_CATEGORIES] if sizes[name] >= SMALLEST_PART]
    return divided(by, text.where(text.isin(kept), OTHER), [*(name for name in kept if name != OTHER), OTHER])


def by_terciles(by: str, values: ArrayLike) -> list[Part]:
    """Parts by the lower, middle and upper third of a number; equal numbers stay together.

    >>> [(part.name, part.rows.tolist()) for part in by_terciles("value", [5.0, 1.0, float("nan"), 3.0])]
    [('lower third', [1]), ('middle third', [3]), ('upper third', [0]), ('not known', [2])]
    """
    numbers = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(numbers)
    if not known.any():
        return []
    names = ["lower third", "middle third", "upper third"]
    edges = np.quantile(numbers[known], [1 / 3, 2 / 3])
    labels = np.array(names)[np.searchsorted(edges, numbers, side="left").clip(0, 2)]
    return divided(by, np.where(known, labels, UNKNOWN), [*names, UNKNOWN])


def by_tenure(days: ArrayLike) -> list[Part]:
    """Parts by days since sign-up; unknown for customers who were there before the recorded history."""
    numbers = np.asarray(days, dtype=np.float64)
    bands = np.array(list(_TENURES))[np.searchsorted(list(_TENURES.values()), np.nan_to_num(numbers), side="right")]
    return divided("tenure", np.where(np.isnan(numbers), UNKNOWN, bands), [*_TENURES, UNKNOWN])


def by_snapshot(as_of: ArrayLike) -> list[Part]:
    """Parts by snapshot date."""
    return divided("snapshot", pd.DatetimeIndex(np.asarray(as_of)).strftime("%Y-%m-%d"))


def by_acquaintance(group_ids: ArrayLike, learnt_from: ArrayLike) -> list[Part]:
    """Parts by whether any row of the customer's group was learnt from."""
    known = np.isin(np.asarray(group_ids).astype(str), np.asarray(learnt_from).astype(str))
    return divided("training", np.where(known, SEEN, NEVER_SEEN), [SEEN, NEVER_SEEN])


def by_lead_time(customer_ids: ArrayLike, as_of: ArrayLike) -> list[Part]:
    """How much earlier a score could have been made: the outcomes of later snapshots, by scores of earlier ones.

    For each distance between two of the snapshots there are two parts with the same rows, those of customers who were
    scored on both days: one judges the earlier scores, the other those of the day itself.

    >>> earlier, same_day = by_lead_time(["a", "b", "a"], ["2024-01-01", "2024-01-01", "2024-01-29"])
    >>> earlier.name, earlier.rows.tolist(), earlier.scored.tolist()
    ('scored 28 days earlier', [2], [0])
    >>> same_day.name, same_day.scored.tolist()
    ('the same customers on the day', [2])
    """
    days = pd.DatetimeIndex(np.asarray(as_of)).to_numpy().astype("datetime64[D]")
    rows = pd.DataFrame({"customer": np.asarray(customer_ids).astype(str), "day": days, "row": np.arange(len(days))})
    snapshots = np.unique(days)
    result = []
    for gap in sorted({int(each) for each in np.subtract.outer(snapshots, snapshots).astype(int).ravel() if each > 0}):
        earlier = rows.assign(day=rows["day"] + pd.Timedelta(days=gap))
        both = rows.merge(earlier, on=["customer", "day"], suffixes=("", "_scored")).sort_values("row")
        if len(both):
            judged, scored = both["row"].to_numpy(np.intp), both["row_scored"].to_numpy(np.intp)
            by = f"lead time {gap} days"
            result.append(Part(by, f"scored {gap} days earlier", judged, scored))
            result.append(Part(by, "the same customers on the day", judged, judged))
    return result
