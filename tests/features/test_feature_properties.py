"""What holds for every history: values in their bounds, other customers do not matter, and nothing is nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from churnml.contract import EVENTS
from churnml.features.build import computed
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
FOUND = Inventory(dict.fromkeys(KINDS, frozenset(EVENTS)), ("web", "App Store", "forum"))
SLOW = settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # an example costs a second: too much to shrink one
)


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
        "due_in_s": draw(maybe(st.integers(-1200, 90).map(lambda third: third * 28800))),
        "age_days": -(-age_s // 86400),
        "age_s": age_s,
    }


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
@given(HISTORIES, st.lists(an_event(customers=("dan", "bob")), min_size=1, max_size=20))
def test_other_customers_change_nothing(matrix, events, others):
    same_bytes(matrix(events).drop("bob"), matrix(events + others).drop("bob"))


@SLOW
@given(HISTORIES)
def test_values_stay_in_their_bounds(matrix, events):
    values = matrix(events)
    units = {feature.name: feature.unit for feature in computed(declare(CONTEXT, FOUND).features)}
    assert set(units) == set(values) and len(units) > 250
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


def test_a_customer_without_any_event_has_nothing(matrix):
    """Every feature is what is declared for no such history; those of a row follow from that, and from the sign-up."""
    nothing = matrix([])
    for feature in computed(declare(CONTEXT, FOUND).features):
        if feature.grain != "row":
            expected = np.nan if feature.empty is None else feature.empty
            np.testing.assert_array_equal(nothing[feature.name], expected, err_msg=feature.name)
    rows = [feature for feature in computed(declare(CONTEXT, FOUND).features) if feature.grain == "row"]
    young, old, unknown = (
        nothing.loc[name, [row.name for row in rows]].dropna().to_dict() for name in ("zoe", "ann", "cat")
    )
    first = {f"engagement_first_{days}d": 0 for days in (1, 7, 14, 30)}
    begun = {"onboarding_steps_done": 0, "onboarding_contact_events": 0, "onboarding_friction_events": 0}
    always = {"cancel_abandoned": 0, "quiet_streak_weeks": 26}
    assert old == first | begun | always | {
        "tenure_days": 300, "_tenure": 300, "onboarding_stalled_days": 30, "self_served": 0
    }  # fmt: skip
    assert young == begun | always | {
        "engagement_first_1d": 0, "tenure_days": 1, "_tenure": 1, "onboarding_stalled_days": 1
    }  # fmt: skip
    assert unknown == always
