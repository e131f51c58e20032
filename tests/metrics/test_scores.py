"""The metrics against scikit-learn, against brute force, and at their edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics as sk

from churnml.errors import ModelError
from churnml.metrics import scores


@pytest.fixture(params=range(5))
def weighted(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, scores with many ties, and weights of which some are zero."""
    rng = np.random.default_rng(request.param)
    n = 300
    score = rng.integers(1, 12, n) / 13
    return rng.random(n) < score, score, rng.integers(0, 4, n).astype(float)


def test_rankings_agree_with_scikit_learn(weighted):
    y, p, w = weighted
    assert scores.auroc(y, p, w) == pytest.approx(sk.roc_auc_score(y, p, sample_weight=w), abs=1e-12)
    assert scores.auroc(y, p) == pytest.approx(sk.roc_auc_score(y, p), abs=1e-12)
    assert scores.average_precision(y, p, w) == pytest.approx(sk.average_precision_score(y, p, sample_weight=w))
    assert scores.average_precision(y, p) == pytest.approx(sk.average_precision_score(y, p), abs=1e-12)


def test_losses_agree_with_scikit_learn(weighted):
    y, p, w = weighted
    assert scores.log_loss(y, p, w) == pytest.approx(sk.log_loss(y, p, sample_weight=w))
    assert scores.brier(y, p, w) == pytest.approx(sk.brier_score_loss(y, p, sample_weight=w))
    rng = np.random.default_rng(1)
    table = rng.dirichlet([1, 2, 3], len(y))
    codes = np.array([rng.choice(3, p=row) for row in table])
    assert scores.log_loss(codes, table, w) == pytest.approx(sk.log_loss(codes, table, sample_weight=w))
    onehot = np.eye(3)[codes]
    assert scores.brier(codes, table, w) == pytest.approx(np.average(((table - onehot) ** 2).sum(1), weights=w))


def test_weights_are_repetitions(weighted):
    y, p, w = weighted
    repeat = w.astype(int)
    for figure in (scores.auroc, scores.average_precision, scores.log_loss, scores.brier):
        assert figure(y, p, w) == pytest.approx(figure(np.repeat(y, repeat), np.repeat(p, repeat)))
    for figure in (scores.lift_at, scores.precision_at):
        assert figure(y, p, 0.1, w) == pytest.approx(figure(np.repeat(y, repeat), np.repeat(p, repeat), 0.1))


def test_row_order_changes_nothing(weighted):
    y, p, w = weighted
    turn = np.random.default_rng(0).permutation(len(y))
    for figure in (scores.auroc, scores.average_precision, scores.calibration_error):
        assert figure(y[turn], p[turn], w[turn]) == pytest.approx(figure(y, p, w), abs=1e-12)
    assert scores.lift_at(y[turn], p[turn], 0.05) == pytest.approx(scores.lift_at(y, p, 0.05), abs=1e-12)


def test_precision_among_ties_is_the_mean_over_their_orders():
    y = np.array([True, False, False, True, False])
    p = np.array([0.5, 0.5, 0.5, 0.5, 0.1])
    assert scores.precision_at(y, p, 0.2) == pytest.approx(0.5)
    assert scores.lift_at(y, p, 0.2) == pytest.approx(0.5 / 0.4)
    assert scores.precision_at(y, p, 1.0) == pytest.approx(0.4)


@pytest.mark.parametrize("truth", [[True, True], [False, False], []])
def test_one_class_or_nothing_gives_nan_not_an_error(truth):
    y, p = np.array(truth, dtype=bool), np.linspace(0.2, 0.4, len(truth))
    assert math.isnan(scores.auroc(y, p))
    assert math.isnan(scores.average_precision(y, p))
    if not len(y):
        assert math.isnan(scores.log_loss(y, p)) and math.isnan(scores.calibration_error(y, p))
    if not y.any():
        assert math.isnan(scores.lift_at(y, p, 0.1))


def test_missing_probabilities_are_refused():
    with pytest.raises(ModelError, match="missing values"):
        scores.auroc([True, False], [0.1, np.nan])


def test_calibration_sees_a_distortion_and_only_that():
    rng = np.random.default_rng(0)
    p = rng.random(20_000)
    y = rng.random(20_000) < p
    assert scores.calibration_error(y, p) < 0.015
    assert scores.calibration_error(y, p**2) == pytest.approx(np.mean(p - p**2), abs=0.01)
    predicted, observed, size = scores.calibration_curve(y, p, bins=5)
    assert size.tolist() == pytest.approx([4000] * 5, abs=2)
    assert np.abs(predicted - observed).max() < 0.03


def test_bootstrap_draws_whole_clusters_and_repeats_itself():
    groups = np.array(["b", "a", "c", "a", "b", "b"])
    drawn = list(scores.ClusterBootstrap(groups, n=50, seed=1))
    for w in drawn:
        assert w[1] == w[3] and w[0] == w[4] == w[5]
        assert w[0] + w[1] + w[2] == 3
    again = list(scores.ClusterBootstrap(groups, n=50, seed=1))
    assert np.array_equal(drawn, again)
    assert not np.array_equal(drawn, list(scores.ClusterBootstrap(groups, n=50, seed=2)))


@pytest.mark.parametrize("at_once", [1, 700, 10**6])
def test_batches_of_a_bootstrap_are_its_replicates_and_figures_of_many_are_those_of_each(monkeypatch, at_once):
    monkeypatch.setattr(scores, "BATCH", at_once)
    rng = np.random.default_rng(4)
    groups, y, p = rng.integers(0, 40, 97), rng.random(97) < 0.3, rng.random(97).round(1)
    bootstrap = scores.ClusterBootstrap(groups, n=20, seed=3)
    assert np.array_equal(np.concatenate(list(bootstrap.batches())), list(bootstrap))
    ranking, bins = scores.Ranking(y, p), scores.calibration_bins(y, p)
    many = [(ranking.curves(weights).auroc(), bins.errors(weights)) for weights in bootstrap.batches()]
    each = [(ranking.curve(weight).auroc(), bins.error(weight)) for weight in bootstrap]
    assert np.array_equal(np.hstack(many), np.transpose(each))


def test_bootstrap_interval_has_the_right_width():
    rng = np.random.default_rng(0)
    per_group = rng.normal(size=400)
    values, groups = np.repeat(per_group, 5), np.repeat(np.arange(400), 5)
    means = [np.average(values, weights=w) for w in scores.ClusterBootstrap(groups, n=400, seed=0)]
    low, high = scores.interval(means)
    assert high - low == pytest.approx(2 * 1.96 * per_group.std() / 20, rel=0.15)
