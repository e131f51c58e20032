"""Deliveries that are there twice, some hours apart, and equal facts some hours apart that are true."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from churnml.contract import shifted

HOUR = pd.Timedelta(hours=1)
DAYS = pd.date_range("2024-01-01", periods=90)
ABOUT = {"defection": {"by": "inactivity", "of": ["outreach_sent"]}}


@pytest.fixture
def visits() -> pd.DataFrame:
    """About two visits a day of each of 40 customers, at any second of the day, on two channels."""
    rng = np.random.default_rng(4)
    rows = [
        (
            f"c{number}",
            "app" if number % 4 else "web",
            day + pd.Timedelta(seconds=int(second) | 1),
            int(rng.integers(1, 4)),
        )
        for number in range(40)
        for day in DAYS
        for second in rng.integers(6 * 3600, 23 * 3600, rng.poisson(2))
    ]
    return pd.DataFrame(rows, columns=["customer_id", "channel", "occurred_at", "quantity"]).assign(kind="purchase")


def between(events: pd.DataFrame, first: str, last: str) -> pd.DataFrame:
    return events[events["occurred_at"].between(pd.Timestamp(first), pd.Timestamp(last))]


def told(kind: str, apart: str) -> str:
    return f"events.{kind}: surplus rows of a delivery that is there twice, {apart} apart"


def test_ordinary_visits_are_not_reported(counts: Any, visits: pd.DataFrame) -> None:
    assert counts(visits) == {}


@pytest.mark.parametrize(("shift", "apart"), [(1, "1 hour"), (-3, "3 hours"), (5.75, "5:45 hours")])
def test_a_week_that_is_there_again_some_hours_apart_is_refused(
    report: Any, visits: pd.DataFrame, shift: float, apart: str
) -> None:
    week = between(visits, "2024-02-05", "2024-02-12")
    books = pd.concat([visits, week.assign(occurred_at=week["occurred_at"] + shift * HOUR)], ignore_index=True)
    books = books.sample(frac=1, random_state=1).assign(event_id=[f"e{number}" for number in range(len(books))])
    (found,) = report(books.assign(due_at=books["occurred_at"] + HOUR)).violations
    assert (found.key, found.count, found.severity) == (told("purchase", apart), len(week), "refuse")
    assert found.advice.startswith("7 days (2024-02-05, 2024-02-06, 2024-02-07, ...) on app, web: nearly every row")


def test_a_whole_log_read_in_two_zones_is_refused(counts: Any, visits: pd.DataFrame) -> None:
    summer = (visits["occurred_at"] >= "2024-03-01").astype(int)
    other = visits.assign(occurred_at=visits["occurred_at"] + HOUR + HOUR * summer)
    books = pd.concat([visits, other], ignore_index=True)
    assert counts(books) == {
        told("purchase", "1 hour"): int((1 - summer).sum()),
        told("purchase", "2 hours"): int(summer.sum()),
    }


def test_one_of_two_channels_that_is_there_again_is_named(report: Any, visits: pd.DataFrame) -> None:
    app = visits[visits["channel"] == "app"]
    books = pd.concat([visits, app.assign(occurred_at=app["occurred_at"] + HOUR)], ignore_index=True)
    (found,) = report(books).violations
    assert (found.key, found.count) == (told("purchase", "1 hour"), len(app))
    assert " on app: nearly every row" in found.advice


def test_the_count_is_of_all_rows_where_a_sample_of_customers_tells(
    counts: Any, visits: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shifted, "SAMPLED_ROWS", 3000)
    visits["channel"] = "web"
    week = between(visits, "2024-02-05", "2024-02-12")
    books = pd.concat([visits, week.assign(occurred_at=week["occurred_at"] + HOUR)], ignore_index=True)
    assert counts(books) == {told("purchase", "1 hour"): len(week)}


def test_a_part_of_a_day_that_is_there_again_is_a_warning(report: Any, visits: pd.DataFrame) -> None:
    day = between(visits, "2024-02-07", "2024-02-08").sample(frac=0.5, random_state=2)
    books = pd.concat([visits, day.assign(occurred_at=day["occurred_at"] + HOUR)], ignore_index=True)
    (found,) = report(books.assign(channel=None)).violations
    assert found.key == "events.purchase: rows that are there again, 1 hour later"
    assert (found.count, found.severity) == (len(day), "warn")
    assert found.advice.startswith("2024-02-07: up to 6")


def test_a_configuration_can_accept_it(report: Any, visits: pd.DataFrame) -> None:
    books = pd.concat([visits, visits.assign(occurred_at=visits["occurred_at"] + HOUR)], ignore_index=True)
    (found,) = report(books, accept=[told("purchase", "1 hour")]).violations
    assert found.severity == "accepted"


def test_what_happens_every_hour_for_some_hours_is_true(counts: Any, visits: pd.DataFrame) -> None:
    """Signals of a device that is on for three to six hours."""
    rng = np.random.default_rng(5)
    again = visits.loc[visits.index.repeat(rng.integers(3, 7, len(visits)))]
    hours = again.groupby(level=0).cumcount()
    assert counts(again.assign(occurred_at=again["occurred_at"] + hours * HOUR)) == {}


def test_what_is_tried_again_after_an_hour_is_true(counts: Any, visits: pd.DataFrame) -> None:
    failed = visits.assign(kind="payment_failed")
    again = failed.sample(frac=0.6, random_state=6)
    books = [visits, failed, again.assign(occurred_at=again["occurred_at"] + HOUR)]
    assert counts(pd.concat(books, ignore_index=True)) == {}


def test_mails_to_everybody_twice_a_day_are_true(counts: Any) -> None:
    rows = [(f"c{number}", day + hour * HOUR) for number in range(40) for day in DAYS[::7] for hour in (10, 14)]
    assert (
        counts(pd.DataFrame(rows, columns=["customer_id", "occurred_at"]).assign(kind="outreach_sent"), **ABOUT) == {}
    )


def test_reminders_at_two_times_of_each_customers_own_are_true(counts: Any) -> None:
    rows = [
        (f"c{number}", day + 8 * HOUR + pd.Timedelta(minutes=7 * number) + hour * HOUR)
        for number in range(40)
        for day in DAYS
        for hour in (0, 4)
    ]
    assert (
        counts(pd.DataFrame(rows, columns=["customer_id", "occurred_at"]).assign(kind="outreach_sent"), **ABOUT) == {}
    )


@pytest.mark.parametrize("unit", ["min", "h"])
def test_busy_customers_on_coarse_clocks_are_not_reported(counts: Any, visits: pd.DataFrame, unit: str) -> None:
    rng = np.random.default_rng(7)
    busy = visits.loc[visits.index.repeat(10)]
    moments = busy["occurred_at"].dt.normalize() + pd.to_timedelta(rng.integers(6 * 3600, 23 * 3600, len(busy)), "s")
    assert counts(busy.assign(occurred_at=moments.dt.floor(unit))) == {}


def test_a_delivery_a_whole_day_later_cannot_be_told_from_a_habit(counts: Any, visits: pd.DataFrame) -> None:
    books = pd.concat([visits, visits.assign(occurred_at=visits["occurred_at"] + 24 * HOUR)], ignore_index=True)
    assert counts(books) == {}
