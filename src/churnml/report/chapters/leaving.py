"""Who leaves without a word, after what, and how soon they were answered."""

from __future__ import annotations

from typing import Any

import pandas as pd

from churnml.insights import iceberg, response
from churnml.insights.findings import Insights
from churnml.report.chapters.chapter import Chapter, capital, missing, rate, span, within
from churnml.report.tables import Column, Table, records
from churnml.report.words import between, count, money, several


def silent(found: Insights) -> Chapter:
    """The silent share, its verdict and its bounds."""
    share = found.silent_share
    said = [share.verdict]
    if found.one_in > 1:
        said.append(
            f"Of so many customers one in {found.one_in} was followed, drawn by lot; today’s counts are of all."
        )
    said += [f"What counts as a word: {found.voice}, on a channel you listen to."]
    if share.bounds is not None:
        said.append(share.bounds.say())
    if share.elsewhere is not None and share.elsewhere.n:
        part = between(share.elsewhere.low, share.elsewhere.high, rate)
        said.append(f"Silent to you is not silent: {part} of the silent leavers had spoken where you do not listen.")
    if share.after_friction is None:
        said.append("Who met friction is not in the data: the share is of everyone who left, whatever for.")
    else:
        said.append("Who left for reasons of his or her own cannot be told apart, and is counted with the others.")
    everyone = Table(
        f"Leavers at {several(len(share.by_snapshot), 'snapshot')} who never said a word",
        (
            Column("Who"),
            Column("Left", True),
            Column("Silently", True),
            Column("Share", True),
            Column("95% interval", True),
        ),
        tuple(
            (
                capital(row.population),
                count(row.leavers),
                count(row.silent),
                rate(row.share),
                span(row, "low", "high"),
            )
            for row in records(share.frame())
        ),
        3,
    )
    parts = Table(
        "The same by tenure, channel and segment",
        (Column("By"), Column("Value"), Column("Left", True), Column("Silently", True), Column("95% interval", True)),
        tuple(
            (
                row.part.replace("_", " "),
                row.value.replace("_", " "),
                count(row.leavers),
                rate(row.share),
                span(row, "low", "high"),
            )
            for row in records(share.by_part)
        ),
    )
    return Chapter(
        "silent-share", "Who leaves without a word", tuple(said), (everyone, parts) if parts.rows else (everyone,)
    )


def friction(found: Insights) -> Chapter:
    """The iceberg."""
    title, berg = "The iceberg: what annoys, and who says so", found.iceberg
    if berg.why:
        return Chapter("iceberg", title, (missing(berg.why),))
    seen = berg.table.set_index(["friction", "said"])
    quiet: Any = seen.loc[(iceberg.ANY, iceberg.SAID_NOTHING)]
    said = [
        f"Of customers who met something that would annoy anyone, {rate(quiet['share'])} said nothing about it; "
        f"{rate(quiet['left'])} of these left {within(found)}."
    ]
    if (iceberg.NONE, iceberg.NONE) in seen.index:
        calm: Any = seen.loc[(iceberg.NONE, iceberg.NONE)]
        said.append(f"Of those who met nothing of the kind, {rate(calm['left'])} left.")
    if berg.verdict:
        said.append(berg.verdict)
    said.append("Who speaks is not who keeps quiet: a difference between them is no effect of speaking.")
    columns = (
        *(Column("What they met"), Column("and what they said"), Column("Customers", True), Column("Share", True)),
        *(Column("Left", True), Column("95% interval", True), Column("of these silently", True)),
    )
    rows = tuple(
        (
            *(capital(row.friction), row.said, count(row.customers), rate(row.share)),
            *(rate(row.left), span(row, "left_low", "left_high"), rate(row.silent) if row.leavers else "–"),
        )
        for row in records(berg.table)
    )
    caption = "Customers at each snapshot by what they met in 90 days and what they said"
    return Chapter("iceberg", title, tuple(said), (Table(caption, columns, rows, 4),))


def ice(table: pd.DataFrame) -> pd.DataFrame:
    """Leavers after each friction who had said so and who never did: friction, aloud, silent; the most common first."""
    if table.empty:
        return pd.DataFrame(columns=["friction", "aloud", "silent"])
    silent = (table["silent"].fillna(0) * table["leavers"]).round()
    counts = table.assign(silent=silent, aloud=table["leavers"] - silent).groupby("friction", sort=False)
    summed = counts[["aloud", "silent"]].sum().reset_index()
    ends = summed["friction"].isin([iceberg.ANY, iceberg.NONE])
    named = summed[~ends].sort_values(["silent", "friction"], ascending=[False, True])
    whole = [summed[summed["friction"] == iceberg.ANY], named, summed[summed["friction"] == iceberg.NONE]]
    return pd.concat(whole, ignore_index=True)


def ice_table(by_friction: pd.DataFrame) -> Table:
    """The numbers behind the picture of the iceberg."""
    return Table(
        "Who left after what, having said so or not",
        (Column("What they met"), Column("Left, having said so", True), Column("Left without a word", True)),
        tuple((capital(row.friction), count(row.aloud), count(row.silent)) for row in records(by_friction)),
        2,
    )


def _worth(row: Any) -> str:
    """How much less often customers who were answered fast left, as far as chance allows to say."""
    than = f"than those answered later or never ({several(row.slow, 'case')})"
    low, high = sorted((abs(100 * row.low), abs(100 * row.high)))
    if row.low <= 0 <= row.high:
        return (
            f"Of {row.about}, whether customers answered within a day left more or less often {than} cannot be told "
            f"from chance (between {100 * max(0, -row.low):.1f} percentage points more and {100 * row.high:.1f} less)."
        )
    return (
        f"Of {row.about}, customers answered within a day left {'less' if row.fewer > 0 else 'more'} often by "
        f"{abs(100 * row.fewer):.1f} percentage points ({low:.1f} to {high:.1f}) {than}."
    )


def answers(found: Insights) -> Chapter:
    """The worth of a fast response."""
    title, told = "What a fast answer is worth", found.fast_response
    if told.why:
        return Chapter("fast-response", title, (missing(told.why),))
    said = []
    for row in records(told.worth):
        if row.fewer == row.fewer:
            said.append(_worth(row))
        else:
            cases = "cases" if row.about == response.ABOUT[0] else row.about
            said.append(f"Too few {cases} were answered within a day, or too few later, to compare the two.")
    said.append(response.CAVEAT)
    leaving = Table(
        f"Customers who left {within(found)}, counted from a week after their case was opened",
        (
            Column("Cases"),
            Column("First reply"),
            Column("Number", True),
            Column("Left", True),
            Column("95% interval", True),
        ),
        tuple(
            (capital(row.about), row.response, count(row.cases), rate(row.left), span(row, "low", "high"))
            for row in records(told.by_response)
        ),
        3,
    )
    spending = Table(
        f"Mean spending in the {response.SPENDING_DAYS} days before and after",
        (
            Column("After"),
            Column("Cases", True),
            Column("Before", True),
            Column("After", True),
            Column("Kept", True),
            Column("95% interval", True),
        ),
        tuple(
            (
                *(capital(row.after), count(row.cases), money(row.spent_before, found.currency)),
                *(money(row.spent_after, found.currency), rate(row.kept), span(row, "low", "high")),
            )
            for row in records(told.spending)
        ),
        4,
    )
    if not spending.rows:
        said.append(missing("what customers spent around their cases is not known for long enough"))
    return Chapter("fast-response", title, tuple(said), (leaving, spending) if spending.rows else (leaving,))
