from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from churnml import outcomes, sources, timeline
from churnml.engine import Engine
from churnml.errors import DataError

T = date(2024, 4, 1)  # window [1 April, 1 May)
KNOWN = date(2024, 6, 1)


def labelled(shop: Any, config: Any, engine: Engine, known_at: date = KNOWN) -> dict[str, Any]:
    canonical = sources.build(config, engine, shop.write())
    view = timeline.observe(canonical, config, T)
    frame = engine.frame(outcomes.label(canonical, config, view.spine, T, known_at)).set_index("customer_id")
    return {name: row["unlabelled"] if row["outcome"] is None or row["outcome"] != row["outcome"] else row["outcome"]
            for name, row in frame.iterrows()}  # fmt: skip


def active(shop: Any, name: str, **terms: Any) -> Any:
    return shop.customer(name, **terms).event(name, "purchase", "2024-03-20")


def test_either_closure_or_inactivity_through_the_whole_window(shop: Any, configured: Any, engine: Engine) -> None:
    active(shop, "stays").event("stays", "purchase", "2024-04-30 23:59")
    active(shop, "returns_too_late").event("returns_too_late", "purchase", "2024-05-01 00:00")
    active(shop, "closes").event("closes", "purchase", "2024-04-02").event("closes", "closed", "2024-04-03")
    active(shop, "closes_later").event("closes_later", "purchase", "2024-04-02").event(
        "closes_later", "closed", "2024-05-01"
    )
    assert labelled(shop, configured(), engine) == {
        "stays": "retained", "returns_too_late": "silent", "closes": "silent", "closes_later": "retained",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("closure", {"quiet": "retained", "closes": "silent"}),
        ("inactivity", {"quiet": "silent", "closes": "retained"}),
        ("either", {"quiet": "silent", "closes": "silent"}),
    ],
)
def test_the_definition_decides(shop: Any, configured: Any, engine: Engine, by: str, expected: dict[str, str]) -> None:
    active(shop, "quiet")
    active(shop, "closes").event("closes", "purchase", "2024-04-02").event("closes", "closed", "2024-04-03")
    assert labelled(shop, configured(defection=f"{{by: {by}, of: [purchase]}}"), engine) == expected


def test_voice_counts_from_the_lookback_up_to_the_moment_of_leaving(shop: Any, configured: Any, engine: Engine) -> None:
    said = {
        "long_ago": ("2024-03-01 23:00", "silent"),  # the lookback of 30 days begins on 2 March
        "at_its_start": ("2024-03-02 00:00", "vocal"),
        "in_the_window": ("2024-04-10", "vocal"),
        "while_leaving": ("2024-04-20 12:00", "vocal"),
        "afterwards": ("2024-04-20 12:01", "silent"),
    }
    for name, (moment, _) in said.items():
        active(shop, name).event(name, "complaint", moment).event(name, "closed", "2024-04-20 12:00")
    assert labelled(shop, configured(), engine) == {name: outcome for name, (_, outcome) in said.items()}


def test_a_dark_channel_is_no_voice_and_no_channel_is(shop: Any, configured: Any, engine: Engine) -> None:
    active(shop, "forum").event("forum", "complaint", "2024-03-25", channel="forum")
    active(shop, "phone").event("phone", "complaint", "2024-03-25", channel="phone")
    active(shop, "unknown").event("unknown", "complaint", "2024-03-25")
    active(shop, "content").event("content", "complaint", "2024-03-25").event("content", "purchase", "2024-04-05")
    assert labelled(shop, configured(), engine) == {
        "forum": "silent", "phone": "vocal", "unknown": "vocal", "content": "retained",
    }  # fmt: skip


def test_an_agreed_end_inside_the_window_and_leaving_within_the_lead_are_not_labelled(
    shop: Any, configured: Any, engine: Engine
) -> None:
    active(shop, "course_ends", until="2024-05-05")
    active(shop, "course_ends_with_the_window", until="2024-05-06")
    active(shop, "gone_at_once").event("gone_at_once", "closed", "2024-04-05 23:59")
    active(shop, "gone_in_time").event("gone_in_time", "closed", "2024-04-06")
    found = labelled(shop, configured(snapshots="{lead_days: 5, horizon_days: 30}"), engine)
    assert found == {
        "course_ends": "agreed end inside the outcome window",
        "course_ends_with_the_window": "silent",
        "gone_at_once": "too late to act: left within the lead time",
        "gone_in_time": "silent",
    }


def test_an_agreed_end_that_was_reported_late_is_no_defection(shop: Any, configured: Any, engine: Engine) -> None:
    """Whoever moves away in the window, or had done so before anybody knew, has not left the company."""
    active(shop, "moves", until="2024-04-20", told="2024-04-10")
    active(shop, "had_moved", until="2024-03-25", told="2024-04-10")
    active(shop, "moves_later", until="2024-05-20", told="2024-05-01")
    active(shop, "told_too_late", until="2024-04-20", told="2024-06-01")
    assert labelled(shop, configured(), engine) == {
        "moves": "agreed end inside the outcome window",
        "had_moved": "already gone: an agreed end that was in the books only later",
        "moves_later": "silent",
        "told_too_late": "silent",
    }


@pytest.mark.parametrize("rule", ["closure", "inactivity", "either"])
def test_who_had_gone_before_the_books_knew_is_not_labelled(
    shop: Any, configured: Any, engine: Engine, rule: str
) -> None:
    active(shop, "booked_late").event("booked_late", "closed", "2024-03-30", known="2024-04-03")
    active(shop, "long_ago").event("long_ago", "closed", "2024-02-18", known="2024-04-03")
    active(shop, "came_back").event("came_back", "closed", "2024-02-17", known="2024-04-03")
    active(shop, "in_time").event("in_time", "closed", "2024-04-03", known="2024-04-09")
    found = labelled(shop, configured(defection=f"{{by: {rule}, of: [purchase]}}"), engine)
    assert found == {
        "booked_late": "already gone: a closure that was in the books only later",
        "long_ago": "already gone: a closure that was in the books only later",
        "came_back": {"closure": "retained", "inactivity": "silent", "either": "silent"}[rule],
        "in_time": "silent",
    }


def test_who_has_come_back_may_leave_again(shop: Any, configured: Any, engine: Engine) -> None:
    for name in ("stays", "closes_again", "falls_silent"):
        active(shop, name).event(name, "closed", "2024-02-01")
    active(shop, "trails").event("trails", "closed", "2024-02-18")
    shop.event("stays", "purchase", "2024-04-10").event("closes_again", "closed", "2024-04-10")
    assert labelled(shop, configured(), engine) == {
        "stays": "retained", "closes_again": "silent", "falls_silent": "silent",
    }  # fmt: skip


def test_outcomes_are_as_known_at_the_given_time(shop: Any, configured: Any, engine: Engine) -> None:
    active(shop, "a").event("a", "purchase", "2024-04-10", known="2024-05-20")
    assert labelled(shop, configured(), engine, known_at=date(2024, 5, 20)) == {"a": "silent"}
    assert labelled(shop, configured(), engine, known_at=date(2024, 5, 21)) == {"a": "retained"}


def test_an_immature_snapshot_is_never_labelled(shop: Any, configured: Any, engine: Engine) -> None:
    config = configured(snapshots="{horizon_days: 30, settle_days: 2}")
    active(shop, "a")
    assert labelled(shop, config, engine, known_at=date(2024, 5, 3)) == {"a": "silent"}
    with pytest.raises(DataError, match="an immature snapshot is never labelled"):
        labelled(shop, config, engine, known_at=date(2024, 5, 2))
