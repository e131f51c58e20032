"""Fitted state: from the training rows of a fold only, the same in folds, bundles and nights, and honest about time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from churnml import dataset, sources
from churnml.config import load_config
from churnml.dataset import Dataset, snapshot_features
from churnml.engine import open_engine
from churnml.errors import ModelError
from churnml.evaluation.leakage import audit
from churnml.features import alive
from churnml.features.fitted import Fitted, Gathering, Material, columns, fit
from churnml.features.recipe import Recipe
from churnml.features.registry import Feature
from churnml.model.bundle import Bundle
from churnml.model.calibration import Calibration
from churnml.model.classifier import SilentDefectionClassifier
from churnml.model.split import RollingOriginSplit
from churnml.model.training import fit_calibrated
from churnml.model.tuning import tune
from churnml.outcomes import OUTCOMES
from churnml.workflows.score import recipe_of

END = date(2024, 9, 1)
DAYS = [date(2024, month, 1) for month in range(3, 8)]


def text_of(number: int) -> str:
    said = "This is a great bill" if number % 4 == 1 else "The price is not fair"
    return f"{said} and it is what I have to say"


CONFIG = """
project: shop
sources:
  - path: customers.parquet
    customers: {customer_id: id, signed_up_at: since}
  - path: log.parquet
    events: [{kind: {column: kind}, occurred_at: at, recorded_at: known, customer_id: id, text: text}]
eligible: {active_within_days: 60}
defection: {by: either, of: [purchase]}
voice: {kinds: [complaint], lookback_days: 30}
snapshots: {every: 30 days, horizon_days: 30}
features: {families: [recency, onboarding, text], custom: [own.py]}
"""
OWN = """
from churnml.features import *

def declare(context, inventory):
    yield Feature(
        name="texts_ever", doc="Texts on record.", unit="texts", theme="unheard feedback", grain="event", empty=0.0,
        sentence="{value:count text} on record", expression=lambda t: t.text.count(),
    )
"""


@pytest.fixture(scope="module")
def business(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A hundred and fifty customers with purchases, some of whom complain in words and some of whom leave."""
    random = np.random.default_rng(0)
    people, facts = [], []
    for number in range(150):
        name = f"c{number:03}"
        people.append((name, pd.Timestamp(2024, 1 + number % 2, 1 + number % 28)))
        until = pd.Timestamp("2024-04-01") + pd.Timedelta(days=int(random.integers(0, 150)))
        day = pd.Timestamp("2024-02-28")
        while day < until:
            facts.append((name, "purchase", day, day, None))
            day += pd.Timedelta(days=int(random.integers(1, 25)))
        if number % 2:
            at = pd.Timestamp("2024-03-05") + pd.Timedelta(days=number)
            facts.append((name, "complaint", at, at + pd.Timedelta(days=2), text_of(number)))
    folder = tmp_path_factory.mktemp("fitted")
    pd.DataFrame(people, columns=["id", "since"]).to_parquet(folder / "customers.parquet")
    pd.DataFrame(facts, columns=["id", "kind", "at", "known", "text"]).to_parquet(folder / "log.parquet")
    (folder / "own.py").write_text(OWN)
    (folder / "shop.yaml").write_text(CONFIG)
    config = load_config(folder / "shop.yaml")
    with open_engine(config.engine) as engine:
        canonical = sources.build(config, engine, folder)
        recipe = Recipe.of(config, dataset.take_inventory(canonical, END))
        data = dataset.build(canonical, config, engine, DAYS, recipe, labels_known_at=END)
        yield {"config": config, "canonical": canonical, "recipe": recipe, "data": data, "engine": engine}


def fitted_columns(data: Dataset) -> list[str]:
    return [feature.name for feature in data.recipe.features if feature.fitted]


def test_the_business_teaches_all_three_families(business: dict[str, Any]) -> None:
    data: Dataset = business["data"]
    assert list(data.X.columns) == data.recipe.columns
    assert not set(data.X.columns) & {"_active_days", "_tenure", "text"}
    for name in (
        "probability_alive",
        "engagement_first_7d_in_cohort",
        "complaint_sentiment_365d",
        "text_about_price_365d",
    ):
        assert data.X[name].notna().sum() > 50 and data.X[name].nunique() > 1, name


