"""The insights in words: for each a heading, what was found in a sentence or two, and tables.

The command line prints them, and the page shows them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from churnml.insights import iceberg, launch, response, survey
from churnml.insights.census import UNHEARD
from churnml.insights.findings import Insights
from churnml.insights.personas import AWAY, LEFT_ALOUD, LEFT_SILENTLY, NEW, Personas
from churnml.report.tables import Column, Table, records
from churnml.report.words import between, count, day, listed, money, percent, sentence, several


@dataclass(frozen=True)
class Chapter:
    """One insight: its heading, sentences, and tables. Without tables, the sentences say what is missing."""

    name: str
    title: str
    sentences: tuple[str, ...]
    tables: tuple[Table, ...] = ()


def chapters(found: Insights) -> tuple[Chapter, ...]:
    """All insights in the order in which they are told."""
    return (
        silent(found),
        friction(found),
        answers(found),
        unheard(found),
        launches(found),
        blind_spot(found),
        onboarding(found),
        personas(found),
        ways(found),
    )


def silent(found: Insights) -> Chapter:
    """The silent share, its verdict and its bounds."""
    share = found.silent_share
    said = [share.verdict, f"What counts as a word: {found.voice}, on a channel you listen to."]
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
                _capital(row.population),
                count(row.leavers),
                count(row.silent),
                rate(row.share),
                _span(row, "low", "high"),
            )
            for row in records(share.frame())
        ),
        3,
    )
    parts = Table(
        "The same by tenure, channel and segment",
        (Column("By"), Column(""), Column("Left", True), Column("Silently", True), Column("95% interval", True)),
        tuple(
            (row.part.replace("_", " "), row.value, count(row.leavers), rate(row.share), _span(row, "low", "high"))
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
        return Chapter("iceberg", title, (_missing(berg.why),))
    seen = berg.table.set_index(["friction", "said"])
    quiet: Any = seen.loc[(iceberg.ANY, iceberg.SAID_NOTHING)]
    said = [
        f"Of customers who met something that would annoy anyone, {rate(quiet['share'])} said nothing about it; "
        f"{rate(quiet['left'])} of these left {_within(found)}."
    ]
    if (iceberg.NONE, iceberg.NONE) in seen.index:
        calm: Any = seen.loc[(iceberg.NONE, iceberg.NONE)]
        said.append(f"Of those who met nothing of the kind, {rate(calm['left'])} left.")
    said.append("Who speaks is not who keeps quiet: a difference between them is no effect of speaking.")
    columns = (
        *(Column("What they met"), Column("and what they said"), Column("Customers", True), Column("Share", True)),
        *(Column("Left", True), Column("95% interval", True), Column("of these silently", True)),
    )
    rows = tuple(
        (
            *(_capital(row.friction), row.said, count(row.customers), rate(row.share)),
            *(rate(row.left), _span(row, "left_low", "left_high"), rate(row.silent) if row.leavers else "–"),
        )
        for row in records(berg.table)
    )
    caption = "Customers at each snapshot by what they met in 90 days and what they said"
    return Chapter("iceberg", title, tuple(said), (Table(caption, columns, rows, 4),))


def answers(found: Insights) -> Chapter:
    """The worth of a fast response."""
    title, told = "What a fast answer is worth", found.fast_response
    if told.why:
        return Chapter("fast-response", title, (_missing(told.why),))
    said = []
    for row in records(told.worth):
        if row.fewer == row.fewer:
            low, high = (f"{100 * bound:.1f}" for bound in (row.low, row.high))
            said.append(
                f"Of {row.about}, customers answered within a day left less often by {100 * row.fewer:.1f} percentage "
                f"points ({low} to {high}) than those answered later or never ({several(row.slow, 'case')})."
            )
        else:
            said.append(f"Too few {row.about} were answered both within a day and later to compare them.")
    said.append(response.CAVEAT)
    leaving = Table(
        f"Customers who left {_within(found)}, counted from a week after their case was opened",
        (
            Column("Cases"),
            Column("First reply"),
            Column("Number", True),
            Column("Left", True),
            Column("95% interval", True),
        ),
        tuple(
            (_capital(row.about), row.response, count(row.cases), rate(row.left), _span(row, "low", "high"))
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
                *(_capital(row.after), count(row.cases), money(row.spent_before, found.currency)),
                *(money(row.spent_after, found.currency), rate(row.kept), _span(row, "low", "high")),
            )
            for row in records(told.spending)
        ),
        4,
    )
    if not spending.rows:
        said.append(_missing("what customers spent around their cases is not known for long enough"))
    return Chapter("fast-response", title, tuple(said), (leaving, spending) if spending.rows else (leaving,))


def unheard(found: Insights) -> Chapter:
    """The dark-matter census."""
    title, dark = "Dark matter: customers nobody has ever talked with", found.dark_matter
    if dark.why:
        return Chapter("dark-matter", title, (_missing(dark.why),))
    row: Any = dark.table.set_index("who").loc[UNHEARD]
    said = [
        f"On {day(found.today)}, {several(row['customers'], 'customer')} ({rate(row['share'])}) had never contacted "
        "service on any channel you listen to."
    ]
    if row["value"] == row["value"]:
        said.append(
            f"In {dark.value_days} days they spent {money(row['value'], found.currency)}"
            + (
                f"; spending like the heard of their tenure would add {money(dark.could_buy, found.currency)}, a "
                "comparison and no promise."
                if dark.could_buy > 0
                else ", no less than the heard of their tenure."
            )
        )
    else:
        said.append(_missing("the data give no customer a value"))
    table = Table(
        "The never heard beside the heard",
        (
            Column("Customers"),
            Column("Number", True),
            Column("Share", True),
            Column("Worth", True),
            Column("Mean worth", True),
            Column("95% interval", True),
            Column("Left silently", True),
        ),
        tuple(
            (
                *(_capital(row.who), count(row.customers), rate(row.share), money(row.value, found.currency)),
                money(row.mean_value, found.currency),
                between(row.value_low, row.value_high, lambda amount: money(amount, found.currency)),
                rate(row.left_silently),
            )
            for row in records(dark.table)
        ),
    )
    return Chapter("dark-matter", title, tuple(said), (table,))


def launches(found: Insights) -> Chapter:
    """Channel launches."""
    title, opened = "New channels: moved or revealed", found.launches
    if not opened.launches:
        return Chapter("channel-launch", title, (_missing(opened.why),))
    said, tables = [], []
    for one in opened.launches:
        said.append(one.verdict)
        since = several(one.figure("contacts", "newcomers")["number"], "contact")
        said.append(
            f"Of the contacts of customers heard before, {rate(one.uptake)} now come over {one.channel}. {since} "
            "came from customers who signed up later, who could not be heard before."
        )
        tables.append(
            Table(
                f"Whence the contacts on {one.channel} came, {day(one.opened)} to {day(one.until)}",
                (
                    Column("Counted"),
                    Column("Whence"),
                    Column("Number", True),
                    Column("Share", True),
                    Column("95% interval", True),
                ),
                tuple(
                    (
                        *(_capital(row.figure), WHENCE[row.whence], count(row.number), rate(row.share)),
                        _span(row, "share_low", "share_high"),
                    )
                    for row in records(one.table)
                ),
                3,
            )
        )
    return Chapter("channel-launch", title, tuple(said), tuple(tables))


WHENCE = {
    "moved": "moved from other channels",
    "revealed": "customers the others never reached",
    "newcomers": "customers who signed up since",
}


def blind_spot(found: Insights) -> Chapter:
    """The survey's blind spot."""
    title, blind = "What the satisfaction score cannot see", found.blind_spot
    if blind.why:
        return Chapter("survey", title, (_missing(blind.why),))
    high = blind.table.loc[blind.table["answer"] == survey.ANSWERED_HIGH]
    said = [
        f"Of the customers who left silently, {rate(blind.unseen)} "
        f"({between(blind.unseen_low, blind.unseen_high, rate)}) had not been asked, had not answered, or had scored "
        "high."
    ]
    if len(high):
        said.append(f"Of those who scored high, {rate(high['left'].iloc[0])} left {_within(found)} all the same.")
    table = Table(
        "Customers at each snapshot by their last answer within a year",
        (
            Column("Survey"),
            Column("Customers", True),
            Column("Share", True),
            Column("Left", True),
            Column("95% interval", True),
            Column("Of all silent leavers", True),
        ),
        tuple(
            (
                *(_capital(row.answer), count(row.customers), rate(row.share), rate(row.left)),
                *(_span(row, "left_low", "left_high"), rate(row.of_silent)),
            )
            for row in records(blind.table)
        ),
        5,
    )
    return Chapter("survey", title, tuple(said), (table,))


