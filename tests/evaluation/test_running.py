"""Attributes that ran on after the sign-up are named; what could be known then is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from churnml import sources
from churnml.config import parse_config
from churnml.engine import Engine
from churnml.evaluation.findings import Finding
from churnml.evaluation.running import KNOWN, known_at_sign_up

OFFICE = """
project: office
sources:
  - path: accounts.parquet
    customers: {customer_id: id, signed_up_at: since, closed_at: left_on, attributes: {size: size, plan: plan}}
  - path: bills.parquet
    events:
      - {kind: purchase, customer_id: id, occurred_at: at, amount: paid}
  - path: changes.parquet
    events:
      - {kind: plan_changed, customer_id: id, occurred_at: at, quantity: seats, name: plan}
attributes:
  size: {type: number, sensitivity: SENSITIVITY}
  plan: {type: category, sensitivity: none}
eligible: {active_within_days: 60, of: [purchase]}
defection: {by: closure, of: [purchase]}
snapshots: {horizon_days: 60}
"""
N = 300
START, END = pd.Timestamp("2023-01-01"), pd.Timestamp("2025-01-01")
DAY = pd.Timedelta(days=1)


@pytest.fixture
def accounts() -> pd.DataFrame:
    """Three hundred accounts of a year, a third of which left, by no rule; each has a price of its own."""
    rng = np.random.default_rng(12)
    since = START + pd.to_timedelta(rng.integers(0, 360, N), "D")
    stays = pd.to_timedelta(rng.integers(40, 350, N), "D")
    table = pd.DataFrame({"id": [f"a{number}" for number in range(N)], "since": since, "plan": "basic"})
    table["left_on"] = (since + stays).where(rng.random(N) < 1 / 3)
    table["price"] = np.round(rng.lognormal(3, 0.7, N), 2)
    table["size"] = rng.normal(0, 1, N)
    return table


def bills(accounts: pd.DataFrame, months: Any = 24) -> pd.DataFrame:
    """A bill of a bit more or less than the price every thirty days, as long as an account is there."""
    rng = np.random.default_rng(13)
    table = accounts.loc[np.repeat(accounts.index, 24)]
    number = table.groupby("id").cumcount()
    table = table.assign(
        at=table["since"] + (5 + 30 * number) * DAY, paid=table["price"] * rng.normal(1, 0.2, len(table))
    )
    there = (
        (table["at"] < END)
        & ~(table["at"] >= table["left_on"])
        & (number < (months if np.isscalar(months) else months.loc[table.index]))
    )
    return table.loc[there, ["id", "at", "paid"]]


def changes(accounts: pd.DataFrame, often: float = 2) -> pd.DataFrame:
    """Changes of seats and plan at any time of an account's life."""
    rng = np.random.default_rng(14)
    rows = [
        (account.id, account.since + day * DAY, int(rng.integers(2, 60)), str(rng.choice(["basic", "pro", "team"])))
        for account in accounts.itertuples()
        for day in np.sort(rng.integers(1, 360, rng.poisson(often)))
    ]
    table = pd.DataFrame(rows, columns=["id", "at", "seats", "plan"])
    left = table["id"].map(accounts.set_index("id")["left_on"])
    return table[(table["at"] < END) & ~(table["at"] >= left)]


@pytest.fixture
def audited(tmp_path: Any, engine: Engine) -> Callable[..., list[Finding]]:
    """What the gate fails for."""

    def run(
        accounts: pd.DataFrame,
        bills: pd.DataFrame,
        changes: pd.DataFrame,
        sensitivity: str = "none",
        whole: bool = False,
    ) -> Any:
        for name, table in (("accounts", accounts), ("bills", bills), ("changes", changes)):
            times = {column: "datetime64[us]" for column in ("since", "left_on", "at") if column in table}
            table.astype(times).to_parquet(tmp_path / f"{name}.parquet")
        config = parse_config(OFFICE.replace("SENSITIVITY", sensitivity), "office.yaml")
        canonical = sources.build(config, engine, tmp_path)
        found = known_at_sign_up(canonical, config, engine).findings
        assert all(each.gate == KNOWN for each in found)
        return list(found) if whole else [each for each in found if not each.passed]

    return run


