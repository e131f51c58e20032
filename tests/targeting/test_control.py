"""The control group is drawn by lot: like everybody else, the same all night and all period, and by household."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from scipy.stats import binomtest, ks_2samp

from churnml.targeting.control import begins, campaign_id, control_group, period_of

NAMES = np.array([f"customer {number}" for number in range(20_000)])
DAY = date(2024, 7, 1)


def drawn(names: np.ndarray = NAMES, share: float = 0.1, **changes: object) -> np.ndarray:
    about = {"project": "shop", "seed": 7, "period": 49} | changes
    return control_group(names, share=share, **about)  # type: ignore[arg-type]


@pytest.mark.parametrize("share", [0.05, 0.1, 0.5])
def test_its_share_is_as_configured_and_it_is_like_all_others(share: float) -> None:
    found = drawn(share=share)
    assert binomtest(int(found.sum()), len(found), share).pvalue > 0.001
    risk = np.random.default_rng(1).beta(1, 5, len(found))
    assert ks_2samp(risk[found], risk[~found]).pvalue > 0.001
    assert ks_2samp(np.flatnonzero(found), np.flatnonzero(~found)).pvalue > 0.001  # nor by the order of names


def test_it_is_the_same_again_and_another_one_in_another_period_project_or_seed() -> None:
    found = drawn()
    assert (drawn() == found).all() and (drawn(NAMES[::-1]) == found[::-1]).all()
    for change in ({"period": 50}, {"project": "shop2"}, {"seed": 8}):
        other = drawn(**change)
        both = int((found & other).sum())
        assert binomtest(both, len(found), 0.01).pvalue > 0.001, change  # one has nothing to do with the other


def test_households_are_together_and_a_larger_share_holds_the_smaller() -> None:
    homes = np.array([f"home {number // 3}" for number in range(3_000)])
    found = drawn(homes).reshape(-1, 3)
    assert (found.all(axis=1) | ~found.any(axis=1)).all() and found.any()
    assert not (drawn(share=0.1) & ~drawn(share=0.2)).any()
    assert not drawn(share=0.0).any() and not drawn(NAMES[:0]).any()


def test_nights_of_a_period_agree_and_periods_follow_each_other() -> None:
    first = begins(DAY, 182)
    days = [first + timedelta(days=number) for number in range(-1, 183)]
    numbers = [period_of(day, 182) for day in days]
    assert numbers == [numbers[1] - 1, *[numbers[1]] * 182, numbers[1] + 1]
    assert {begins(day, 182) for day in days[1:-1]} == {first}
    assert campaign_id("shop", DAY, 182) == f"shop-{first}" == campaign_id("shop", first, 182)
