"""Calibration mends a distorted model out of sample, leaves a good one alone, and never gives 0, 1 or nan."""

from __future__ import annotations

import re

import numpy as np
import pytest

from churnml.errors import ModelError
from churnml.metrics.scores import calibration_error, log_loss
from churnml.model.calibration import Calibration
from churnml.outcomes import OUTCOMES


def draw(n: int, seed: int, share: tuple[float, float, float] = (6, 2, 1.5)) -> tuple[np.ndarray, np.ndarray]:
    """True chances and outcomes drawn from them."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(share, n)
    return p, np.array(OUTCOMES)[(rng.random((n, 1)) > p.cumsum(axis=1)).sum(axis=1)]


def distort(p: np.ndarray) -> np.ndarray:
    q = p**1.8 * np.array([1.0, 2.0, 0.6])
    return q / q.sum(axis=1, keepdims=True)


def codes(y: np.ndarray) -> np.ndarray:
    return np.searchsorted(np.array(OUTCOMES), y)


def test_a_distorted_model_is_mended_on_new_rows():
    p, y = draw(6000, 0)
    new, new_y = draw(6000, 1)
    calibration = Calibration.fit(distort(p), y, OUTCOMES)
    mended = calibration.transform(distort(new))
    assert calibration.method == "vector"
    assert log_loss(codes(new_y), mended) == pytest.approx(log_loss(codes(new_y), new), abs=0.003)
    assert log_loss(codes(new_y), mended) < log_loss(codes(new_y), distort(new)) - 0.05
    for column in range(3):
        hit = new_y == OUTCOMES[column]
        assert calibration_error(hit, mended[:, column]) < calibration_error(hit, distort(new)[:, column])


def test_few_positives_fit_the_temperature_only():
    p, y = draw(1500, 2)
    hot = p**2 / (p**2).sum(axis=1, keepdims=True)
    calibration = Calibration.fit(hot, y, OUTCOMES)
    assert calibration.method == "temperature"
    rarest = min(int((y == outcome).sum()) for outcome in OUTCOMES)
    assert f"vector scaling needs 500 rows of every outcome, the rarest has {rarest}" in calibration.why
    assert len(set(calibration.scale)) == 1 and set(calibration.bias) == {0.0}
    assert calibration.scale[0] == pytest.approx(0.5, abs=0.1)
    new, new_y = draw(5000, 3)
    hot = new**2 / (new**2).sum(axis=1, keepdims=True)
    assert log_loss(codes(new_y), calibration.transform(hot)) < log_loss(codes(new_y), hot)


@pytest.mark.parametrize("seed", range(4, 8))
def test_a_good_model_is_hardly_touched(seed):
    p, y = draw(4000, seed)
    calibration = Calibration.fit(p, y, OUTCOMES)
    assert np.abs(calibration.transform(p) - p).max() < 0.05
    assert calibration.log_loss_after <= calibration.log_loss_before


def test_the_fit_never_raises_the_log_loss_of_the_rows_it_saw():
    for seed in range(10):
        p, y = draw(60, seed)
        calibration = Calibration.fit(p, y, OUTCOMES)
        assert log_loss(codes(y), calibration.transform(p)) <= log_loss(codes(y), p) + 1e-12


def test_certain_predictions_stay_inside_and_sum_to_one():
    certain = np.eye(3)[np.arange(300) % 3]
    wrong = np.array(OUTCOMES)[(np.arange(300) + (np.arange(300) % 7 == 0)) % 3]
    for calibration in (Calibration.fit(certain, wrong, OUTCOMES), Calibration.identity(OUTCOMES)):
        p = calibration.transform(certain)
        assert ((p > 0) & (p < 1)).all()
        assert np.abs(p.sum(axis=1) - 1).max() < 1e-12


def test_json_keeps_every_bit():
    p, y = draw(6000, 0)
    calibration = Calibration.fit(distort(p), y, OUTCOMES)
    again = Calibration.from_json(calibration.to_json())
    assert again == calibration
    assert np.array_equal(again.transform(p), calibration.transform(p))


def test_no_rows_leave_the_identity_and_missing_chances_are_refused():
    assert Calibration.fit(np.empty((0, 3)), [], OUTCOMES).method == "identity"
    with pytest.raises(ModelError, match="missing"):
        Calibration.identity(OUTCOMES).transform([[np.nan, 0.5, 0.5]])
    with pytest.raises(ModelError, match="shape"):
        Calibration.identity(OUTCOMES).transform([[0.5, 0.5]])


def seasons(shift, n=600, months=9, seed=0):
    """Chances that are right on average, and outcomes whose base rate follows `shift(month)`."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet([4, 2, 1], size=n * months)
    month = np.repeat(np.arange(months), n)
    logits = np.log(p) + np.column_stack([np.zeros(len(p)), shift(month), np.zeros(len(p))])
    moved = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    drawn = (rng.random((len(p), 1)) > moved.cumsum(axis=1)).sum(axis=1)
    as_of = np.datetime64("2024-01-01") + month * np.timedelta64(30, "D")
    return p, np.array(["retained", "silent", "vocal"])[np.minimum(drawn, 2)], as_of


