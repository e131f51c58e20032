"""Facts that only hindsight could have written are named; what could be known is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from churnml import sources
from churnml.config import parse_config
from churnml.engine import Engine
from churnml.evaluation.findings import Audit
from churnml.evaluation.hindsight import OVERWRITTEN, overwritten
from churnml.evaluation.reactions import reactions

CLUB = """
project: club
sources:
  - path: members.parquet
    customers: {customer_id: id, signed_up_at: since, closed_at: left_on, attributes: {plan: plan, points: points}}
  - path: mails.parquet
    events:
      - {kind: outreach_sent, customer_id: id, occurred_at: sent_at, channel: {value: email}, name: purpose}
  - path: calls.parquet
    events:
      - {kind: contact, customer_id: id, occurred_at: at, direction: {value: inbound}, name: topic}
attributes:
  plan: {type: category, sensitivity: none}
  points: {type: number, sensitivity: none}
eligible: {active_within_days: 60, of: [outreach_sent]}
defection: {by: closure, of: [outreach_sent]}
snapshots: {horizon_days: 60}
"""
N = 600


@pytest.fixture
def members() -> pd.DataFrame:
    """Six hundred members since 2023, a third of whom left in 2024, by no rule."""
    rng = np.random.default_rng(8)
    gone = rng.random(N) < 1 / 3
    days = pd.Timestamp("2024-02-01") + pd.to_timedelta(rng.integers(0, 200, N), "D")
    return pd.DataFrame(
        {
            "id": [f"m{number}" for number in range(N)],
            "since": pd.Timestamp("2022-06-01") + pd.to_timedelta(np.arange(N), "D"),
            "left_on": pd.Series(days).where(gone),
            "plan": rng.choice(["small", "large"], N),
            "points": rng.normal(0, 1, N),
        }
    )


def mails(members: pd.DataFrame) -> pd.DataFrame:
    months = pd.date_range("2024-02-01", "2025-01-01", freq="MS")
    table = (
        members[["id", "left_on"]].merge(pd.DataFrame({"sent_at": months}), how="cross").assign(purpose="newsletter")
    )
    return table[~(table["sent_at"] >= table["left_on"])].drop(columns="left_on")


@pytest.fixture
def club(tmp_path: Any, engine: Engine) -> Callable[..., Audit]:
    """Audit a club: `of` says by which gate."""

    def run(of: Callable[..., Audit], members: pd.DataFrame, sent: pd.DataFrame | None = None, **more: Any) -> Audit:
        members.to_parquet(tmp_path / "members.parquet")
        (mails(members) if sent is None else sent).to_parquet(tmp_path / "mails.parquet")
        calls = more.get("calls", pd.DataFrame({"id": ["m1"], "at": [pd.Timestamp("2024-02-02")], "topic": ["bill"]}))
        calls.to_parquet(tmp_path / "calls.parquet")
        config = parse_config(more.get("text", CLUB))
        return of(sources.build(config, engine, tmp_path), config, engine)

    return run


def named(audit: Audit) -> list[str | None]:
    return [finding.feature for finding in audit.findings if not finding.passed]


def test_what_was_fixed_at_sign_up_passes(club: Any, members: pd.DataFrame) -> None:
    audit = club(overwritten, members)
    assert audit.passed and audit.findings[0].detail == "2 attributes of 600 customers"


def test_a_value_written_as_customers_left_is_named(club: Any, members: pd.DataFrame) -> None:
    audit = club(overwritten, members.assign(plan=members["plan"].where(members["left_on"].isna(), "ended")))
    assert named(audit) == ["plan"] and "with value 'ended' have left" in audit.findings[0].detail
    emptied = club(overwritten, members.assign(plan=members["plan"].where(members["left_on"].isna())))
    assert named(emptied) == ["plan"] and "'(missing)'" in emptied.findings[0].detail
    assert audit.accepting([f"{OVERWRITTEN}: plan"]).passed and not audit.accepting(["plan"]).passed


@pytest.mark.parametrize("name", ["status", "closed", "active", "left", "quiet", "reason", "gone"])
def test_an_attribute_may_be_called_what_leaving_is_called(club: Any, members: pd.DataFrame, name: str) -> None:
    members[name] = members.pop("plan").where(members["left_on"].isna(), "none")
    text = CLUB.replace("plan: plan", f"{name}: {name}").replace("  plan:", f"  {name}:")
    assert named(club(overwritten, members, text=text)) == [name]


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y-%m-%d %H:%M:%S"])
def test_a_time_that_lies_after_the_sign_up_is_no_attribute(club: Any, members: pd.DataFrame, form: str) -> None:
    seen = members["since"] + pd.to_timedelta(np.arange(N) % 90 + 2, "D") + pd.to_timedelta(np.arange(N), "s")
    assert named(club(overwritten, members.assign(plan=seen.dt.strftime(form)))) == ["plan"]
    born = members["since"] - pd.to_timedelta(7000 + np.arange(N), "D")
    assert named(club(overwritten, members.assign(plan=born.dt.strftime(form)))) == []
    ends = members["since"] + pd.to_timedelta(365 + np.arange(N), "D")  # of some it lies ahead
    assert named(club(overwritten, members.assign(plan=ends.dt.strftime(form)))) == []


def test_agreed_ends_that_were_written_as_members_left_are_named(club: Any, members: pd.DataFrame) -> None:
    members["until"] = members["left_on"]
    text = CLUB.replace("closed_at: left_on,", "closed_at: left_on, ends_at: until,")
    assert named(club(overwritten, members, text=text)) == ["ends_at"]
    terms = members.assign(until=members["left_on"].fillna(pd.Timestamp("2026-01-01")))
    assert named(club(overwritten, terms, text=text)) == []  # who has not left has an agreed end, too
    some = members.assign(until=members["left_on"].where(members.index % 10 > 0))
    assert named(club(overwritten, some, text=text)) == []  # some leave before their agreed end, or without one


def test_ends_that_were_written_as_they_came_are_named_until_they_have_a_clock(
    club: Any, members: pd.DataFrame
) -> None:
    """Who moves away says so three weeks before: at no earlier snapshot did anybody know."""
    moved = pd.Timestamp("2024-06-01") + pd.to_timedelta(np.arange(N) % 210, "D")
    members["until"] = pd.Series(moved).where((np.arange(N) % 3 == 0) & members["left_on"].isna())
    members["told"] = members["until"] - pd.Timedelta(days=21)
    text = CLUB.replace("closed_at: left_on,", "closed_at: left_on, ends_at: until,")
    assert named(club(overwritten, members, text=text)) == ["ends_at"]
    told = text.replace("ends_at: until,", "ends_at: until, ends_recorded_at: told,")
    assert named(club(overwritten, members, text=told)) == []


def test_a_plan_that_all_old_members_had_and_left_is_no_hindsight(club: Any, members: pd.DataFrame) -> None:
    old = members["since"] < "2022-10-01"
    left = members["left_on"].where(~old, pd.Timestamp("2024-03-01"))
    assert club(overwritten, members.assign(left_on=left, plan=members["plan"].where(~old, "classic"))).passed


@pytest.mark.parametrize("kind", ["plan", "points"])
def test_who_may_have_left_lately_does_not_hide_a_value_that_was_overwritten(
    club: Any, members: pd.DataFrame, kind: str
) -> None:
    """Members who are gone when nothing was heard of them for sixty days; one in six left too lately to be sure of."""
    gone = members["left_on"].notna()
    late = gone & (members.index % 6 == 0)
    visits = mails(members.assign(left_on=members["left_on"].mask(late)))
    visits["sent_at"] += pd.to_timedelta(visits.index % 28, "D")
    lately = visits["id"].isin(members.loc[late, "id"]) & (
        visits["sent_at"] > visits["sent_at"].max() - pd.Timedelta(days=32)
    )
    visits = visits[~lately]
    text = CLUB.replace("by: closure", "by: inactivity").replace(", closed_at: left_on", "")
    values = {"plan": "none", "points": -99.0}
    assert club(overwritten, members, visits, text=text).passed
    audit = club(overwritten, members.assign(**{kind: members[kind].mask(gone, values[kind])}), visits, text=text)
    assert named(audit) == [kind] and f"value {str(values[kind])!r} have left" in audit.findings[0].detail


def test_a_number_that_is_emptied_for_leavers_is_named(club: Any, members: pd.DataFrame) -> None:
    audit = club(overwritten, members.assign(points=members["points"].mask(members["left_on"].notna())))
    assert named(audit) == ["points"] and "'(missing)'" in audit.findings[0].detail


def test_a_category_of_many_values_that_knows_who_left_is_named(club: Any, members: pd.DataFrame) -> None:
    """No value is of leavers alone."""
    rng = np.random.default_rng(3)
    plans = np.where(members["left_on"].notna() ^ (rng.random(N) < 0.08), rng.integers(0, 9, N), rng.integers(9, 18, N))
    audit = club(overwritten, members.assign(plan=[f"p{plan}" for plan in plans]))
    assert named(audit) == ["plan"] and "AUROC" in audit.findings[0].detail
    assert club(overwritten, members.assign(plan=[f"p{plan}" for plan in rng.integers(0, 200, N)])).passed


def test_a_number_that_knows_who_left_is_named_and_one_that_knows_who_is_old_is_not(
    club: Any, members: pd.DataFrame
) -> None:
    leaks = members["points"] - 2.5 * members["left_on"].notna()
    assert named(club(overwritten, members.assign(points=leaks))) == ["points"]
    old = members["since"] < "2022-10-01"
    left = members["left_on"].where(~old, pd.Timestamp("2024-03-01"))
    assert club(overwritten, members.assign(left_on=left, points=np.arange(N) * 1.0)).passed


def test_mails_to_those_about_to_leave_are_named(club: Any, members: pd.DataFrame) -> None:
    assert club(reactions, members).passed
    left = members.dropna(subset="left_on")
    saving = pd.DataFrame({"id": left["id"], "sent_at": left["left_on"] - pd.Timedelta(days=6), "purpose": "win-back"})
    audit = club(reactions, members, pd.concat([mails(members), saving.head(60)]))
    assert named(audit) == ["outreach_sent name 'win-back'"] and "60 of 60 customers closed" in audit.findings[0].detail


def test_calls_between_a_notice_and_the_end_of_the_contract_are_named(club: Any, members: pd.DataFrame) -> None:
    """Closures are dated by the end of the contract, which lies farther ahead than a horizon."""
    left = members.dropna(subset="left_on")
    calls = pd.DataFrame({"id": left["id"], "sent_at": left["left_on"] - pd.Timedelta(days=80), "purpose": "win-back"})
    calls = calls[calls["sent_at"] >= members["since"].max()]
    audit = club(reactions, members, pd.concat([mails(members), calls.head(60)]))
    assert named(audit) == ["outreach_sent name 'win-back'"] and "closed within 120 days" in audit.findings[0].detail


def test_a_campaign_of_the_last_days_is_not_judged_by_those_who_closed_at_once(
    club: Any, members: pd.DataFrame
) -> None:
    """Of its customers, the books know so far only of those who closed."""
    last = members["left_on"].max()
    late = members[members["left_on"].isna() | (members["left_on"] > last - pd.Timedelta(days=40))]
    sent = pd.DataFrame({"id": late["id"], "sent_at": last - pd.Timedelta(days=41), "purpose": "autumn"})
    before = mails(members).query("sent_at < @last")
    assert 15 < late["left_on"].notna().sum() < len(late) / 2
    assert club(reactions, members, pd.concat([before, sent])).passed


def test_a_page_that_leavers_visit_is_information(club: Any, members: pd.DataFrame) -> None:
    left = members.dropna(subset="left_on")
    visits = pd.DataFrame({"id": left["id"], "at": left["left_on"] - pd.Timedelta(days=4), "topic": "how to cancel"})
    text = CLUB.replace("kind: contact", "kind: help_viewed").replace(" direction: {value: inbound},", "")
    audit = club(reactions, members, calls=visits, text=text)
    assert audit.passed and [each.verdict for each in audit.findings] == ["pass", "information"]
    assert audit.findings[1].feature == "help_viewed name 'how to cancel'"


READINGS = CLUB.replace("kind: contact", "kind: activity").replace("direction: {value: inbound}", "channel: by")


def readings(members: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One reading that every member sends in, and one that is taken where a contract is about to end."""
    left = members.dropna(subset="left_on")
    own = pd.DataFrame({"id": members["id"], "at": pd.Timestamp("2024-02-02"), "topic": "reading", "by": "web"})
    last = pd.DataFrame({"id": left["id"], "at": left["left_on"] - pd.Timedelta(days=9), "topic": "reading"})
    return own, last


