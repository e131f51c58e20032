"""A model that ranks next to perfectly is named, unless recency alone comes close to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from churnml.dataset import Dataset
from churnml.evaluation.honesty import HONEST, too_good
from churnml.features.fitted import Material

SNAPSHOTS = pd.date_range("2024-01-29", periods=6, freq="28D")
EACH = 500


@pytest.fixture
def rows() -> Dataset:
    """Five hundred customers at each of six snapshots, of whom two in ten leave; the leaks know nothing yet."""
    rng = np.random.default_rng(5)
    n = EACH * len(SNAPSHOTS)
    leaves = rng.random(n) < 0.2
    X = pd.DataFrame(
        {
            "quiet": leaves + rng.normal(0, 1.5, n),
            "signal": leaves + rng.normal(0, 1.5, n),
            "leak_one": rng.normal(0, 1, n),
            "leak_two": rng.normal(0, 1, n),
        }
    )
    y: Any = np.where(leaves, "silent", "retained").astype(object)
    who = [f"c{number}" for number in range(n)]
    keys = pd.DataFrame({"customer_id": who, "group_id": who, "as_of": np.repeat(SNAPSHOTS, EACH)})
    nothing = np.zeros(n)
    material = Material(np.arange(n), keys["as_of"].to_numpy(dtype="datetime64[D]"), pd.DataFrame(index=range(n)))
    recipe: Any = None
    return Dataset(keys, X, y, nothing > 1, nothing > 1, nothing, pd.DataFrame(), recipe, material)


def judged(rows: Dataset) -> Any:
    late = rows.as_of >= np.datetime64(SNAPSHOTS[4].date())
    (finding,) = too_good(rows.at(~late), rows.at(late), {"quiet"}).findings
    assert finding.gate == HONEST
    return finding


def test_an_honest_model_passes(rows: Dataset) -> None:
    assert judged(rows).verdict == "pass"


def test_a_leak_spread_over_two_features_is_named(rows: Dataset) -> None:
    left = rows.outcome == "silent"
    half = np.arange(len(left)) % 2 == 0
    rows.X["leak_one"] = rows.X["leak_one"] + 8 * (left & half)
    rows.X["leak_two"] = rows.X["leak_two"] + 8 * (left & ~half)
    found = judged(rows)
    assert found.verdict == "fail"
    assert {"leak_one", "leak_two"} < set(found.feature.split(", "))


def test_what_recency_alone_knows_is_no_leak(rows: Dataset) -> None:
    rows.X["quiet"] = rows.X["quiet"] + 8 * (rows.outcome == "silent")
    assert judged(rows).verdict == "pass"


def test_too_few_outcomes_give_no_verdict(rows: Dataset) -> None:
    assert judged(rows.at(rows.outcome == "retained")).verdict == "pass"
