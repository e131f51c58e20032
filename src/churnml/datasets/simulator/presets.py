"""The simulated companies: every number behind each of them, frozen under a version.

Models are compared on the presets, so a preset is never adjusted to make one look good: a change of any number, or of
the recipe that uses them, is a new `version` of the presets (the tests hold the digests of both).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from churnml.errors import ConfigError

VERSION = 1
"""The version of the presets and of the recipe. The same version, seed and numbers give the same tables."""


@dataclass(frozen=True, kw_only=True)
class Shocks:
    """How much each thing lowers a customer's satisfaction; `good_service` raises it."""

    error: float = 0.10
    outage: float = 0.20
    returned: float = 0.18
    late: float = 0.38
    late_per_day: float = 0.035
    long_wait: float = 0.35
    abandoned: float = 0.25
    slow_answer: float = 0.30
    scripted: float = 0.24
    automated: float = 0.14
    unsolved: float = 0.65
    reopened: float = 0.22
    payment_failed: float = 0.30
    price_rise: float = 0.38
    over_contact: float = 0.05
    stalled: float = 0.45
    good_service: float = 0.35


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One simulated company. Rates are per customer and day; days are counted from the simulation's start.

    `docs/simulator.md` gives the equations in which these numbers stand.
    """

    name: Literal["telecom", "shop", "software"]

    # leaving
    silent_share: float = 0.96
    """Of the customers who leave unhappy, the share that never complains."""
    speaker_ratio: float = 1.0
    """How often those who would speak up leave, over those who would not: measured, it makes `silent_share` exact."""
    unhappy_hazard: float
    """Hazard of leaving unhappy, at satisfaction 0."""
    hazard_slope: float = 2.2
    """By how much the log of that hazard rises when satisfaction falls by 1."""
    early_factor: float = 1.5
    """Hazard of leaving unhappy in the first 90 days, over later."""
    renewal_days: int = 0
    """Days between renewals; the hazard is higher in the week before one. 0: none."""
    renewal_factor: float = 1.0
    """Hazard in the week before a renewal, over its mean."""
    own_hazard: float
    """Hazard of leaving for reasons of one's own (moved away, need ended)."""
    own_announced: float
    """Share of those who tell the company so, by asking to cancel."""
    closes: float
    """Share of the silent leavers whose account is closed; the others only stay away."""
    closes_after: float = 12.0
    """Median days between the last use and that closure."""
    fading: float = 18.0
    """Median days in which the use of a silent leaver runs out, from the decision to the last use."""
    vocal_patience: float = 16.0
    """Median days between the first complaint of a vocal leaver and the request to cancel."""

    # satisfaction
    level_sd: float = 0.30
    """Spread of the level to which satisfaction returns."""
    drift_sd: float = 0.020
    """Daily drift of satisfaction, its standard deviation."""
    forgetting: float = 0.014
    """Share of what was felt that is forgotten each day."""
    engagement_days: float = 12.0
    """How long use takes to follow satisfaction."""
    shocks: Shocks = Shocks()

    # use
    sessions_per_day: float
    """Median of the sessions a day."""
    sessions_spread: float = 0.6
    """Spread of the customers' sessions a day (log scale)."""
    weekend: float = 1.0
    """Sessions on a day of the weekend, over those on a weekday."""
    season: float = 0.1
    """Yearly swing of use, a cosine with its top at the turn of the year."""
    peak: float = 0.0
    """Extra use at the height of the December peak; 0: none."""
    session_s: float
    """Median length of a session, in seconds."""
    error_rate: float
    """Errors per session."""
    outage_rate: float = 0.010
    """Chance of an outage for a region and day."""
    offline_share: float = 0.03
    """Sessions in the app that reach the company days later."""

    # buying
    bills_every: int = 30
    """Days between bills; 0: customers order when they like."""
    orders_per_session: float = 0.0
    """Orders per session, where there are no bills."""
    prices: tuple[int, int, int]
    """Monthly prices of the plans, or median orders, in cents."""
    price_rise: float = 0.07
    """Yearly rise for each plan, in months of its own; 0: none."""
    payment_failures: float = 0.018
    """Payments that fail."""
    late_share: float
    """Promised dates that are missed."""
    returned_share: float = 0.0
    """Orders sent back."""

    # contact, voice and word of mouth
    dark_matter: float = 0.30
    """Customers who never contact service."""
    questions: float
    """Ordinary questions to support."""
    contact_given_trouble: float = 0.22
    """Mean chance that trouble leads to a contact, of customers who contact service at all."""
    complaint_given_trouble: float = 0.25
    """Mean chance that trouble leads to a complaint, of customers who speak up at all."""
    recovered: float = 0.45
    """Complaints handled so well that the hazard halves; the others raise it, so that the mean is unchanged."""
    recovered_ratio: float = 0.5
    """Hazard after such a complaint, over before."""
    posts: float = 0.004
    """Reviews, private messages and mentions, for the mean customer in a strong mood."""
    referrals: float = 0.0006
    """Referrals, at satisfaction 0."""
    data_requests: float = 0.00004
    """Requests for one's data, at satisfaction 0."""

    # what the company does
    campaigns_a_week: int = 2
    """Campaigns a week; each reaches a part of those who accept advertising."""
    launch_day: int = 280
    """The day on which a new support channel opens."""
    adopters: float = 0.35
    """Customers who take up the new channel."""
    displaced: float = 0.7
    """Contacts of adopters that move to the new channel."""
    revealed: float = 0.5
    """Adopters among those who never contacted service: their contacts, over those of others."""
    treatments_from: int = 112
    """The first day of the retention programme; it comes back every 28 days."""
    treated_share: float = 0.10
    """Active customers drawn for it each time; half of them are the control group and are left alone."""
    treatment_days: int = 60
    """How long a treatment has an effect."""
    regime_change: bool = False
    """After the launch, people leave for other reasons than before (a trap: see `traps`)."""

    def digest(self) -> str:
        """SHA-256 of the version and every number."""
        numbers = json.dumps({"version": VERSION, **asdict(self)}, sort_keys=True)
        return hashlib.sha256(numbers.encode()).hexdigest()


