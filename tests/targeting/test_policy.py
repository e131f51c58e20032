"""Who is contacted, held out, waits or is left alone: whatever the customers, the limits and their order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churnml.errors import ModelError
from churnml.targeting.policy import CONTACT, DECIDED, HOLD_OUT, LEAVE_ALONE, WAIT, decide

INCENTIVE = 0.05
LIMITS = st.fixed_dictionaries(
    {
        "contacts": st.none() | st.integers(0, 30),
        "budget": st.none() | st.floats(0, 400),
    }
)


def people(n: int = 60, seed: int = 0, **columns: Any) -> pd.DataFrame:
    """Customers of all sorts: some excluded, some of unknown value, households, and a control group of a third."""
    draw = np.random.default_rng(seed)
    group = draw.integers(0, max(1, int(n * 0.7)), n)
    p = draw.beta(1, 2, n)
    return pd.DataFrame(
        {
            "customer_id": draw.permutation([f"c{number}" for number in range(n)]),
            "group_id": [f"g{number}" for number in group],
            "saveability": p * draw.choice([0.3, -0.1], n, p=[0.8, 0.2]),
            "p_leave": p,
            "value": np.where(draw.random(n) < 0.9, draw.lognormal(4, 1, n).round(2), np.nan),
            "channel": draw.choice(["app", "post", None], n),
            "contact_cost": draw.choice([0.0, 1.0, 4.0], n),
            "held_out": np.isin(group, np.flatnonzero(draw.random(n) < 0.33)),
            "excluded_because": draw.choice([None, "not contactable"], n, p=[0.9, 0.1]),
        }
    ).assign(**columns)


def told(customers: pd.DataFrame, **limits: Any) -> pd.DataFrame:
    return decide(customers, incentive_share=INCENTIVE, **limits)


@given(st.integers(0, 10_000), LIMITS)
@settings(max_examples=60, deadline=None)
def test_limits_consent_lot_and_household_are_kept(seed: int, limits: dict[str, Any]) -> None:
    customers = people(seed=seed)
    found = told(customers, **limits)
    assert tuple(found) == DECIDED and found.index.equals(customers.index)
    action, net = found["action"], found["expected_net_value"]
    chosen, held = action == CONTACT, action == HOLD_OUT
    assert action[customers["excluded_because"].notna() | customers["value"].isna()].isna().all()
    assert action[customers["excluded_because"].isna() & customers["value"].notna()].notna().all()
    assert ((net <= 0) == (action == LEAVE_ALONE))[action.notna()].all()
    assert not customers.loc[chosen, "held_out"].any() and customers.loc[held, "held_out"].all()
    assert not customers.loc[chosen | held, "group_id"].duplicated().any()
    assert limits["contacts"] is None or chosen.sum() <= limits["contacts"]
    assert limits["budget"] is None or found.loc[chosen, "expected_cost"].sum() <= limits["budget"] * (1 + 1e-12)
    if limits == {"contacts": None, "budget": None}:
        waiting = set(customers.loc[action == WAIT, "group_id"])
        assert waiting <= set(customers.loc[chosen | held, "group_id"])  # for nothing but the household


@given(st.integers(0, 10_000), LIMITS)
@settings(max_examples=40, deadline=None)
def test_the_order_of_rows_changes_nothing(seed: int, limits: dict[str, Any]) -> None:
    customers = people(seed=seed)
    mixed = customers.sample(frac=1, random_state=seed)
    pd.testing.assert_frame_equal(told(mixed, **limits).sort_index(), told(customers, **limits))


@given(st.integers(0, 10_000), LIMITS)
@settings(max_examples=60, deadline=None)
def test_who_is_held_out_would_have_been_contacted_at_that_place(seed: int, limits: dict[str, Any]) -> None:
    customers = people(seed=seed)
    for row in np.flatnonzero(told(customers, **limits)["action"] == HOLD_OUT)[:3]:
        household = customers["group_id"] == customers["group_id"].iloc[row]
        freed = customers.assign(held_out=customers["held_out"] & ~household)
        assert told(freed, **limits)["action"].iloc[row] == CONTACT
    for row in np.flatnonzero(told(customers, **limits)["action"] == CONTACT)[:3]:
        household = customers["group_id"] == customers["group_id"].iloc[row]
        drawn = customers.assign(held_out=customers["held_out"] | household)
        assert told(drawn, **limits)["action"].iloc[row] == HOLD_OUT


def test_the_best_come_first_by_net_value_or_by_what_it_brings_for_its_cost() -> None:
    five = people(5, value=[400.0, 300.0, 200.0, 100.0, 50.0]).assign(
        customer_id=list("abcde"), group_id=list("abcde"), p_leave=0.5, saveability=0.2,
        contact_cost=[20.0, 5.0, 1.0, 1.0, 1.0], held_out=False, excluded_because=None,
    )  # fmt: skip
    assert told(five, contacts=2)["action"].tolist() == [CONTACT, CONTACT, WAIT, WAIT, WAIT]
    found = told(five, budget=22.0)
    ratio = found["expected_net_value"] / found["expected_cost"]
    assert ratio.sort_values().index.tolist() == [0, 4, 1, 3, 2]
    assert found["action"].tolist() == [WAIT, WAIT, CONTACT, CONTACT, CONTACT]  # b does not fit, and makes room
    alike = five.assign(value=100.0, contact_cost=1.0)
    assert told(alike.iloc[::-1], contacts=3)["action"].sort_index().tolist() == [CONTACT] * 3 + [WAIT] * 2


def test_those_held_out_use_nothing_up_and_wait_like_others_afterwards() -> None:
    ten = people(10, value=np.linspace(1000, 100, 10)).assign(
        customer_id=list("abcdefghij"), group_id=list("abcdefghij"), p_leave=0.5, saveability=0.2, contact_cost=1.0,
        held_out=[False, True] * 5, excluded_because=None,
    )  # fmt: skip
    assert told(ten, contacts=2)["action"].tolist() == [CONTACT, HOLD_OUT, CONTACT, *[WAIT] * 7]
    assert told(ten)["action"].tolist() == [CONTACT, HOLD_OUT] * 5
    assert told(ten, contacts=0)["action"].tolist() == [WAIT] * 10
    assert told(ten, budget=0.0)["action"].tolist() == [WAIT] * 10


def test_of_a_household_the_best_is_contacted_and_one_that_does_not_fit_makes_room() -> None:
    home = people(3, value=[300.0, 200.0, 100.0]).assign(
        customer_id=list("abc"), group_id="home", p_leave=0.5, saveability=0.2, contact_cost=1.0, held_out=False,
        excluded_because=None,
    )  # fmt: skip
    assert told(home)["action"].tolist() == [CONTACT, WAIT, WAIT]
    assert told(home.assign(held_out=True))["action"].tolist() == [HOLD_OUT, WAIT, WAIT]
    assert told(home, budget=8.0)["action"].tolist() == [WAIT, CONTACT, WAIT]
    found = told(home.assign(excluded_because=["not contactable", None, None]))["action"]
    assert found.isna().tolist() == [True, False, False] and found.tolist()[1:] == [CONTACT, WAIT]


def test_nobody_gives_nothing_and_faults_are_refused() -> None:
    assert told(people(5).iloc[:0]).empty
    with pytest.raises(ModelError, match="lack value; give"):
        told(people().drop(columns="value"))
    with pytest.raises(ModelError, match="decided on twice"):
        told(people(customer_id="c"))
