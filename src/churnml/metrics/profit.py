"""What a ranking of leavers earns a campaign that keeps some of them, when its size is chosen as well as can be.

A contacted leaver accepts the offer with a chance that nobody knows beforehand, drawn from a beta distribution. Who
accepts stays, and is worth the customer's value less the incentive; a contacted customer who would have stayed
anyway takes the incentive along; and every contact costs. Profits are a mean over all customers, contacted or not, in
the currency of the values.

Sources: Verbraken, Verbeke & Baesens (2013), IEEE Trans. Knowl. Data Eng. 25(5), 961-973 (one value for all);
Óskarsdóttir, Baesens & Vanthienen (2018), Big Data 6(1), 53-65 (individual values); Janssens, Bogaert, Bagué & Van den
Poel (2022), Ann. Oper. Res. (individual values, the size of the campaign fixed before the acceptance is known).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression
from scipy.special import betaincc

from churnml.errors import ModelError
from churnml.metrics.scores import Floats, quotient, steps


@dataclass(frozen=True)
class Campaign:
    """What contacting customers costs, and how likely a leaver is to accept.

    The defaults are those of Verbraken et al. (2013): a customer worth 200, an incentive of 10, a contact for 1, and an
    acceptance around 30%.

    Parameters
    ----------
    contact_cost : of one contact, in the currency of the values
    incentive_share : the incentive as a share of the customer's value, at least 0 and below 1
    alpha, beta : of the beta distribution of the share of contacted leavers who accept
    customer_value : of each customer, where no individual values are given

    Raises
    ------
    ModelError
        A setting is out of its range.
    """

    contact_cost: float = 1.0
    incentive_share: float = 0.05
    alpha: float = 6.0
    beta: float = 14.0
    customer_value: float = 200.0

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        if not (0 <= self.incentive_share < 1 and self.contact_cost >= 0 and self.customer_value > 0):
            raise ModelError(
                "a campaign's costs are out of range",
                "incentive_share in [0, 1), contact_cost >= 0, customer_value > 0",
            )
        if not (self.alpha > 0 and self.beta > 0):
            raise ModelError("the beta distribution of the acceptance needs alpha and beta above 0")

    @property
    def acceptance(self) -> float:
        """The mean share of contacted leavers who accept."""
        return self.alpha / (self.alpha + self.beta)

    def excess(self, threshold: Floats) -> Floats:
        """By how much the acceptance lies above each threshold on average, counting nothing when it lies below."""
        at = np.clip(threshold, 0.0, 1.0)
        above = self.acceptance * betaincc(self.alpha + 1, self.beta, at) - at * betaincc(self.alpha, self.beta, at)
        return np.asarray(np.maximum(above, 0.0), dtype=np.float64)


class ProfitRanking:
    """Customers sorted once by score, so that each further set of weights is quick: what a bootstrap needs.

    Parameters
    ----------
    y : (n,) true for those who leave
    score : (n,) higher means contacted earlier; equal scores are contacted together
    value : (n,) what each customer is worth, 0 or more; customers with nan are left out. None: the campaign's
    campaign : costs and acceptance

    Raises
    ------
    ModelError
        A score is missing, or a value is negative.
    """

    def __init__(
        self, y: ArrayLike, score: ArrayLike, value: ArrayLike | None = None, campaign: Campaign | None = None
    ) -> None:
        self.campaign = campaign or Campaign()
        scores = np.asarray(score, dtype=np.float64)
        worth = np.full(len(scores), self.campaign.customer_value) if value is None else np.asarray(value, np.float64)
        if np.isnan(scores).any():
            raise ModelError("scores hold missing values", "check the model's predict_proba")
        if (worth < 0).any():
            raise ModelError("a customer's value is negative", "give values of 0 or more, nan where they are not known")
        self._rows = np.flatnonzero(~np.isnan(worth))
        self._rows = self._rows[np.argsort(-scores[self._rows], kind="stable")]
        ordered, worth = scores[self._rows], worth[self._rows]
        leaves = np.asarray(y).astype(bool)[self._rows]
        self._ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], len(ordered) > 0))
        incentive = self.campaign.incentive_share * worth
        self._gain = np.where(leaves, worth - incentive, 0.0)
        self._cost = np.where(leaves, 0.0, incentive) + self.campaign.contact_cost

    def _cumulated(self, weights: Floats) -> tuple[Floats, Floats, Floats]:
        """For each row of weights (b, n): what is gained if everybody accepts, what is spent, at each distinct score
        going down; weight of all.
        """
        inside = weights.take(self._rows, axis=1)
        gain, cost = (np.cumsum(inside * each, axis=1).take(self._ends, axis=1) for each in (self._gain, self._cost))
        return gain, cost, inside.sum(axis=1)

    def _weights(self, weight: ArrayLike | None) -> Floats:
        """One set of weights as the only row of many."""
        known = np.ones(self._rows.max(initial=-1) + 1) if weight is None else np.asarray(weight, dtype=np.float64)
        return known[np.newaxis]

    def expected_maximum(self, weight: ArrayLike | None = None) -> float:
        """The mean, over the acceptance, of the best profit per customer: the campaign's size follows the acceptance.

        For an acceptance g the profit down to a place is g x gain - cost, a line in g; the best place for each g is a
        corner of the convex hull of gain and cost, which isotonic regression of the slopes finds. Each stretch between
        corners is contacted if g exceeds its slope. nan without weight.
        """
        return float(self.expected_maxima(self._weights(weight))[0])

    def expected_maxima(self, weights: Floats) -> Floats:
        """The same for each row of weights (b, n): an array (b,)."""
        gains, costs, totals = self._cumulated(weights)
        rising = steps(gains) > 0
        widths, slopes = [np.zeros(0)], [np.zeros(0)]
        for gain, cost, rises in zip(gains, costs, rising, strict=True):
            more, dearer = steps(gain[rises]), steps(cost[rises])
            if len(more):
                hull = isotonic_regression(dearer / more, weights=more)
                corners = hull.blocks[:-1]
                more, dearer = np.add.reduceat(more, corners), hull.x[corners]
            widths.append(more)
            slopes.append(dearer)
        excess = self.campaign.excess(np.concatenate(slopes))
        kept, place = np.zeros(len(totals)), 0
        for number, width in enumerate(widths[1:]):
            kept[number] = (width * excess[place : place + len(width)]).sum()
            place += len(width)
        return quotient(kept, totals, totals > 0)

    def maximum_expected(self, weight: ArrayLike | None = None) -> float:
        """The best mean profit per customer of a campaign whose size is fixed before the acceptance is known."""
        gain, cost, total = self._cumulated(self._weights(weight))
        return float(quotient((self.campaign.acceptance * gain - cost).max(axis=1, initial=0.0), total, total > 0)[0])


def expected_maximum_profit(
    y: ArrayLike,
    score: ArrayLike,
    value: ArrayLike | None = None,
    campaign: Campaign | None = None,
    weight: ArrayLike | None = None,
) -> float:
    """EMP, expected maximum profit per customer (Verbraken et al. 2013; individual values: Óskarsdóttir et al. 2018).

    Parameters are those of `ProfitRanking`.

    >>> y, score = [False, True, False, True, False, True], [0.1, 0.4, 0.2, 0.9, 0.3, 0.35]
    >>> round(expected_maximum_profit(y, score), 2), round(expected_maximum_profit(y, [0.5] * 6), 2)
    (28.0, 22.5)
    """
    return ProfitRanking(y, score, value, campaign).expected_maximum(weight)


def maximum_expected_profit(
    y: ArrayLike,
    score: ArrayLike,
    value: ArrayLike | None = None,
    campaign: Campaign | None = None,
    weight: ArrayLike | None = None,
) -> float:
    """Profit per customer of the best campaign for the mean acceptance: EMPB (Janssens et al. 2022).

    Never above `expected_maximum_profit`, whose campaign may follow the acceptance. Parameters are those of
    `ProfitRanking`.

    >>> round(maximum_expected_profit([True, False], [0.9, 0.1], value=[500.0, 80.0]), 2)
    70.75
    """
    return ProfitRanking(y, score, value, campaign).maximum_expected(weight)
