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
