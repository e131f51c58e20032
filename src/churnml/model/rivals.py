"""Any scikit-learn classifier, named in the configuration, on equal terms with the model.

A rival gets the same training rows, the same folds and the same calibration. It is compared and never published, so
nothing needs to be unpickled.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import get_tags

from churnml.config import Rival
from churnml.errors import ChurnmlError, ConfigError
from churnml.metrics.scorers import three_columns
from churnml.model.split import Fold, RollingOriginSplit
from churnml.model.training import fit_calibrated

log = logging.getLogger(__name__)
SMALLEST = 0.001
"""A forest says 0 where none of its trees has seen an outcome. One such row would decide the calibration of all."""


class Prepared(Pipeline):  # type: ignore[misc]
    """A classifier after its preparation; no chance is below `SMALLEST`."""

    def predict_proba(self, X: pd.DataFrame, **params: Any) -> NDArray[np.float64]:
        """Chances (n, number of classes), in the order of `classes_`; rows sum to 1."""
        chances = np.maximum(super().predict_proba(X, **params), SMALLEST)
        return np.asarray(chances / chances.sum(axis=1, keepdims=True))


def rivals(declared: Mapping[str, Rival], *, seed: int = 0) -> dict[str, Prepared]:
    """The classifiers by name, each after the preparation that a table of features needs.

    Categories become columns of their own; missing numbers are replaced by medians, and numbers scaled, unless the
    classifier takes missing values. `random_state` is the seed, unless the configuration says otherwise.

    Raises
    ------
    ConfigError
        A name cannot be imported, is no scikit-learn classifier with chances, or does not have a parameter.
    """
    return {name: prepared(_classifier(name, rival, seed)) for name, rival in declared.items()}


def rival_chances(
    name: str,
    rival: Any,
    X: pd.DataFrame,
    y: ArrayLike,
    as_of: ArrayLike,
    test: pd.DataFrame,
    test_as_of: ArrayLike,
    *,
    splitter: RollingOriginSplit,
    fold: Fold | None = None,
) -> NDArray[Any]:
    """Calibrated chances (m, 3) of the test rows, from the training rows X (n, f), y and as_of (n,).

    `test_as_of` (m,) are the snapshots of the test rows.

    Raises
    ------
    ConfigError
        The classifier refuses its parameters or the table.
    """
    try:
        with _warned(name):
            fitted = fit_calibrated(X, y, as_of, classifier=rival, splitter=splitter, fold=fold)
            return fitted.calibration.transform_each(three_columns(fitted.classifier, test), test_as_of)
    except ChurnmlError:
        raise
    except (ValueError, TypeError) as error:
        raise ConfigError(f"model.rivals.{name}: {_first_line(error)}", "check its parameters") from error


@contextmanager
def _warned(name: str) -> Iterator[None]:
    """Log what the classifier warns of under its name: one line, however often it says it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for text in dict.fromkeys(_first_line(one.message) for one in caught):
        log.warning("model.rivals.%s: %s", name, text)


def prepared(classifier: Any) -> Prepared:
    """The classifier after what turns a table of features into numbers that it takes."""
    bears_gaps = get_tags(classifier).input_tags.allow_nan
    numbers = "passthrough" if bears_gaps else make_pipeline(_medians(), StandardScaler())
    categories = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=20, sparse_output=False)
    table = make_column_transformer(
        (categories, make_column_selector(dtype_include="category")),
        (numbers, _known_numbers),
    )
    return Prepared([("table", table), ("classifier", classifier)])


def _known_numbers(X: pd.DataFrame) -> list[str]:
    """Numbers that some training row has; scikit-learn's histogram boosting fails on a column without any value."""
    return [str(name) for name in X.select_dtypes("number") if X[name].notna().any()]


def _medians() -> SimpleImputer:
    return SimpleImputer(strategy="median", add_indicator=True)


def _classifier(name: str, rival: Rival, seed: int) -> Any:
    where = f"model.rivals.{name}"
    kind = _imported(where, rival.estimator)
    if not (isinstance(kind, type) and issubclass(kind, ClassifierMixin)):
        raise ConfigError(
            f"{where}.estimator: {rival.estimator} is no scikit-learn classifier",
            "name a class derived from sklearn.base.ClassifierMixin",
        )
    try:
        estimator: Any = kind()
    except TypeError as error:
        raise ConfigError(f"{where}.estimator: {rival.estimator} needs more than plain parameters: {error}") from error
    known = estimator.get_params()
    if unknown := sorted(set(rival.parameters) - set(known)):
        raise ConfigError(
            f"{where}.parameters: {kind.__name__} has no parameter {unknown[0]!r}", f"it has {', '.join(sorted(known))}"
        )
    chance = {"random_state": seed} if "random_state" in known else {}
    estimator.set_params(**{**chance, **rival.parameters})
    if not hasattr(estimator, "predict_proba"):
        raise ConfigError(f"{where}.estimator: {rival.estimator} gives no chances (predict_proba)")
    return estimator


def _imported(where: str, path: str) -> Any:
    module, _, attribute = path.rpartition(".")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"{where}.estimator: {path} cannot be imported: {_first_line(error)}",
            "write it as sklearn.ensemble.RandomForestClassifier, and see that its package is installed",
        ) from error


def _first_line(error: Exception | Warning | str) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
