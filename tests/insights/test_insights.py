"""Each insight on rows made by hand, where every figure can be counted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from churnml.config import PERSONAS, Config, Persona, parse_config
from churnml.engine import Engine
from churnml.errors import ConfigError
from churnml.insights.census import HEARD, UNHEARD, census
from churnml.insights.findings import unlinked_voice
from churnml.insights.funnel import FIRST_USE, NO_CONTACT, funnel, newcomers
from churnml.insights.iceberg import ANY, NONE, NOT_RECOVERED, RECOVERED, SAID_NOTHING, iceberg
from churnml.insights.launch import HEARD as HEARD_BEFORE
from churnml.insights.launch import NEWCOMER, channel_launches, measure
from churnml.insights.launch import UNHEARD as UNHEARD_BEFORE
from churnml.insights.ledger import Ledger
from churnml.insights.personas import AWAY, LEFT_SILENTLY, NEW, assign, personas
from churnml.insights.response import LATER, cases, fast_response
from churnml.insights.scorecard import NOT_MEASURABLE, scorecard
from churnml.insights.silent_share import Unlinked, silent_share
from churnml.insights.survey import blind_spot
from churnml.metrics.shares import clustered_ratio
from churnml.sources import build

DAY = 86_400
MAY, JUNE = pd.Timestamp("2024-05-01"), pd.Timestamp("2024-06-01")


def ledger(rows: list[dict[str, Any]], off: dict[str, str] | None = None) -> Ledger:
    """Customers at one snapshot, errors the only friction; the same customers are there a month later."""
    frame = pd.DataFrame(rows)
    frame = frame.assign(
        customer_id=[f"c{number}" for number in range(len(rows))],
        group_id=[f"c{number}" for number in range(len(rows))],
        as_of=MAY,
    )
    for name, usual in (("outcome", "retained"), ("voiced", False), ("value", np.nan)):
        frame[name] = frame[name].fillna(usual) if name in frame else usual
    now = frame.drop(columns="outcome").assign(as_of=JUNE)
    frictions = {"error": lambda each: each["errors"] > 0} if "errors" in frame else {}
    return Ledger(frame, now, frictions, off or {}, ())


def test_the_iceberg_counts_every_customer_once_in_each_friction() -> None:
    met = {"errors": 1.0, "open_cases": 0.0, "first_response_last_s": np.nan}
    rows = [met | {"outcome": "silent"}] * 3 + [met] * 5
    rows += [met | {"voiced": True, "first_response_last_s": 3600.0}] * 2  # helped
    rows += [met | {"voiced": True, "first_response_last_s": 2.0 * DAY, "outcome": "vocal"}]  # answered too late
    rows += [met | {"voiced": True, "first_response_last_s": 60.0, "open_cases": 1.0}]  # a case is open
    rows += [met | {"voiced": True}]  # never answered
    rows += [{"errors": 0.0, "outcome": "vocal"}] + [{"errors": 0.0}] * 3
    found = iceberg(ledger(rows)).frame().set_index(["friction", "said"])
    counted = found.loc[ANY]
    assert counted["customers"].to_dict() == {SAID_NOTHING: 8, RECOVERED: 2, NOT_RECOVERED: 3}
    assert counted["share"].sum() == pytest.approx(1) and counted.loc[SAID_NOTHING, "share"] == 8 / 13
    assert counted["left"].tolist() == [3 / 8, 0, 1 / 3] and counted["silent"].tolist()[0] == 1
    assert found.loc["error"].equals(counted)
    assert found.loc[(NONE, NONE), ["customers", "left"]].tolist() == [4, 0.25]
    assert iceberg(ledger(rows)).below == 8 / 13
    assert iceberg(ledger(rows)).verdict.endswith(": below the common 96%.")


def test_without_friction_the_iceberg_says_what_is_missing() -> None:
    found = iceberg(ledger([{"outcome": "silent"}] * 5))
    assert found.frame().empty and "features.friction" in found.why


def test_bounds_run_from_every_lost_complaint_a_silent_leaver_to_none() -> None:
    left = pd.DataFrame(
        {"customer_id": range(100), "group_id": range(100), "as_of": MAY, "outcome": ["silent"] * 80 + ["vocal"] * 20}
    )
    none = silent_share(left, unlinked=Unlinked(0, 40)).bounds
    assert none is not None and (none.low, none.likely, none.high) == pytest.approx((0.7112, 0.8, 0.8666), abs=1e-4)
    some = silent_share(left, unlinked=Unlinked(10, 40)).bounds
    assert some is not None and some.likely == pytest.approx(0.75)  # 10 of 50 complaints: 5 leavers more
    assert some.low == pytest.approx(silent_share(left.assign(outcome=["silent"] * 70 + ["vocal"] * 30)).low)
    assert some.high == none.high
    many = silent_share(left, unlinked=Unlinked(500, 40)).bounds
    assert many is not None and (many.low, many.likely) == pytest.approx((0, 0)) and "500" in many.say()
    assert silent_share(left).bounds is None
    alone = silent_share(left, unlinked=Unlinked(10, 0)).bounds
    assert alone is not None and np.isnan(alone.likely) and "at about" not in alone.say()


def test_a_verdict_that_lost_complaints_could_overturn_says_so() -> None:
    left = pd.DataFrame({"customer_id": range(400), "group_id": range(400), "as_of": MAY, "outcome": "silent"})
    above = silent_share(left.assign(friction=[True] * 300 + [False] * 100), unlinked=Unlinked(60, 0))
    assert above.after_friction is not None and above.after_friction.verdict == "above"
    assert above.friction_bounds is not None and above.friction_bounds.low == pytest.approx(0.751, abs=1e-3)
    assert above.verdict.endswith("were they theirs, it could be as few as 75%.")
    assert "were they theirs" not in silent_share(left, unlinked=Unlinked(0, 5)).verdict
    mixed = left.assign(outcome=["silent"] * 200 + ["vocal"] * 200)
    assert "were they theirs" not in silent_share(mixed, unlinked=Unlinked(60, 0)).verdict  # below either way


def test_the_share_is_told_by_part_and_of_those_who_spoke_elsewhere() -> None:
    left = pd.DataFrame(
        {"customer_id": range(6), "group_id": range(6), "as_of": MAY, "plan": list("aaabbb")}
        | {"outcome": ["silent", "silent", "vocal", "silent", "retained", "silent"], "elsewhere": [True, *[False] * 5]}
    )
    found = silent_share(left, parts=["plan"])
    assert found.by_part[["part", "value", "leavers", "silent"]].values.tolist() == [
        ["plan", "a", 3, 2],
        ["plan", "b", 2, 2],
    ]
    assert found.elsewhere is not None and (found.elsewhere.share, found.elsewhere.n) == (0.25, 4)


UNLINKED = """
project: shop
sources:
  - path: customers.parquet
    customers: {customer_id: id, signed_up_at: since}
  - path: log.parquet
    rows_without_customer: drop
    events:
      - kind: complaint
        where: kind = 'complaint'
        occurred_at: at
        recorded_at: known
        customer_id: id
        channel: channel
      - {kind: purchase, where: kind = 'purchase', occurred_at: at, recorded_at: known, customer_id: id}
