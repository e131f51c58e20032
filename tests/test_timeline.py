from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnml import sources, timeline
from churnml.config import Config, Snapshots
from churnml.engine import Engine
from churnml.errors import DataError

T = date(2024, 4, 1)


def look(
    shop: Any, configured: Callable[..., Config], engine: Engine, known_at: datetime | None = None, **changes: str
):
    config = configured(**changes)
    canonical = sources.build(config, engine, shop.write())
    view = timeline.observe(canonical, config, T, known_at)
    spine = engine.frame(view.spine).set_index("customer_id")
    return spine, engine.frame(view.events), dict(engine.frame(view.left_out).to_numpy().tolist())


def test_a_fact_is_visible_only_before_both_clocks(shop: Any, configured: Any, engine: Engine) -> None:
    shop.customer("a")
    shop.event("a", "purchase", "2024-03-31 23:59:59")  # a second before the snapshot
    shop.event("a", "purchase", "2024-04-01 00:00:00")  # on it: the future
    shop.event("a", "complaint", "2024-03-30", known="2024-04-01")  # recorded on it: not yet known
    shop.event("a", "complaint", "2024-03-29", known="2024-03-31")
    _, events, _ = look(shop, configured, engine)
    assert sorted(zip(events["kind"], events["age_days"], strict=True)) == [("complaint", 3), ("purchase", 1)]
    assert not {"occurred_at", "recorded_at", "due_at"} & set(events.columns)


def test_known_at_can_be_later_than_the_snapshot_but_nothing_after_the_snapshot_is_seen(
    shop: Any, configured: Any, engine: Engine
) -> None:
    shop.customer("a").event("a", "purchase", "2024-03-30", known="2024-04-05").event("a", "purchase", "2024-04-02")
    _, events, _ = look(shop, configured, engine, known_at=datetime(2024, 4, 6))
    assert events["age_days"].tolist() == [2]


def test_who_is_on_the_spine_and_why_others_are_not(shop: Any, configured: Any, engine: Engine) -> None:
    for name in ("here", "quiet", "closed", "reopened_log"):
        shop.customer(name)
    shop.customer("ended", until="2024-04-01").customer("ends_later", until="2024-04-02")
    shop.customer("tomorrow", since="2024-04-01").customer("silent_since_ever")
    for name in ("here", "closed", "ended", "ends_later", "tomorrow"):
        shop.event(name, "purchase", "2024-03-20")
    shop.event("quiet", "purchase", "2024-01-31")  # 61 days before; eligible within 60
    shop.event("closed", "closed", "2024-03-25").event("closed", "purchase", "2024-03-28")
    shop.event("reopened_log", "purchase", "2024-03-20").event(
        "reopened_log", "closed", "2024-03-21", known="2024-04-02"
    )
    spine, _, left_out = look(shop, configured, engine)
    assert set(spine.index) == {"here", "ends_later", "reopened_log"}
    assert left_out == {
        "quiet": "not active lately",
        "silent_since_ever": "not active lately",
        "closed": "already closed",
        "ended": "reached the agreed end",
    }
    assert spine.loc["here", "tenure_days"] == 91
    assert spine.loc["ends_later", "days_to_end"] == 1


def test_an_agreed_end_is_seen_once_it_is_in_the_books(shop: Any, configured: Any, engine: Engine) -> None:
    """A move that is reported three weeks ahead was not known before; who has moved unreported is still there."""
    ends = {
        "always_known": ("2024-04-20", None),
        "told_before": ("2024-04-20", "2024-03-31 23:59"),
        "told_today": ("2024-04-20", "2024-04-01"),
        "gone_and_told": ("2024-03-25", "2024-03-26"),
        "gone_untold": ("2024-03-25", "2024-04-02"),
    }
    for name, (until, told) in ends.items():
        shop.customer(name, until=until, told=told).event(name, "purchase", "2024-03-20")
    spine, _, left_out = look(shop, configured, engine)
    assert left_out == {"gone_and_told": "reached the agreed end"}
    known = spine["days_to_end"].dropna().to_dict()
    assert known == {"always_known": 19, "told_before": 19} and len(spine) == 4


