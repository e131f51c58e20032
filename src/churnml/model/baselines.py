"""Honest baselines: what a company would do without churnml, fitted and judged on the same rows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, SplineTransformer, StandardScaler
from sklearn.utils.validation import check_is_fitted

from churnml.errors import ModelError
from churnml.model.classifier import OneClassError

RECENCY, RFM, BTYD = "recency only", "RFM logistic", "BTYD"
COMPLAINTS, VOICED = "complaint count", "has voiced"


class Baselines(NamedTuple):
    """The baselines that the columns allow, by name, and why each other one is skipped."""

    estimators: dict[str, Any]
    skipped: dict[str, str]


def baselines(columns: Iterable[str]) -> Baselines:
    """The baselines for a table with these columns.

    - `recency only`: a spline logistic regression on the days since the last engagement;
    - `RFM logistic`: recency, frequency, money and tenure, as far as they are there (Fader, Hardie & Lee 2005 call
      the first three a sufficient summary of a buyer);
    - `BTYD`: the chance of coming again by the BG/NBD model ("buy till you die", Fader, Hardie & Lee 2005), which the
      training rows have taught, as a spline logistic regression gives it in chances of the outcomes;
    - `complaint count`: how often the customer complained before the snapshot: what the company sees today;
    - `has voiced`: whether the customer told the company of dissatisfaction at all.

    >>> found = baselines(["days_since_engagement", "voice_events_90d"])
    >>> sorted(found.estimators), sorted(found.skipped)
    (['complaint count', 'has voiced', 'recency only'], ['BTYD', 'RFM logistic'])
    """
    names = [str(name) for name in columns]
    estimators: dict[str, Any] = {}
    skipped: dict[str, str] = {}
    recency = "days_since_engagement"
    frequency = _windows(names, "engagement") + _windows(names, "active_days")
    money = _windows(names, "amount")[:1] or _windows(names, "quantity")[:1]
    voice = _windows(names, "voice_events")
    complaints = _windows(names, "complaint_events") or voice
    coming_again = _windows(names, "probability_return")
    if recency in names:
        estimators[RECENCY] = ColumnLogistic([recency], spline=True)
    else:
        skipped[RECENCY] = skipped[RFM] = f"no {recency} among the features"
    if recency in names and frequency:
        extra = [*money, *(name for name in ("tenure_days",) if name in names)]
        estimators[RFM] = ColumnLogistic([recency, *frequency[:2], *extra])
    elif recency in names:
        skipped[RFM] = "no count of engagement among the features"
    if coming_again:
        estimators[BTYD] = ColumnLogistic(coming_again[:1], spline=True)
    else:
        skipped[BTYD] = "no chance of coming again among the features"
    if complaints:
        estimators[COMPLAINTS] = ColumnLogistic(complaints[:1])
    else:
        skipped[COMPLAINTS] = "no count of complaints among the features"
    if voice:
        estimators[VOICED] = ColumnLogistic(voice[:1], positive=True)
    else:
        skipped[VOICED] = "no count of voice events among the features"
    return Baselines(estimators, skipped)


def _windows(names: list[str], stem: str) -> list[str]:
    """The columns `stem_<days>d`, the one nearest to 90 days first."""
    found = [(abs(int(m[1]) - 90), name) for name in names if (m := re.fullmatch(rf"{stem}_(\d+)d", name))]
    return [name for _, name in sorted(found)]


class ColumnLogistic(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Multinomial logistic regression on a few columns of a larger table; missing values get a column of their own.

    Parameters
    ----------
    columns : names of number columns
    spline : a cubic spline of each column instead of a straight line
    positive : only whether the value is above 0
    """

    def __init__(self, columns: list[str], *, spline: bool = False, positive: bool = False) -> None:
        self.columns = columns
        self.spline = spline
        self.positive = positive

    def fit(self, X: pd.DataFrame, y: ArrayLike) -> Self:
        """Learn from the columns of X (n, f) and outcomes (n,)."""
        labels = np.asarray(y)
        if len(np.unique(labels)) < 2:
            raise OneClassError("the training rows hold 1 class only", "widen the snapshots or the horizon")
        steps: list[Any] = [FunctionTransformer(_above_zero)] if self.positive else []
        if not self.positive:
            impute = SimpleImputer(strategy="median", add_indicator=not self.spline, keep_empty_features=True)
            steps = [FunctionTransformer(_squash), impute, StandardScaler()]
        if self.spline:
            steps += [SplineTransformer(n_knots=6, knots="quantile", extrapolation="constant")]
        self.pipeline_ = make_pipeline(*steps, LogisticRegression(C=1.0, max_iter=1000))
        self.pipeline_.fit(self._values(X), labels)
        self.classes_ = self.pipeline_.classes_
        return self

    def predict_proba(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Chances (n, number of classes), in the order of `classes_`."""
        check_is_fitted(self)
        return np.asarray(self.pipeline_.predict_proba(self._values(X)))

    def predict(self, X: pd.DataFrame) -> NDArray[Any]:
        """The likeliest label of each row (n,)."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])

    def _values(self, X: pd.DataFrame) -> NDArray[np.float64]:
        if missing := [name for name in self.columns if name not in X]:
            raise ModelError(f"feature {missing[0]!r} is missing")
        return X[self.columns].to_numpy(dtype=np.float64)


def _squash(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """log(1 + |x|) with x's sign: counts and money have long tails."""
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))


def _above_zero(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(values > 0, dtype=np.float64)
