"""What may not change any feature, on any history: the future, the calendar, clocks, delivery, the order of rows.

Each example is written down several times over, as worlds: the same three customers once more under other names, with
what must not matter changed. One query computes them all; then they are compared, bit for bit.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import churnml
from churnml.config import Config, load_config, parse_config
from churnml.contract import CUSTOMERS, EVENTS
from churnml.contract import KINDS as EVERY_KIND
from churnml.dataset import Recipe, features_at, snapshot_features, take_inventory
from churnml.datasets.public import locate
from churnml.engine import Engine, open_engine
from churnml.evaluation.leakage import audit
from churnml.features.bgnbd import BGNBD
from churnml.features.build import computed
from churnml.features.lexicon import SENTIMENT, TOPICS
from churnml.features.registry import FAMILIES, Feature, Inventory, declare
from churnml.sources import Canonical
from churnml.sources import build as build_sources

T = date(2024, 6, 1)
CONFIG = """
project: any
timezone: Europe/Berlin
engine: {name: duckdb, threads: 1, memory_limit: 1GB}
sources: [{path: people.parquet, customers: {CUSTOMERS}}SOURCES]
kinds: [loan]
eligible: {active_within_days: 400}
defection: {by: either, of: [activity, purchase]}
channels: {digital: [web, phone], dark: [forum]}
snapshots: {every: 30 days, horizon_days: 30}
"""
CONFIG = CONFIG.replace("CUSTOMERS", "customer_id: customer_id, signed_up_at: signed_up_at, ends_at: ends_at")
ANY = parse_config(CONFIG.replace("SOURCES", ""), "any.yaml")
KINDS = tuple(sorted(EVERY_KIND - {"attribute_changed", "treatment_withheld"} | {"loan"}))
WORDS = (
    "good",
    "bad",
    "worst",
    "bill",
    "app",
    "slow",
    "staff",
    "late",
    "happy",
    "price",
    "delivery",
    "broken",
    "cancel",
)
TEXTS = [
    *("why?", "schlechter Service"),
    *(f"The {a} is {b} and {c.upper() if len(b) > 4 else a}!" for a in WORDS for b in WORDS for c in WORDS if a != b),
]
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "channel": st.sampled_from(["web", "phone", "forum", "shop"]),
    "direction": st.sampled_from(["inbound", "outbound"]),
    "name": st.sampled_from(["a", "service news", "given", "withdrawn"]),
    "amount": st.integers(-100_000, 1_000_000).map(lambda cents: cents / 100),
    "quantity": st.integers(0, 9),
    "duration_s": st.integers(0, 5000),
    "wait_s": st.integers(0, 5000),
    "rating": st.integers(0, 1000).map(lambda share: share / 1000),
    "text": st.sampled_from(TEXTS),
    "case_id": st.sampled_from(["k1", "k2"]),
    "automated": st.booleans(),
    "scripted": st.booleans(),
    "agent_id": st.sampled_from("xy"),
    "campaign_id": st.sampled_from(["m1", "m2"]),
}
History = list[dict[str, Any]]
BERLIN = ZoneInfo("Europe/Berlin")
MIDNIGHT = datetime(T.year, T.month, T.day)
ODD_MOMENTS = [
    *(MIDNIGHT, MIDNIGHT - timedelta(microseconds=1), MIDNIGHT + timedelta(microseconds=1)),
    *(datetime(2024, 3, 31, 2, 30), datetime(2024, 3, 31, 3), datetime(2023, 10, 29, 2, 30)),  # the clocks change
    *(datetime(2024, 2, 29), datetime(2024, 2, 29, 23, 59, 59, 999_999), datetime(2024, 2, 28, 12)),
]
MOMENTS = st.one_of(
    st.sampled_from(ODD_MOMENTS),
    st.integers(-40_000_000, 9_000_000).map(lambda seconds: MIDNIGHT + timedelta(seconds=seconds)),
)
SEARCH = settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # an example costs a second: too much to shrink one
)


@st.composite
def an_event(draw: Any, moments: st.SearchStrategy[datetime] = MOMENTS) -> dict[str, Any]:
    occurred = draw(moments)
    late = draw(st.one_of(st.just(timedelta()), st.integers(0, 60 * 86_400).map(lambda s: timedelta(seconds=s))))
    event = {
        "customer_id": draw(st.sampled_from(["ann", "bob", "cat"])),
        "kind": draw(st.sampled_from(KINDS)),
        "occurred_at": occurred,
        "recorded_at": draw(st.sampled_from([occurred + late, max(occurred, MIDNIGHT), occurred - late])),
        "due_at": draw(st.none() | MOMENTS),
    }
    return event | {name: draw(st.none() | values) for name, values in VALUES.items()}


HISTORIES = st.lists(an_event(), min_size=15, max_size=40)
PEOPLE: History = [
    {"customer_id": "ann", "signed_up_at": datetime(2023, 3, 1, 12)},
    {"customer_id": "bob", "signed_up_at": datetime(2024, 5, 20), "ends_at": datetime(2024, 10, 27, 2, 30)},
    {"customer_id": "cat"},
    {"customer_id": "dan", "signed_up_at": datetime(2024, 6, 1, 9)},
    {"customer_id": "eve", "signed_up_at": datetime(2023, 1, 1)},
]
FILLED = {"channel": "web", "direction": "inbound", "name": "a", "amount": 1, "quantity": 1, "duration_s": 1}
FILLED |= {"wait_s": 1, "rating": 1, "text": "x", "case_id": "k0", "automated": True, "scripted": True}
FILLED |= {"agent_id": "x", "campaign_id": "m0", "due_at": datetime(2024, 5, 1)}


def full_house() -> History:
    """One customer who met everything and came back once, so that every feature is on, and a visit of everybody."""
    moments = [datetime(2024, 4, 2, 10) + timedelta(days=number) for number in range(len(KINDS))]
    at = dict(zip(KINDS, moments, strict=True)) | {"closed": datetime(2023, 6, 1, 10)}
    return [
        {**FILLED, "customer_id": "eve", "kind": kind, "occurred_at": moment, "recorded_at": moment}
        for kind, moment in at.items()
    ] + [
        {"customer_id": name, "kind": "activity", "occurred_at": moments[0], "recorded_at": moments[0]}
        for name in ("ann", "bob", "cat", "eve")
    ]


def tables(worlds: dict[str, History], shift: timedelta = timedelta()) -> Canonical:
    """The canonical tables of some worlds, every date later by `shift`."""
    people = [person | {"customer_id": f"{person['customer_id']}@{world}"} for world in worlds for person in PEOPLE]
    events = [
        event | {"customer_id": f"{event['customer_id']}@{world}"}
        for world, history in worlds.items()
        for event in history
    ]
    return Canonical(_table(people, CUSTOMERS, shift), _table(events, EVENTS, shift))


def _table(rows: History, schema: Any, shift: timedelta) -> Any:
    return ibis.memtable(_arrow(rows, schema, shift)).cast(schema)


def _arrow(rows: History, schema: Any, shift: timedelta = timedelta()) -> pa.Table:
    columns = {}
    for name, kind in schema.items():
        values = [row.get(name) for row in rows]
        if kind == "timestamp":
            columns[name] = pa.array([value and value + shift for value in values], pa.timestamp("us"))
        elif kind.startswith("decimal"):
            columns[name] = pa.array([None if value is None else float(value) for value in values], pa.float64())
        else:
            columns[name] = pa.array(values, {"string": pa.string(), "int64": pa.int64(), "boolean": pa.bool_()}[kind])
    return pa.table(columns)


def state_of(recipe: Recipe) -> dict[str, Any]:
    """What fitted features might have learnt."""
    topics = {topic: dict.fromkeys(words, 1.0) for topic, words in TOPICS.items()}
    known = {
        "alive": {"parameters": vars(BGNBD(r=0.8, alpha=20.0, a=0.9, b=3.0))},
        "text": {"sentiment": SENTIMENT, "topics": topics, "vocabulary": 0},
    }
    norms = {"norms": {"everyone": np.linspace(0, 20, 41).tolist()}}
    return {item.name: known.get(item.name, norms) for item in recipe.fits}


class Look:
    """The whole catalogue, written once over tables that are replaced for each look."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.recipe = Recipe.of(ANY, take_inventory(self.held(tables({"all": full_house()})), T))
        self.features = snapshot_features(ANY, engine, self.recipe, state_of(self.recipe))

    def held(self, canonical: Canonical) -> Canonical:
        return Canonical(
            self.engine.materialise(canonical.customers, "customers"),
            self.engine.materialise(canonical.events, "events"),
        )

    def __call__(self, as_of: date = T, shift: timedelta = timedelta(), **worlds: History) -> dict[str, pd.DataFrame]:
        """The features of each world, one row per eligible customer."""
        return self.at(self.held(tables(worlds, shift)), as_of)

    def at(self, canonical: Canonical, as_of: date = T) -> dict[str, pd.DataFrame]:
        whole = self.features(as_of, canonical)
        worlds = whole.index.str.split("@").str[1]
        return {world: whole[worlds == world].rename(lambda who: who.split("@")[0]) for world in sorted(set(worlds))}

    def delivered(self, folder: Path, ids: tuple[str, ...], no_ids: tuple[str, ...] = ()) -> dict[str, pd.DataFrame]:
        """The features of files, with ids of their events or without."""
        return self.at(build_sources(parse_config(text_of(ids, no_ids), "any.yaml"), self.engine, folder))


