"""Newcomers, kinds of customer, and how these change."""

from __future__ import annotations

from math import isnan

import pandas as pd

from churnml.insights.findings import Insights
from churnml.insights.personas import AWAY, LEFT_ALOUD, LEFT_SILENTLY, NEW, Personas
from churnml.report.chapters.chapter import Chapter, capital, missing, rate, span
from churnml.report.tables import Column, Table, records
from churnml.report.words import MISSING, count, day, listed, money, plainly, sentence, several


def onboarding(found: Insights) -> Chapter:
    """The onboarding funnel."""
    title, funnel = "The first weeks, and who is still there half a year on", found.funnel
    if funnel.why:
        return Chapter("onboarding", title, (missing(funnel.why),))
    everyone, steps = funnel.table.iloc[0], funnel.table.iloc[1:]
    said = [
        f"Of {several(everyone['reached'], 'newcomer')}, {rate(everyone['left'])} had left half a year after their "
        f"first {funnel.onboarding_days} days."
    ]
    apart = steps[(steps["without_low"] > steps["left_high"]) & (steps["reached"] < everyone["reached"])]
    if len(apart):
        names = listed([f"“{name.replace('_', ' ')}”" for name in apart["step"]])
        said.append(f"Who did not come to {names} left more often, beyond chance; that need not be why.")
    table = Table(
        f"How far newcomers come within {funnel.onboarding_days} days, and who leaves within the half-year after",
        (
            Column("Step"),
            Column("Reached", True),
            Column("Share", True),
            Column("Median day", True),
            Column("Left, having reached it", True),
            Column("95% interval", True),
            Column("Left, not having", True),
            Column("95% interval", True),
        ),
        tuple(
            (
                *(
                    capital(row.step.replace("_", " ")),
                    count(row.reached),
                    rate(row.share),
                    MISSING if isnan(row.median_day) else f"{row.median_day:.0f}",
                ),
                *(rate(row.left), span(row, "left_low", "left_high")),
                *(rate(row.left_without), span(row, "without_low", "without_high")),
            )
            for row in records(funnel.table)
        ),
    )
    return Chapter("onboarding", title, tuple(said), (table,))


def personas(found: Insights) -> Chapter:
    """The personas and the flows between them."""
    known = found.personas
    said = [f"Each customer is what the first rule says that holds, as on {day(found.today)}."]
    if known.missing:
        said += [missing(f"{name.replace('_', ' ')}, since {plainly(why)}") for name, why in known.missing.items()]
    rules = dict(records(known.rules))
    profile = Table(
        "The kinds of customer, and who of them left",
        (
            Column("Kind"),
            Column("Customers", True),
            Column("Share", True),
            Column("Mean worth", True),
            Column("Left silently", True),
            Column("95% interval", True),
            Column("Left, having said so", True),
        ),
        tuple(
            (
                *(
                    capital(row.persona),
                    count(row.customers),
                    rate(row.share),
                    money(row.mean_value, found.currency),
                ),
                *(rate(row.left_silently), span(row, "silent_low", "silent_high"), rate(row.left_aloud)),
            )
            for row in records(known.profile)
        ),
    )
    order = tuple((capital(name), sentence(rule)) for name, rule in rules.items())
    tables = [
        profile,
        Table("The rules, in the order in which they are tried", (Column("Kind"), Column("Rule")), order),
    ]
    if len(flows := mean_flows(known.flows)):
        names = [name for name in [*known.rules["persona"], NEW] if name in flows.index]
        ends = [*[name for name in known.rules["persona"] if name in flows], *[n for n in flows if n not in rules]]
        tables.append(
            Table(
                "What each kind of customer has become a month later, in shares",
                (Column("One month"), *(Column(capital(name), True) for name in ends)),
                tuple((capital(name), *map(rate, flows.loc[name, ends])) for name in names),
            )
        )
    return Chapter("personas", "Kinds of customer, and how they change", tuple(said), tuple(tables))


def mean_flows(flows: pd.DataFrame) -> pd.DataFrame:
    """Shares of each persona (rows) that are this or that (columns) a month on, over all months."""
    if flows.empty:
        return pd.DataFrame()
    wide = flows.groupby(["before", "after"])["customers"].sum().unstack(fill_value=0)
    return wide.div(wide.sum(axis=1), axis=0)


def flow(known: Personas) -> pd.DataFrame:
    """What became of each persona a month on, as shares: persona, same, other, silent, aloud, away."""
    shares = mean_flows(known.flows)
    names = [name for name in known.rules["persona"] if name in shares.index]
    rows = []
    for name in names:
        row = shares.loc[name]
        ends = [float(row.get(end, 0.0)) for end in (name, LEFT_SILENTLY, LEFT_ALOUD, AWAY)]
        rows.append((name, ends[0], max(0.0, 1 - sum(ends)), *ends[1:]))
    return pd.DataFrame(rows, columns=["persona", "same", "other", "silent", "aloud", "away"])


def flow_table(shares: pd.DataFrame) -> Table:
    """The numbers behind the picture of the flows."""
    heads = ("The same", "Another kind", "Left silently", "Left, having said so", "Not active")
    return Table(
        "What became of each kind of customer a month on",
        (Column("Kind"), *(Column(head, True) for head in heads)),
        tuple((capital(name), *map(rate, ends)) for name, *ends in shares.itertuples(index=False)),
        3,
    )
