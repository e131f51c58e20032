"""The report’s sentences and tables, made from its data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from churnml.insights.silent_share import Share
from churnml.report.data import ReportData
from churnml.report.words import (
    MISSING,
    SMALLER_IS_BETTER,
    count,
    day,
    listed,
    metric,
    money,
    percent,
    score,
    sentence,
    several,
    window,
)

LEADING = ("no voice before", "silent", "auroc")
"""Population, outcome and metric of the figure that leads."""

SHOWN = (
    ("no voice before", "silent", "auroc"),
    ("no voice before", "silent", "average_precision"),
    ("no voice before", "silent", "calibration_error"),
    ("everyone", "vocal", "auroc"),
    ("everyone", "all", "log_loss"),
    ("everyone", "all", "brier"),
)
"""The figures of the table of models, in its order, as far as the evaluation has them."""


@dataclass(frozen=True)
class Column:
    """A column’s head, and whether numbers stand below it."""

    head: str
    number: bool = False


@dataclass(frozen=True)
class Table:
    """A table of texts; of a text with a bar, the part after it is set small. `strong` is the column that matters most."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    strong: int | None = None


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
            f"{count(head.low)} to {count(head.high)} by chance alone; "
            f"{percent(head.expected / head.customers if head.customers else math.nan)} of those scored",
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
                f"{money(head.value_low, data.currency)} to {money(head.value_high, data.currency)} by chance alone{known}",
            )
        )
    share = silent.overall
    figures.append(
        (
            "Silent among past leavers",
            percent(share.share),
            "nobody has left yet"
            if not share.leavers
            else f"{percent(share.low)} to {percent(share.high)}, from {several(share.leavers, 'customer')} who left",
        )
    )
    return figures


def bands(data: ReportData) -> Table:
    """Customers by risk."""
    return Table(
        "Customers by risk of leaving silently",
        (Column("Risk"), Column("Customers", True), Column("Expected to leave silently", True), Column("Value at risk", True)),
        tuple(
            (sentence(str(row.risk_band))[:-1], count(row.customers), count(row.expected), money(row.value_at_risk, data.currency))
            for row in data.bands.itertuples()
        ),
    )  # fmt: skip


@dataclass(frozen=True)
class Person:
    """One of the riskiest customers, as text; `width` is the chance in hundredths, for the bar."""

    name: str
    chance: str
    width: str
    value: str
    reasons: tuple[str, ...]


def people(data: ReportData) -> list[Person]:
    """The riskiest customers."""
    columns = sorted(name for name in data.riskiest.columns if name.startswith("reason_"))
    return [
        Person(
            name=str(row["customer"]),
            chance=percent(row["p_silent"]),
            width=f"{100 * row['p_silent']:.0f}",
            value="" if pd.isna(row["value"]) else money(row["value"], data.currency),
            reasons=tuple(str(row[name]) for name in columns if not pd.isna(row[name])),
        )
        for row in data.riskiest.to_dict("records")
    ]


def theme_table(data: ReportData) -> Table:
    """The table behind the drivers' figure."""
    return Table(
        "How strongly each theme moves the model’s answer",
        (
            Column("Theme"), Column("Share of all pushes", True), Column("Mean push (log-odds)", True),
            Column("Customers it pushes towards leaving", True), Column("Features", True),
        ),
        tuple(
            (_capital(row.theme), percent(row.share), score(row.strength), percent(row.customers_towards), count(row.features))
            for row in data.theme_drivers.itertuples()
        ),
    )  # fmt: skip


def feature_table(data: ReportData, most: int = 15) -> Table:
    """The strongest single features."""
    return Table(
        "The strongest single signals",
        (Column("What is measured"), Column("Theme"), Column("Share of all pushes", True), Column("Direction")),
        tuple(
            (sentence(row.doc), _capital(row.theme), percent(row.share), _capital(row.direction))
            for row in data.feature_drivers.head(most).itertuples()
            if row.strength > 0
        ),
    )


def share_table(data: ReportData) -> Table:
    """The silent share of all leavers and of those who met friction."""
    silent = data.silent_share
    rows = [_share_row("Everyone who left", silent.overall)]
    if silent.after_friction is not None:
        rows.append(_share_row("Those who left after friction", silent.after_friction))
    return Table(
        "Of those who left, how many never said a word",
        (
            Column("Who"),
            Column("Left", True),
            Column("Silently", True),
            Column("Share", True),
            Column("95% interval", True),
        ),
        tuple(rows),
    )


def _share_row(name: str, share: Share) -> tuple[str, ...]:
    interval = MISSING if not share.leavers else f"{percent(share.low)} to {percent(share.high)}"
    return (name, count(share.leavers), count(share.silent), percent(share.share), interval)


