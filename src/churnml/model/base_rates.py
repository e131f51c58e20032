"""Base rates that have moved: what the chances of a whole night say of them, before any outcome is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import softmax

Floats = NDArray[np.float64]
LEAST = 1e-6
"""A class that a model has seen less often than this has no base rate to move."""


def likeliest_rates(proba: ArrayLike, rates: ArrayLike) -> Floats:
    """The base rates (k,) under which rows with these chances are likeliest, if nothing but base rates has changed.

    Parameters
    ----------
    proba : (n, k) chances of a model that has learnt from rows with the base rates `rates` (k,)

    This is label shift (Saerens, Latinne & Decaestecker, Neural Computation 14(1), 2002): those who leave look as those
    who left before, only there are more or fewer of them. The likelihood is concave in the base rates; its gradient
    leads to the same maximum as their EM, in fewer looks at the rows. A class without a base rate keeps none.

    >>> likeliest_rates([[0.5, 0.5], [0.9, 0.1], [0.5, 0.5]], [0.5, 0.5]).round(2).tolist()
    [1.0, 0.0]
    """
    chances, before = np.asarray(proba, dtype=np.float64), np.asarray(rates, dtype=np.float64)
    seen = before > LEAST
    if not len(chances) or seen.sum() < 2:
        return before
    ratios = chances[:, seen] / before[seen]

    def loss(logs: Floats) -> tuple[float, Floats]:
        now = softmax(logs)
        each = ratios * now
        total = np.clip(each.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny, None)
        return -float(np.log(total).mean()), now - (each / total).mean(axis=0)

    found = minimize(loss, np.log(before[seen]), jac=True, method="L-BFGS-B", options={"ftol": 1e-12, "gtol": 1e-7})
    result = before.copy()
    result[seen] = softmax(found.x) * before[seen].sum()
    return result


def moves(rates: ArrayLike, before: ArrayLike) -> Floats:
    """What to add to the logarithms of chances (k,) when base rates are `rates` and were `before`; 0 where unseen."""
    now, then = (np.asarray(each, dtype=np.float64) for each in (rates, before))
    seen = then > LEAST
    return np.where(seen, np.log(np.clip(now, LEAST, None) / np.clip(then, LEAST, None)), 0.0)
