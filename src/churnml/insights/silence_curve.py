"""Risk by silence: how the chance of leaving without a word grows while nothing is heard from a customer.

Silence is told in days since the last engagement, and in multiples of the customer's own usual gap: a week is long for
one who comes every day, and short for one who comes once a month.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from churnml.metrics.shares import clustered_share
from churnml.outcomes import SILENT

DAYS, GAPS = "days", "own gaps"
SCALES = {
    DAYS: ("days_since_engagement", (1, 2, 3, 5, 8, 11, 15, 22, 29, 43, 57, 92, 183, 366)),
    GAPS: ("overdue_ratio", (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0)),
}
"""Scale -> the feature that tells it, and where its steps begin."""
EXPECTED = ["scale", "step", "from", "to", "customers", "expected", "low", "high"]
SEEN = ["scale", "step", "rows", "seen", "seen_low", "seen_high"]
_Z = 1.959963984540054


def silence_curve(X: pd.DataFrame, p_silent: ArrayLike) -> pd.DataFrame:
    """The expected share of silent leavers by how long customers have been silent.

    Parameters
    ----------
    X : the features of the customers (n rows); a scale whose feature is not there is left out
    p_silent : (n,) their chances of leaving silently

    Returns
    -------
    One row per scale and step that has customers: scale ("days" or "own gaps"), step, from and to (to is excluded; inf
    for the last one), customers, expected (their mean chance), low and high (between which the share that leaves lies
    in 95 of 100 cases, by chance alone).
    """
    p, rows = np.asarray(p_silent, dtype=np.float64), []
    for scale, steps, starts in _scales(X):
        for step, start in enumerate(starts):
            chances = p[steps == step]
            if not len(chances):
                continue
            mean, spread = float(chances.mean()), _Z * float(np.sqrt((chances * (1 - chances)).sum())) / len(chances)
            end = starts[step + 1] if step + 1 < len(starts) else np.inf
            bounds = (max(0.0, mean - spread), min(1.0, mean + spread))
            rows.append((scale, step, float(start), float(end), len(chances), mean, *bounds))
    return pd.DataFrame(rows, columns=EXPECTED)


def silence_seen(X: pd.DataFrame, outcome: ArrayLike, groups: ArrayLike) -> pd.DataFrame:
    """The share that did leave silently, by the same steps: scale, step, rows, seen, seen_low, seen_high (95%)."""
    silent, group = np.asarray(outcome) == SILENT, np.asarray(groups)
    rows = []
    for scale, steps, starts in _scales(X):
        for step in range(len(starts)):
            here = steps == step
            if here.any():
                share = clustered_share(silent[here], group[here])
                rows.append((scale, step, share.n, share.share, share.low, share.high))
    return pd.DataFrame(rows, columns=SEEN)


def _scales(X: pd.DataFrame) -> list[tuple[str, NDArray[np.intp], tuple[float, ...]]]:
    """Each scale that the features allow, with the step of each row; -1 where the silence is not known."""
    found = []
    for scale, (name, starts) in SCALES.items():
        if name in X:
            silence = X[name].to_numpy(dtype=np.float64)
            steps = np.searchsorted(starts, silence, side="right") - 1
            found.append((scale, np.where(np.isnan(silence), -1, steps), tuple(map(float, starts))))
    return found