eligible: {active_within_days: 60}
defection: {by: either, of: [purchase]}
voice: {kinds: [complaint], lookback_days: 30}
channels: {dark: [forum]}
snapshots: {every: 30 days, horizon_days: 30}
"""


def test_voice_without_a_customer_is_counted_where_it_could_be_that_of_a_leaver(shop: Any, engine: Engine) -> None:
    shop.customer("ann").event("ann", "purchase", "2024-04-20").event("ann", "complaint", "2024-05-02")
    for at in ("2024-04-05", "2024-05-20", "2024-05-30 23:00"):
        shop.event(None, "complaint", at)
    shop.event(None, "complaint", "2024-05-10", channel="forum")  # a dark channel is not heard
    shop.event(None, "complaint", "2024-03-31").event(None, "complaint", "2024-05-31")  # before, after
    shop.event(None, "complaint", "2024-05-10", known="2024-08-01").event(None, "purchase", "2024-05-10")
    config = parse_config(UNLINKED)
    canonical = build(config, engine, shop.write())
    assert unlinked_voice(canonical, config, engine, [date(2024, 5, 1)], date(2024, 7, 1)) == Unlinked(3, 1)
    assert engine.number(canonical.events.count()) == 2
    refusing = parse_config(UNLINKED.replace("    rows_without_customer: drop\n", ""))
    shop.facts = [fact for fact in shop.facts if fact["id"]]
    whole = build(refusing, engine, shop.write())
    assert unlinked_voice(whole, refusing, engine, [date(2024, 5, 1)], date(2024, 7, 1)) is None


def people(counts: list[tuple[str, int, int]]) -> pd.DataFrame:
    frame = pd.DataFrame(counts, columns=["who", "new", "old"])
    began_new = (frame["new"] > 0) & (frame["new"] >= frame["old"])
    names = [f"c{number}" for number in range(len(frame))]
    return frame.assign(customer_id=names, group_id=names, began_new=began_new, began_old=~began_new)


def test_the_revealed_are_those_beyond_the_readiness_of_the_heard() -> None:
    counts = [(HEARD_BEFORE, 1, 3)] * 50 + [(UNHEARD_BEFORE, 0, 1)] * 30 + [(UNHEARD_BEFORE, 1, 0)] * 25
    counts += [(NEWCOMER, 1, 1)] * 20
    found = measure(people(counts), pd.DataFrame(), "chat", date(2024, 5, 1), date(2024, 9, 1))
    assert found.uptake == 0.25
    row = found.figure("contacts", "revealed")
    assert row["number"] == pytest.approx(25 - 30 / 3) and row["share"] == pytest.approx(15 / 95)
    assert found.figure("contacts", "moved")["number"] == pytest.approx(50 + 30 / 3)
    assert found.figure("contacts", "newcomers")["number"] == 20
    alike = measure(people([(HEARD_BEFORE, 1, 3)] * 50), pd.DataFrame(), "chat", date(2024, 5, 1), date(2024, 9, 1))
    none = alike.figure("contacts", "revealed")
    assert none["share"] == 0 and none["share_low"] < 1e-9 and 0.05 < none["share_high"] < 0.1  # fifty may hide a few


@pytest.mark.parametrize("dark", [0, 150])
def test_the_revealed_lie_in_their_interval_about_as_often_as_it_says(dark: int) -> None:
    draw, inside, moved = np.random.default_rng(8), 0, 0
    for _ in range(100):
        rates = draw.gamma(1.0, 1.5, 800)
        before, taking = draw.poisson(rates), draw.random(800) < 0.35
        after = draw.poisson(rates)
        new = np.where(taking, draw.binomial(after, 0.7), 0)
        hidden = draw.poisson(0.8, dark)
        who = np.where(before > 0, HEARD_BEFORE, UNHEARD_BEFORE).tolist() + [UNHEARD_BEFORE] * dark
        counts = list(zip(who, [*new, *hidden], [*(after - new), *[0] * dark], strict=True))
        found = measure(people(counts), pd.DataFrame(), "chat", date(2024, 5, 1), date(2024, 9, 1))
        row = found.figure("contacts", "revealed")
        inside += row["share_low"] <= hidden.sum() / (new.sum() + hidden.sum()) <= row["share_high"]
        moved += "moved contacts: no sign" in found.verdict
    assert inside >= 90
    assert moved >= 90 if dark == 0 else moved == 0


def test_a_channel_is_new_where_others_were_in_use_before(
    shop: Any, configured: Callable[..., Config], engine: Engine
) -> None:
    for number in range(60):
        name = f"c{number:02d}"
        shop.customer(name).event(name, "contact", f"2024-01-{1 + number % 28:02d}", channel="phone")
        shop.event(name, "contact", f"2024-07-{1 + number % 28:02d}", channel="chat")
        shop.event(name, "contact", f"2024-07-{1 + number % 28:02d}", channel="forum")
        shop.event(name, "contact", f"2024-02-{1 + number % 28:02d}", channel="email")
    canonical = build(configured(), engine, shop.write())
    found = channel_launches(canonical, configured(), engine, date(2024, 9, 1))
    assert [(one.channel, one.opened) for one in found.launches] == [("chat", date(2024, 7, 1))]  # the forum is dark
    assert found.launches[0].table.set_index(["figure", "whence"]).loc[("contacts", "moved"), "share"] != 1
    assert "no channel of service opened" in channel_launches(canonical, configured(), engine, date(2024, 7, 1)).why


def followed(response_s: float, left: bool, number: int, voiced: bool = False) -> list[dict[str, Any]]:
    case = {"response_s": response_s, "resolution_s": 3.0 * DAY, "left": left, "voiced": voiced, "there": True}
    return [case | {"spent_before": 100.0, "spent_after": 80.0 if left else 100.0} for _ in range(number)]


def test_leaving_is_told_by_the_time_to_the_first_reply() -> None:
    rows = followed(3600, False, 90) + followed(3600, True, 10) + followed(DAY, False, 40)
    rows += followed(np.nan, True, 20) + followed(2.0 * DAY, False, 20, voiced=True)
    frame = pd.DataFrame(rows).assign(customer_id=range(180), group_id=range(180))
    frame.loc[0, "there"] = False  # had closed before it could be seen who leaves
    found = fast_response(frame)
    told = found.by_response[found.by_response["about"] == "all cases"].set_index("response")
    assert told["cases"].to_dict() == {"within an hour": 99, "4 to 24 hours": 40, "1 to 3 days": 20, LATER: 20}
    assert told["left"].round(4).tolist() == [round(10 / 99, 4), 0, 0, 1]
    worth = found.worth.set_index("about").loc["all cases"]
    assert worth["slow"] == 40 and worth["fewer"] == pytest.approx(20 / 40 - 10 / 139)
    assert 0.2 < worth["low"] < worth["fewer"] < worth["high"] < 0.65
    assert np.isnan(found.worth.set_index("about").loc["complaints", "fewer"])
    kept = found.spending.set_index("after")["kept"].to_dict()
    assert kept == {
        "a complaint answered later or not settled within a week": 1.0,
        "another case": pytest.approx((129 * 100 + 30 * 80) / 15_900),
    }
    assert "case_responded" in fast_response(frame.assign(response_s=np.nan)).why
    assert fast_response(frame, amounts=False).spending.empty


def test_a_case_is_answered_by_a_person_or_by_what_a_bot_has_solved(tmp_path: Path, engine: Engine) -> None:
    config = parse_config("""
