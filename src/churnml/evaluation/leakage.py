"""Gates against leakage: the future is deleted, then poisoned, and the features of a snapshot must not change.

The audit does not trust the code it tests: it says again what visible means (occurred before `as_of` and recorded
before `known_at`) instead of calling the point-in-time join.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from churnml.contract import known_ends, midnight
from churnml.errors import DataError
from churnml.evaluation.findings import Audit, Finding
from churnml.metrics.scores import auroc

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from churnml.sources import Canonical

DELETED = "the future deleted"
POISONED = "the future poisoned"
SINGLE = "no single feature knows the outcome"
SUSPICIOUS_AUROC = 0.90
ABOVE_RECENCY = 0.05
DRAWN = 10
"""Shares of the values of a category are those of its rows and of so many of the usual kind."""
_WILD_KINDS = ("activity", "purchase", "complaint", "cancel_requested", "closed", "case_opened")


def audit(
    features_at: Callable[[Canonical], pd.DataFrame],
    canonical: Canonical,
    as_of: date,
    known_at: date | datetime | None = None,
) -> Audit:
    """Recompute the features of one snapshot without its future, and with a false one.

    Parameters
    ----------
    features_at : canonical tables -> features at (`as_of`, `known_at`), indexed by customer
    canonical : the canonical tables as they are
    as_of, known_at : the snapshot, and what was known (default: `as_of`)

    Returns
    -------
    Two gates. For the first, every event that had not occurred or was not recorded, and every customer who had not
    signed up, is deleted. For the second, every such event is changed in all it says, and for every customer events are
    added that occur exactly at `as_of`, or that occurred before it but were recorded exactly at `known_at`. Numbers
    are the same when they differ by less than one in 10^9, which is the order in which doubles are added.

    Raises
    ------
    DataError
        Nobody is eligible at `as_of`, so that there is nothing to compare.
    """
    known = as_of if known_at is None else known_at
    expected = features_at(canonical)
    if expected.empty:
        raise DataError(f"no customer is eligible at {as_of}: there is nothing to audit", "choose another snapshot")
    gates = {DELETED: without_future(canonical, as_of, known), POISONED: with_false_future(canonical, as_of, known)}
    return Audit(
        tuple(
            finding
            for gate, tables in gates.items()
            for finding in _compare(gate, as_of, expected, features_at(tables))
        )
    )


def without_future(canonical: Canonical, as_of: date, known_at: date | datetime) -> Canonical:
    """The canonical tables as they would have been read at (`as_of`, `known_at`)."""
    customers = canonical.customers
    signed = customers.signed_up_at.isnull() | (customers.signed_up_at < midnight(as_of))
    return replace(
        canonical,
        customers=customers.filter(signed).mutate(ends_at=known_ends(customers, known_at)),
        events=canonical.events.filter(_is_visible(canonical.events, as_of, known_at)),
    )


def with_false_future(canonical: Canonical, as_of: date, known_at: date | datetime) -> Canonical:
    """The canonical tables with every invisible event falsified, and invisible events added for every customer."""
    events = canonical.events
    seen = _is_visible(events, as_of, known_at)
    falsified = events.filter(~seen).mutate(
        kind=ibis.ifelse(events.kind == "complaint", "activity", "complaint"),
        channel=ibis.literal("poison"),
        direction=ibis.literal("inbound"),
        amount=ibis.literal(999_999),
        quantity=ibis.literal(999_999),
        duration_s=ibis.literal(999_999),
        wait_s=ibis.literal(999_999),
        rating=ibis.literal(0),
        case_id=ibis.literal("poison"),
    )
    # What each customer did before, again: an event of each kind they know, exactly at the edge of what is visible.
    past = events.filter(seen)
    again = past.group_by("customer_id", "kind").aggregate(
        **{name: past[name].max() for name in events.columns if name not in ("customer_id", "kind")}
    )
    customers = canonical.customers.select("customer_id")
    wild = [customers.mutate(kind=ibis.literal(kind), channel=ibis.literal("poison")) for kind in _WILD_KINDS]
    added = [
        _like(events, table.mutate(occurred_at=midnight(occurred), recorded_at=midnight(recorded)))
        for table in (again, *wild)
        for occurred, recorded in ((as_of, as_of), (as_of - timedelta(days=1), known_at))
    ]
    known, told = known_ends(canonical.customers, known_at), canonical.customers.ends_at
    soon = midnight(as_of + timedelta(days=1))
    people = canonical.customers.mutate(ends_at=(known.isnull() & told.notnull()).ifelse(soon, told))
    return replace(
        canonical, customers=people, events=ibis.union(past, _like(events, falsified), *added, distinct=False)
    )


def single_features(X: pd.DataFrame, y: ArrayLike, recency: Collection[str], groups: ArrayLike | None = None) -> Audit:
    """Alarm for a feature that alone predicts too well to be honest.

    Parameters
    ----------
    X : (n, f) features, float or category
    y : (n,) outcomes
    recency : the declared recency features. They may predict well, above all when leaving means inactivity; any other
        feature is suspicious when its AUROC is above 0.90 and by more than 0.05 above the best of these.
    groups : (n,) whose rows they are. Rows of one customer at several snapshots know each other's outcome.

    The AUROC is the better of silent against the rest and leaving against staying, in either direction, with missing
    values below or above all others; a category counts as its share of leavers in the other half of the groups, drawn
    towards the share of all where its rows are few.
    """
    strength = strengths(X, y, groups)
    best = max((strength[name] for name in strength if name in recency), default=0.0)
    limit = max(SUSPICIOUS_AUROC, best + ABOVE_RECENCY)
    others = {name: value for name, value in strength.items() if name not in recency}
    findings = tuple(
        Finding(SINGLE, False, name, f"{_values(X[name])}alone reaches AUROC {value:.3f}, above {limit:.3f}")
        for name, value in sorted(others.items(), key=lambda item: -item[1])
        if value > limit
    )
    if findings:
        return Audit(findings)
    name = max(others, key=lambda other: others[other], default=None)
    strongest = (
        "there is no feature but recency"
        if name is None
        else f"the strongest is {name}, {_values(X[name])}AUROC {others[name]:.3f}"
    )
    return Audit((Finding(SINGLE, True, None, f"{strongest}; the limit is {limit:.3f}"),))


def strengths(X: pd.DataFrame, y: ArrayLike, groups: ArrayLike | None = None) -> dict[str, float]:
    """The AUROC of each feature (n, f) alone, as `single_features` has it."""
    outcomes = np.asarray(y, dtype=object)
    targets = [outcomes == "silent", outcomes != "retained"]
    return {str(name): _separation(X[name], targets, groups) for name in X.columns}


def _values(column: pd.Series) -> str:
    """How many values a category has, which one cannot tell from its AUROC."""
    return "" if pd.api.types.is_numeric_dtype(column.dtype) else f"{column.nunique():,} values, "


def _is_visible(events: ir.Table, as_of: date, known_at: date | datetime) -> Any:
    return (events.occurred_at < midnight(as_of)) & (events.recorded_at < midnight(known_at))


def _like(events: ir.Table, table: ir.Table) -> ir.Table:
    """`table` with the columns and types of `events`; columns it lacks are null."""
    return table.select(
        **{
            name: (table[name] if name in table.columns else ibis.null()).cast(kind)
            for name, kind in events.schema().items()
        }
    )


def _compare(gate: str, as_of: date, expected: pd.DataFrame, found: pd.DataFrame) -> list[Finding]:
    findings = []
    if changed := len(expected.index.symmetric_difference(found.index)):
        findings.append(Finding(gate, False, None, f"{changed} customers appear or vanish at {as_of}"))
    for name in sorted(set(expected.columns) ^ set(found.columns)):
        findings.append(Finding(gate, False, str(name), f"appears or vanishes at {as_of}"))
    shared = expected.index.intersection(found.index)
    for name in expected.columns.intersection(found.columns):
        differing = int((~_same(expected.loc[shared, name], found.loc[shared, name])).sum())
        if differing:
            findings.append(Finding(gate, False, str(name), f"changes for {differing} of {len(shared)} at {as_of}"))
    if findings:
        return findings
    detail = f"{expected.shape[1]} features of {len(expected)} customers are the same at {as_of}"
    return [Finding(gate, True, None, detail)]


def _same(left: pd.Series, right: pd.Series) -> NDArray[np.bool_]:
    if pd.api.types.is_numeric_dtype(left.dtype) and pd.api.types.is_numeric_dtype(right.dtype):
        a, b = (side.to_numpy(dtype=np.float64, na_value=np.nan) for side in (left, right))
        return np.asarray(np.isclose(a, b, rtol=1e-9, atol=1e-12, equal_nan=True), dtype=np.bool_)
    equal: pd.Series[bool] = (left.astype(object) == right.astype(object)) | (left.isna() & right.isna())
    return equal.to_numpy(dtype=bool)


def _separation(column: pd.Series, targets: list[NDArray[np.bool_]], groups: ArrayLike | None) -> float:
    strength = 0.5
    for target in targets:
        for values in _as_numbers(column, target, groups):
            value = auroc(target, values)
            if np.isfinite(value):
                strength = max(strength, value, 1 - value)
    return strength


def _as_numbers(column: pd.Series, target: NDArray[np.bool_], groups: ArrayLike | None) -> list[NDArray[np.float64]]:
    if pd.api.types.is_numeric_dtype(column.dtype):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        finite = values[np.isfinite(values)]
        low, high = (finite.min() - 1, finite.max() + 1) if len(finite) else (0.0, 0.0)
        return [np.where(np.isnan(values), edge, values) for edge in (low, high)]
    names = column.astype(object).where(column.notna(), "").to_numpy()
    shares = other_half_shares(names, target, groups)
    return [np.where(np.isnan(shares), target.mean() if len(target) else 0.0, shares)]


def other_half_shares(
    values: NDArray[Any], target: NDArray[np.bool_], groups: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Each value as the share of `target` among its rows in the other half; nan if it is not there.

    Halves are of the groups, or of the rows where there are none. A share is drawn towards that of the whole half as if
    `DRAWN` of its rows had the value, too: of a value with three rows the share says little.
    """
    place = np.arange(len(values)) if groups is None else pd.factorize(np.asarray(groups, dtype=object))[0]
    half = place % 2 == 0
    shares = np.full(len(values), np.nan)
    for rows in (half, ~half):
        if rows.all() or not rows.any():
            continue
        known = pd.Series(target[~rows], dtype=float).groupby(values[~rows]).agg(["sum", "size"])
        share = (known["sum"] + DRAWN * target[~rows].mean()) / (known["size"] + DRAWN)
        shares[rows] = pd.Series(values[rows]).map(share).to_numpy(dtype=np.float64)
    return shares
