"""What the report shows: plain values and frames, filled by the workflow, drawn by `render`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from churnml.explanation.shapes import PARTS, SHAPES
from churnml.explanation.stability import MOVES
from churnml.insights.silence_curve import EXPECTED
from churnml.insights.silent_share import SilentShare

if TYPE_CHECKING:
    from churnml.insights.findings import Insights
    from churnml.insights.quotes import Quotes
    from churnml.report.actions import Actions
    from churnml.report.campaigns import Campaigns
    from churnml.report.nights import Changes, Focus

_Z = 1.959963984540054


def empty(*columns: str) -> pd.DataFrame:
    """A frame without rows: what was not measured."""
    return pd.DataFrame(columns=list(columns))


@dataclass(frozen=True)
class Headline:
    """The answer: how many customers are expected to leave silently, and the value they take along.

    `low` and `high` bound the count that chance alone allows, were every probability right. `value_known` is the number
    of customers whose value is known; without any, `value_at_risk` and its bounds are None.
    """

    customers: int
    expected: float
    low: float
    high: float
    value_known: int
    value_at_risk: float | None = None
    value_low: float | None = None
    value_high: float | None = None


def headline(p_silent: ArrayLike, value: ArrayLike) -> Headline:
    """Add up calibrated probabilities of leaving silently, and the value they put at risk.

    The count of independent departures is Poisson-binomial: its mean is the sum of p, its variance the sum of
    p (1 - p). The 95% interval is the normal one, cut at zero and at everyone. `value` is nan where it is not known.

    >>> result = headline([0.5] * 100, [10.0] * 50 + [float("nan")] * 50)
    >>> result.expected, round(result.low, 1), round(result.high, 1), result.value_at_risk
    (50.0, 40.2, 59.8, 250.0)
    """
    p, v = np.asarray(p_silent, dtype=np.float64), np.asarray(value, dtype=np.float64)
    expected, sd = float(p.sum()), float(np.sqrt((p * (1 - p)).sum()))
    low, high = max(0.0, expected - _Z * sd), min(float(len(p)), expected + _Z * sd)
    known = ~np.isnan(v)
    if not known.any():
        return Headline(len(p), expected, low, high, 0)
    p, v = p[known], v[known]
    at_risk, spread = float((p * v).sum()), float(_Z * np.sqrt((p * (1 - p) * v**2).sum()))
    return Headline(
        len(known), expected, low, high, int(known.sum()), at_risk, max(0.0, at_risk - spread), at_risk + spread
    )


@dataclass(frozen=True)
class Trust:
    """What a reader needs to judge the figures by.

    `training_outcomes` counts rows by outcome. `switched_off`: feature, why. `excluded`: reason, customers (left out of
    this scoring). `repairs`: what was mended in the sources, table, column, name, count, advice. `fairness`: sentences.
    `base_rates_moved_by`: what was added to the logarithms of tonight's chances, by outcome, where they were corrected.
    """

    formulation: str
    fallback: str | None
    training_rows: int
    training_customers: int
    training_outcomes: dict[str, int]
    training_first: date
    training_last: date
    test_snapshots: tuple[date, ...]
    test_rows: int
    test_outcomes: dict[str, int]
    switched_off: pd.DataFrame
    excluded: pd.DataFrame
    repairs: pd.DataFrame
    fairness: tuple[str, ...] = ()
    base_rates_moved_by: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ReportData:
    """Everything on the page.

    Customer ids must already be pseudonyms, unless names were asked for. Every text is escaped when it is drawn.

    Attributes
    ----------
    project, as_of, lead_days, horizon_days, currency:
        From the configuration and the run. `currency` is an ISO code or a symbol.
    leaving, voice:
        In words: what counts as leaving ("no purchase for 90 days, or closing the account") and what counts as telling
        the company ("a complaint or a cancelled order").
    model_version, run_id:
        Where the scores came from.
    headline:
        From `headline`.
    bands:
        risk_band (text), customers, expected (sum of p_silent), value_at_risk (nan = unknown); the riskiest first.
    riskiest:
        customer (pseudonym), p_silent, p_vocal, value (nan = unknown), risk_band, persona and channel (null where
        unknown), contactable, reason_1 .. reason_n (null when fewer), theme_1, likely_reason and keep_1 (null where
        nothing stands out or speaks for staying), saveability, expected_net_value and action (null where nothing is
        recommended), excluded_because; the riskiest first; some hundreds.
    theme_drivers, feature_drivers:
        From `churnml.explanation.themes`.
    declared_margin:
        What the drivers explain: `Attribution.declared`.
    silent_share:
        From `churnml.insights.silent_share`.
    metrics, differences, calibration, lift:
        From `Evaluation`, on the test snapshots: see there for the columns.
    model:
        The name of the model in these frames; every other name is a baseline.
    trust:
        See `Trust`.
    focus, personas, trend, changes:
        From `churnml.report.nights`; `changes` is None where there is no night before.
    rules:
        persona, rule (in words), in the order in which they are tried.
    calls:
        The call list as CSV, from `churnml.report.call_list`; empty where nobody may be contacted.
    scores_file:
        Where all scores lie, beside the page.
    pseudonymous:
        Whether customers stand on the page under pseudonyms.
    value_days:
        A customer's value is what he or she brought in over so many days.
    insights:
        What the outcomes tell about the business; None where nobody asked for it.
    quotes:
        A few redacted words of customers; None where nobody asked for them.
    scores_link:
        The address of the scores relative to the page; empty where the page does not lie beside them.
    theme_stability, feature_stability, driver_shapes, theme_parts:
        From `churnml.explanation`: how the drivers move over retrainings, their shapes, and for whom they matter.
    silence:
        From `churnml.insights.silence_curve`: what is expected of this night's customers by how long they have been
        silent (scale, step, from, to, customers, expected, low, high), and what was seen before (seen, seen_low,
        seen_high; nan where nothing was).
    engagement:
        In words what ends a silence ("visit or purchase").
    actions, no_actions:
        From `churnml.report.actions`: what to do; None where the night recommends nothing, and then why.
    campaigns:
        From `churnml.report.campaigns`: what earlier campaigns have changed; None where nothing is told.
    first:
        The first few of the call list, with the columns of `riskiest`; None where the list goes by risk.
    """

    project: str
    as_of: date
    lead_days: int
    horizon_days: int
    currency: str
    leaving: str
    voice: str
    model_version: str
    run_id: str
    headline: Headline
    bands: pd.DataFrame
    riskiest: pd.DataFrame
    theme_drivers: pd.DataFrame
    feature_drivers: pd.DataFrame
    declared_margin: str
    silent_share: SilentShare
    metrics: pd.DataFrame
    differences: pd.DataFrame
    calibration: pd.DataFrame
    lift: pd.DataFrame
    model: str
    trust: Trust
    focus: Focus
    personas: pd.DataFrame
    trend: pd.DataFrame
    changes: Changes | None
    rules: pd.DataFrame
    calls: str
    scores_file: str
    value_days: int
    pseudonymous: bool = True
    insights: Insights | None = None
    quotes: Quotes | None = None
    scores_link: str = ""
    theme_stability: pd.DataFrame = field(default_factory=lambda: empty("theme", *MOVES))
    feature_stability: pd.DataFrame = field(default_factory=lambda: empty("feature", *MOVES))
    driver_shapes: pd.DataFrame = field(default_factory=lambda: empty(*SHAPES))
    theme_parts: pd.DataFrame = field(default_factory=lambda: empty(*PARTS))
    silence: pd.DataFrame = field(default_factory=lambda: empty(*EXPECTED, "seen", "seen_low", "seen_high"))
    engagement: str = "engagement"
    actions: Actions | None = None
    no_actions: str = ""
    campaigns: Campaigns | None = None
    first: pd.DataFrame | None = None

    @property
    def listed(self) -> int:
        """How many customers are to be called, by the night or by their risk."""
        return self.focus.contactable if self.actions is None else self.actions.contacts.customers
