"""Days with far too much or next to nothing, gaps, and books that end too early."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest

MANY = "events.purchase: rows of days with many times the usual number"


def on(daily: pd.DataFrame, *days: str) -> pd.Series:
    return daily["occurred_at"].dt.normalize().isin(pd.to_datetime(list(days)))


def test_ordinary_days_are_not_reported(counts: Any, daily: pd.DataFrame) -> None:
    assert counts(daily) == {}


def test_a_day_with_many_times_the_rows_is_named(report: Any, daily: pd.DataFrame) -> None:
    day = daily[on(daily, "2024-02-03")]
    more = [day.assign(occurred_at=day["occurred_at"] + pd.Timedelta(seconds=number)) for number in range(1, 6)]
    (found,) = report(pd.concat([daily, *more], ignore_index=True)).violations
    assert (found.key, found.count, found.severity) == (MANY, 360, "warn")
    assert "2024-02-03: up to 6 times the usual day" in found.advice


def test_a_busy_day_of_many_customers_is_no_flood(counts: Any, daily: pd.DataFrame) -> None:
    day = daily[on(daily, "2024-02-03")]
    more = [day.assign(customer_id=day["customer_id"] + f"-{number}") for number in range(6)]
    assert counts(pd.concat([daily, *more], ignore_index=True)) == {}


def test_everything_loaded_on_one_day_is_named(counts: Any, daily: pd.DataFrame) -> None:
    load = [
        daily[on(daily, "2024-02-03")].assign(customer_id=[f"l{number}-{place}" for place in range(60)])
        for number in range(50)
    ]
    assert counts(pd.concat([daily, *load], ignore_index=True)) == {MANY: 51 * 60}


@pytest.mark.parametrize(("days", "missing"), [(12, None), (20, 20)])
def test_a_gap_longer_than_holidays_is_named(counts: Any, daily: pd.DataFrame, days: int, missing: int | None) -> None:
    start = pd.Timestamp("2024-02-01")
    gap = daily["occurred_at"].between(start, start + pd.Timedelta(days=days))
    assert counts(daily[~gap]) == ({} if missing is None else {"events.purchase: days without a row": missing})


def test_rows_after_the_end_make_no_gap_before_them(counts: Any, daily: pd.DataFrame) -> None:
    """Nine readings that are dated ahead: all the days in between are no days of the books."""
    late = daily.tail(9).assign(occurred_at=pd.date_range("2024-06-15", periods=9))
    books = pd.concat([daily, late], ignore_index=True)
    assert counts(books) == {"events.occurred_at: events dated after the books end": 9}


def test_a_day_with_next_to_no_rows_is_named(report: Any, counts: Any, daily: pd.DataFrame) -> None:
    """An outage, or half a delivery: nobody stayed away."""
    lost = on(daily, "2024-02-14", "2024-03-20") & (daily["occurred_at"].dt.minute > 4)
    (found,) = report(daily[~lost]).violations
    assert (found.key, found.count, found.severity) == ("events.purchase: days with next to no rows", 2, "warn")
    assert found.advice.startswith("2 days (2024-02-14, 2024-03-20): ")
    weekends = daily["occurred_at"].dt.dayofweek >= 5
    assert counts(daily[~weekends]) == {}, "closed on Saturdays and Sundays"
    holidays = on(daily, "2024-01-15", "2024-02-05", "2024-02-21", "2024-03-12", "2024-03-29")
    assert counts(daily[~holidays]) == {}, "closed on many a day"
    assert counts(daily[~on(daily, "2024-04-29")]) == {}, "the last day is still going on"


@pytest.mark.parametrize(("days", "severity"), [(5, None), (12, "warn"), (40, "refuse")])
def test_engagement_must_reach_the_end_of_the_books(report: Any, daily: pd.DataFrame, days: int, severity: Any) -> None:
    others = daily.assign(kind="complaint")
    until = daily["occurred_at"].max() - pd.Timedelta(days=days)
    found = report(pd.concat([others, daily[daily["occurred_at"] <= until]], ignore_index=True)).violations
    key = "events.occurred_at: days without engagement before the books end"
    assert [(each.key, each.count, each.severity) for each in found] == ([(key, days, severity)] if severity else [])


def test_a_straggler_does_not_prolong_the_books(counts: Any, daily: pd.DataFrame) -> None:
    late = daily.head(1).assign(kind="complaint", occurred_at=pd.Timestamp("2025-06-01"))
    late = pd.concat([daily, late, daily.assign(kind="complaint")], ignore_index=True)
    # one row on a day is more than a hundredth of nothing but less than a hundredth of 120
    assert counts(late) == {"events.occurred_at: events dated after the books end": 1}


def test_the_day_of_the_check_divides_past_and_future(counts: Any, daily: pd.DataFrame) -> None:
    last = daily["occurred_at"].max().date()
    assert counts(daily, as_of=date(2024, 4, 30)) == {} and last == date(2024, 4, 29)
    assert counts(daily, as_of=date(2024, 4, 29)) == {"events.occurred_at: events in the future": 60}
    stale = counts(daily, as_of=date(2024, 5, 20))
    assert stale == {"events.occurred_at: days without engagement before the books end": 20}


def test_a_closure_known_in_advance_is_no_plan(counts: Any, daily: pd.DataFrame) -> None:
    """The notice was entered in April and ends the contract in June."""
    notice = daily.tail(1).assign(kind="closed", occurred_at="2024-06-30", recorded_at=pd.Timestamp("2024-04-10"))
    books = pd.concat([daily.assign(recorded_at=daily["occurred_at"]), notice], ignore_index=True)
    books["occurred_at"] = pd.to_datetime(books["occurred_at"])
    assert counts(books, as_of=date(2024, 4, 30)) == counts(books) == {}
    unknown = books.assign(recorded_at=books["occurred_at"])
    assert counts(unknown, as_of=date(2024, 4, 30)) == {"events.occurred_at: events in the future": 1}


@pytest.mark.parametrize("column", ["occurred_at", "recorded_at"])
@pytest.mark.parametrize(("days", "severity"), [(5, None), (20, "warn"), (400, "refuse")])
@pytest.mark.parametrize("customers", [60, 2])
def test_a_few_rows_of_the_future_are_not_the_end_of_the_books(
    report: Any, daily: pd.DataFrame, column: str, days: int, severity: Any, customers: int
) -> None:
    daily = daily[daily["customer_id"].isin([f"c{number}" for number in range(customers)])]
    moved = daily.tail(1).assign(recorded_at=daily["occurred_at"].max() + pd.Timedelta(days=days))
    if column == "occurred_at":
        moved["occurred_at"] = moved["recorded_at"]
    books = pd.concat([daily.assign(recorded_at=daily["occurred_at"]), moved], ignore_index=True)
    found = [(each.key, each.severity, each.count) for each in report(books).violations]
    expected = [(f"events.{column}: events dated after the books end", severity, 1)] if severity else []
    assert [each for each in found if "after the books end" in each[0]] == expected


def test_rows_after_the_books_end_are_a_remark_where_snapshots_end_before(report: Any, daily: pd.DataFrame) -> None:
    late = daily.tail(1).assign(occurred_at=daily["occurred_at"].max() + pd.Timedelta(days=400))
    books = pd.concat([daily, late], ignore_index=True)
    end = daily["occurred_at"].max().date()
    for last, severity in ((end - timedelta(days=27), "warn"), (end - timedelta(days=26), "refuse")):
        (found,) = report(books, snapshots=f"{{last: {last}, horizon_days: 28}}").violations
        assert (found.name, found.severity) == ("events dated after the books end", severity)


def test_what_is_planned_is_named_and_prolongs_no_books(report: Any, daily: pd.DataFrame) -> None:
    """Readings planned for next year. A notice, too, lies ahead, and is one."""
    daily = daily.assign(recorded_at=daily["occurred_at"])
    days = pd.date_range("2025-05-05", periods=9)
    planned = daily.tail(9).assign(kind="plan_changed", occurred_at=days)
    notice = daily.tail(9).assign(kind="closed", occurred_at=days)
    soon = daily.tail(9).assign(kind="plan_changed", occurred_at=daily["occurred_at"].max() + pd.Timedelta(days=3))
    found = report(pd.concat([daily, planned, notice, soon], ignore_index=True)).violations
    assert [(each.key, each.count, each.severity) for each in found] == [
        ("events.recorded_at: events recorded before they occurred", 18, "warn"),
        ("events.occurred_at: events dated after the books end but recorded before", 9, "warn"),
    ]
    assert "the books end on 2024-05-02, the newest of these is dated 2025-05-13; a plan is no event" in found[1].advice
