from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churnml.insights.silence_curve import DAYS, GAPS, silence_curve, silence_seen


def customers(n=4000, seed=5):
    draw = np.random.default_rng(seed)
    X = pd.DataFrame({"days_since_engagement": draw.integers(1, 400, n).astype(float)})
    X["overdue_ratio"] = X["days_since_engagement"] / 30
    return X, np.clip(0.02 + X["days_since_engagement"].to_numpy() / 600, 0, 0.95), draw


def test_risk_grows_with_silence_and_every_customer_is_in_one_step():
    X, p, _ = customers()
    found = silence_curve(X, p)
    for scale in (DAYS, GAPS):
        one = found[found["scale"] == scale]
        assert one["customers"].sum() == len(X) and one["expected"].is_monotonic_increasing
        assert (one["expected"] * one["customers"]).sum() == pytest.approx(p.sum())
    long = found[(found["scale"] == DAYS) & np.isinf(found["to"])]
    assert long["customers"].item() == (X["days_since_engagement"] >= 366).sum()


def test_the_interval_holds_what_chance_does_and_what_is_seen_lies_on_the_curve():
    X, p, draw = customers()
    found = silence_curve(X, p)
    found = found[found["scale"] == DAYS].set_index("step")
    inside, seen_inside = [], []
    for _ in range(100):
        outcome = np.where(draw.random(len(p)) < p, "silent", "retained")
        seen = (
            silence_seen(X, outcome, np.arange(len(p))).query("scale == @DAYS").set_index("step").drop(columns="scale")
        )
        both = found.join(seen)[found["customers"] >= 30]
        inside += list((both["seen"] >= both["low"]) & (both["seen"] <= both["high"]))
        seen_inside += list((both["expected"] >= both["seen_low"]) & (both["expected"] <= both["seen_high"]))
    assert 0.9 <= np.mean(inside) <= 0.99 and 0.9 <= np.mean(seen_inside) <= 0.99


def test_unknown_silence_is_left_out_and_a_missing_feature_is_no_scale():
    X, p, _ = customers(200)
    X.loc[:49, "overdue_ratio"] = np.nan
    found = silence_curve(X, p)
    assert found[found["scale"] == GAPS]["customers"].sum() == 150
    assert silence_curve(X[["overdue_ratio"]], p)["scale"].unique().tolist() == [GAPS]
    assert silence_curve(pd.DataFrame(index=range(200)), p).empty
