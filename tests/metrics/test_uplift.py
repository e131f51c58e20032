"""Effects among customers drawn by lot, held against truth that is known and against another library."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from churnml.metrics.uplift import balance, change, fifths, line, qini, shares_treated


def experiment(seed, n=4000, effect=-0.05, slope=0.0):
    """Two lots of unequal shares, customers drawn more than once, and an effect that may depend on `x`."""
    rng = np.random.default_rng(seed)
    group, first = rng.integers(0, n // 2, n), rng.random(n) < 0.5
    share = np.where(first, 0.3, 0.6)
    treated, x = rng.random(n) < share, rng.uniform(-1, 1, n)
    risk = np.where(first, 0.35, 0.2) + 0.1 * x
    true = effect + slope * x
    left = rng.random(n) < risk + treated * true
    return pd.DataFrame(
        {"left": left, "treated": treated, "stratum": np.where(first, "a", "b"), "group": group, "x": x, "risk": risk,
         "true": true}
    )  # fmt: skip


def arms(rows):
    return rows["left"], rows["treated"], rows["stratum"], rows["group"]


def test_the_difference_is_that_of_a_regression_with_a_level_for_each_lot():
    rows = experiment(1)
    found = change(*arms(rows))
    design = np.column_stack([rows["treated"], rows["stratum"] == "a"]).astype(float)
    assert found.difference == pytest.approx(LinearRegression().fit(design, rows["left"]).coef_[0], abs=1e-12)
    assert found.left_treated - found.left_control == pytest.approx(found.difference)
    assert found.saved_share == pytest.approx(-found.difference / found.left_control)


def test_intervals_hold_what_they_promise():
    truth, share = -0.05, []
    hits = []
    for seed in range(120):
        rows = experiment(seed, n=2000, effect=truth)
        found = change(*arms(rows))
        hits.append(found.low <= truth <= found.high)
        share.append(found.saved_low <= -truth / found.left_control <= found.saved_high)
    assert 0.89 <= np.mean(hits) <= 1
    assert 0.89 <= np.mean(share) <= 1


def test_repeating_every_row_makes_no_interval_narrower():
    rows = experiment(2)
    once, twice = change(*arms(rows)), change(*arms(pd.concat([rows, rows])))
    assert twice.high - twice.low == pytest.approx(once.high - once.low, rel=1e-9)


def test_unequal_lots_of_unequal_risk_feign_no_effect():
    rows = experiment(3, n=40_000, effect=0.0)
    naive = rows[rows["treated"]]["left"].mean() - rows[~rows["treated"]]["left"].mean()
    found = change(*arms(rows))
    assert naive < -0.02  # more are treated where fewer leave
    assert found.low <= 0 <= found.high


def test_a_lot_is_balanced_and_a_choice_is_not():
    values = []
    for seed in range(200):
        rows = experiment(seed, n=600)
        values.append(balance(rows[["x", "risk"]], *arms(rows)[1:]))
    assert 0.01 <= np.mean(np.array(values) < 0.05) <= 0.1
    rows = experiment(1)
    chosen = rows.assign(treated=rows["risk"] + np.random.default_rng(0).normal(0, 0.3, len(rows)) > 0.3)
    assert balance(rows[["x"]], *arms(chosen)[1:]) < 1e-6
    assert np.isnan(balance(rows[["x"]], rows["treated"] & False, rows["stratum"], rows["group"]))


def test_a_constant_or_repeated_column_changes_no_balance():
    rows = experiment(4)
    alone = balance(rows[["x"]], *arms(rows)[1:])
    more = balance(np.column_stack([rows["x"], np.ones(len(rows)), rows["x"]]), *arms(rows)[1:])
    assert more == pytest.approx(alone, rel=1e-6)


def test_the_line_finds_effects_that_differ_and_says_where_they_do_not():
    differ, same = experiment(5, n=30_000, slope=-0.08), experiment(5, n=30_000)
    found = line(*arms(differ), differ["x"] * -0.16, differ["risk"])
    assert found.slope_low <= 0.5 <= found.slope_high
    assert found.slope_low > 0
    assert found.mean == change(*arms(differ)).difference
    none = line(*arms(same), same["x"], same["risk"])
    assert none.slope_low <= 0 <= none.slope_high


def test_fifths_begin_with_those_who_gain_most():
    rows = experiment(6, n=40_000, slope=-0.1)
    found = fifths(*arms(rows), rows["true"])
    assert found["customers"].sum() == len(rows)
    assert found["expected"].is_monotonic_increasing
    assert found["high"].iloc[0] < found["low"].iloc[-1]


def test_a_qini_curve_ends_with_everybody_and_tells_orders_apart():
    rows = experiment(7, n=20_000, slope=-0.1)
    found = qini(*arms(rows), rows["true"], rows["risk"], draws=100)
    curve = found.curve
    assert curve["share"].tolist() == pytest.approx(np.linspace(0, 1, 21))
    assert curve.iloc[0][["kept", "by_risk", "at_random"]].tolist() == [0, 0, 0]
    assert curve["kept"].iloc[-1] == pytest.approx(curve["by_risk"].iloc[-1])
    assert curve["kept"].iloc[-1] == pytest.approx(-100 * change(*arms(rows)).difference, abs=0.5)
    assert found.low > 0
    assert (curve["low"] <= curve["kept"]).all()
    assert (curve["kept"] <= curve["high"]).all()
    worst = qini(*arms(rows), -rows["true"], rows["risk"], draws=50)
    assert worst.value < 0
    assert qini(*arms(rows), rows["true"], rows["risk"], draws=100).low == found.low  # the same seed, the same interval


def test_the_order_of_rows_changes_nothing():
    rows = experiment(8)
    mixed = rows.sample(frac=1, random_state=1)
    assert change(*arms(rows)).low == pytest.approx(change(*arms(mixed)).low)
    assert line(*arms(rows), rows["x"], rows["risk"]).slope == pytest.approx(
        line(*arms(mixed), mixed["x"], mixed["risk"]).slope
    )
    assert shares_treated(rows["treated"], rows["stratum"]).mean() == pytest.approx(rows["treated"].mean())


def test_nothing_to_compare_is_nan_and_no_error():
    found = change([True, False], [True, True], ["a", "a"], [1, 2])
    assert found.treated == 2
    assert np.isnan(found.difference)
    assert np.isnan(found.saved_share)


def test_parts_that_teach_each_other_do_not_make_the_slope_too_low():
    """Each part is predicted by the mean of the other: without parts, chance alone makes a slope below 0."""
    slopes = []
    for seed in range(100):
        rows = experiment(seed, n=400, effect=0.0)
        part = np.random.default_rng(seed).integers(0, 2, len(rows))
        seen = [change(*arms(rows[part == number])).difference for number in (0, 1)]
        predicted = np.where(part == 0, seen[1], seen[0]) * rows["risk"]
        slopes.append(
            [line(*arms(rows), predicted, rows["risk"]).slope, line(*arms(rows), predicted, rows["risk"], part).slope]
        )
    pooled, within = np.sign(slopes).mean(axis=0)
    assert pooled < -0.3
    assert abs(within) < 0.3
