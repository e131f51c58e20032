"""Every group of features against values worked out by hand."""

from __future__ import annotations

import math

import pytest

from churnml.features.build import build, computed
from churnml.features.registry import Context, Inventory, declare, inventory

DAY, HOUR = 86400, 3600


def test_silence_counts_and_active_days(features_of, event):
    ann = features_of([event("activity", age) for age in (3, 3, 10, 31, 100, 200)] + [event("error", 1)])
    assert ann["days_since_event"] == 1
    assert ann["days_since_engagement"] == 3 and "days_since_activity" not in ann
    assert ann["days_since_first_engagement"] == 200
    assert [ann[f"engagement_{n}d"] for n in (7, 30, 90, 180)] == [2, 3, 4, 5]
    assert [ann[f"active_days_{n}d"] for n in (7, 30, 90, 180)] == [1, 2, 3, 4]
    assert ann["days_since_error"] == 1 and ann["error_events_30d"] == 1


def test_the_last_n_days_include_day_n(features_of, event):
    ann = features_of([event("activity", 7), event("activity", 30), event("activity", 31)])
    assert ann["engagement_7d"] == 1 and ann["engagement_30d"] == 2


def test_own_cadence(features_of, event):
    ann = features_of([event("activity", age) for age in (6, 8, 12, 12, 22)])  # gaps of 2, 4 and 10 days, silent for 6
    assert ann["usual_gap_days"] == 4
    assert ann["longest_gap_days"] == 10
    assert ann["overdue_ratio"] == 6 / 4
    assert ann["silence_to_longest_gap"] == 6 / 10
    assert ann["silence_percentile"] == pytest.approx(2 / 3)
    mean = 16 / 3
    deviation = math.sqrt(((2 - mean) ** 2 + (4 - mean) ** 2 + (10 - mean) ** 2) / 3)
    assert ann["gap_variation"] == pytest.approx(deviation / mean)


def test_one_active_day_gives_no_cadence(features_of, event):
    ann = features_of([event("activity", 6), event("activity", 6)])
    assert ann[["usual_gap_days", "overdue_ratio", "silence_percentile", "gap_variation"]].isna().all()


def test_quiet_streak_in_weeks(features_of, event):
    busy = [event("activity", age) for week in range(3, 10) for age in (7 * week + 1, 7 * week + 3)]
    ann = features_of([event("activity", 2), *busy])  # 15 days in 10 weeks: one visit is at least half of 1.5
    assert ann["quiet_streak_weeks"] == 0
    assert features_of(busy)["quiet_streak_weeks"] == 3


def test_trend_against_the_own_earlier_rate(features_of, event):
    earlier = [event("activity", age) for age in (35, 50, 65, 90)]
    ann = features_of([event("activity", 5), *earlier])
    assert ann["trend_30d"] == pytest.approx((1 / 30) / (4 / 60))
    assert ann["active_days_trend_30d"] == ann["trend_30d"]
    assert math.isnan(features_of([event("activity", 5), event("activity", 40)])["trend_30d"]), "10 days are too few"


def test_acceleration(features_of, event):
    ann = features_of([event("activity", age) for age in (1, 2, 3, 14, 15, 29, 30)])
    assert ann["acceleration_14d"] == 4 - 2 * 1 + 2


def test_sessions_and_quantity(features_of, event):
    ann = features_of(
        [
            event("activity", 5, duration_s=100, quantity=2),
            event("activity", 6, duration_s=200, quantity=1),
            event("activity", 7),
            event("activity", 60, duration_s=600, quantity=9),
            event("activity", 400),
        ]
    )
    assert ann["session_seconds_30d"] == 150
    assert ann["session_length_ratio_30d"] == 150 / 600
    assert ann["quantity_30d"] == 3 and ann["quantity_90d"] == 12
    assert ann["quantity_trend_30d"] == pytest.approx((3 / 30) / (9 / 150))