project: bots
sources:
  - path: log.parquet
    customers: {customer_id: id, signed_up_at: first_event}
    events: [{kind: {column: kind}, occurred_at: at, customer_id: id, case_id: case, automated: bot, allow_null: true}]
eligible: {active_within_days: 60}
defection: {by: either, of: [purchase]}
snapshots: {horizon_days: 30}
""")
    bot, person, solved = ("case_responded", 1, True), ("case_responded", 60, False), ("case_resolved", 30, None)
    lives = {
        "acknowledged": [bot],
        "answered": [bot, person],
        "solved": [bot, solved],
        "solved_first": [bot, solved, person],
        "unknown": [("case_responded", 5, None)],
        "not_replied_to": [solved],
    }
    start = pd.Timestamp("2024-03-01")
    rows = [
        (name, kind, start + pd.Timedelta(minutes=minutes), "k", known)
        for name, facts in lives.items()
        for kind, minutes, known in [("case_opened", 0, None), *facts]
    ]
    rows += [(name, "purchase", pd.Timestamp("2024-02-01"), None, None) for name in lives]
    log = pd.DataFrame(rows, columns=["id", "kind", "at", "case", "bot"])
    log.astype({"at": "datetime64[us]", "bot": "boolean"}).to_parquet(tmp_path / "log.parquet")
    found = cases(build(config, engine, tmp_path), config, engine, date(2024, 1, 1), date(2024, 9, 1))
    minutes = (found.set_index("customer_id")["response_s"] / 60).to_dict()
    assert minutes == pytest.approx(
        {
            "acknowledged": np.nan,
            "answered": 60,
            "solved": 30,
            "solved_first": 30,
            "unknown": 5,
            "not_replied_to": np.nan,
        },
        nan_ok=True,
    )


def test_the_census_compares_within_tenure() -> None:
    rows = [{"dark_matter": 1.0, "tenure_days": 30.0, "value": 10.0}] * 4
    rows += [{"dark_matter": 0.0, "tenure_days": 30.0, "value": 30.0}] * 2
    rows += [{"dark_matter": 1.0, "tenure_days": 400.0, "value": 500.0}] * 3
    rows += [{"dark_matter": 0.0, "tenure_days": 400.0, "value": 100.0}]
    found = census(ledger(rows), 365)
    table = found.frame().set_index("who")
    assert table.loc[[UNHEARD, HEARD], ["customers", "value"]].values.tolist() == [[7, 1540.0], [3, 160.0]]
    assert found.could_buy == 4 * (30 - 10)  # the long-standing unheard spend more than the heard already
    assert 0 <= found.could_low <= 80 <= found.could_high
    assert "has contacted service" in census(ledger([{"dark_matter": 0.0, "value": 1.0}]), 365).why
    lacking = census(ledger([{"value": 1.0}], {"dark_matter": "needs one of the kinds contact"}), 365)
    assert lacking.frame().empty and lacking.why == "needs one of the kinds contact"


def test_the_census_says_never_only_where_the_books_hold_the_whole_of_these_lives() -> None:
    """The customers are counted on 1 June, so that 30 days of tenure began on 2 May."""
    young = [{"dark_matter": 1.0, "tenure_days": 30.0}, {"dark_matter": 0.0, "tenure_days": 900.0}]
    began = (JUNE - pd.Timedelta(days=30)).date()
    assert census(ledger(young), 365, began).since is None
    later = began + timedelta(days=1)
    assert census(ledger(young), 365, later).since == later
    unknown = [*young, {"dark_matter": 1.0, "tenure_days": np.nan}]
    assert census(ledger(unknown), 365, began).since == began
    assert census(ledger([{"dark_matter": 1.0}]), 365, began).since == began
    assert census(ledger(unknown), 365).since is None  # nobody has said when they begin


def test_the_survey_does_not_see_who_is_not_asked_does_not_answer_or_scores_high() -> None:
    asked = {"surveys_sent_365d": 2.0, "surveys_answered_share_365d": 0.5}
    rows: list[dict[str, Any]] = [
        {"surveys_sent_365d": 0.0, "surveys_answered_share_365d": np.nan, "rating_last": np.nan},
        asked | {"surveys_answered_share_365d": 0.0, "rating_last": 1.0},  # the rating was given elsewhere
        asked | {"rating_last": 0.6},
        asked | {"rating_last": 0.7},
        asked | {"rating_last": 0.9},
    ]
    found = blind_spot(ledger([row | {"outcome": "silent"} for row in rows] + [row for row in rows for _ in range(3)]))
    assert found.frame()["customers"].tolist() == [4] * 5 and found.frame()["left"].tolist() == [0.25] * 5
    assert found.unseen == 0.6


def test_the_first_rule_that_holds_names_the_customer() -> None:
    rows = pd.DataFrame(
        {
            "voice_events_90d": [1, 1, 0, 0, 0, np.nan],
            "active_days_trend_30d": [0.5, 1.0, 0.5, 1.0, 1.0, np.nan],
            "dark_matter": [0, 1, 1, 1, 0, 0],
        }
    )
    names = [
        "disconnected but vocal",
        "stressed but vocal",
        "disengaged and silent",
        "dark matter",
        "content",
        "content",
    ]
    assert assign(rows, PERSONAS).tolist() == names
    assert assign(rows.drop(columns="dark_matter"), PERSONAS).tolist()[3] == "content"


def test_flows_follow_everybody_from_month_to_month() -> None:
    rules = (Persona(name="loud", when=("voice_events_90d >= 1",)), Persona(name="quiet"))
    held = ledger(
        [{"voice_events_90d": 1.0}, {"voice_events_90d": 0.0}, {"voice_events_90d": 0.0, "outcome": "silent"}]
    )
    now = held.now.assign(voice_events_90d=[0.0, 0.0, 0.0]).iloc[:1]
    came = now.assign(customer_id="new", voice_events_90d=1.0)
    cards = ({"name": "voice_events_90d", "doc": "Events of voice."},)
    found = personas(Ledger(held.rows, pd.concat([now, came]), {}, {}, (), cards=cards), rules)
    flows = found.flows.set_index(["before", "after"])["customers"].to_dict()
    assert flows == {("loud", "quiet"): 1, ("quiet", AWAY): 1, ("quiet", LEFT_SILENTLY): 1, (NEW, "loud"): 1}
    assert found.counts.set_index(["as_of", "persona"])["customers"].tolist() == [1, 2, 1, 1]
    assert found.rules["rule"].tolist() == ["events of voice: at least 1.", "everyone else."]


def test_rules_that_make_no_sense_are_refused(configured: Callable[..., Config]) -> None:
    assert configured().personas == PERSONAS
    for rules, fault in {
        "[{name: a, when: [x ~ 3]}, {name: b}]": "match",
        "[{name: a}, {name: b}]": "must be without `when`",
        "[{name: b, when: [x > 3]}]": "must be without `when`",
        "[{name: b, when: [x > 3]}, {name: b}]": "named twice: b",
    }.items():
        with pytest.raises(ConfigError, match=fault):
            configured(personas=rules)


def test_the_scorecard_says_what_cannot_be_measured_and_what_has_changed() -> None:
    rows = [{"promises_kept_late_365d": float(number % 2), "automated_share_365d": 0.2} for number in range(400)]
    held = ledger(rows, {"messages_sent_7d": "needs kind outreach_sent, which the data does not have"})
    later = held.now.assign(as_of=MAY + pd.Timedelta(days=120), promises_kept_late_365d=1.0)
    found = scorecard(Ledger(held.rows, later, {}, held.off, ())).frame().set_index("way")
    late = found.loc["broken promises"]
    assert (late["value"], late["change"]) == (1.0, 0.5) and 0.4 < late["change_low"] < late["change_high"] < 0.6
    assert found.loc["excessive automation", "change"] == pytest.approx(0, abs=1e-6)
    sent = found.loc["over-personalisation and over-contact"]
    assert sent["why"] == f"{NOT_MEASURABLE} it needs kind outreach_sent, which the data does not have"
    assert np.isnan(sent["value"]) and found["risk_share"].isna().all()


def test_young_books_give_no_trend_of_a_year() -> None:
    rows = [{"promises_kept_late_365d": float(number % 2), "messages_sent_7d": 1.0} for number in range(40)]
    held = ledger(rows)
    later = held.now.assign(as_of=MAY + pd.Timedelta(days=120), messages_sent_7d=2.0)
    told = scorecard(Ledger(held.rows, later, {}, {}, ()), first_day=date(2024, 1, 1))
    found = told.frame().set_index("way")
    assert found.loc["over-personalisation and over-contact", "change"] == 1
    late = found.loc["broken promises"]
    assert late["value"] == 0.5 and np.isnan(late["change"]) and "broken promises" not in set(told.trend["way"])


def test_every_count_of_a_friction_belongs_to_the_failures() -> None:
    held = ledger([{"errors": 1.0}] * 3)
    drivers = pd.DataFrame({"feature": ["days_since_error", "error_events_7d", "errors_x"], "share": [0.2, 0.3, 0.5]})
    found = scorecard(held, drivers).frame().set_index("way")
    assert found["risk_share"].sum() == found.loc["product failures", "risk_share"] == 0.5


def test_what_could_be_bought_lies_in_its_interval() -> None:
    """The gap of a tenure has the interval of a difference of means, and lies in it as often as it says."""
    draw, inside = np.random.default_rng(4), 0
    for _ in range(30):
        heard = [{"dark_matter": 0.0, "tenure_days": 30.0, "value": value} for value in draw.gamma(2.0, 15.0, 60)]
        dark = [{"dark_matter": 1.0, "tenure_days": 30.0, "value": value} for value in draw.gamma(2.0, 5.0, 60)]
        found = census(ledger(heard + dark), 365)
        inside += found.could_low <= 60 * (30 - 10) <= found.could_high
    assert inside >= 26


def test_who_has_come_back_is_there_when_a_case_is_opened(tmp_path: Path, engine: Engine) -> None:
    config = parse_config("""
