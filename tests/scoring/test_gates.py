from __future__ import annotations

from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest

from churnml.errors import DataError
from churnml.scoring import gates

DAY = date(2024, 3, 20)


@pytest.mark.parametrize(
    ("newest", "passed"),
    [
        (datetime(2024, 3, 19, 23), True),
        (datetime(2024, 3, 13, 0), True),
        (datetime(2024, 3, 12, 23), False),
        (None, False),
    ],
)
def test_freshness(newest: datetime | None, passed: bool) -> None:
    assert gates.freshness(newest, DAY, freshness_days=7).passed is passed


def test_a_future_day_is_refused_by_name() -> None:
    report = gates.freshness(datetime(2024, 3, 19), DAY, freshness_days=7, today=date(2024, 3, 19))
    assert "is in the future (today is 2024-03-19)" in report.refusals[0]
    assert gates.freshness(datetime(2024, 3, 19), DAY, freshness_days=7, today=DAY).passed


def test_nobody_to_score_is_refused() -> None:
    assert gates.population(1, DAY).passed
    assert "no customer is eligible at 2024-03-20" in gates.population(0, DAY).refusals[0]


def test_missing_features_are_refused_and_lost_values_warned_of() -> None:
    X = pd.DataFrame({"a": [1.0, np.nan, np.nan, np.nan], "b": [np.nan] * 4, "c": [1.0] * 4, "d": [np.nan] * 4})
    report = gates.features(X, ["a", "b", "c"])
    assert report.passed
    assert report.warnings == ("feature b: no value for any customer",)
    report = gates.features(X, ["a", "b", "c"], {"a": 0.5, "b": 1.0, "c": 0.0})
    assert report.warnings == ("feature a: no value for 75% of customers, 50% in training",)
    report = gates.features(X, ["a", "gone", "lost"])
    assert "2 that the model needs are missing: gone, lost" in report.refusals[0]


def test_every_refusal_is_told_at_once() -> None:
    both = gates.population(0, DAY) + gates.freshness(None, DAY, freshness_days=7)
    with pytest.raises(DataError) as raised:
        both.require()
    assert raised.value.exit_code == 65
    assert "no customer is eligible" in str(raised.value) and "events: there are none" in str(raised.value)
    assert gates.GateReport(warnings=("w",)).require().warnings == ("w",)
