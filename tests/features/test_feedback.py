from __future__ import annotations

import math

import pytest

from churnml.features.registry import Context


@pytest.fixture
def feedback_of(features_of):
    return lambda events, **options: features_of(events, families=("feedback",), **options)


def surveys(event, **ages):
    """Surveys sent, and answered the day after, by the days before the snapshot."""
    sent = [event("survey_sent", age) for age in ages.get("sent", ())]
    return [*sent, *(event("survey_answered", age - 1) for age in ages.get("answered", ()))]


def test_surveys_answered_and_ignored(feedback_of, event):
    ann = feedback_of(surveys(event, sent=(340, 250, 160, 70, 10), answered=(340, 250)))
    assert ann["surveys_sent_365d"] == 5 and ann["surveys_answered_share_365d"] == 2 / 5
    assert ann["surveys_ignored_365d"] == 2, "there is still time to answer the last one"
    assert ann["surveys_unanswered_run"] == 2 and ann["stopped_answering_surveys"] == 1


def test_who_answers_or_never_has_has_not_stopped(history, event):
    events = [
        *surveys(event, sent=(160, 70), answered=(70,)),
        *({**row, "customer_id": "bob"} for row in surveys(event, sent=(160, 70))),
        *({**row, "customer_id": "cat"} for row in surveys(event, sent=(160, 12), answered=(160,))),
        event("activity", 3, "dan"),
    ]
    matrix = history(events, dict.fromkeys(("ann", "bob", "cat", "dan"))).matrix(families=("feedback",))
    assert matrix["surveys_unanswered_run"].to_dict() == {"ann": 0, "bob": 2, "cat": 0, "dan": 0}
    stopped = matrix["stopped_answering_surveys"]
    assert stopped[["ann", "bob", "cat"]].eq(0).all() and math.isnan(stopped["dan"])


def test_ratings_last_and_trend(feedback_of, event):
    ann = feedback_of(
        [
            event("survey_answered", 200, rating=0.9),
            event("contact", 100, rating=0.7),
            event("review", 30, rating=0.5),
            event("survey_answered", 20, rating=0.1),
            event("purchase", 5),
            event("survey_answered", 400, rating=0.0),
        ]
    )
    assert ann["rating_last"] == pytest.approx(0.1) and ann["days_since_rating"] == 20
    assert ann["rating_mean_365d"] == pytest.approx(0.55) and ann["rating_lowest_365d"] == pytest.approx(0.1)
    assert ann["rating_change_last"] == pytest.approx(0.1 - (0.9 + 0.7 + 0.5 + 0.0) / 4)
    assert ann["rating_change_90d"] == pytest.approx(0.3 - 0.8)
    assert ann["review_rating_mean_365d"] == pytest.approx(0.5)


def test_two_ratings_at_once_are_averaged_and_one_has_no_trend(feedback_of, event):
    ann = feedback_of([event("survey_answered", 20, rating=0.2), event("review", 20, rating=0.4)])
    assert ann["rating_last"] == pytest.approx(0.3)
    assert math.isnan(ann["rating_change_last"])


def test_what_is_said_elsewhere(feedback_of, event):
    events = [
        event("review", 10, channel="review_site"),
        event("review", 366, channel="review_site"),
        event("mention", 20, channel="social"),
        event("mention", 19, channel="social", direction="outbound"),
        event("message_private", 30, channel="chat"),
        event("referral", 40),
    ]
    ann = feedback_of(events, context=Context(dark_channels=("review_site", "social")))
    names = ("reviews_365d", "mentions_365d", "private_messages_365d", "referrals_365d")
    assert [ann[name] for name in names] == [1, 1, 1, 1]
    assert ann["said_elsewhere_365d"] == 2