def test_a_fold_is_fitted_on_its_training_rows_alone(business: dict[str, Any]) -> None:
    data: Dataset = business["data"]
    train, test = (np.flatnonzero(rows) for rows in (data.as_of <= DAYS[3], data.as_of == DAYS[4]))
    learnt, judged = data.fold(train, test)
    alone = data.at(data.as_of <= DAYS[3]).fitted()
    assert alone.state != data.state, "the whole teaches something else, so the comparison can fail"
    pd.testing.assert_frame_equal(learnt.reset_index(drop=True), alone.X)
    there = data.at(data.as_of == DAYS[4]).fitted(alone.state)
    pd.testing.assert_frame_equal(judged.reset_index(drop=True), there.X)
    spoilt = data.material.values.copy()
    spoilt.iloc[test] = 999.0
    other = replace(data, material=replace(data.material, values=spoilt))
    pd.testing.assert_frame_equal(other.fold(train, test)[0], learnt)
    assert not other.fold(train, test)[1]["probability_alive"].equals(judged["probability_alive"])


def test_a_fold_is_fitted_once_however_often_it_is_asked_for(business: dict[str, Any], tmp_path: Path) -> None:
    asked: list[int] = []
    counting = Fitted(
        name="counting",
        fit=lambda rows: {"rows": asked.append(len(rows)) or len(rows)},
        apply=lambda rows, state: {"x": np.full(len(rows), float(state["rows"]))},
    )
    feature = Feature(name="n", doc="n", unit="n", theme="going quiet", sentence="n", grain="fitted", fitted=counting,
                      expression=lambda t: t["x"])  # fmt: skip
    recipe = replace(business["recipe"], features=(*business["recipe"].features, feature))
    data = replace(business["data"], recipe=recipe).fitted()
    asked.clear()
    splitter = RollingOriginSplit(2, horizon_days=30)
    base = SilentDefectionClassifier(n_estimators=5, minimum_positives=2, num_threads=1)
    folds = list(splitter.split(data.X, data.y, data.as_of))
    arguments = {"splitter": splitter, "fold": data.fold}
    fit_calibrated(data.X, data.outcome, data.as_of, classifier=base, **arguments)
    tune(data.X, data.outcome, data.as_of, base=base, trials=3, storage=tmp_path / "tuning.db", **arguments)
    assert asked == [len(train) for train, _ in folds]


def test_a_bundle_keeps_the_state_and_a_night_is_what_training_saw(business: dict[str, Any], tmp_path: Path) -> None:
    data: Dataset = business["data"]
    model = SilentDefectionClassifier(n_estimators=5, minimum_positives=2, num_threads=1).fit(data.X, data.outcome)
    cards = [card.card() for card in data.recipe.cards]
    notes = {"inventory": data.recipe.inventory.to_json(), "custom_features": dict(data.recipe.custom)}
    bundle = Bundle.build(model, Calibration.identity(OUTCOMES), data.X, cards, fitted=data.state, notes=notes)
    loaded = Bundle.load(bundle.save(tmp_path / "bundle"))
    assert loaded.fitted == data.state and loaded.digest == bundle.digest
    other = Bundle.build(
        model, Calibration.identity(OUTCOMES), data.X, cards, fitted={**data.state, "alive": {}}, notes=notes
    )
    assert other.digest != bundle.digest
    night = dataset.build(
        business["canonical"], business["config"], business["engine"], [DAYS[3]], data.recipe, state=loaded.fitted
    )
    trained = data.at(data.as_of == DAYS[3])
    both = night.keys["customer_id"].isin(trained.keys["customer_id"]).to_numpy()
    pd.testing.assert_frame_equal(night.at(both).X, trained.X, check_exact=True)
    assert np.array_equal(loaded.predict_proba(night.at(both).X), bundle.predict_proba(trained.X))

    assert recipe_of(loaded, business["config"]).columns == data.recipe.columns
    file = business["config"].file.parent / "own.py"
    file.write_text(OWN.replace("t.text.count()", "t.text.count() * 2"))
    with pytest.raises(ModelError, match=r"not those the champion was trained with: own\.py has changed; train again"):
        recipe_of(loaded, business["config"])
    file.write_text(OWN)
    plain = business["config"].changed(features={"custom": []})
    plain._file = business["config"].file
    with pytest.raises(ModelError, match=r"trained with: own\.py is not configured now; train again"):
        recipe_of(loaded, plain)
    without = Bundle.build(
        model, Calibration.identity(OUTCOMES), data.X, cards, fitted=data.state, notes=notes | {"custom_features": {}}
    )
    with pytest.raises(ModelError, match=r"trained with: own\.py was not there; train again"):
        recipe_of(without, business["config"])


