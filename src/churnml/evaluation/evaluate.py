"""A model beside its baselines on rows that none of them has seen, with intervals clustered by customer.

Every figure is given twice: over everyone, and among customers without voice in the lookback. The second leads,
because voice before the snapshot makes `silent` impossible, which part of any ranking over everyone lives on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from churnml.errors import ModelError
from churnml.evaluation.judge import (
    NO_VOICE,
    POPULATIONS,
    SHARES,
    Judge,
    Key,
    Replicated,
    Rows,
    centred,
    percent,
    replicate,
)
from churnml.metrics.scores import ClusterBootstrap, Floats, interval
from churnml.outcomes import OUTCOMES, SILENT

LEADING = (NO_VOICE, SILENT, "auroc")
"""Population, outcome and metric of the figure that leads."""


@dataclass(frozen=True)
class Evaluation:
    """How good each model is.

    Attributes
    ----------
    metrics : model, population, outcome, metric, value, low, high, n, positives
    differences : the model minus each baseline on the same rows: model, baseline, and the columns of `metrics`
    calibration : model, population, outcome, bin, predicted, observed, low, high, n
    lift : model, population, share, lift, low, high: the silent outcome
    by_snapshot : as_of, model, population, outcome, metric, value, n, positives: without intervals

    Intervals hold 95%, from a bootstrap that redraws whole groups of customers.
    """

    metrics: pd.DataFrame
    differences: pd.DataFrame
    calibration: pd.DataFrame
    lift: pd.DataFrame
    by_snapshot: pd.DataFrame

    def value(self, model: str, metric: str, *, population: str = NO_VOICE, outcome: str = SILENT) -> float:
        """One figure of `metrics`."""
        table = self.metrics
        found = table.loc[
            (table["model"] == model)
            & (table["metric"] == metric)
            & (table["population"] == population)
            & (table["outcome"] == outcome),
            "value",
        ]
        if found.empty:
            raise ModelError(f"no figure {metric!r} of {outcome!r} for {model!r} among {population!r}")
        return float(found.iloc[0])

    def frame(self) -> pd.DataFrame:
        """A table to read: one row per model and population, each figure with its interval."""
        wanted: list[Key] = [("all", "log_loss"), (SILENT, "auroc"), (SILENT, "average_precision")]
        wanted += [(SILENT, f"lift_at_{percent(0.1)}"), (SILENT, "calibration_error")]
        rows = []
        for (population, model), part in self.metrics.groupby(["population", "model"], sort=False):
            row: dict[str, str] = {"population": str(population), "model": str(model)}
            for outcome, metric in wanted:
                figure = part[(part["outcome"] == outcome) & (part["metric"] == metric)].iloc[0]
                name = metric if outcome == "all" else f"{metric} {outcome}"
                row[name] = f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"
            rows.append(row)
        return pd.DataFrame(rows)


def evaluate(
    y: ArrayLike,
    probabilities: Mapping[str, ArrayLike],
    group_ids: ArrayLike,
    voiced: ArrayLike,
    as_of: ArrayLike,
    *,
    model: str | None = None,
    n_bootstrap: int = 200,
    seed: int = 0,
) -> Evaluation:
    """Judge one model and its baselines on the same rows.

    Parameters
    ----------
    y : (n,) outcomes
    probabilities : model -> (n, 3) chances in the order retained, silent, vocal
    group_ids : (n,) person or household; the bootstrap redraws these
    voiced : (n,) whether there was voice in the lookback before the snapshot
    as_of : (n,) snapshot dates
    model : which of `probabilities` is the model; the others are its baselines. Default: the first

    Raises
    ------
    ModelError
        No rows, wrong shapes, missing chances or unknown outcomes.
    """
    rows = Rows.of(y, group_ids, voiced)
    tables = rows.checked(probabilities)
    name = model if model is not None else next(iter(tables), "")
    if name not in tables:
        raise ModelError(f"no chances are given for the model {name!r}")
    bootstrap = ClusterBootstrap(rows.group_ids, n_bootstrap, seed)
    judged = {population: replicate(rows, tables, population, bootstrap) for population in POPULATIONS}
    sizes = {population: rows.sizes(population) for population in POPULATIONS}
    metrics, differences = [], []
    for population, models in judged.items():
        for each, result in models.items():
            metrics += [
                {
                    "model": each,
                    "population": population,
                    **_figure(key, value, result.interval(key), sizes[population]),
                }
                for key, value in result.value.items()
            ]
        for baseline in (other for other in models if other != name):
            differences += [
                {"model": name, "baseline": baseline, "population": population, **row}
                for row in difference_rows(models[name], models[baseline], sizes[population])
            ]
    columns = ["model", "baseline", "population", "outcome", "metric", "value", "low", "high", "n", "positives"]
    table = pd.DataFrame(metrics)
    return Evaluation(
        table,
        pd.DataFrame(differences, columns=columns),
        _calibration(judged),
        _lift(table),
        _by_snapshot(rows, tables, as_of),
    )


def _figure(key: Key, value: float, bounds: tuple[float, float], sizes: dict[str, int]) -> dict[str, Any]:
    outcome, metric = key
    numbers = {"value": value, "low": bounds[0], "high": bounds[1], "n": sizes["n"], "positives": sizes[outcome]}
    return {"outcome": outcome, "metric": metric, **numbers}


def difference_rows(first: Replicated, second: Replicated, sizes: dict[str, int]) -> list[dict[str, Any]]:
    """Every figure of `first` minus that of `second`, with paired intervals."""
    result = []
    for key in first.value:
        value = first.value[key] - second.value[key]
        bounds = centred(key, value, first.replicates[key] - second.replicates[key])
        result.append(_figure(key, value, bounds, sizes))
    return result


def _calibration(judged: dict[str, dict[str, Replicated]]) -> pd.DataFrame:
    columns = ["model", "population", "outcome", "bin", "predicted", "observed", "low", "high", "n"]
    result: list[tuple[Any, ...]] = []
    for population, models in judged.items():
        for name, each in models.items():
            for outcome, (predicted, observed, size) in each.curves.items():
                replicates: Floats = each.observed[outcome]
                for place in range(len(size)):
                    low, high = interval(replicates[:, place])
                    numbers = (predicted[place], observed[place], low, high, int(size[place]))
                    result.append((name, population, outcome, place, *numbers))
    return pd.DataFrame(result, columns=columns)


def _lift(metrics: pd.DataFrame) -> pd.DataFrame:
    parts = []
    for share in SHARES:
        part = metrics[metrics["metric"] == f"lift_at_{percent(share)}"]
        parts.append(part.assign(share=share, lift=part["value"]))
    return pd.concat(parts, ignore_index=True)[["model", "population", "share", "lift", "low", "high"]]


def _by_snapshot(rows: Rows, tables: dict[str, Floats], as_of: ArrayLike) -> pd.DataFrame:
    dates = pd.DatetimeIndex(np.asarray(as_of))
    if len(dates) != len(rows.code):
        raise ModelError(f"{len(rows.code)} outcomes and {len(dates)} snapshot dates do not match")
    result = []
    for date in dates.unique().sort_values():
        for population in POPULATIONS:
            mask = rows.within(population) & (dates == date)
            counts = np.bincount(rows.code[mask], minlength=len(OUTCOMES)).tolist()
            sizes = {"all": int(sum(counts[1:])), **dict(zip(OUTCOMES, counts, strict=True))}
            for name, table in tables.items():
                for (outcome, metric), value in Judge(rows.code[mask], table[mask]).figures().items():
                    about = {"as_of": date, "model": name, "population": population, "outcome": outcome}
                    about |= {"metric": metric, "value": value, "n": int(mask.sum()), "positives": sizes[outcome]}
                    result.append(about)
    return pd.DataFrame(result)