def snapshot_table(data: ReportData) -> Table:
    """The table behind the figures over the snapshots."""
    return Table(
        "What became of the customers seen at each snapshot",
        (
            Column("Snapshot"), Column("Customers", True), Column("Stayed", True), Column("Left silently", True),
            Column("Left, having said so", True), Column("Silent share of leavers", True), Column("95% interval", True),
        ),
        tuple(
            (
                day(row.as_of), count(row.customers), count(row.retained), count(row.silent), count(row.vocal),
                percent(row.share), MISSING if not row.leavers else f"{percent(row.low)} to {percent(row.high)}",
            )
            for row in data.silent_share.by_snapshot.itertuples()
        ),
    )  # fmt: skip


def leading(frame: pd.DataFrame, outcome: str = "silent") -> tuple[pd.DataFrame, str]:
    """The rows of a frame of the evaluation for the leading population, and that population’s name."""
    rows = frame[frame["outcome"] == outcome] if "outcome" in frame.columns else frame
    for population in (LEADING[0], "everyone"):
        found = rows[rows["population"] == population]
        if not found.empty:
            return found, population
    return rows, "everyone"


def calibration_table(rows: pd.DataFrame) -> Table:
    """The table behind the calibration figure."""
    return Table(
        "Predicted chance and what happened",
        (Column("Predicted", True), Column("Observed", True), Column("95% interval", True), Column("Customers", True)),
        tuple(
            (percent(row.predicted), percent(row.observed), f"{percent(row.low)} to {percent(row.high)}", count(row.n))
            for row in rows.itertuples()
        ),
    )


def lift_table(data: ReportData, rows: pd.DataFrame) -> Table:
    """The table behind the lift figure."""
    return Table(
        "Lift: silent leavers found, in multiples of chance",
        (Column("Customers at highest risk"), Column("Model"), Column("Lift", True), Column("95% interval", True)),
        tuple(
            (percent(row.share), str(row.model), f"{row.lift:.2f}", f"{row.low:.2f} to {row.high:.2f}")
            for row in _model_first(rows, data.model, ["share"]).itertuples()
        ),
    )


def model_table(data: ReportData) -> Table:
    """Model beside baselines."""
    frame = data.metrics
    names = _models(data)
    body = []
    for population, outcome, name in SHOWN:
        rows = frame[(frame[["population", "outcome", "metric"]] == [population, outcome, name]).all(axis=1)]
        if rows.empty:
            continue
        better = "smaller" if name in SMALLER_IS_BETTER else "larger"
        cells = [f"{metric(name)}|{_of(population, outcome)}; {better} is better"]
        by_model = {row.model: f"{score(row.value)}|{_interval(row.low, row.high)}" for row in rows.itertuples()}
        body.append((*cells, *(by_model.get(one, MISSING) for one in names)))
    columns = (Column("Metric"), *(Column(name, True) for name in names))
    return Table("The model beside its baselines, on the test snapshots", columns, tuple(body), strong=1)


def _models(data: ReportData) -> list[str]:
    """The model, then recency alone, then the other baselines."""
    others = sorted(set(data.metrics["model"]) - {data.model}, key=lambda name: (not name.startswith("recency"), name))
    return [data.model, *others]


def _of(population: str, outcome: str) -> str:
    what = {"silent": "silent leavers", "vocal": "vocal leavers", "all": "all outcomes"}.get(outcome, outcome)
    return what if population == "everyone" else f"{what}, {population}"


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
    for name in _models(data)[1:]:
        for row in rows[rows["baseline"] == name].itertuples():
            verdict = "better" if row.low > 0 else "worse" if row.high < 0 else "no different"
            said = {
                "better": f"Better than “{name}” beyond noise",
                "worse": f"Worse than “{name}” beyond noise",
                "no different": f"Not distinguishable from “{name}”",
            }[verdict]
            text = f"{said}: a difference in AUROC of {row.value:+.3f} ({_interval(row.low, row.high, sign=True)})."
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
    return f"The model finds silent leavers better than {listed(better)}, beyond noise, but not better than {listed(rest)}."


