"""Parts of the rows: who is in which, the same figures as on those rows alone, and scores that are some days old."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from churnml.errors import ModelError
from churnml.evaluation.evaluate import Evaluation, evaluate
from churnml.evaluation.parts import (
    NEVER_SEEN,
    OTHER,
    SEEN,
    UNKNOWN,
    by_acquaintance,
    by_attribute,
    by_lead_time,
    by_tenure,
    by_terciles,
)
from churnml.metrics.profit import Campaign, expected_maximum_profit
from churnml.outcomes import OUTCOMES

DATES = pd.to_datetime(["2024-05-01", "2024-05-29", "2024-06-26"])
PLAIN = {"population": "everyone", "outcome": "silent", "metric": "auroc"}


def made(customers: int = 700, seed: int = 0) -> dict[str, object]:
    """Customers at three snapshots whose risk wanders, so that an old score knows less than a new one."""
    rng = np.random.default_rng(seed)
    n = 3 * customers
    risk = np.cumsum(rng.normal(0, [[1.0, 1.2, 1.2]], (customers, 3)), axis=1).ravel() - 1.0
    odds = np.exp(np.column_stack([np.zeros(n), risk, np.full(n, -2.5)]))
    p = odds / odds.sum(axis=1, keepdims=True)
    y = np.array(OUTCOMES)[(rng.random((n, 1)) > p.cumsum(axis=1)).sum(axis=1)]
    flat = np.tile(np.bincount([OUTCOMES.index(each) for each in y]) / n, (n, 1))
    ids = np.repeat([f"c{i}" for i in range(customers)], 3)
    return {
        "y": y,
        "probabilities": {"m": p, "recency only": flat, "has voiced": flat},
        "group_ids": ids,
        "voiced": np.zeros(n, bool),
        "as_of": np.tile(DATES, customers),
    }


def figure(result: Evaluation, model: str = "m", **about: str) -> pd.Series:
    table = result.breakdown
    for name, wanted in {**PLAIN, "model": model, **about}.items():
        table = table[table[name] == wanted]
    assert len(table) == 1
    return table.iloc[0]


def test_a_part_is_judged_as_if_it_were_alone() -> None:
    rows = made()
    plan = pd.Series(np.resize(["basic", "gold", "gold"], len(rows["y"])), dtype="category")
    result = evaluate(**rows, parts=by_attribute("plan", plan), n_bootstrap=60)
    gold = (plan == "gold").to_numpy()
    silent, p = rows["y"] == "silent", rows["probabilities"]["m"][:, 1]
    found = figure(result, by="plan", part="gold")
    assert found["value"] == pytest.approx(roc_auc_score(silent[gold], p[gold]))
    assert (found["n"], found["positives"]) == (gold.sum(), (silent & gold).sum())
    assert found["low"] < found["value"] < found["high"]
    alone = {name: value[gold] for name, value in rows.items() if name != "probabilities"}
    again = evaluate(**alone, probabilities={"m": rows["probabilities"]["m"][gold]}, n_bootstrap=60).metrics
    part = result.breakdown[(result.breakdown["part"] == "gold") & (result.breakdown["model"] == "m")]
    assert np.allclose(part["value"], again["value"], equal_nan=True)
    assert set(result.breakdown["model"]) == {"m", "recency only"}
    assert result.breakdown.groupby("by").size().index.tolist() == ["plan", "snapshot"]


def test_intervals_of_a_part_count_groups_not_rows() -> None:
    rows = made()
    copies = {name: np.repeat(value, 5, axis=0) for name, value in rows.items() if name != "probabilities"}
    copies["probabilities"] = {"m": np.repeat(rows["probabilities"]["m"], 5, axis=0)}
    once, often = (
        figure(evaluate(**each, n_bootstrap=100), by="snapshot", part="2024-05-29") for each in (rows, copies)
    )
    assert often["high"] - often["low"] == pytest.approx(once["high"] - once["low"], rel=1e-6)


def test_an_older_score_of_the_same_customers_knows_less() -> None:
    rows = made()
    gone = np.random.default_rng(1).random(len(rows["y"])) < 0.1  # some customers are not scored at every snapshot
    rows = {n: v[~gone] if n != "probabilities" else {k: p[~gone] for k, p in v.items()} for n, v in rows.items()}
    turn = np.random.default_rng(2).permutation(len(rows["y"]))
    rows = {n: v[turn] if n != "probabilities" else {k: p[turn] for k, p in v.items()} for n, v in rows.items()}
    result = evaluate(**rows, parts=by_lead_time(rows["group_ids"], rows["as_of"]), n_bootstrap=60)
    values = {}
    for days in (28, 56):
        earlier = figure(result, by=f"lead time {days} days", part=f"scored {days} days earlier")
        same = figure(result, by=f"lead time {days} days", part="the same customers on the day")
        assert (earlier["n"], earlier["positives"]) == (same["n"], same["positives"])
        assert earlier["high"] < same["low"]
        values[days] = earlier["value"]
    assert values[56] < values[28]
    table = pd.DataFrame(
        {"id": rows["group_ids"], "at": rows["as_of"], "y": rows["y"], "p": rows["probabilities"]["m"][:, 1]}
    )
    both = table[table["at"] == DATES[2]].merge(table[table["at"] == DATES[0]], on="id")
    assert values[56] == pytest.approx(roc_auc_score(both["y_x"] == "silent", both["p_y"]))


def test_profit_is_that_of_the_campaign_and_of_known_values() -> None:
    rows = made()
    rng = np.random.default_rng(3)
    value = np.where(rng.random(len(rows["y"])) < 0.3, np.nan, rng.lognormal(4, 1, len(rows["y"])))
    campaign = Campaign(contact_cost=3.0, customer_value=90.0)
    result = evaluate(**rows, value=value, campaign=campaign, parts=by_terciles("value", value), n_bootstrap=50)
    silent, p = rows["y"] == "silent", rows["probabilities"]["m"][:, 1]
    expected = expected_maximum_profit(silent, p, value, campaign)
    assert result.value("m", "expected_maximum_profit_by_value") == pytest.approx(expected)
    assert result.value("m", "expected_maximum_profit") == pytest.approx(
        expected_maximum_profit(silent, p, campaign=campaign)
    )
    thirds = [
        figure(result, by="value", part=part, metric="expected_maximum_profit_by_value")["value"]
        for part in ("lower third", "middle third", "upper third")
    ]
    assert thirds == sorted(thirds) and thirds[0] < thirds[2]
    unknown = figure(result, by="value", part=UNKNOWN, metric="expected_maximum_profit_by_value")
    assert np.isnan(unknown["value"])
    with pytest.raises(ModelError, match="customer values do not match"):
        evaluate(**rows, value=value[:5])


def test_parts_say_who_is_in_them() -> None:
    rare = pd.Series(["a"] * 60 + ["b"] * 55 + ["c"] * 3 + [None] * 2, dtype="category")
    assert {part.name: len(part.rows) for part in by_attribute("plan", rare)} == {"a": 60, "b": 55, OTHER: 5}
    assert [part.name for part in by_attribute("score", pd.Series([1.0, 2.0, 3.0, np.nan]))] == [
        *("lower third", "middle third", "upper third"),
        UNKNOWN,
    ]
    tenure = {part.name: part.rows.tolist() for part in by_tenure([5.0, 90.0, 364.0, 365.0, 9999.0, np.nan])}
    assert tenure == {
        "under 90 days": [0],
        "90 days to a year": [1, 2],
        "1 to 2 years": [3],
        "over 2 years": [4],
        UNKNOWN: [5],
    }
    met = {part.name: part.rows.tolist() for part in by_acquaintance(["a", "b", "a"], ["b", "x"])}
    assert met == {SEEN: [1], NEVER_SEEN: [0, 2]}
    assert by_terciles("value", [np.nan]) == [] and by_lead_time(["a"], DATES[:1]) == []
