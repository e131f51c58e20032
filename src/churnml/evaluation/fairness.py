"""Whether the model serves customers of every kind alike: its figures by protected attribute.

The attributes are never features: they reach this page beside X, and other columns may still stand in for them. Figures
are of the silent outcome, over everyone, because a list of whom to contact is drawn from everyone. Gaps are those of
fairlearn's `MetricFrame` (Weerts et al. 2023, Journal of Machine Learning Research 24:257); intervals come from a
bootstrap that redraws persons or households, each for itself. Whether groups differ beyond noise is judged over all of
them and all figures at once (see `gaps`), so that an attribute that says nothing is found to matter once in twenty.

Calibration is compared by its direction, the mean chance less the share that left. A calibration error, a mean of
distances, is the larger the fewer customers a group has, however right the chances are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from churnml.evaluation.gaps import Comparison, p_values
from churnml.metrics.scores import ClusterBootstrap, Floats, Ranking, interval
from churnml.outcomes import SILENT

LISTED = 0.1
"""The contact list holds so large a share of each snapshot's customers."""
TOO_FEW = 30
"""A group of fewer customers than this is counted, but not judged: its figures would be noise, and near to persons."""
BANDS = 4
"""A number is judged by this many bands of about equal size."""
UNKNOWN = "unknown"

LEVEL = 0.05
"""How often an attribute that says nothing may be found to matter, by any of its groups and figures."""

METRICS = ("auroc", "overestimate", "contact_rate", "false_negative_rate")
"""Ranking; mean chance less the share that left; the share on the contact list; of the silent leavers, the share not
on it."""


class _Rows:
    """Some rows, sorted once, so that each further set of weights is quick."""

    def __init__(self, hit: Floats, p: Floats, listed: Floats) -> None:
        self._ranking = Ranking(hit, p)
        self._hit, self._excess, self._listed = hit, p - hit, listed

    def figures(self, weight: Floats) -> Floats:
        """Every one of `METRICS`, in order."""
        return np.array(
            [
                self._ranking.curve(weight).auroc(),
                _mean(self._excess, weight),
                _mean(self._listed, weight),
                _mean(1 - self._listed, weight * self._hit),
            ]
        )


def _metric(place: int) -> Callable[..., float]:
    """One of `METRICS` as fairlearn calls it."""
    return lambda y_true, y_pred, listed: float(_Rows(y_true, y_pred, listed).figures(np.ones(len(y_true)))[place])


def _mean(values: Floats, weight: Floats) -> float:
    total = float(weight.sum())
    return float((values * weight).sum()) / total if total > 0 else float("nan")


@dataclass(frozen=True)
class Fairness:
    """Figures by protected attribute.

    Attributes
    ----------
    groups : attribute, group, metric, value, low, high, difference (from everyone), difference_low, difference_high,
        n (rows), customers, positives (silent leavers). Too small a group has its numbers, and no figures
    gaps : attribute, metric, gap (largest less smallest value of its groups), p_value (how often chance alone puts some
        two groups as surely apart in any of the attribute's figures), beyond_noise (whether that is at most `LEVEL`)
    skipped : why nothing was judged, or None
    """

    groups: pd.DataFrame
    gaps: pd.DataFrame
    skipped: str | None = None

    def frame(self) -> pd.DataFrame:
        """The figures by group."""
        return self.groups

    def figures(self) -> dict[str, float]:
        """The gaps, named for a tracking server."""
        return {
            f"fairness_gap_{row['attribute']}/{row['metric']}": float(row["gap"])
            for row in self.gaps.to_dict(orient="records")
        }


GROUPS = ("attribute", "group", "metric", "value", "low", "high", "difference", "difference_low", "difference_high")
GAPS = ("attribute", "metric", "gap", "p_value", "beyond_noise")


def nothing_judged(why: str) -> Fairness:
    """A result without figures."""
    groups = pd.DataFrame(columns=[*GROUPS, "n", "customers", "positives"])
    return Fairness(groups, pd.DataFrame(columns=list(GAPS)), why)


def fairness(
    y: ArrayLike,
    p_silent: ArrayLike,
    protected: pd.DataFrame,
    group_ids: ArrayLike,
    as_of: ArrayLike,
    *,
    n_bootstrap: int = 200,
    seed: int = 0,
) -> Fairness:
    """Judge chances of leaving silently by protected attribute.

    Parameters
    ----------
    y : (n,) outcomes
    p_silent : (n,) chances of leaving silently
    protected : (n rows) a column per attribute: text, or numbers, which are judged in bands
    group_ids : (n,) person or household; the bootstrap redraws these
    as_of : (n,) snapshots; each has a contact list of its own
    """
    if not len(protected.columns):
        return nothing_judged("no protected attribute is declared")
    if find_spec("fairlearn") is None:
        return nothing_judged("fairlearn is not installed: pip install 'churnml[fairness]'")
    hit = (np.asarray(y).astype(str) == SILENT).astype(float)
    chance, people = np.asarray(p_silent, dtype=float), np.asarray(group_ids)
    arrays = (hit, chance, contact_list(chance, as_of))
    weights = [np.ones(len(hit)), *ClusterBootstrap(people.astype(str), n_bootstrap, seed)]
    everyone = np.array([_Rows(*arrays).figures(weight) for weight in weights])
    groups, gaps = [], []
    for name in protected.columns:
        table, gap = _judged(str(name), _kinds(protected[name]), arrays, people, weights, everyone, seed)
        groups.append(table)
        gaps.append(gap)
    return Fairness(pd.concat(groups, ignore_index=True), pd.concat(gaps, ignore_index=True))


