from __future__ import annotations

import math

import pytest


@pytest.fixture
def value_of(features_of):
    return lambda events, **options: features_of(events, families=("value",), **options)


def test_spend_and_its_trend(value_of, event):
    ann = value_of(
        [
            event("purchase", 20, amount="10.50"),
            event("purchase", 91, amount="30.25"),
            event("purchase", 400, amount="1000"),
            event("return", 2, amount="99"),
        ]
    )
    assert ann["amount_30d"] == ann["amount_90d"] == 10.5 and ann["amount_365d"] == 40.75
    assert ann["mean_amount_365d"] == pytest.approx(20.375)
    assert ann["amount_trend_90d"] == pytest.approx((10.5 / 90) / (30.25 / 275))


def test_tenure(value_of, event):
    assert value_of([event("activity", 5)], tenure_days=77)["tenure_days"] == 77
    assert math.isnan(value_of([event("activity", 5)])["tenure_days"])


def test_closures_that_a_customer_has_come_back_from(value_of, event):
    ann = value_of([event("closed", 300), event("activity", 200), event("closed", 120), event("activity", 5)])
    assert ann["closures"] == 2 and ann["days_since_closure"] == 120
    others = [event("closed", 300, customer_id="bob"), event("activity", 5)]
    ann = value_of(others)
    assert ann["closures"] == 0 and math.isnan(ann["days_since_closure"])


def test_plan_and_price_changes(value_of, event):
    ann = value_of(
        [
            event("purchase", 400, amount=20),
            event("price_changed", 300, amount=25),
            event("payment_failed", 250, amount=999),
            event("price_changed", 200, amount=30),
            event("purchase", 190, amount=30),
            event("plan_changed", 100, amount=15),
            event("plan_changed", 50),
        ]
    )
    assert ann["price_changes_365d"] == 2 and ann["price_rises_365d"] == 2
    assert ann["price_step_last"] == 30 / 25
    assert ann["plan_changes_365d"] == 2 and ann["plan_rises_365d"] == 0
    assert ann["plan_step_last"] == 15 / 30, "a change without an amount is no step"


def test_a_price_per_unit_is_compared_with_the_price_before_it_and_not_with_a_bill(value_of, event):
    """Cents for a kilowatt hour beside bills that go with the season."""
    bills = [event("purchase", 400, amount=95), event("purchase", 250, amount=140), event("purchase", 60, amount=70)]
    first = event("price_changed", 300, amount=40)
    assert math.isnan(value_of([*bills, first])["price_step_last"]), "of another unit"
    ann = value_of([*bills, first, event("price_changed", 100, amount=44)])
    assert ann["price_step_last"] == 44 / 40 and ann["price_rises_365d"] == 1
    upgrade = value_of([event("purchase", 400, amount=10), event("plan_changed", 300, amount=35)])
    assert upgrade["plan_step_last"] == 3.5, "a larger plan may cost more than twice as much"


def test_a_price_with_nothing_before_it_is_no_rise(value_of, event):
    ann = value_of([event("price_changed", 30, amount=25), event("purchase", 20, amount=25)])
    assert ann["price_changes_365d"] == 1 and ann["price_rises_365d"] == 0 and math.isnan(ann["price_step_last"])


def test_cancellations_blocked_and_abandoned(value_of, event):
    active = event("activity", 20)
    ann = value_of([active, event("cancel_requested", 60), event("cancel_requested", 30)])
    assert ann["cancel_requests_365d"] == 2 and ann["cancel_asked_again_365d"] == 1 and ann["cancel_abandoned"] == 1
    bob = value_of([active, event("cancel_requested", 20)])
    assert bob["cancel_asked_again_365d"] == 0 and bob["cancel_abandoned"] == 0, "the same day is not later"
    assert value_of([active, event("cancel_requested", 366)])["cancel_abandoned"] == 0
