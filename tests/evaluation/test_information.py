"""What an audit says beside its gates: shuffled labels, the gap of a random split, changes of regime."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from churnml.contract import CUSTOMERS, EVENTS
from churnml.dataset import Dataset
from churnml.engine import Engine
from churnml.evaluation.information import regime_changes, shuffled_labels, split_gap
from churnml.features.fitted import Material
from churnml.sources import Canonical

SNAPSHOTS = pd.date_range("2024-01-29", periods=10, freq="28D")


def dataset(X: pd.DataFrame, y: Any, group: Any, as_of: Any) -> Dataset:
    n = len(X)
    keys = pd.DataFrame({"customer_id": group, "group_id": group, "as_of": pd.to_datetime(as_of)})
    empty = np.zeros(n)
    recipe: Any = None
    material = Material(np.arange(n), keys["as_of"].to_numpy(dtype="datetime64[D]"), pd.DataFrame(index=range(n)))
    return Dataset(keys, X, np.asarray(y, dtype=object), empty > 1, empty > 1, empty, pd.DataFrame(), recipe, material)


@pytest.fixture
def rows() -> Dataset:
    """Four hundred customers at ten snapshots; each has a lasting trait, known to the rows only as an odd number."""
    rng = np.random.default_rng(2)
    trait = rng.integers(0, 10**6, 400)
    leaves = rng.random(400) < 0.4
    day = np.repeat(np.arange(len(SNAPSHOTS)), 400)
    who = np.tile(np.arange(400), len(SNAPSHOTS))
    signal = leaves[who] * 0.5 + rng.normal(0, 1, len(who))
    X = pd.DataFrame({"trait": trait[who].astype(float), "signal": signal})
    y = np.where(leaves[who], "silent", np.where(rng.random(len(who)) < 0.05, "vocal", "retained"))
    return dataset(X, y, [f"c{number}" for number in who], SNAPSHOTS[day])


def parted(rows: Dataset) -> tuple[Dataset, Dataset]:
    """Learn from the even customers at the first snapshots, test on the odd ones at the last."""
    odd = rows.keys["customer_id"].str[1:].astype(int).to_numpy() % 2 == 1
    late = rows.as_of >= np.datetime64(SNAPSHOTS[6].date())
    return rows.at(~odd & ~late), rows.at(odd & late)


def numbers(text: str) -> list[float]:
    return [float(each) for each in re.findall(r"[-+]?\d+\.\d+", text)]


def test_shuffled_labels_rank_like_a_coin(rows: Dataset) -> None:
    (finding,) = shuffled_labels(*parted(rows)).findings
    middle, low, high = numbers(finding.detail)[:3]
    assert finding.verdict == "information" and low < 0.5 < high and 0.4 < middle < 0.6


def test_a_random_split_flatters_a_model_that_knows_its_customers(rows: Dataset) -> None:
    (finding,) = split_gap(*parted(rows)).findings
    by_chance, by_time, gap, low, _ = numbers(finding.detail)
    assert by_chance > by_time + 0.1 and gap == pytest.approx(by_chance - by_time, abs=0.0011) and low > 0


def test_the_same_seed_says_the_same(rows: Dataset) -> None:
    assert split_gap(*parted(rows), seed=4) == split_gap(*parted(rows), seed=4)


def contacts(
    engine: Engine, *, chat_from: str | None = None, season: bool = False, until: str = "2024-11-01"
) -> Canonical:
    days = pd.date_range("2024-01-01", until)
    rows = [("purchase", None, day, f"c{number}") for day in days for number in range(20)]
    rows += [("contact", "phone", day, f"c{number}") for day in days for number in range(4)]
    if chat_from:
        rows += [("contact", "chat", day, f"c{number}") for day in days[days >= chat_from] for number in range(3)]
    if season:
        summer = days[(days.month >= 5) & (days.month <= 7)]
        rows += [("contact", "phone", day, f"c{number}") for day in summer for number in range(8)]
    frame = pd.DataFrame(rows, columns=["kind", "channel", "occurred_at", "customer_id"])
    frame["recorded_at"] = frame["occurred_at"]
    table = ibis.memtable(frame)
    typed = table.select(**{n: (table[n] if n in frame else ibis.null()).cast(k) for n, k in EVENTS.items()})
    return Canonical(ibis.memtable([], schema=CUSTOMERS), engine.materialise(typed, "events"))


def test_a_channel_that_is_launched_is_named_with_its_day(engine: Engine, rows: Dataset) -> None:
    found = {
        each.feature: each.detail
        for each in regime_changes(contacts(engine, chat_from="2024-05-20"), rows, engine).findings
    }
    assert found.pop("channel chat") == "opens on 2024-05-20 or later; contact 4.2 for each active customer"
    assert set(found) == {"events of contact"}
    assert found["events of contact"].startswith("5.6 for each active customer before 2024-05-20, 9.8 since")


def test_a_change_after_the_last_snapshot_is_named_where_the_books_go_on(engine: Engine, rows: Dataset) -> None:
    books = contacts(engine, chat_from="2024-10-15", until="2025-01-20")
    assert [each.feature for each in regime_changes(books, rows, engine).findings] == [None]
    found = {each.feature: each.detail for each in regime_changes(books, rows, engine, date(2025, 1, 20)).findings}
    assert set(found) == {"channel chat", "events of contact"}
    assert found["channel chat"].startswith("opens on 2024-10-07 or later")


def test_the_period_in_which_something_changes_is_no_exception_of_those_before(engine: Engine, rows: Dataset) -> None:
    books = contacts(engine, chat_from="2024-07-22", until="2025-01-20")
    found = {each.feature: each.detail for each in regime_changes(books, rows, engine, date(2025, 1, 20)).findings}
    assert found["channel chat"].startswith("opens on 2024-07-15 or later")


def test_a_season_is_no_change_of_regime(engine: Engine, rows: Dataset) -> None:
    (finding,) = regime_changes(contacts(engine, season=True), rows, engine).findings
    assert finding.feature is None and finding.verdict == "information"


def test_leaving_twice_as_often_from_some_day_on_is_named(engine: Engine, rows: Dataset) -> None:
    rng = np.random.default_rng(1)
    late = rows.as_of >= np.datetime64(SNAPSHOTS[5].date())
    y = np.where(rng.random(len(late)) < np.where(late, 0.5, 0.1), "silent", "retained")
    changed = dataset(rows.X, y, rows.keys["customer_id"], rows.keys["as_of"])
    (finding,) = regime_changes(contacts(engine), changed, engine).findings
    assert finding.feature == "silent leavers" and f"{SNAPSHOTS[5]:%Y-%m-%d}" in finding.detail
