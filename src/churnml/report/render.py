"""Draw the report: one self-contained HTML file, readable without network or script.

The same data gives the same bytes. Every text is escaped; only the figures, which this package draws itself, go into
the page as they are.
"""

from __future__ import annotations

from markupsafe import Markup

from churnml.evaluation.evaluate import LEADING
from churnml.report import briefing, drivers, figures, silence, story, tables, words
from churnml.report.call_list import LONGEST, as_link
from churnml.report.chapters import chapters, contacting, doing
from churnml.report.chapters.pictures import pictures
from churnml.report.data import ReportData
from churnml.report.page import Figure, page
from churnml.report.page import drawn as _figure

FIRST = 10
"""So many of the call list have a card; the riskiest stand in a table to unfold."""


SAME_AS_CHANCE = 0.005
"""A rule whose lists are never further from one drawn by lot is not drawn."""


def render(data: ReportData) -> str:
    """The whole page as HTML.

    Every section stands on the page whatever the data lacks; what cannot be said is said to be missing.
    """
    people = story.people(data, data.riskiest)
    listed = people if data.first is None else story.people(data, data.first)
    told = () if data.insights is None else chapters(data.insights)
    return page(
        "report.html",
        data=data,
        briefing=briefing.answers(data),
        answer=story.answer(data),
        key_figures=story.key_figures(data),
        bands=tables.bands(data),
        people=people,
        first=[person for person in listed if person.contactable][:FIRST],
        listed=min(data.listed, LONGEST),
        doing=doing.doing(data),
        doing_pictures=doing.pictures(data),
        contacting=contacting.contacting(data),
        contacting_pictures=contacting.pictures(data),
        calls=Markup(as_link(data.calls)) if data.calls else "",
        kinds=briefing.kinds(data),
        persona_table=briefing.persona_table(data),
        changed=briefing.changed(data.changes),
        nights=_nights(data),
        drivers=drivers.main(data),
        stability=drivers.stability(data),
        shapes=drivers.shapes(data),
        feature_table=drivers.signals(data),
        by_part=drivers.by_part(data),
        curves=silence.curves(data),
        voices=() if data.quotes is None else silence.voices(data.quotes),
        topics="" if data.quotes is None else silence.topics(data.quotes),
        share_table=tables.share_table(data),
        shares=_shares(data),
        mix=_mix(data),
        calibration=_calibration(data),
        lift=_lift(data),
        model_table=tables.model_table(data),
        verdict=story.verdict_on_model(data),
        trust=story.trust(data),
        chances=story.verdict_on_chances(data),
        baselines=[(name, words.BASELINES[name]) for name in tables.models(data)[1:] if name in words.BASELINES],
        chapters=[chapter for chapter in told if chapter.known],
        untold=[chapter for chapter in told if not chapter.known],
        pictures={} if data.insights is None else pictures(data.insights),
        lists=[table for table in (tables.switched_off(data), tables.repairs(data)) if table is not None],
    )


def _nights(data: ReportData) -> Figure | None:
    if len(data.trend) < 2:
        return None
    first, last = data.trend["expected"].iloc[0], data.trend["expected"].iloc[-1]
    return _figure(
        "Customers expected to leave silently",
        "Night by night, within what chance alone allows",
        figures.nights(data.trend, "nights"),
        f"Line over {words.several(len(data.trend), 'night')}, from {words.count(first)} to {words.count(last)}.",
        briefing.trend_table(data.trend),
    )


def _shares(data: ReportData) -> Figure | None:
    frame = data.silent_share.by_snapshot
    seen = frame[frame["leavers"] > 0]
    if seen.empty:
        return None
    low, high = words.percent(seen["share"].min()), words.percent(seen["share"].max())
    return _figure(
        "Share of leavers who never said a word",
        "By snapshot, with 95% intervals; here each snapshot counts all who left, so that some are counted at several",
        figures.silent_shares(frame, "shares"),
        f"Dot chart over {words.several(len(seen), 'snapshot')}: between {low} and {high}.",
        tables.share_by_snapshot(data),
    )


def _mix(data: ReportData) -> Figure | None:
    frame = data.silent_share.by_snapshot
    if frame.empty:
        return None
    silent, aloud = (frame[outcome].sum() / frame["customers"].sum() for outcome in ("silent", "vocal"))
    return _figure(
        "Share of customers who left",
        f"{words.capital(words.after(data.lead_days, data.horizon_days))}; the others stayed",
        figures.outcome_mix(frame, "mix"),
        f"Stacked bars over {words.several(len(frame), 'snapshot')}: {words.percent(silent)} left silently on average, "
        f"{words.percent(aloud)} having said so.",
        tables.outcomes_by_snapshot(data),
    )


def _calibration(data: ReportData) -> Figure | None:
    rows, population = tables.leading(data.calibration[data.calibration["model"] == data.model])
    rows = rows[rows["n"] > 0].sort_values("predicted")
    if rows.empty:
        return None
    gap = float((rows["observed"] - rows["predicted"]).abs().max())
    return _figure(
        "When the model says 20%, do 20% leave?",
        f"Customers in groups of similar predicted chance, with 95% intervals; {_whom(population)}, test snapshots",
        figures.calibration(rows, "calibration"),
        f"Dot chart; the largest gap between predicted and observed is {gap * 100:.0f} percentage points.",
        tables.calibration_table(rows),
    )


def _lift(data: ReportData) -> Figure | None:
    rows, population = tables.leading(data.lift)
    rows = rows[rows["lift"].notna() & rows["share"].isin([0.01, 0.05, 0.1])]
    if rows.empty or not rows["model"].eq(data.model).any():
        return None
    blind = rows["lift"].sub(1).abs().groupby(rows["model"]).transform("max") < SAME_AS_CHANCE
    seeing = rows[~blind | rows["model"].eq(data.model)]
    ours = rows[rows["model"] == data.model].sort_values("share")
    summary = "; ".join(f"{row.lift:.1f} times at {words.percent(row.share)}" for row in tables.records(ours))
    return _figure(
        "How many silent leavers a short list finds",
        f"In multiples of a list drawn by lot, with 95% intervals; {_whom(population)}, test snapshots"
        + ("; rules that cannot tell them apart stand in the table only" if len(seeing) < len(rows) else ""),
        figures.lift(seeing, tables.models(data), "lift"),
        f"Dot chart. The model: {summary}.",
        tables.lift_table(data, rows),
    )


def _whom(population: str) -> str:
    return "customers who had not complained before" if population == LEADING[0] else "all customers"
