"""Calibrated training: out-of-time predictions see no future, and they make the final chances honest."""

from __future__ import annotations

import numpy as np
import pytest

from churnml.errors import ModelError
from churnml.metrics.scorers import three_columns
from churnml.metrics.scores import auroc, log_loss
from churnml.model.baselines import ColumnLogistic, baselines
from churnml.model.classifier import SilentDefectionClassifier
from churnml.model.split import RollingOriginSplit
from churnml.model.training import RATES, fit_calibrated, out_of_time
from churnml.outcomes import OUTCOMES

P = [f"p_{outcome}" for outcome in OUTCOMES]


@pytest.fixture(scope="module")
def splitter():
    return RollingOriginSplit(3, horizon_days=42)


@pytest.fixture
def overfit():
    """A model far too sure of itself."""
    return SilentDefectionClassifier(
        n_estimators=120,
        learning_rate=0.3,
        num_leaves=31,
        min_child_samples=5,
        lambda_l2=0.0,
        extra_trees=False,
        num_threads=1,
    )


def test_calibration_mends_an_overfitted_model_on_new_customers(business, make, overfit):
    every = RollingOriginSplit(8, horizon_days=42)
    fitted = fit_calibrated(business.X, business.y, business.as_of, classifier=overfit, splitter=every)
    new = make(customers=400, seed=7)
    code = np.searchsorted(np.array(OUTCOMES), new.y)
    raw = fitted.classifier.predict_proba(new.X)
    assert log_loss(code, fitted.calibration.transform(raw)) < log_loss(code, raw) - 0.05


def test_out_of_time_rows_are_the_last_snapshots_and_never_learn_from_their_own_time(business, splitter):
    model = SilentDefectionClassifier(n_estimators=10, num_threads=1)
    before = out_of_time(business.X, business.y, business.as_of, classifier=model, splitter=splitter)
    assert sorted(before["as_of"].unique()) == sorted(business.as_of.unique())[-3:]
    assert np.array_equal(before["outcome"], business.y[before["row"]])
    first = before["as_of"].min()
    late = np.asarray(business.as_of) > (first - np.timedelta64(42, "D"))
    turned = np.where(late, "retained", business.y)
    after = out_of_time(business.X, turned, business.as_of, classifier=model, splitter=splitter)
    same = (before["as_of"] == first).to_numpy()
    shares = before.loc[same, RATES].drop_duplicates().to_numpy()
    assert shares.tolist() == [[(np.asarray(business.y)[~late] == outcome).mean() for outcome in OUTCOMES]]
    assert np.array_equal(before.loc[same, P], after.loc[same, P])
    assert not np.array_equal(before.loc[~same, P], after.loc[~same, P])


def test_earlier_predictions_are_used_again_and_change_nothing(business, splitter):
    model = SilentDefectionClassifier(n_estimators=10, num_threads=1)
    days = sorted(np.unique(business.as_of))
    first = np.asarray(business.as_of) < days[-1]
    part = [business.X[first].reset_index(drop=True), business.y[first], np.asarray(business.as_of)[first]]
    begun = out_of_time(*part, classifier=model, splitter=splitter)
    whole = [business.X, business.y, business.as_of]
    anew = out_of_time(*whole, classifier=model, splitter=splitter)
    again = out_of_time(*whole, classifier=model, splitter=splitter, earlier=begun)
    assert begun["as_of"].isin(anew["as_of"]).any()
    assert anew.equals(again)


def test_a_short_history_leaves_the_identity(business):
    model = SilentDefectionClassifier(n_estimators=5, num_threads=1)
    splitter = RollingOriginSplit(3, horizon_days=900)
    fitted = fit_calibrated(business.X, business.y, business.as_of, classifier=model, splitter=splitter)
    assert fitted.calibration.method == "identity" and fitted.out_of_time.empty
    assert list(fitted.out_of_time.columns) == ["row", "as_of", "outcome", *P, *RATES]


def test_model_beats_every_baseline_where_there_is_more_to_see(business, make):
    new = make(customers=400, seed=7)
    code = np.searchsorted(np.array(OUTCOMES), new.y)
    model = SilentDefectionClassifier(n_estimators=150, num_threads=1).fit(business.X, business.y)
    found = baselines(business.X.columns)
    assert sorted(found.estimators) == ["RFM logistic", "complaint count", "has voiced", "recency only"]
    assert list(found.skipped) == ["BTYD"]
    losses = {}
    for name, estimator in found.estimators.items():
        p = three_columns(estimator.fit(business.X, business.y), new.X)
        assert p.shape == (len(new.y), 3) and np.allclose(p.sum(axis=1), 1)
        losses[name] = log_loss(code, p)
        assert auroc(new.y == "silent", p[:, 1]) < auroc(new.y == "silent", model.predict_proba(new.X)[:, 1])
    assert log_loss(code, model.predict_proba(new.X)) < min(losses.values())
    prior = np.tile(np.bincount(code) / len(code), (len(code), 1))
    assert max(losses.values()) < log_loss(code, prior)


def test_baselines_bear_missing_values_and_missing_columns(business):
    X = business.X.copy()
    for name in ("days_since_engagement", "amount_90d", "voice_events_90d"):
        X[name] = X[name].where(np.arange(len(X)) % 3 > 0)
    for estimator in baselines(X.columns).estimators.values():
        assert np.isfinite(estimator.fit(X, business.y).predict_proba(X)).all()
        empty = X.assign(**dict.fromkeys(estimator.columns, np.nan))
        assert np.isfinite(estimator.fit(empty, business.y).predict_proba(X)).all()
    found = baselines(["tenure_days"])
    assert not found.estimators and "days_since_engagement" in found.skipped["recency only"]
    assert len(found.skipped) == 5
    with pytest.raises(ModelError, match="'voice_events_90d' is missing"):
        baselines(X.columns).estimators["has voiced"].fit(X.drop(columns="voice_events_90d"), business.y)


def test_a_baseline_without_two_classes_is_one_clear_error(business):
    with pytest.raises(ModelError, match="1 class only"):
        ColumnLogistic(["tenure_days"]).fit(business.X, np.full(len(business.X), "retained"))


def test_labels_that_are_no_outcomes_are_refused(business):
    model = SilentDefectionClassifier(n_estimators=2).fit(business.X, np.where(business.y == "retained", "a", "b"))
    with pytest.raises(ModelError, match="no outcome"):
        three_columns(model, business.X)
