from __future__ import annotations

from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from churnml.config import Gates
from churnml.errors import DataError
from churnml.metrics.drift import drift
from churnml.model.profile import histogram_shares
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


def test_a_day_before_the_log_begins_is_told_from_a_log_without_events() -> None:
    (early,) = gates.freshness(None, DAY, freshness_days=7, begins=date(2024, 5, 2)).refusals
    assert "the log begins on 2024-05-02" in early and "2024-03-20" in early and "mappings" not in early
    (empty,) = gates.freshness(None, DAY, freshness_days=7).refusals
    assert "there are none" in empty and "mappings" in empty


def test_nobody_to_score_is_refused() -> None:
    assert gates.population(1, DAY).passed
    assert "no customer is eligible at 2024-03-20" in gates.population(0, DAY).refusals[0]


def told(values: pd.Series, missing: float = 0.0) -> dict[str, Any]:
    """What a bundle holds of a feature, as `Bundle.build` makes it."""
    kept = values.dropna()
    if isinstance(values.dtype, pd.CategoricalDtype):
        shares = kept.value_counts(normalize=True, sort=False)
        return {"edges": shares.index.tolist(), "shares": shares.tolist(), "missing": missing}
    edges = np.unique(np.quantile(kept, np.linspace(0, 1, 21)))
    return {"edges": edges.tolist(), "shares": histogram_shares(kept, edges), "missing": missing}


def test_missing_features_are_refused_and_lost_values_warned_of() -> None:
    X = pd.DataFrame({"a": [1.0, np.nan, np.nan, np.nan], "b": [np.nan] * 4, "c": [1.0] * 4, "d": [np.nan] * 4})
    report = gates.features(X, ["a", "b", "c"])
    assert report.passed
    assert report.warnings == ("feature b: no value for any customer",)
    trained = {name: told(pd.Series([1.0, 2.0]), missing) for name, missing in {"a": 0.5, "b": 1.0, "c": 0.0}.items()}
    report = gates.features(X, ["a", "b", "c"], trained)
    assert report.warnings == ("feature a: no value for 75% of customers, 50% in training",)
    report = gates.features(X, ["a", "gone", "lost"])
    assert "2 that the model needs are missing: gone, lost" in report.refusals[0]


def test_a_night_in_which_most_features_lost_their_values_is_refused() -> None:
    rng = np.random.default_rng(0)
    whole = pd.DataFrame(rng.normal(size=(500, 4)), columns=list("abcd"))
    trained = {name: told(whole[name]) for name in whole}
    holes = whole.assign(a=np.nan, b=np.nan)
    assert gates.features(holes, list("abcd"), trained).passed
    refused = gates.features(holes.assign(c=np.nan), list("abcd"), trained)
    assert "3 of 4 have lost their values or drifted (a, b, c)" in refused.refusals[0]
    assert gates.features(holes.assign(c=np.nan), list("abcd"), trained, limits=Gates(features_refuse=None)).passed


def test_drift_is_told_from_chance_by_the_size_of_the_sample() -> None:
    rng = np.random.default_rng(1)
    reference = told(pd.Series(rng.gamma(2.0, size=20_000)))

    def odd(values: np.ndarray) -> bool:
        return bool(gates.features(pd.DataFrame({"x": values}), ["x"], {"x": reference}, trained_rows=5_000).warnings)

    false_alarms = sum(odd(rng.gamma(2.0, size=size)) for size in (15, 40, 300, 3_000) for _ in range(50))
    assert false_alarms <= 5  # of 200; a PSI above 0.25 is seen by chance in nearly every sample of 15
    raw = [gates.feature_drift(pd.Series(rng.gamma(2.0, size=15)), reference, 5_000) for _ in range(50)]
    assert sum(moved is not None and moved.psi > 0.25 for moved in raw) > 40
    assert all(odd(rng.gamma(2.0, size=400) * 2.5) for _ in range(20))
    assert not odd(rng.gamma(2.0, size=100_000) * 1.1)  # sure, but small: no alarm


