"""The published night as one HTML page for stakeholders."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from churnml.config import Config
from churnml.errors import DataError
from churnml.features.sentences import nouns
from churnml.insights.findings import Insights
from churnml.insights.personas import rules_in_words
from churnml.insights.quotes import Quotes
from churnml.insights.silence_curve import EXPECTED, SEEN
from churnml.model.bundle import Bundle
from churnml.pseudonyms import Pseudonyms
from churnml.report import actions, nights
from churnml.report.call_list import LONGEST, WORTH, call_list
from churnml.report.campaigns import campaigns
from churnml.report.data import ReportData, Trust, empty, headline
from churnml.report.render import FIRST, render
from churnml.report.words import percent
from churnml.scoring.durable import write_text
from churnml.scoring.publish import Night, Publication, publication
from churnml.scoring.sinks import BEHIND, SCORES_FILE
from churnml.targeting.policy import CONTACT
from churnml.workflows.business import takes_path
from churnml.workflows.evidence import fallback, unpack, unpack_fairness, unpack_share
from churnml.workflows.judging import MODEL
from churnml.workflows.score import FACTS_FILE, champion

RISKIEST = 200
TREND_DAYS, TREND_NIGHTS = 180, 30
"""The trend is of so many days, and at most so many nights: each is held against its manifest first."""
READ = (*actions.COLUMNS, "likely_reason")
"""What is read of all customers; of the riskiest everything is."""


@takes_path
def report(
    config: Config,
    out: Path | None = None,
    *,
    found: Insights | None = None,
    said: Quotes | None = None,
    named: bool = False,
) -> Path:
    """Write the report of the published night; gives its path (default: `<published>/<project>/report.html`).

    `found` are the insights as known on the morning of that night; with them the page has a section more. `said`
    are a few redacted words of customers. With `named`, customers stand on it by their ids, not under pseudonyms.

    Raises
    ------
    DataError
        Nothing is published, the night was changed, or another model than the champion scored it.
    """
    place = publication(config)
    night = place.verify()
    bundle, exported = champion(config)
    manifest = night.manifest()
    if manifest["lineage"]["model"] != bundle.digest:
        raise DataError(
            f"night {night.name} was scored by version {manifest['model_version']}, but the champion is version "
            f"{exported.model.version}",
            "score the night again with the new champion",
        )
    names = None if named else Pseudonyms.load(Path(config.paths.models))
    data = report_data(config, place, night, manifest, bundle, names, found)
    path = out or place.root / "report.html"
    beside = path.resolve().parent == place.root.resolve()
    page = render(replace(data, quotes=said, scores_link=quote(data.scores_file) if beside else ""))
    return write_text(path, page)


def report_data(
    config: Config,
    place: Publication,
    night: Night,
    manifest: dict[str, Any],
    bundle: Bundle,
    names: Pseudonyms | None,
    found: Insights | None = None,
) -> ReportData:
    """Everything on the page: the night's scores beside earlier ones, the evidence from training, and insights."""
    scores = night.scores(READ).to_pandas()
    earlier = _earlier(place, night)
    before = earlier[-1] if earlier else None
    version = str(manifest["model_version"])
    columns = ["customer_id", "p_silent", "risk_band", "persona"]
    then = None if before is None else before.scores(columns).to_pandas()
    facts = json.loads((night.folder / FACTS_FILE).read_bytes())
    notes = bundle.notes
    recommended = facts.get("actions")
    plan = actions.actions(scores, recommended)
    at_risk = scores["value_at_risk"].to_numpy(dtype=float)
    chances = scores["p_silent"].to_numpy()
    value = np.divide(at_risk, chances, out=np.full(len(scores), np.nan), where=chances > 0)
    frames = ("metrics", "differences", "calibration", "lift", *(name for name in DRIVERS if name in notes))
    told: dict[str, Any] = {name: unpack(notes[name]) for name in frames}
    if "driver_shapes" in told:
        told["driver_shapes"] = impersonal(told["driver_shapes"], config)
    return ReportData(
        project=config.project,
        as_of=night.as_of,
        lead_days=config.snapshots.lead_days,
        horizon_days=config.snapshots.horizon_days,
        currency=config.economics.currency,
        leaving=leaving_in_words(config),
        voice=nouns(config.voice.kinds),
        model_version=version,
        run_id=str(manifest["run_id"]),
        headline=headline(chances, value),
        bands=_bands(scores),
        riskiest=_people(night, scores, RISKIEST, names),
        focus=nights.focus(scores),
        personas=nights.personas(scores, [persona.name for persona in config.personas], then),
        trend=nights.trend([*_chances(earlier), (night.as_of, version, scores["p_silent"])]),
        changes=None
        if before is None or then is None
        else nights.changes(scores, then, before.as_of, other_model=_version(before) != version),
        rules=rules_in_words(config.personas, bundle.features),
        **_calls(night, scores, names),
        actions=plan,
        no_actions="" if plan is not None else actions.why_none(scores, recommended),
        campaigns=campaigns(notes.get("campaigns"), unpack),
        scores_file=f"nights/{night.name}/{SCORES_FILE}",
        value_days=config.economics.value_days,
        pseudonymous=names is not None,
        theme_drivers=unpack(notes["theme_drivers"]),
        feature_drivers=unpack(notes["feature_drivers"]),
        declared_margin=notes["declared_margin"],
        silent_share=unpack_share(notes["silent_share"]) if found is None else found.silent_share,
        model=MODEL,
        trust=_trust(config, bundle, facts),
        insights=found,
        silence=_silence(facts.get("silence"), notes.get("silence")),
        engagement=nouns(config.engagement_kinds),
        **told,
    )


