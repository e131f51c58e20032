"""A model beside its baselines on rows that none of them has seen, with intervals clustered by customer.

Every figure is given twice: over everyone, and among customers without voice in the lookback. The second leads,
because voice before the snapshot makes `silent` impossible, which part of any ranking over everyone lives on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from churnml.errors import ModelError
from churnml.evaluation.breakdown import breakdown
from churnml.evaluation.judge import (
    NO_VOICE,
    POPULATIONS,
    SHARES,
    Key,
    Replicated,
    Rows,
    centred,
    percent,
    replicate,
)
from churnml.evaluation.parts import Part, by_snapshot
from churnml.metrics.profit import Campaign
from churnml.metrics.scores import ClusterBootstrap, Floats, interval
from churnml.model.baselines import RECENCY
from churnml.outcomes import SILENT

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
    breakdown : the figures of the model, and of recency alone if that is a baseline, by snapshot and in the given
        parts: by, part, and the columns of `metrics`

    Intervals hold 95%, from a bootstrap that redraws whole groups of customers.
    """

    metrics: pd.DataFrame
    differences: pd.DataFrame
    calibration: pd.DataFrame
    lift: pd.DataFrame
    breakdown: pd.DataFrame

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

    def without(self, models: Collection[str]) -> Evaluation:
        """The same without some of the models that the model was compared with."""
        kept = {}
        for each in fields(self):
            table = getattr(self, each.name)
            out = table["baseline" if "baseline" in table else "model"].isin(list(models))
            kept[each.name] = table[~out].reset_index(drop=True)
        return Evaluation(**kept)

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
    value: ArrayLike | None = None,
    campaign: Campaign | None = None,
    parts: Sequence[Part] = (),
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
    value : (n,) what each customer is worth, nan where unknown; without it profit is given for one value only
    campaign : what it costs to keep customers
    parts : parts of the rows to be judged again, besides the snapshots

    Raises
    ------
    ModelError
        No rows, wrong shapes, missing chances or unknown outcomes.
    """
    rows = Rows.of(y, group_ids, voiced, value, campaign)
    tables = rows.checked(probabilities)
    if len(np.asarray(as_of)) != len(rows.code):
        raise ModelError(f"{len(rows.code)} outcomes and {len(np.asarray(as_of))} snapshot dates do not match")
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
        breakdown(
            rows,
            {each: tables[each] for each in (name, RECENCY) if each in tables},
            [*by_snapshot(as_of), *parts],
            bootstrap,
        ),
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