def test_a_correction_that_fits_the_season_only_is_not_used():
    p, y, as_of = seasons(lambda month: 1.5 * np.cos(month / 9 * 2 * np.pi))
    fitted = Calibration.fit(p, y, ["retained", "silent", "vocal"], as_of=as_of, window_days=60)
    assert fitted.method == "identity"
    assert re.search(r"stand: .*vector scaling changed the log loss of 7 later snapshots by \+0\.\d+", fitted.why)


def test_a_correction_that_holds_in_every_season_is_used():
    p, y, as_of = seasons(lambda month: np.full(len(month), 1.0))
    fitted = Calibration.fit(p, y, ["retained", "silent", "vocal"], as_of=as_of, window_days=60)
    assert fitted.method == "vector"
    assert fitted.log_loss_after < fitted.log_loss_before - 0.02


def test_two_later_snapshots_prove_nothing():
    p, y, as_of = seasons(lambda month: np.full(len(month), 1.0), months=3)
    fitted = Calibration.fit(p, y, ["retained", "silent", "vocal"], as_of=as_of, window_days=30)
    assert fitted.method == "identity"
    assert "could be tried on 2 later snapshots only" in fitted.why


LEARNT = np.array([0.7, 0.25, 0.05])


def nights(label_shifted, silent, n=1500):
    """Snapshots whose share of silent leavers is as given, seen by a model that has learnt from `LEARNT`."""
    made = [label_shifted(n, np.array([0.95 - share, share, 0.05]), LEARNT, seed) for seed, share in enumerate(silent)]
    as_of = np.datetime64("2024-01-01") + np.repeat(np.arange(len(silent)), n) * np.timedelta64(30, "D")
    return np.concatenate([p for p, _ in made]), np.array(OUTCOMES)[np.concatenate([y for _, y in made])], as_of


def test_moved_base_rates_are_followed_where_that_has_proved_itself(label_shifted):
    p, y, as_of = nights(label_shifted, [0.2, 0.5, 0.15, 0.45, 0.25, 0.55])
    then = np.tile(LEARNT, (len(p), 1))
    fitted = Calibration.fit(p, y, OUTCOMES, as_of=as_of, window_days=30, rates=LEARNT, rates_then=then)
    assert fitted.method == "label shift" and fitted.log_loss_after < fitted.log_loss_before - 0.02
    assert "label shift on 9,000 predictions out of time lowered their log loss" in fitted.why
    assert fitted.rates == tuple(LEARNT) and set(fitted.bias) == {0.0}
    assert Calibration.from_json(fitted.to_json()) == fitted

    new, new_y = label_shifted(5000, np.array([0.53, 0.42, 0.05]), LEARNT, 50)
    tonight = fitted.on(new)
    hit = new_y == 1
    assert log_loss(new_y, tonight.transform(new)) < log_loss(new_y, fitted.transform(new)) - 0.02
    assert calibration_error(hit, tonight.transform(new)[:, 1]) < 0.03 < calibration_error(hit, new[:, 1])
    assert np.array_equal(fitted.transform(new), Calibration.identity(OUTCOMES).transform(new))

    two = fitted.transform_each(np.vstack([new, p[as_of == as_of[0]]]), np.repeat([1, 0], [5000, 1500]))
    assert np.array_equal(two[:5000], tonight.transform(new))
    assert np.array_equal(two[5000:], fitted.on(p[:1500]).transform(p[:1500]))


def test_base_rates_are_not_moved_farther_than_where_it_was_proved(label_shifted):
    p, y, as_of = nights(label_shifted, [0.2, 0.4, 0.17, 0.42, 0.38])
    then = np.tile(LEARNT, (len(p), 1))
    fitted = Calibration.fit(p, y, OUTCOMES, as_of=as_of, window_days=30, rates=LEARNT, rates_then=then)
    far, _ = label_shifted(3000, np.array([0.03, 0.92, 0.05]), LEARNT, 60)
    tonight = fitted.on(far)
    assert tonight.bias[1] == fitted.reach[1] < np.log(0.92 / 0.25)
    assert all(abs(bias) <= reach for bias, reach in zip(tonight.bias, fitted.reach, strict=True))


def test_base_rates_are_not_followed_where_all_customers_move_with_the_season():
    p, _, as_of = seasons(lambda month: np.zeros(len(month)))
    rng = np.random.default_rng(1)
    season = 0.8 * rng.choice([-1, 1], size=9)[np.repeat(np.arange(9), 600)]
    right = p * np.exp(np.column_stack([np.zeros(len(p)), season, np.zeros(len(p))]))
    right /= right.sum(axis=1, keepdims=True)  # everybody's features move, and the model knows what that means
    y = np.array(OUTCOMES)[(rng.random((len(p), 1)) > right.cumsum(axis=1)).sum(axis=1)]
    then = np.tile(np.bincount(codes(y)) / len(y), (len(y), 1))
    fitted = Calibration.fit(right, y, OUTCOMES, as_of=as_of, window_days=60, rates=then[0], rates_then=then)
    assert fitted.method == "identity" and fitted.on(right[:600]) is fitted
    assert re.search(r"label shift changed the log loss of 9 later snapshots by \+\d\.\d+", fitted.why)
