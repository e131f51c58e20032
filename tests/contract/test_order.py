"""Nothing before the sign-up, nothing after the closure, no answer before its question."""

from __future__ import annotations

from typing import Any

import ibis
import pandas as pd
import pytest

from churnml.contract import CUSTOMERS, EVENTS, Evidence
from churnml.contract.order import first_seen_as_the_log_begins, older_than_the_books
from churnml.engine import Engine

PEOPLE = pd.DataFrame({"customer_id": list("abcd"), "signed_up_at": "2024-01-10"})


def facts(*rows: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame([(*row, None)[:4] for row in rows], columns=["customer_id", "kind", "occurred_at", "case_id"])


def purchases(number: int) -> list[tuple[str, ...]]:
    return [("a", "purchase", f"2024-02-01 {hour % 24:02}:{hour % 60:02}") for hour in range(number)]


def test_a_life_in_order_is_not_reported(counts: Any) -> None:
    life = facts(("a", "purchase", "2024-01-10"), ("a", "closed", "2024-02-01"), ("a", "purchase", "2024-02-01 09:00"))
    assert counts(life, PEOPLE) == {}


@pytest.mark.parametrize(
    ("row", "key"),
    [
        (("a", "complaint", "2024-01-09 23:59"), "events.occurred_at: events before their customer's sign-up"),
        (("x", "complaint", "2024-02-01"), "events.customer_id: events of customers who are not in customers"),
        (("b", "purchase", "2024-02-04"), "events.occurred_at: events of engagement after their customer's closure"),
        (("c", "closed", "2024-01-01"), "events.closed: customers who closed before they signed up"),
        (("b", "closed", "2024-02-05"), "events.closed: customers who closed on several days"),
    ],
)
def test_each_disorder_is_counted_and_many_are_refused(report: Any, row: tuple[str, ...], key: str) -> None:
    found = report(facts(*purchases(10), ("b", "closed", "2024-02-03"), row), PEOPLE)
    assert [(each.key, each.count, each.severity) for each in found.violations] == [(key, 1, "refuse")]


def test_few_events_out_of_order_give_a_warning_that_says_of_which_kind(report: Any) -> None:
    (found,) = report(facts(*purchases(30), ("a", "complaint", "2024-01-09")), PEOPLE).violations
    assert found.severity == "warn" and "complaint 1: " in found.advice


@pytest.mark.parametrize(
    ("first", "second", "thread", "key"),
    [
        ("case_opened", "case_responded", "case_id", "cases answered before they were opened"),
        ("case_opened", "case_resolved", "case_id", "cases resolved before they were opened"),
        ("case_opened", "case_escalated", "case_id", "cases escalated before they were opened"),
        ("case_opened", "case_reopened", "case_id", "cases reopened before they were opened"),
        ("promise_made", "promise_kept", "case_id", "promises kept before they were made"),
        ("outreach_sent", "outreach_opened", "campaign_id", "outreach opened before it was sent"),
        ("outreach_sent", "outreach_clicked", "campaign_id", "outreach clicked before it was sent"),
    ],
)
def test_what_belongs_together_has_an_order(counts: Any, first: str, second: str, thread: str, key: str) -> None:
    good = facts(
        ("a", "purchase", "2024-02-01"), ("a", first, "2024-02-01 10:00", "1"), ("a", second, "2024-02-01 11:00", "1")
    )
    bad = pd.concat([good, facts(("b", first, "2024-02-01 10:00", "1"), ("b", second, "2024-02-01 09:00", "1"))])
    assert counts(good.rename(columns={"case_id": thread}), PEOPLE) == {}
    assert counts(bad.rename(columns={"case_id": thread}), PEOPLE) == {f"events.{second}: {key}": 1}


def test_a_date_without_a_time_may_lie_on_the_same_day(counts: Any) -> None:
    rows = [("a", "purchase", "2024-02-01"), ("a", "case_opened", "2024-02-01 10:00", "1")]
    assert counts(facts(*rows, ("a", "case_resolved", "2024-02-01", "1")), PEOPLE) == {}
    assert counts(facts(*rows, ("a", "case_resolved", "2024-01-31", "1")), PEOPLE) != {}


def test_placeholders_are_no_dates(counts: Any) -> None:
    found = counts(facts(("a", "purchase", "1900-01-01"), ("a", "purchase", "2024-02-01")), PEOPLE)
    assert found["events.occurred_at: dates before 1970 or after 2099"] == 1


def test_what_is_accepted_stays_in_the_table_and_is_not_refused(report: Any) -> None:
    books = facts(("a", "purchase", "2024-02-01"), ("x", "complaint", "2024-02-01"))
    key = "events.customer_id: events of customers who are not in customers"
    assert report(books, PEOPLE).refused
    told = report(books, PEOPLE, accept=f'["{key}"]')
    assert [(each.key, each.severity) for each in told.violations] == [(key, "accepted")] and not told.refused


def test_events_without_any_kind_are_counted_and_nothing_breaks(counts) -> None:
    events = pd.DataFrame({"customer_id": ["ann", "bob"], "occurred_at": "2024-03-01 10:00", "kind": [None, None]})
    assert counts(events.astype({"kind": "str"}).where(events.notna(), None))["events.kind: nulls"] == 2


def test_flags_that_say_nothing_contradict_nothing(report, engine) -> None:
    flags = ibis.memtable(pd.DataFrame({"customer_id": ["ann"], "says_closed": pd.array([None], dtype="boolean")}))
    events = pd.DataFrame({"customer_id": ["ann"], "occurred_at": ["2024-03-01 10:00"], "kind": ["purchase"]})
    found = report(events, evidence=Evidence(flags=(("people", flags),)))
    assert not [each for each in found.violations if each.column == "closed"]


@pytest.mark.parametrize(("by", "severity"), [("closure", "refuse"), ("either", "warn")])
def test_agreed_ends_that_swallow_every_closure_are_named(report: Any, by: str, severity: str) -> None:
    names = [f"c{number}" for number in range(40)]
    left = {name: f"2024-03-{1 + number:02d}" for number, name in enumerate(names[:20])}
    people = pd.DataFrame({"customer_id": names, "signed_up_at": "2024-01-01", "ends_at": [left.get(n) for n in names]})
    life = facts(*((name, "closed", day) for name, day in left.items()), ("c30", "purchase", "2024-03-20"))
    defection = {"by": by, "of": ["purchase"]}
    key = "customers.ends_at: closures on the day of the agreed end"
    found = {each.key: (each.count, each.severity) for each in report(life, people, defection=defection).violations}
    assert found[key] == (20, severity)
    some_early = people.assign(ends_at=people["ends_at"].where(people.index % 5 > 0, "2024-12-31"))
    assert key not in {each.key for each in report(life, some_early, defection=defection).violations}


def test_agreed_ends_that_nobody_knew_in_advance_are_named(report: Any) -> None:
    """Moves, day by day, up to the end of the books and none after it: they were written as they came."""
    names = [f"c{number:02d}" for number in range(60)]
    ends = [f"2024-03-{1 + number % 30:02d}" for number in range(60)]
    life = facts(*((name, "purchase", "2024-03-30") for name in names))
    key = "customers.ends_at: agreed ends that nobody knew in advance"

    def said(**columns: Any) -> dict[str, tuple[int, str]]:
        people = pd.DataFrame({"customer_id": names, "signed_up_at": "2024-01-01", "ends_at": ends}).assign(**columns)
        return {each.key: (each.count, each.severity) for each in report(life, people).violations}

    assert said()[key] == (60, "warn")
    assert key not in said(ends_at=[*ends[:50], *["2024-04-20"] * 10]), "some lie ahead"
    assert key not in said(ends_at=["2024-03-10", "2024-03-20"] * 30), "two courses"
    assert key not in said(ends_recorded_at=ends), "they have a clock"


def test_agreed_ends_that_moved_for_those_who_stay_are_refused(report: Any) -> None:
    """Terms of a year, renewed by most: today's table has the next end of who stayed, and the last end of who left."""
    names = [f"c{number:02d}" for number in range(60)]
    left = {name: f"2024-06-{1 + number:02d}" for number, name in enumerate(names[:20])}
    life = facts(*((name, "closed", day) for name, day in left.items()), ("c30", "purchase", "2024-12-20"))
    key = "customers.ends_at: agreed ends that leavers alone have reached"

    def said(ends: list[str]) -> dict[str, tuple[int, str]]:
        people = pd.DataFrame({"customer_id": names, "signed_up_at": "2023-09-01", "ends_at": ends})
        return {each.key: (each.count, each.severity) for each in report(life, people).violations}

    assert said(["2024-09-01"] * 20 + ["2025-09-01"] * 40)[key] == (20, "refuse")
    assert key not in said(["2024-09-01"] * 60)  # the end agreed at sign-up: others have passed it, too
    assert key not in said(["2024-09-01"] * 5 + ["2025-09-01"] * 55)  # too few to say


@pytest.mark.parametrize(("column", "name"), [("amount", "amounts"), ("quantity", "quantities")])
def test_negative_amounts_are_counted(report: Any, column: str, name: str) -> None:
    books = facts(("a", "purchase", "2024-02-01"), ("a", "purchase", "2024-02-02")).assign(**{column: [5, -5]})
    (found,) = report(books, PEOPLE).violations
    assert (found.key, found.count, found.severity) == (f"events.{column}: negative {name}", 1, "warn")


@pytest.mark.parametrize("written", ["00a1", " A1", "A1 ", "0a1"])
def test_ids_that_two_sources_write_in_different_ways_are_told_apart_from_unknown_ones(
    report: Any, written: str
) -> None:
    people = pd.DataFrame({"customer_id": ["a1", "b2"], "signed_up_at": "2024-01-01"})
    (found,) = report(facts((written, "purchase", "2024-02-01"), ("b2", "purchase", "2024-02-01")), people).violations
    assert found.key == "events.customer_id: events of customers who are not in customers"
    assert found.advice.startswith("1 of them are, but for capitals, spaces or leading zeros")
    (found,) = report(facts(("c3", "purchase", "2024-02-01"), ("b2", "purchase", "2024-02-01")), people).violations
    assert found.advice.startswith("complete the customers table")


@pytest.mark.parametrize(
    ("early", "days", "severity"),
    [("1970-01-01", 2, "refuse"), ("2021-06-01", 2, "warn"), ("2023-01-15", 2, None), ("1970-01-01", 200, None)],
)
def test_clocks_that_were_never_set_are_named(report: Any, early: str, days: int, severity: str | None) -> None:
    """A few of all rows, years before the next one; a long early history is one, and so is a quiet year."""
    people = pd.DataFrame({"customer_id": ["a"], "signed_up_at": "1960-01-01"})
    life = [("a", "purchase", f"2024-{1 + number % 12:02}-{1 + number % 28:02}", f"{number}") for number in range(900)]
    past = [("a", "purchase", f"{pd.Timestamp(early) + pd.Timedelta(days=each):%Y-%m-%d}") for each in range(days)]
    found = report(facts(*life, *past), people, history_starts_on="2024-01-01").violations
    told = [(each.count, each.severity) for each in found if "years before the books" in each.name]
    assert told == ([] if severity is None else [(days, severity)])


def test_a_kind_that_belongs_to_nobody_is_lost_however_few_it_has(report: Any) -> None:
    """Surveys whose ids have lost their zeros: 3% of all events, and every one of theirs."""
    people = pd.DataFrame({"customer_id": ["0001", "0002"], "signed_up_at": "2024-01-01"})
    life = [("0001", "purchase", f"2024-02-{1 + number % 28:02}", f"{number}") for number in range(900)]
    (found,) = report(
        facts(*life, *[("2", "review", "2024-02-01", f"{each}") for each in range(30)]), people
    ).violations
    assert (found.count, found.severity) == (30, "refuse")
    assert found.advice.startswith("review 100% of all of their kind: 30 of them are, but for")
    assert "lpad(CAST(id AS VARCHAR), 4, '0')" in found.advice
    some = [("2" if number % 3 == 0 else "0002", "review", "2024-02-01", f"{number}") for number in range(90)]
    (found,) = report(facts(*life, *some), people).violations
    assert (found.count, found.severity) == (30, "warn")


@pytest.mark.parametrize(
    ("since", "starts_on", "named"),
    [("2023-12-01", None, True), ("2024-01-15", None, False), ("2023-12-01", "2024-02-01", False)],
)
def test_sign_ups_before_the_books_begin_are_named(
    typed: Any, engine: Engine, configured: Any, since: str, starts_on: str | None, named: bool
) -> None:
    """Their first weeks are not in the books, and are no idle ones."""
    people = typed(PEOPLE.assign(signed_up_at=since), CUSTOMERS)
    events = typed(facts(*purchases(3)).assign(recorded_at="2024-02-01"), EVENTS)
    config = configured(**({"history_starts_on": starts_on} if starts_on else {}))
    found = list(older_than_the_books(people, events, engine, config))
    assert [(each.count, each.severity) for each in found] == ([(4, "warn")] if named else [])
    assert not named or "set history_starts_on: 2024-02-01" in found[0].advice


@pytest.mark.parametrize(
    ("known_before", "since", "months", "starts_on", "named"),
    [
        (300, 5, 10, None, True),
        (300, 5, 10, "2024-01-29", False),  # told: theirs is unknown
        (300, 0, 10, None, False),  # a cohort that was chosen, and nobody since
        (15, 5, 10, None, False),  # a business as young as its log
        (300, 5, 2, None, False),  # books that end after two months, in a trickle
    ],
)
def test_customers_who_were_there_before_the_log_are_no_newcomers(
    typed: Any,
    engine: Engine,
    configured: Any,
    known_before: int,
    since: int,
    months: int,
    starts_on: str | None,
    named: bool,
) -> None:
    """A flood of them is first seen in the first weeks, and would be taken for a rough start each."""
    first = pd.Timestamp("2024-01-01")
    days = [first + pd.Timedelta(days=number % 28) for number in range(known_before)]
    days += [first + pd.Timedelta(days=28 * month + 3 * number) for month in range(1, 10) for number in range(since)]
    people = pd.DataFrame({"customer_id": [f"c{number}" for number in range(len(days))], "signed_up_at": days})
    once = people.rename(columns={"signed_up_at": "occurred_at"})
    again = [
        once.iloc[:known_before].assign(occurred_at=once["occurred_at"] + pd.Timedelta(days=28 * month))
        for month in range(1, months)
    ]
    log = pd.concat([once, *again], ignore_index=True).assign(kind="purchase")
    log = log.assign(recorded_at=log["occurred_at"])
    starts = pd.Timestamp(starts_on or first)
    customers = typed(
        people.assign(signed_up_at=people["signed_up_at"].where(people["signed_up_at"] >= starts)), CUSTOMERS
    )
    config = configured(**({"history_starts_on": starts_on} if starts_on else {}))
    found = list(first_seen_as_the_log_begins(customers, engine.materialise(typed(log, EVENTS), "log"), engine, config))
    assert [(each.count, each.severity) for each in found] == ([(300, "warn")] if named else [])
    assert not named or "and 5 in 28 days since" in found[0].advice
    assert not named or "history_starts_on: 2024-01-29" in found[0].advice