def test_a_channel_that_only_leavers_meet_is_shown_though_its_name_is_that_of_others(
    club: Any, members: pd.DataFrame
) -> None:
    own, last = readings(members)
    audit = club(reactions, members, calls=pd.concat([own, last.assign(by="grid")]), text=READINGS)
    assert [each.feature for each in audit.findings] == [None, "activity channel 'grid'"]
    anybody = own.iloc[::4].assign(by="grid", at=pd.Timestamp("2024-02-09"))
    assert [
        each.feature for each in club(reactions, members, calls=pd.concat([own, anybody]), text=READINGS).findings
    ] == [None]


def test_a_name_that_only_leavers_meet_on_one_channel_is_shown_by_both(club: Any, members: pd.DataFrame) -> None:
    """On that channel others are called for other reasons, and that name is heard of on other channels."""
    own, last = readings(members)
    checks = own.assign(by="grid", topic="check", at=pd.Timestamp("2024-02-05"))
    audit = club(reactions, members, calls=pd.concat([own, checks, last.assign(by="grid")]), text=READINGS)
    assert [each.feature for each in audit.findings] == [None, "activity 'reading on grid'"]


def test_mails_that_win_customers_back_at_random_are_not_named(club: Any, members: pd.DataFrame) -> None:
    offer = pd.DataFrame({"id": members["id"], "sent_at": pd.Timestamp("2024-02-03"), "purpose": "win-back"})
    assert club(reactions, members, pd.concat([mails(members), offer.iloc[::5]])).passed


def test_what_leavers_say_themselves_is_no_leak(club: Any, members: pd.DataFrame) -> None:
    left = members.dropna(subset="left_on")
    calls = pd.DataFrame({"id": left["id"], "at": left["left_on"] - pd.Timedelta(days=2), "topic": "how do I leave"})
    assert club(reactions, members, calls=calls).passed
