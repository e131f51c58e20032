"""Training as a whole: out-of-time predictions, calibration on them, then the model on every row."""

from __future__ import annotations

from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.utils.validation import has_fit_parameter

from churnml.metrics.scorers import three_columns
from churnml.model.calibration import Calibration
from churnml.model.classifier import OneClassError
from churnml.model.split import Fold, RollingOriginSplit, rows_of
from churnml.outcomes import OUTCOMES

Classifier = TypeVar("Classifier")
CHANCES = [f"p_{outcome}" for outcome in OUTCOMES]
RATES = [f"rate_{outcome}" for outcome in OUTCOMES]


class Fitted(NamedTuple, Generic[Classifier]):
    """A model fitted on every row, its calibration, and the predictions that the calibration was fitted on.

    `out_of_time` has one row per test row of a fold: `row` (its number in X), `as_of`, `outcome` and `p_...`, each
    from a model that had seen only outcomes known by then, before calibration, and `rate_...`, the base rates of the
    rows which that model had learnt from.
    """

    classifier: Classifier
    calibration: Calibration
    out_of_time: pd.DataFrame


def fit_calibrated(
    X: pd.DataFrame,
    y: ArrayLike,
    as_of: ArrayLike,
    *,
    classifier: Classifier,
    splitter: RollingOriginSplit,
    fold: Fold | None = None,
    earlier: pd.DataFrame | None = None,
    refits: list[Classifier] | None = None,
) -> Fitted[Classifier]:
    """Fit the calibration on pooled rolling out-of-time predictions, then a clone of `classifier` on all rows.

    Parameters
    ----------
    X : (n, f) features; y : (n,) outcomes; as_of : (n,) snapshot dates
    classifier : any scikit-learn classifier of outcomes
    fold : X of a fold's rows, where some columns are fitted on its training rows; without it they are rows of `X`
    earlier : the `out_of_time` of a fit on the first snapshots of the same rows; its predictions are not made again
    refits : the clones that made the out-of-time predictions are added to it

    With a history too short for even one fold the calibration is the identity.

    Raises
    ------
    ModelError
        Only one class is present.
    """
    labels = np.asarray(y)
    final = learn(classifier, X, labels, as_of)
    predictions = out_of_time(
        X, labels, as_of, classifier=classifier, splitter=splitter, fold=fold, earlier=earlier, refits=refits
    )
    calibration = Calibration.fit(
        predictions[CHANCES].to_numpy(),
        predictions["outcome"],
        OUTCOMES,
        as_of=predictions["as_of"],
        window_days=splitter.horizon_days + splitter.lead_days,
        rates=base_rates(labels),
        rates_then=predictions[RATES].to_numpy(),
    )
    return Fitted(final, calibration, predictions)


def out_of_time(
    X: pd.DataFrame,
    y: ArrayLike,
    as_of: ArrayLike,
    *,
    classifier: Any,
    splitter: RollingOriginSplit,
    fold: Fold | None = None,
    earlier: pd.DataFrame | None = None,
    refits: list[Any] | None = None,
) -> pd.DataFrame:
    """Predictions for each fold's test rows by a clone of `classifier` that saw the fold's training rows only.

    `classifier` may be any scikit-learn classifier of outcomes, `fold` and `refits` those of `fit_calibrated`. A fold
    whose training rows hold one class is left out.
    """
    labels = np.asarray(y)
    fold = fold or rows_of(X)
    parts = [pd.DataFrame({"row": np.zeros(0, np.intp), "as_of": pd.DatetimeIndex([]), "outcome": np.zeros(0, object)})]
    parts[0] = parts[0].assign(**dict.fromkeys([*CHANCES, *RATES], 0.0))
    stamps = pd.DatetimeIndex(np.asarray(as_of))
    for train, test in splitter.split(X, labels, as_of) if splitter.origins(as_of) else ():
        if earlier is not None and (known := earlier["as_of"] == stamps[test[0]]).any():
            parts.append(earlier[known].assign(row=test))
            continue
        learnt, judged = fold(train, test)
        try:
            fitted = learn(classifier, learnt, labels[train], stamps[train])
        except OneClassError:
            continue
        if refits is not None:
            refits.append(fitted)
        part = pd.DataFrame(three_columns(fitted, judged), columns=CHANCES)
        part.insert(0, "outcome", labels[test])
        part.insert(0, "as_of", stamps[test])
        part.insert(0, "row", test)
        parts.append(part.assign(**dict(zip(RATES, base_rates(labels[train]), strict=True))))
    return pd.concat(parts if len(parts) == 1 else parts[1:], ignore_index=True)


def learn(classifier: Classifier, X: pd.DataFrame, y: NDArray[Any], as_of: ArrayLike) -> Classifier:
    """A clone of any scikit-learn classifier, fitted on X (n, f) and y (n,); told the snapshots (n,) where it asks."""
    told = {"snapshots": np.asarray(as_of)} if has_fit_parameter(classifier, "snapshots") else {}
    fitted: Classifier = clone(classifier).fit(X, y, **told)
    return fitted


def base_rates(labels: NDArray[Any]) -> NDArray[np.float64]:
    """The share of each of `OUTCOMES` (3,) among the labels (n,)."""
    return np.array([(labels == outcome).mean() for outcome in OUTCOMES])
