from __future__ import annotations

import numpy as np
import pytest

from churnml.report.data import headline


def test_expected_count_interval_holds_what_chance_does():
    draw = np.random.default_rng(11)
    p = draw.beta(0.7, 5, 2000)
    found = headline(p, np.full(2000, np.nan))
    counts = (draw.random((400, 2000)) < p).sum(axis=1)
    inside = ((counts >= found.low) & (counts <= found.high)).mean()
    assert found.expected == pytest.approx(p.sum())
    assert 0.91 <= inside <= 0.985


def test_value_at_risk_interval_holds_what_chance_does():
    draw = np.random.default_rng(12)
    p, value = draw.beta(0.7, 5, 2000), draw.lognormal(4, 1, 2000)
    found = headline(p, value)
    lost = ((draw.random((400, 2000)) < p) * value).sum(axis=1)
    assert found.value_at_risk == pytest.approx((p * value).sum())
    assert 0.9 <= ((lost >= found.value_low) & (lost <= found.value_high)).mean() <= 0.99


def test_value_counts_only_where_it_is_known():
    found = headline([0.5, 0.5], [100.0, np.nan])
    assert (found.value_known, found.value_at_risk) == (1, 50.0)
    assert headline([0.5], [np.nan]).value_at_risk is None


def test_the_interval_stays_within_nobody_and_everybody():
    found = headline([0.01, 0.99], [1.0, 1.0])
    assert 0 <= found.low <= found.high <= 2
    assert headline([], []).expected == 0
