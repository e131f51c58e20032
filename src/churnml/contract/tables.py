"""The columns of the two canonical tables, the kinds of event, and how their times are compared with a moment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

import ibis

KINDS = frozenset(
    {
        *(
            "activity",
            "purchase",
            "return",
            "payment_failed",
            "error",
            "help_viewed",
            "contact",
            "contact_abandoned",
            "complaint",
        ),
        *(
            "case_opened",
            "case_responded",
            "case_resolved",
            "case_reopened",
            "case_escalated",
            "promise_made",
            "promise_kept",
        ),
        *("survey_sent", "survey_answered", "review", "message_private", "mention", "referral", "data_request"),
        *(
            "outreach_sent",
            "outreach_opened",
            "outreach_clicked",
            "unsubscribed",
            "onboarding_step",
            "plan_changed",
            "price_changed",
        ),
        *(
            "basket_abandoned",
            "cancel_requested",
            "closed",
            "treatment",
            "treatment_withheld",
            "consent_changed",
            "attribute_changed",
        ),
    }
)
"""The kinds of event every configuration may use; `kinds:` declares more."""

CUSTOMERS: Mapping[str, str] = {
    "customer_id": "string",
    "group_id": "string",
    "signed_up_at": "timestamp",
    "ends_at": "timestamp",
    "ends_recorded_at": "timestamp",
}
"""Columns of `customers`, before the configured attributes."""

EVENTS: Mapping[str, str] = {
    "event_id": "string",
    "customer_id": "string",
    "occurred_at": "timestamp",
    "recorded_at": "timestamp",
    "kind": "string",
    "channel": "string",
    "direction": "string",
    "name": "string",
    "amount": "decimal(18, 4)",
    "quantity": "decimal(18, 4)",
    "duration_s": "int64",
    "wait_s": "int64",
    "rating": "decimal(9, 6)",
    "text": "string",
    "case_id": "string",
    "automated": "boolean",
    "scripted": "boolean",
    "agent_id": "string",
    "campaign_id": "string",
    "due_at": "timestamp",
}
"""Columns of `events`. Times are wall-clock times in the configured time zone; durations are whole seconds."""


def midnight(day: date | datetime) -> Any:
    """The start of a day (or a moment) as a literal to compare timestamps with."""
    moment = day if isinstance(day, datetime) else datetime.combine(day, time())
    return ibis.literal(moment.isoformat(sep=" ")).cast("timestamp")


PLAUSIBLE = (date(1970, 1, 1), date(2100, 1, 1))
"""Times before the first or from the second on are placeholders or mistakes."""


def known_ends(customers: Any, known_at: date | datetime) -> Any:
    """The agreed ends that were in the books before `known_at`; one without a clock of its own always was."""
    unknown = (customers.ends_recorded_at >= midnight(known_at)).fill_null(False)
    return unknown.ifelse(ibis.null("timestamp"), customers.ends_at)


def implausible(moment: Any) -> Any:
    """Whether a time column lies outside of `PLAUSIBLE`."""
    first, last = map(midnight, PLAUSIBLE)
    return (moment < first) | (moment >= last)
