from __future__ import annotations

import math

import pytest

from churnml.features.registry import Context

DAY, HOUR = 86400, 3600


@pytest.fixture
def experience_of(features_of):
    return lambda events, **options: features_of(events, families=("experience",), **options)


def test_errors_against_activity_and_the_own_rate(experience_of, event):
    active = [event("activity", age) for age in (1, 2, 2, 80, 180)]
    ann = experience_of([*active, *(event("error", age) for age in (3, 10, 80, 150))])
    assert ann["errors_per_active_day_90d"] == 3 / 3
    assert ann["errors_trend_30d"] == pytest.approx((2 / 30) / (2 / 150))


def test_payments_that_fail(experience_of, event):
    ann = experience_of([event("purchase", 300), event("payment_failed", 200), event("purchase", 199)])
    assert ann["payments_failed_share_365d"] == 1 / 3 and ann["payments_failed_run"] == 0
    failing = [event("purchase", 60), event("payment_failed", 30), event("payment_failed", 2)]
    assert experience_of(failing)["payments_failed_run"] == 2


def test_returns(experience_of, event):
    ann = experience_of(
        [event("purchase", 50, amount=30), event("purchase", 40, amount=10), event("return", 20, amount=10)]
    )
    assert ann["returns_per_purchase_365d"] == 1 / 2 and ann["returned_amount_ratio_365d"] == 10 / 40


def test_baskets_abandoned_after_trouble(experience_of, event):
    events = [
        event("basket_abandoned", 60),
        event("error", 40),
        event("basket_abandoned", 35),
        event("basket_abandoned", 30),
        event("contact_abandoned", 12),
        event("basket_abandoned", 6),
        event("basket_abandoned", 4),
        event("error", 3),
    ]
    assert experience_of(events)["baskets_abandoned_after_trouble_90d"] == 2
    as_friction = Context(friction_kinds=("basket_abandoned",))
    assert experience_of(events, context=as_friction)["baskets_abandoned_after_trouble_90d"] == 1, (
        "no trouble by itself"
    )


def promise(event, number, due, kept=None, made=100):
    """A promise for `due` days before the snapshot, perhaps kept."""
    made_event = event("promise_made", made, case_id=f"p{number}", due_in_s=-due * 86400)
    return [made_event] + ([] if kept is None else [event("promise_kept", kept, case_id=f"p{number}")])


def test_promises_in_time_late_and_overdue(experience_of, event):
    ann = experience_of(
        [
            *promise(event, 1, due=50, kept=50),
            *promise(event, 2, due=40, kept=44),
            *promise(event, 3, due=30, kept=26),
            *promise(event, 4, due=10),
            *promise(event, 5, due=-3),
            *promise(event, 6, due=0),
        ]
    )
    assert ann["promises_kept_late_365d"] == 2 and ann["promises_in_time_share_365d"] == 2 / 4
    assert ann["promises_overdue"] == 1
    assert ann["promise_delay_mean_s_365d"] == (0 + 0 + 4 + 10) * 86400 / 4
    assert ann["promise_delay_longest_s_365d"] == ann["promise_delay_last_s"] == 10 * 86400
    assert ann["days_since_promise_kept_late"] == 10


def test_a_promise_kept_today_is_not_known_yet(experience_of, event):
    """It fell due yesterday and is seen as overdue; kept the day after, it is a day late."""
    kept_other = promise(event, 9, due=80, kept=80)
    overdue = experience_of([*kept_other, *promise(event, 1, due=1)])
    assert overdue["promises_overdue"] == 1 and overdue["promise_delay_last_s"] == 86400
    kept = experience_of([*kept_other, *promise(event, 1, due=2, kept=1)])
    assert kept["promises_overdue"] == 0 and kept["promise_delay_last_s"] == 86400


def test_promises_for_an_hour_are_late_by_the_hour(experience_of, event):
    """A technician who was promised until noon and came at three, and one who was promised for the day."""
    until_noon = [event("promise_made", 9, case_id="a", due_in_s=-5 * 86400 + 43200)]
    ann = experience_of([*until_noon, event("promise_kept", 5, case_id="a", age_s=5 * 86400 - 54000)])
    assert ann["promise_delay_last_s"] == 3 * 3600 and ann["promises_kept_late_365d"] == 1
    assert ann["days_since_promise_kept_late"] == 5
    early = experience_of([*until_noon, event("promise_kept", 5, case_id="a", age_s=5 * 86400 - 43200)])
    assert early["promise_delay_last_s"] == 0 and early["promises_in_time_share_365d"] == 1
    other = promise(event, 9, due=80, kept=80)
    missed = experience_of([*other, *until_noon])
    assert missed["promise_delay_last_s"] == 5 * 86400 - 43200 and missed["promises_overdue"] == 1
    of_the_day = event("promise_made", 9, case_id="a", due_in_s=-5 * 86400)
    ann = experience_of([of_the_day, event("promise_kept", 5, case_id="a", age_s=5 * 86400 - 80000)])
    assert ann["promise_delay_last_s"] == 0, "promised for the whole day"


def test_promises_without_a_case_are_told_apart_by_their_day(experience_of, event):
    events = [
        event("promise_made", 60, due_in_s=-50 * 86400),
        event("promise_kept", 47, due_in_s=-50 * 86400),
        event("promise_made", 60, due_in_s=-20 * 86400),
        event("promise_made", 60),
    ]
    ann = experience_of(events)
    assert ann["promises_overdue"] == 1 and ann["promises_kept_late_365d"] == 2
    assert ann["promise_delay_longest_s_365d"] == 20 * 86400


def test_service_that_differs_between_channels(experience_of, event):
    def case(name, age_days, channel, solved):
        steps = [event("case_opened", age_days, case_id=name, channel=channel)]
        return steps + ([event("case_resolved", age_days - 1, case_id=name, channel=channel)] if solved else [])

    ann = experience_of(
        [
            event("contact", 10, channel="phone", wait_s=100, rating=0.2),
            event("contact", 20, channel="phone", wait_s=300, rating=0.4),
            event("contact", 30, channel="chat", wait_s=20, rating=0.9),
            event("contact", 30, channel="email"),
            *case("a", 50, "phone", solved=True),
            *case("b", 40, "phone", solved=False),
            *case("c", 30, "chat", solved=True),
        ]
    )
    assert ann["wait_inconsistency_s_365d"] == 180
    assert ann["rating_inconsistency_365d"] == pytest.approx(0.6)
    assert ann["resolution_inconsistency_365d"] == 0.5


def test_one_channel_cannot_be_inconsistent(experience_of, event):
    names = ["wait_inconsistency_s_365d", "rating_inconsistency_365d", "resolution_inconsistency_365d"]
    contact = [event("contact", age, channel="phone", wait_s=age, rating=0.5) for age in (10, 20)]
    opened = event("case_opened", 30, case_id="a", channel="phone")
    solved = event("case_resolved", 29, case_id="a", channel="phone")
    assert experience_of([*contact, opened, solved])[names].isna().all()


def test_agents_seen(experience_of, event):
    contacts = [event("contact", 10 + n, agent_id=agent) for n, agent in enumerate(("x", "x", "y", "z", None))]
    ann = experience_of([*contacts, event("contact", 400, agent_id="old")])
    assert ann["agents_seen_365d"] == 3 and ann["agent_turnover_365d"] == pytest.approx(2 / 3)
    alone = experience_of([event("contact", 10, agent_id="x")])
    assert alone["agents_seen_365d"] == 1 and math.isnan(alone["agent_turnover_365d"])
    assert math.isnan(experience_of([event("contact", 400, agent_id="x")])["agent_turnover_365d"])
