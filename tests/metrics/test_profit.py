"""Expected maximum profit: another package's figures, the integral itself, and what must never change them."""

from __future__ import annotations

import numpy as np
import pytest
from empulse.metrics import empb_score, empc_score
from scipy.integrate import quad
from scipy.stats import beta

from churnml.errors import ModelError
from churnml.metrics.profit import Campaign, ProfitRanking, expected_maximum_profit, maximum_expected_profit

CAMPAIGNS = [Campaign(), Campaign(contact_cost=4.0, incentive_share=0.2, alpha=2.0, beta=5.0, customer_value=60.0)]


def customers(n: int = 600, seed: int = 0, ties: int | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 5, n)
    score = p if ties is None else np.round(p * ties) / ties
    return rng.random(n) < p, score, rng.lognormal(4, 1, n)


@pytest.mark.parametrize("campaign", CAMPAIGNS)
@pytest.mark.parametrize("ties", [None, 20])
def test_agrees_with_empulse(campaign: Campaign, ties: int | None) -> None:
    y, score, value = customers(ties=ties)
    leaves = y.astype(int)
    terms = {"alpha": campaign.alpha, "beta": campaign.beta, "contact_cost": campaign.contact_cost}
    incentive = campaign.incentive_share * campaign.customer_value
    theirs = empc_score(leaves, score, clv=campaign.customer_value, incentive_cost=incentive, **terms)
    assert expected_maximum_profit(y, score, campaign=campaign) == pytest.approx(theirs, rel=1e-9)
    theirs = empb_score(leaves, score, clv=value, incentive_fraction=campaign.incentive_share, **terms)
    assert maximum_expected_profit(y, score, value, campaign) == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize("campaign", CAMPAIGNS)
def test_individual_value_is_the_integral_of_the_best_profit(campaign: Campaign) -> None:
    y, score, value = customers(150, seed=1)
    order = np.argsort(-score)
    incentive = campaign.incentive_share * value
    nodes, weights = np.polynomial.legendre.leggauss(800)
    accepted = (nodes + 1) / 2
    profit = np.where(y, accepted[:, None] * (value - incentive), -incentive) - campaign.contact_cost
    best = np.cumsum(profit[:, order], axis=1).max(axis=1).clip(0) / len(y)
    integral = (weights / 2 * best * beta.pdf(accepted, campaign.alpha, campaign.beta)).sum()
    found = expected_maximum_profit(y, score, value, campaign)
    assert found == pytest.approx(integral, rel=1e-5)
    assert found > maximum_expected_profit(y, score, value, campaign)


def test_excess_is_the_partial_mean_of_the_acceptance() -> None:
    campaign = Campaign(alpha=2, beta=3)
    for threshold in (0.0, 0.2, 0.7):
        integral, _ = quad(lambda g, t=threshold: (g - t) * beta.pdf(g, 2, 3), threshold, 1)
        assert campaign.excess(np.array([threshold]))[0] == pytest.approx(integral)
    assert campaign.excess(np.array([1.0, 7.0])).tolist() == [0.0, 0.0]


def test_order_of_rows_and_weights_for_copies_change_nothing() -> None:
    y, score, value = customers(200, seed=2, ties=30)
    copies = np.random.default_rng(3).integers(0, 4, len(y))
    turn = np.random.default_rng(4).permutation(copies.sum())
    rows = np.repeat(np.arange(len(y)), copies)[turn]
    ranking, repeated = ProfitRanking(y, score, value), ProfitRanking(y[rows], score[rows], value[rows])
    assert ranking.expected_maximum(copies) == pytest.approx(repeated.expected_maximum())
    assert ranking.maximum_expected(copies) == pytest.approx(repeated.maximum_expected())


def test_a_perfect_ranking_earns_most_and_valuable_leavers_come_first() -> None:
    y, score, value = customers(400, seed=5)
    perfect, found = (expected_maximum_profit(y, each, value) for each in (y, score))
    assert expected_maximum_profit(y, y * value, value) > perfect > found > expected_maximum_profit(y, -score, value)


def test_unknown_values_are_left_out_and_worthless_campaigns_earn_nothing() -> None:
    y, score, value = customers(100)
    known = np.arange(100) % 3 > 0
    some = np.where(known, value, np.nan)
    assert expected_maximum_profit(y, score, some) == expected_maximum_profit(y[known], score[known], value[known])
    assert np.isnan(expected_maximum_profit(y, score, np.full(100, np.nan)))
    assert expected_maximum_profit(np.zeros(100, bool), score, value) == 0.0
    dear = Campaign(contact_cost=1e6)
    assert expected_maximum_profit(y, score, value, dear) == maximum_expected_profit(y, score, value, dear) == 0.0


def test_bad_input_is_one_clear_error() -> None:
    with pytest.raises(ModelError, match="negative"):
        expected_maximum_profit([True], [0.5], [-1.0])
    with pytest.raises(ModelError, match="missing"):
        expected_maximum_profit([True], [np.nan])
    with pytest.raises(ModelError, match="out of range"):
        Campaign(incentive_share=1.0)
    with pytest.raises(ModelError, match="alpha"):
        Campaign(alpha=0)