DRIVERS = ("theme_stability", "feature_stability", "driver_shapes", "theme_parts")
"""Notes that a bundle of an earlier version does not have."""


def impersonal(shapes: pd.DataFrame, config: Config) -> pd.DataFrame:
    """Without the values of attributes that are personal by now: an earlier version, or configuration, kept them."""
    personal = [name for name, about in config.attributes.items() if about.sensitivity == "personal"]
    return shapes[~shapes["feature"].isin(personal)]


def _silence(expected: dict[str, Any] | None, seen: dict[str, Any] | None) -> pd.DataFrame:
    """What is expected by silence beside what was seen; empty for a night that was scored without it."""
    if expected is None:
        return empty(*EXPECTED, *SEEN[3:])
    curve = unpack(expected)
    before = empty(*SEEN) if seen is None else unpack(seen)
    both = curve.merge(before.drop(columns="rows"), on=["scale", "step"], how="left")
    numbers = [name for name in both if name not in ("scale", "step", "customers")]
    return both.astype(dict.fromkeys(numbers, float)).fillna({"to": np.inf})


def leaving_in_words(config: Config) -> str:
    """What counts as leaving, as the page says it."""
    absence = f"no {nouns(config.defection.of)} for {config.snapshots.horizon_days} days"
    return {
        "closure": "closing the account",
        "inactivity": absence,
        "either": f"{absence}, or closing the account",
    }[config.defection.by]


def _bands(scores: pd.DataFrame) -> pd.DataFrame:
    bands = scores.groupby("risk_band").agg(
        customers=("customer_id", "size"), expected=("p_silent", "sum"), value_at_risk=("value_at_risk", "sum")
    )
    known = scores.groupby("risk_band")["value_at_risk"].count()
    bands["value_at_risk"] = bands["value_at_risk"].where(known > 0)
    ordered = bands.reindex([band for band in ("high", "medium", "low") if band in bands.index])
    return ordered.reset_index()


def _people(
    night: Night, scores: pd.DataFrame, most: int, names: Pseudonyms | None, by: str = "p_silent"
) -> pd.DataFrame:
    """The first customers of the rows of `scores` by a falling column, with all that the page says of one."""
    order = [by, "customer_id"]
    first = scores[order].sort_values(order, ascending=[False, True]).head(most)["customer_id"]
    people = night.scores(customers=first).to_pandas().sort_values(order, ascending=[False, True], ignore_index=True)
    ids = people["customer_id"]
    chances = people["p_silent"].to_numpy()
    at_risk = people["value_at_risk"].to_numpy(dtype=float)
    kept = [*(name for name in people if str(name).startswith("reason_")), "theme_1", *BEHIND]
    kept += [*WORTH, "action", "excluded_because"]
    return pd.DataFrame(
        {
            "customer": list(ids) if names is None else names.all(ids),
            "p_silent": chances,
            "p_vocal": people["p_vocal"],
            "value": np.divide(at_risk, chances, out=np.full(len(people), np.nan), where=chances > 0),
            "value_at_risk": at_risk,
            "risk_band": people["risk_band"],
            "persona": people["persona"],
            "channel": people["action_channel"],
            "contactable": people["excluded_because"].isna(),
            **{name: people[name] for name in kept},
        }
    )


