"""From a bundle and a night's features to the table of scores."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import date
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from churnml.errors import ModelError
from churnml.model.bundle import BATCH_ROWS
from churnml.outcomes import OUTCOMES
from churnml.scoring.sinks import BEHIND, REASONS, SCHEMA_VERSION, SCORES, THEMES


class Predicts(Protocol):
    """What is needed of a bundle: calibrated chances (n, 3) in the order of `OUTCOMES`."""

    def predict_proba(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Chances (n, 3)."""


def run_id(**inputs: Any) -> str:
    """sha256 over everything a night depends on: the same inputs are the same run.

    >>> run_id(as_of=date(2024, 3, 1), model="ab")[:12]
    '8cd4912b2705'
    """
    text = json.dumps(inputs, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def risk_bands(p_silent: ArrayLike, *, high: float, medium: float) -> NDArray[np.object_]:
    """`high`, `medium` or `low` for each chance of leaving silently; a chance on the threshold is above it.

    >>> risk_bands([0.1, 0.2, 0.7], high=0.5, medium=0.2).tolist()
    ['low', 'medium', 'high']
    """
    chances = np.asarray(p_silent, dtype=np.float64)
    return np.select([chances >= high, chances >= medium], ["high", "medium"], "low").astype(object)


def score_frame(
    bundle: Predicts,
    X: pd.DataFrame,
    customer_ids: ArrayLike,
    *,
    as_of: date,
    explain: Callable[[pd.DataFrame], pd.DataFrame],
    high: float,
    medium: float,
    model_version: str,
    run_id: str,
    value: ArrayLike | None = None,
    persona: ArrayLike | None = None,
    batch_rows: int = BATCH_ROWS,
    on_batch: Callable[[int], None] | None = None,
) -> pa.Table:
    """Score and explain every customer, some at a time; rows come ordered by `customer_id`.

    Parameters
    ----------
    bundle : gives the chances
    X : (n, f) features; `customer_ids` names their rows
    explain : features (m, f) -> frame of m rows with `reason_1`..., `theme_1`..., `likely_reason` and `keep_1`, as many
        as there are
    high, medium : the thresholds of the risk bands
    value : (n,) what each customer is worth, nan where unknown; `value_at_risk` is `value * p_silent`, what is
        expected to be lost in silence
    persona : (n,) texts, None where unknown: the kind of customer
    on_batch : told the number of rows done after each batch

    Returns
    -------
    A table of schema `SCORES`. What later steps bring (saveability, action) is null, see `with_actions`.

    Raises
    ------
    ModelError
        The bundle gave something other than three chances that add up to 1 for each row, or a customer is there
        twice.
    """
    ids = pd.Index(np.asarray(customer_ids, dtype=object))
    if ids.has_duplicates:
        raise ModelError(f"{int(ids.duplicated().sum())} customers would be scored twice", "give one row each")
    order = np.argsort(ids.to_numpy(), kind="stable")
    worth = np.full(len(ids), np.nan) if value is None else np.asarray(value, dtype=np.float64)
    kinds = np.full(len(ids), None, dtype=object) if persona is None else np.asarray(persona, dtype=object)
    batches = []
    for start in range(0, len(order), batch_rows):
        rows = order[start : start + batch_rows]
        features = X.iloc[rows]
        chances = _chances(bundle, features)
        explained = explain(features)
        if len(explained) != len(rows):
            raise ModelError(f"{len(explained)} explanations were given for {len(rows)} customers")
        batches.append(
            _batch(
                ids[rows],
                as_of,
                chances,
                explained.assign(persona=kinds[rows]),
                worth[rows],
                high,
                medium,
                model_version,
                run_id,
            )
        )
        if on_batch is not None:
            on_batch(start + len(rows))
    return pa.concat_tables(batches) if batches else SCORES.empty_table()


def _chances(bundle: Predicts, X: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    chances = np.asarray(bundle.predict_proba(X), dtype=np.float64)
    if chances.shape != (len(X), len(OUTCOMES)):
        raise ModelError(f"the model gave chances of shape {chances.shape}, not {(len(X), len(OUTCOMES))}")
    faulty = ~(np.isclose(chances.sum(axis=1), 1.0, atol=1e-6) & (chances >= 0).all(axis=1))
    if faulty.any():
        raise ModelError(f"the model gave chances that do not add up to 1 for {int(faulty.sum())} customers")
    return dict(zip(OUTCOMES, chances.T, strict=True))


def _batch(
    ids: pd.Index,
    as_of: date,
    chances: dict[str, NDArray[np.float64]],
    told: pd.DataFrame,
    value: NDArray[np.float64],
    high: float,
    medium: float,
    model_version: str,
    run_id: str,
) -> pa.Table:
    at_risk = value * chances["silent"]
    columns: dict[str, Any] = {
        "customer_id": pa.array(ids, pa.string()),
        "as_of": pa.array([as_of] * len(ids), pa.date32()),
        **{f"p_{outcome}": pa.array(values) for outcome, values in chances.items()},
        "risk_band": pa.array(risk_bands(chances["silent"], high=high, medium=medium), pa.string()),
        "value_at_risk": pa.array(at_risk, mask=~np.isfinite(at_risk)),
        **{
            name: pa.array(told[name].to_numpy(dtype=object), pa.string(), from_pandas=True)
            for name in ("persona", *REASONS, *THEMES, *BEHIND)
            if name in told
        },
        "model_version": pa.array([model_version] * len(ids), pa.string()),
        "run_id": pa.array([run_id] * len(ids), pa.string()),
        "schema_version": pa.array([SCHEMA_VERSION] * len(ids), pa.string()),
    }
    return pa.table(
        [columns.get(field.name, pa.nulls(len(ids), field.type)) for field in SCORES],
        schema=SCORES,
    )


def with_actions(scores: pa.Table, decided: pd.DataFrame, saveability: ArrayLike, basis: str) -> pa.Table:
    """The scores with what is to be done about each customer.

    Parameters
    ----------
    decided : from `churnml.targeting.policy.decide`, a row for each row of the scores, in the same order
    saveability : (n,) by how much a contact lowers each customer's chance of leaving
    basis : what the saveability is, `assumed` or `estimated`
    """
    net = decided["expected_net_value"].to_numpy(dtype=np.float64)
    columns: dict[str, Any] = {
        "saveability": pa.array(np.asarray(saveability, dtype=np.float64)),
        "expected_net_value": pa.array(net, mask=np.isnan(net)),
        "held_out": pa.array(decided["held_out"].to_numpy(dtype=bool)),
        "saveability_basis": pa.array([basis] * len(decided), pa.string()),
        **{
            name: pa.array(decided[name].to_numpy(dtype=object), pa.string(), from_pandas=True)
            for name in ("action", "action_channel", "excluded_because")
        },
    }
    return pa.table([columns.get(field.name, scores[field.name]) for field in SCORES], schema=SCORES)