def test_shares_and_spread_of_channels(features_of, event):
    ann = features_of(
        [
            event("activity", 1, channel="web"),
            event("activity", 5, channel="web"),
            event("activity", 40, channel="App Store"),
            event("activity", 41, channel="forum"),
            event("activity", 2),
            event("outreach_sent", 2, channel="email"),
            event("activity", 300, channel="forum"),
            event("activity", 301, channel="forum"),
        ],
        context=Context(digital_channels=("web", "App Store"), dark_channels=("forum",)),
    )
    assert ann["channel_share_web_30d"] == 1 and ann["channel_share_forum_30d"] == 0
    assert ann["prefers_channel_forum"] == 1 and ann["prefers_channel_web"] == 0
    assert ann["channel_share_web_90d"] == 0.5 and ann["channel_share_app_store_90d"] == 0.25
    assert ann["days_since_channel_forum"] == 41
    assert ann["channels_used_90d"] == 3
    assert ann["channel_entropy_90d"] == pytest.approx(1.5)
    assert ann["channel_concentration_90d"] == 0.5
    assert ann["digital_share_90d"] == 0.75 and ann["dark_share_90d"] == 0.25
    assert ann["channel_drift_90d"] == pytest.approx(1), "no channel in common"
    assert ann["new_channels_30d"] == 1 and ann["abandoned_channels_30d"] == 2
    assert ann["days_since_preferred_channel"] == 41 and ann["preferred_channel_share_90d"] == 0.25
    assert ann["outreach_off_preferred_share_90d"] == 1


def test_drift_is_jensen_shannon_to_base_2(features_of, event):
    recent = [event("activity", age, channel="web") for age in (1, 2, 3)] + [event("activity", 4, channel="app")]
    before = [event("activity", 50, channel="web"), event("activity", 60, channel="app")]

    def against_middle(share: float, other: float) -> float:
        return share * math.log2(share / ((share + other) / 2))

    expected = sum(against_middle(p, q) + against_middle(q, p) for p, q in ((0.75, 0.5), (0.25, 0.5))) / 2
    assert features_of(recent + before)["channel_drift_90d"] == pytest.approx(expected, abs=1e-9)
    assert features_of(before + before[:1] + [event("activity", 3, channel="web")])["channel_drift_90d"] > 0
    assert math.isnan(features_of(before)["channel_drift_90d"])


def test_dark_matter_is_a_customer_service_never_heard(history, event):
    events = [
        event("activity", 4, "ann"),
        event("contact", 9, "bob", channel="phone"),
        event("complaint", 9, "cat", channel="forum"),
    ]
    matrix = history(events, dict.fromkeys(("ann", "bob", "cat", "dan"))).matrix(Context(dark_channels=("forum",)))
    assert matrix["dark_matter"].to_dict() == {"ann": 1, "bob": 0, "cat": 1, "dan": 1}


def test_voice_counts_only_on_monitored_channels(features_of, event):
    events = [
        event("complaint", 20, channel="phone", text="abcd"),
        event("complaint", 10, channel="forum", text="x"),
        event("cancel_requested", 60, text="ab"),
        event("complaint", 365),
        event("complaint", 366),
    ]
    ann = features_of(events, context=Context(dark_channels=("forum",)))
    assert [ann[f"voice_events_{n}d"] for n in (30, 90, 365)] == [1, 2, 3]
    assert ann["days_since_voice"] == 20
    assert ann["voice_text_length_365d"] == 3