def _calls(night: Night, scores: pd.DataFrame, names: Pseudonyms | None) -> dict[str, Any]:
    """The call list and its first customers: those to contact, the most worthwhile first.

    Where the night recommends nothing, the riskiest of those to look at first who may be contacted.
    """
    if scores["action"].isna().all():
        raised, _ = nights.chosen(scores)
        free = scores[raised & scores["excluded_because"].isna()]
        return {"calls": "" if free.empty else call_list(_people(night, free, LONGEST, names))}
    chosen = scores[scores["action"] == CONTACT]
    people = _people(night, chosen, LONGEST, names, "expected_net_value")
    return {"calls": "" if chosen.empty else call_list(people), "first": people.head(FIRST)}


def _earlier(place: Publication, night: Night) -> list[Night]:
    """The nights before that are whole, oldest first."""
    found = place.before(night.as_of, TREND_DAYS)
    return [one for one in found[-TREND_NIGHTS:] if not one.problems()]


def _chances(earlier: Iterable[Night]) -> Iterator[tuple[date, str, np.ndarray[Any, Any]]]:
    for night in earlier:
        yield night.as_of, _version(night), night.scores(["p_silent"])["p_silent"].to_numpy()


def _version(night: Night) -> str:
    return str(night.manifest()["model_version"])


def _trust(config: Config, bundle: Bundle, facts: dict[str, Any]) -> Trust:
    notes = bundle.notes
    learnt, tested = notes["all"], notes["test"]
    dates = [date.fromisoformat(day) for day in learnt["snapshots"]]
    return Trust(
        formulation=config.model.formulation,
        fallback=fallback(bundle),
        training_rows=learnt["rows"],
        training_customers=learnt["customers"],
        training_outcomes=learnt["outcomes"],
        training_first=dates[0],
        training_last=dates[-1],
        test_snapshots=tuple(date.fromisoformat(day) for day in tested["snapshots"]),
        test_rows=tested["rows"],
        test_outcomes=tested["outcomes"],
        switched_off=pd.DataFrame(sorted(notes["switched_off"].items()), columns=["feature", "why"]),
        excluded=pd.DataFrame(sorted(facts["excluded"].items()), columns=["reason", "customers"]),
        repairs=unpack(notes["repairs"]).rename(columns={"violation": "name"}),
        fairness=fairness_in_words(notes.get("fairness")),
        base_rates_moved_by=facts.get("base_rates_moved_by", {}),
    )


BEYOND_NOISE = {True: "chance alone seldom parts groups so far", False: "chance alone may part groups so far"}
"""What is said of a gap, by whether it is beyond noise."""


def fairness_in_words(packed: dict[str, Any] | None) -> tuple[str, ...]:
    """What the page says of the protected attributes: for each, between which shares the list misses leavers."""
    if packed is None:
        return ()
    if packed["skipped"]:
        return (f"By protected attribute: not judged; {packed['skipped']}.",)
    groups, gaps = unpack_fairness(packed)
    missed = groups[(groups["metric"] == "false_negative_rate") & groups["value"].notna()]
    said = []
    for name, part in missed.groupby("attribute", sort=False):
        ordered = part.sort_values("value")
        low, high = ordered.iloc[0], ordered.iloc[-1]
        gap = gaps[(gaps["attribute"] == name) & (gaps["metric"] == "false_negative_rate")]
        sure = BEYOND_NOISE.get(gap["beyond_noise"].iloc[0], "not judged against chance")
        said.append(
            f"By {str(name).replace('_', ' ')}, which is no feature: of those who left silently, a list of the tenth "
            f"at highest risk misses {percent(low['value'])} ({low['group']}) to {percent(high['value'])} "
            f"({high['group']}); {sure}."
        )
    return tuple(said)
