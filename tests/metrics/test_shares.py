from __future__ import annotations

import math

import numpy as np

from churnml.metrics.shares import clustered_share


def test_rows_of_one_group_count_as_less() -> None:
    hit = [True] * 80 + [False] * 20
    single, households = clustered_share(hit, range(100)), clustered_share(hit, np.arange(100) // 5)
    assert households.share == single.share and (households.hits, households.n) == (80, 100)
    assert households.independent < single.independent <= 100
    assert households.high - households.low > 1.5 * (single.high - single.low)


def test_nothing_and_everything() -> None:
    assert math.isnan(clustered_share([], []).share)
    everyone = clustered_share([True] * 30, range(30))
    assert everyone.share == everyone.high == 1 and 0.85 < everyone.low < 0.9
