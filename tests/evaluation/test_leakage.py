"""The audit passes an honest feature builder and catches each way of peeping."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from churnml import sources
from churnml.contract import CUSTOMERS, EVENTS
from churnml.dataset import Recipe, features_at, take_inventory
from churnml.engine import Engine
from churnml.errors import DataError
from churnml.evaluation.leakage import audit, single_features
from churnml.sources import Canonical
from churnml.timeline import midnight

T = date(2024, 4, 1)
Builder = Callable[[Canonical], pd.DataFrame]


def canonical() -> Canonical:
    """Two customers with a past, a future and late records; one who signs up later."""
    people = [("a", "2024-01-01"), ("b", "2024-01-05"), ("later", "2024-04-02")]
    facts = [
        ("a", "purchase", "2024-03-20 10:00", "2024-03-20 10:00", 10),
        ("a", "purchase", "2024-03-25 10:00", "2024-04-03 10:00", 20),
        ("a", "closed", "2024-04-20 10:00", "2024-04-20 10:00", None),
        ("b", "activity", "2024-03-31 23:59", "2024-03-31 23:59", None),
        ("b", "purchase", "2024-04-09 10:00", "2024-04-09 10:00", 30),
        ("later", "purchase", "2024-04-02 10:00", "2024-04-02 10:00", 40),
    ]
    customers = pd.DataFrame(people, columns=["customer_id", "signed_up_at"])
    events = pd.DataFrame(facts, columns=["customer_id", "kind", "occurred_at", "recorded_at", "amount"])
    for frame, names in ((customers, ["signed_up_at"]), (events, ["occurred_at", "recorded_at"])):
        frame[names] = frame[names].apply(lambda column: pd.to_datetime(column, format="ISO8601"))
    return Canonical(_typed(customers, CUSTOMERS), _typed(events, EVENTS))


def _typed(frame: pd.DataFrame, schema: Any) -> Any:
    table = ibis.memtable(frame)
    return table.select(
        **{name: (table[name] if name in frame else ibis.null()).cast(kind) for name, kind in schema.items()}
    )


def builder(engine: Engine, visible: Callable[[Any], Any], spine: Callable[[Canonical], Any] | None = None) -> Builder:
    """Features from the events for which `visible` holds, for the customers of `spine`."""

    def build(tables: Canonical) -> pd.DataFrame:
        events = tables.events.filter(visible(tables.events))
        on = spine(tables) if spine else tables.customers.filter(tables.customers.signed_up_at < midnight(T))
        known = events.group_by("customer_id").aggregate(
            events_ever=events.count(),
            complaints=events.count(where=events.kind == "complaint"),
            amount_ever=events.amount.sum().cast("float64"),
        )
        rows = on.select("customer_id").left_join(known, "customer_id").drop("customer_id_right")
        return engine.frame(rows).set_index("customer_id").sort_index()

    return build


def honest(events: Any) -> Any:
    return (events.occurred_at < midnight(T)) & (events.recorded_at < midnight(T))


PEEPING: dict[str, Callable[[Any], Any]] = {
    "everything": lambda e: e.occurred_at.notnull(),
    "what occurs on the day itself": lambda e: (e.occurred_at <= midnight(T)) & (e.recorded_at <= midnight(T)),
    "late records": lambda e: e.occurred_at < midnight(T),
    "what is recorded on the day itself": lambda e: (e.occurred_at < midnight(T)) & (e.recorded_at <= midnight(T)),
    "the past of those with a future": lambda e: honest(e) & (e.occurred_at.max() >= midnight(date(2024, 4, 20))),
}


def test_an_honest_builder_passes_both_gates(engine: Engine) -> None:
    result = audit(builder(engine, honest), canonical(), T)
    assert result.passed
    frame = result.frame()
    assert frame.columns.tolist() == ["gate", "verdict", "feature", "detail", "passed"]
    assert frame["gate"].tolist() == ["the future deleted", "the future poisoned"]
    assert frame["detail"].tolist() == ["3 features of 2 customers are the same at 2024-04-01"] * 2


@pytest.mark.parametrize("peeps", PEEPING)
def test_a_peeping_builder_is_caught(engine: Engine, peeps: str) -> None:
    result = audit(builder(engine, PEEPING[peeps]), canonical(), T)
    assert not result.passed
    assert "events_ever" in set(result.frame().loc[lambda frame: ~frame["passed"], "feature"])


def test_an_edge_that_only_poison_reaches_is_caught_by_poison_alone(engine: Engine) -> None:
    result = audit(builder(engine, PEEPING["what occurs on the day itself"]), canonical(), T).frame()
    assert result.groupby("gate")["passed"].all().to_dict() == {
        "the future deleted": True,
        "the future poisoned": False,
    }


def test_a_spine_that_knows_who_closes_is_caught_without_naming_anybody(engine: Engine) -> None:
    def spine(tables: Canonical) -> Any:
        return tables.customers.anti_join(tables.events.filter(tables.events.kind == "closed"), "customer_id")

    result = audit(builder(engine, honest, spine), canonical(), T).frame()
    assert not result["passed"].any()
    assert result["detail"].str.contains("customers appear or vanish").all()


def test_known_at_has_its_own_edge(engine: Engine) -> None:
    known = datetime(2024, 4, 5)
    late = builder(engine, lambda e: (e.occurred_at < midnight(T)) & (e.recorded_at < midnight(known)))
    assert audit(late, canonical(), T, known).passed
    assert not audit(late, canonical(), T).passed


def test_a_snapshot_with_nobody_proves_nothing(engine: Engine) -> None:
    nobody = builder(engine, honest, lambda tables: tables.customers.filter(tables.customers.customer_id == "x"))
    with pytest.raises(DataError, match="nothing to audit"):
        audit(nobody, canonical(), T)


def test_the_features_of_churnml_pass(shop: Any, configured: Any, engine: Engine) -> None:
    for name in ("a", "b", "c"):
        shop.customer(name)
        for day in (1, 8, 20):
            shop.event(name, "purchase", f"2024-03-{day:02}", channel="web", amount=float(day))
            shop.event(name, "complaint", f"2024-03-{day:02} 12:00", known="2024-04-02", channel="phone")
            shop.event(name, "purchase", f"2024-04-{day:02}", channel="app", amount=1.0)
        shop.event(name, "error", "2024-03-30", channel="web")
    shop.event("a", "closed", "2024-04-25")
    config = configured()
    tables = sources.build(config, engine, shop.write())
    recipe = Recipe.of(config, take_inventory(tables, date(2024, 5, 1)))
    result = audit(lambda given: features_at(given, config, engine, recipe, T), tables, T)
    assert result.passed, result.frame().to_string()


@pytest.fixture
def outcomes() -> np.ndarray:
    return np.random.default_rng(0).choice(["retained", "silent", "vocal"], size=400, p=[0.7, 0.2, 0.1])


def features(y: np.ndarray, **more: Any) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    leaves = (y != "retained").astype(float)
    return pd.DataFrame(
        {"days_since_activity": leaves + rng.normal(0, 0.8, len(y)), "noise": rng.normal(size=len(y)), **more}
    )


def test_honest_features_raise_no_alarm(outcomes: np.ndarray) -> None:
    (finding,) = single_features(features(outcomes), outcomes, {"days_since_activity"}).findings
    assert finding.passed
    assert "the strongest is noise" in finding.detail


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("outcome", ["silent", "leaving"])
def test_a_feature_that_knows_the_outcome_is_named(outcomes: np.ndarray, sign: int, outcome: str) -> None:
    target = outcomes == "silent" if outcome == "silent" else outcomes != "retained"
    X = features(outcomes, days_until_closing=sign * target.astype(float))
    (finding,) = single_features(X, outcomes, {"days_since_activity"}).findings
    assert not finding.passed
    assert finding.feature == "days_until_closing"
    assert "alone reaches AUROC 1.000" in finding.detail


def test_a_value_that_only_leavers_lack_is_named(outcomes: np.ndarray) -> None:
    X = features(outcomes, last_login=np.where(outcomes != "retained", np.nan, 1.0))
    assert single_features(X, outcomes, set()).frame().loc[lambda f: ~f["passed"], "feature"].tolist() == ["last_login"]


def test_a_category_that_knows_is_named_and_one_that_is_merely_rare_is_not(outcomes: np.ndarray) -> None:
    X = features(outcomes, status=pd.Categorical(np.where(outcomes == "retained", "live", "gone")))
    X["postcode"] = pd.Categorical([f"p{number}" for number in range(len(X))])
    failed = single_features(X, outcomes, {"days_since_activity"}).frame().loc[lambda f: ~f["passed"], "feature"]
    assert failed.tolist() == ["status"]


def at_snapshots(places: np.ndarray, seed: int = 4) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Customers of as many places at twelve snapshots, with their outcomes, which stay the same, and who they are."""
    rng = np.random.default_rng(seed)
    outcome = rng.choice(["retained", "silent"], len(places), p=[0.8, 0.2])
    who = np.tile(np.arange(len(places)), 12)
    X = pd.DataFrame({"postcode": pd.Categorical([f"p{place}" for place in places[who]])})
    return X, outcome[who], who


