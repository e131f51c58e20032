"""scikit-learn scorers: log loss, and of one outcome lift, precision among the first, expected maximum profit.

They take any classifier of outcomes with `predict_proba`, and work wherever scikit-learn takes `scoring`:

>>> from sklearn.model_selection import cross_validate
>>> scoring = {"lift": lift_scorer(0.1), "profit": profit_scorer()}
>>> cross_validate(model, X, outcomes, groups=as_of, cv=splitter, scoring=scoring)  # doctest: +SKIP
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import make_scorer

from churnml.errors import ModelError
from churnml.metrics import profit, scores
from churnml.metrics.profit import Campaign
from churnml.metrics.scores import Floats
from churnml.outcomes import OUTCOMES, SILENT


def lift_scorer(share: float = 0.1, outcome: str = SILENT) -> Any:
    """How many times more rows of the outcome the top `share` holds than a random pick; greater is better."""
    return _scorer(_lift, outcome, share=share)


def precision_scorer(share: float = 0.1, outcome: str = SILENT) -> Any:
    """The share of rows of the outcome in the top `share` of the ranking; greater is better."""
    return _scorer(_precision, outcome, share=share)


def profit_scorer(outcome: str = SILENT, campaign: Campaign | None = None) -> Any:
    """Expected maximum profit per customer of contacting those likely to have the outcome; greater is better.

    Individual values are passed as metadata: `profit_scorer().set_score_request(value=True)`, with scikit-learn's
    metadata routing enabled, and `params={"value": ..., "groups": as_of}` for `cross_validate`.
    """
    return _scorer(_profit, outcome, campaign=campaign)


def log_loss_scorer() -> Any:
    """Minus the log loss of the three outcomes; greater is better.

    scikit-learn's own refuses a fold in which nobody had one of the outcomes.
    """
    return _minus_log_loss


def three_columns(classifier: Any, X: pd.DataFrame) -> NDArray[np.float64]:
    """Chances (n, 3) of the outcomes by any classifier; an outcome it never met gets 0.

    Raises
    ------
    ModelError
        The classifier knows labels that are no outcomes.
    """
    known = [str(label) for label in classifier.classes_]
    if unknown := sorted(set(known) - set(OUTCOMES)):
        raise ModelError(f"the classifier knows the label {unknown[0]!r}, which is no outcome")
    chances = np.zeros((len(X), len(OUTCOMES)))
    if len(X):
        chances[:, [OUTCOMES.index(label) for label in known]] = classifier.predict_proba(X)
    return chances


def _scorer(function: Any, outcome: str, **settings: Any) -> Any:
    if outcome not in OUTCOMES:
        raise ModelError(f"{outcome!r} is no outcome", f"outcomes are {', '.join(OUTCOMES)}")
    return make_scorer(function, response_method="predict_proba", pos_label=outcome, **settings)


def _minus_log_loss(classifier: Any, X: pd.DataFrame, y: ArrayLike) -> float:
    code = [OUTCOMES.index(outcome) for outcome in np.asarray(y)]
    return -scores.log_loss(code, three_columns(classifier, X))


def _lift(y: ArrayLike, chances: ArrayLike, *, pos_label: str, share: float) -> float:
    return scores.lift_at(np.asarray(y) == pos_label, _column(chances, pos_label), share)


def _precision(y: ArrayLike, chances: ArrayLike, *, pos_label: str, share: float) -> float:
    return scores.precision_at(np.asarray(y) == pos_label, _column(chances, pos_label), share)


def _profit(
    y: ArrayLike, chances: ArrayLike, *, pos_label: str, campaign: Campaign | None, value: ArrayLike | None = None
) -> float:
    return profit.expected_maximum_profit(np.asarray(y) == pos_label, _column(chances, pos_label), value, campaign)


def _column(chances: ArrayLike, outcome: str) -> Floats:
    """scikit-learn hands over one column of a classifier of two outcomes, and all three of one of three, in order."""
    table = np.asarray(chances, dtype=np.float64)
    return table if table.ndim == 1 else table[:, OUTCOMES.index(outcome)]
