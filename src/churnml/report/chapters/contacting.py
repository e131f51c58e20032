"""What contacting has changed: earlier campaigns in which a lot decided who was contacted and who was not."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from churnml.report import action_figures
from churnml.report.campaigns import NONE, Campaigns, Effect
from churnml.report.chapters.chapter import Chapter, capital, missing
from churnml.report.chapters.doing import points, spread, tenths
from churnml.report.data import ReportData
from churnml.report.page import Figure, drawn
from churnml.report.tables import Column, Table, records
from churnml.report.words import MISSING, between, count, day, days, percent, several

TITLE = "What contacting has changed"
SHOWN = 12
"""So many of the latest campaigns are drawn; the table has all."""
FIFTHS = ("Most to gain", "Second fifth", "Third fifth", "Fourth fifth", "Least to gain")
NUMBERS = (
    *(Column("Contacted", True), Column("Not contacted", True), Column("Contacted who left", True)),
    *(Column("Others who left", True), Column("Difference in points", True), Column("95% interval", True)),
)


def contacting(data: ReportData) -> Chapter:
    """The chapter; without tables where nothing is known."""
    found = data.campaigns
    if found is None:
        return Chapter("contacted", TITLE, (missing(NONE),))
    effect = found.overall
    if effect is None:
        return Chapter("contacted", TITLE, (missing(found.why or NONE),), _filled(_left_out(found)))
    said = (*_overall(effect), *_groups(found), *_themes(found))
    more = (_follow_up(found), _theme_table(found), _left_out(found))
    return Chapter("contacted", TITLE, said, (_whole(effect), *_filled(*more)))


def _overall(effect: Effect) -> list[str]:
    """What contacting has changed on average, and how many of the leavers it kept."""
    said = [
        f"Of those contacted in earlier campaigns {tenths(effect.left_treated)} left, of those whom a lot left "
        f"uncontacted {tenths(effect.left_control)}: {points(effect.difference)} "
        f"({spread(effect.low, effect.high)})."
    ]
    if not effect.sure:
        said.append("Chance alone may give such a difference: whether contacting changes anything is not known yet.")
    elif effect.difference < 0:
        kept = "" if math.isnan(effect.saved_share) else (
            f" It kept {percent(effect.saved_share)} of those who would otherwise have left "
            f"({between(effect.saved_low, effect.saved_high, percent)})."
        )  # fmt: skip
        said.append(f"Contacting lowered the number who left, beyond chance.{kept}")
    else:
        said.append("Contacting raised the number who left, beyond chance: it drove customers away.")
    said.append(
        f"{several(effect.assignments, 'case')} were looked at. Because a lot decided, the difference is what "
        "contacting did, not a difference between customers. Of contacts of another kind or at another time it says "
        "nothing."
    )
    return said


def _groups(found: Campaigns) -> list[str]:
    """Whether those helped most can be told beforehand."""
    said = []
    if len(found.groups):
        most, least = found.groups.iloc[0], found.groups.iloc[-1]
        said.append(
            "Customers in five groups, by what a contact was expected to change: where most was expected, "
            f"{points(most['difference'])} left ({spread(most['low'], most['high'])}); where least was, "
            f"{points(least['difference'])} ({spread(least['low'], least['high'])})."
        )
    ranking = found.ranking
    if ranking is not None:
        sure = "beyond chance" if ranking.low > 0 else "which chance alone may give"
        said.append(
            "Contacting those with most to gain first would have kept "
            f"{_per_hundred(ranking.value)} per 100 than as many contacts drawn by lot, on average over all "
            f"lengths of the list ({ranking.low:+.1f} to {ranking.high:+.1f}), {sure}. Contacting the riskiest first "
            f"would have kept {_per_hundred(ranking.by_risk)}.".replace("-", "−")
        )
    return said


def _per_hundred(number: float) -> str:
    return f"{abs(number):.1f} customers {'fewer' if number < 0 else 'more'}"


def _themes(found: Campaigns) -> list[str]:
    """Where contact was seen to help more, and less."""
    if found.themes.empty:
        return []
    ordered = found.themes.sort_values(["change", "theme"])
    best, worst = ordered.iloc[0], ordered.iloc[-1]
    said = [
        *([f"helps more where “{best['theme']}” pushes more"] if best["change"] < 0 else []),
        *([f"helps less where “{worst['theme']}” does"] if worst["change"] > 0 else []),
    ]
    return [f"As far as can be told, a contact {', and '.join(said)}. Why that is so was not tried."] if said else []


def _filled(*content: Table) -> tuple[Table, ...]:
    return tuple(one for one in content if one.rows)


def _row(row: Any) -> tuple[str, ...]:
    return (
        *(count(row.treated), count(row.control), tenths(row.left_treated), tenths(row.left_control)),
        *(signed(row.difference), between(row.low, row.high, signed)),
    )


def signed(difference: float) -> str:
    """A difference in percentage points with its sign.

    >>> signed(-0.021), signed(0.004), signed(0.0), signed(float("nan"))
    ('−2.1', '+0.4', '0.0', '–')
    """
    if math.isnan(difference):
        return MISSING
    said = f"{100 * difference:+.1f}"
    return "0.0" if said in ("+0.0", "-0.0") else said.replace("-", "−")


def _whole(effect: Effect) -> Table:
    return Table(
        "All campaigns together",
        (
            Column("Who"), Column("Cases", True), Column("Left", True),
        ),
        (
            ("Contacted", count(effect.treated), tenths(effect.left_treated)),
            ("Not contacted, by lot", count(effect.control), tenths(effect.left_control)),
        ),
        2,
    )  # fmt: skip


def _follow_up(found: Campaigns) -> Table:
    rows = tuple((days(int(row.days)), *_row(row)) for row in records(found.follow_up))
    return Table("The same after so many days", (Column("Within"), *NUMBERS), rows, 5)


def _theme_table(found: Campaigns) -> Table:
    rows = tuple(
        (capital(str(row.theme)), f"{row.change:+.2f}".replace("-", "−"), "more" if row.change < 0 else "less")
        for row in records(found.themes.sort_values(["change", "theme"]))
    )
    columns = (
        Column("Theme"),
        Column("Change of the effect, in log-odds", True),
        Column("Where it pushes more, a contact helps"),
    )
    return Table("Where a contact helps more, and less", columns, rows)


def _left_out(found: Campaigns) -> Table:
    rows = tuple((capital(str(row.reason)), count(row.assignments)) for row in records(found.left_out))
    return Table("Cases that were left out", (Column("Why"), Column("Cases", True)), rows)


def pictures(data: ReportData) -> list[Figure]:
    """Effect by campaign and by fifth, and what the order of contacts keeps."""
    found = data.campaigns
    if found is None or found.overall is None:
        return []
    return [*_by_campaign(found), *_by_fifth(found), *_curve(found)]


def _by_campaign(found: Campaigns) -> list[Figure]:
    assert found.overall is not None
    every = found.by_campaign
    if every.empty:
        return []
    latest = every.sort_values(["last", "campaign"]).tail(SHOWN)
    whole = vars(found.overall)
    shown = pd.concat(
        [
            latest.assign(label=[_campaign(name) for name in latest["campaign"]]),
            pd.DataFrame([{"label": "All together", **{name: whole[name] for name in ("difference", "low", "high")}}]),
        ],
        ignore_index=True,
    ).assign(expected=math.nan)
    some = f"; the latest {SHOWN}, the table has all" if len(every) > SHOWN else ""
    return [
        drawn(
            "How many more or fewer left of those contacted",
            f"By campaign, against those whom a lot left uncontacted, with 95% intervals; below 0 fewer left{some}",
            action_figures.effects(shown, "campaigns"),
            f"Dots with intervals, {several(len(latest), 'campaign')}. All together: {points(whole['difference'])} "
            f"({spread(whole['low'], whole['high'])}).",
            Table(
                "What each campaign has changed",
                (Column("Campaign"), *NUMBERS),
                (
                    *(
                        (f"{_campaign(row.campaign)}\n{_dates(row)}", *_row(row))
                        for row in records(every.sort_values(["last", "campaign"]))
                    ),
                    ("All together", *_row(found.overall)),
                ),
                5,
            ),
        )
    ]


def _campaign(name: object) -> str:
    return "Without a name" if name is None or pd.isna(name) else str(name)  # type: ignore[call-overload]


def _dates(row: Any) -> str:
    first, last = day(pd.Timestamp(row.first)), day(pd.Timestamp(row.last))
    return first if first == last else f"{first} to {last}"


def _by_fifth(found: Campaigns) -> list[Figure]:
    frame = found.groups
    if frame.empty:
        return []
    names = [FIFTHS[int(fifth) - 1] for fifth in frame["fifth"]]
    most = frame.iloc[0]
    return [
        drawn(
            "Who is helped, and who is not",
            "Five groups by what a contact was expected to change; seen with 95% intervals; below 0 fewer left",
            action_figures.effects(frame.assign(label=names), "fifths"),
            f"Dots with intervals. Where most was expected: {points(most['expected'])} expected, "
            f"{points(most['difference'])} seen.",
            Table(
                "What was expected of a contact and what it changed, in percentage points",
                (
                    Column("Group"), Column("Cases", True), Column("Expected", True), Column("Seen", True),
                    Column("95% interval", True),
                ),
                tuple(
                    (
                        name, count(row.customers), signed(row.expected), signed(row.difference),
                        between(row.low, row.high, signed),
                    )
                    for name, row in zip(names, records(frame), strict=True)
                ),
                3,
            ),
        )
    ]  # fmt: skip


def _curve(found: Campaigns) -> list[Figure]:
    frame = found.curve
    if len(frame) < 2:
        return []
    half = frame.iloc[(frame["share"] - 0.5).abs().argmin()]
    return [
        drawn(
            "Whom to contact first",
            "Customers kept per 100, contacted or not, by the share that is contacted; the band is the 95% interval",
            action_figures.qini(frame, "qini"),
            f"Line chart. With {percent(half['share'])} contacted, those with most to gain first keep "
            f"{half['kept']:.1f} per 100, the riskiest first {half['by_risk']:.1f}, as many by lot "
            f"{half['at_random']:.1f}.",
            Table(
                "Customers kept per 100, by whom is contacted first",
                (
                    Column("Contacted", True), Column("Most to gain first", True), Column("95% interval", True),
                    Column("Riskiest first", True), Column("By lot", True),
                ),
                tuple(
                    (
                        percent(row.share), _plain(row.kept), between(row.low, row.high, _plain),
                        _plain(row.by_risk), _plain(row.at_random),
                    )
                    for row in records(frame)
                ),
                1,
            ),
        )
    ]  # fmt: skip


def _plain(number: float) -> str:
    return MISSING if math.isnan(number) else f"{number + 0.0:.2f}".replace("-0.00", "0.00").replace("-", "−")