@pytest.mark.parametrize("of", ["[]", "[purchase]", "[activity]"])
def test_a_closure_ends_a_customer_until_they_come_back(shop: Any, configured: Any, engine: Engine, of: str) -> None:
    """The last of closures and engagement decide, as far as they are known."""
    days = {
        "last_bill": [("closed", "2024-02-28"), ("purchase", "2024-03-30")],  # 31 days later
        "back": [("closed", "2024-02-28"), ("purchase", "2024-03-30"), ("purchase", "2024-03-31")],
        "closed_again": [("closed", "2024-01-10"), ("purchase", "2024-03-01"), ("closed", "2024-03-02")],
        "back_twice": [("closed", "2024-01-05"), ("purchase", "2024-02-09"), ("closed", "2024-02-10"),
                       ("purchase", "2024-03-20")],
        "only_reads": [("closed", "2024-02-01")],
    }  # fmt: skip
    for name, facts in days.items():
        shop.customer(name).event(name, "activity", "2024-03-15")
        for kind, day in facts:
            shop.event(name, kind, day)
    changes = {"eligible": f"{{active_within_days: 60, of: {of}}}"}
    spine, _, left_out = look(shop, configured, engine, **changes)
    assert set(spine.index) == {"back", "back_twice"}
    assert set(left_out.values()) == {"already closed"}
    told = configured(**changes, defection="{by: either, of: [purchase], trailing_days: 30}")
    view = timeline.observe(sources.build(told, engine, shop.folder), told, T)
    assert set(engine.frame(view.spine)["customer_id"]) == {"back", "back_twice", "last_bill"}


def test_a_return_before_the_days_of_activity_is_a_return(shop: Any, configured: Any, engine: Engine) -> None:
    """Whoever is eligible by another kind than engagement may have engaged long ago."""
    shop.customer("a").event("a", "closed", "2024-01-10").event("a", "purchase", "2024-02-20")
    shop.event("a", "activity", "2024-03-25")
    spine, _, _ = look(shop, configured, engine, eligible="{active_within_days: 20, of: [activity]}")
    assert list(spine.index) == ["a"]


def test_sign_ups_before_the_books_begin_are_unknown(shop: Any, configured: Any, engine: Engine) -> None:
    shop.customer("old", since="2024-01-31").customer("new", since="2024-02-01")
    shop.event("old", "purchase", "2024-03-20").event("new", "purchase", "2024-03-20")
    spine, _, _ = look(shop, configured, engine, history_starts_on="2024-02-01")
    assert spine["tenure_days"].isna().to_dict() == {"old": True, "new": False}


def test_snapshots_step_back_from_the_last_mature_day() -> None:
    rule = Snapshots(every=30, lead_days=5, horizon_days=30, settle_days=3)
    dates = timeline.snapshot_dates(rule, date(2024, 1, 1), date(2024, 4, 1))
    assert dates == (date(2024, 1, 24), date(2024, 2, 23))
    assert all(timeline.is_mature(day, rule, date(2024, 4, 1)) for day in dates)


@given(
    lead=st.integers(0, 40),
    horizon=st.integers(1, 200),
    settle=st.integers(0, 40),
    every=st.integers(1, 90),
    known=st.dates(date(2020, 1, 1), date(2026, 1, 1)),
    stepping=st.booleans(),
)
def test_no_immature_snapshot_is_ever_offered(
    lead: int, horizon: int, settle: int, every: int, known: date, stepping: bool
) -> None:
    first = date(2019, 6, 1)
    rule = Snapshots(
        every=every, lead_days=lead, horizon_days=horizon, settle_days=settle, first=first if stepping else None
    )
    dates = timeline.snapshot_dates(rule, first, known)
    assert list(dates) == sorted(set(dates))
    for day in dates:
        window = timeline.outcome_window(day, rule)
        assert (window.start - day).days == lead
        assert (window.end - window.start).days == horizon
        assert (known - window.end).days >= settle


def test_a_few_rows_dated_ahead_do_not_move_the_end_of_the_books(shop: Any, configured: Any, engine: Engine) -> None:
    """Else every outcome up to them would be taken for known, and all snapshots would move with them."""
    shop.customer("a")
    for number in range(4000):
        shop.event("a", "purchase", f"2024-01-{1 + number % 20:02}")
    shop.event("a", "purchase", "2024-01-26")
    canonical = sources.build(configured(), engine, shop.write())
    assert timeline.recorded_span(canonical, engine)[:2] == (date(2024, 1, 1), date(2024, 1, 21))
    for _ in range(9):
        shop.event("a", "purchase", "2024-01-26")
    canonical = sources.build(configured(), engine, shop.write())
    assert timeline.recorded_span(canonical, engine)[1] == date(2024, 1, 27), "ten of 200 a day are a quiet day"


def test_clocks_that_went_astray_all_over_the_years_do_not_either(shop: Any, configured: Any, engine: Engine) -> None:
    """More days with one such row than days with books."""
    shop.customer("a")
    for number in range(6000):
        shop.event("a", "purchase", f"2024-01-{1 + number % 20:02}")
    for number in range(50):
        shop.event("a", "purchase", f"{date(2024, 2, 1) + timedelta(days=9 * number)}")
    canonical = sources.build(configured(), engine, shop.write())
    assert timeline.recorded_span(canonical, engine)[1] == date(2024, 1, 21)


def test_the_span_of_an_empty_log_is_an_error(shop: Any, configured: Any, engine: Engine) -> None:
    canonical = sources.build(configured(), engine, shop.customer("a").write())
    with pytest.raises(DataError, match="events: the table is empty"):
        timeline.recorded_span(canonical, engine)
