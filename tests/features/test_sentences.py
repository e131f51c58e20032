from __future__ import annotations

import re

import pytest

from churnml.explanation.sides import SIGNS
from churnml.features.checks import faults
from churnml.features.registry import FAMILIES, THEMES, Context, FeatureCard, Inventory, declare
from churnml.features.sentences import KIND_WORDS

COLUMNS = frozenset(
    {
        *("channel", "direction", "name", "amount", "quantity", "duration_s", "wait_s", "text", "case_id"),
        *("automated", "scripted", "agent_id", "rating", "campaign_id", "due_at"),
    }
)
EVERY_KIND = {*KIND_WORDS, "purchase", "return", "error", "complaint", "review", "referral", "closed", "loan_requested"}
EVERYTHING = Inventory(dict.fromkeys(sorted(EVERY_KIND), COLUMNS), ("web", "chat [beta] {value}"))
CONTEXT = Context(digital_channels=("web",), dark_channels=("forum",), own_kinds=("loan_requested",))
DECLARED = declare(CONTEXT, EVERYTHING)
CARD = {"name": "x", "doc": "Days since the last visit.", "theme": "going quiet", "family": "recency"}


def card(unit: str = "days", **texts: str) -> FeatureCard:
    return FeatureCard(unit=unit, **CARD, **texts)


def test_everything_is_on_when_the_data_has_everything():
    assert not DECLARED.switched_off
    assert {feature.family for feature in DECLARED.features} == set(FAMILIES)


@pytest.mark.parametrize("feature", DECLARED.features, ids=lambda feature: feature.name)
def test_every_feature_says_what_it_is_and_what_was_seen(feature):
    assert re.fullmatch(r"[a-z][a-z0-9_]*", feature.name)
    assert faults(feature) == []
    assert feature.doc.endswith(".") and (feature.doc[0].isupper() or feature.doc[0].isdigit())
    assert feature.unit
    assert THEMES.count(feature.theme) == 1
    for value in (0.0, 1.0, 0.37, 2.0, 12.6, 86400.0, float("nan"), None):
        for usual in (None, float("nan"), 0.0, 1.0, 30.5):
            sentence = feature.say(value, usual)
            assert not re.search(r"[\[\]{}]|\bnan\b|None|  |_", sentence), sentence
            assert not re.search(r"\b1 \w+s\b", sentence), sentence
            assert ("typical" in sentence) <= (usual is not None and usual == usual)


def test_a_card_survives_json_and_speaks():
    feature = DECLARED.features[0]
    assert FeatureCard(**feature.card()).say(3, 2) == feature.say(3, 2)


def test_a_card_written_before_it_told_the_worse_side_is_read():
    late = next(feature for feature in DECLARED.features if feature.name == "promises_overdue")
    written = {name: value for name, value in late.card().items() if name != "worse"}
    assert FeatureCard(**late.card()).worse == "higher" and FeatureCard(**written).worse is None


NEITHER = re.compile(
    r"days_since_first_engagement|tenure_days|closures|days_since_closure"  # how long they have been customers
    r"|(mean_)?amount_\w+|plan_\w+"  # what they have and pay
    r"|(days_since_)?(treatment|plan_changed|onboarding_step|consent_changed)(_events_\d+d)?"
    r"|(days_since_)?(promise_made|promise_kept|case_resolved|case_responded)(_events_\d+d)?"  # what the company did
    r"|contacts_\d+d|cases_365d|(days_since_)?(contact|case_opened)(_events_\d+d)?|days_since_service"  # asked
    r"|voice_text_length_365d"
)
"""The features of which neither side says that the customer met what the theme is called by."""


@pytest.mark.parametrize("feature", DECLARED.features, ids=lambda feature: feature.name)
def test_every_feature_of_a_reason_says_which_side_is_worse_or_is_known_to_say_neither(feature):
    if feature.theme not in SIGNS:
        assert bool(NEITHER.fullmatch(feature.name)) == (feature.worse is None)


def test_the_worse_side_is_that_of_the_quantity():
    worse = {feature.name: feature.worse for feature in DECLARED.features if feature.theme not in SIGNS}
    share_of_good = {
        "promises_in_time_share_365d",
        "complaint_sentiment_365d",
        "complaint_sentiment_last",
        "self_served",
    }
    pace = ("engagement_first_", "onboarding_steps_done", "early_second_half_share")
    for name, side in worse.items():
        if side is not None:
            low = name.startswith(
                ("days_since_", "days_to_first_contact", "days_to_first_friction", "days_to_end", *pace)
            )
            assert side == ("lower" if low or name in share_of_good else "higher"), name
    assert worse["days_to_first_engagement_in_cohort"] == "higher"
    assert worse["engagement_first_7d_in_cohort"] == "lower"