def case(event, case_id, opened_s, **steps):
    """The events of a support case; steps give the seconds before the snapshot at which each happened."""
    made = [("case_opened", opened_s), *((f"case_{kind}", age_s) for kind, age_s in steps.items())]
    return [event(kind, -(-age_s // DAY), case_id=case_id, age_s=age_s) for kind, age_s in made]


def test_cases_as_they_stand(features_of, event):
    first = case(event, "a", 50 * DAY, responded=50 * DAY - 2 * HOUR, resolved=49 * DAY)
    second = case(event, "b", 20 * DAY, responded=20 * DAY - 600, resolved=19 * DAY, reopened=18 * DAY)
    third = case(event, "c", 5 * DAY, escalated=4 * DAY)
    ann = features_of([*first, *second, *third])
    assert ann["cases_365d"] == 3 and ann["open_cases"] == 2 and ann["oldest_open_case_days"] == 20
    assert ann["unresolved_share_365d"] == pytest.approx(2 / 3)
    assert ann["first_response_median_s_365d"] == (2 * HOUR + 600) / 2
    assert ann["first_response_last_s"] == 600
    assert ann["resolution_median_s_365d"] == ann["resolution_last_s"] == DAY, "a reopened case is not resolved"
    assert ann["unanswered_cases"] == 1
    assert ann["reopened_365d"] == 1 and ann["escalated_365d"] == 1


def test_a_reply_before_the_opening_is_no_reply(features_of, event):
    ann = features_of(case(event, "a", 5 * DAY, responded=6 * DAY, resolved=7 * DAY))
    assert math.isnan(ann["first_response_last_s"]) and math.isnan(ann["resolution_last_s"])
    assert ann["open_cases"] == 1 and ann["unanswered_cases"] == 1


@pytest.mark.parametrize(
    ("replies", "resolved", "first_s", "unanswered"),
    [
        ({5 * DAY - 20: True}, None, None, 1),  # a bot has acknowledged it, and nobody came
        ({5 * DAY - 20: True, 4 * DAY: False}, None, DAY, 0),
        ({5 * DAY - 20: None}, None, 20, 0),  # not known to be a bot
        ({5 * DAY - 20: True}, 5 * DAY - 600, 600, 0),  # the bot solved it
        ({5 * DAY - 20: True, 4 * DAY: False}, 5 * DAY - 600, 600, 0),  # and a person asked how it had been
        ({5 * DAY - 20: True, 4 * DAY: False}, 3 * DAY, DAY, 0),
        ({}, 3 * DAY, None, 0),  # a case without any reply has no time of the first, as ever
    ],
)
def test_a_reply_by_a_bot_is_no_reply(features_of, event, replies, resolved, first_s, unanswered):
    solved = {"resolved": resolved} if resolved else {}
    earlier = case(event, "b", 500 * DAY, responded=499 * DAY, resolved=498 * DAY)
    events = [*earlier, *case(event, "a", 5 * DAY, **solved), event("case_resolved", 600, case_id="c")]
    for age_s, bot in replies.items():
        events.append(event("case_responded", -(-age_s // DAY), case_id="a", age_s=age_s, automated=bot))
    ann = features_of(events)
    assert ann["unanswered_cases"] == unanswered
    assert ann["first_response_median_s_365d"] == pytest.approx(math.nan if first_s is None else first_s, nan_ok=True)
    assert ann["first_response_last_s"] == (DAY if first_s is None else first_s)


def test_a_remark_that_only_a_bot_replied_to_is_unanswered(features_of, event):
    remarks = [event("complaint", 30, case_id="a"), event("mention", 20, channel="social", direction="inbound")]
    bot = [
        event("case_responded", 29, case_id="a", automated=True),
        event("mention", 19, channel="social", direction="outbound", automated=True),
    ]
    person = [event("case_responded", 10, case_id="a"), event("case_responded", 12, channel="social", automated=False)]
    by_bot, by_both = features_of([*remarks, *bot]), features_of([*remarks, *bot, *person])
    assert by_bot["unanswered_feedback_90d"] == 2 and math.isnan(by_bot["public_response_longest_s_365d"])
    assert by_both["unanswered_feedback_90d"] == 0 and by_both["public_response_longest_s_365d"] == 8 * DAY


def test_repeat_contacts_and_transfers(features_of, event):
    ann = features_of(
        [
            *case(event, "a", 5 * DAY, resolved=DAY),
            event("contact", 4, case_id="a", agent_id="x"),
            event("contact", 3, case_id="a", agent_id="y"),
            event("case_escalated", 3, case_id="a", age_s=2 * DAY),
            event("contact", 1, case_id="a", agent_id="x"),
            event("contact", 2, case_id="b", agent_id="z"),
            event("contact", 2),
        ]
    )
    assert ann["repeat_contacts_365d"] == 3
    assert ann["transfers_365d"] == 2, "to another agent and back"
    assert ann["contacts_30d"] == 6 and ann["days_since_service"] == 1


def test_waiting_and_impersonal_service(features_of, event):
    ann = features_of(
        [
            event("contact", 10, wait_s=60, automated=True, scripted=False),
            event("contact", 20, wait_s=120, automated=False, scripted=True),
            event("contact", 21),
            event("contact_abandoned", 30, wait_s=600),
            event("contact", 100, wait_s=9999, automated=True),
        ]
    )
    assert ann["wait_mean_s_90d"] == 260 and ann["wait_longest_s_90d"] == 600
    assert ann["contacts_abandoned_365d"] == 1 and ann["abandoned_share_365d"] == 1 / 5
    assert ann["automated_share_365d"] == pytest.approx(2 / 3) and ann["scripted_share_365d"] == 1 / 2


def test_silence_after_friction(history, event):
    events = [
        event("error", 20, "ann"),
        event("contact", 15, "ann"),
        event("payment_failed", 10, "ann"),
        event("error", 5, "bob"),
        event("return", 4, "bob"),
        event("error", 100, "bob"),
        event("error", 5, "cat"),
        event("complaint", 1, "cat", channel="forum"),
        event("error", 5, "dan"),
        event("case_opened", 5, "dan", age_s=4 * DAY + 1),
    ]
    spine = dict.fromkeys(("ann", "bob", "cat", "dan"))
    matrix = history(events, spine).matrix(Context(dark_channels=("forum",)))
    assert matrix["friction_without_contact_90d"].to_dict() == {"ann": 1, "bob": 2, "cat": 1, "dan": 0}
    assert matrix["friction_events_90d"].to_dict() == {"ann": 2, "bob": 2, "cat": 1, "dan": 1}
    assert matrix["days_since_friction"].to_dict() == {"ann": 10, "bob": 4, "cat": 5, "dan": 5}


def test_feedback_without_a_reply(features_of, event):
    events = [
        event("complaint", 80, case_id="a"),
        event("case_responded", 79, case_id="a"),
        event("complaint", 60, case_id="b"),
        event("case_responded", 60, case_id="b", age_s=60 * DAY),
        event("mention", 50, channel="social"),
        event("contact", 49, channel="social", direction="outbound"),
        event("review", 40, channel="social"),
        event("case_responded", 39, channel="phone"),
        event("review", 100, channel="forum"),
        event("message_private", 30, channel="social", direction="outbound"),
    ]
    ann = features_of(events, families=("complaints",))
    assert ann["unanswered_feedback_90d"] == 1, "the reply to complaint b came before it"
    assert ann["unanswered_feedback_365d"] == 2 and ann["unanswered_feedback_share_365d"] == 2 / 5


def test_waiting_for_a_reply_in_public(features_of, event):
    def mention(age_s, reply_s):
        return [
            event("mention", -(-age_s // DAY), age_s=age_s, channel="social"),
            *(
                []
                if reply_s is None
                else [event("case_responded", -(-reply_s // DAY), age_s=reply_s, channel="social")]
            ),
        ]

    ann = features_of(
        [
            *mention(90 * DAY, 90 * DAY - 60),
            *mention(60 * DAY, 60 * DAY - HOUR),
            *mention(30 * DAY, 29 * DAY),
            *mention(5 * DAY, None),
            *mention(400 * DAY, 399 * DAY),
        ],
        families=("complaints",),
    )
    assert ann["public_response_median_s_365d"] == HOUR and ann["public_response_longest_s_365d"] == DAY


def test_the_company_was_tried_before_the_public(features_of, event):
    ann = features_of(
        [
            event("mention", 200, channel="social"),
            event("contact_abandoned", 130),
            event("mention", 100, channel="social"),
            event("mention", 99, channel="social", direction="outbound"),
            event("contact", 60, direction="outbound"),
            event("mention", 55, channel="social"),
            event("complaint", 50, channel="forum"),
            event("review", 45, channel="forum"),
            event("complaint", 40, channel="phone"),
            event("review", 35, channel="forum"),
        ],
        context=Context(dark_channels=("forum", "social")),
        families=("complaints",),
    )
    assert ann["tried_before_mention_365d"] == 1 and ann["tried_before_review_365d"] == 1


def test_time_to_first_value(features_of, event):
    events = [event("activity", 99), event("purchase", 60, amount=5), event("purchase", 3, amount=5)]
    ann = features_of(events, tenure_days=100, families=("onboarding",))
    assert ann["days_to_first_value"] == 40 and ann["days_to_first_engagement"] == 1


def test_onboarding(features_of, event):
    ann = features_of(
        [
            event("activity", 101),  # the day before sign-up
            event("activity", 95),
            event("activity", 90),
            event("activity", 72),
            event("onboarding_step", 98, name="profile"),
            event("onboarding_step", 97, name="profile"),
            event("onboarding_step", 88, name="payment"),
            event("error", 80),
            event("contact", 79),
            event("contact", 60),
        ],
        tenure_days=100,
    )
    assert ann["days_to_first_engagement"] == 0
    assert [ann[f"engagement_first_{n}d"] for n in (1, 7, 14, 30)] == [0, 1, 2, 3]
    assert ann["early_second_half_share"] == pytest.approx(1 / 3)
    assert ann["onboarding_steps_done"] == 2 and ann["onboarding_stalled_days"] == 30 - 12
    assert ann["days_to_first_friction"] == 20 and ann["days_to_first_contact"] == 21
    assert ann["onboarding_contact_events"] == 1 and ann["onboarding_friction_events"] == 1
    assert ann["self_served"] == 0


def test_the_day_of_sign_up_is_day_0(features_of, event):
    ann = features_of([event("activity", 40)], tenure_days=40)
    assert ann["days_to_first_engagement"] == 0 and ann["engagement_first_1d"] == 1


def test_a_young_customer_has_only_complete_windows(features_of, event):
    events = [event("activity", age) for age in (1, 5, 9)]
    ann = features_of([*events, event("onboarding_step", 6), event("contact", 500, "bob")], tenure_days=10)
    assert ann["engagement_first_7d"] == 2
    assert ann[["engagement_first_14d", "early_second_half_share", "self_served"]].isna().all()
    assert ann["onboarding_steps_done"] == 1 and ann["onboarding_stalled_days"] == 6
    assert ann["onboarding_contact_events"] == 0


def test_without_a_known_sign_up_onboarding_is_missing(features_of, event):
    ann = features_of([event("activity", 5), event("onboarding_step", 6), event("contact", 4), event("error", 3)])
    kinds = ("activity", "onboarding_step", "contact", "error")
    early = computed(declare(Context(), Inventory({kind: frozenset() for kind in kinds}), ("onboarding",)).features)
    assert ann[[feature.name for feature in early]].isna().all()


def test_a_customer_without_any_history(history, event):
    events = [event("activity", 4, channel="web"), *case(event, "a", 5 * DAY, responded=DAY, resolved=HOUR)]
    data = history(events, {"ann": 50, "zoe": 50})
    features = declare(Context(), inventory(data.events)).features
    zoe = data.matrix().loc["zoe"]
    for feature in features:
        if feature.grain not in ("row", "fitted"):
            assert zoe[feature.name] == feature.empty or (feature.empty is None and math.isnan(zoe[feature.name]))
    assert zoe["engagement_30d"] == 0 and zoe["open_cases"] == 0 and zoe["tenure_days"] == 50


def test_one_row_per_spine_row_in_float64_and_in_order(history, event):
    data = history([event("activity", 4), event("activity", 4, "stranger")], {"ann": 5, "bob": None})
    features = computed(declare(Context(), inventory(data.events)).features)
    table = build(data.spine, data.events, features, Context())
    assert table.columns == ("customer_id", *(feature.name for feature in features))
    frame = table.to_pandas()
    assert sorted(frame["customer_id"]) == ["ann", "bob"]
    assert set(frame.dtypes.iloc[1:].astype(str)) == {"float64"}


def test_some_features_alone_equal_the_same_among_all(history, event):
    data = history([event("activity", age, channel="web") for age in (2, 5, 90)], {"ann": 100})
    features = computed(declare(Context(), inventory(data.events)).features)
    everything = data.matrix().loc["ann"]
    for feature in features:
        alone = build(data.spine, data.events, [feature], Context()).to_pandas().iloc[0]
        assert alone[feature.name] == everything[feature.name] or math.isnan(alone[feature.name])
