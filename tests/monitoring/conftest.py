"""Nights made up so that what is true of them is known."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from churnml.config import Scoring
from churnml.metrics.drift import Drift
from churnml.model.profile import histogram_shares
from churnml.monitoring.judgement import Outcomes, judge
from churnml.monitoring.promise import Promise
from churnml.monitoring.watch import Monitored, Watched, watch
from churnml.outcomes import OUTCOMES
from churnml.report.monitor import render_monitor

FIRST = date(2024, 5, 1)


def made_chances(rng: np.random.Generator, n: int) -> Any:
    silent, vocal = rng.beta(0.8, 6, n), rng.beta(0.5, 20, n)
    silent = silent * (1 - vocal)
    return np.column_stack([1 - silent - vocal, silent, vocal])


def drawn_outcomes(rng: np.random.Generator, chances: Any) -> Any:
    place = (rng.random(len(chances))[:, None] > chances.cumsum(axis=1)).sum(axis=1).clip(max=2)
    return np.array(OUTCOMES, dtype=object)[place]


@pytest.fixture(scope="session")
def made_night() -> Callable[..., Watched]:
    """A night whose chances are right; `shuffled` gives them to the wrong customers, `waiting` has no outcomes yet."""

    def make(number: int = 0, *, n: int = 2000, seed: int = 1, model: str = "1", **how: Any) -> Watched:
        rng = np.random.default_rng([seed, number])
        chances = made_chances(rng, n)
        y = drawn_outcomes(rng, chances)
        if how.get("shuffled"):
            chances = chances[rng.permutation(n)]
        if (factor := how.get("inflated")) is not None:
            chances[:, 1] = np.minimum(chances[:, 1] * factor, 0.9 - chances[:, 2])
            chances[:, 0] = 1 - chances[:, 1:].sum(axis=1)
        voiced = rng.random(n) < 0.1
        groups = np.array([f"g{value}" for value in range(n)], dtype=object)
        known = None if how.get("waiting") else Outcomes(y, chances, groups, voiced)
        day = FIRST + timedelta(days=number)
        seen = np.arange(n) >= how.get("gone", 0)
        drift = how.get("drift", {})
        why = how.get("why", "")
        return Watched(
            f"{day}-night", day, model, how.get("withdrawn", False), chances, seen, voiced, known, drift, why
        )

    return make


@pytest.fixture(scope="session")
def made_promise(made_night: Callable[..., Watched]) -> Callable[..., Promise]:
    """What a training on the same made-up world would promise."""

    def make(version: str = "1", **changes: Any) -> Promise:
        test = made_night(0, n=6000, seed=99)
        assert test.outcomes is not None
        judged = judge(test.outcomes, n_bootstrap=100, seed=0)
        edges = np.unique(np.quantile(test.chances[:, 1], np.linspace(0, 1, 11)))
        scores = {"silent": {"edges": edges.tolist(), "shares": histogram_shares(test.chances[:, 1], edges)}}
        return Promise(version, "digest", {**judged.figures, **changes}, FIRST, scores, 6000, {})

    return make


@pytest.fixture(scope="session")
def made_watch(made_promise: Callable[..., Promise]) -> Callable[..., Monitored]:
    """The nights, watched."""

    def make(nights: list[Watched], promises: dict[str, Promise] | None = None, scoring: Any = None) -> Monitored:
        known = promises or {"1": made_promise()}
        return watch("shop", date(2024, 9, 1), nights, known, scoring or Scoring(), n_bootstrap=60, seed=0)

    return make


@pytest.fixture(scope="session")
def moved() -> Callable[..., Drift]:
    """The drift of a feature in ten bins."""
    return lambda psi: Drift(psi, psi / 8, 10, 2000, 6000)


@pytest.fixture(scope="session")
def story(made_night: Callable[..., Watched], made_watch: Callable[..., Monitored], moved: Callable[..., Drift]) -> Any:
    """Judged nights with a bad one, drift after them, one that was withdrawn, and one without a model."""
    nights = [made_night(number, shuffled=number == 3) for number in range(8)]
    nights += [made_night(8, withdrawn=True), made_night(9, why="its model is <b>gone</b>")]
    nights += [
        made_night(number, waiting=True, inflated=3.0 if number > 13 else None, drift={"days_quiet": moved(0.4)})
        for number in range(10, 16)
    ]
    return made_watch(nights)


@pytest.fixture(scope="session")
def page(story: Any) -> str:
    """The page of that story."""
    return render_monitor(story, Scoring(), definition_of=("no purchase for 42 days", "a complaint"))
