"""The columns of the two canonical tables, and the kinds of event."""

from __future__ import annotations

from collections.abc import Mapping

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
