from __future__ import annotations

import math

import pytest

DAY = 86400


@pytest.fixture
def outreach_of(features_of):
    return lambda events: features_of(events, families=("outreach",))


def message(event, age_days, campaign, *answers, name="offer"):
    """A message, and the answers that came a minute later, in order."""
    sent_s = age_days * DAY - 100
    sent = event("outreach_sent", age_days, age_s=sent_s, campaign_id=campaign, name=name, direction="outbound")
    return [sent] + [
        event(f"outreach_{answer}", age_days, age_s=sent_s - 60 * number, campaign_id=campaign)
        for number, answer in enumerate(answers, start=1)
    ]


def test_messages_answered_clicked_and_left(outreach_of, event):
    ann = outreach_of(
        [
            *message(event, 200, "a", "opened"),
            *message(event, 150, "b", "opened", "opened", "clicked"),
            *message(event, 60, "c", "opened", "clicked"),
            *message(event, 30, "d"),
            *message(event, 6, "e"),
            *message(event, 5, "f"),
        ]
    )
    assert ann["messages_answered_share_90d"] == 1 / 4 and ann["messages_answered_share_365d"] == 3 / 6
    assert ann["messages_clicked_share_90d"] == 1 / 4 and ann["messages_clicked_share_365d"] == 2 / 6
    assert ann["messages_answered_trend_90d"] == (1 / 4) / 1
    assert ann["messages_unanswered_run"] == 3
    assert ann["days_since_message_answered"] == 60
    assert ann["messages_sent_7d"] == 2 and ann["messages_sent_365d"] == 6
    assert ann["messages_crowded_share_90d"] == 1 / 4
    assert ann["messages_trend_30d"] == pytest.approx((3 / 30) / (2 / 150))


def test_an_answer_belongs_to_the_latest_message_of_its_campaign(outreach_of, event):
    first, second = message(event, 40, "a"), message(event, 20, "a", "clicked")
    other = event("outreach_opened", 10, campaign_id="b")
    ann = outreach_of([*first, *second, other])
    assert ann["messages_answered_share_90d"] == ann["messages_clicked_share_90d"] == 1 / 2
    assert ann["messages_unanswered_run"] == 0
    assert ann["days_since_message_answered"] == 10


def test_never_answered(outreach_of, history, event):
    events = [*message(event, 40, "a"), *message(event, 20, "b"), event("outreach_opened", 3, "bob", campaign_id="a")]
    ann = history(events, {"ann": None, "zoe": None}).matrix(families=("outreach",)).loc["ann"]
    assert ann["messages_unanswered_run"] == 2 and ann["messages_answered_share_90d"] == 0
    assert math.isnan(ann["days_since_message_answered"])


def test_messages_for_each_active_day(outreach_of, event):
    active = [event("activity", age) for age in (3, 3, 50, 100)]
    ann = outreach_of([*active, *message(event, 40, "a"), *message(event, 20, "b"), *message(event, 10, "c")])
    assert ann["messages_per_active_day_90d"] == 3 / 2


def test_marketing_for_each_service_message(outreach_of, event):
    marketing = [part for age in (10, 20, 30, 40) for part in message(event, age, str(age))]
    assert outreach_of(marketing)["marketing_per_service_message_365d"] == 4
    service = [
        *message(event, 50, "s", name="Service notice"),
        event("case_responded", 60),
        event("contact", 70, direction="outbound"),
        event("contact", 80, direction="inbound"),
        event("case_responded", 366),
    ]
    assert outreach_of(marketing + service)["marketing_per_service_message_365d"] == pytest.approx(4 / 3)


def test_opting_out_and_in_again(outreach_of, event):
    out = [event("unsubscribed", 300), event("consent_changed", 100, name="withdrawn"), event("data_request", 90)]
    ann = outreach_of(out)
    assert ann["opted_out"] == 1 and ann["opt_outs_365d"] == 2 and ann["unsubscribed_365d"] == 1
    assert ann["data_requests_365d"] == 1
    again = outreach_of([*out, event("consent_changed", 50, name="Given")])
    assert again["opted_out"] == 0 and again["opt_outs_365d"] == 2
    assert outreach_of([event("consent_changed", 50, name="given")])["opted_out"] == 0


def test_the_answer_counts_only_once_it_is_there(outreach_of, event):
    """A message is seen as it stands: what is opened later was unanswered until then."""
    sent, opened = message(event, 20, "a", "opened")
    open_elsewhere = event("outreach_opened", 300, campaign_id="z")
    assert outreach_of([sent, open_elsewhere])["messages_answered_share_90d"] == 0
    assert outreach_of([sent, opened, open_elsewhere])["messages_answered_share_90d"] == 1
