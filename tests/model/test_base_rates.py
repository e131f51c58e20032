"""Base rates from chances alone: the maximum that EM finds, right where its assumption holds."""

from __future__ import annotations

import numpy as np
import pytest

from churnml.model.base_rates import likeliest_rates, moves

BEFORE = np.array([0.7, 0.25, 0.05])


def expectation_maximisation(p: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """The steps of Saerens, Latinne & Decaestecker (2002), to their end."""
    now = rates
    for _ in range(20_000):
        each = p * (now / rates)
        now, last = (each / each.sum(axis=1, keepdims=True)).mean(axis=0), now
        if np.abs(now - last).max() < 1e-12:
            break
    return now


@pytest.mark.parametrize("true", [[0.5, 0.45, 0.05], [0.7, 0.25, 0.05], [0.9, 0.02, 0.08]])
def test_where_only_base_rates_differ_they_are_found_as_by_em(label_shifted, true) -> None:
    p, y = label_shifted(20_000, np.array(true), BEFORE, 1)
    found = likeliest_rates(p, BEFORE)
    np.testing.assert_allclose(found, expectation_maximisation(p, BEFORE), atol=1e-5)
    np.testing.assert_allclose(found, np.bincount(y) / len(y), atol=0.02)


def test_a_class_never_seen_and_no_rows_move_nothing() -> None:
    p = np.array([[0.8, 0.2, 0.0], [0.4, 0.6, 0.0]])
    found = likeliest_rates(p, [0.7, 0.3, 0.0])
    assert found[2] == 0 and found.sum() == pytest.approx(1)
    assert moves(found, [0.7, 0.3, 0.0])[2] == 0
    assert likeliest_rates(np.empty((0, 3)), BEFORE).tolist() == BEFORE.tolist()
    assert moves(BEFORE, BEFORE).tolist() == [0, 0, 0]


def test_certain_chances_stay_finite() -> None:
    found = likeliest_rates(np.eye(3)[[0] * 90 + [1] * 10], BEFORE)
    assert np.isfinite(moves(found, BEFORE)).all() and found == pytest.approx([0.9, 0.1, 0.0], abs=1e-3)