TELECOM = Preset(
    name="telecom",
    speaker_ratio=1.162,
    unhappy_hazard=0.00015,
    hazard_slope=2.8,
    own_hazard=0.00016,
    own_announced=0.5,
    closes=0.80,
    sessions_per_day=0.5,
    session_s=260,
    error_rate=0.03,
    prices=(1490, 2490, 3990),
    late_share=0.22,
    questions=0.0035,
)
"""A mobile and internet subscription: monthly bills, closures, a router or a SIM card delivered now and then."""

SHOP = Preset(
    name="shop",
    speaker_ratio=1.094,
    unhappy_hazard=0.0005,
    own_hazard=0.0003,
    own_announced=0.05,
    closes=0.02,
    closes_after=20.0,
    sessions_per_day=0.16,
    sessions_spread=0.7,
    weekend=1.3,
    season=0.08,
    peak=1.2,
    session_s=340,
    error_rate=0.03,
    outage_rate=0.004,
    bills_every=0,
    orders_per_session=0.20,
    prices=(3400, 4900, 7800),
    price_rise=0.0,
    late_share=0.12,
    returned_share=0.12,
    questions=0.0016,
    dark_matter=0.45,
    posts=0.006,
)
"""An online shop without contracts: customers order, send back, and one day stay away."""

SOFTWARE = Preset(
    name="software",
    speaker_ratio=1.183,
    unhappy_hazard=0.00018,
    hazard_slope=3.2,
    renewal_days=30,
    renewal_factor=2.6,
    own_hazard=0.00022,
    own_announced=0.35,
    closes=0.93,
    closes_after=7.0,
    sessions_per_day=0.9,
    sessions_spread=0.7,
    weekend=0.15,
    season=-0.06,
    session_s=1500,
    error_rate=0.035,
    outage_rate=0.006,
    prices=(2900, 7900, 19900),
    late_share=0.25,
    questions=0.0045,
    dark_matter=0.35,
    posts=0.002,
    campaigns_a_week=1,
)
"""A business software subscription: used on working days, renewed each month, cancelled with a click."""

PRESETS = {preset.name: preset for preset in (TELECOM, SHOP, SOFTWARE)}
"""The presets by name."""


def preset(name: str, **changes: Any) -> Preset:
    """A preset by name, some of its numbers changed.

    >>> preset("shop", silent_share=0.9).silent_share
    0.9

    Raises
    ------
    ConfigError
        There is no such preset, or a number is out of range.
    """
    if name not in PRESETS:
        raise ConfigError(f"preset: {name!r} is not one of {', '.join(PRESETS)}")
    changed = replace(PRESETS[name], **changes)
    shares = ("own_announced", "closes", "late_share", "dark_matter", "recovered", "treated_share")
    problems = [
        f"{share}: {getattr(changed, share)} given, a share between 0 and 1 is needed"
        for share in shares
        if not 0 <= getattr(changed, share) <= 1
    ]
    if not 0 < changed.silent_share < 1:
        problems.append(f"silent_share: {changed.silent_share} given, a share between 0 and 1 is needed")
    if problems:
        raise ConfigError(problems)
    return changed
