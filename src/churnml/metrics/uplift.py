"""What a treatment has changed, among customers whom a lot has parted into treated and control.

Lots may be drawn in strata (campaigns, days) of unequal shares, so every figure compares within strata. Customers may
be drawn more than once, so intervals take the rows of one group as one. `left` (n,) says who left, `treated` (n,) who
was treated, `stratum` (n,) from which lot, each with both arms in it, `group` (n,) who belongs together. Effects are
differences in the share that leaves, treated less control: below 0 where fewer leave.

Sources: Imbens & Rubin (2015), Causal Inference, chapter 9 (stratified experiments); Chernozhukov, Demirer, Duflo &
Fernández-Val (2018), NBER working paper 24678 (best linear predictor, sorted groups); Radcliffe (2007), Direct
Marketing Analytics Journal 1, 14-21 (Qini curves).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2

from churnml.metrics.scores import ClusterBootstrap
from churnml.metrics.shares import Z, clustered_error, clustered_ratio

Floats = NDArray[np.float64]
FIFTHS = ["fifth", "customers", "expected", "difference", "low", "high"]
CURVE = ["share", "kept", "low", "high", "by_risk", "at_random"]
POINTS = 20
"""Places of a Qini curve: every twentieth of the customers."""


@dataclass(frozen=True)
class Change:
    """What treatment has changed.

    Attributes
    ----------
    treated, control : rows
    left_treated, left_control : the shares that left, both with the strata weighted as in the difference
    difference, low, high : the first less the second, and its 95% interval
    saved_share, saved_low, saved_high : the fall as a share of those who leave untreated; below 0 where more leave
    """

    treated: int
    control: int
    left_treated: float
    left_control: float
    difference: float
    low: float
    high: float
    saved_share: float
    saved_low: float
    saved_high: float


@dataclass(frozen=True)
class Line:
    """Effects by what was predicted, as a straight line: `mean` effect, and `slope`, 1 where predictions are exact.

    The slope has a 95% interval. Where that lies above 0 the prediction ranks customers by effect.
    """

    mean: float
    slope: float
    slope_low: float
    slope_high: float


@dataclass(frozen=True)
class Qini:
    """How much more is kept by contacting the best first than at random.

    Attributes
    ----------
    value, low, high : the area between the curve and the straight line of random order, in customers kept per 100, with
        its 95% interval; 0 where the order tells nothing
    by_risk : the same area in the order of risk
    curve : columns `CURVE`; share of customers contacted, and customers kept per 100 of all, contacted or not
    """

    value: float
    low: float
    high: float
    by_risk: float
    curve: pd.DataFrame


def shares_treated(treated: ArrayLike, stratum: ArrayLike) -> Floats:
    """The share that is treated of each row's stratum (n,).

    >>> shares_treated([True, False, True], ["a", "a", "b"]).tolist()
    [0.5, 0.5, 1.0]
    """
    return _means(np.asarray(treated, dtype=np.float64), stratum)


def change(left: ArrayLike, treated: ArrayLike, stratum: ArrayLike, group: ArrayLike) -> Change:
    """How many fewer, or more, left of the treated than of the control group; nan without both.

    Strata count by the pairs that they can give: the difference is that of a regression with a level for each of them.

    >>> found = change([1, 0, 0, 0, 1, 1, 0, 0], [1, 1, 1, 1, 0, 0, 0, 0], ["a"] * 8, range(8))
    >>> found.left_treated, found.left_control, found.difference, found.saved_share
    (0.25, 0.5, -0.25, 0.5)
    """
    gone, drawn = np.asarray(left, dtype=np.float64), np.asarray(treated, dtype=bool)
    share = shares_treated(drawn, stratum)
    lot = drawn - share
    beyond = gone - _means(gone, stratum)
    found = clustered_ratio(lot * beyond, lot**2, group)
    untreated = np.where(drawn, 0.0, share * gone)
    pairs = float((lot**2).sum())
    control = float(untreated.sum()) / pairs if pairs else float("nan")
    saved = clustered_ratio(-lot * beyond, untreated, group)
    return Change(
        treated=int(drawn.sum()),
        control=int((~drawn).sum()),
        left_treated=control + found.ratio,
        left_control=control,
        difference=found.ratio,
        low=found.low,
        high=found.high,
        saved_share=saved.ratio,
        saved_low=saved.low,
        saved_high=saved.high,
    )


def balance(columns: ArrayLike, treated: ArrayLike, stratum: ArrayLike, group: ArrayLike) -> float:
    """How likely a lot parts the columns (n, k) at least so far as they are parted: a p-value; nan without both arms.

    A Wald test of all differences between the arms at once (Hansen & Bowers 2008, Statistical Science 23(2), 219-236).
    Very small values tell that no lot has decided who was treated.

    >>> balance([[0.0], [1.0]] * 50, [0, 1] * 50, ["a"] * 100, range(100)) < 1e-9
    True
    """
    table, drawn = np.asarray(columns, dtype=np.float64), np.asarray(treated, dtype=np.float64)
    lot = drawn - shares_treated(drawn, stratum)
    if not lot.any():
        return float("nan")
    table = np.column_stack([_means(column, stratum) - column for column in table.T])
    spread = table.std(axis=0)
    parted = lot[:, None] * (table / np.where(spread > 0, spread, 1.0))[:, spread > 0]
    _, codes = np.unique(np.asarray(group), return_inverse=True)
    sums = np.column_stack([np.bincount(codes, column) for column in parted.T]) if parted.size else np.zeros((1, 0))
    total, noise = sums.sum(axis=0), np.einsum("ij,ik->jk", sums, sums)
    statistic = float(np.einsum("j,jk,k->", total, np.linalg.pinv(noise, hermitian=True), total))
    return float(chi2.sf(statistic, np.linalg.matrix_rank(noise, hermitian=True))) if len(total) else 1.0


def line(
    left: ArrayLike,
    treated: ArrayLike,
    stratum: ArrayLike,
    group: ArrayLike,
    predicted: ArrayLike,
    risk: ArrayLike,
    part: ArrayLike | None = None,
) -> Line:
    """The best straight line through the effects by `predicted` (n,) effects that these rows have not taught.

    `risk` (n,), the chance of leaving, takes noise away and moves nothing. Rows of a `part` (n,) were predicted by one
    model, which the others taught: the slope is that within parts. Between them it would be too low, for a part that
    by chance has a high effect is predicted by the others' low one.
    """
    gone, drawn = np.asarray(left, dtype=np.float64), np.asarray(treated, dtype=np.float64)
    guess, chance = np.asarray(predicted, dtype=np.float64), np.asarray(risk, dtype=np.float64)
    which = np.zeros(len(gone)) if part is None else np.asarray(part)
    centred = guess - _means(guess, which)
    size = max(float(centred.std()), 1e-12)
    lot = drawn - shares_treated(drawn, stratum)
    lots = [lot * (which == number) for number in np.unique(which)]
    columns = np.column_stack([lot * centred / size, np.ones(len(gone)), chance, centred / size, *lots])
    inverse = np.linalg.pinv(np.einsum("ij,ik->jk", columns, columns))
    found = np.einsum("jk,ik,i->j", inverse, columns, gone)
    residual = gone - np.einsum("ij,j->i", columns, found)
    error = Z * clustered_error(np.einsum("ij,j,i->i", columns, inverse[0], residual), group)
    overall = change(left, treated, stratum, group)
    slope = float(found[0])
    return Line(overall.difference, slope / size, (slope - error) / size, (slope + error) / size)


def fifths(
    left: ArrayLike,
    treated: ArrayLike,
    stratum: ArrayLike,
    group: ArrayLike,
    predicted: ArrayLike,
    order: ArrayLike | None = None,
) -> pd.DataFrame:
    """Predicted beside seen effects, from the fifth with most to gain (1) on: columns `FIFTHS`.

    `order` (n,), rising, decides who gains most; the `predicted` (n,) effects do without it.
    """
    guess = np.asarray(predicted, dtype=np.float64)
    by = guess if order is None else np.asarray(order)
    places = np.argsort(np.argsort(by, kind="stable"), kind="stable")
    which = 1 + 5 * places // max(1, len(guess))
    rows = []
    for fifth in range(1, 6):
        here = which == fifth
        found = change(*(np.asarray(each)[here] for each in (left, treated, stratum, group)))
        rows.append((fifth, int(here.sum()), _mean(guess[here]), found.difference, found.low, found.high))
    return pd.DataFrame(rows, columns=FIFTHS)


def qini(
    left: ArrayLike,
    treated: ArrayLike,
    stratum: ArrayLike,
    group: ArrayLike,
    order: ArrayLike,
    risk: ArrayLike,
    *,
    draws: int = 200,
    seed: int = 0,
) -> Qini:
    """How many customers are kept by contacting those first who have most to gain.

    Parameters
    ----------
    order : (n,) rising: who is contacted when; predicted effects, or their ranks
    risk : (n,) the chance of leaving: the order to compare with, and what takes noise away
    draws : bootstrap samples of the groups
    """
    gone, drawn = np.asarray(left, dtype=np.float64), np.asarray(treated, dtype=np.float64)
    share = shares_treated(drawn, stratum)
    beyond = gone - np.asarray(risk, dtype=np.float64)
    kept = -100 * (drawn - share) / (share * (1 - share)) * (beyond - _means(beyond, stratum))
    orders = [np.argsort(np.asarray(by, dtype=np.float64), kind="stable") for by in (order, -np.asarray(risk))]
    alone = np.ones((1, len(gone)))
    best, risky = (_curves(kept, order, alone)[0] for order in orders)
    again = [_curves(kept, orders[0], weights) for weights in ClusterBootstrap(group, draws, seed).batches()]
    curves = np.concatenate(again)
    low, high = np.percentile(curves, [2.5, 97.5], axis=0)
    areas = np.percentile(_area(curves), [2.5, 97.5])
    places = np.arange(POINTS + 1) / POINTS
    curve = pd.DataFrame(np.column_stack([places, best, low, high, risky, places * best[-1]]), columns=CURVE)
    return Qini(float(_area(best)), float(areas[0]), float(areas[1]), float(_area(risky)), curve)


def _curves(kept: Floats, order: NDArray[np.intp], weights: Floats) -> Floats:
    """What is kept per 100 down to every twentieth of the weight, for each row of weights (b, n)."""
    inside = weights.take(order, axis=1)
    down = np.cumsum(inside, axis=1)
    sums = np.cumsum(inside * kept[order], axis=1) / down[:, -1:]
    result = np.zeros((len(weights), POINTS + 1))
    for row in range(len(weights)):
        ends = np.searchsorted(down[row], down[row, -1] * np.arange(1, POINTS + 1) / POINTS - 1e-9)
        result[row, 1:] = sums[row, np.minimum(ends, len(order) - 1)]
    return result


def _area(curves: Floats) -> Floats:
    """The area between curves (..., points) and the straight lines to their ends."""
    straight = curves[..., -1:] * np.arange(POINTS + 1) / POINTS
    return np.asarray(np.trapezoid(curves - straight, dx=1 / POINTS, axis=-1))


def _means(values: Floats, stratum: ArrayLike) -> Floats:
    """The mean of each row's stratum (n,)."""
    _, codes = np.unique(np.asarray(stratum), return_inverse=True)
    return np.asarray((np.bincount(codes, values) / np.bincount(codes))[codes])


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")