def test_singular_and_plural():
    visits = card("events", sentence="{value:count visit} in a week[; typical is {usual}]")
    assert visits.say(1) == "1 visit in a week"
    assert visits.say(2, 5) == "2 visits in a week; typical is 5"
    assert visits.say(0) == "No visits in a week"


def test_a_low_value_has_its_own_sentence():
    since = card(sentence="No visit for {value}[; typical is {usual}]", sentence_low="Last visit {value} ago")
    assert since.say(12, 5) == "No visit for 12 days; typical is 5 days"
    assert since.say(1, 5) == "Last visit 1 day ago"
    assert since.say(1) == "No visit for 1 day"
    share = card("share", sentence="{value} without a reply", sentence_low="Only {value} without a reply")
    assert share.say(0.2, 0.5) == "Only 20% without a reply"
    assert share.say(0.9, float("nan")) == "90% without a reply"  # most have none: nobody knows that this is low


def test_a_flag_speaks_by_its_value_whatever_is_usual():
    seen = next(feature for feature in DECLARED.features if feature.name == "dark_matter")
    assert seen.say(1, 1) == seen.say(1, 0) == "Service has not heard from this customer, as far as the books go back"
    assert seen.say(0, 0) == seen.say(0) == "Service has heard from this customer before"


def test_a_missing_value_is_said_to_be_missing():
    assert card(sentence="{value}").say(None) == "Nothing on record yet for: days since the last visit."
    assert card(sentence="{value}", sentence_empty="No visit so far").say(float("nan")) == "No visit so far"


def test_real_sentences():
    by_name = {feature.name: feature for feature in DECLARED.features}
    assert by_name["days_since_case_opened"].say(40, 21) == "No support case for 40 days; typical is 21 days"
    assert by_name["days_since_case_opened"].say(40, float("nan")) == "Last support case 40 days ago"  # most had none
    assert by_name["loan_requested_events_30d"].say(1, 0) == "1 loan requested in the last 30 days; typical is 0"
    assert (
        by_name["first_response_last_s"].say(10800) == "Waited 3 hours for the first reply of the latest support case"
    )
    assert by_name["overdue_ratio"].say(3.14, 1) == "Silent for 3.1 times as long as is usual for this customer"


def test_what_counts_is_named_and_not_called_an_event():
    by_name = {feature.name: feature for feature in DECLARED.features}
    early = by_name["engagement_first_7d"]
    assert not any("event" in by_name[name].say(2, 5) for name in ("engagement_30d", "engagement_first_7d"))
    assert early.say(1, 20).startswith("1 ") and early.say(1, 20).endswith("days after sign-up; typical is 20")
    place = by_name["engagement_first_7d_in_cohort"]
    assert place.say(0.05, 0.5).endswith(
        "in the first 7 days after sign-up than for only 5% of those who signed up in the same month"
    )
    assert place.say(0.8, 0.5).startswith("More ") and " only " not in place.say(0.8, 0.5)


def test_counts_have_no_colon_and_large_amounts_no_cents():
    by_name = {feature.name: feature for feature in DECLARED.features}
    assert by_name["messages_unanswered_run"].say(13, 3) == (
        "13 messages in a row neither opened nor clicked; typical is 3"
    )
    assert by_name["surveys_unanswered_run"].say(1, 0) == "1 survey in a row left unanswered; typical is 0"
    spent = card(unit="amount", sentence="Spent {value}[; typical is {usual}]")
    assert spent.say(358.56, 836.36, currency="GBP") == "Spent £359; typical is £836"


def test_a_price_is_said_to_be_dearer_or_cheaper():
    by_name = {feature.name: feature for feature in DECLARED.features}
    assert by_name["price_step_last"].say(0.56, 1.07) == "The last change of price: 44% cheaper; typical is 7% dearer"


def test_a_chance_that_is_hardly_there_is_not_called_none():
    chance = card(unit="share", sentence="A chance of {value}[; typical is {usual}]")
    assert chance.say(0.0002, 0.91) == "A chance of under 0.1%; typical is 91%"
    assert chance.say(0.0, 0.91) == "A chance of 0%; typical is 91%"
