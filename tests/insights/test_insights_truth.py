"""The insights beside the truth of a simulated company; benchmarks/insights.py does the same with ten seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from churnml.insights.census import UNHEARD, census
from churnml.insights.findings import share_of
from churnml.insights.funnel import NO_CONTACT, SIGNED_UP, funnel, newcomers
from churnml.insights.iceberg import ANY, NONE, SAID_NOTHING, iceberg
from churnml.insights.launch import channel_launches
from churnml.insights.ledger import open_ledger, sampled
from churnml.insights.personas import AWAY, LEFT_ALOUD, LEFT_SILENTLY, NEW, assign, features_of, personas
from churnml.insights.response import cases, fast_response
from churnml.insights.scorecard import WAYS, scorecard
from churnml.insights.survey import blind_spot


def expected(chances: pd.DataFrame) -> tuple[float, float]:
    """The share that leaves, and the share of the silent among them."""
    return float(chances.to_numpy().sum() / len(chances)), float(chances["p_silent"].sum() / chances.to_numpy().sum())


def test_the_silent_share_holds_the_truth(looked: Any, chances: pd.DataFrame) -> None:
    found, met = share_of(looked.ledger), looked.ledger.met.any(axis=1).to_numpy()
    assert found.overall.low <= expected(chances)[1] <= found.overall.high
    assert found.after_friction.low <= expected(chances[met])[1] <= found.after_friction.high
    assert found.overall.high - found.overall.low < 0.15
    by_tenure = found.by_part[found.by_part["part"] == "tenure"]
    assert by_tenure["leavers"].sum() == found.overall.leavers
    assert set(found.by_part["part"]) == {"tenure", "preferred channel", "plan", "acquired_through"}
    assert found.elsewhere is not None and 0 < found.elsewhere.share < 1 and found.elsewhere.n == found.overall.silent


def test_of_many_customers_a_sample_is_followed_and_all_are_counted(looked: Any) -> None:
    business, last = looked.business, looked.snapshots[-1:]
    followed, one_in = sampled(business.canonical, business.engine, most=1000)
    assert one_in == 3 and sampled(business.canonical, business.engine) == (business.canonical, 1)
    part = open_ledger(
        followed, looked.config, business.engine, last, business.known_at, everybody=business.canonical,
        features=features_of(looked.config.personas),
    )  # fmt: skip
    rows, whole = part.rows.set_index("customer_id"), looked.ledger.rows
    whole = whole[whole["as_of"] == pd.Timestamp(last[0])].set_index("customer_id")
    assert 0.28 < len(rows) / len(whole) < 0.38
    pd.testing.assert_frame_equal(rows.drop(columns="group_id"), whole.loc[rows.index, rows.columns.drop("group_id")])
    found, everyone = (personas(held, looked.config.personas).profile for held in (part, looked.ledger))
    assert found["customers"].tolist() == everyone["customers"].tolist()
    assert census(part, 365).frame()["value"].tolist() == census(looked.ledger, 365).frame()["value"].tolist()


def test_the_iceberg_holds_the_truth(looked: Any, chances: pd.DataFrame) -> None:
    berg, ledger = iceberg(looked.ledger).frame().set_index(["friction", "said"]), looked.ledger
    silent = ~ledger.rows["voiced"]
    cells = {(ANY, SAID_NOTHING): ledger.met.any(axis=1) & silent, (NONE, NONE): ~ledger.met.any(axis=1)}
    cells |= {(name, SAID_NOTHING): met & silent for name, met in ledger.met.items()}
    assert len(cells) == 7  # errors, failed payments, abandoned contacts, late promises, long waits, any and none
    missed = []
    for cell, which in cells.items():
        left, said_nothing = expected(chances[which.to_numpy()])
        row = berg.loc[cell]
        assert row["customers"] == which.sum()
        missed += [cell] if not row["left_low"] <= left <= row["left_high"] else []
        missed += [cell] if not row["silent_low"] <= said_nothing <= row["silent_high"] else []
    assert len(missed) <= 1, missed
    assert (ANY, SAID_NOTHING) not in missed and (NONE, NONE) not in missed


def test_a_launch_tells_the_revealed_from_the_moved(looked: Any) -> None:
    business = looked.business
    (launch,) = channel_launches(business.canonical, looked.config, business.engine, business.known_at).launches
    support, people = looked.raw("support"), looked.raw("customers").set_index("customer_id")
    truth = looked.truth("customers").set_index("customer_id")
    new = support[(support["channel"] == launch.channel) & ~support["abandoned"]]
    dark = new["customer_id"].map(truth["dark_matter"] & truth["adopts_new_channel"]).astype(bool)
    late = new["customer_id"].map(people["signed_up_at"]) >= pd.Timestamp(launch.opened)
    revealed = launch.figure("contacts", "revealed")
    true = float((dark & ~late).mean())
    assert abs((pd.Timestamp(launch.opened) - pd.Timestamp("2023-10-08")).days) <= 5
    assert revealed["share_low"] <= true <= revealed["share_high"]
    assert revealed["share_high"] - revealed["share_low"] < 0.2
    assert launch.table.groupby("figure")["share"].sum().tolist() == pytest.approx([1, 1])
    # Taking all who were never heard for revealed would be far off.
    heard = support[pd.to_datetime(support["opened_at"]) < pd.Timestamp(launch.opened)]["customer_id"]
    assert (~new["customer_id"].isin(heard) & ~late).mean() > revealed["share_high"]
    assert launch.uptake == pytest.approx(0.35 * 0.7, abs=0.05)
    assert launch.months.loc[launch.months["channel"] == launch.channel, "month"].min() >= pd.Timestamp("2023-10-01")


def test_cases_are_followed_as_the_raw_tables_have_it(looked: Any) -> None:
    business, config = looked.business, looked.config
    found = cases(business.canonical, config, business.engine, business.first_day, business.known_at)
    usage, closures, support = looked.raw("usage"), looked.raw("closures"), looked.raw("support")
    used = usage.groupby("customer_id")["started_at"].apply(lambda days: days.dt.normalize().to_numpy())
    closed = closures.set_index("customer_id")["closed_at"].dt.normalize()
    tickets = support[~support["abandoned"]].set_index(["customer_id", "opened_at"])
    sample = found.sample(200, random_state=1)
    for case in sample.itertuples():
        start = case.opened_at.normalize() + pd.Timedelta(days=7)
        end = start + pd.Timedelta(days=config.snapshots.horizon_days)
        days, gone = used.get(case.customer_id, np.array([], dtype="datetime64[us]")), closed.get(case.customer_id)
        quiet = not ((days >= start) & (days < end)).any()
        left = quiet or (gone is not None and start <= gone < end)
        assert (case.left, case.there) == (left, gone is None or gone >= start)
        if (case.customer_id, case.opened_at) in tickets.index:
            ticket = tickets.loc[[(case.customer_id, case.opened_at)]].iloc[0]
            answered = ticket["resolved_at" if ticket["automated"] else "first_response_at"]  # a bot's word is none
            waited = (answered - case.opened_at).total_seconds()
            assert case.response_s == pytest.approx(waited) if waited < 7 * 86400 else np.isnan(case.response_s)
    told = fast_response(found)
    assert told.by_response.groupby("about")["cases"].sum()["all cases"] == found["there"].sum()
    slow = told.worth.set_index("about").loc["all cases"]
    assert slow["low"] <= slow["fewer"] <= slow["high"] and slow["fewer"] > 0  # a slow answer is felt
    assert set(told.spending["after"].str.split().str[1]) == {"complaint", "case"}


def test_the_census_finds_the_dark(looked: Any) -> None:
    found, today = census(looked.ledger, 365), looked.ledger.today
    truth = looked.truth("customers").set_index("customer_id")
    dark = today["customer_id"].map(truth["dark_matter"] & ~truth["speaks"] & ~truth["adopts_new_channel"]).astype(bool)
    assert (today.loc[dark, "dark_matter"] == 1).all()
    row = found.frame().set_index("who").loc[UNHEARD]
    assert row["customers"] == (today["dark_matter"] == 1).sum() and row["low"] < row["share"] < row["high"]
    assert row["value"] == pytest.approx(today.loc[today["dark_matter"] == 1, "value"].sum())
    assert (today["value"] == 0).any()  # before the first bill
    assert row["mean_value"] == pytest.approx(row["value"] / row["customers"])
    assert found.by_tenure["customers"].sum() == len(today)


def test_personas_find_the_planted_types(looked: Any) -> None:
    """Better than chance by a stated margin: each planted type gets its persona half as often again, or more."""
    rows = looked.ledger.rows
    as_of = rows["as_of"].max()
    rows = rows[rows["as_of"] == as_of]
    truth = looked.truth("customers").set_index("customer_id").loc[rows["customer_id"]]
    left = looked.truth("departures").set_index("customer_id")["decided_on"]
    decided = pd.to_datetime(rows["customer_id"].map(left)).to_numpy() < np.datetime64(as_of)
    named = assign(rows, looked.config.personas)
    going = decided & (truth["manner"] == "silent").to_numpy()
    planted = {
        "dark matter": (truth["dark_matter"] & ~truth["speaks"]).to_numpy() & ~going,
        "disengaged and silent": going,
        "stressed but vocal": decided & (truth["manner"] == "vocal").to_numpy(),
    }
    for persona, mask in planted.items():
        assert mask.sum() >= 5
        given = np.char.find(named.astype(str), persona.split()[0] if "vocal" not in persona else "vocal") >= 0
        assert given[mask].mean() > 1.5 * given.mean(), persona
    found = personas(looked.ledger, looked.config.personas)
    assert found.missing == {} and found.profile["customers"].sum() == len(looked.ledger.today)
    arrived = found.flows[found.flows["as_of"] == found.flows["as_of"].max()]
    ends = arrived[~arrived["after"].isin([LEFT_SILENTLY, LEFT_ALOUD, AWAY])]
    assert ends["customers"].sum() == len(looked.ledger.today) and NEW in set(arrived["before"])


def test_the_blind_spot_counts_everybody(looked: Any) -> None:
    found, rows = blind_spot(looked.ledger), looked.ledger.rows
    assert found.frame()["customers"].sum() == len(rows)
    assert found.frame()["silent"].sum() == (rows["outcome"] == "silent").sum()
    assert 0.5 < found.unseen_low < found.unseen < found.unseen_high <= 1
    # The unhappy answer less often: who answered left less often than who was asked and did not.
    left = found.frame().set_index("answer")["left"]
    assert left["scored high"] < left["did not answer"]


def test_newcomers_stall_where_they_are_planted_to(looked: Any) -> None:
    business, config = looked.business, looked.config
    found = newcomers(business.canonical, config, business.engine, business.first_day, business.known_at)
    people = looked.raw("customers").set_index("customer_id")["signed_up_at"]
    last = pd.Timestamp(business.known_at) - pd.Timedelta(days=30 + 182 + 7)
    expected = people[(people >= pd.Timestamp(config.history_starts_on)) & (people.dt.normalize() <= last)]
    assert sorted(found["customer_id"]) == sorted(expected.index)
    done = looked.raw("onboarding")
    done = done[done["customer_id"].isin(found["customer_id"])]
    day = (done["completed_at"].dt.normalize() - done["customer_id"].map(people).dt.normalize()).dt.days
    steps = done[day < 30].groupby("step")["customer_id"].nunique()
    table = funnel(found, 30).frame().set_index("step")
    assert table.loc[steps.index, "reached"].tolist() == steps.tolist()
    assert table.index[0] == SIGNED_UP and NO_CONTACT in table.index
    reached = table.loc[steps.index, "reached"]
    last_step = reached.index[reached.argmin()]
    assert table.loc[last_step, "left"] < table.loc[last_step, "left_without"]


def test_the_scorecard_measures_all_nine(looked: Any) -> None:
    drivers = pd.DataFrame({"feature": ["promises_kept_late_365d", "days_since_activity"], "share": [0.25, 0.75]})
    found = scorecard(looked.ledger, drivers).frame().set_index("way")
    assert len(found) == len(WAYS) == 9 and (found["why"] == "").all()
    assert found["risk_share"].to_dict() == {way.name: 0.25 * (way.name == "broken promises") for way in WAYS}
    today = looked.ledger.today
    assert found.loc["broken promises", "value"] == pytest.approx(today["promises_kept_late_365d"].mean(), rel=1e-4)
    assert found.loc["trust in one metric", "value"] == pytest.approx(
        1 - today["surveys_answered_share_365d"].mean(), rel=1e-4
    )
