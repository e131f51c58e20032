"""X, y and keys: who has a row, what is in it, and that training and scoring see the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from churnml import dataset
from churnml.config import Config, parse_config
from churnml.dataset import Dataset, Recipe
from churnml.engine import Engine, open_engine
from churnml.errors import ConfigError, DataError, ModelError
from churnml.sources import Canonical
from churnml.sources import build as build_sources

CONFIG = """
project: shop
sources:
  - path: people.parquet
    customers:
      customer_id: id
      group_id: home
      signed_up_at: since
      attributes: {plan: plan, spend_cap: cap, gender: gender}
  - path: log.parquet
    events: [{kind: {column: kind}, occurred_at: at, customer_id: id, channel: channel, amount: amount}]
attributes:
  plan: {type: category, sensitivity: none}
  spend_cap: {type: number, sensitivity: personal}
  gender: {type: category, sensitivity: protected}
eligible: {active_within_days: 60}
defection: {by: either, of: [purchase]}
voice: {kinds: [complaint], lookback_days: 30}
channels: {dark: [forum]}
snapshots: {every: 30 days, horizon_days: 30}
economics: {value_days: 100}
features: {families: [recency], friction: [error]}
"""
FIRST, SECOND, END = date(2024, 4, 1), date(2024, 5, 1), date(2024, 7, 1)
PEOPLE = [
    ("ann", "h1", "2024-01-01", "plus", 10.0, "f"),
    ("bob", "h1", "2024-01-01", "basic", None, "m"),
    ("cat", "h2", "2024-01-05", None, 5.0, "f"),
    ("dan", "h3", "2024-04-20", "basic", 1.0, "m"),
    ("eve", "h4", "2024-01-01", "plus", 2.0, "f"),
    ("fay", "h5", "2024-05-01", "plus", 2.0, "f"),
]
LOG = [
    *[("ann", "purchase", f"2024-{month:02d}-20", "web", 10.0) for month in range(1, 7)],
    ("ann", "error", "2024-03-30", "web", None),
    *[("bob", "purchase", day, "shop", 20.0) for day in ("2023-12-01", "2024-02-10", "2024-03-25")],
    ("bob", "complaint", "2024-03-20", "phone", None),
    ("cat", "purchase", "2024-03-02", "web", 30.0),
    ("cat", "complaint", "2024-03-10", "forum", None),
    ("dan", "purchase", "2024-04-21", "web", 40.0),
    ("dan", "purchase", "2024-05-21", "web", 40.0),
    ("eve", "purchase", "2024-01-10", "web", 50.0),
]


@pytest.fixture(scope="module")
def config() -> Config:
    return parse_config(CONFIG, "shop.yaml")


@pytest.fixture(scope="module")
def canonical(tmp_path_factory: pytest.TempPathFactory, config: Config, engine: Engine) -> Canonical:
    folder = tmp_path_factory.mktemp("shop")
    people = pd.DataFrame(PEOPLE, columns=["id", "home", "since", "plan", "cap", "gender"])
    log = pd.DataFrame(LOG, columns=["id", "kind", "at", "channel", "amount"])
    people["since"] = pd.to_datetime(people["since"]).astype("datetime64[us]")
    log["at"] = pd.to_datetime(log["at"]).astype("datetime64[us]")
    people.to_parquet(folder / "people.parquet")
    log.to_parquet(folder / "log.parquet")
    return build_sources(config, engine, folder)


@pytest.fixture(scope="module")
def recipe(canonical: Canonical, config: Config) -> Recipe:
    return Recipe.of(config, dataset.take_inventory(canonical, END))


@pytest.fixture(scope="module")
def data(canonical: Canonical, config: Config, engine: Engine, recipe: Recipe) -> Dataset:
    return dataset.build(canonical, config, engine, [FIRST, SECOND], recipe, labels_known_at=END)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with open_engine(parse_config(CONFIG, "shop.yaml").engine) as opened:
        yield opened


def test_rows_are_the_eligible_in_order_with_their_outcomes(data: Dataset) -> None:
    rows = list(zip(data.keys["as_of"].dt.date, data.keys["customer_id"], data.outcome, strict=True))
    assert rows == [
        (FIRST, "ann", "retained"),
        (FIRST, "bob", "vocal"),
        (FIRST, "cat", "silent"),  # complained, but where nobody listens
        (SECOND, "ann", "retained"),
        (SECOND, "bob", "silent"),  # the complaint is older than the lookback
        (SECOND, "cat", "silent"),
        (SECOND, "dan", "retained"),
    ]
    assert data.keys.loc[0, "group_id"] == data.keys.loc[1, "group_id"] == "h1"


def test_every_customer_has_a_row_or_a_reason(data: Dataset) -> None:
    days = data.excluded["as_of"].dt.strftime("%Y-%m-%d").fillna("")
    assert set(zip(days, data.excluded["customer_id"], data.excluded["reason"], strict=True)) == {
        (str(FIRST), "eve", "not active lately"),
        (str(SECOND), "eve", "not active lately"),
        ("", "fay", "signed up after the last snapshot"),
    }
    told_of = {*data.keys["customer_id"], *data.excluded["customer_id"]}
    assert told_of == {name for name, *_ in PEOPLE}
    assert data.left_out().drop(columns=["first", "last"]).values.tolist() == [
        ["not active lately", 2, 1],
        ["signed up after the last snapshot", 1, 1],
    ]


def test_protected_attributes_stand_beside_the_rows(data: Dataset) -> None:
    known = {name: gender for name, *_, gender in PEOPLE}
    assert data.protected["gender"].tolist() == [known[name] for name in data.keys["customer_id"]]
    part = data.at(data.keys["customer_id"].to_numpy() == "bob")
    assert part.protected.values.tolist() == [["m"], ["m"]]
    assert len(data.drawn(3, np.random.default_rng(0)).protected) == 3


def test_the_facts_beside_the_features(data: Dataset) -> None:
    assert data.voiced.tolist() == [False, True, False, False, False, False, False]
    assert data.friction.tolist() == [True, False, False, True, False, False, False]
    assert data.value.tolist() == [30.0, 40.0, 30.0, 30.0, 40.0, 30.0, 40.0]  # of the last hundred days


def test_who_has_spent_nothing_is_worth_nothing_and_who_spent_an_unknown_amount_is_not(
    canonical: Canonical, engine: Engine
) -> None:
    """Within 25 days before the first snapshot ann and bob have bought, cat has not."""

    def worth(books: Canonical, more: str = "") -> dict[str, float]:
        config = parse_config(CONFIG.replace("value_days: 100", f"value_days: 25{more}"), "shop.yaml")
        recipe = Recipe.of(config, dataset.take_inventory(books, END))
        found = dataset.build(books, config, engine, [FIRST], recipe, labels_known_at=END)
        night = dataset.build(books, config, engine, [FIRST], recipe, state=found.state)
        assert np.array_equal(found.value, night.value, equal_nan=True)
        return dict(zip(found.keys["customer_id"], found.value.tolist(), strict=True))

    def without_amounts(which: Any) -> Canonical:
        amount = which.ifelse(ibis.null("decimal(18, 4)"), events.amount)
        return replace(canonical, events=events.mutate(amount=amount.cast(events.amount.type())))

    events = canonical.events
    assert worth(canonical) == {"ann": 10.0, "bob": 20.0, "cat": 0.0}
    unknown = worth(without_amounts(events.customer_id == "bob"))
    assert np.isnan(unknown.pop("bob")) and unknown == {"ann": 10.0, "cat": 0.0}
    assert np.isnan([*worth(without_amounts(events.kind == "purchase")).values()]).all()
    assert np.isnan([*worth(canonical, ", value_kinds: [activity]").values()]).all()


@pytest.mark.parametrize("name", ["status", "closed", "active", "left", "reason"])
def test_an_attribute_may_be_called_what_the_timeline_is_about(
    canonical: Canonical, config: Config, engine: Engine, data: Dataset, name: str
) -> None:
    named = replace(canonical, customers=canonical.customers.rename({name: "plan"}))
    changed = CONFIG.replace("plan: plan", f"{name}: plan").replace("  plan:", f"  {name}:")
    config = parse_config(changed, "shop.yaml")
    recipe = Recipe.of(config, dataset.take_inventory(named, END))
    found = dataset.build(named, config, engine, [FIRST, SECOND], recipe, labels_known_at=END)
    pd.testing.assert_series_equal(found.X[name], data.X["plan"], check_names=False)
    assert list(found.y) == list(data.y)


def test_an_attribute_cannot_be_called_like_a_feature(canonical: Canonical) -> None:
    named = replace(canonical, customers=canonical.customers.rename({"days_since_engagement": "plan"}))
    changed = CONFIG.replace("plan: plan", "days_since_engagement: plan").replace("  plan:", "  days_since_engagement:")
    with pytest.raises(ConfigError, match="attributes: days_since_engagement: features have this name"):
        Recipe.of(parse_config(changed, "shop.yaml"), dataset.take_inventory(named, END))


def test_x_has_attributes_but_no_protected_one_and_nothing_else(data: Dataset, recipe: Recipe) -> None:
    assert list(data.X.columns) == recipe.columns
    assert {"plan", "spend_cap", "days_since_engagement"} <= set(recipe.columns)
    assert not {"gender", "outcome", "customer_id", "group_id", "as_of"} & set(recipe.columns)
    assert "protected" in recipe.switched_off["gender"]
    assert list(data.protected.columns) == ["gender"] and recipe.protected == ("gender",)
    assert [card.name for card in recipe.cards if card.personal] == ["spend_cap"]
    assert list(data.X["plan"].cat.categories) == ["basic", "plus"]
    assert data.X["plan"].isna().tolist() == [False, False, True, False, False, True, False]
    numbers = data.X.drop(columns="plan")
    assert (numbers.dtypes == "float64").all()
    assert data.X["days_since_engagement"].tolist() == [12, 7, 30, 11, 37, 60, 10]


def test_features_without_their_inputs_are_switched_off_and_say_why(recipe: Recipe) -> None:
    assert recipe.switched_off and all(recipe.switched_off.values())
    assert not set(recipe.switched_off) & set(recipe.columns)
    assert any("duration_s" in why for why in recipe.switched_off.values())


def test_scoring_sees_what_training_saw(
    data: Dataset, canonical: Canonical, config: Config, engine: Engine, recipe: Recipe
) -> None:
    night = dataset.build(canonical, config, engine, [FIRST], recipe, state=data.state)
    assert night.y is None and night.protected.columns.empty
    with pytest.raises(DataError, match="no outcomes"):
        _ = night.outcome
    trained = data.at(data.as_of == np.datetime64(FIRST))
    assert night.keys.equals(trained.keys)
    numbers = list(night.X.select_dtypes("float64").columns)
    assert night.X[numbers].equals(trained.X[numbers])
    assert night.X["plan"].astype(object).equals(trained.X["plan"].astype(object))
    alone = dataset.features_at(canonical, config, engine, recipe, FIRST, data.state)
    names = [feature.name for feature in recipe.features]
    assert alone[names].reset_index(drop=True).astype("float64").equals(night.X[names])


def test_one_query_for_many_snapshots_gives_what_one_at_a_time_gives(
    data: Dataset, canonical: Canonical, config: Config, engine: Engine, recipe: Recipe
) -> None:
    each = [dataset.build(canonical, config, engine, [day], recipe, labels_known_at=END) for day in (FIRST, SECOND)]
    pd.testing.assert_frame_equal(
        data.frame().astype({"plan": object}),
        pd.concat([part.frame().astype({"plan": object}) for part in each], ignore_index=True),
    )


def test_a_night_needs_what_its_model_has_learnt(
    canonical: Canonical, config: Config, engine: Engine, recipe: Recipe
) -> None:
    with pytest.raises(ModelError, match=r"features with fitted state \(alive\)"):
        dataset.build(canonical, config, engine, [FIRST], recipe)
    with pytest.raises(ModelError, match="no state of alive"):
        dataset.build(canonical, config, engine, [FIRST], recipe, state={})


def test_an_earlier_known_at_sees_less(
    data: Dataset, canonical: Canonical, config: Config, engine: Engine, recipe: Recipe
) -> None:
    known = datetime(2024, 3, 15)
    night = dataset.build(canonical, config, engine, [FIRST], recipe, features_known_at=known, state=data.state)
    assert night.keys["customer_id"].tolist() == ["ann", "bob", "cat"]
    assert night.X["days_since_engagement"].tolist() == [41, 51, 30]


def test_at_keeps_everything_in_step(data: Dataset) -> None:
    mask = np.array([False, True, False, False, False, True, True])
    part = data.at(mask)
    assert len(part) == len(part.X) == len(part.outcome) == len(part.voiced) == len(part.value) == len(part.friction)
    assert part.keys["customer_id"].tolist() == ["bob", "cat", "dan"]
    assert part.outcome.tolist() == ["vocal", "silent", "retained"]
    assert part.voiced.tolist() == [True, False, False]
    assert part.X.index.tolist() == [0, 1, 2]
    assert len(data.at(~mask)) + len(part) == len(data)


def test_the_table_for_people(data: Dataset) -> None:
    table = data.frame()
    assert list(table.columns) == ["customer_id", "group_id", "as_of", *data.X.columns, "voiced_before", "outcome"]
    assert len(table) == len(data)


def test_a_snapshot_with_nobody_is_an_error(
    canonical: Canonical, config: Config, engine: Engine, recipe: Recipe
) -> None:
    with pytest.raises(DataError, match="nobody is eligible"):
        dataset.build(canonical, config, engine, [FIRST - timedelta(days=3000)], recipe, labels_known_at=END)
    with pytest.raises(DataError, match="no snapshot at all"):
        dataset.build(canonical, config, engine, [], recipe, labels_known_at=END)


def test_a_large_log_taken_in_parts_gives_the_same(
    data: Dataset, canonical: Canonical, config: Config, engine: Engine, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = engine.frame(canonical.events)
    monkeypatch.setattr("churnml.engine.LARGE", 10)
    monkeypatch.setattr("churnml.engine.PART_ROWS", 2)
    stored = replace(canonical, events=engine.store(canonical.events, "large"))
    parts = dataset.parted(stored, engine)
    of_parts = [engine.frame(part.events) for part in parts]
    assert len(parts) == len(events) // 2 and min(map(len, of_parts)) == 0  # some without any row
    order = ["customer_id", "occurred_at", "kind"]
    together = pd.concat([part for part in of_parts if len(part)]).sort_values(order, ignore_index=True)
    pd.testing.assert_frame_equal(together, events.sort_values(order, ignore_index=True), check_dtype=False)
    assert max(part["customer_id"].nunique() for part in of_parts) < len(data.keys["customer_id"].unique())
    in_parts = dataset.build(stored, config, engine, [FIRST, SECOND], recipe, labels_known_at=END)
    pd.testing.assert_frame_equal(in_parts.frame(), data.frame(), check_exact=True)
    pd.testing.assert_frame_equal(in_parts.excluded, data.excluded)
    changed = replace(stored, events=stored.events.filter(stored.events.kind != "activity"))
    seen = pd.concat([engine.frame(part.events) for part in dataset.parted(changed, engine)])
    assert sorted(seen["kind"].unique()) == sorted(set(events["kind"]) - {"activity"})  # not what was stored before
    one_clock = engine.store(canonical.events.mutate(recorded_at=canonical.events.occurred_at), "one_clock")
    kept = engine.frame(one_clock).sort_values(order, ignore_index=True)
    expected = events.assign(recorded_at=events["occurred_at"]).sort_values(order, ignore_index=True)
    pd.testing.assert_frame_equal(kept, expected, check_dtype=False)


def test_customers_whom_no_hash_tells_apart_are_told_apart(
    data: Dataset, canonical: Canonical, config: Config, engine: Engine, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ibis.expr.types.StringValue.hash", lambda text: text.length().cast("int64"))
    assert engine.number(canonical.customers.customer_id.hash().nunique()) < len(set(data.keys["customer_id"]))
    again = dataset.build(canonical, config, engine, [FIRST, SECOND], recipe, labels_known_at=END)
    pd.testing.assert_frame_equal(again.frame(), data.frame(), check_exact=True)
