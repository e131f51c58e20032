"""Scorers inside scikit-learn: the rolling origin, pipelines, searches, and the figures of the plain functions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from churnml.errors import ModelError
from churnml.metrics.profit import Campaign, expected_maximum_profit
from churnml.metrics.scorers import lift_scorer, log_loss_scorer, precision_scorer, profit_scorer
from churnml.metrics.scores import lift_at, log_loss, precision_at
from churnml.model.classifier import SilentDefectionClassifier
from churnml.model.split import RollingOriginSplit

CAMPAIGN = Campaign(customer_value=80.0)
SCORING = {
    "lift": lift_scorer(0.1),
    "precision": precision_scorer(0.05),
    "vocal": lift_scorer(0.1, outcome="vocal"),
    "profit": profit_scorer(campaign=CAMPAIGN),
}
SPLIT = RollingOriginSplit(2, horizon_days=42)
OURS = SilentDefectionClassifier(n_estimators=30, num_threads=1)
PIPELINE = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression())


@pytest.fixture(scope="module")
def rows() -> tuple[pd.DataFrame, np.ndarray, pd.DatetimeIndex, np.ndarray]:
    rng = np.random.default_rng(0)
    n = 2400
    X = pd.DataFrame({"recency": rng.exponential(30, n), "voice": rng.poisson(0.3, n).astype(float)})
    X["trend"] = np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n))
    silent, vocal = -2.5 + X["recency"] / 25, -2.5 + 2 * X["voice"]
    odds = np.exp(np.column_stack([np.zeros(n), silent, vocal]))
    chances = odds / odds.sum(axis=1, keepdims=True)
    y = np.array(["retained", "silent", "vocal"])[(rng.random((n, 1)) > chances.cumsum(axis=1)).sum(axis=1)]
    as_of = pd.DatetimeIndex(np.tile(pd.date_range("2024-01-01", periods=6, freq="28D"), n // 6))
    return X, y, as_of, rng.lognormal(4, 1, n)


@pytest.mark.parametrize("model", [OURS, PIPELINE])
def test_the_rolling_origin_and_the_scorers_work_inside_cross_validate(rows, model) -> None:
    X, y, as_of, _ = rows
    found = cross_validate(model, X, y, groups=as_of, cv=SPLIT, scoring=SCORING, error_score="raise")
    for fold, (train, test) in enumerate(SPLIT.split(X, y, as_of)):
        p = clone(model).fit(X.iloc[train], y[train]).predict_proba(X.iloc[test])
        silent = y[test] == "silent"
        assert found["test_lift"][fold] == pytest.approx(lift_at(silent, p[:, 1], 0.1))
        assert found["test_precision"][fold] == pytest.approx(precision_at(silent, p[:, 1], 0.05))
        assert found["test_vocal"][fold] == pytest.approx(lift_at(y[test] == "vocal", p[:, 2], 0.1))
        profit = expected_maximum_profit(silent, p[:, 1], campaign=CAMPAIGN)
        assert found["test_profit"][fold] == pytest.approx(profit)
    assert (found["test_lift"] > 1.2).all() and (found["test_vocal"] > 1.2).all()


def test_a_search_can_look_for_profit(rows) -> None:
    X, y, as_of, _ = rows
    search = GridSearchCV(OURS, {"n_estimators": [1, 40]}, scoring=profit_scorer(), cv=SPLIT)
    search.fit(X, y, groups=as_of)
    assert search.best_params_ == {"n_estimators": 40}


def test_individual_values_are_routed_to_the_scorer(rows) -> None:
    X, y, as_of, value = rows
    with config_context(enable_metadata_routing=True):
        scorer = profit_scorer().set_score_request(value=True)
        found = cross_validate(
            OURS, X, y, cv=SPLIT, scoring=scorer, params={"groups": as_of, "value": value}, error_score="raise"
        )
    train, test = list(SPLIT.split(X, y, as_of))[-1]
    p = clone(OURS).fit(X.iloc[train], y[train]).predict_proba(X.iloc[test])[:, 1]
    expected = expected_maximum_profit(y[test] == "silent", p, value[test])
    assert found["test_score"][-1] == pytest.approx(expected)
    assert expected != pytest.approx(expected_maximum_profit(y[test] == "silent", p))


def test_two_outcomes_are_scored_by_name(rows) -> None:
    X, y, _, _ = rows
    y = np.where(y == "vocal", "retained", y)
    model = clone(PIPELINE).fit(X, y)
    expected = lift_at(y == "silent", model.predict_proba(X)[:, 1], 0.1)
    assert lift_scorer(0.1)(model, X, y) == pytest.approx(expected)
    assert expected > 1.2


def test_log_loss_bears_a_fold_without_an_outcome(rows) -> None:
    X, y, _, _ = rows
    code = np.array([("retained", "silent", "vocal").index(outcome) for outcome in y])
    model = clone(PIPELINE).fit(X, y)
    some = y != "vocal"
    expected = -log_loss(code[some], model.predict_proba(X[some]))
    assert log_loss_scorer()(model, X[some], y[some]) == pytest.approx(expected)
    ignorant = clone(PIPELINE).fit(X[some], y[some])
    assert log_loss_scorer()(ignorant, X[some], y[some]) > expected
    assert cross_validate(model, X, y, scoring=log_loss_scorer(), error_score="raise")["test_score"].mean() < 0


def test_an_unknown_outcome_is_refused() -> None:
    with pytest.raises(ModelError, match="'gone' is no outcome"):
        lift_scorer(outcome="gone")
