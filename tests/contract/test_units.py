"""A number whose unit changes in mid-history is named; growth, noise and one huge value are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def sessions() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    days = pd.date_range("2023-01-01", "2023-10-31", freq="6h")
    return pd.DataFrame(
        {
            "customer_id": [f"c{number % 50}" for number in range(len(days))],
            "kind": "purchase",
            "channel": np.where(np.arange(len(days)) % 2 == 0, "app", "web"),
            "occurred_at": days,
            "duration_s": np.round(np.exp(rng.normal(6, 1, len(days)))).astype(int) + 1,
        }
    )


def test_the_same_unit_throughout_is_not_reported(counts: Any, sessions: pd.DataFrame) -> None:
    assert counts(sessions) == {}


@pytest.mark.parametrize(("factor", "day"), [(1000, "2023-06-01"), (60, "2023-06-14"), (0.01, "2023-06-01")])
def test_a_change_of_unit_is_refused_with_its_month(
    report: Any, sessions: pd.DataFrame, factor: float, day: str
) -> None:
    after = sessions["occurred_at"] >= day
    values = sessions["duration_s"].where(~after, np.maximum(np.round(sessions["duration_s"] * 100 * factor), 1))
    values = values.where(after, sessions["duration_s"] * 100).astype("int64")
    (found,) = report(sessions.assign(duration_s=values)).violations
    assert (found.key, found.severity) == ("events.purchase.duration_s: values after a change of unit", "refuse")
    words = f"{factor:.0f} times larger" if factor > 1 else f"{1 / factor:.0f} times smaller"
    assert f"about {words} from 2023-06" in found.advice
    assert found.count == int((sessions["occurred_at"] >= "2023-06-01").sum())


def test_a_change_on_one_channel_alone_is_seen(report: Any, sessions: pd.DataFrame) -> None:
    changed = (sessions["occurred_at"] >= "2023-06-01") & (sessions["channel"] == "app")
    (found,) = report(sessions.assign(duration_s=sessions["duration_s"] * np.where(changed, 1000, 1))).violations
    assert found.count == int(changed.sum())


def test_growth_and_a_huge_value_are_no_change_of_unit(counts: Any, sessions: pd.DataFrame) -> None:
    months = sessions["occurred_at"].dt.month
    assert counts(sessions.assign(duration_s=(sessions["duration_s"] * 1.6**months).astype(int))) == {}
    huge = sessions["duration_s"].where(sessions.index != 700, 10**9)
    assert counts(sessions.assign(duration_s=huge)) == {}
    one_month = sessions["duration_s"] * np.where(months == 6, 1000, 1)
    assert counts(sessions.assign(duration_s=one_month)) == {}  # it does not stay: a month of garbage, not a unit


@pytest.mark.parametrize(("kind", "named"), [("activity", True), ("contact", True), ("purchase", False)])
def test_visits_of_hours_are_no_seconds(report: Any, sessions: pd.DataFrame, kind: str, named: bool) -> None:
    """Seven minutes in milliseconds; what takes long by nature may."""
    found = report(sessions.assign(kind=kind, duration_s=sessions["duration_s"] * 1000)).violations
    assert [(each.key, each.severity) for each in found if "unit" in each.name] == (
        [(f"events.{kind}.duration_s: durations of a wrong unit", "warn")] if named else []
    )
    assert not any("unit" in each.name for each in report(sessions.assign(kind=kind)).violations)