def test_psi_over_its_scale_follows_chi_squared_where_nothing_moved() -> None:
    rng = np.random.default_rng(2)
    shares = np.full(10, 0.1)
    drawn = [(rng.multinomial(2_000, shares) / 2_000, rng.multinomial(800, shares) / 800) for _ in range(2_000)]
    found = [drift(before, now, rows=800, reference_rows=2_000) for before, now in drawn]
    above = np.mean([each.psi > each.by_chance(0.05) for each in found])
    assert 0.035 < above < 0.065
    ratio = np.mean([8 * each.js / each.psi for each in found])
    assert 0.95 < ratio < 1.05


def test_categories_that_training_never_saw() -> None:
    plans = told(pd.Series(pd.Categorical(["a"] * 60 + ["b"] * 40)))

    def report(names: list[str | None]) -> gates.GateReport:
        return gates.features(pd.DataFrame({"plan": pd.Categorical(names)}), ["plan"], {"plan": plans})

    assert report(["a"] * 97 + ["new"] * 3).warnings == ()
    assert "plan: training never saw the category of 10% of customers" in report(["a"] * 90 + ["new"] * 10).warnings[0]
    assert "never saw the category of 60%" in report(["a"] * 40 + ["A"] * 60).refusals[0]
    assert "no value for 100%" in report([None] * 100).warnings[0]  # nothing is unseen where nothing is known


def test_a_volume_far_below_recent_nights_is_refused() -> None:
    usual = [gates.Volume(number, 50_000, {"purchase": 600, "error": 90}) for number in (980, 1_000, 1_100)]
    engaged = ("purchase",)
    now = gates.Volume(1_000, 50_100, {"purchase": 600, "error": 90})
    assert gates.volume(now, usual, engagement=engaged) == gates.GateReport()
    tenth = gates.Volume(100, 5_000, {"purchase": 60, "error": 90})
    refused = gates.volume(tenth, usual, engagement=engaged)
    assert [text.split(";")[0] for text in refused.refusals] == [
        "volume: 100 eligible customers, usually 1,000 (-90%)",
        "volume: 60 purchase events in 28 days, usually 600 (-90%)",
    ]
    assert refused.warnings == ("volume: 5,000 events are known, 50,000 were the night before; books only grow",)
    quiet = gates.volume(gates.Volume(1_000, 50_100, {"purchase": 600}), usual, engagement=engaged)
    assert quiet.passed and quiet.warnings == ("volume: 0 error events in 28 days, usually 90 (-100%)",)
    assert not gates.volume(tenth, [], usual_customers=1_000).passed
    assert gates.volume(tenth, [], usual_customers=1_000, limits=Gates(volume_refuse=None)).passed
    assert gates.volume(gates.Volume(2, 9, {}), [], usual_customers=20) == gates.GateReport()  # too few to judge


def test_scores_that_drift_are_warned_of_and_refused() -> None:
    rng = np.random.default_rng(3)
    test = rng.beta(1, 20, 5_000)
    edges = np.unique(np.quantile(test, np.linspace(0, 1, 11)))
    trained = {"silent": {"edges": edges.tolist(), "shares": histogram_shares(test, edges)}}

    def report(chances: np.ndarray) -> gates.GateReport:
        return gates.scores({"silent": chances}, trained, trained_rows=2_000)

    assert report(rng.beta(1, 20, 800)) == gates.GateReport()
    assert "p_silent has drifted" in report(rng.beta(1, 9, 800)).warnings[0]
    assert "p_silent has drifted" in report(rng.beta(9, 2, 800)).refusals[0]


def test_every_refusal_is_told_at_once() -> None:
    both = gates.population(0, DAY) + gates.freshness(None, DAY, freshness_days=7)
    with pytest.raises(DataError) as raised:
        both.require()
    assert raised.value.exit_code == 65
    assert "no customer is eligible" in str(raised.value) and "events: there are none" in str(raised.value)
    assert gates.GateReport(warnings=("w",)).require().warnings == ("w",)