def onboarding(found: Insights) -> Chapter:
    """The onboarding funnel."""
    title, funnel = "The first weeks, and who is still there half a year on", found.funnel
    if funnel.why:
        return Chapter("onboarding", title, (_missing(funnel.why),))
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
                    _capital(row.step.replace("_", " ")),
                    count(row.reached),
                    rate(row.share),
                    f"{row.median_day:.0f}",
                ),
                *(rate(row.left), _span(row, "left_low", "left_high")),
                *(rate(row.left_without), _span(row, "without_low", "without_high")),
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
        said += [_missing(f"{name}: {why}") for name, why in known.missing.items()]
    rules = dict(records(known.rules))
    profile = Table(
        "Personas",
        (
            Column("Persona"),
            Column("Customers", True),
            Column("Share", True),
            Column("Mean worth", True),
            Column("Left silently", True),
            Column("95% interval", True),
            Column("Left, having said so", True),
            Column("Rule"),
        ),
        tuple(
            (
                *(
                    _capital(row.persona),
                    count(row.customers),
                    rate(row.share),
                    money(row.mean_value, found.currency),
                ),
                *(rate(row.left_silently), _span(row, "silent_low", "silent_high"), rate(row.left_aloud)),
                rules[row.persona],
            )
            for row in records(known.profile)
        ),
    )
    tables = [profile]
    if len(flows := mean_flows(known.flows)):
        names = [name for name in [*known.rules["persona"], NEW] if name in flows.index]
        ends = [*[name for name in known.rules["persona"] if name in flows], *[n for n in flows if n not in rules]]
        tables.append(
            Table(
                "From one month to the next: of each persona, the share that is then",
                (Column("This month"), *(Column(_capital(name), True) for name in ends)),
                tuple((_capital(name), *map(rate, flows.loc[name, ends])) for name in names),
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
        tuple((_capital(name), *map(rate, ends)) for name, *ends in shares.itertuples(index=False)),
        3,
    )


def ways(found: Insights) -> Chapter:
    """The scorecard."""
    table = found.scorecard.table
    said = [
        "Each line is one measured figure, held against the quarter before, and the share that its numbers have in "
        "what moves the predicted risk: no proof that it drives anybody out."
    ]
    if table["risk_share"].isna().all():
        said.append(_missing("no model is trained yet; the share of the predicted risk comes with `churnml train`"))
    rows = tuple(
        (
            _capital(row.way),
            row.figure,
            *(("–", row.why) if row.why else (_figure(row.value, row.unit), _change(row))),
            rate(row.risk_share),
        )
        for row in records(table)
    )
    columns = (
        Column("Way to drive people out"),
        Column("Measured"),
        Column("Now", True),
        Column("Against the quarter before"),
    )
    return Chapter(
        "scorecard",
        "How a company drives people out",
        tuple(said),
        (Table("Scorecard", (*columns, Column("Share of predicted risk", True)), rows, 2),),
    )


def rate(share: float) -> str:
    """A share, with a decimal where it is below a tenth: most rates of leaving are.

    >>> rate(0.0234), rate(0.234), rate(0.0)
    ('2.3%', '23%', '0%')
    """
    return f"{share:.1%}" if 0 < share < 0.0995 else percent(share)


def _figure(value: float, unit: str) -> str:
    if value != value:
        return "–"
    return rate(value) if unit == "share" else f"{value:,.0f} s" if unit == "seconds" else f"{value:,.2f}"


def _change(row: Any) -> str:
    if row.change != row.change:
        return "no earlier quarter to compare"
    if row.change_low <= 0 <= row.change_high:
        return "no change beyond chance"
    points = {"share": (100, " points"), "seconds": (1, " s")}.get(row.unit, (1, ""))
    digits = 1 if row.unit != "number" else 2
    low, high = sorted((abs(row.change_low), abs(row.change_high)))
    size = f"{points[0] * low:.{digits}f} to {points[0] * high:.{digits}f}{points[1]}"
    return f"{'up' if row.change > 0 else 'down'} by {size}"


def _within(found: Insights) -> str:
    return f"within {several(found.horizon_days, 'day')}"


def _span(row: Any, low: str, high: str) -> str:
    return between(getattr(row, low), getattr(row, high), rate)


def _missing(why: str) -> str:
    return sentence(f"Not known: {why}")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


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
        tuple((_capital(row.friction), count(row.aloud), count(row.silent)) for row in records(by_friction)),
        2,
    )


def launch_months(opened: launch.ChannelLaunch) -> pd.DataFrame:
    """Contacts by month: month, others (all other channels), and on the new one heard, unheard, newcomers."""
    months = opened.months
    new = months["channel"] == opened.channel
    names = {launch.HEARD: "heard", launch.UNHEARD: "unheard", launch.NEWCOMER: "newcomers"}
    part = months["who"].map(names).where(new, "others")
    wide = months.assign(part=part).pivot_table(index="month", columns="part", values="contacts", aggfunc="sum")
    return wide.reindex(columns=["others", *names.values()]).fillna(0).reset_index()


def launch_table(opened: launch.ChannelLaunch, months: pd.DataFrame) -> Table:
    """The numbers behind the picture of a channel's launch."""
    heads = ("Other channels", "New: heard before", "New: never heard", "New: joined since")
    return Table(
        f"Contacts with service by month, {opened.channel} by who made them",
        (Column("Month"), *(Column(head, True) for head in heads)),
        tuple(
            (f"{row.month:%B %Y}", count(row.others), count(row.heard), count(row.unheard), count(row.newcomers))
            for row in records(months)
        ),
    )