project: cases
sources:
  - path: log.parquet
    customers: {customer_id: id, signed_up_at: first_event}
    events: [{kind: {column: kind}, occurred_at: at, customer_id: id, case_id: case, allow_null: true}]
eligible: {active_within_days: 60}
defection: {by: either, of: [purchase]}
snapshots: {horizon_days: 30}
""")
    rows = [
        (name, kind, at, "k" if kind == "complaint" else None)
        for name, facts in {
            "gone": [("closed", "2024-03-01")],
            "last_bill": [("closed", "2024-03-01"), ("purchase", "2024-03-20")],
            "back": [("closed", "2024-03-01"), ("purchase", "2024-05-20")],
            "back_too_late": [("closed", "2024-03-01"), ("purchase", "2024-06-20")],
        }.items()
        for kind, at in [("purchase", "2024-01-05"), *facts, ("complaint", "2024-06-01")]
    ]
    log = pd.DataFrame(rows, columns=["id", "kind", "at", "case"]).astype({"at": "datetime64[us]"})
    log.to_parquet(tmp_path / "log.parquet")
    found = cases(build(config, engine, tmp_path), config, engine, date(2024, 1, 1), date(2024, 9, 1))
    there = found.set_index("customer_id")["there"].to_dict()
    assert there == {"gone": False, "last_bill": False, "back": True, "back_too_late": False}


def test_newcomers_are_followed_from_their_first_day(
    shop: Any, configured: Callable[..., Config], engine: Engine
) -> None:
    for number in range(60):
        name = f"c{number:02d}"
        shop.customer(name, since="2024-01-10")
        if number < 50:
            shop.event(name, "purchase", f"2024-01-{12 + number % 10}")
        if number < 20:
            shop.event(name, "contact", "2024-01-20", channel="phone")
        if number < 30:
            shop.event(name, "purchase", "2024-08-01")
        if number < 2:
            shop.event(name, "closed", "2024-03-01" if number else "2024-07-15")  # number 1 is back by August
    shop.customer("late", since="2024-06-01").event("late", "purchase", "2024-06-02")
    shop.customer("ending", since="2024-01-10", until="2024-05-01").event("ending", "purchase", "2024-01-12")
    config = configured()
    canonical = build(config, engine, shop.write())
    found = newcomers(canonical, config, engine, date(2024, 1, 10), date(2024, 12, 1))
    assert len(found) == 60 and found["left"].sum() == 31  # half a year on, 29 of them have bought lately
    assert newcomers(canonical, config, engine, date(2024, 1, 11), date(2024, 12, 1)).empty  # older than the books
    table = funnel(found, 30).frame().set_index("step")
    assert table["reached"].to_dict() == {"signed up": 60, FIRST_USE: 50, NO_CONTACT: 30}
    assert table.loc[FIRST_USE, ["left", "left_without"]].tolist() == [21 / 50, 1.0]
    assert table.loc[FIRST_USE, "median_day"] == 6.5
    assert "only 10 customers" in funnel(found.head(10), 30).why
    assert funnel(found.head(0), 30).why.startswith("nobody signed up")


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_newcomers_of_a_log_without_closures_are_followed_without_a_warning(
    shop: Any, configured: Callable[..., Config], engine: Engine
) -> None:
    for number in range(60):
        shop.customer(f"c{number:02d}", since="2024-01-10").event(f"c{number:02d}", "purchase", "2024-01-12")
    config = configured(defection="{by: inactivity, of: [purchase]}")
    found = newcomers(build(config, engine, shop.write()), config, engine, date(2024, 1, 10), date(2024, 12, 1))
    assert found["left"].tolist() == [True] * 60


def test_a_ratio_has_the_interval_of_its_groups() -> None:
    draw, inside = np.random.default_rng(2), 0
    for _ in range(200):
        below = draw.gamma(2.0, 5.0, 60)
        above = below * draw.normal(0.9, 0.4, 60)
        found = clustered_ratio(np.repeat(above, 3), np.repeat(below, 3), np.repeat(np.arange(60), 3))
        inside += found.low <= 0.9 <= found.high
    assert 180 <= inside <= 198
