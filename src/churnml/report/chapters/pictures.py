"""The pictures of the insights, each with the table behind it."""

from __future__ import annotations

from churnml.insights.findings import Insights
from churnml.report import insight_figures, words
from churnml.report.chapters import hearing, kinds, leaving
from churnml.report.chapters.chapter import capital
from churnml.report.page import Figure, drawn


def pictures(found: Insights) -> dict[str, list[Figure]]:
    """The figures of the insights, by the name of their chapter."""
    drawings: dict[str, list[Figure]] = {}
    by_friction = leaving.ice(found.iceberg.table)
    if not by_friction.empty and by_friction[["aloud", "silent"]].to_numpy().sum() > 0:
        first = by_friction.iloc[0]
        drawings["iceberg"] = [
            drawn(
                "The part you hear, and the part you do not",
                "Customers who left, by what they had met in the 90 days before; counted at each snapshot",
                insight_figures.iceberg(by_friction, "iceberg"),
                f"Bars above and below a line. After {first['friction']}: {words.count(first['aloud'])} left having "
                f"said so, {words.count(first['silent'])} without a word.",
                leaving.ice_table(by_friction),
            )
        ]
    became = kinds.flow(found.personas)
    if not became.empty:
        worst = became.sort_values("silent", ascending=False).iloc[0]
        drawings["personas"] = [
            drawn(
                "What became of each kind a month on",
                "Shares of each kind, over all months looked at; where the bar is blank, not active",
                insight_figures.flow(became, "flow"),
                f"Stacked bars. Of “{worst['persona']}”, {words.percent(worst['silent'])} had left silently, "
                f"{words.percent(worst['other'])} were another kind.",
                kinds.flow_table(became),
            )
        ]
    for number, launch in enumerate(found.launches.launches):
        months = hearing.launch_months(launch)
        whole = launch.figure("contacts", "revealed")["share"]
        drawings.setdefault("channel-launch", []).append(
            drawn(
                f"“{capital(hearing.channel(launch))}”: moved or revealed",
                "Contacts with service by month; those on the new channel by who made them",
                insight_figures.channel_launch(months, f"launch{number}"),
                f"Stacked bars over {words.several(len(months), 'month')}: {words.percent(whole)} of the contacts on "
                "the new channel are of customers the others had never reached.",
                hearing.launch_table(launch, months),
            )
        )
    return drawings
