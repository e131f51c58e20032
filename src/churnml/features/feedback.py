"""Feedback: what customers say when they are asked, what they say elsewhere, and when they stop saying it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import ibis

from churnml.features.expressions import between, count, flag, inbound, mean, of, ratio, rows_of, within
from churnml.features.registry import Context, Feature, Inventory, Needs
from churnml.features.sentences import YES_OR_NO, noun, plural

YEAR = 365
GRACE_DAYS = 14
"""A survey counts as left unanswered once it is older than so many days."""

SURVEYS = Needs(every_kind=("survey_sent", "survey_answered"))

unheard = partial(Feature, family="feedback", theme="unheard feedback")
survey = partial(unheard, grain="asked", needs=SURVEYS)
rating = partial(unheard, grain="rated", needs=Needs(columns=("rating",)))


def declare(context: Context, inventory: Inventory) -> Iterator[Feature]:
    """Declare the features of the family."""
    yield from _surveys()
    yield from _ratings()
    yield from _said(context)


def _sent(t: Any, *rows: Any) -> Any:
    return count(t, t.sent, t.survey, *rows)


def _waited(t: Any) -> Any:
    """Surveys without an answer since, though there was time for one."""
    return (t.age_s < t.last_answer_s).fill_null(True) & (t.age_days > GRACE_DAYS)


def _surveys() -> Iterator[Feature]:
    yield survey(
        name="surveys_sent_365d", unit="surveys", needs=Needs(every_kind=("survey_sent",)), empty=0.0,
        doc="Surveys sent to the customer in the last 365 days.",
        sentence="{value:count survey} sent in the last 365 days[; typical is {usual}]",
        expression=lambda t: _sent(t, within(t, YEAR)),
    )  # fmt: skip
    yield survey(
        name="surveys_answered_share_365d", unit="share", worse="lower",
        doc="Share of the surveys sent in the last 365 days that the customer has answered.",
        sentence="Answered {value:share} of the surveys of the last 365 days[; typical is {usual:share}]",
        sentence_empty="No survey sent in the last 365 days",
        expression=lambda t: ratio(_sent(t, t.answered, within(t, YEAR)), _sent(t, within(t, YEAR))),
    )  # fmt: skip
    yield survey(
        name="surveys_ignored_365d", unit="surveys", empty=0.0, worse="higher",
        doc=f"Surveys of the last 365 days, the last {GRACE_DAYS} days aside, that the customer did not answer.",
        sentence="{value:count survey} of the last 365 days left unanswered[; typical is {usual}]",
        expression=lambda t: _sent(t, ~t.answered, between(t, GRACE_DAYS, YEAR)),
    )  # fmt: skip
    yield survey(
        name="surveys_unanswered_run", unit="surveys", empty=0.0, worse="higher",
        doc=f"Surveys in a row, up to {GRACE_DAYS} days ago, that the customer did not answer.",
        sentence="{value:count survey} in a row left unanswered[; typical is {usual}]",
        expression=lambda t: _sent(t, _waited(t)),
    )  # fmt: skip
    yield survey(
        name="stopped_answering_surveys", unit=YES_OR_NO, worse="higher",
        doc="1 for a customer who has answered a survey before and none of those sent since, "
        f"the last {GRACE_DAYS} days aside; else 0.",
        sentence="Used to answer surveys, and has left every one since unanswered",
        sentence_low="Has not stopped answering surveys",
        sentence_empty="No survey sent so far",
        expression=lambda t: (count(t, t.survey) > 0).ifelse(
            flag((count(t, t.survey, ~t.sent) > 0) & (_sent(t, _waited(t)) > 0)), ibis.null("float64")
        ),
    )  # fmt: skip


def _ratings() -> Iterator[Feature]:
    yield rating(
        name="rating_last", unit="share", worse="lower",
        doc="The rating that the customer gave last, from 0 to 1, on any occasion (the mean of several at once).",
        sentence="The last rating was {value:share} of the best possible[; typical is {usual:share}]",
        sentence_empty="No rating given so far",
        expression=lambda t: mean(t.rating, t.last),
    )  # fmt: skip
    yield rating(
        name="days_since_rating", unit="days",
        doc="Days since the customer last gave a rating.",
        sentence="Last rating given {value:days} ago[; typical is {usual:days}]",
        sentence_empty="No rating given so far",
        expression=lambda t: t.age_days.min(),
    )  # fmt: skip
    for name, what, expression in (
        ("mean", "Mean", lambda t: mean(t.rating, within(t, YEAR))),
        ("lowest", "Lowest", lambda t: t.rating.min(where=within(t, YEAR))),
    ):
        yield rating(
            name=f"rating_{name}_365d", unit="share", worse="lower",
            doc=f"{what} of the ratings that the customer gave in the last 365 days, from 0 to 1.",
            sentence=f"{what} rating of the last 365 days: {{value:share}} of the best possible"
            "[; typical is {usual:share}]",
            sentence_empty="No rating given in the last 365 days",
            expression=expression,
        )  # fmt: skip
    yield rating(
        name="rating_change_last", unit="score", worse="lower",
        doc="Trend of the ratings: the last one less the mean of those before it.",
        sentence="The last rating, of 100 points, against the customer's earlier mean: {value:points}"
        "[; typical is {usual:points}]",
        sentence_empty="Fewer than two ratings to compare",
        expression=lambda t: mean(t.rating, t.last) - mean(t.rating, ~t.last),
    )  # fmt: skip
    yield rating(
        name="rating_change_90d", unit="score", worse="lower",
        doc="Trend of the ratings: the mean of the last 90 days less that of the 275 days before.",
        sentence="Ratings of the last 90 days, of 100 points, against the customer's earlier ones: {value:points}"
        "[; typical is {usual:points}]",
        sentence_empty="No ratings to compare in the last 90 days and before",
        expression=lambda t: mean(t.rating, within(t, 90)) - mean(t.rating, between(t, 90, YEAR)),
    )  # fmt: skip


def _said(context: Context) -> Iterator[Feature]:
    for name, kind in (
        ("reviews", "review"), ("mentions", "mention"), ("private_messages", "message_private"),
        ("referrals", "referral"),
    ):  # fmt: skip
        yield unheard(
            name=f"{name}_365d", unit="times", grain=rows_of((kind,), context), needs=Needs((kind,)), empty=0.0,
            doc=f"Number of {plural(noun(kind))} by the customer in the last 365 days, wherever they were found.",
            sentence=f"{{value:count {noun(kind)}|{plural(noun(kind))}}} in the last 365 days[; typical is {{usual}}]",
            expression=lambda t, kind=kind: count(t, of(t, (kind,)), inbound(t), within(t, YEAR)),
        )  # fmt: skip
    yield unheard(
        name="review_rating_mean_365d", unit="share", grain="rated",
        needs=Needs(every_kind=("review",), columns=("rating",)),
        doc="Mean rating in the reviews that the customer wrote in the last 365 days, from 0 to 1.",
        sentence="Reviews of the last 365 days give {value:share} of the best possible rating"
        "[; typical is {usual:share}]",
        sentence_empty="No review with a rating in the last 365 days",
        expression=lambda t: mean(t.rating, of(t, ("review",)) & within(t, YEAR)),
    )  # fmt: skip
    elsewhere = ("review", "mention", "message_private")
    yield unheard(
        name="said_elsewhere_365d", unit="times", grain=rows_of(elsewhere, context), empty=0.0,
        needs=Needs(elsewhere, columns=("channel",), settings=("dark_channels",)),
        doc="Reviews, public mentions and private messages in the last 365 days on channels that the company does not "
        "monitor, such as third-party sites.",
        sentence="{value:count remark} in the last 365 days where the company does not listen[; typical is {usual}]",
        expression=lambda t: count(
            t, of(t, elsewhere), inbound(t), t.channel.isin(context.dark_channels).fill_null(False), within(t, YEAR)
        ),
    )  # fmt: skip