def test_the_audit_sees_through_fitted_features(business: dict[str, Any]) -> None:
    data: Dataset = business["data"]
    features = snapshot_features(business["config"], business["engine"], data.recipe, data.state)
    result = audit(partial(features, DAYS[3]), business["canonical"], DAYS[3])
    assert result.passed, result.frame().to_string()
    frame = features(DAYS[3], business["canonical"])
    assert {*fitted_columns(data), "_active_days"} <= set(frame.columns)

    def peeping(canonical: Any) -> pd.DataFrame:
        known = canonical.events.filter(canonical.events.text.notnull())
        late = business["engine"].frame(known.group_by("customer_id").aggregate(n=known.count()))
        wrote = late.set_index("customer_id")["n"].reindex(frame.index)
        return frame.assign(texts_365d=wrote)

    assert "texts_365d" in set(audit(peeping, business["canonical"], DAYS[3]).frame()["feature"])


def test_a_text_is_kept_once_in_however_many_snapshots(business: dict[str, Any]) -> None:
    material = business["data"].material
    records = material.records["text"]
    assert len(records) > records["text"].nunique() == 2
    assert len(material.readings["text"].english) == 2


def test_silence_after_the_last_row_counts_as_silence(business: dict[str, Any]) -> None:
    """Who drops off the list is dead to the model: without that, nobody would ever seem to leave."""
    data: Dataset = business["data"]
    fitted = next(item for item in data.recipe.fits if item.name == "alive")
    context = data.recipe.context
    assert context.list_days == 60 and context.window_days == 30
    told = alive.fit(data.material, context.list_days, context.window_days)
    assert fitted.fit(data.material) == told
    naive = alive.fit(data.material, 0, 30)
    chance = [alive.apply(data.material, state)["alive"] for state in (told, naive) if state["parameters"]]
    assert naive["parameters"] is None or np.nanmean(chance[0]) < np.nanmean(chance[1])


def rows(n: int) -> Material:
    return Material(np.arange(n), np.full(n, np.datetime64("2024-01-01")), pd.DataFrame(index=range(n)))


def one(**parts: Any) -> Feature:
    given = {"name": "own", "fit": lambda rows: {}, "apply": lambda rows, state: {"x": np.ones(len(rows))}} | parts
    return Feature(
        name="x", doc="x", unit="x", theme="going quiet", sentence="x", grain="fitted", fitted=Fitted(**given),
        expression=lambda t: t["x"],
    )  # fmt: skip


@pytest.mark.parametrize("learnt", [{"a": np.zeros(3)}, {"a": float("nan")}, {"a": {1, 2}}])
def test_what_is_no_json_is_refused(learnt: Any) -> None:
    with pytest.raises(ModelError, match="what own has learnt cannot be kept as JSON"):
        fit([one(fit=lambda rows: learnt)], rows(3))


@pytest.mark.parametrize("made", [np.ones(2), np.full(3, np.inf), np.ones((3, 2))])
def test_what_is_no_column_is_refused(made: Any) -> None:
    with pytest.raises(ModelError, match="feature x gives other than a finite number"):
        columns([one(apply=lambda rows, state: {"x": made})], {"own": {}}, rows(3))


def test_a_state_that_is_missing_is_refused() -> None:
    with pytest.raises(ModelError, match="no state of own"):
        columns([one()], {}, rows(3))


def test_rows_keep_their_records_when_some_are_taken() -> None:
    gathering = Gathering([one(records=lambda events: events, read=lambda texts: list(texts)).fitted])  # type: ignore[list-item]
    for day in ("2024-01-01", "2024-02-01"):
        keys = pd.DataFrame({"customer_id": ["a", "b", "c"], "as_of": pd.Timestamp(day)})
        table = pd.DataFrame({"customer_id": ["c", "a", "x", "a"], "text": ["t3", "t2", "gone", "t1"]})
        gathering.add(keys, pd.DataFrame(index=range(3)), {"own": table})
    whole = gathering.material()
    assert whole.readings["own"] == ["t1", "t2", "t3"]
    assert whole.records["own"].to_numpy().tolist() == [[0, 0], [0, 1], [2, 2], [3, 0], [3, 1], [5, 2]]
    part = whole.at(np.array([2, 3]))
    assert part.records["own"].to_numpy().tolist() == [[0, 2], [1, 0], [1, 1]]
    assert whole.latest().tolist() == [3, 4, 5] and part.latest().tolist() == [1, 0]
