"""What to do tonight: whom to contact, through which channel, what that is worth, and who is better left alone."""

from __future__ import annotations

import math

import pandas as pd

from churnml.report import action_figures
from churnml.report.actions import EXCLUDED, NAMES, UNDECIDED, Actions
from churnml.report.campaigns import Campaigns
from churnml.report.chapters.chapter import Chapter, capital, rate
from churnml.report.data import ReportData
from churnml.report.page import Figure, drawn
from churnml.report.tables import Column, Table, records, without_empty
from churnml.report.words import MISSING, channel, count, in_ten, kept, listed, money, percent, sentence, several
from churnml.targeting.policy import ACTIONS, CONTACT, HOLD_OUT, LEAVE_ALONE, WAIT

MEANINGS = {
    CONTACT: "a contact is expected to bring more than it costs",
    HOLD_OUT: "worth a contact, but drawn by lot for the control group",
    WAIT: "worth a contact, but another of the household comes first",
    LEAVE_ALONE: "a contact would cost more than it saves, or do harm",
    UNDECIDED: "it is not known what they are worth",
}
LIMITED = "worth a contact, but others come first: of the household, or as contacts or budget of the night are spent"
"""What waiting means where the night was limited."""
NEARLY = 0.95
"""As many contacts by risk alone do nearly as well where they bring in such a share of the net value."""
PARTS = {"persona": "Kind of customer", "theme": "What pushes most"}


def doing(data: ReportData) -> Chapter | None:
    """The chapter; None where the night recommends nothing."""
    plan = data.actions
    if plan is None:
        return None
    said = (rests_on(plan, data.campaigns), *_contacts(plan, data.currency), *_spared(plan), *_control(plan))
    more = (_channels(plan, data.currency), _left_alone(plan), _excluded(plan))
    return Chapter("do", "What to do", said, (_table(plan, data.currency), *(one for one in more if one.rows)))


def rests_on(plan: Actions, known: Campaigns | None) -> str:
    """Whether the figures are assumed or estimated, and on what they rest."""
    measured = None if known is None else known.overall
    if plan.assumed:
        if math.isnan(plan.save_rate):
            return f"Assumed, not measured. {sentence(plan.why)}" if plan.why else "Assumed, not measured."
        said = f"Assumed: {in_ten(plan.save_rate)} of those who would leave stay if contacted"
        if measured is None or known is None:
            return f"{said}; no control group has measured that yet. The money below rests on this assumption."
        return f"{said}. {sentence(known.why)} The money below rests on this assumption."
    if measured is None:
        return f"Estimated. {sentence(plan.why)}" if plan.why else "Estimated from earlier campaigns."
    return (
        f"Estimated from {several(measured.assignments, 'case')} in which a lot decided who was contacted: "
        f"{tenths(measured.left_treated)} of the contacted left, {tenths(measured.left_control)} of the others: "
        f"{points(measured.difference)} ({spread(measured.low, measured.high)})."
    )


def tenths(share: float) -> str:
    """A share that left, always with a decimal, so that differences between two can be read off.

    >>> tenths(0.081), tenths(0.104)
    ('8.1%', '10.4%')
    """
    return MISSING if math.isnan(share) else f"{share:.1%}"


def points(difference: float) -> str:
    """A difference in the share that left, in words.

    >>> points(-0.021), points(0.004)
    ('2.1 percentage points fewer', '0.4 percentage points more')
    """
    return f"{abs(100 * difference):.1f} percentage points {'more' if difference > 0 else 'fewer'}"


def spread(low: float, high: float) -> str:
    """The interval of a difference in the share that left, in words.

    >>> spread(-0.034, -0.008), spread(-0.01, 0.02), spread(0.01, 0.02)
    ('0.8 to 3.4 fewer', 'between 1.0 fewer and 2.0 more', '1.0 to 2.0 more')
    """
    ends = f"{abs(100 * low):.1f}", f"{abs(100 * high):.1f}"
    if low < 0 < high:
        return f"between {ends[0]} fewer and {ends[1]} more"
    return f"{ends[1]} to {ends[0]} fewer" if high <= 0 else f"{ends[0]} to {ends[1]} more"


