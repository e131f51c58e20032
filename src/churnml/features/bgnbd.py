"""BG/NBD: the chance that a customer is still alive, from how often and how lately they came.

Fader, Hardie & Lee, "Counting Your Customers" the Easy Way, Marketing Science 24(2), 2005. While alive, a customer
comes at random at a rate of their own (gamma: shape r, rate alpha) and after each visit leaves for good with a
probability of their own (beta: a, b). A history is (x, t_x, T): x repeat visits, the last of them t_x after the first
visit, seen until T after it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import digamma, expit, gammaln

from churnml.errors import ModelError

Floats = NDArray[np.float64]
CUSTOMERS = 100
"""Fewer histories, or fewer than half as many with a repeat visit, teach nothing."""
MOST = 20_000
"""Four numbers are learnt from at most so many customers, evenly spaced in the order given."""
LEAVES = 1e-4
"""A mean chance of leaving after a visit below this, or as near to 1, says nothing about anybody."""
_BOUND = 8.0
_STARTS = ((1.0, 1.0, 1.0, 5.0), (0.3, 0.1, 0.5, 2.5))


class Unfit(ModelError):
    """The histories do not determine the model; the message says why."""


@dataclass(frozen=True)
class BGNBD:
    """The parameters; `alpha` in days."""

    r: float
    alpha: float
    a: float
    b: float

    def alive(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:
        """The chance (n,) of being alive at T: Bayes' theorem on the two halves of the likelihood (the same authors,
        "Computing P(alive) Using the BG/NBD Model", 2008).

        It is 1 without a repeat visit, because the model lets customers leave only after one. Logarithms throughout, so
        that long histories neither overflow nor vanish. The parameters below are those that the paper finds for a
        shop's customers, in weeks; integrating over rates and chances of leaving by quadrature gives the same numbers.

        >>> BGNBD(0.243, 4.414, 0.793, 2.426).alive([2, 2], [30.43, 5.0], [38.86, 38.86]).round(3).tolist()
        [0.727, 0.124]
        """
        visits, last, seen = (np.asarray(values, dtype=np.float64) for values in (x, t_x, T))
        again = visits > 0
        odds = np.log(self.a) - np.log(self.b + np.where(again, visits, 1) - 1)
        odds = odds + (self.r + visits) * (np.log(self.alpha + seen) - np.log(self.alpha + last))
        return np.where(again, expit(-odds), 1.0)

    def returning(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, days: float) -> Floats:
        """The chance (n,) of coming again within so many days after T: of being alive, and then of a visit.

        The rate of a customer who is alive is distributed as gamma(r + x, alpha + T), so that no visit for so many days
        has the chance ((alpha + T) / (alpha + T + days)) ** (r + x).
        """
        visits, seen = np.asarray(x, dtype=np.float64), np.asarray(T, dtype=np.float64)
        away = (self.r + visits) * -np.log1p(days / (self.alpha + seen))
        return np.asarray(self.alive(x, t_x, T) * -np.expm1(away))

    @classmethod
    def fit(cls, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> BGNBD:
        """Maximum likelihood from histories (n,) of days; equal ones are counted together.

        Raises
        ------
        Unfit
            Too few histories, no repeat visits, or a likelihood by which nobody leaves, or everybody at once.

        Where customers hardly differ, r and alpha (or a and b) grow together without changing what is said; they stop
        at bounds.
        """
        histories = np.column_stack([np.asarray(values, dtype=np.float64) for values in (x, t_x, T)])
        histories = histories[np.isfinite(histories).all(axis=1) & (histories[:, 2] > 0)]
        if len(histories) < CUSTOMERS:
            raise Unfit(f"{len(histories)} histories are too few, {CUSTOMERS} are needed")
        if (repeated := int((histories[:, 0] > 0).sum())) < CUSTOMERS // 2:
            raise Unfit(f"{repeated} customers came more than once, {CUSTOMERS // 2} are needed")
        if len(histories) > MOST:
            histories = histories[np.linspace(0, len(histories) - 1, MOST).astype(np.intp)]
        unit = float(histories[:, 2].mean())
        histories[:, 1:] /= unit
        different, counts = np.unique(histories, axis=0, return_counts=True)
        shares = counts / counts.sum()
        bounds = [(-_BOUND, _BOUND)] * 4
        found = []
        for start in _STARTS:
            found.append(
                minimize(_loss, np.log(start), (different, shares), jac=True, method="L-BFGS-B", bounds=bounds)
            )
            if found[-1].success:
                break
        best = min(found, key=lambda result: float(result.fun))
        if not np.isfinite(best.fun):
            raise Unfit("the likelihood is not finite")
        r, alpha, a, b = np.exp(best.x).tolist()
        if not LEAVES < a / (a + b) < 1 - LEAVES:
            raise Unfit(f"by the model {'nobody' if a < b else 'everybody'} leaves after a visit")
        return cls(r, alpha * unit, a, b)


def _loss(logs: Floats, histories: Floats, shares: Floats) -> tuple[float, Floats]:
    """Minus the mean log likelihood (equation 6), and its slope by the logarithms of the parameters."""
    r, alpha, a, b = np.exp(logs)
    x, t_x, T = histories.T
    again = x > 0
    others = b + np.where(again, x, 1) - 1
    alive = -(r + x) * np.log(alpha + T)
    gone = np.where(again, np.log(a) - np.log(others) - (r + x) * np.log(alpha + t_x), -np.inf)
    either = np.logaddexp(alive, gone)
    rate = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    staying = gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    left = np.exp(gone - either)
    stayed = 1 - left
    slope = np.column_stack(
        [
            digamma(r + x) - digamma(r) + np.log(alpha) - stayed * np.log(alpha + T) - left * np.log(alpha + t_x),
            r / alpha - (r + x) * (stayed / (alpha + T) + left / (alpha + t_x)),
            digamma(a + b) - digamma(a + b + x) + left / a,
            digamma(a + b) + digamma(b + x) - digamma(b) - digamma(a + b + x) - left / others,
        ]
    )
    return -float(shares @ (rate + staying + either)), -(shares @ slope) * np.exp(logs)