def trust(data: ReportData) -> list[tuple[str, list[str]]]:
    """What a reader needs to know before acting: a heading and sentences each."""
    known = data.trust
    left = known.training_outcomes
    tests = (
        f"Judged on {several(len(known.test_snapshots), 'later snapshot')} that the model had not seen "
        f"({_span(known.test_snapshots)}): {several(known.test_rows, 'row')}, of which "
        f"{count(known.test_outcomes.get('silent', 0))} left silently and {count(known.test_outcomes.get('vocal', 0))} "
        "left having said so."
        if known.test_snapshots
        else "There was no later snapshot to judge the model on: take its figures as unproven."
    )
    learnt = [
        f"Learnt from {several(known.training_rows, 'row')} of {several(known.training_customers, 'customer')}, seen "
        f"between {day(known.training_first)} and {day(known.training_last)}: {count(left.get('silent', 0))} left silently, "
        f"{count(left.get('vocal', 0))} left having said so, {count(left.get('retained', 0))} stayed.",
        tests,
    ]
    if known.fallback:
        learnt.append(f"Note: {sentence(known.fallback)}")
    beats = [one.text for one in comparisons(data)] or ["The model was not compared with any baseline."]
    missing = [
        "The interval of the headline allows for chance alone, as if every predicted chance were right. It leaves out the "
        "model’s own error; the chart of predicted against observed chances shows how large that was on the test snapshots."
    ]
    if not known.switched_off.empty:
        missing.append(
            f"{several(len(known.switched_off), 'feature')} could not be computed from this data; the list is below."
        )
    if not known.excluded.empty:
        missing += [
            f"Not scored: {several(row.customers, 'customer')}, {row.reason}." for row in known.excluded.itertuples()
        ]
    if not known.repairs.empty:
        rows = known.repairs["count"].sum()
        missing.append(f"{several(rows, 'row')} of the sources had to be mended or left out; the list is below.")
    always = [
        "Silent means silent to the company. A complaint that cannot be linked to a customer, or was made where nobody "
        "listens, is not seen.",
        "The reasons say what the model saw in a customer’s history. They do not say what caused it, and changing what "
        "was seen need not change what happens.",
        "A customer at risk is not always worth contacting: a call can also remind people to leave. Only a trial with a "
        "control group shows whom it helps.",
        "The model expects the near future to resemble the past it learnt from. A change of prices, products or season "
        "that the data has not seen is beyond it.",
    ]
    return [
        ("What it learnt from", learnt),
        ("Is it better than a simple rule?", beats),
        ("What is left out", missing),
        ("What it cannot know", always),
    ]


def switched_off(data: ReportData) -> Table | None:
    """The features that the data does not allow."""
    frame = data.trust.switched_off
    if frame.empty:
        return None
    rows = tuple((str(row.feature), sentence(str(row.why))) for row in frame.itertuples())
    return Table("Features switched off", (Column("Feature"), Column("Why")), rows)


def repairs(data: ReportData) -> Table | None:
    """What was mended in the sources."""
    frame = data.trust.repairs
    if frame.empty:
        return None
    return Table(
        "What was mended in the sources",
        (Column("Where"), Column("What"), Column("Rows", True)),
        tuple(
            (f"{row['table']}.{row['column']}", str(row["name"]), count(row["count"]))
            for row in frame.to_dict("records")
        ),
    )


def glossary(data: ReportData) -> list[tuple[str, str]]:
    """Words and what they mean here."""
    return [
        ("Leaving", f"Here: {sentence(data.leaving)}"),
        ("Telling the company", f"Here: {sentence(data.voice)}"),
        ("Leaving silently", "Leaving without having told the company of any dissatisfaction."),
        ("Friction", "Something that would annoy anyone: an error, a failed payment, a return, a long wait."),
        ("Snapshot", "A date at which we look at all customers, knowing only what was known then."),
        ("Chance", "Of 100 customers given a chance of 20%, about 20 do leave silently, if the model is well calibrated."),
        ("Value at risk", "Each customer’s value times the chance of leaving silently, added up."),
        ("Theme", "A group of signals that tell one story. What the signals of a theme push for is added up."),
        ("95% interval", "The range that would hold the true figure in about 95 of 100 repetitions."),
        ("AUROC", "How often the model ranks a customer who left above one who did not: 0.5 is a coin, 1 is perfect."),
        ("Average precision", "How pure the top of the list is, over all lengths of the list; chance gives the share who leave."),
        ("Lift", "How many times more silent leavers a list of the riskiest holds than one of the same length drawn by lot."),
        ("Log loss, Brier score", "How far the predicted chances lie from what happened. Smaller is better."),
        ("Calibration error", "How far, on average, predicted chances lie from observed shares. Smaller is better."),
        ("Baseline", "A simple rule that a model must beat to be worth having, such as the days since last activity alone."),
        ("Log-odds", f"The scale on which pushes add up. Explained here: the {data.declared_margin}."),
    ]  # fmt: skip


def _model_first(rows: pd.DataFrame, model: str, by: Sequence[str]) -> pd.DataFrame:
    ranked = rows.assign(_rank=rows["model"].ne(model))
    return ranked.sort_values([*by, "_rank", "model"]).drop(columns="_rank")


def _interval(low: float, high: float, *, sign: bool = False) -> str:
    if math.isnan(low) or math.isnan(high):
        return "no interval"
    return f"{low:+.3f} to {high:+.3f}" if sign else f"{low:.3f} to {high:.3f}"


def _span(dates: Sequence[object]) -> str:
    ordered = sorted(pd.Timestamp(str(one)) for one in dates)
    if len(ordered) <= 3:
        return listed([day(one) for one in ordered])
    return f"{day(ordered[0])} to {day(ordered[-1])}"


def _capital(text: object) -> str:
    return str(text)[:1].upper() + str(text)[1:]
