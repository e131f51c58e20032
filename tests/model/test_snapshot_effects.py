"""Trees learn what sets customers of one snapshot apart, and are not misled by what sets snapshots apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_validate

from churnml.model.classifier import SilentDefectionClassifier
from churnml.model.formulations import FORMULATIONS
from churnml.model.snapshot_effects import common_level, starting_scores
from churnml.model.split import RollingOriginSplit
from churnml.model.training import learn
from churnml.outcomes import OUTCOMES

RATES = (0.15, 0.2, 0.3, 0.5, 0.6)


def company(rates: tuple[float, ...], rows: int = 1_500, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """One month after another, each with its own share of leavers. `tenure` reaches further back each month, so that
    the longest of them betray the month; among customers of one month it says that the old ones stay."""
    rng = np.random.default_rng(seed)
    tables, outcomes = [], []
    for month, rate in enumerate(rates):
        tenure, gap = rng.uniform(0, 200 + 60 * month, rows), rng.normal(size=rows)
        left = rng.random(rows) < expit(logit(rate) + 0.8 * gap - 0.004 * (tenure - tenure.mean()))
        outcomes.append(np.where(left, np.where(rng.random(rows) < 0.8, "silent", "vocal"), "retained"))
        tables.append(pd.DataFrame({"tenure": tenure, "gap": gap}))
    return pd.concat(tables, ignore_index=True), np.concatenate(outcomes), np.repeat(np.arange(len(rates)), rows)


def untold(target: np.ndarray) -> np.ndarray:
    """Scores of features that say nothing: the shares of the groups."""
    return np.log(np.bincount(target) / len(target))[None, :].repeat(len(target), axis=0)


def test_what_features_tell_of_a_snapshot_is_left_to_them():
    """A change of price, which the books hold: who met it lately leaves more often, in whatever month."""
    rng = np.random.default_rng(3)
    month = np.repeat(np.arange(6), 2_000)
    lately = (month >= 2) & (month <= 3) & (rng.random(len(month)) < 0.9)
    left = rng.random(len(month)) < np.where(lately, 0.3, 0.1)
    X, y = pd.DataFrame({"price_rose_lately": lately.astype(float)}), np.where(left, "silent", "retained")
    plain = SilentDefectionClassifier().fit(X, y)
    told = SilentDefectionClassifier().fit(X, y, snapshots=month)
    assert told.model_texts_ == plain.model_texts_


def test_a_calendar_in_disguise_no_longer_misleads():
    X, y, month = company((*RATES, 0.3))
    train = month < len(RATES)
    told = SilentDefectionClassifier(seed=1).fit(X[train], y[train], snapshots=month[train])
    untold = SilentDefectionClassifier(seed=1).fit(X[train], y[train])
    left = y[~train] != "retained"
    said = {
        name: roc_auc_score(left, 1 - model.predict_proba(X[~train])[:, 0])
        for name, model in (("told", told), ("untold", untold))
    }
    assert said["told"] > said["untold"] + 0.02


def test_snapshots_that_differ_by_chance_alone_change_no_byte():
    X, y, _ = company((0.3,), rows=4_000)
    month = np.random.default_rng(1).integers(0, 6, len(X))
    plain = SilentDefectionClassifier(n_estimators=20).fit(X, y).model_texts_
    assert SilentDefectionClassifier(n_estimators=20).fit(X, y, snapshots=month).model_texts_ == plain


def test_they_can_be_switched_off():
    X, y, month = company(RATES)
    plain = SilentDefectionClassifier(n_estimators=20).fit(X, y).model_texts_
    off = SilentDefectionClassifier(n_estimators=20, snapshot_effects=False).fit(X, y, snapshots=month)
    assert off.model_texts_ == plain


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_the_level_is_that_of_all_snapshots_together(formulation):
    X, y, month = company(RATES)
    model = SilentDefectionClassifier(formulation).fit(X, y, snapshots=month)
    shares = [(y == outcome).mean() for outcome in OUTCOMES]
    assert np.allclose(model.predict_proba(X).mean(axis=0), shares, atol=0.005)


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_contributions_still_add_up(formulation):
    X, y, month = company(RATES, rows=400)
    model = SilentDefectionClassifier(formulation, n_estimators=30).fit(X, y, snapshots=month)
    matrix = model.encode(X)
    for name, raw in model.raw_scores(X).items():
        parts = model.boosters_[name].predict(matrix, pred_contrib=True).reshape(len(X), raw.shape[1], -1)
        assert np.allclose(parts.sum(axis=2), raw)


def test_restored_from_its_state_it_says_the_same():
    X, y, month = company(RATES, rows=400)
    model = SilentDefectionClassifier(n_estimators=30).fit(X, y, snapshots=month)
    again = SilentDefectionClassifier.restore(model.state(), model.model_texts_)
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))


def test_features_that_say_nothing_leave_the_level():
    _, y, month = company(RATES)
    X = pd.DataFrame({"constant": np.ones(len(y))})
    p = SilentDefectionClassifier().fit(X, y, snapshots=month).predict_proba(X)
    assert np.allclose(1 - p[:, 0], (y != "retained").mean())


def test_as_many_snapshots_as_rows():
    X, y, month = company(RATES)
    with pytest.raises(ValueError, match="X has 7500 rows and snapshots has 10"):
        SilentDefectionClassifier().fit(X, y, snapshots=month[:10])


def test_rows_of_no_weight_have_no_snapshot_either():
    X, y, month = company(RATES)
    shown = month < 3
    without = SilentDefectionClassifier(n_estimators=20).fit(X[shown], y[shown], snapshots=month[shown])
    weight = shown.astype(float)
    weighted = SilentDefectionClassifier(n_estimators=20).fit(X, y, sample_weight=weight, snapshots=month)
    assert np.allclose(weighted.predict_proba(X), without.predict_proba(X))


def test_training_tells_only_those_who_ask():
    X, y, month = company(RATES)
    told = learn(SilentDefectionClassifier(n_estimators=20), X, y, month)
    by_hand = SilentDefectionClassifier(n_estimators=20).fit(X, y, snapshots=month)
    assert told.model_texts_ == by_hand.model_texts_
    assert learn(LogisticRegression(), X, y, month).predict(X).shape == y.shape


def test_cross_validation_hands_them_over():
    X, y, month = company(RATES, rows=400)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(30 * month, unit="D")
    options = {"groups": days, "cv": RollingOriginSplit(2, horizon_days=30), "return_estimator": True}
    model = SilentDefectionClassifier(n_estimators=20)
    found = cross_validate(model, X, y, params={"snapshots": days}, **options)["estimator"]
    train, _ = next(iter(options["cv"].split(X, y, days)))
    assert found[0].model_texts_ == learn(model, X.iloc[train], y[train], days[train]).model_texts_
    assert found[0].model_texts_ != cross_validate(model, X, y, **options)["estimator"][0].model_texts_


def test_a_small_snapshot_is_drawn_nearer_to_all():
    target = np.repeat([0, 1] * 4, [800, 200, 500, 500, 700, 300, 5, 5])
    day = np.repeat([0, 1, 2, 3], [1000, 1000, 1000, 10])
    start = dict(zip(day, starting_scores(untold(target), target, day)[:, 1], strict=True))
    assert start[1] - start[0] == pytest.approx(logit(0.5) - logit(0.2), abs=0.1)
    assert start[0] < start[2] < start[3] < start[1] - 0.1  # as many of the ten left as on day 1, but who knows


def test_weights_count_as_rows():
    target, day = np.repeat([0, 1, 0, 1], [600, 200, 300, 400]), np.repeat([0, 1], [800, 700])
    four, weight = np.array([0, 1, 0, 1]), np.array([600.0, 200.0, 300.0, 400.0])
    once = starting_scores(np.log([[0.6, 0.4]]).repeat(4, axis=0), four, [0, 0, 1, 1], weight)
    assert np.allclose(once, starting_scores(untold(target), target, day)[[0, 600, 800, 1100]])


@pytest.mark.parametrize("shares", [(0.9, 0.1), (0.86, 0.1, 0.04)])
def test_the_common_level_meets_every_share(shares):
    rng = np.random.default_rng(len(shares))
    raw, target = rng.normal(size=(5_000, len(shares))) * 2, rng.choice(len(shares), 5_000, p=shares)
    level = common_level(raw, target)
    assert level[0] == 0
    assert np.allclose(softmax(raw + level, axis=1).mean(axis=0), np.bincount(target) / 5_000, atol=1e-8)
