"""What sets snapshots apart, kept from what sets customers apart.

Rows of all training snapshots are learnt from together, and more leave after one snapshot than after another:
Christmas, a change of price. Trees that are not told of it look for a stand-in, and find one in whatever grows with the
calendar: the longest tenure there is, or a window that still reaches Christmas. At the next snapshot that stand-in says
something else.

So trees are grown twice. After the first time it is seen, for each snapshot, how many left against how many would have
by the features. Where that is beyond chance, and the snapshot stands out in the plain shares as well, its rows start
the second time from what is left, and trees learn who, of all that could be seen that day, leaves. This is a random
intercept for each snapshot, as in a mixed model; how far snapshots differ beyond chance is estimated as in DerSimonian
& Laird, "Meta-Analysis in Clinical Trials", Controlled Clinical Trials 7, 1986.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax

Floats = NDArray[np.float64]
ROUNDS = 200
NEAR = 1e-10


def starting_scores(
    raw: Floats, target: NDArray[np.intp], snapshots: ArrayLike, weight: Floats | None = None
) -> Floats | None:
    """The log-odds (n, groups) against group 0 of all rows, raised by what a row's snapshot has beyond its features.

    Parameters
    ----------
    raw : (n, groups) log-odds by the features, from trees that were told of no snapshot
    target : (n,) numbers of groups from 0; snapshots : (n,) dates, or any labels; weight : (n,) or None

    What a snapshot has is the log-odds of how many left against how many would have by the features, or against how
    many would have as on any other day, whichever is less; the fewer rows there are, the less of it. None where
    snapshots differ no more than chance would have them differ.

    >>> target, untold = np.repeat([0, 1, 0, 1], [900, 100, 700, 300]), np.log([[0.8, 0.2]]).repeat(2000, axis=0)
    >>> start = starting_scores(untold, target, np.repeat(["june", "december"], 1000))
    >>> start[[0, 1000]].round(1).tolist()
    [[0.0, -2.1], [0.0, -0.7]]
    >>> starting_scores(untold, np.tile([0, 0, 0, 0, 1], 400), np.repeat(["june", "december"], 1000)) is None
    True
    """
    days, of_row = np.unique(np.asarray(snapshots), return_inverse=True)
    each = np.ones(len(target)) if weight is None else weight
    seen, expected = np.zeros((2, len(days), raw.shape[1]))
    np.add.at(seen, (of_row, target), each)
    np.add.at(expected, of_row, softmax(raw, axis=1) * each[:, None])
    share = seen.sum(axis=0) / seen.sum()
    untold = seen.sum(axis=1, keepdims=True) * share
    effects = _nearer_to_nothing(_effects(seen, expected, share), _effects(seen, untold, share))
    if not effects.any():
        return None
    return np.asarray(np.log(share / share[0]) + effects)[of_row]


def _effects(seen: Floats, expected: Floats, share: Floats) -> Floats:
    """Log-odds (snapshots, groups) against group 0, of counts seen against counts expected, about their mean."""
    seen, expected = seen + share, expected + share  # one row like all others, so that no snapshot is without a group
    beyond, chance = np.log(seen / expected), 1 / seen
    drawn = [_shrunk(beyond[:, g] - beyond[:, 0], chance[:, g] + chance[:, 0]) for g in range(1, len(share))]
    return np.column_stack([np.zeros(len(seen)), *drawn])


def _nearer_to_nothing(one: Floats, other: Floats) -> Floats:
    """The smaller of two effects where both go the same way, else none."""
    return np.where(one * other > 0, np.sign(one) * np.minimum(np.abs(one), np.abs(other)), 0.0)


def _shrunk(values: Floats, variances: Floats) -> Floats:
    """How far values (k,), each known up to a variance, lie from their mean, beyond what chance explains."""
    weight = 1 / variances
    excess = weight @ (values - np.average(values, weights=weight)) ** 2 - (len(values) - 1)
    if excess <= 0 or len(values) < 2:
        return np.zeros(len(values))
    spread = excess / (weight.sum() - weight @ weight / weight.sum())
    mean = np.average(values, weights=1 / (variances + spread))
    return np.asarray(spread / (spread + variances) * (values - mean))


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
