"""The future is ignored, on any history: deleted, it changes no feature; shifted in time, history is the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churnml.config import Config, load_config, parse_config
from churnml.contract import CUSTOMERS, EVENTS
from churnml.dataset import Recipe, features_at, snapshot_features, take_inventory
from churnml.datasets.public import locate
from churnml.engine import Engine, open_engine
from churnml.evaluation.leakage import audit
from churnml.features.build import computed
from churnml.sources import Canonical
from churnml.sources import build as build_sources

T = date(2024, 6, 1)
CONFIG = parse_config(
    """
project: any
engine: {name: duckdb, threads: 1}
sources: [{path: people.parquet, customers: {customer_id: id, signed_up_at: since}}]
eligible: {active_within_days: 400}
defection: {by: either, of: [activity, purchase]}
channels: {digital: [web], dark: [forum]}
snapshots: {every: 30 days, horizon_days: 30}
features: {families: [recency, complaints, outreach, feedback, experience, value]}
""",
    "any.yaml",
)
KINDS = (
    *("activity", "purchase", "return", "error", "contact", "contact_abandoned", "complaint", "cancel_requested"),
    *("case_opened", "case_responded", "case_resolved", "case_reopened", "closed", "onboarding_step", "mention"),
    *("outreach_sent", "outreach_opened", "outreach_clicked", "survey_sent", "survey_answered", "consent_changed"),
    *("promise_made", "promise_kept", "price_changed", "basket_abandoned"),
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "channel": st.sampled_from(["web", "phone", "forum"]),
    "direction": st.sampled_from(["inbound", "outbound"]),
    "name": st.sampled_from(["a", "given", "withdrawn"]),
    "amount": st.decimals(-100, 1000, places=2),
    "quantity": st.integers(0, 9),
    "duration_s": st.integers(0, 5000),
    "wait_s": st.integers(0, 5000),
    "rating": st.decimals(0, 1, places=3),
    "text": st.sampled_from(["why?", "schlechter Service"]),
    "case_id": st.sampled_from(["k1", "k2"]),
    "automated": st.booleans(),
    "scripted": st.booleans(),
    "agent_id": st.sampled_from("xy"),
    "campaign_id": st.sampled_from(["m1", "m2"]),
}
MIDNIGHT = datetime(T.year, T.month, T.day)
# Moments around the snapshot, its edge above all.
MOMENTS = st.one_of(
    st.sampled_from([MIDNIGHT, MIDNIGHT - timedelta(microseconds=1), MIDNIGHT + timedelta(microseconds=1)]),
    st.integers(-40_000_000, 9_000_000).map(lambda seconds: MIDNIGHT + timedelta(seconds=seconds)),
)
SEARCH = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def an_event(draw: Any) -> dict[str, Any]:
    occurred = draw(MOMENTS)
    late = draw(st.one_of(st.just(timedelta()), st.integers(0, 60 * 86_400).map(lambda s: timedelta(seconds=s))))
    recorded = draw(st.sampled_from([occurred + late, max(occurred, MIDNIGHT)]))
    event = {
        "customer_id": draw(st.sampled_from(["ann", "bob", "cat"])),
        "kind": draw(st.sampled_from(KINDS)),
        "occurred_at": occurred,
        "recorded_at": recorded,
        "due_at": draw(st.none() | MOMENTS),
    }
    return event | {name: draw(st.none() | values) for name, values in VALUES.items()}


HISTORIES = st.lists(an_event(), min_size=3, max_size=50)
PEOPLE = {"ann": datetime(2023, 3, 1, 12), "bob": datetime(2024, 5, 20), "cat": None, "dan": datetime(2024, 6, 1, 9)}


def full_house() -> list[dict[str, Any]]:
    """One customer who met everything long ago, so that every feature is on and everybody is compared on all."""
    filled = {"channel": "web", "direction": "inbound", "name": "a", "amount": 1, "quantity": 1, "duration_s": 1}
    filled |= {"wait_s": 1, "rating": 1, "text": "x", "case_id": "k0", "automated": True, "scripted": True}
    filled |= {"agent_id": "x", "campaign_id": "m0", "due_at": datetime(2024, 5, 1), "customer_id": "eve"}
    moments = [datetime(2024, 4, 2, 10) + timedelta(days=2 * number) for number in range(len(KINDS))]
    return [
        {**filled, "kind": kind, "occurred_at": moment, "recorded_at": moment}
        for kind, moment in zip(KINDS, moments, strict=True)
        if kind != "closed"
    ] + [
        {"customer_id": name, "kind": "activity", "occurred_at": moments[0], "recorded_at": moments[0]}
        for name in PEOPLE
        if name != "dan"
    ]


def tables(events: list[dict[str, Any]], shift: timedelta = timedelta()) -> Canonical:
    """The canonical tables of a history, every date later by `shift`."""
    people = [{"customer_id": name, "group_id": name, "signed_up_at": since} for name, since in PEOPLE.items()]
    people.append({"customer_id": "eve", "group_id": "eve", "signed_up_at": datetime(2023, 1, 1)})
    return Canonical(_table(people, CUSTOMERS, shift), _table(events, EVENTS, shift))


def _table(rows: list[dict[str, Any]], schema: dict[str, str], shift: timedelta) -> Any:
    columns = {}
    for name, kind in schema.items():
        values = [row.get(name) for row in rows]
        if kind == "timestamp":
            columns[name] = pa.array([value and value + shift for value in values], pa.timestamp("us"))
        elif kind.startswith("decimal"):
            columns[name] = pa.array([None if value is None else float(value) for value in values], pa.float64())
        else:
            columns[name] = pa.array(values, {"string": pa.string(), "int64": pa.int64(), "boolean": pa.bool_()}[kind])
    return ibis.memtable(pa.table(columns)).cast(schema)


@pytest.fixture(scope="module")
def look() -> Iterator[Callable[..., pd.DataFrame]]:
    """Compute the features of a history at a snapshot, with the recipe that the full house gives."""
    with open_engine(CONFIG.engine) as engine:
        recipe = Recipe.of(CONFIG, take_inventory(held(engine, tables(full_house())), T))

        features = snapshot_features(CONFIG, engine, recipe)

        def compute(events: list[dict[str, Any]], as_of: date = T, shift: timedelta = timedelta()) -> pd.DataFrame:
            return features(as_of, held(engine, tables(events, shift)))

        yield compute


def held(engine: Engine, canonical: Canonical) -> Canonical:
    return Canonical(
        engine.materialise(canonical.customers, "customers"), engine.materialise(canonical.events, "events")
    )


def same(left: pd.DataFrame, right: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(left, right, check_exact=False, rtol=1e-9, atol=1e-12)


@SEARCH
@given(HISTORIES)
def test_what_was_not_known_changes_nothing(look: Callable[..., pd.DataFrame], history: list[dict[str, Any]]) -> None:
    known = [e for e in history if e["occurred_at"] < MIDNIGHT and e["recorded_at"] < MIDNIGHT]
    whole = look(full_house() + history)
    assert {"ann", "bob", "cat", "eve"} - {e["customer_id"] for e in known if e["kind"] == "closed"} == set(whole.index)
    same(whole, look(full_house() + known))


def test_what_was_known_does_change_something(look: Callable[..., pd.DataFrame]) -> None:
    """The same comparison can fail: a microsecond before the snapshot counts, the snapshot itself does not."""
    event = {"customer_id": "ann", "kind": "purchase", "amount": 7, "channel": "phone"}
    edge, before = MIDNIGHT, MIDNIGHT - timedelta(microseconds=1)
    plain = look(full_house())
    for occurred, recorded, counts in ((before, before, True), (before, edge, False), (edge, edge, False)):
        seen = look([*full_house(), event | {"occurred_at": occurred, "recorded_at": recorded}])
        assert bool(seen.loc["ann", "days_since_engagement"] == 1) is counts
        assert seen.equals(plain) is not counts


@SEARCH
@given(HISTORIES, st.integers(-800, 800))
def test_shifting_every_date_changes_nothing(
    look: Callable[..., pd.DataFrame], history: list[dict[str, Any]], days: int
) -> None:
    shift = timedelta(days=days)
    same(look(full_house() + history), look(full_house() + history, as_of=T + shift, shift=shift))


@SEARCH
@given(HISTORIES, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(
    look: Callable[..., pd.DataFrame], history: list[dict[str, Any]], random: Any
) -> None:
    events = full_house() + history
    same(look(events), look(random.sample(events, len(events))))


@pytest.mark.parametrize("column", [*VALUES, "due_at", "event_id"])
def test_a_column_may_be_empty_everywhere(column: str) -> None:
    events = [event | {column: None} for event in full_house()]
    with open_engine(CONFIG.engine) as engine:
        canonical = held(engine, tables(events))
        recipe = Recipe.of(CONFIG, take_inventory(canonical, T))
        features = features_at(canonical, CONFIG, engine, recipe, T)
    assert list(features.index) == ["ann", "bob", "cat", "eve"]
    assert features["engagement_90d"].tolist() == [1, 1, 1, 2]
    assert not np.isinf(features.to_numpy()).any()


@pytest.mark.public_data
@pytest.mark.parametrize(
    ("name", "snapshots"),
    [("online_retail", (date(2010, 9, 6), date(2011, 6, 13))), ("oulad", (date(2013, 4, 5), date(2014, 1, 10)))],
)
def test_on_real_data_the_future_deleted_or_poisoned_changes_nothing(
    public_data: Path, name: str, snapshots: tuple[date, date]
) -> None:
    config: Config = load_config(Path(__file__).parents[1] / "configs" / f"{name}.yaml")
    with open_engine(config.engine, config.timezone) as engine:
        canonical = build_sources(config, engine, locate(name, public_data))
        recipe = Recipe.of(config, take_inventory(canonical, snapshots[-1]))
        features = snapshot_features(config, engine, recipe)
        for as_of in snapshots:
            result = audit(partial(features, as_of), canonical, as_of)
            assert result.passed, result.frame().to_string()
            assert len(result.findings) == 2
            for finding in result.findings:
                assert f"{len(computed(recipe.features))} features of" in finding.detail
