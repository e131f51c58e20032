"""The first screen's five answers, and what is said of each persona: sentences made from the report's data."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from churnml.report.actions import Actions
from churnml.report.call_list import LONGEST, opener
from churnml.report.chapters.doing import through
from churnml.report.data import ReportData
from churnml.report.nights import Changes
from churnml.report.tables import Column, Table, records, without_empty
from churnml.report.words import MISSING, count, day, days, in_ten, money, most, percent, several
from churnml.targeting.policy import HOLD_OUT

FEW = 0.05
"""What comes first for a smaller share of those at risk is not worth a word on the first screen."""


@dataclass(frozen=True)
class Answer:
    """A question of the first screen, its answer, and where to read on."""

    question: str
    text: str
    more: str
    target: str


def answers(data: ReportData) -> tuple[Answer, ...]:
    """Who, why, what it costs, what to do, and what has changed."""
    return (
        Answer("Who", who(data), "The customers", "#who"),
        Answer("Why", why(data), "What the model sees", "#why"),
        Answer("What it costs", cost(data), "By kind of customer", "#personas"),
        Answer(
            "What to do", to_do(data), *(("The call list", "#calls") if data.actions is None else ("The plan", "#do"))
        ),
        Answer("What has changed", changed(data.changes), "The nights before", "#nights"),
    )


def who(data: ReportData) -> str:
    """How many stand out, and what kind of customer they are."""
    seen = data.focus
    if not seen.customers:
        return "Nobody was scored."
    said = (
        f"{several(seen.customers, 'customer')} {'is' if seen.customers == 1 else 'are'} {seen.name}, "
        f"{percent(seen.share)} of those scored"
    )
    if not math.isnan(seen.expected_share):
        said += f"; {percent(seen.expected_share)} of the expected silent departures are theirs"
    if len(seen.personas):
        first = seen.personas.iloc[0]
        said += f". The most common kind is “{first['persona']}” ({percent(first['share'])})"
    return f"{said}."


def why(data: ReportData) -> str:
    """The themes that come first for them, and what may be behind it."""
    themes = data.focus.themes
    if themes.empty:
        return "Nothing in their histories stands out."
    first = themes.iloc[0]
    said = f"For {most(first['share'])} of them “{first['theme']}” comes first"
    second = themes.iloc[1] if len(themes) > 1 else None
    if second is not None and second["share"] >= FEW:
        said += f", for {percent(second['share'])} “{second['theme']}”"
    likely = data.focus.likely
    behind = [f"“{row.likely_reason}” for {percent(row.share)}" for row in records(likely.head(2)) if row.share >= FEW]
    if behind:
        nothing = 1 - likely["share"].sum()
        behind += [f"nothing that stands out for {percent(nothing)}"] if nothing >= FEW else []
        said += f". What may be behind it: {', '.join(behind)}"
    return f"{said}. That is what the model sees in their histories, no proof of a cause."


def cost(data: ReportData) -> str:
    """What they take along."""
    seen, total = data.focus.value_at_risk, data.headline.value_at_risk
    if total is None or math.isnan(seen):
        return "Not known: the data gives no customer a value."
    return (
        f"{money(total, data.currency)} at risk in all, {money(seen, data.currency)} of it with them: what customers "
        f"brought in over {days(data.value_days)}, times the chance of leaving silently."
    )


def to_do(data: ReportData) -> str:
    """Whom to call."""
    seen = data.focus
    if not seen.customers:
        return "Nothing: there is nobody to call."
    if data.actions is not None:
        return _act(data.actions, data)
    if not seen.contactable:
        return "Look for the causes: none of them may be contacted."
    if seen.contactable == 1:
        may = "The one customer" if seen.customers == 1 else "One of them"
        return f"{may} may be contacted, and is on the call list, with reasons and a way to begin."
    may = "All of them" if seen.contactable == seen.customers else count(seen.contactable)
    may += " may be contacted" if seen.contactable == seen.customers else " of them may be contacted"
    some = f"the {LONGEST} at highest risk are" if seen.contactable > LONGEST else "they are"
    return (
        f"{may}; {some} on the call list, with reasons and a way to begin. Leave some of them, drawn by lot, uncalled: "
        "only the difference will show whether calling helps."
    )


def _act(plan: Actions, data: ReportData) -> str:
    """Whom to contact, how, what that is expected to bring, and on what the figure rests."""
    tonight, held = plan.contacts, plan.groups[HOLD_OUT].customers
    if not tonight.customers:
        return "Look for the causes: no contact is expected to bring in more than it costs, or nobody may be contacted."
    way = through(plan)
    measured = None if data.campaigns is None else data.campaigns.overall
    if not plan.assumed:
        rests = "estimated from " + (
            "earlier campaigns" if measured is None else f"{several(measured.assignments, 'case')} that a lot decided"
        )
    elif math.isnan(plan.save_rate):
        rests = "assumed, not measured"
    else:
        rests = f"assumed: that {in_ten(plan.save_rate)} of those who would leave stay if contacted"
    said = (
        f"Contact {several(tonight.customers, 'customer')}{f', {way}' if way else ''}. Expected net value: "
        f"{money(tonight.net_value, data.currency)} ({rests})."
    )
    if plan.left_at_risk:
        verb = "is" if plan.left_at_risk == 1 else "are"
        said += f" {several(plan.left_at_risk, 'customer')} {plan.at_risk} {verb} better left alone."
    return said + (f" Do not contact the {count(held)} held out by lot." if held else "")


def changed(found: Changes | None) -> str:
    """Beside the night before."""
    if found is None:
        return "There is no earlier night to compare with. From the next one on, what has changed stands here."
    before, now = round(found.expected_before), round(found.expected_now)
    more = now - before
    moved = (
        f"{abs(more):,} {'more' if more > 0 else 'fewer'} expected to leave silently" if more else "As many expected"
    )
    said = (
        f"{moved} than on {day(found.since)}" if more else f"{moved} to leave silently as on {day(found.since)}"
    ) + f" ({before:,} then, {now:,} now)"
    gone = f"{count(found.gone)} {'is' if found.gone == 1 else 'are'}"
    said += (
        f"; {several(found.newly, 'customer')} newly at high or medium risk, {count(found.no_longer)} no longer. "
        f"{count(found.came)} came to be scored, {gone} not scored any more."
    )
    if found.other_model:
        said += " Another version of the model scored then, so part of the difference may be the model’s."
    return said


@dataclass(frozen=True)
class Kind:
    """One persona on the page."""

    name: str
    rule: str
    sentences: tuple[str, ...]
    opener: str


def kinds(data: ReportData) -> tuple[Kind, ...]:
    """What is said of each persona that has customers."""
    rules = dict(records(data.rules))
    found = []
    for row in records(data.personas):
        said = [
            f"{several(row.customers, 'customer')}, {percent(row.share)} of those scored; "
            f"{'about ' if row.expected >= 0.5 else ''}{count(row.expected)} "
            f"will leave without a word"
            + ("" if math.isnan(row.expected_share) else f", {percent(row.expected_share)} of all who will")
            + ("." if math.isnan(row.value_at_risk) else f", with {money(row.value_at_risk, data.currency)} at risk.")
        ]
        if not pd.isna(row.theme):
            said.append(f"Where the risk is high, “{row.theme}” comes first for {most(row.theme_share)}.")
        if not pd.isna(row.likely_reason) and row.likely_share >= FEW:
            said.append(f"What may be behind it is most often “{row.likely_reason}” ({percent(row.likely_share)}).")
        if not pd.isna(row.came) and data.changes is not None and (row.came or row.went):
            said.append(
                f"Since {day(data.changes.since)}, {several(row.came, 'customer')} came to this kind from another, and "
                f"{count(row.went)} went."
            )
        begin = opener(row.likely_reason, row.theme)
        found.append(Kind(_capital(row.persona), rules.get(row.persona, ""), tuple(said), begin))
    return tuple(found)


def persona_table(data: ReportData) -> Table:
    """The personas side by side."""
    return without_empty(Table(
        "Kinds of customer",
        (
            Column("Kind"), Column("Customers", True), Column("Share", True), Column("At high or medium risk", True),
            Column("Expected to leave silently", True), Column("Value at risk", True),
        ),
        tuple(
            (
                _capital(row.persona), count(row.customers), percent(row.share), count(row.high), count(row.expected),
                MISSING if math.isnan(row.value_at_risk) else money(row.value_at_risk, data.currency),
            )
            for row in records(data.personas)
        ),
        4,
    ))  # fmt: skip


def trend_table(frame: pd.DataFrame) -> Table:
    """The table behind the figure of the nights."""
    return Table(
        "Expected to leave silently, night by night",
        (
            Column("Night"), Column("Customers scored", True), Column("Expected", True), Column("95% interval", True),
            Column("Model"),
        ),
        tuple(
            (
                day(row.as_of), count(row.customers), count(row.expected), f"{count(row.low)} to {count(row.high)}",
                f"version {row.model_version}",
            )
            for row in records(frame)
        ),
        2,
    )  # fmt: skip


def _capital(text: object) -> str:
    return str(text)[:1].upper() + str(text)[1:]
