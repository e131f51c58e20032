"""What sets snapshots apart, kept from what sets customers apart.

Rows of all training snapshots are learnt from together, and more leave after one snapshot than after another:
Christmas, a change of price. Trees that are not told of it look for a stand-in, and find one in whatever grows with the
calendar: the longest tenure there is, or a window that still reaches Christmas. At the next snapshot that stand-in says
something else. So each row starts from the log-odds of its own snapshot, and trees learn what is left: who, of all that
could be seen that day, leaves. This is a random intercept for each snapshot, as in a mixed model; how far snapshots
differ beyond chance is estimated as in DerSimonian & Laird, "Meta-Analysis in Clinical Trials", Controlled Clinical
Trials 7, 1986.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax

Floats = NDArray[np.float64]
ROUNDS = 200
NEAR = 1e-10


def starting_scores(
    target: NDArray[np.intp], groups: int, snapshots: ArrayLike, weight: Floats | None = None
) -> Floats | None:
    """The log-odds (n, groups) against group 0 that each row has by its snapshot alone.

    Parameters
    ----------
    target : (n,) numbers of groups from 0; snapshots : (n,) dates, or any labels; weight : (n,) or None

    A snapshot's log-odds are drawn towards those of all, the more the fewer rows it has. None where snapshots differ no
    more than chance would have them differ.

    >>> target = np.repeat([0, 1, 0, 1], [900, 100, 700, 300])
    >>> start = starting_scores(target, 2, np.repeat(["june", "december"], 1000))
    >>> start[[0, 1000]].round(1).tolist()
    [[0.0, -2.2], [0.0, -0.9]]
    >>> starting_scores(np.tile([0, 1], 500), 2, np.repeat(["june", "december"], 500)) is None
    True
    """
    days, of_row = np.unique(np.asarray(snapshots), return_inverse=True)
    counts = np.zeros((len(days), groups))
    np.add.at(counts, (of_row, target), 1.0 if weight is None else weight)
    counts += counts.sum(axis=0) / counts.sum()  # one row like all others, so that no snapshot is without a group
    first = counts[:, 0]
    scores = np.column_stack([_shrunk(np.log(each / first), 1 / each + 1 / first) for each in counts.T[1:]])
    if not np.ptp(scores, axis=0).any():
        return None
    return np.column_stack([np.zeros(len(days)), scores])[of_row]


def _shrunk(values: Floats, variances: Floats) -> Floats:
    """Values (k,), each known up to a variance, drawn towards their mean as far as chance explains that they differ."""
    weight = 1 / variances
    excess = weight @ (values - np.average(values, weights=weight)) ** 2 - (len(values) - 1)
    if excess <= 0 or len(values) < 2:
        return np.zeros(len(values)) + np.average(values, weights=weight)
    spread = excess / (weight.sum() - weight @ weight / weight.sum())
    mean = np.average(values, weights=1 / (variances + spread))
    return np.asarray(mean + spread / (spread + variances) * (values - mean))


def common_level(raw: Floats, target: NDArray[np.intp], weight: Floats | None = None) -> Floats:
    """What to add to raw scores (n, groups) so that the mean chance of each group is its share; (groups,), first 0.

    This is the level of a snapshot of which nothing is known yet.
    """
    share = np.bincount(target, weights=weight, minlength=raw.shape[1])
    level = np.zeros(raw.shape[1])
    for _ in range(ROUNDS):
        mean = np.average(softmax(raw + level, axis=1), axis=0, weights=weight)
        step = np.log(share / mean)
        step -= step[0]
        level += step
        if np.abs(step).max() < NEAR:
            break
    return level