def through(plan: Actions) -> str:
    """The channels of the contacts in words; empty where none is known.

    They are said as "80 through app and 40 through email"; where all go the same way, "through app".
    """
    named = plan.channels[plan.channels["channel"].notna()]
    if named.empty:
        return ""
    said = [f"{count(row.customers)} through {channel(row.channel)}" for row in records(named.head(3))]
    unknown = plan.contacts.customers - int(named["customers"].sum())
    if len(said) == 1 and not unknown:
        return f"through {channel(named['channel'].iloc[0])}"
    others = int(named["customers"].iloc[3:].sum())
    said += [f"{count(others)} through others"] if others else []
    return listed([*said, f"{count(unknown)} whose channel is not known"] if unknown else said)


def _contacts(plan: Actions, currency: str) -> list[str]:
    """What the contacts bring, and what as many contacts by risk alone would bring."""
    tonight, risk = plan.contacts, plan.by_risk
    if not tonight.customers:
        return ["Contact nobody tonight: no contact is expected to bring in more than it costs."]
    way = through(plan)
    how = "" if not way else f" {way}" if way.startswith("through") else f": {way}"
    keeps, brings = kept(tonight.kept), money(tonight.net_value, currency)
    costs = "" if math.isnan(plan.cost) else money(plan.cost, currency)
    said = f"Contact {several(tonight.customers, 'customer')} of the {count(plan.customers)} scored{how}. " + (
        f"If the assumption holds, that {f'costs {costs}, ' if costs else ''}keeps about {keeps} of them from leaving "
        f"and brings in {brings} more than it costs."
        if plan.assumed
        else f"That is expected {f'to cost {costs}, ' if costs else ''}to keep about {keeps} of them from leaving and "
        f"to bring in {brings} more than it costs."
    )
    if tonight.kept > 0 and not (math.isnan(plan.cost) or math.isnan(plan.acquisition_cost)):
        said += (
            f" A customer kept costs {money(plan.cost / tonight.kept, currency)}, a new one "
            f"{money(plan.acquisition_cost, currency)}."
        )
    harm = (
        f" {count(risk.useless)} of these contacts would not lower the chance of leaving, or would raise it."
        if risk.useless
        else ""
    )
    return [
        said,
        f"The same number of contacts, given to those with the highest chance of leaving, would be expected to keep "
        f"about {kept(risk.kept)}, with a net value of {money(risk.net_value, currency)}.{harm} "
        + (
            "Here, going by risk alone would do nearly as well."
            if risk.net_value >= NEARLY * tonight.net_value
            else "Who is most likely to leave is not always who is best contacted."
        ),
    ]


def _spared(plan: Actions) -> list[str]:
    """Who at high or medium risk is better left alone."""
    here = plan.spared[plan.spared["by"] == "theme"] if len(plan.spared) else plan.spared
    number, useless = plan.left_at_risk, plan.useless_at_risk
    if not number:
        return []
    dear = number - useless
    why = "a contact would cost more than it saves" if dear else "a contact would not help them, or do harm"
    if dear and useless:
        why = f"for {count(dear)} {why}, and {count(useless)} it would not help, or harm"
    first = (
        f" For {count(here['customers'].iloc[0])} of them “{here['part'].iloc[0]}” comes first." if len(here) else ""
    )
    verb = "is" if number == 1 else "are"
    return [f"{several(number, 'customer')} {plan.at_risk} {verb} better left alone: {why}.{first}"]


def _control(plan: Actions) -> list[str]:
    """The control group, and what it is for."""
    held = plan.groups[HOLD_OUT].customers
    if not plan.control:
        return []
    share = "" if math.isnan(plan.control_share) else f", {percent(plan.control_share)} of all,"
    worth = "none of them" if not held else f"{count(held)} of them"
    return [
        f"A control group{share} was drawn by lot: {several(plan.control, 'customer')} of tonight, {worth} worth a "
        "contact. Do not contact anybody in it: only the difference between them and the contacted will show what "
        "contacting changes."
    ]


def _table(plan: Actions, currency: str) -> Table:
    """Everybody by what to do."""
    meanings = (
        MEANINGS
        | ({WAIT: LIMITED} if plan.limited else {})
        | {EXCLUDED: "; ".join(f"{count(row.customers)} {row.reason}" for row in records(plan.excluded))}
    )
    shown = [name for name in (*ACTIONS, EXCLUDED, UNDECIDED) if plan.groups[name].customers or name == CONTACT]
    return Table(
        "What to do tonight, and what contacting each group would keep and bring in",
        (
            Column("Action"), Column("Customers", True), Column("Kept", True),
            Column("Net value", True),
        ),
        tuple(
            (
                f"{NAMES[name]}\n{meanings[name]}",
                count(plan.groups[name].customers),
                kept(plan.groups[name].kept) if name in ACTIONS else MISSING,
                money(plan.groups[name].net_value, currency) if name in ACTIONS else MISSING,
            )
            for name in shown
        ),
        1,
    )  # fmt: skip


