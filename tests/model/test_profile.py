"""What training rows looked like: usual values by the snapshots that see the whole window, and what swings anyway."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from churnml.metrics.drift import SWING
from churnml.model.bundle import Bundle
from churnml.model.calibration import Calibration
from churnml.model.classifier import SilentDefectionClassifier
from churnml.model.profile import feature_drift, profile
from churnml.outcomes import OUTCOMES

BEGAN = date(2023, 1, 1)
EACH = 400
RANDOM = np.random.default_rng(5)


def snapshots(days: list[int]) -> np.ndarray:
    """`EACH` rows at each of these days after the log began."""
    return np.repeat(np.array([BEGAN + timedelta(days=each) for each in days], dtype="datetime64[D]"), EACH)


def test_a_window_is_described_by_the_snapshots_that_see_all_of_it() -> None:
    """A visit a week: 40 after 280 days, 52 a year, whatever the first snapshots can see of it."""
    days = [70, 210, 280, 385, 420]
    weeks = np.repeat([min(day, 365) // 7 for day in days], EACH).astype(float)
    X = pd.DataFrame({"visits_365d": weeks, "visits_90d": weeks, "visits": weeks, "tenure_days": 2000.0})
    looks = profile(X, snapshots(days), BEGAN)
    assert looks.quantiles["visits_365d"] == [52.0] * 5
    assert looks.quantiles["visits_90d"][0] == 30.0, "the first one sees 70 days"
    assert looks.quantiles["visits"][2] == np.median(weeks) == 40.0, "no window, no choice"
    assert profile(X).quantiles["visits_365d"][2] == 40.0


def test_where_no_snapshot_sees_the_window_the_newest_comes_nearest() -> None:
    weeks = np.repeat([10.0, 20.0, 30.0], EACH)
    X = pd.DataFrame({"visits_365d": weeks})
    assert profile(X, snapshots([70, 140, 210]), BEGAN).quantiles["visits_365d"] == [30.0] * 5


def test_customers_who_came_after_the_log_began_are_seen_whole() -> None:
    """Courses of 100 days: nobody was there before the log, so every snapshot describes a year's window."""
    days = [70, 140, 210]
    X = pd.DataFrame({"visits_365d": np.repeat([10.0, 20.0, 30.0], EACH), "tenure_days": 60.0})
    assert profile(X, snapshots(days), BEGAN).quantiles["visits_365d"][2] == 20.0
    X["tenure_days"] = np.nan  # who knows
    assert profile(X, snapshots(days), BEGAN).quantiles["visits_365d"][2] == 30.0


def test_what_swings_anyway_has_drifted_only_if_it_moves_further() -> None:
    """Bills of the last 7 days: at every third snapshot the day of the bills is among them."""
    days = [100 + 28 * each for each in range(9)]
    billed = np.repeat([each % 3 == 0 for each in range(9)], EACH) * RANDOM.integers(1, 4, 9 * EACH).astype(float)
    steady = RANDOM.poisson(3.0, 9 * EACH).astype(float)
    X = pd.DataFrame({"bills_7d": billed, "visits_7d": steady})
    looks = profile(X, snapshots(days), BEGAN).histograms
    drifted = {name: feature_drift(X[name][:EACH], looks[name], 2000) for name in X.columns}
    assert drifted["bills_7d"].excess > 0.25 and not drifted["bills_7d"].beyond(0.25), "as ever"
    assert looks["visits_7d"]["swing"] < 0.05
    outage = pd.Series(np.zeros(EACH))
    assert feature_drift(outage, looks["visits_7d"], 2000).beyond(0.25)


def test_one_odd_snapshot_is_no_habit() -> None:
    days = [100 + 28 * each for each in range(6)]
    visits = RANDOM.poisson(3.0, 6 * EACH).astype(float)
    visits[:EACH] = 0  # an outage, in training
    looks = profile(pd.DataFrame({"visits_7d": visits}), snapshots(days), BEGAN).histograms["visits_7d"]
    again = feature_drift(pd.Series(np.zeros(EACH)), looks, 2000)
    assert again.beyond(0.25) and SWING * looks["swing"] < again.excess


def test_a_bundle_calls_usual_what_the_profile_does() -> None:
    days = [70, 210, 400, 420]
    X = pd.DataFrame({"visits_365d": np.repeat([10.0, 30.0, 52.0, 52.0], EACH), "noise": np.arange(4.0 * EACH)})
    y = np.resize(np.array(OUTCOMES, dtype=object), len(X))
    model = SilentDefectionClassifier(n_estimators=2).fit(X, y)
    bundle = Bundle.build(model, Calibration.identity(OUTCOMES), X, as_of=snapshots(days), began=BEGAN)
    assert bundle.usual["visits_365d"] == bundle.medians["visits_365d"] == pytest.approx(52.0)