def test_attributes_by_no_rule_pass(audited: Any, accounts: pd.DataFrame) -> None:
    assert audited(accounts, bills(accounts), changes(accounts)) == []


@pytest.mark.parametrize("until", [END, END - 10 * DAY])
def test_all_that_was_ever_paid_is_a_total_of_today(audited: Any, accounts: pd.DataFrame, until: pd.Timestamp) -> None:
    paid = bills(accounts)
    total = paid[paid["at"] < until].groupby("id")["paid"].sum()
    accounts["size"] = accounts["id"].map(total).fillna(0)
    (found,) = audited(accounts, paid, changes(accounts))
    assert found.feature == "size" and "follows the amount of purchase of each customer" in found.detail
    assert audited(accounts, paid, changes(accounts), sensitivity="protected") == []


def test_a_number_of_bills_is_a_total_of_today(audited: Any, accounts: pd.DataFrame) -> None:
    paid = bills(accounts)
    accounts["size"] = accounts["id"].map(paid.groupby("id").size()).fillna(0)
    (found,) = audited(accounts, paid, changes(accounts))
    assert found.feature == "size" and "follows the number of purchase" in found.detail


def test_what_the_few_who_buy_have_paid_is_a_total_of_today(audited: Any, accounts: pd.DataFrame) -> None:
    """Nine of ten accounts are free of charge."""
    more = pd.concat([accounts.assign(id=accounts["id"] + f"-{copy}") for copy in range(10)], ignore_index=True)
    paid = bills(more[more.index < N])
    more["size"] = more["id"].map(paid.groupby("id")["paid"].sum()).fillna(0)
    (found,) = audited(more, paid, changes(accounts.assign(id=accounts["id"] + "-0")))
    assert found.feature == "size" and "follows the amount of purchase" in found.detail
    more["size"] = more["price"].where(more.index < N, 0)
    assert audited(more, paid, changes(accounts.assign(id=accounts["id"] + "-0"))) == []


def test_a_total_in_the_currency_of_each_country_is_one_of_today(audited: Any, accounts: pd.DataFrame) -> None:
    """The bills were exchanged into one currency. A price in each currency was known at sign-up."""
    accounts["plan"] = np.random.default_rng(16).choice(["yen", "euro", "rupee"], N)
    rate = accounts["plan"].map({"yen": 160.0, "euro": 1.0, "rupee": 90.0})
    accounts["price"] = 20.0
    paid = bills(accounts)
    accounts["size"] = accounts["id"].map(paid.groupby("id")["paid"].sum()).fillna(0) * rate
    (found,) = audited(accounts, paid, changes(accounts))
    assert found.feature == "size" and "within sign-up quarters and plan it follows the" in found.detail
    accounts["size"] = accounts["price"] * rate
    assert audited(accounts, paid, changes(accounts)) == []


def test_it_is_said_which_totals_hold_too_few_events(audited: Any, accounts: pd.DataFrame) -> None:
    few, no_changes = bills(accounts, 2), changes(accounts, often=0.5)
    (found,) = audited(accounts, few, no_changes, whole=True)
    assert found.passed and "held against no total: the usual customer has fewer than 4 events" in found.detail
    (found,) = audited(accounts, bills(accounts), no_changes, whole=True)
    assert found.passed and "not against those of plan_changed, of which there are too few" in found.detail


def with_final_bills(accounts: pd.DataFrame, paid: pd.DataFrame) -> pd.DataFrame:
    left = accounts.dropna(subset="left_on")
    final = left.assign(at=left["left_on"] + 20 * DAY, paid=np.random.default_rng(17).lognormal(2, 1, len(left)))
    return pd.concat([paid, final[final["id"].isin(paid["id"])][["id", "at", "paid"]]])


