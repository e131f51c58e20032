"""A closure ends a customer until they come back, and what contradicts that."""

from __future__ import annotations

from typing import Any

import ibis
import pandas as pd
import pytest

from churnml.contract import CUSTOMERS, EVENTS, Evidence
from churnml.contract.leavers import leavers
from churnml.contract.repairs import repair
from churnml.engine import Engine

AFTER = "events.occurred_at: events of engagement after their customer's closure"
WENT_ON = "events.closed: closures after which their customer went on as before"
RECLOSED = "events.closed: customers who closed on several days"
PAUSES = "events.closed: closures that a return followed"
YEAR = pd.date_range("2024-01-01", periods=12, freq="30D")


def life(name: str, *closed: str, away: tuple[str, str] | None = None) -> list[tuple[str, str, str]]:
    """A purchase each month, but for the time away, and closures on these days."""
    gone = away or ("2100-01-01", "2100-01-01")
    bought = [(name, "purchase", str(day.date())) for day in YEAR if not gone[0] < str(day.date()) < gone[1]]
    return [*bought, *((name, "closed", day) for day in closed)]


def facts(*lives: list[tuple[str, str, str]]) -> pd.DataFrame:
    return pd.DataFrame([row for each in lives for row in each], columns=["customer_id", "kind", "occurred_at"])


def others(number: int, closing: int = 0) -> list[list[tuple[str, str, str]]]:
    """Customers who buy all the year; some of them close at its end."""
    return [life(f"o{each:02d}", *(["2024-11-27"] if each < closing else [])) for each in range(number)]


def test_who_comes_back_contradicts_nothing(counts: Any) -> None:
    back = life("a", "2024-03-05", away=("2024-03-05", "2024-06-01"))
    twice = life("b", "2024-03-05", "2024-11-28", away=("2024-03-05", "2024-06-01"))
    assert counts(facts(back, twice, *others(9, closing=3))) == {}


def test_a_few_events_that_trail_are_counted_and_many_are_refused(report: Any) -> None:
    """The bill after a closure on 20 November comes within the month."""
    bills = [life(f"b{each:02d}", "2024-11-20", away=("2024-11-27", "2100-01-01")) for each in range(4)]
    (few,) = report(facts(*bills, *others(9))).violations
    assert (few.key, few.count, few.severity) == (AFTER, 4, "warn")
    assert "within 31 days of it, which brings nobody back" in few.advice
    (many,) = report(facts(*bills)).violations
    assert (many.key, many.count, many.severity) == (AFTER, 4, "refuse")


def test_closures_that_ended_nothing_are_refused(report: Any, counts: Any) -> None:
    withdrawn = [life(f"w{each}", "2024-05-05") for each in range(2)]
    found = {each.key: each for each in report(facts(*withdrawn, *others(30, closing=20))).violations}
    assert found[WENT_ON].count == 2 and found[WENT_ON].severity == "refuse"
    found = {each.key: each for each in report(facts(*withdrawn, *others(60, closing=50))).violations}
    assert found[WENT_ON].count == 2 and found[WENT_ON].severity == "warn"
    told = {"defection": {"by": "either", "of": ["purchase"], "trailing_days": 15}}
    assert WENT_ON not in counts(facts(*withdrawn, *others(30, closing=20)), **told)


def test_between_two_closures_there_is_a_return(counts: Any) -> None:
    away = ("2024-03-05", "2024-06-01")
    assert counts(facts(life("a", "2024-03-05", "2024-05-20", away=away), *others(3, closing=3))) == {RECLOSED: 1}
    assert counts(facts(life("a", "2024-03-05", "2024-11-27", away=away), *others(3, closing=3))) == {}


def test_closures_of_which_most_are_followed_by_a_return_are_named(report: Any) -> None:
    paused = [life(f"p{each}", "2024-03-05", away=("2024-03-05", "2024-06-01")) for each in range(3)]
    (found,) = report(facts(*paused, *others(5, closing=2))).violations
    assert (found.key, found.count, found.severity) == (PAUSES, 3, "warn")
    assert report(facts(*paused, *others(5, closing=3))).violations == ()


def test_the_repair_drops_what_trails_and_nothing_of_the_return(typed: Any, engine: Engine, configured: Any) -> None:
    books = facts(
        [("a", kind, day) for kind, day in (
            ("purchase", "2024-03-01"), ("closed", "2024-03-05"), ("closed", "2024-03-06"), ("purchase", "2024-03-05"),
            ("purchase", "2024-03-20"), ("purchase", "2024-03-20"), ("complaint", "2024-03-20"),
            ("purchase", "2024-06-01"))]
    )  # fmt: skip
    people = pd.DataFrame({"customer_id": ["a"], "signed_up_at": ["2024-01-01"]})
    events = typed(books.assign(recorded_at=books["occurred_at"]), EVENTS)
    kept, found = repair(typed(people, CUSTOMERS), events, engine, configured(repairs="[events_after_closure]"))
    frame = engine.frame(kept)
    assert [(each.name, each.count) for each in found] == [
        ("events of engagement after their customer's closure dropped", 2)
    ]
    bought = frame[frame["kind"] == "purchase"]["occurred_at"].dt.strftime("%m-%d")
    assert sorted(bought) == ["03-01", "03-05", "06-01"] and len(frame) == 6 and set(frame.columns) == set(EVENTS)


def test_who_has_come_back_is_no_leaver_and_no_flag_need_say_so(
    typed: Any, report: Any, engine: Engine, configured: Any
) -> None:
    back = life("a", "2024-03-05", away=("2024-03-05", "2024-06-01"))
    gone = life("b", "2024-03-05", away=("2024-03-05", "2100-01-01"))
    books = facts(back, gone, *others(2))
    events = typed(books.assign(recorded_at=books["occurred_at"]), EVENTS)
    told = configured(defection="{by: closure, of: [purchase]}")
    assert engine.frame(leavers(events, told))["customer_id"].tolist() == ["b"]

    def denied(**says: bool) -> int:
        flags = ibis.memtable(pd.DataFrame({"customer_id": list(says), "says_closed": list(says.values())}))
        found = report(books, evidence=Evidence(flags=(("people", flags),))).violations
        return sum(each.count for each in found if each.table == "people")

    assert denied(a=False, b=True) == denied(a=True, b=True) == 0
    assert denied(a=False, b=False) == 1


@pytest.mark.parametrize("days", [0, 400])
def test_any_number_of_trailing_days_can_be_given(counts: Any, days: int) -> None:
    """None: engagement on the next day is a return. Many: a closure is for ever, and a return contradicts it."""
    told = {"defection": {"by": "either", "of": ["purchase"], "trailing_days": days}}
    back = life("a", "2024-03-05", away=("2024-03-05", "2024-06-01"))
    assert counts(facts(back, *others(3, closing=3)), **told) == ({} if days == 0 else {AFTER: 6})