def test_noise_of_many_values_is_not_strong_and_their_number_is_told() -> None:
    """A postcode of three customers knows their outcomes at other snapshots, and not those of its other customers."""
    X, y, who = at_snapshots(np.random.default_rng(3).integers(0, 400, 1201))
    (finding,) = single_features(X, y, set(), who).findings
    assert finding.passed and f"the strongest is postcode, {X['postcode'].nunique()} values, AUROC" in finding.detail
    by_rows = single_features(X, y, set()).findings[0].detail
    figures = [float(detail.split("AUROC ")[1].split(";")[0]) for detail in (finding.detail, by_rows)]
    assert figures[0] < 0.56 and figures[1] > 0.7


def test_many_values_that_know_are_named_though_customers_are_divided() -> None:
    rng = np.random.default_rng(5)
    X, y, who = at_snapshots(np.zeros(1200, dtype=int))
    X["postcode"] = pd.Categorical(
        [f"p{each}" for each in np.where(y == "silent", 0, 20)[who] + rng.integers(0, 20, len(who))]
    )
    (finding,) = single_features(X, y, set(), who).findings
    assert not finding.passed and finding.detail.startswith("40 values, alone reaches AUROC")


def test_recency_may_know_and_lifts_the_limit_for_others(outcomes: np.ndarray) -> None:
    leaves = (outcomes != "retained").astype(float)
    close = leaves + np.random.default_rng(2).normal(0, 0.3, len(leaves))
    X = features(outcomes, days_since_purchase=leaves, gap=close)
    assert single_features(X, outcomes, {"days_since_activity", "days_since_purchase"}).passed
    assert not single_features(X, outcomes, {"days_since_activity"}).passed
