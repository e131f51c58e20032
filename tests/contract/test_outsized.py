"""Bots, staff and test accounts, and honest tails that are heavy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

MANY = "events.purchase: customers with an extraordinary number of events"
GROUPS = "customers.group_id: groups with an extraordinary number of customers"


def books(sizes: Any, kind: str = "purchase") -> pd.DataFrame:
    """So many events of each customer, at any second of a hundred days."""
    rng = np.random.default_rng(3)
    owners = np.repeat(np.arange(len(sizes)), sizes)
    moments = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 100 * 86_400, len(owners)), "s")
    return pd.DataFrame({"customer_id": owners.astype(str), "kind": kind, "occurred_at": moments})


def ordinary(number: int = 400) -> Any:
    return np.random.default_rng(4).poisson(8, number)


def test_a_few_accounts_that_hold_half_of_all_rows_are_named(report: Any) -> None:
    events = pd.concat([books([*ordinary(), 1100, 1200, 1300]), books(ordinary(), "complaint")])
    (found,) = report(events).violations
    assert (found.key, found.count, found.severity) == (MANY, 3, "warn")
    share = 3600 / (3600 + ordinary().sum())
    assert found.advice.startswith(f"1,100 or more each, of 99% at most 16: they hold {share:.0%} of the rows. Bots")


def test_busy_customers_are_no_bots(counts: Any) -> None:
    assert counts(books([*ordinary(), 60, 80, 140])) == {}, "up to ten times what others have"
    assert counts(books([*ordinary(150), 1100, 1200])) == {}, "of too few customers to tell"
    assert counts(books([*np.ones(1000, int), 60, 60])) == {}, "one each is no measure"


@pytest.mark.parametrize("power", [1.2, 1.5, 1.7])
def test_a_heavy_tail_of_large_buyers_is_true(counts: Any, power: float) -> None:
    """The largest of 500 has up to 15 times what 99% have: by the law that the others follow, too."""
    assert counts(books((6000 / np.arange(1, 501) ** power).astype(int) + 1)) == {}


def test_accounts_beyond_a_heavy_tail_are_named(counts: Any) -> None:
    buyers = (400 / np.arange(1, 2001) ** 0.7).astype(int) + 1
    assert counts(books(buyers)) == {}
    assert counts(books([*buyers, *[2500] * 8])) == {MANY: 8}


def together(sizes: Any) -> pd.DataFrame:
    group = np.repeat(np.arange(len(sizes)), sizes)
    ids = np.arange(len(group)).astype(str)
    return pd.DataFrame({"customer_id": ids, "group_id": group.astype(str), "signed_up_at": "2000-01-01"})


def test_a_group_of_far_more_customers_than_others_is_named(report: Any, counts: Any) -> None:
    homes = 1 + np.random.default_rng(5).binomial(4, 0.2, 3000)
    events = books(np.ones(homes.sum() + 25, int))
    assert counts(events.iloc[: homes.sum()], together(homes)) == {}
    (found,) = report(events, together([*homes, 25])).violations
    assert (found.key, found.count, found.severity) == (GROUPS, 1, "warn")
    assert found.advice.startswith("25 or more each, of 99.9% at most 5.")


def test_chains_of_many_shops_are_true(counts: Any) -> None:
    shops = (600 / np.arange(1, 3001) ** 1.5).astype(int) + 1
    assert counts(books(np.ones(shops.sum(), int)), together(shops)) == {}
