"""Days that were delivered twice, as a whole or by one source, and equal rows that are true."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from churnml.contract import EVENTS
from churnml.contract.repeated import without_repeated_days
from churnml.engine import Engine

TWICE = "events.purchase: surplus rows of days that occur twice"
EQUAL = "events.purchase: surplus rows of days with many equal rows"


def on(daily: pd.DataFrame, *days: str) -> pd.Series:
    return daily["occurred_at"].dt.normalize().isin(pd.to_datetime(list(days)))


@pytest.fixture
def tickets(daily: pd.DataFrame) -> pd.DataFrame:
    """Purchases that another source tells of: about seven a month by mail, as many by letter, of many customers."""
    days = pd.date_range("2024-01-02", "2024-04-28", freq="2D")
    about = {"channel": ["mail", "letter"] * 30, "customer_id": [f"c{number * 7 % 60}" for number in range(60)]}
    rows = {name: values[: len(days)] for name, values in about.items()}
    return pd.DataFrame({**rows, "kind": "purchase", "occurred_at": days + pd.Timedelta(hours=7), "amount": 5})


@pytest.fixture
def calls(daily: pd.DataFrame) -> pd.DataFrame:
    """Three purchases a day by phone."""
    few = daily.groupby(daily["occurred_at"].dt.normalize()).nth([5, 25, 45])
    return few.assign(channel="phone", customer_id=few["customer_id"] + few["occurred_at"].dt.strftime("-%d"))


@pytest.fixture
def repaired(engine: Engine, typed: Any) -> Any:
    """The events with one copy of what is there twice, as a frame, and how many rows that took away."""

    def run(books: pd.DataFrame) -> tuple[pd.DataFrame, int]:
        events = engine.materialise(typed(books.assign(recorded_at=books["occurred_at"]), EVENTS), "given")
        kept, count = without_repeated_days(events, engine)
        return engine.frame(kept), count

    return run


def test_days_delivered_twice_are_refused_whatever_their_ids(report: Any, daily: pd.DataFrame) -> None:
    again = daily[on(daily, "2024-02-03", "2024-03-09")]
    books = pd.concat([daily, again], ignore_index=True)
    (found,) = report(books.assign(event_id=[f"e{number}" for number in range(len(books))])).violations
    assert (found.key, found.count, found.severity) == (TWICE, 120, "refuse")
    assert "2 days (2024-02-03, 2024-03-09)" in found.advice


def test_equal_rows_here_and_there_are_true(counts: Any, daily: pd.DataFrame) -> None:
    some = daily.sample(frac=0.2, random_state=3)
    assert counts(pd.concat([daily, some], ignore_index=True)) == {}


def test_a_part_of_a_day_that_is_there_twice_is_named(report: Any, daily: pd.DataFrame) -> None:
    part = daily[on(daily, "2024-02-03") & (daily["occurred_at"].dt.minute < 24)]
    (found,) = report(pd.concat([daily, part], ignore_index=True)).violations
    assert (found.key, found.count, found.severity) == (EQUAL, len(part), "warn")
    assert "2024-02-03: up to 29% of the rows" in found.advice


def test_a_month_of_a_small_table_is_found_to_be_there_twice(report: Any, daily: pd.DataFrame) -> None:
    few = daily.groupby(daily["occurred_at"].dt.normalize()).nth([7, 23]).assign(kind="complaint")
    few["customer_id"] = [f"c{number % 50}" for number in range(len(few))]
    month = few[few["occurred_at"].dt.month == 3]
    (found,) = report(pd.concat([daily, few, month], ignore_index=True)).violations
    assert (found.key, found.count, found.severity) == (TWICE.replace("purchase", "complaint"), 62, "refuse")
    assert found.advice.startswith("31 days (2024-03-01, 2024-03-02, 2024-03-03, ...)")


def test_one_copy_of_a_repeated_day_is_kept(engine: Engine, daily: pd.DataFrame, typed: Any) -> None:
    books = pd.concat([daily, daily[on(daily, "2024-02-03")]], ignore_index=True)
    events = engine.materialise(typed(books.assign(recorded_at=books["occurred_at"]), EVENTS), "given")
    kept, count = without_repeated_days(events, engine)
    assert count == 60
    columns = ["customer_id", "occurred_at", "amount"]
    left = engine.frame(kept)[columns].astype({"amount": int}).sort_values(columns, ignore_index=True)
    wanted = daily[columns].sort_values(columns, ignore_index=True)
    pd.testing.assert_frame_equal(left, wanted, check_dtype=False)


def test_a_source_that_is_there_twice_is_found_though_another_has_its_kind(
    report: Any, repaired: Any, calls: pd.DataFrame, tickets: pd.DataFrame
) -> None:
    books = pd.concat([calls, tickets, tickets], ignore_index=True)
    (found,) = report(books).violations
    assert (found.key, found.count, found.severity) == (TWICE, len(tickets), "refuse")
    assert " on letter, mail: every row is there more than once" in found.advice
    kept, count = repaired(books)
    assert (len(kept), count) == (len(calls) + len(tickets), len(tickets))


def test_one_channel_of_a_day_that_is_there_twice_is_refused(report: Any, daily: pd.DataFrame) -> None:
    web = daily[on(daily, "2024-02-03") & (daily["channel"] == "web")]
    (found,) = report(pd.concat([daily, web], ignore_index=True)).violations
    assert (found.key, found.count, found.severity) == (TWICE, 40, "refuse")
    assert found.advice.startswith("2024-02-03 on web: ")


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_channel_on_which_rows_are_often_equal_is_true(
    counts: Any, daily: pd.DataFrame, tickets: pd.DataFrame, share: float
) -> None:
    """Few rows on it come alone, so that some weeks happen to have none that does."""
    some = tickets.sample(frac=share, random_state=8)
    assert counts(pd.concat([daily[daily["channel"] == "web"].iloc[::9], tickets, some], ignore_index=True)) == {}


@pytest.mark.parametrize("seed", range(3))
def test_rows_without_a_time_that_are_equal_by_accident_are_true(counts: Any, seed: int) -> None:
    """Dates only, few customers, one price: on every channel a third of the rows has an equal one."""
    rng = np.random.default_rng(seed)
    size = 4000
    books = pd.DataFrame({"customer_id": [f"c{number}" for number in rng.integers(0, 40, size)], "kind": "purchase"})
    books["channel"] = rng.choice(["web", "app", "shop", "phone"], size, p=[0.6, 0.2, 0.12, 0.08])
    books["occurred_at"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 120, size), "D")
    assert [key for key in counts(books) if "surplus" in key] == []


@pytest.mark.parametrize("seed", range(3))
def test_a_few_rows_that_are_there_many_times_are_no_days_that_occur_twice(counts: Any, seed: int) -> None:
    """Coupons of one campaign used at one till: nearly twice as many rows as different ones, most of them single."""
    rng = np.random.default_rng(seed)
    visits = pd.DataFrame({"customer_id": [f"c{number}" for number in rng.integers(0, 400, 1100)]})
    visits["occurred_at"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 364, len(visits)), "D")
    coupons = np.where(rng.random(len(visits)) < 0.58, 1, rng.integers(2, 6, len(visits)))
    books = visits.loc[visits.index.repeat(coupons)].assign(kind="outreach_clicked", channel="till")
    assert [key for key in counts(books) if "surplus" in key] == []


def test_the_repair_leaves_nothing_that_the_check_refuses(counts: Any, repaired: Any, daily: pd.DataFrame) -> None:
    """The days of the year in which all are seldom are told by the other year, once that is there once."""
    few = daily.groupby(daily["occurred_at"].dt.normalize()).nth([7]).assign(kind="complaint")
    few["customer_id"] = [f"c{number % 50}" for number in range(len(few))]
    before = few.iloc[:8].assign(occurred_at=few["occurred_at"].iloc[:8] - pd.Timedelta(days=60))
    books = pd.concat([daily, few, few, before, before], ignore_index=True)
    assert counts(books) == {TWICE.replace("purchase", "complaint"): 128}
    kept, count = repaired(books)
    assert (len(kept), count) == (len(books) - 128, 128)
    assert counts(kept.assign(recorded_at=kept["occurred_at"])) == {}


def test_a_channel_that_is_common_after_the_repair_is_repaired_too(counts: Any, repaired: Any) -> None:
    """Of 27 different rows a day, 24 by phone and one by mail are there twice; two come by rare channels."""
    days = pd.date_range("2024-02-01", "2024-03-11")
    rows = [
        (f"c{place * 27 + number}", day + pd.Timedelta(hours=8, minutes=number), channel)
        for place, day in enumerate(days)
        for number, channel in enumerate(["phone"] * 24 + ["mail"] + [f"rare {place % 20}", f"rare {place % 19}"])
    ]
    once = pd.DataFrame(rows, columns=["customer_id", "occurred_at", "channel"]).assign(kind="purchase")
    again = once[once["channel"].isin(["phone", "mail"])]
    kept, count = repaired(pd.concat([once, again], ignore_index=True))
    assert (len(kept), count) == (len(once), len(again))
    assert counts(kept.assign(recorded_at=kept["occurred_at"])) == {}
