"""Acts of the company that closures follow are shown, whatever their name; what meets everybody alike is not."""

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
from churnml.evaluation.foresight import FORESEEN, foresight
from churnml.evaluation.reactions import reactions

CLUB = """
project: club
sources:
  - path: members.parquet
    customers: {customer_id: id, signed_up_at: since, closed_at: left_on}
  - path: visits.parquet
    events:
      - {kind: activity, customer_id: id, occurred_at: at}
  - path: calls.parquet
    events:
      - kind: {column: kind}
        customer_id: id
        occurred_at: at
        channel: {value: phone}
        direction: direction
        name: team
eligible: {active_within_days: 60, of: [activity]}
defection: {by: closure, of: [activity]}
snapshots: {horizon_days: 60}
"""
N = 800
DAY = pd.Timedelta(days=1)


@pytest.fixture
def members() -> pd.DataFrame:
    """Eight hundred members of a year, a quarter of whom left."""
    rng = np.random.default_rng(21)
    days = pd.Timestamp("2024-03-01") + pd.to_timedelta(rng.integers(0, 300, N), "D")
    table = pd.DataFrame({"id": [f"m{number}" for number in range(N)], "since": pd.Timestamp("2024-01-01")})
    return table.assign(left_on=pd.Series(days).where(rng.random(N) < 1 / 4))


def to_anybody(members: pd.DataFrame, number: int = 1200) -> pd.DataFrame:
    """Calls to members on any day of the year that they are there."""
    rng = np.random.default_rng(22)
    called = members.sample(number, replace=True, random_state=23)
    called = called.assign(at=pd.Timestamp("2024-01-02") + pd.to_timedelta(rng.integers(0, 360, number), "D"))
    called = called[~(called["at"] >= called["left_on"])]
    return called[["id", "at"]].assign(team="care", kind="contact", direction="outbound")


def to_leavers(members: pd.DataFrame) -> pd.DataFrame:
    """Calls to six of ten members who are about to leave, under the name of any other call."""
    rng = np.random.default_rng(24)
    called = members.dropna(subset=["left_on"]).sample(frac=0.6, random_state=25)
    called = called.assign(at=called["left_on"] - pd.to_timedelta(rng.integers(4, 20, len(called)), "D"))
    return called[["id", "at"]].assign(team="care", kind="contact", direction="outbound")


@pytest.fixture
def told(tmp_path: Any, engine: Engine) -> Callable[..., tuple[Finding, ...]]:
    def run(members: pd.DataFrame, *calls: pd.DataFrame) -> tuple[Finding, ...]:
        visits = members[["id", "since"]].merge(pd.DataFrame({"week": range(52)}), how="cross")
        visits["at"] = visits["since"] + (7 * visits["week"] + 1) * DAY
        visits = visits[~(visits["at"] >= visits["id"].map(members.set_index("id")["left_on"]))]
        calls_of_all = pd.concat(calls, ignore_index=True)
        for name, table in (("members", members), ("visits", visits[["id", "at"]]), ("calls", calls_of_all)):
            times = {column: "datetime64[us]" for column in ("since", "left_on", "at") if column in table}
            table.astype(times).to_parquet(tmp_path / f"{name}.parquet")
        config = parse_config(CLUB, "club.yaml")
        canonical = sources.build(config, engine, tmp_path)
        assert reactions(canonical, config, engine).passed  # the gate knows nothing of what is sought here
        return foresight(canonical, config, engine).findings

    return run


def test_calls_to_anybody_are_not_shown(told: Any, members: pd.DataFrame) -> None:
    assert told(members, to_anybody(members)) == ()


def test_calls_to_leavers_among_ordinary_ones_are_shown(told: Any, members: pd.DataFrame) -> None:
    hidden = to_leavers(members)
    (found,) = told(members, to_anybody(members), hidden)
    assert (found.gate, found.feature, found.verdict) == (FORESEEN, "contact", "information")
    closures = int(members["left_on"].notna().sum())
    counted = int(found.detail.split(" of ")[0])
    assert len(hidden) <= counted <= len(hidden) + 15 and f" of {closures} closures follow" in found.detail


def test_calls_after_a_notice_are_shown_where_the_end_of_the_contract_is_the_closure(
    told: Any, members: pd.DataFrame
) -> None:
    hidden = to_leavers(members)
    called = hidden.assign(at=hidden["at"] - 80 * DAY, team="notice")
    (found,) = told(
        members,
        to_anybody(members, 3000),
        called[called["at"] >= "2024-01-02"],
        to_anybody(members, 90).assign(team="notice"),
    )
    assert found.feature == "contact name 'notice'" and "within 120 days" in found.detail


def test_calls_to_leavers_of_one_team_are_shown_by_its_name(told: Any, members: pd.DataFrame) -> None:
    """Half of that team's calls go to leavers, so that no gate stops them."""
    desk = to_anybody(members, 400).assign(team="desk")
    (found,) = told(members, to_anybody(members, 3000), desk, to_leavers(members).assign(team="desk"))
    assert found.feature == "contact name 'desk'"


def test_calls_of_members_who_are_about_to_leave_are_their_own(told: Any, members: pd.DataFrame) -> None:
    assert told(members, to_anybody(members), to_leavers(members).assign(direction="inbound")) == ()


@pytest.mark.parametrize("kind", ["complaint", "cancel_requested"])
def test_calls_after_a_member_spoke_up_are_no_foresight(told: Any, members: pd.DataFrame, kind: str) -> None:
    called = to_leavers(members)
    spoke = called.assign(at=called["at"] - 2 * DAY, kind=kind, direction="inbound")
    assert told(members, to_anybody(members), called, spoke) == ()


def test_replies_are_no_foresight(told: Any, members: pd.DataFrame) -> None:
    assert (
        told(members, *(calls.assign(kind="case_responded") for calls in (to_anybody(members), to_leavers(members))))
        == ()
    )


def test_without_closures_there_is_nothing_to_say(told: Any, members: pd.DataFrame) -> None:
    members["left_on"] = pd.Series(pd.NaT, index=members.index, dtype="datetime64[us]")
    assert told(members, to_anybody(members)) == ()
