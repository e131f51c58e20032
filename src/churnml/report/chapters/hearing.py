"""Whom the company hears, and whom it does not: dark matter, new channels, the survey."""

from __future__ import annotations

from typing import Any

import pandas as pd

from churnml.insights import launch, survey
from churnml.insights.census import HEARD, UNHEARD, DarkMatter
from churnml.insights.findings import Insights
from churnml.report.chapters.chapter import Chapter, capital, missing, rate, span, within
from churnml.report.tables import Column, Table, records
from churnml.report.words import between, count, day, money, several


def unheard(found: Insights) -> Chapter:
    """The dark-matter census."""
    dark = found.dark_matter
    since = "" if dark.since is None else f" since {day(dark.since)}"
    names = {UNHEARD: f"not heard{since}" if since else UNHEARD, HEARD: HEARD}
    title = f"Dark matter: customers nobody has {'talked with' if since else 'ever talked with'}{since}"
    if dark.why:
        return Chapter("dark-matter", title, (missing(dark.why),))
    row: Any = dark.table.set_index("who").loc[UNHEARD]
    said = [
        f"On {day(found.today)}, {several(row['customers'], 'customer')} ({rate(row['share'])}) had "
        f"{'not' if since else 'never'} contacted service on any channel you listen to{since}"
        + (", as far back as the books go; some of them were customers before." if since else ".")
    ]
    if row["value"] == row["value"]:
        said.append(
            f"In {dark.value_days} days they spent {money(row['value'], found.currency)}"
            + (
                f"; spending like the heard of their tenure would add {money(dark.could_buy, found.currency)}"
                f"{_allowing(dark, found.currency)}, a comparison and no promise."
                if dark.could_buy > 0
                else ", no less than the heard of their tenure."
            )
        )
    else:
        said.append(missing("the data give no customer a value"))
    table = Table(
        f"Those {names[UNHEARD]} beside the heard",
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
                *(capital(names[row.who]), count(row.customers), rate(row.share), money(row.value, found.currency)),
                money(row.mean_value, found.currency),
                between(row.value_low, row.value_high, lambda amount: money(amount, found.currency)),
                rate(row.left_silently),
            )
            for row in records(dark.table)
        ),
    )
    return Chapter("dark-matter", title, tuple(said), (table,))


def _allowing(dark: DarkMatter, currency: str) -> str:
    if dark.could_low != dark.could_low:
        return ""
    return f" ({money(dark.could_low, currency)} to {money(dark.could_high, currency)}, allowing for chance)"


def launches(found: Insights) -> Chapter:
    """Channel launches."""
    title, opened = "New channels: moved or revealed", found.launches
    if not opened.launches:
        return Chapter("channel-launch", title, (missing(opened.why),))
    said, tables = [], []
    for one in opened.launches:
        name = channel(one)
        said.append(one.verdict.replace(one.channel, f"“{capital(name)}”"))
        since = several(one.figure("contacts", "newcomers")["number"], "contact")
        said.append(
            f"Of the contacts of customers heard before, {rate(one.uptake)} now come over “{name}”. {since} "
            "came from customers who signed up later, who could not be heard before."
        )
        tables.append(
            Table(
                f"Where the contacts on “{name}” came from, {day(one.opened)} to {day(one.until)}",
                (
                    Column("Counted"),
                    Column("From"),
                    Column("Number", True),
                    Column("Share", True),
                    Column("95% interval", True),
                ),
                tuple(
                    (
                        *(capital(row.figure), CAME_FROM[row.whence], count(row.number), rate(row.share)),
                        span(row, "share_low", "share_high"),
                    )
                    for row in records(one.table)
                ),
                3,
            )
        )
    return Chapter("channel-launch", title, tuple(said), tuple(tables))


CAME_FROM = {
    "moved": "moved from other channels",
    "revealed": "customers the others never reached",
    "newcomers": "customers who signed up since",
}


def channel(opened: launch.ChannelLaunch) -> str:
    """The channel's name, to read."""
    return opened.channel.replace("_", " ")


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
        f"Contacts with service by month, those on “{channel(opened)}” by who made them",
        (Column("Month"), *(Column(head, True) for head in heads)),
        tuple(
            (f"{row.month:%B %Y}", count(row.others), count(row.heard), count(row.unheard), count(row.newcomers))
            for row in records(months)
        ),
    )


def blind_spot(found: Insights) -> Chapter:
    """The survey's blind spot."""
    title, blind = "What the satisfaction score cannot see", found.blind_spot
    if blind.why:
        return Chapter("survey", title, (missing(blind.why),))
    high = blind.table.loc[blind.table["answer"] == survey.ANSWERED_HIGH]
    said = [
        f"Of the customers who left silently, {rate(blind.unseen)} "
        f"({between(blind.unseen_low, blind.unseen_high, rate)}) had not been asked, had not answered, or had scored "
        "high."
    ]
    if len(high):
        said.append(f"Of those who scored high, {rate(high['left'].iloc[0])} left {within(found)} all the same.")
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
                *(capital(row.answer), count(row.customers), rate(row.share), rate(row.left)),
                *(span(row, "left_low", "left_high"), rate(row.of_silent)),
            )
            for row in records(blind.table)
        ),
        5,
    )
    return Chapter("survey", title, tuple(said), (table,))
