"""What holds for every history: order, other customers and empty columns change nothing that they should not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churnml.features.registry import Context, Inventory, declare
from churnml.features.sentences import YES_OR_NO

KINDS = (
    *("activity", "purchase", "return", "error", "payment_failed", "contact", "contact_abandoned", "complaint"),
    *("case_opened", "case_responded", "case_resolved", "case_reopened", "case_escalated"),
    *("outreach_sent", "outreach_opened", "outreach_clicked", "unsubscribed", "consent_changed", "data_request"),
    *("survey_sent", "survey_answered", "review", "mention", "message_private", "referral", "basket_abandoned"),
    *("promise_made", "promise_kept", "plan_changed", "price_changed", "onboarding_step", "cancel_requested", "loan"),
)
CONTEXT = Context(digital_channels=("web",), dark_channels=("forum",))
SPINE = {"ann": 300, "bob": 20, "cat": None, "zoe": 1}
NULLABLE = (
    ("channel", "direction", "name"),
    ("amount", "quantity", "duration_s"),
    ("wait_s", "text", "rating"),
    ("case_id", "automated", "scripted", "agent_id", "campaign_id", "due_in_days"),
)
FOUND = Inventory(
    dict.fromkeys(KINDS, frozenset({name.replace("due_in_days", "due_at") for group in NULLABLE for name in group})),
    ("web", "App Store", "forum"),
)
SLOW = settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def maybe(strategy):
    return st.none() | strategy


@st.composite
def an_event(draw, customers=("ann", "bob", "cat")):
    age_s = draw(st.integers(1, 400 * 86400))
    return {
        "customer_id": draw(st.sampled_from(customers)),
        "kind": draw(st.sampled_from(("activity", *KINDS))),
        "channel": draw(maybe(st.sampled_from(("web", "App Store", "forum")))),
        "direction": draw(maybe(st.sampled_from(("inbound", "outbound")))),
        "name": draw(maybe(st.sampled_from(("a", "service news", "given", "withdrawn")))),
        "amount": draw(maybe(st.decimals(-100, 1000, places=2))),
        "quantity": draw(maybe(st.decimals(0, 10, places=0))),
        "duration_s": draw(maybe(st.integers(0, 5000))),
        "wait_s": draw(maybe(st.integers(0, 5000))),
        "rating": draw(maybe(st.decimals(0, 1, places=2))),
        "text": draw(maybe(st.sampled_from(("", "why?", "schlechter Service — nie wieder")))),
        "case_id": draw(maybe(st.sampled_from(("k1", "k2")))),
        "automated": draw(maybe(st.booleans())),
        "scripted": draw(maybe(st.booleans())),
        "agent_id": draw(maybe(st.sampled_from(("x", "y")))),
        "campaign_id": draw(maybe(st.sampled_from(("m1", "m2")))),
        "due_in_days": draw(maybe(st.integers(-400, 30))),
        "age_days": -(-age_s // 86400),
        "age_s": age_s,
    }


def full_house():
    """An event of every kind with every column filled, so that no feature is switched off."""
    filled = {"channel": "web", "name": "a", "amount": 1, "quantity": 1, "duration_s": 1, "wait_s": 1, "text": "x"}
    filled |= {"case_id": "k0", "automated": True, "scripted": True, "agent_id": "x", "customer_id": "yak"}
    filled |= {"rating": 1, "campaign_id": "m0", "due_in_days": -1}
    return [{**filled, "kind": kind, "age_days": 20, "age_s": 20 * 86400 - 5} for kind in KINDS]


HISTORIES = st.lists(an_event(), max_size=60)


def same_bytes(left: pd.DataFrame, right: pd.DataFrame) -> None:
    assert list(left.columns) == list(right.columns) and list(left.index) == list(right.index)
    differing = [name for name in left if left[name].to_numpy().tobytes() != right[name].to_numpy().tobytes()]
    assert not differing


@pytest.fixture
def matrix(history):
    """The whole catalogue for a history, whatever it holds."""
    return lambda events, **options: history(events, SPINE, **options).matrix(CONTEXT, found=FOUND)


@SLOW
@given(HISTORIES, st.randoms(use_true_random=False))
def test_the_order_of_rows_and_the_number_of_threads_change_nothing(matrix, events, random):
    shuffled = random.sample(events, len(events))
    same_bytes(matrix(events, threads=2), matrix(shuffled, threads=1))


@SLOW
@given(HISTORIES, st.lists(an_event(customers=("dan", "bob")), min_size=1, max_size=20))
def test_other_customers_change_nothing(matrix, events, others):
    same_bytes(matrix(events).drop("bob"), matrix(events + others).drop("bob"))


@SLOW
@given(HISTORIES)
def test_values_stay_in_their_bounds(matrix, events):
    values = matrix(events)
    units = {feature.name: feature.unit for feature in declare(CONTEXT, FOUND).features}
    assert set(units) == set(values)
    flags = [name for name, unit in units.items() if unit == YES_OR_NO]
    shares = [name for name, unit in units.items() if unit == "share"]
    differences = ["rating_change_last", "rating_change_90d"]
    free = {*differences, "acceleration_14d", *(name for name in units if name.startswith(("amount_", "mean_amount")))}
    free |= {"returned_amount_ratio_365d"}  # amounts may be below zero
    assert set(values.dtypes.astype(str)) == {"float64"}
    assert not np.isinf(values.to_numpy()).any()
    assert (values[shares].isna() | (values[shares] >= 0) & (values[shares] <= 1)).all(axis=None)
    assert (values[flags].isna() | values[flags].isin([0, 1])).all(axis=None)
    assert (values[differences].isna() | values[differences].abs().le(1)).all(axis=None)
    assert (values.drop(columns=[*free]).fillna(0) >= 0).all(axis=None)
    assert (values["channel_drift_90d"].dropna() <= 1 + 1e-9).all()
    assert (values["engagement_7d"] <= values["engagement_30d"]).all()
    assert (values["active_days_180d"] <= values["engagement_180d"]).all()
    assert (values["messages_clicked_share_365d"].fillna(0) <= values["messages_answered_share_365d"].fillna(0)).all()
    assert (values["surveys_ignored_365d"] <= values["surveys_sent_365d"]).all()
    assert (values["promises_overdue"] <= values["promises_kept_late_365d"]).all()


@SLOW
@given(st.lists(st.integers(1, 300), min_size=2, max_size=30, unique=True), st.integers(1, 60))
def test_looking_later_lengthens_the_silence_and_leaves_the_habits(history, ages, later):
    def ann(shift):
        events = [
            {"customer_id": "ann", "kind": "activity", "age_days": age + shift, "age_s": (age + shift) * 86400 - 1}
            for age in ages
        ]
        return history(events, {"ann": 301 + shift}).matrix(CONTEXT, ("recency", "onboarding", "value")).loc["ann"]

    now, then = ann(0), ann(later)
    for name in ("days_since_event", "days_since_engagement", "days_since_first_engagement", "tenure_days"):
        assert then[name] == now[name] + later
    for name in ("usual_gap_days", "longest_gap_days", "gap_variation", "days_to_first_engagement"):
        assert then[name] == now[name]
    assert then["silence_percentile"] >= now["silence_percentile"]
    assert then["engagement_30d"] <= then["engagement_90d"] <= now["engagement_90d"] or later > 0


@pytest.mark.parametrize("columns", [*NULLABLE, sum(NULLABLE, ())], ids=" ".join)
def test_columns_that_are_null_everywhere_only_switch_features_off(history, columns):
    matrix = history([row | dict.fromkeys(columns) for row in full_house()], SPINE).matrix(CONTEXT)
    assert len(matrix) == len(SPINE)
    assert matrix.loc["ann", "engagement_30d"] == 0


def test_no_events_at_all(history):
    matrix = history([], SPINE).matrix(CONTEXT)
    assert matrix["tenure_days"].fillna(-1).to_dict() == {"ann": 300, "bob": 20, "cat": -1, "zoe": 1}