@pytest.fixture(scope="module")
def look() -> Iterator[Look]:
    with open_engine(ANY.engine, ANY.timezone) as engine:
        yield Look(engine)


def same(left: pd.DataFrame, right: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(left, right, check_exact=True)


def test_nothing_of_the_catalogue_is_left_out(look: Look) -> None:
    assert {feature.family for feature in look.recipe.features} == set(FAMILIES)
    assert not look.recipe.switched_off
    features = look(one=full_house())["one"]
    assert {feature.name for feature in look.recipe.features} <= set(features.columns)


# -- the future


def has_gone(name: str, known: History) -> bool:
    """Whether a customer has closed and not come back."""
    on = {
        kinds: [
            event["occurred_at"].date() for event in known if event["customer_id"] == name and event["kind"] in kinds
        ]
        for kinds in (("closed",), ("activity", "purchase"))
    }
    closed, engaged = (max(days, default=None) for days in on.values())
    return closed is not None and (engaged is None or engaged <= closed + timedelta(days=31))


@SEARCH
@given(HISTORIES, HISTORIES)
def test_what_was_not_known_changes_nothing(look: Look, history: History, other: History) -> None:
    """Not if it is deleted, and not if it is something else, or more of it."""

    def is_known(event: dict[str, Any]) -> bool:
        return event["occurred_at"] < MIDNIGHT and event["recorded_at"] < MIDNIGHT

    known = full_house() + [event for event in history if is_known(event)]
    unknown = [event for event in other if not is_known(event)]
    poison = [event | {"occurred_at": MIDNIGHT, "recorded_at": MIDNIGHT} for event in other]
    late = [event | {"occurred_at": min(event["occurred_at"], MIDNIGHT - timedelta(days=1))} for event in other]
    late = [event | {"recorded_at": MIDNIGHT} for event in late]
    seen = look(whole=full_house() + history, deleted=known, poisoned=known + unknown + poison + late)
    gone = {name for name in ("ann", "bob", "cat", "eve") if has_gone(name, known)}
    assert {"ann", "bob", "cat", "eve"} - gone == set(seen["whole"].index)
    same(seen["whole"], seen["deleted"])
    same(seen["whole"], seen["poisoned"])


def test_what_was_known_does_change_something(look: Look) -> None:
    """The same comparison can fail: a microsecond before the snapshot counts, the snapshot itself does not."""
    event = {"customer_id": "ann", "kind": "purchase", "amount": 7, "channel": "phone"}
    edge, before = MIDNIGHT, MIDNIGHT - timedelta(microseconds=1)
    seen = look(
        plain=full_house(),
        known=[*full_house(), event | {"occurred_at": before, "recorded_at": before}],
        not_yet_known=[*full_house(), event | {"occurred_at": before, "recorded_at": edge}],
        to_come=[*full_house(), event | {"occurred_at": edge, "recorded_at": edge}],
        announced=[*full_house(), event | {"occurred_at": edge, "recorded_at": before}],
    )
    assert seen["known"].loc["ann", "days_since_engagement"] == 1
    assert not seen["known"].equals(seen["plain"])
    same(seen["not_yet_known"], seen["plain"])
    same(seen["to_come"], seen["plain"])
    same(seen["announced"], seen["plain"])


# -- the calendar and the clocks


@SEARCH
@given(HISTORIES, st.integers(-800, 800))
def test_shifting_every_date_changes_nothing(look: Look, history: History, days: int) -> None:
    """Over a leap day and changes of the clock: of the moments of a history some lie in the hour that is skipped."""
    shift = timedelta(days=days)
    events = full_house() + history
    same(look(one=events)["one"], look(T + shift, shift, one=events)["one"])


def existing(moment: datetime) -> bool:
    """Whether a wall-clock time exists in Berlin."""
    there = moment.replace(tzinfo=BERLIN)
    return there.astimezone(ZoneInfo("UTC")).astimezone(BERLIN).replace(tzinfo=None) == moment


def text_of(ids: tuple[str, ...], no_ids: tuple[str, ...] = ()) -> str:
    """The configuration with files of events, every column of which is mapped to itself (but perhaps ids)."""
    columns = [f"{name}: {name}" for name in EVENTS if name not in ("kind", "event_id")]
    mapping = ", ".join(["kind: {column: kind}", *columns])
    files = [(file, f"event_id: event_id, {mapping}") for file in ids] + [(file, mapping) for file in no_ids]
    return CONFIG.replace(
        "SOURCES", "".join(f", {{path: {file}.parquet, events: [{{{given}}}]}}" for file, given in files)
    )


def write(folder: Path, *worlds: str, **logs: pa.Table) -> None:
    people = [person | {"customer_id": f"{person['customer_id']}@{world}"} for world in worlds for person in PEOPLE]
    pq.write_table(_arrow(people, CUSTOMERS), folder / "people.parquet")
    for name, log in logs.items():
        pq.write_table(log, folder / f"{name}.parquet")


def in_world(name: str, events: History) -> pa.Table:
    marks = [
        {"customer_id": f"{event['customer_id']}@{name}", "event_id": f"{name} {n}"} for n, event in enumerate(events)
    ]
    return _arrow([event | mark for event, mark in zip(events, marks, strict=True)], EVENTS)


@settings(SEARCH, max_examples=2)
@given(HISTORIES)
def test_times_with_and_without_an_offset_are_the_same(
    look: Look, tmp_path_factory: pytest.TempPathFactory, history: History
) -> None:
    """Wall-clock times, and the moments at which they are shown: in winter, in summer, in the hour shown twice."""
    clocks = ("occurred_at", "recorded_at", "due_at")
    events = [
        event for event in full_house() + history if all(existing(event.get(name) or MIDNIGHT) for name in clocks)
    ]
    wall, moments, text = (in_world(name, events) for name in ("wall", "moments", "text"))
    for name in clocks:
        at, known = wall.schema.get_field_index(name), wall[name].to_pylist()
        there = [value and value.replace(tzinfo=BERLIN, fold=number % 2) for number, value in enumerate(known)]
        moments = moments.set_column(at, name, pa.array(there, pa.timestamp("us", "UTC")))
        text = text.set_column(at, name, wall[name].cast(pa.string()))
    folder = tmp_path_factory.mktemp("clocks")
    write(folder, "wall", "moments", "text", a=wall, b=moments, c=text)
    seen = look.delivered(folder, ("a", "b", "c"))
    same(seen["wall"], seen["moments"])
    same(seen["wall"], seen["text"])


SCRIPT = """
import json, sys
from datetime import date
from pathlib import Path
from churnml.config import load_config
from churnml.dataset import Recipe, features_at
from churnml.engine import open_engine
from churnml.features.registry import Inventory
from churnml.sources import build

folder, day = Path(sys.argv[1]), date(2024, 6, 1)
config = load_config(folder / "any.yaml")
with open_engine(config.engine, config.timezone) as engine:
    recipe = Recipe.of(config, Inventory.from_json(json.loads((folder / "inventory.json").read_text())))
    features_at(build(config, engine, folder), config, engine, recipe, day).to_parquet(folder / "there.parquet")
"""


def test_the_time_zone_of_the_host_changes_nothing(look: Look, tmp_path: Path) -> None:
    """Of wall-clock times, and of moments that a driver might show in the host's own time."""
    odd = [
        {"customer_id": who, "kind": kind, "occurred_at": moment, "recorded_at": moment, "due_at": moment}
        for who, kind in (("ann", "activity"), ("cat", "case_opened"), ("cat", "promise_made"))
        for moment in ODD_MOMENTS
    ]
    wall, moments = in_world("one", [*full_house(), *odd]), in_world("one", odd)
    for name in ("occurred_at", "recorded_at"):
        at = moments.schema.get_field_index(name)
        moments = moments.set_column(at, name, moments[name].cast(pa.timestamp("us", "UTC")))
    write(tmp_path, "one", wall=wall, moments=moments)
    (tmp_path / "any.yaml").write_text(text_of((), ("wall", "moments")))
    (tmp_path / "inventory.json").write_text(json.dumps(look.recipe.inventory.to_json()))
    search = os.pathsep.join([str(Path(churnml.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    elsewhere = os.environ | {"TZ": "Pacific/Kiritimati", "PYTHONPATH": search}  # 14 hours before UTC
    subprocess.run([sys.executable, "-c", SCRIPT, tmp_path], env=elsewhere, check=True, timeout=120)
    here = look.delivered(tmp_path, (), ("wall", "moments"))["one"]
    there = pd.read_parquet(tmp_path / "there.parquet").rename(lambda who: who.split("@")[0])
    assert len(there.columns) > 250
    same(here[there.columns], there)


# -- delivery and the order of rows


@SEARCH
@given(HISTORIES, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(look: Look, history: History, random: Any) -> None:
    """Not even that of many events at the same time: the tied worlds know two moments a year."""
    events = full_house() + history
    tied = []
    for event in events:
        noon = event["occurred_at"].replace(
            month=event["occurred_at"].month // 7 + 1, day=9, hour=12, minute=0, second=0
        )
        tied.append(event | {"occurred_at": noon, "recorded_at": noon})
    seen = look(
        one=events, shuffled=random.sample(events, len(events)), tied=tied, tied_reversed=tied[::-1],
        tied_shuffled=random.sample(tied, len(tied)),
    )  # fmt: skip
    same(seen["one"], seen["shuffled"])
    same(seen["tied"], seen["tied_reversed"])
    same(seen["tied"], seen["tied_shuffled"])


@settings(SEARCH, max_examples=2)
@given(HISTORIES)
def test_delivering_again_changes_nothing(
    look: Look, tmp_path_factory: pytest.TempPathFactory, history: History
) -> None:
    """Events with an id, in the same file or in another; a whole file under another name, with ids or without."""
    folder = tmp_path_factory.mktemp("delivery")
    once, again, copied, equal = (
        in_world(name, full_house() + history) for name in ("once", "again", "copied", "equal")
    )
    write(
        folder, "once", "again", "copied", "equal",
        once=once, doubled=pa.concat_tables([again, again.slice(3, 20)]), rest=again.slice(7),
        copied=copied, copy=copied, equal=equal, rows=equal.slice(7),
    )  # fmt: skip
    seen = look.delivered(folder, ("once", "doubled", "rest"), ("copied", "copy", "equal", "rows"))
    same(seen["once"], seen["again"])
    same(seen["once"], seen["copied"])
    assert not seen["once"].equals(seen["equal"]), "without an id, an equal row is another event"


# -- what is missing, and what there is too much of


def a_life(customer_id: str) -> History:
    """Six hundred events of every kind and with every column filled, in 400 days."""
    random = np.random.default_rng(0)
    pools = {"channel": ["web", "phone", "forum"], "case_id": ["k1", "k2", "k3"], "agent_id": ["x", "y"], "text": TEXTS}
    events = []
    for number in range(600):
        moment = MIDNIGHT - timedelta(seconds=int(random.integers(1, 400 * 86_400)))
        event = FILLED | {"customer_id": customer_id, "occurred_at": moment, "recorded_at": moment}
        event |= {"kind": KINDS[number % len(KINDS)], "due_at": moment + timedelta(days=int(random.integers(-20, 50)))}
        event |= {name: pool[int(random.integers(len(pool)))] for name, pool in pools.items()}
        event |= {name: int(random.integers(1, 100)) for name in ("amount", "quantity", "duration_s", "wait_s")}
        events.append(event | {"rating": int(random.integers(11)) / 10})
    return [event for event in events if event["kind"] != "closed"]


def needing(features: tuple[Feature, ...], column: str) -> set[str]:
    def needs(feature: Feature) -> bool:
        return column in feature.needs.columns or any(needs(used) for used in feature.inputs)

    return {feature.name for feature in features if needs(feature)}


@pytest.mark.parametrize("column", [*VALUES, "due_at"])
def test_a_column_that_is_null_everywhere_switches_off_what_needs_it(look: Look, column: str) -> None:
    recipe = look.recipe
    kinds = {kind: columns - {column} for kind, columns in recipe.inventory.kinds.items()}
    channels = () if column == "channel" else recipe.inventory.channels
    without = declare(recipe.context, Inventory(kinds, channels, recipe.inventory.customers))
    off = {name for name in without.switched_off if name not in recipe.switched_off}
    named = {feature.name for feature in recipe.features if feature.name.startswith(("channel_share", "prefers_chan"))}
    if column == "channel":  # features of a channel's own are not even declared
        off |= {feature.name for feature in recipe.features} - {feature.name for feature in without.features}
        assert named <= off
    assert off == needing(recipe.features, column)
    assert all(f"needs column {column}" in reason for name, reason in without.switched_off.items() if name in off)


def test_a_column_that_a_customer_never_fills_leaves_what_needs_it_empty(look: Look) -> None:
    """And only that: what is lost without a column must say that it needs it, or it would never be switched off."""
    events = full_house() + a_life("eve")
    seen = look(
        filled=events, **{column: [event | {column: None} for event in events] for column in [*VALUES, "due_at"]}
    )
    filled = seen.pop("filled").loc["eve"]
    for column, features in seen.items():
        assert list(features.index) == ["ann", "bob", "cat", "eve"]
        assert features["engagement_90d"].tolist() == [1, 1, 1, filled["engagement_90d"]]
        eve, needed = features.loc["eve"], needing(look.recipe.features, column)
        for feature in look.recipe.features:
            empty = np.nan if feature.empty is None else float(feature.empty)
            if column in feature.needs.columns:
                np.testing.assert_array_equal(features[feature.name], empty, err_msg=f"{feature.name} by {column}")
            elif feature.name not in needed and not np.array_equal(filled[feature.name], empty, equal_nan=True):
                assert not np.array_equal(eve[feature.name], empty, equal_nan=True), f"{feature.name} needs {column}"


def test_every_column_may_be_null_at_once(look: Look) -> None:
    nothing = dict.fromkeys([*VALUES, "due_at", "event_id"])
    canonical = tables({"all": [event | nothing for event in full_house()]})
    customers = canonical.customers.mutate(signed_up_at=ibis.null("timestamp"), ends_at=ibis.null("timestamp"))
    canonical = look.held(Canonical(customers, canonical.events))
    recipe = Recipe.of(ANY, take_inventory(canonical, T))
    features = features_at(canonical, ANY, look.engine, recipe, T, state_of(recipe))
    assert features["engagement_90d"].tolist() == [1, 1, 1, 3]
    assert {feature.name for feature in recipe.features} <= set(features.columns)
    assert 100 < len(recipe.features) < len(look.recipe.features) - 100
    assert not np.isinf(features.to_numpy()).any()


def test_customers_without_any_event_have_no_row_and_disturb_nobody(look: Look) -> None:
    events = [event for event in full_house() if event["customer_id"] not in ("ann", "cat")]
    seen = look(all=full_house(), some=events, nobody=[])
    same(seen["all"].drop(index=["ann", "cat"]), seen["some"])
    assert "nobody" not in seen


def test_one_event_a_second(look: Look) -> None:
    """A day of one customer, of every kind and on open cases, beside which the others stay as they are."""
    choices = {name: FILLED[name] for name in VALUES} | {"channel": "forum", "text": "no"}
    second = timedelta(seconds=1)
    day = [
        {**choices, "customer_id": "ann", "kind": kind, "occurred_at": moment, "recorded_at": moment}
        for kind, moment in zip(
            (KINDS[number % len(KINDS)] for number in range(86_400)),
            (MIDNIGHT - number * second for number in range(1, 86_401)),
            strict=True,
        )
        if kind != "closed"
    ]
    seen = look(busy=full_house() + day, quiet=full_house())
    same(seen["busy"].drop(index="ann"), seen["quiet"].drop(index="ann"))
    ann = seen["busy"].loc["ann"]
    assert not np.isinf(ann.to_numpy(dtype=float)).any()
    counted = pd.Series([event["kind"] for event in day]).value_counts()
    assert ann["complaint_events_30d"] == counted["complaint"] > 2000
    assert ann["engagement_7d"] == counted["activity"] + counted["purchase"]
    assert ann["active_days_7d"] == 1 and ann["days_since_engagement"] == 1
    assert ann["contacts_365d"] == counted["contact"] + counted["complaint"] + counted["case_opened"]


# -- threads


def test_one_thread_and_two_give_the_same_bytes(look: Look) -> None:
    """On more rows than two threads share out at once; DuckDB hands them out by 122,880."""
    n, random = 200_000, np.random.default_rng(0)
    before = random.integers(1, 400 * 86_400 * 10**6, n)
    occurred = np.datetime64(MIDNIGHT, "us") - before.astype("timedelta64[us]")
    kinds = random.choice([kind for kind in (*KINDS, *["activity"] * 15) if kind != "closed"], n)
    columns: dict[str, Any] = {
        "customer_id": [f"c{number}@all" for number in random.integers(0, 3000, n)],
        "kind": np.where(before > 395 * 86_400 * 10**6, "closed", kinds),  # who closed so long ago has come back
        "occurred_at": occurred,
        "recorded_at": occurred,
        "due_at": occurred + random.integers(-20, 60, n).astype("timedelta64[D]"),
        "channel": random.choice(["web", "phone", "forum", "shop"], n),
        "direction": random.choice(["inbound", "inbound", "outbound"], n),
        "name": random.choice(["a", "service news", "given", "withdrawn"], n),
        "amount": random.integers(1, 10**6, n) / 7,
        "quantity": random.integers(0, 9, n),
        "duration_s": random.integers(0, 5000, n),
        "wait_s": random.integers(0, 5000, n),
        "rating": random.integers(0, 1000, n) / 1000,
        "text": random.choice(TEXTS, n),
        "case_id": random.choice(["k1", "k2", "k3"], n),
        "automated": random.random(n) < 0.5,
        "scripted": random.random(n) < 0.5,
        "agent_id": random.choice(["x", "y"], n),
        "campaign_id": random.choice(["m1", "m2"], n),
    }
    log = pa.table(
        {name: pa.array(values, mask=random.random(n) < 0.1 * (name in VALUES)) for name, values in columns.items()}
    )
    people = pd.DataFrame({"customer_id": [f"c{number}@all" for number in range(3000)]})
    people["group_id"], people["ends_at"] = people["customer_id"], MIDNIGHT + timedelta(days=90)
    people["ends_recorded_at"] = MIDNIGHT - timedelta(days=9)
    people["signed_up_at"] = MIDNIGHT - pd.to_timedelta(random.integers(1, 500, 3000), "D")
    log = log.append_column("event_id", pa.nulls(n, pa.string()))
    canonical = look.held(
        Canonical(
            ibis.memtable(people).cast(dict(CUSTOMERS)).select(*CUSTOMERS),
            ibis.memtable(log).cast(dict(EVENTS)).select(*EVENTS),
        )
    )
    written = []
    for threads in (1, 2):
        look.engine.backend.raw_sql(f"SET threads = {threads}")
        written.append(look.at(canonical)["all"])
    look.engine.backend.raw_sql("SET threads = 1")
    assert len(written[0]) > 2900 and written[0].notna().any().all()
    same(*written)
    assert written[0].to_parquet() == written[1].to_parquet()
    alike: dict[bytes, list[str]] = {}
    for name in look.recipe.columns:
        alike.setdefault(written[0][name].to_numpy().tobytes(), []).append(name)
    assert not [names for names in alike.values() if len(names) > 1], "features that are the same in fact"


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
