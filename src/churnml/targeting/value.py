"""What contacting a customer is expected to bring: what is saved, less the contact and the incentive.

Saveability is the expected absolute fall in the chance of leaving if the customer is contacted. Here it is assumed: a
share of the leavers who are contacted is taken to stay. The expected net value is then that of the profit model by
which `churnml.metrics.profit` judges rankings.

Source: Verbraken, Verbeke & Baesens (2013), IEEE Trans. Knowl. Data Eng. 25(5), 961-973.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from churnml.config import Config
from churnml.errors import ModelError

Floats = NDArray[np.float64]
ASSUMED, ESTIMATED = "assumed", "estimated"
NOTHING_LEARNT = "no randomised control group has been learnt from"


class Saveability(Protocol):
    """By how much a contact lowers each customer's chance of leaving, and what that rests on."""

    @property
    def basis(self) -> str:
        """`assumed` or `estimated`."""

    @property
    def why(self) -> str:
        """What it rests on, in a sentence."""

    def of(self, X: pd.DataFrame, p_leave: ArrayLike) -> Floats:
        """The saveability (n,) of customers with features `X` (n, f) and these chances (n,) of leaving at all."""


@dataclass(frozen=True)
class Assumed:
    """Saveability by a rate that somebody has assumed: the same share of all leavers who are contacted stays.

    `because` says why nothing better is known, where something is known of that.

    >>> Assumed(0.3).of(pd.DataFrame(index=range(2)), [0.5, 0.1]).round(2).tolist()
    [0.15, 0.03]
    """

    rate: float
    because: str | None = None

    @property
    def basis(self) -> str:
        """`assumed`."""
        return ASSUMED

    @property
    def why(self) -> str:
        """That nothing has been learnt yet, or what of it was not enough."""
        return self.because or NOTHING_LEARNT

    def of(self, X: pd.DataFrame, p_leave: ArrayLike) -> Floats:
        """The chance (n,) of leaving times the rate; the features `X` (n, f) play no part."""
        return assumed(p_leave, self.rate)


def save_rate(config: Config) -> float:
    """The share of contacted leavers assumed to stay: as configured, or else the campaign's mean acceptance."""
    if config.actions.save_rate is not None:
        return config.actions.save_rate
    offer = config.economics.campaign
    return offer.alpha / (offer.alpha + offer.beta)


def assumed(p_leave: ArrayLike, rate: float) -> Floats:
    """Saveability (n,) when the share `rate` of the leavers who are contacted stays.

    Raises
    ------
    ModelError
        The rate is no share.
    """
    if not 0 <= rate <= 1:
        raise ModelError(f"a save rate of {rate:g} is no share", "give a number from 0 to 1")
    return np.asarray(p_leave, dtype=np.float64) * rate


def expected_cost(
    saveability: ArrayLike, p_leave: ArrayLike, value: ArrayLike, contact_cost: ArrayLike, incentive_share: float
) -> Floats:
    """What contacting each customer (n,) is expected to cost: the contact, and the incentive if the customer stays.

    Parameters are those of `expected_net_value`.

    >>> expected_cost([0.1], [0.5], [200.0], 1.0, 0.05).round(2).tolist()
    [7.0]
    """
    saved, leaves = np.asarray(saveability, dtype=np.float64), np.asarray(p_leave, dtype=np.float64)
    stays = np.clip(1 - leaves + saved, 0.0, 1.0)
    return np.asarray(contact_cost, dtype=np.float64) + incentive_share * _worth(value) * stays


def expected_net_value(
    saveability: ArrayLike, p_leave: ArrayLike, value: ArrayLike, contact_cost: ArrayLike, incentive_share: float
) -> Floats:
    """What contacting each customer (n,) is expected to bring: s V - c - d V (1 - p + s), in money.

    The value of who is saved, less the contact, less the incentive. Everybody takes the incentive who stays after the
    contact, those who would have stayed anyway among them.

    Parameters
    ----------
    saveability : (n,) s, by how much a contact lowers the chance of leaving; below 0 where it does harm
    p_leave : (n,) p, the chance of leaving without a contact, silently or not
    value : (n,) V, what each customer is worth; below 0 (more returned than bought) counts as 0, nan gives nan
    contact_cost : (n,) or one c for all
    incentive_share : d, the incentive as a share of the customer's value

    Examples
    --------
    A customer worth 200 who leaves with a chance of one half, a fifth of which a contact saves:

    >>> expected_net_value([0.1], [0.5], [200.0], 1.0, 0.05).round(2).tolist()
    [13.0]
    """
    saved = np.asarray(saveability, dtype=np.float64) * _worth(value)
    return np.asarray(saved - expected_cost(saveability, p_leave, value, contact_cost, incentive_share), np.float64)


def _worth(value: ArrayLike) -> Floats:
    """Values (n,), those below 0 as 0 and nan as nan."""
    return np.maximum(np.asarray(value, dtype=np.float64), 0.0)
