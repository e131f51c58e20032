"""The report's sentences, made from its data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from churnml.evaluation.evaluate import LEADING
from churnml.report.actions import NAMES as ACTION_NAMES
from churnml.report.call_list import opener
from churnml.report.data import ReportData
from churnml.report.tables import interval, leading, models, records
from churnml.report.words import (
    between,
    capital,
    channel,
    count,
    day,
    listed,
    money,
    percent,
    sentence,
    several,
    window,
)
from churnml.targeting.policy import CONTACT


def answer(data: ReportData) -> str:
    """The first sentence of the page."""
    head = data.headline
    about = "Fewer than one" if 0 < head.expected < 0.5 else f"About {count(head.expected)}"
    return (
        f"{about} of {several(head.customers, 'customer')} will leave without a word "
        f"{window(data.lead_days, data.horizon_days)}"
    )


def key_figures(data: ReportData) -> list[tuple[str, str, str]]:
    """What it is, the figure, and what stands below it in small letters."""
    head, silent = data.headline, data.silent_share
    figures = [
        (
            "Expected to leave silently",
            count(head.expected),
            f"{count(head.low)} to {count(head.high)}, allowing for chance alone; "
            f"{percent(head.expected / head.customers if head.customers else math.nan)} of those scored{_proven(data)}",
        )
    ]
    if head.value_at_risk is None or head.value_low is None or head.value_high is None:
        figures.append(("Value at risk", "not known", "the data gives no customer a value"))
    else:
        known = (
            "" if head.value_known == head.customers else f", for the {count(head.value_known)} whose value is known"
        )
        figures.append(
            (
                "Value at risk",
                money(head.value_at_risk, data.currency),
                f"{money(head.value_low, data.currency)} to {money(head.value_high, data.currency)}, "
                f"allowing for chance alone{known}",
            )
        )
    share = silent.overall
    if share.verdict == "nobody spoke":
        figures.append(("Silent among past leavers", "not known", "the data has no word of any customer"))
        return figures
    figures.append(
        (
            "Silent among past leavers",
            percent(share.share),
            "nobody has left yet"
            if not share.leavers
            else f"{between(share.low, share.high, percent)}, from {several(share.leavers, 'customer')} who left",
        )
    )
    return figures


def at_tests(data: ReportData) -> tuple[float, float]:
    """How many the model expected to leave silently at the test snapshots, of all customers, and how many did."""
    rows = data.calibration[data.calibration["model"] == data.model]
    rows = rows[rows["outcome"] == "silent"] if "outcome" in rows else rows
    everyone = rows[rows["population"] == "everyone"]
    rows = (everyone if len(everyone) else leading(rows)[0]).query("n > 0")
    return float((rows["n"] * rows["predicted"]).sum()), float((rows["n"] * rows["observed"]).sum())


def _proven(data: ReportData) -> str:
    expected, left = at_tests(data)
    return f"; at the test snapshots, {count(left)} left where {count(expected)} were expected" if expected >= 1 else ""


def verdict_on_chances(data: ReportData) -> str:
    """Are the chances right on the whole, in one sentence; empty where there is nothing to go by."""
    expected, left = at_tests(data)
    if expected < 1:
        return ""
    off = expected / left - 1 if left else math.inf
    said = (
        "About right on the whole" if abs(off) < 0.1 else "Too high on the whole" if off > 0 else "Too low on the whole"
    )
    return f"{said}: {count(expected)} were expected to leave silently at the test snapshots, and {count(left)} did."


@dataclass(frozen=True)
class Person:
    """One of the riskiest customers, as text; `width` is the chance in hundredths, for the bar and for sorting.

    `aloud` is the chance of leaving having said so, where it is the larger one.
    """

    name: str
    chance: str
    aloud: str
    width: str
    value: str
    worth: str
    persona: str
    channel: str
    contactable: bool
    action: str
    net_value: str
    likely_reason: str
    keeps: str
    opener: str
    reasons: tuple[str, ...]

    @property
    def about(self) -> list[str]:
        """What is known of the customer besides, in a few words each."""
        way = f"contact through {self.channel}" if self.net_value else f"prefers {self.channel}"
        known = (
            (self.aloud, f"leaving having said so: {self.aloud}"),
            (self.value, f"worth {self.value}"),
            (self.net_value, f"net value of a contact {self.net_value}"),
            (self.persona, self.persona),
            (self.channel, way),
        )
        return [said for there, said in known if there]


def people(data: ReportData, which: pd.DataFrame) -> list[Person]:
    """Customers of a frame like `ReportData.riskiest`, as text."""
    columns = sorted(name for name in which.columns if name.startswith("reason_"))
    label = "assumed" if data.actions is None or data.actions.assumed else "estimated"
    return [
        Person(
            name=str(row["customer"]),
            chance=percent(row["p_silent"]),
            aloud=percent(row["p_vocal"]) if row["p_vocal"] > row["p_silent"] else "",
            width=f"{100 * row['p_silent']:.2f}",
            value="" if pd.isna(row["value"]) else money(row["value"], data.currency),
            worth="" if pd.isna(row["value"]) else f"{row['value']:.2f}",
            persona="" if pd.isna(row["persona"]) else str(row["persona"]),
            channel="" if pd.isna(row["channel"]) else str(row["channel"]),
            contactable=bool(row["contactable"]),
            action=_action(row),
            net_value=""
            if row.get("action") != CONTACT or pd.isna(row["expected_net_value"])
            else f"{money(row['expected_net_value'], data.currency)} ({label})",
            likely_reason="" if pd.isna(row["likely_reason"]) else str(row["likely_reason"]),
            keeps="" if pd.isna(row["keep_1"]) else str(row["keep_1"]).rstrip(" ."),
            opener=opener(row["likely_reason"], row["theme_1"]),
            reasons=tuple(str(row[name]).rstrip(" .") for name in columns if not pd.isna(row[name])),
        )
        for row in which.to_dict("records")
    ]


def _action(row: dict[Any, Any]) -> str:
    """What is to be done, in words; below it, how. Empty where nothing is recommended."""
    action, why = row.get("action"), row.get("excluded_because")
    if pd.isna(action):
        return "" if pd.isna(why) else capital(str(why))
    way = row["channel"]
    return ACTION_NAMES.get(str(action), str(action)) + (
        f"\nthrough {channel(way)}" if action == CONTACT and not pd.isna(way) else ""
    )


@dataclass(frozen=True)
class Comparison:
    """The model beside one baseline on the leading figure."""

    baseline: str
    verdict: str
    text: str


def comparisons(data: ReportData) -> list[Comparison]:
    """For each baseline: is the model better beyond noise, on the leading figure?"""
    rows = data.differences[(data.differences["metric"] == LEADING[2]) & (data.differences["model"] == data.model)]
    rows, _ = leading(rows)
    found = []
    for name in models(data)[1:]:
        for row in records(rows[rows["baseline"] == name]):
            verdict = "better" if row.low > 0 else "worse" if row.high < 0 else "no different"
            said = {
                "better": f"Better than “{name}” beyond noise",
                "worse": f"Worse than “{name}” beyond noise",
                "no different": f"Not distinguishable from “{name}”",
            }[verdict]
            text = f"{said}: a difference in AUROC of {row.value:+.3f} ({interval(row.low, row.high, sign=True)})."
            found.append(Comparison(name, verdict, text))
    return found


def verdict_on_model(data: ReportData) -> str:
    """Does the model beat the simple rules, in one sentence."""
    found = comparisons(data)
    if not found:
        return "The model was not held against any simple rule."
    better = [f"“{one.baseline}”" for one in found if one.verdict == "better"]
    rest = [f"“{one.baseline}”" for one in found if one.verdict != "better"]
    if not rest:
        return f"The model finds silent leavers better than {listed(better)}, beyond noise."
    if not better:
        return f"The model finds silent leavers no better than {listed(rest)}, as far as these data can tell."
    return (
        f"The model finds silent leavers better than {listed(better)}, beyond noise, "
        f"but not better than {listed(rest)}."
    )


ALWAYS = (
    "Silent means silent to the company. A complaint that cannot be linked to a customer, or was made where nobody "
    "listens, is not seen.",
    "The reasons say what the model saw in a customer’s history. They do not say what caused it, and changing what "
    "was seen need not change what happens.",
    "A customer at risk is not always worth contacting: a call can also remind people to leave. Only a trial "
    "with a control group shows whom it helps.",
    "The model expects the near future to resemble the past it learnt from. A change of prices, products or season "
    "that the data has not seen is beyond it.",
)
"""What holds of every model."""


def trust(data: ReportData) -> list[tuple[str, list[str]]]:
    """What a reader needs to know before acting: a heading and sentences each."""
    known = data.trust
    left = known.training_outcomes
    tests = (
        f"Judged on the last {several(len(known.test_snapshots), 'snapshot')} ({_span(known.test_snapshots)}), by a "
        f"model made in the same way that had learnt only what was known before: {several(known.test_rows, 'row')}, of "
        f"which {count(known.test_outcomes.get('silent', 0))} left silently and "
        f"{count(known.test_outcomes.get('vocal', 0))} left having said so."
        if known.test_snapshots
        else "There was no later snapshot to judge the model on: take its figures as unproven."
    )
    learnt = [
        f"Learnt from {several(known.training_rows, 'row')} of {several(known.training_customers, 'customer')}, seen "
        f"between {day(known.training_first)} and {day(known.training_last)}: "
        f"{count(left.get('silent', 0))} left silently, {count(left.get('vocal', 0))} left having said so, "
        f"{count(left.get('retained', 0))} stayed.",
        tests,
    ]
    if known.fallback:
        learnt.append(f"Note: {sentence(known.fallback)}")
    if moved := known.base_rates_moved_by:
        factor = math.exp(moved["silent"] - moved["retained"])
        learnt.append(
            f"Tonight’s customers look as if {'more' if factor > 1 else 'fewer'} leave silently than among those it "
            f"learnt from: the odds of it, against staying, were multiplied by {factor:.2f}. This correction has "
            "helped on earlier snapshots."
        )
    beats = [one.text for one in comparisons(data)] or ["The model was not compared with any baseline."]
    missing = [
        "The interval of the headline allows for chance alone, as if every predicted chance were right. It leaves "
        "out the model’s own error; the chart of predicted against observed chances shows how large that was on the "
        "test snapshots."
    ]
    if not known.switched_off.empty:
        missing.append(
            f"{several(len(known.switched_off), 'feature')} could not be computed from this data; the list is below."
        )
    if not known.excluded.empty:
        missing += [
            f"Not scored: {several(row.customers, 'customer')}, {row.reason}." for row in records(known.excluded)
        ]
    if not known.repairs.empty:
        rows = known.repairs["count"].sum()
        missing.append(f"{several(rows, 'row')} of the sources had to be mended or left out; the list is below.")
    return [
        ("What it learnt from", learnt),
        ("Is it better than a simple rule?", beats),
        ("What is left out", missing),
        *([("Does it treat everybody alike?", list(known.fairness))] if known.fairness else []),
        ("What it cannot know", list(ALWAYS)),
    ]


def _span(dates: Sequence[object]) -> str:
    ordered = sorted(pd.Timestamp(str(one)) for one in dates)
    if len(ordered) <= 3:
        return listed([day(one) for one in ordered])
    return f"{day(ordered[0])} to {day(ordered[-1])}"
