"""No training outcome is still open when the test snapshot begins."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import cross_validate

from churnml.errors import ModelError
from churnml.model.split import RollingOriginSplit

START = pd.Timestamp("2024-01-01")


@given(
    days=st.lists(st.integers(0, 400), min_size=1, max_size=60),
    n_splits=st.integers(1, 5),
    horizon=st.integers(1, 120),
    lead=st.integers(0, 30),
)
def test_training_windows_end_before_the_test_begins(days, n_splits, horizon, lead):
    as_of = START + pd.to_timedelta(days, unit="D")
    splitter = RollingOriginSplit(n_splits, horizon_days=horizon, lead_days=lead)
    if max(days) - min(days) < horizon + lead:
        with pytest.raises(ModelError, match="more history"):
            list(splitter.split(as_of, groups=as_of))
        return
    folds = list(splitter.split(as_of, groups=as_of))
    assert 1 <= len(folds) == splitter.get_n_splits(groups=as_of) <= n_splits
    origins = [as_of[test][0] for _, test in folds]
    assert origins == sorted(set(origins)) and origins[-1] == as_of.max()
    for train, test in folds:
        origin = as_of[test].unique()
        assert len(origin) == 1 and len(train) and np.array_equal(test, np.flatnonzero(as_of == origin[0]))
        ends = as_of + pd.Timedelta(days=lead + horizon)
        assert np.array_equal(train, np.flatnonzero(ends <= origin[0]))


def test_works_inside_cross_validate():
    as_of = START + pd.to_timedelta(np.repeat([0, 30, 60, 90], 5), unit="D")
    y = np.tile([0, 1, 0, 1, 0], 4)
    splitter = RollingOriginSplit(3, horizon_days=30)
    result = cross_validate(DummyClassifier(), np.zeros((20, 1)), y, groups=as_of, cv=splitter)
    assert len(result["test_score"]) == 3
    assert "horizon_days=30" in repr(splitter)


def test_dates_are_needed():
    with pytest.raises(ModelError, match="groups=as_of"):
        list(RollingOriginSplit(horizon_days=3).split([1, 2]))
