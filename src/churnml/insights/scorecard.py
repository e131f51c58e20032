"""The ways in which a company drives people out: each as one measured figure, its trend, and its share of predicted
risk.

A figure is the mean of one feature over the customers. Its trend compares the customers of the last snapshots with
those of the ones before, as far as the books hold the whole of the days that the figure looks back on: in young books a
count of the last 365 days rises by itself. Its share is that of the features that belong to it in all of the model's
pushes (mean absolute contributions): how much the predicted risk moves with it, which is no proof that it drives
anybody out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from churnml.features.registry import safe
from churnml.insights.ledger import LATE, LONG_WAIT
from churnml.metrics.shares import Z, clustered_error, clustered_ratio

if TYPE_CHECKING:
    from churnml.insights.ledger import Ledger

NOT_MEASURABLE = "not measurable with your data, because"
FAILURES = "product failures"
RECENT_DAYS = 92
"""The last quarter is held against the one before."""


@dataclass(frozen=True)
class Way:
    """One way to drive people out: its name, the figure in words, and the features that tell of it, that one first."""

    name: str
    figure: str
    unit: str
    features: tuple[str, ...]


WAYS = (
    Way(
        "over-personalisation and over-contact",
        "messages sent to a customer in 7 days",
        "number",
        (
            "messages_sent_7d",
            "outreach_sent_events_30d",
            "messages_crowded_share_90d",
            "messages_per_active_day_90d",
            "messages_sent_365d",
            "messages_trend_30d",
            "marketing_per_service_message_365d",
            "opt_outs_365d",
            "opted_out",
            "unsubscribed_365d",
            "data_requests_365d",
            "outreach_sent_events_90d",
            "messages_unanswered_run",
        ),
    ),
    Way(
        "broken promises",
        "promises of the last year kept late or not at all, for each customer",
        "number",
        (
            "promises_kept_late_365d",
            "promises_in_time_share_365d",
            "promises_overdue",
            "promise_delay_mean_s_365d",
            "promise_delay_longest_s_365d",
            "promise_delay_last_s",
            "days_since_promise_kept_late",
        ),
    ),
    Way(
        "excessive automation",
        "contacts and replies handled by a machine",
        "share",
        ("automated_share_365d", "scripted_share_365d"),
    ),
    Way(
        "pressure at cancellation",
        "requests to cancel that had to be made again, for each customer in a year",
        "number",
        ("cancel_asked_again_365d", "cancel_abandoned", "cancel_requests_365d"),
    ),
    Way(
        "inconsistent channels",
        "difference of the wait between a customer's slowest and fastest channel",
        "seconds",
        (
            "wait_inconsistency_s_365d",
            "rating_inconsistency_365d",
            "resolution_inconsistency_365d",
            "outreach_off_preferred_share_90d",
        ),
    ),
    Way(
        "staff turnover",
        "contacts and replies by somebody the customer had not met before",
        "share",
        ("agent_turnover_365d", "agents_seen_365d", "transfers_365d"),
    ),
    Way(
        "unanswered feedback",
        "feedback of the last year that no person replied to",
        "share",
        (
            "unanswered_feedback_share_365d",
            "unanswered_feedback_365d",
            "unanswered_feedback_90d",
            "unanswered_cases",
            "friction_without_contact_90d",
            "friction_silence_share_365d",
        ),
    ),
    Way(
        FAILURES,
        "annoyances (errors, failed payments and the like) that a customer met in 90 days",
        "number",
        (
            "friction_events_90d",
            "friction_events_30d",
            "days_since_friction",
            "errors_per_active_day_90d",
            "errors_trend_30d",
            "payments_failed_share_365d",
            "payments_failed_run",
            "returns_per_purchase_365d",
            "returned_amount_ratio_365d",
            "baskets_abandoned_after_trouble_90d",
            "error_events_30d",
            "error_events_90d",
            "days_since_error",
            "payment_failed_events_90d",
            "return_events_90d",
        ),
    ),
    Way(
        "trust in one metric",
        "surveys of the last year that nobody answered",
        "share",
        ("surveys_answered_share_365d", "surveys_ignored_365d", "surveys_unanswered_run", "stopped_answering_surveys"),
    ),
)
"""The nine ways, in the order in which they are told."""

FIGURES = tuple(way.features[0] for way in WAYS)
_TURNED = {"surveys_answered_share_365d"}
"""Shares whose opposite is the figure."""

COLUMNS = ["way", "figure", "unit", "value", "low", "high", "change", "change_low", "change_high", "risk_share", "why"]


@dataclass(frozen=True)
class Scorecard:
    """One row per way: way, figure (in words), unit, value (low, high; at the last snapshot), change (against the
    quarter before the last one; change_low, change_high; NaN where the books are too young to compare), risk_share (of
    the model's pushes; NaN without a model) and why (what is missing; empty where it is measured). `trend` has way,
    as_of, value: the figure at each snapshot that can be compared.
    """

    table: pd.DataFrame
    trend: pd.DataFrame

    def frame(self) -> pd.DataFrame:
        """The scorecard."""
        return self.table


def scorecard(ledger: Ledger, drivers: pd.DataFrame | None = None, first_day: date | None = None) -> Scorecard:
    """Measure the nine ways; `drivers` (feature, share) come from the model, if there is one.

    The books begin on `first_day`; without it they are taken to reach back far enough.
    """
    both = ledger.everything
    rows, trends = [], []
    for way in WAYS:
        name = way.features[0]
        risk = _risk(way, drivers, ledger)
        why = ledger.lacks(name) or ("" if both[name].notna().any() else f"{name} is not known of any customer")
        if why:
            rows.append((way.name, way.figure, way.unit, *[float("nan")] * 6, risk, f"{NOT_MEASURABLE} {_ended(why)}"))
            continue
        known = both.loc[both[name].notna(), ["group_id", "as_of", name]]
        value = 1 - known[name] if name in _TURNED else known[name]
        known = known.assign(value=value.astype(float))
        last = known[known["as_of"] == known["as_of"].max()]
        mean = clustered_ratio(last["value"], np.ones(len(last)), last["group_id"])
        whole = known if first_day is None else known[known["as_of"] >= _since(name, first_day)]
        trends.append(whole.groupby("as_of", as_index=False)["value"].mean().assign(way=way.name))
        rows.append((way.name, way.figure, way.unit, mean.ratio, mean.low, mean.high, *_change(whole), risk, ""))
    trend = pd.concat(trends)[["way", "as_of", "value"]] if trends else pd.DataFrame(columns=["way", "as_of", "value"])
    return Scorecard(pd.DataFrame(rows, columns=COLUMNS), trend.reset_index(drop=True))


def _since(feature: str, first_day: date) -> pd.Timestamp:
    """The first snapshot at which the books hold all the days that a feature looks back on.

    >>> _since("friction_events_90d", date(2024, 1, 1))
    Timestamp('2024-03-31 00:00:00')
    """
    days = re.search(r"_(\d+)d$", feature)
    return pd.Timestamp(first_day) + pd.Timedelta(days=int(days[1]) if days else 0)


def _change(known: pd.DataFrame) -> tuple[float, float, float]:
    """The mean of the last quarter's rows less that of the quarter before; a group in both does not count twice."""
    if known.empty:
        return float("nan"), float("nan"), float("nan")
    age = (known["as_of"].max() - known["as_of"]).dt.days
    recent, before = (age < RECENT_DAYS).to_numpy(), ((age >= RECENT_DAYS) & (age < 2 * RECENT_DAYS)).to_numpy()
    if not before.any():
        return float("nan"), float("nan"), float("nan")
    value = known["value"].to_numpy()
    means = value[recent].mean(), value[before].mean()
    influence = recent * (value - means[0]) / recent.sum() - before * (value - means[1]) / before.sum()
    spread = Z * clustered_error(influence, known["group_id"])
    change = float(means[0] - means[1])
    return change, change - spread, change + spread


def _risk(way: Way, drivers: pd.DataFrame | None, ledger: Ledger) -> float:
    """The share of the way's features in all pushes; what counts a configured friction is one of the failures."""
    if drivers is None:
        return float("nan")
    mine = drivers["feature"].isin(way.features)
    if way.name == FAILURES:
        kinds = "|".join(re.escape(safe(name)) for name in ledger.frictions if name not in (LATE, LONG_WAIT))
        mine |= drivers["feature"].str.fullmatch(rf"(?:days_since_)?(?:{kinds})(?:_events_\d+d)?") & bool(kinds)
    return float(drivers.loc[mine, "share"].sum())


def _ended(why: str) -> str:
    """The reason as it goes on in a sentence: what a feature needs, the figure needs."""
    return f"it {why}" if why.startswith("needs ") else why
