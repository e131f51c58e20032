"""BG/NBD against simulated customers whose true state is known, and against histories that determine nothing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.optimize import check_grad

from churnml.features.bgnbd import BGNBD, Unfit, _loss

TRUE = BGNBD(r=0.8, alpha=20.0, a=0.9, b=3.0)


def simulate(n: int, seed: int = 0, days: float = 45.0) -> tuple[np.ndarray, ...]:
    """x, t_x, T, whether still alive, and whether there is a visit in the next 45 days.

    Each customer comes at an own rate and may leave after each visit.
    """
    rng = np.random.default_rng(seed)
    T = rng.integers(60, 400, n).astype(float)
    rate, leaving = rng.gamma(TRUE.r, 1 / TRUE.alpha, n), rng.beta(TRUE.a, TRUE.b, n)
    x, t_x, alive, now = np.zeros(n), np.zeros(n), np.ones(n, bool), np.zeros(n)
    while (going := alive & (now < T)).any():
        now = np.where(going, now + rng.exponential(1 / rate), now)
        came = going & (now < T)
        x, t_x = x + came, np.where(came, now, t_x)
        alive &= ~(came & (rng.random(n) < leaving))
    back = alive & (rng.exponential(1 / rate) < days)  # without memory: the next visit counts from T
    return x, t_x, T, alive, back


def test_the_chance_of_coming_again_is_the_share_that_does() -> None:
    x, t_x, T, _, back = simulate(60_000, seed=5)
    chance = TRUE.returning(x, t_x, T, 45.0)
    for low in np.arange(0, 1, 0.1):
        here = (chance >= low) & (chance < low + 0.1)
        assert here.sum() > 300
        assert back[here].mean() == pytest.approx(chance[here].mean(), abs=0.03)


def test_the_chance_of_being_alive_is_the_share_that_is_alive() -> None:
    x, t_x, T, alive, _ = simulate(60_000)
    chance = TRUE.alive(x, t_x, T)
    assert (chance[x == 0] == 1).all() and alive[x == 0].all()
    again = x > 0
    for low in np.arange(0, 1, 0.1):
        here = again & (chance >= low) & (chance < low + 0.1)
        assert here.sum() > 300
        assert alive[here].mean() == pytest.approx(chance[here].mean(), abs=0.03)


@pytest.mark.parametrize("history", [(2, 30.43, 38.86), (2, 5.0, 38.86), (10, 30.0, 38.86), (1, 1.71, 38.86)])
def test_the_closed_form_is_the_integral_over_customers(history: tuple[int, float, float]) -> None:
    """The model as it is told, customer by customer, integrated over their rates and chances of leaving."""
    (x, t_x, T), model = history, BGNBD(0.243, 4.414, 0.793, 2.426)
    rates, leaving = stats.gamma(model.r, scale=1 / model.alpha), stats.beta(model.a, model.b)

    def coming(until: float) -> float:
        """The chance density of x visits and no other until then."""
        density = lambda log: np.exp((x + 1) * log - np.exp(log) * until) * rates.pdf(np.exp(log))  # noqa: E731
        return quad(density, -30, 5, epsabs=0, limit=200)[0]

    alive = coming(T) * leaving.expect(lambda p: (1 - p) ** x)
    gone = coming(t_x) * leaving.expect(lambda p: p * (1 - p) ** (x - 1))
    assert model.alive(*history) == pytest.approx(alive / (alive + gone), rel=1e-6)
    loss = _loss(np.log([model.r, model.alpha, model.a, model.b]), np.array([history], float), np.ones(1))[0]
    assert -loss == pytest.approx(np.log(alive + gone), rel=1e-6)


def test_the_parameters_are_found_again() -> None:
    x, t_x, T, *_ = simulate(20_000, seed=1)
    found = BGNBD.fit(x, t_x, T)
    for name, value in vars(TRUE).items():
        assert getattr(found, name) == pytest.approx(value, rel=0.25), name
    np.testing.assert_allclose(found.alive(x, t_x, T), TRUE.alive(x, t_x, T), atol=0.05)


def test_the_unit_of_time_does_not_matter() -> None:
    x, t_x, T, *_ = simulate(3_000, seed=2)
    days, hours = BGNBD.fit(x, t_x, T), BGNBD.fit(x, 24 * t_x, 24 * T)
    np.testing.assert_allclose(days.alive(x, t_x, T), hours.alive(x, 24 * t_x, 24 * T), atol=1e-4)


def test_the_slope_is_the_slope() -> None:
    x, t_x, T, *_ = simulate(200, seed=3)
    table, shares = np.column_stack([x, t_x, T]), np.full(200, 1 / 200)
    for logs in ([0, 0, 0, 1], [-1.0, 3.0, 0.5, 2.0]):
        error = check_grad(
            lambda at: _loss(at, table, shares)[0], lambda at: _loss(at, table, shares)[1], np.array(logs, float)
        )
        assert error < 1e-5


def test_customers_who_do_not_differ_are_no_obstacle() -> None:
    rng = np.random.default_rng(4)
    gone_at = np.minimum(rng.exponential(300, 2_000), 400)
    x = np.maximum(rng.poisson(gone_at / 10), 1)
    t_x = gone_at * rng.beta(x, 1)
    found = BGNBD.fit(x, t_x, np.full(2_000, 400.0))
    alive = found.alive(x, t_x, np.full(2_000, 400.0))
    assert alive[gone_at == 400].mean() > 0.7 > 0.2 > alive[gone_at < 300].mean()


def test_long_histories_neither_overflow_nor_vanish() -> None:
    chance = TRUE.alive([5000, 5000, 1, 0], [10_000.0, 9_000.0, 1e-9, 0], [10_000.0, 10_000.0, 1e6, 1e6])
    assert np.isfinite(chance).all() and ((chance >= 0) & (chance <= 1)).all()
    assert chance[0] > 0.99 and chance[1] < 1e-6 and chance[3] == 1


@pytest.mark.parametrize(
    ("histories", "why"),
    [
        (np.zeros((0, 3)), "0 histories are too few"),
        (np.tile([3, 10.0, 20.0], (99, 1)), "99 histories are too few"),
        (np.tile([np.nan, np.nan, np.nan], (500, 1)), "0 histories are too few"),
        (np.tile([0, 0.0, 90.0], (500, 1)), "0 customers came more than once"),
        (np.tile([90, 90.0, 91.0], (500, 1)), "nobody leaves after a visit"),
        (np.tile([1, 1e-6, 500.0], (500, 1)), "everybody leaves after a visit"),
    ],
    ids=["nobody", "few", "no engagement", "once each", "nobody leaves", "everybody leaves"],
)
def test_histories_that_determine_nothing_say_so(histories: np.ndarray, why: str) -> None:
    with pytest.raises(Unfit, match=why):
        BGNBD.fit(*histories.T)