def test_the_last_regular_bill_is_overwritten_though_final_bills_follow(audited: Any, accounts: pd.DataFrame) -> None:
    paid = bills(accounts)
    accounts["size"] = accounts["id"].map(paid.groupby("id")["paid"].last()).fillna(accounts["size"])
    (found,) = audited(accounts, with_final_bills(accounts, paid), changes(accounts))
    assert found.feature == "size" and "it is the latest amount of purchase for" in found.detail


def test_an_instalment_agreed_at_sign_up_passes_though_final_bills_follow(audited: Any, accounts: pd.DataFrame) -> None:
    paid = bills(accounts)
    paid["paid"] = paid["id"].map(accounts.set_index("id")["price"])
    accounts["size"] = accounts["price"]
    assert audited(accounts, with_final_bills(accounts, paid), changes(accounts)) == []


def test_a_price_known_at_sign_up_passes(audited: Any, accounts: pd.DataFrame) -> None:
    """Also where prices are so far apart that they say nearly all of what will have been paid, whoever leaves."""
    accounts["size"] = accounts["price"]
    assert audited(accounts, bills(accounts), changes(accounts)) == []
    accounts["size"] = accounts["price"] = np.round(np.random.default_rng(15).lognormal(3, 3, N), 2)
    assert audited(accounts, bills(accounts), changes(accounts)) == []


def test_an_agreed_number_of_instalments_passes(audited: Any, accounts: pd.DataFrame) -> None:
    """Most have paid all of them when the books end, so that their number is that of the bills, but for leavers."""
    accounts["since"] = START + pd.to_timedelta(np.arange(N) % 80, "D")
    accounts["left_on"] = (accounts["left_on"] + 150 * DAY).where(accounts.index % 4 == 0)
    accounts["size"] = np.random.default_rng(15).choice([8, 12, 16, 20], N).astype(float)
    assert audited(accounts, bills(accounts, accounts["size"]), changes(accounts)) == []


def test_the_latest_number_of_seats_is_overwritten(audited: Any, accounts: pd.DataFrame) -> None:
    changed = changes(accounts)
    last = changed.groupby("id")["seats"].last()
    accounts["size"] = accounts["id"].map(last).fillna(accounts["size"])
    (found,) = audited(accounts, bills(accounts), changed)
    assert found.feature == "size" and "it is the latest quantity of plan_changed for" in found.detail


def test_the_plan_of_today_is_overwritten(audited: Any, accounts: pd.DataFrame) -> None:
    changed = changes(accounts)
    accounts["plan"] = accounts["id"].map(changed.groupby("id")["plan"].last()).fillna("basic")
    (found,) = audited(accounts, bills(accounts), changed)
    assert found.feature == "plan" and "it is the latest name of plan_changed for" in found.detail


def test_a_plan_that_is_taken_up_again_passes(audited: Any, accounts: pd.DataFrame) -> None:
    """Of two plans, whoever changes twice has the first one back."""
    changed = changes(accounts)
    accounts["plan"] = np.where(accounts.index % 2, "basic", "pro")
    place = changed.groupby("id").cumcount()
    own = changed["id"].map(accounts.set_index("id")["plan"])
    other = own.map({"basic": "pro", "pro": "basic"})
    assert audited(accounts, bills(accounts), changed.assign(plan=own.where(place % 2 == 1, other))) == []


def test_a_trial_that_becomes_the_plan_ordered_passes(audited: Any, accounts: pd.DataFrame) -> None:
    rows = [accounts.assign(at=accounts["since"] + days * DAY, seats=5) for days in (1, 30)]
    rows[0]["plan"] = "trial"
    assert audited(accounts, bills(accounts), pd.concat(rows)[["id", "at", "seats", "plan"]]) == []
