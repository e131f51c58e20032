"""What an audit says beside its gates: figures that are no verdict, and that a reader should have seen.

A model learnt from shuffled labels must rank like a coin. A random split flatters where customers' rows stand on both
sides or the world changes: the gap to the split by time says by how much. A change of regime says from when.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnml.contract import midnight
from churnml.evaluation.findings import Audit, Finding, inform
from churnml.metrics.scorers import three_columns
from churnml.metrics.scores import ClusterBootstrap, Ranking, auroc, interval
from churnml.model.classifier import OneClassError, SilentDefectionClassifier
from churnml.outcomes import OUTCOMES, SILENT

if TYPE_CHECKING:
    from churnml.dataset import Dataset
    from churnml.engine import Engine
    from churnml.sources import Canonical

SHUFFLED = "labels shuffled"
SPLITS = "random split against split by time"
DRIFT = "change of regime"
LEAVERS = "silent leavers"
SHUFFLES = 20
REPLICATES = 200
ROWS, SHUFFLED_ROWS = 20_000, 5_000
"""The small models of the audit learn from, and are tested on, at most so many rows drawn at random."""
PERIOD = 28
FEWEST_PERIODS = 3
CHANGED, APART = 1.5, 1.25
"""A rate has changed when the medians of its two sides differ by the one factor, and all periods by the other."""
MANY_PERIODS = 6
"""On a side of so many periods one may be an exception."""
FEWEST_EVENTS = 50
"""... on the usual period of the larger side, so that chance is a small part of it."""


def shuffled_labels(learn: Dataset, test: Dataset, seed: int = 0) -> Audit:
    """The AUROC of the silent outcome on the test, learnt from labels that were shuffled within each snapshot.

    The interval holds 95% of `SHUFFLES` small models. One that lies apart from 0.5 means that something but the labels
    ties the training rows to the test rows.
    """
    rng = np.random.default_rng(seed)
    learn, test = learn.drawn(SHUFFLED_ROWS, rng), test.drawn(SHUFFLED_ROWS, rng)
    silent = test.outcome == SILENT
    figures = []
    for _ in range(SHUFFLES):
        labels = learn.outcome.copy()
        for day in np.unique(learn.as_of):
            rows = np.flatnonzero(learn.as_of == day)
            labels[rows] = labels[rng.permutation(rows)]
        score = _score(learn.X, labels, test.X, trees=30)
        if score is not None:
            figures.append(auroc(silent, score))
    if not figures or not np.isfinite(figures).any():
        return Audit((inform(SHUFFLED, None, "there are too few outcomes to tell"),))
    low, high = interval(figures)
    beside = "" if low <= 0.5 <= high else ": not 0.5, so the rows themselves tell; look for an id or a date in X"
    detail = f"AUROC of silent {np.nanmean(figures):.3f} [{low:.3f}, {high:.3f}], with the labels in no order{beside}"
    return Audit((inform(SHUFFLED, None, detail),))


def split_gap(learn: Dataset, test: Dataset, seed: int = 0) -> Audit:
    """By how much a random split flatters: the AUROC of silent under each split, by the same small model.

    Both learn from as many rows, and are tested on as many. The interval is of the difference, from customers redrawn
    on either side.
    """
    rng = np.random.default_rng(seed)
    learn, test = learn.drawn(ROWS, rng), test.drawn(ROWS, rng)
    X = _together(learn, test)
    y = np.concatenate([learn.outcome, test.outcome])
    groups = np.concatenate([learn.group_id, test.group_id]).astype(str)
    by_time = np.arange(len(y)) < len(learn)
    at_random = rng.permutation(by_time)
    figures: list[float] = []
    replicates: list[NDArray[np.float64]] = []
    for known in (at_random, by_time):
        score = _score(X[known], y[known], X[~known], trees=100)
        if score is None:
            return Audit((inform(SPLITS, None, "there are too few outcomes to tell"),))
        ranking = Ranking(y[~known] == SILENT, score)
        figures.append(ranking.curve().auroc())
        redrawn = ClusterBootstrap(groups[~known], REPLICATES, seed + len(replicates))
        replicates.append(np.array([ranking.curve(weight).auroc() for weight in redrawn]))
    low, high = interval(replicates[0] - replicates[1])
    detail = (
        f"AUROC of silent {figures[0]:.3f} by a random split and {figures[1]:.3f} by time, a gap of "
        f"{figures[0] - figures[1]:+.3f} [{low:+.3f}, {high:+.3f}]; only the second is honest"
    )
    return Audit((inform(SPLITS, None, detail),))


def regime_changes(canonical: Canonical, data: Dataset, engine: Engine, until: date | None = None) -> Audit:
    """Kinds, channels and outcomes whose rate changes at some snapshot and stays changed.

    Kinds and channels need no labels: their periods go on after the last snapshot, up to `until` if it is given. Rates
    are events of a kind, on a channel, for each active customer in the 28 days before a snapshot, or the share of
    silent leavers at it. A rate has changed when at least three periods lie on either side, the medians differ by a
    factor of 1.5, no period of one side (but one of six) comes within a factor of 1.25 of one of the other, and a step
    describes them better than a steady trend: a season comes back and does not. A channel that opens or ends is one
    line for all its kinds.
    """
    findings = list(_changes(_rates(canonical, data, engine, until)))
    if not findings:
        return Audit((inform(DRIFT, None, "no kind, channel or outcome has changed for good between the snapshots"),))
    return Audit(tuple(findings))


def _rates(canonical: Canonical, data: Dataset, engine: Engine, until: date | None) -> pd.DataFrame:
    """One row per series and period: `kind`, `channel` (empty for all), `start` of the period, `rate`, `count`."""
    last = pd.Timestamp(data.as_of.max())
    if until is not None:
        last += pd.Timedelta(days=max((pd.Timestamp(until) - last).days, 0) // PERIOD * PERIOD)
    first = pd.Timestamp(data.as_of.min()) - pd.Timedelta(days=PERIOD)
    events = canonical.events
    end = midnight(last.date())
    seen = events.filter(events.occurred_at < end, events.occurred_at >= first.to_pydatetime())
    days = ibis.literal(last.date()).delta(seen.occurred_at.date(), unit="day").cast("int64")
    seen = seen.mutate(period=(days - 1) // PERIOD)
    counted = engine.frame(seen.group_by("kind", "channel", "period").aggregate(count=seen.count()))
    active = engine.frame(seen.group_by("period").aggregate(active=seen.customer_id.nunique())).set_index("period")
    periods = active[active.index < (last - first).days // PERIOD].sort_index(ascending=False)
    parts = []
    several = counted.groupby("kind")["channel"].nunique(dropna=False) > 1
    series = [(channel, kind, part) for (channel, kind), part in counted.groupby(["channel", "kind"])]
    series += [
        ("", kind, part) for kind, part in counted.groupby("kind") if several[kind] or part["channel"].isna().any()
    ]
    starts = [last - pd.Timedelta(days=PERIOD * (int(number) + 1)) for number in periods.index]
    for channel, kind, part in series:
        count = part.groupby("period")["count"].sum().reindex(periods.index, fill_value=0)
        rate = (count / periods["active"]).to_numpy()
        rows = {"channel": channel, "kind": kind, "start": starts, "rate": rate, "count": count.to_numpy()}
        parts.append(pd.DataFrame(rows))
    silent = pd.Series(data.outcome == SILENT).groupby(pd.to_datetime(data.as_of)).agg(["mean", "sum"])
    share = {"start": silent.index, "rate": silent["mean"].to_numpy(), "count": silent["sum"].to_numpy()}
    return pd.concat([*parts, pd.DataFrame({"channel": "", "kind": LEAVERS, **share})], ignore_index=True)


def _changes(rates: pd.DataFrame) -> Iterator[Finding]:
    for channel in sorted(rates["channel"].unique()):
        of_channel = rates[rates["channel"] == channel]
        found = []
        for kind in sorted(of_channel["kind"].unique()):
            part = of_channel[of_channel["kind"] == kind]
            values = part["rate"].to_numpy(dtype=np.float64)
            place = changed_at(values)
            if place is None:
                continue
            before, after = float(np.median(values[:place])), float(np.median(values[place:]))
            larger = part["count"].to_numpy()[place:] if after > before else part["count"].to_numpy()[:place]
            if np.median(larger) >= FEWEST_EVENTS:
                found.append((str(kind), part["start"].iloc[place], before, after))
        if channel and found and not all(before and after for _, _, before, after in found):
            each = ", ".join(f"{kind} {max(before, after):.3g}" for kind, _, before, after in found)
            when = "opens" if found[0][3] else "ends"
            yield inform(
                DRIFT,
                f"channel {channel}",
                f"{when} on {found[0][1]:%Y-%m-%d} or later; {each} for each active customer",
            )
            continue
        for kind, day, before, after in found:
            name = LEAVERS if kind == LEAVERS else f"events of {kind} on {channel}" if channel else f"events of {kind}"
            detail = f"{before:.3g} for each active customer before {day:%Y-%m-%d}, {after:.3g} since"
            yield inform(DRIFT, name, detail)


def changed_at(rates: NDArray[np.float64]) -> int | None:
    """Where a series of rates changes level for good: the place of the first one that belongs to the new level.

    The period in which the change falls may lie between the levels.

    >>> changed_at(np.array([1.0, 1.1, 0.9, 1.0, 3.0, 3.2, 2.9, 3.1]))
    4
    >>> changed_at(np.array([1.0, 1.1, 0.9, 1.0, 2.1, 3.2, 2.9, 3.1, 3.0]))
    4
    >>> changed_at(np.append(np.ones(6), [1.5, 2, 2, 2]))
    6
    >>> changed_at(np.array([1.0, 3.0, 1.0, 3.0, 1.0, 3.0, 1.0])) is None  # it comes and goes
    True
    >>> changed_at(1.2 ** np.arange(10)) is None  # growth
    True
    """
    if not (rates > 0).any():
        return None
    sizes = np.log(np.maximum(rates, rates[rates > 0].min() / 2))
    widest, found = np.log(APART), None
    for cut in range(FEWEST_PERIODS, len(sizes) - FEWEST_PERIODS + 1):
        for mixed in range(2 if cut + FEWEST_PERIODS < len(sizes) else 1):
            before, after = sizes[:cut], sizes[cut + mixed :]
            low, high = sorted((before, after), key=np.median)
            if np.median(high) - np.median(low) < np.log(CHANGED):
                continue
            floor, ceiling = _extreme(high, 0), _extreme(low, -1)
            between = ceiling < sizes[cut] < floor
            gap = floor - ceiling
            if gap > widest and (between or not mixed) and _steps(before, after, mixed):
                widest, found = gap, cut
    if found is None or found == FEWEST_PERIODS:
        return found
    old, edge = sizes[: found - 1], sizes[found - 1]
    beyond = edge - old.max() if np.median(sizes[found:]) > np.median(old) else old.min() - edge
    return found - 1 if beyond > np.log(APART) else found  # the exception of its side belongs to the change


def _extreme(sizes: NDArray[np.float64], end: int) -> float:
    """The smallest (0) or largest (-1), one exception aside where there are many."""
    kept = np.sort(sizes)
    if len(kept) >= MANY_PERIODS:
        kept = kept[1:] if end == 0 else kept[:-1]
    return float(kept[end])


def _steps(before: NDArray[np.float64], after: NDArray[np.float64], mixed: int) -> bool:
    """Whether a step describes the two sides better than a straight line, by the sum of squares that each leaves."""
    place = np.concatenate([np.arange(len(before)), len(before) + mixed + np.arange(len(after))])
    both = np.concatenate([before, after])
    line = np.polyval(np.polyfit(place, both, 1), place)
    step = ((before - before.mean()) ** 2).sum() + ((after - after.mean()) ** 2).sum()
    return bool(step < ((both - line) ** 2).sum())


QUICK: dict[str, Any] = {"learning_rate": 0.1, "extra_trees": False, "minimum_positives": 2, "num_threads": 1}
"""Of the small models: what can be learnt by heart is to be found, so thresholds are the best ones."""


def small_model_scores(learn: Dataset, test: Dataset, columns: list[str]) -> NDArray[np.float64] | None:
    """The chance of silence of the test rows by a small model of some columns; None where outcomes are too few."""
    X = _together(learn, test)[columns]
    return _score(X.iloc[: len(learn)], learn.outcome, X.iloc[len(learn) :], trees=100)


def _together(learn: Dataset, test: Dataset) -> pd.DataFrame:
    """X of both, one above the other, with the same categories."""
    X = pd.concat([learn.X.astype(_plain(learn)), test.X.astype(_plain(test))], ignore_index=True)
    return X.astype({name: "category" for name in X.columns if X[name].dtype == object})


def _plain(data: Dataset) -> dict[str, str]:
    return {name: "object" for name in data.X.columns if isinstance(data.X[name].dtype, pd.CategoricalDtype)}


def _score(X: pd.DataFrame, y: NDArray[np.object_], other: pd.DataFrame, trees: int) -> NDArray[np.float64] | None:
    model = SilentDefectionClassifier(n_estimators=trees, **QUICK)
    try:
        return three_columns(model.fit(X, y), other)[:, OUTCOMES.index(SILENT)]
    except OneClassError:
        return None
