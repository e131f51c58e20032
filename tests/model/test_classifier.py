"""The classifier keeps scikit-learn's contract, finds known signal, and falls back when an outcome is rare."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from churnml.errors import ModelError
from churnml.metrics.scores import auroc, log_loss
from churnml.model.boosting import SMALL
from churnml.model.classifier import SilentDefectionClassifier
from churnml.model.formulations import FORMULATIONS
from churnml.outcomes import OUTCOMES

WEIGHTS = "LightGBM counts rows in min_data_in_leaf, in bagging and in its bins, so weight 2 is not a row given twice"


@parametrize_with_checks(
    [SilentDefectionClassifier(name, n_estimators=40, learning_rate=0.1, num_threads=1) for name in FORMULATIONS],
    expected_failed_checks=lambda _: {"check_sample_weight_equivalence_on_dense_data": WEIGHTS},
)
def test_keeps_scikit_learns_contract(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def fitted(business):
    return SilentDefectionClassifier("three_class", n_estimators=150, num_threads=1).fit(business.X, business.y)


def test_finds_the_known_signal_on_new_customers(fitted, make):
    new = make(customers=400, seed=99)
    p = fitted.predict_proba(new.X)
    assert fitted.classes_.tolist() == list(OUTCOMES)
    assert p.shape == (len(new.y), 3) and np.allclose(p.sum(axis=1), 1)
    silent = new.y == "silent"
    recency = auroc(silent, new.X["days_since_engagement"])
    best = auroc(silent, new.truth[:, 1])
    assert auroc(silent, p[:, 1]) > recency + 0.6 * (best - recency)
    code = np.searchsorted(np.array(OUTCOMES), new.y)
    prior = np.tile(np.bincount(code) / len(code), (len(code), 1))
    assert log_loss(code, new.truth) < log_loss(code, p) < log_loss(code, prior) - 0.1


def test_same_seed_gives_the_same_bytes_and_another_seed_does_not(business):
    small = SilentDefectionClassifier(n_estimators=10)
    first, again = (clone(small).fit(business.X, business.y).model_texts_ for _ in range(2))
    assert first == again
    assert clone(small).set_params(seed=1).fit(business.X, business.y).model_texts_ != first


def test_threads_change_nothing(business):
    one, two = (SilentDefectionClassifier(n_estimators=10, num_threads=n).fit(business.X, business.y) for n in (1, 2))
    assert np.array_equal(one.predict_proba(business.X), two.predict_proba(business.X))


def test_threads_change_nothing_in_a_large_table(business):
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(len(business.y), 150)))  # more than boosting.SMALL values
    models = [SilentDefectionClassifier(n_estimators=3, num_threads=n).fit(X, business.y) for n in (1, 2)]
    assert X.size > SMALL and np.array_equal(models[0].predict_proba(X), models[1].predict_proba(X))


def test_a_table_of_doubles_is_read_where_it_lies_whatever_its_order(business):
    numbers = business.X.drop(columns="region").copy()
    model = SilentDefectionClassifier(n_estimators=5, num_threads=1).fit(numbers, business.y)
    assert np.shares_memory(model.encode(numbers), numbers.to_numpy())
    by_rows = np.ascontiguousarray(numbers.to_numpy())
    again = SilentDefectionClassifier(n_estimators=5, num_threads=1)
    again.fit(pd.DataFrame(by_rows, columns=numbers.columns), business.y)
    assert again.model_texts_ == model.model_texts_
    assert np.array_equal(again.predict_proba(numbers), model.predict_proba(numbers))


def test_any_column_may_be_missing_everywhere(fitted, business):
    for name in business.X:
        X = business.X.head(50).copy()
        X[name] = pd.Categorical([None] * 50, categories=["north"]) if name == "region" else np.nan
        assert np.isfinite(fitted.predict_proba(X)).all()
        again = SilentDefectionClassifier(n_estimators=5).fit(business.X.assign(**{name: X[name].iloc[0]}), business.y)
        assert np.isfinite(again.predict_proba(X)).all()


def test_categories_are_known_by_name_not_by_number(fitted, business):
    X = business.X.head(200)
    turned = X.assign(region=X["region"].cat.reorder_categories(["west", "south", "north"]))
    assert np.array_equal(fitted.predict_proba(turned), fitted.predict_proba(X))
    unseen = X.assign(region=pd.Categorical(["mars"] * len(X)))
    missing = X.assign(region=pd.Categorical([None] * len(X), categories=["north"]))
    assert np.array_equal(fitted.predict_proba(unseen), fitted.predict_proba(missing))


def test_raw_margin_is_the_log_odds_of_silent_against_retained(fitted, business):
    p = fitted.predict_proba(business.X)
    assert np.allclose(fitted.raw_margin(business.X), np.log(p[:, 1] / p[:, 0]))


@pytest.mark.parametrize("vocal_left", [0, 20])
def test_too_few_vocal_leavers_fall_back_to_defection(business, vocal_left):
    keep = (business.y != "vocal") | (np.cumsum(business.y == "vocal") <= vocal_left)
    model = SilentDefectionClassifier(n_estimators=30).fit(business.X[keep], business.y[keep])
    assert f"only {vocal_left} vocal" in model.fallback_
    p = model.predict_proba(business.X)
    assert model.classes_.tolist() == list(OUTCOMES)
    assert (p > 0).all() and np.allclose(p.sum(axis=1), 1)
    silent = (business.y[keep] == "silent").sum()
    assert np.allclose(p[:, 1] / (p[:, 1] + p[:, 2]), silent / (silent + vocal_left), atol=0.01)
    assert np.allclose(model.raw_margin(business.X), np.log((p[:, 1] + p[:, 2]) / p[:, 0]))


def test_enough_of_each_outcome_needs_no_fallback(fitted):
    assert fitted.fallback_ is None


@pytest.mark.parametrize("labels", [["retained"], ["silent"], ["silent", "vocal"]])
def test_one_class_is_one_clear_error(business, labels):
    y = np.resize(labels, len(business.y))
    with pytest.raises(ModelError, match="1 class only"):
        SilentDefectionClassifier().fit(business.X, y)


def test_an_unknown_formulation_is_refused(business):
    with pytest.raises(ModelError, match="formulation"):
        SilentDefectionClassifier("two_towers").fit(business.X, business.y)


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_estimators": 0},
        {"n_estimators": 10.5},
        {"num_leaves": 1},
        {"learning_rate": -0.1},
        {"max_depth": "deep"},
        {"feature_fraction": 0.0},
        {"bagging_fraction": 7},
        {"lambda_l2": -3},
        {"extra_trees": 3},
        {"minimum_positives": "few"},
    ],
    ids=str,
)
def test_a_parameter_without_meaning_is_refused_by_name(business, wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"'{name}' parameter of SilentDefectionClassifier must be"):
        SilentDefectionClassifier(**wrong).fit(business.X, business.y)
