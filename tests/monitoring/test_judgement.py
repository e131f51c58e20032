"""Estimates that come true, and nights that are called bad when they are, and only then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from churnml.config import Monitor
from churnml.metrics.scores import auroc, calibration_error, log_loss
from churnml.monitoring.estimate import estimate
from churnml.monitoring.judgement import Outcomes, error_by_chance, hold, judge
from churnml.monitoring.promise import FIGURES, Figure
from churnml.outcomes import OUTCOMES, SILENT

LIMITS = Monitor()


def test_an_estimate_comes_true_where_the_chances_are_right(made_night: Callable[..., Any]) -> None:
    night = made_night(n=40_000)
    known = night.outcomes
    guess = estimate(known.chances)
    silent = known.y == SILENT
    assert guess[SILENT, "auroc"] == pytest.approx(auroc(silent, known.chances[:, 1]), abs=0.01)
    code = np.array([OUTCOMES.index(label) for label in known.y])
    assert guess["all", "log_loss"] == pytest.approx(log_loss(code, known.chances), abs=0.01)


def test_an_estimate_sees_a_night_that_is_harder_to_rank() -> None:
    rng = np.random.default_rng(0)
    spread = rng.beta(0.5, 3, 5000)
    near = 0.5 * (spread + spread.mean())
    easy, hard = (estimate(np.column_stack([1 - p, p, np.zeros(len(p))]))[SILENT, "auroc"] for p in (spread, near))
    assert hard < easy - 0.05


def test_nobody_to_estimate_is_no_number() -> None:
    assert all(np.isnan(value) for value in estimate(np.zeros((0, 3))).values())


@pytest.mark.parametrize("n", [300, 3000])
def test_the_calibration_error_by_chance_is_what_right_chances_show(n: int) -> None:
    rng = np.random.default_rng(n)
    p = rng.beta(1, 8, n)
    shown = [calibration_error(rng.random(n) < p, p) for _ in range(200)]
    assert error_by_chance(p) == pytest.approx(float(np.mean(shown)), rel=0.1)


def test_right_chances_keep_the_promise(made_night: Callable[..., Any], made_promise: Callable[..., Any]) -> None:
    promise = made_promise().figures
    held = hold(judge(made_night(3).outcomes, n_bootstrap=60, seed=0), promise, LIMITS, tests=4)
    assert [one.key for one in held] == list(FIGURES)
    assert not any(one.worse for one in held)


@pytest.mark.parametrize(
    "how, metrics",
    [
        ({"shuffled": True}, {"auroc", "lift_at_10pct", "log_loss", "calibration_error"}),
        ({"inflated": 2.0}, {"calibration_error"}),
    ],
)
def test_what_is_broken_is_named(
    made_night: Callable[..., Any], made_promise: Callable[..., Any], how: Any, metrics: set[str]
) -> None:
    held = hold(judge(made_night(3, **how).outcomes, n_bootstrap=60, seed=0), made_promise().figures, LIMITS, tests=60)
    found = {one.key[1] for one in held if one.worse}
    assert found >= (metrics - {"calibration_error"} if "shuffled" in how else metrics)
    if "inflated" in how:
        assert "auroc" not in found, "the order is what it was"


def test_chance_alone_gives_no_alarm(made_night: Callable[..., Any], made_promise: Callable[..., Any]) -> None:
    """Sixty small nights, each with chances that are right."""
    promise, tests = made_promise().figures, 60 * len(FIGURES)
    small = (judge(made_night(number, n=400).outcomes, n_bootstrap=40, seed=0) for number in range(60))
    assert not [one for night in small for one in hold(night, promise, LIMITS, tests=tests) if one.worse]


def test_a_small_night_cannot_be_called_bad_by_noise_that_hides_all(made_promise: Callable[..., Any]) -> None:
    few = Outcomes(
        np.array(["silent", "retained", "retained", "retained"], dtype=object),
        np.array([[0.8, 0.1, 0.1], [0.5, 0.4, 0.1], [0.7, 0.2, 0.1], [0.6, 0.3, 0.1]]),
        np.array(list("abcd"), dtype=object),
        np.zeros(4, bool),
    )
    held = hold(judge(few, n_bootstrap=60, seed=0), made_promise().figures, LIMITS, tests=4)
    assert not any(one.worse for one in held if one.key[1] == "calibration_error")


def test_a_shortfall_within_the_tolerance_is_none(made_night: Callable[..., Any]) -> None:
    judged = judge(made_night(n=20_000).outcomes, n_bootstrap=60, seed=0)
    seen = judged.figures[SILENT, "auroc"].value
    for ahead, bad in ((0.015, False), (0.06, True)):
        due = {(SILENT, "auroc"): Figure(seen + ahead, seen + ahead - 0.002, seen + ahead + 0.002)}
        (one,) = hold(judged, due, LIMITS, tests=4)
        assert one.worse is bad, ahead


def test_a_night_of_only_stayers_has_no_ranking_to_judge(made_promise: Callable[..., Any]) -> None:
    n = 50
    night = Outcomes(
        np.full(n, "retained", dtype=object),
        np.tile([0.9, 0.05, 0.05], (n, 1)),
        np.arange(n).astype(str).astype(object),
        np.zeros(n, bool),
    )
    held = hold(judge(night, n_bootstrap=20, seed=0), made_promise().figures, LIMITS, tests=4)
    assert {one.key[1] for one in held} == {"log_loss", "calibration_error"}
    everyone_spoke = Outcomes(night.y, night.chances, night.group_ids, ~night.voiced)
    assert hold(judge(everyone_spoke, n_bootstrap=20, seed=0), made_promise().figures, LIMITS, tests=4) == []


def test_a_large_night_is_judged_by_the_same_groups_every_night(made_night: Callable[..., Any]) -> None:
    first, second = (made_night(number, n=5000).outcomes.sampled(1000) for number in (0, 1))
    assert 800 < len(first) < 1200
    assert set(first.group_ids) == set(second.group_ids)