def _channels(plan: Actions, currency: str) -> Table:
    """The contacts by channel."""
    return without_empty(Table(
        "Through which channel to contact",
        (
            Column("Channel"), Column("Contacts", True), Column("Expected to be kept", True), Column("Cost", True),
            Column("Expected net value", True),
        ),
        tuple(
            (
                "Not known" if pd.isna(row.channel) else capital(channel(row.channel)), count(row.customers),
                kept(row.kept), money(row.cost, currency), money(row.net_value, currency),
            )
            for row in records(plan.channels)
        ),
    ))  # fmt: skip


def _left_alone(plan: Actions) -> Table:
    """Who at risk is better left alone."""
    harm = plan.useless_at_risk > 0
    columns = (Column("By"), Column("Which"), Column("Left alone", True), Column("Costs more than it saves", True))
    return Table(
        f"Customers {plan.at_risk} who are better left alone",
        (*columns, Column("Would not help, or harm", True)) if harm else columns,
        tuple(
            (
                PARTS[row.by], capital(str(row.part)), count(row.customers), count(row.dear),
                *((count(row.useless),) if harm else ()),
            )
            for row in records(plan.spared)
        ),
        2,
    )  # fmt: skip


def _excluded(plan: Actions) -> Table:
    """Who may not be contacted, and why."""
    return Table(
        "Customers who are not to be contacted",
        (Column("Why"), Column("Customers", True)),
        tuple((capital(str(row.reason)), count(row.customers)) for row in records(plan.excluded)),
    )


def pictures(data: ReportData) -> list[Figure]:
    """Actions by risk, and what more contacts would bring."""
    plan = data.actions
    return [] if plan is None else [_by_band(plan), *_worth(plan, data.currency)]


def _by_band(plan: Actions) -> Figure:
    first = plan.by_band.iloc[0]
    names = [name for name in NAMES if plan.by_band[name].any()]
    return drawn(
        "Risk is not action",
        "Share of each risk band; where the bar is blank, a customer may not be contacted or nothing is recommended",
        action_figures.by_band(plan.by_band, "actions"),
        f"Stacked bars. Of the customers at {first['risk_band']} risk, {percent(first[CONTACT])} are to be contacted, "
        f"{percent(first[LEAVE_ALONE])} are better left alone.",
        Table(
            "What to do by risk",
            (Column("Risk"), Column("Customers", True), *(Column(NAMES[name], True) for name in names)),
            tuple(
                (capital(str(row["risk_band"])), count(row["customers"]), *(rate(row[name]) for name in names))
                for row in plan.by_band.to_dict("records")
            ),
            2,
        ),
    )


def _worth(plan: Actions, currency: str) -> list[Figure]:
    if plan.worth.empty:
        return []
    top = plan.worth.iloc[int(plan.worth["best"].to_numpy().argmax())]
    label = "assumed" if plan.assumed else "estimated"
    return [
        drawn(
            "What more contacts would bring",
            f"Net value ({label}) by number of customers contacted, the most worthwhile first or the riskiest first; "
            "the dot is tonight’s list",
            action_figures.worth(plan.worth, plan.contacts, currency, "worth"),
            f"Line chart. The most worthwhile first, the net value is highest at {count(top['customers'])} contacts, "
            f"with {money(top['best'], currency)}; the riskiest first, it is {money(top['by_risk'], currency)} there.",
            Table(
                "Net value by number of contacts",
                (
                    Column("Contacts", True), Column("Most worthwhile first", True), Column("Riskiest first", True),
                ),
                (
                    *(
                        (count(row.customers), money(row.best, currency), money(row.by_risk, currency))
                        for row in records(plan.worth)
                    ),
                    (
                        f"Tonight: {count(plan.contacts.customers)}", money(plan.contacts.net_value, currency),
                        money(plan.by_risk.net_value, currency),
                    ),
                ),
            ),
        )
    ]  # fmt: skip