def contact_list(p: ArrayLike, as_of: ArrayLike, share: float = LISTED) -> Floats:
    """How surely each row (n,) is on the list of the highest chances of its snapshot: 1 or 0, between the two in a tie.

    >>> contact_list([0.9, 0.5, 0.5, 0.1], [1, 1, 1, 1], 0.5).tolist()
    [1.0, 0.5, 0.5, 0.0]
    """
    table = pd.DataFrame({"p": np.asarray(p, dtype=float), "as_of": np.asarray(as_of)})
    ranks = table.groupby("as_of")["p"]
    last, first = ranks.rank(method="max", ascending=False), ranks.rank(method="min", ascending=False)
    places = share * ranks.transform("size")
    listed = ((places - first + 1) / (last - first + 1)).clip(0, 1)
    return listed.to_numpy(dtype=float)


def _judged(
    name: str,
    kinds: Any,
    arrays: tuple[Floats, Floats, Floats],
    people: Any,
    weights: list[Floats],
    everyone: Floats,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Figures and gaps of one attribute; `weights` and `everyone` begin with the rows as they are."""
    from fairlearn.metrics import MetricFrame

    customers = pd.Series(people).groupby(kinds).nunique()
    enough = customers.index[customers >= TOO_FEW]
    rows, parts = [], dict[str, Floats]()
    for kind, known in zip(customers.index.astype(str), customers, strict=True):
        inside = kinds == kind
        about = {"n": int(inside.sum()), "customers": int(known), "positives": int(arrays[0][inside].sum())}
        figures = np.full((len(METRICS), len(GROUPS) - 3), np.nan)
        if kind in enough:
            own = _Rows(*(array[inside] for array in arrays))
            figures = _figures(np.array([own.figures(weight[inside]) for weight in weights]), everyone)
            parts[kind] = figures
        for metric, numbers in zip(METRICS, figures, strict=True):
            rows.append(
                {
                    "attribute": name,
                    "group": kind,
                    "metric": metric,
                    **dict(zip(GROUPS[3:], numbers, strict=True)),
                    **about,
                }
            )
    table = pd.DataFrame(rows)
    if not parts:
        return table, pd.DataFrame(columns=list(GAPS))
    big = np.isin(kinds, list(parts))
    hit, chance, listed = (array[big] for array in arrays)
    frame = MetricFrame(
        metrics={metric: _metric(place) for place, metric in enumerate(METRICS)},
        y_true=hit,
        y_pred=chance,
        sensitive_features=pd.Series(kinds[big], name=name),
        sample_params={metric: {"listed": listed} for metric in METRICS},
    )
    gap = frame.difference(method="between_groups")
    named, clusters = (np.unique(each[big].astype(str), return_inverse=True)[1] for each in (kinds, people))
    chances = p_values(Comparison(hit, chance, listed, clusters).furthest, named, clusters, seed)
    gaps = [
        (name, metric, float(gap[metric]), float(by_chance), bool(by_chance <= LEVEL))
        for metric, by_chance in zip(METRICS, chances, strict=True)
    ]
    return table, pd.DataFrame(gaps, columns=list(GAPS))


def _figures(ours: Floats, everyone: Floats) -> Floats:
    """For each metric: value, low, high, difference from everyone, its low and high. Replicates are paired."""
    result = []
    for place in range(len(METRICS)):
        own, apart = ours[:, place], ours[:, place] - everyone[:, place]
        result.append([own[0], *interval(own[1:]), apart[0], *interval(apart[1:])])
    return np.array(result)


def _kinds(column: pd.Series) -> Any:
    """The group of each row, as text; numbers in bands."""
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column) and column.nunique() > BANDS:
        bands = pd.qcut(column.astype(float), BANDS, labels=False, duplicates="drop")
        ends = column.groupby(bands).agg(["min", "max"])
        names = {band: f"{low:g} to {high:g}" for band, low, high in ends.itertuples()}
        column = bands.map(names)
    return column.astype(object).where(column.notna(), UNKNOWN).astype(str).to_numpy(dtype=object)
