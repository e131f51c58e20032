"""What a contact is expected to bring, beside the profit model that judges rankings."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnml.config import parse_config
from churnml.errors import ModelError
from churnml.metrics.profit import Campaign, maximum_expected_profit
from churnml.targeting.value import Assumed, assumed, expected_cost, expected_net_value, save_rate

SHOP = """
project: shop
sources: [{path: a.parquet, customers: {customer_id: id, signed_up_at: since}}]
eligible: {active_within_days: 60}
defection: {by: closure}
snapshots: {horizon_days: 30}
"""
SHARES = st.floats(0, 1)
MONEY = st.floats(0, 1e6)


def test_a_list_brings_what_the_profit_model_expects_of_it() -> None:
    draw = np.random.default_rng(3)
    p_leave, value = draw.beta(1, 3, 400), draw.lognormal(5, 1, 400)
    campaign = Campaign(contact_cost=3.0, incentive_share=0.08, alpha=3.0, beta=4.0)
    net = expected_net_value(assumed(p_leave, campaign.acceptance), p_leave, value, 3.0, 0.08)
    # A leaver and a stayer for each customer, weighed by the chances: the profit model in expectation.
    leaves, both = np.repeat([True, False], 400), np.tile(net, 2)
    weight = np.concatenate([p_leave, 1 - p_leave])
    best = maximum_expected_profit(leaves, both, np.tile(value, 2), campaign, weight)
    assert best == pytest.approx(net[net > 0].sum() / 400) and (net > 0).any() and (net < 0).any()
    drawn = np.mean([_earned(draw, p_leave, value, campaign)[net > 0].sum() for _ in range(3000)])
    assert drawn == pytest.approx(net[net > 0].sum(), rel=0.03)


def _earned(draw: np.random.Generator, p: np.ndarray, value: np.ndarray, campaign: Campaign) -> np.ndarray:
    """What contacting everybody earned once: leavers who accept are kept, and all who stay take the incentive."""
    leaves = draw.random(len(p)) < p
    kept = leaves & (draw.random(len(p)) < campaign.acceptance)
    stays = kept | ~leaves
    earned: np.ndarray = kept * value - stays * campaign.incentive_share * value - campaign.contact_cost
    return earned


@given(SHARES, SHARES, MONEY, MONEY, st.floats(0, 0.99))
def test_a_contact_brings_what_is_saved_less_what_it_costs(
    p: float, rate: float, value: float, cost: float, incentive: float
) -> None:
    saved = assumed([p], rate)
    net = expected_net_value(saved, [p], [value], cost, incentive)
    spent = expected_cost(saved, [p], [value], cost, incentive)
    assert net[0] == pytest.approx(saved[0] * value - spent[0], abs=1e-6) and spent[0] >= cost
    richer = expected_net_value(saved, [p], [value + 1], cost, incentive)[0] - net[0]
    assert richer == pytest.approx(saved[0] - incentive * (1 - p + saved[0]), abs=1e-6)
    assert expected_net_value(saved, [p], [value], cost + 1, incentive)[0] == pytest.approx(net[0] - 1, abs=1e-6)


def test_without_an_incentive_worth_more_is_worth_a_contact_more() -> None:
    net = expected_net_value([0.1] * 50, [0.4] * 50, np.arange(50) * 10.0, 1.0, 0.0)
    assert (np.diff(net) > 0).all()


def test_returns_above_purchases_are_worth_nothing_and_the_unknown_stays_unknown() -> None:
    net = expected_net_value([0.1, 0.1, 0.1], [0.5, 0.5, 0.5], [-40.0, 0.0, np.nan], 2.0, 0.05)
    assert net.tolist()[:2] == [-2.0, -2.0] and np.isnan(net[2])
    assert expected_net_value([-0.1], [0.5], [100.0], 0.0, 0.0)[0] == pytest.approx(-10)  # it does harm


def test_saveability_is_assumed_until_it_is_learnt() -> None:
    config = parse_config(SHOP)
    assert save_rate(config) == pytest.approx(Campaign().acceptance)
    assert save_rate(config.changed(actions={"save_rate": 0.0})) == 0.0
    saves = Assumed(0.25)
    assert saves.basis == "assumed" and saves.why == "no randomised control group has been learnt from"
    assert saves.of(pd.DataFrame(index=range(2)), [0.4, 0.0]).tolist() == [0.1, 0.0]
    with pytest.raises(ModelError, match="no share"):
        assumed([0.1], 1.5)
