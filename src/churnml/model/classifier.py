"""The classifier: scikit-learn outside, native LightGBM boosters inside, as many as the formulation needs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import lightgbm
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import Interval
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from churnml.errors import ModelError
from churnml.model.boosting import Floats, train_booster
from churnml.model.formulations import Formulation, formulate
from churnml.outcomes import OUTCOMES


class OneClassError(ModelError, ValueError):
    """The training rows hold a single class: there is nothing to learn."""


class SilentDefectionClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Chances of `retained`, `silent` and `vocal` from a table of features.

    Gradient boosting (Ke et al. 2017, LightGBM); `formulation` says which boosters there are and what each tells apart
    (`churnml.model.formulations`). Missing values are allowed everywhere. pandas `category` columns are split on as
    categories; a category never seen in training counts as missing. Other labels than the three outcomes work as in
    any scikit-learn classifier; the first class then stands for staying.

    When `silent` or `vocal` has fewer than `minimum_positives` training rows, the model of any formulation learns
    defection against retained only, and divides the chance of defection by the outcomes' shares in training;
    `fallback_` says so.

    Parameters
    ----------
    formulation : how the outcomes are modelled: `chain`, `one_vs_rest` or `three_class`
    n_estimators, learning_rate, num_leaves, max_depth, min_child_samples : LightGBM's parameters; `min_child_samples`
        is capped at a twentieth of the rows, so that small tables still learn
    feature_fraction, bagging_fraction, lambda_l2 : LightGBM's parameters
    extra_trees : of each feature, a node looks at one threshold drawn at random instead of all (extremely randomised
        trees, Geurts, Ernst & Wehenkel 2006)
    snapshot_effects : where `fit` is told the snapshots, trees learn what sets customers of the same snapshot apart,
        not what sets snapshots apart (`churnml.model.snapshot_effects`)
    minimum_positives : fewer training rows than this of an outcome give the fallback
    seed : the same seed, data and parameters give the same model, byte for byte
    num_threads : threads for training and prediction

    Attributes
    ----------
    classes_ : array of labels, the columns of `predict_proba`; all three outcomes even when one was not met
    boosters_ : dict of a part of the formulation to its lightgbm.Booster, which reads the matrix that `encode` gives
    model_texts_ : the same boosters as text
    categories_ : dict of category column to its list of categories
    fallback_ : None, or a sentence
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "formulation": [str],
        "n_estimators": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "num_leaves": [Interval(Integral, 2, 131_072, closed="both")],
        "max_depth": [Interval(Integral, -1, None, closed="left")],
        "min_child_samples": [Interval(Integral, 1, None, closed="left")],
        "feature_fraction": [Interval(Real, 0, 1, closed="right")],
        "bagging_fraction": [Interval(Real, 0, 1, closed="right")],
        "lambda_l2": [Interval(Real, 0, None, closed="left")],
        "extra_trees": ["boolean"],
        "snapshot_effects": ["boolean"],
        "minimum_positives": [Interval(Integral, 0, None, closed="left")],
        "seed": [Interval(Integral, 0, None, closed="left")],
        "num_threads": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        formulation: str = "chain",
        *,
        n_estimators: int = 300,
        learning_rate: float = 0.03,
        num_leaves: int = 7,
        max_depth: int = 8,
        min_child_samples: int = 50,
        feature_fraction: float = 0.4,
        bagging_fraction: float = 0.7,
        lambda_l2: float = 5.0,
        extra_trees: bool = True,
        snapshot_effects: bool = True,
        minimum_positives: int = 50,
        seed: int = 0,
        num_threads: int = 2,
    ) -> None:
        self.formulation = formulation
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.max_depth = max_depth
        self.min_child_samples = min_child_samples
        self.feature_fraction = feature_fraction
        self.bagging_fraction = bagging_fraction
        self.lambda_l2 = lambda_l2
        self.extra_trees = extra_trees
        self.snapshot_effects = snapshot_effects
        self.minimum_positives = minimum_positives
        self.seed = seed
        self.num_threads = num_threads

    def fit(
        self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None, snapshots: ArrayLike | None = None
    ) -> Self:
        """Learn from features (n, f) and labels (n,), at best told the snapshot (n,) of each row.

        Raises
        ------
        ModelError
            Only one class is present, every labelled customer left, or there is no such formulation.
        ValueError
            A parameter has a wrong type, or lies where it has no meaning.
        """
        self.check_parameters()
        formulate(self.formulation, OUTCOMES)  # refuses an unknown one before anything is read
        matrix, labels = self._checked_training(X, y)
        days = self._checked_snapshots(snapshots, len(labels))
        weight = None if sample_weight is None else _check_sample_weight(sample_weight, matrix, dtype=np.float64)
        if weight is not None:
            used = weight != 0  # a row of no weight must not move a bin edge either
            matrix, labels, weight = matrix[used], labels[used], weight[used]
            days = None if days is None else days[used]
        present = np.unique(labels)
        if len(present) < 2:
            name = f"{present[0]!s}" if len(present) else "none"
            raise OneClassError(
                f"the training rows hold 1 class only ({name})",
                "a model needs both customers who stayed and customers who left: widen the snapshots or the horizon",
            )
        self.classes_ = present
        self.fallback_: str | None = None
        self.split_: float | None = None
        if self._speaks_of_outcomes(present):
            self._settle_outcomes(labels)
        code = np.searchsorted(self.classes_, labels)
        self._take(
            {
                part.name: self._train(
                    matrix, part.target(code), len(part.groups), weight, days if part.leaving else None
                )
                for part in self.formulation_.parts
            }
        )
        return self

    def check_parameters(self) -> None:
        """Refuse parameters of a wrong type or without a meaning; `fit` does it first.

        Raises
        ------
        ValueError
            The message names the parameter, what it must be and what it is.
        """
        self._validate_params()

    def _checked_training(self, X: Any, y: ArrayLike) -> tuple[Floats, NDArray[Any]]:
        self.categories_: dict[str, list[Any]] = {}
        if isinstance(X, pd.DataFrame):
            for name in X.columns:
                if isinstance(X[name].dtype, pd.CategoricalDtype):
                    self.categories_[str(name)] = X[name].cat.categories.tolist()
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        matrix = self._matrix(X, reset=True)
        labels = column_or_1d(y, warn=True)
        check_classification_targets(labels)
        if pd.isna(labels).any():
            raise ValueError("Input y contains NaN.")
        if len(labels) != len(matrix):
            raise ValueError(f"X has {len(matrix)} rows and y has {len(labels)}")
        return matrix, np.asarray(labels)

    def _checked_snapshots(self, snapshots: ArrayLike | None, rows: int) -> NDArray[Any] | None:
        if snapshots is None or not self.snapshot_effects:
            return None
        days = column_or_1d(snapshots)
        if len(days) != rows:
            raise ValueError(f"X has {rows} rows and snapshots has {len(days)}")
        return np.asarray(days)

    @staticmethod
    def _speaks_of_outcomes(present: NDArray[Any]) -> bool:
        return all(isinstance(label, str) and label in OUTCOMES for label in present.tolist())

    def _settle_outcomes(self, labels: NDArray[Any]) -> None:
        """Give all three outcomes a column, and decide whether silent and vocal can be told apart."""
        self.classes_ = np.array(OUTCOMES)
        retained, silent, vocal = (int((labels == outcome).sum()) for outcome in OUTCOMES)
        if not retained:
            raise OneClassError(
                "the training rows hold 1 class only (everyone left)",
                "check the definition of defection: nobody was retained",
            )
        needed = max(self.minimum_positives, 1)
        if min(silent, vocal) < needed:
            self.split_ = (silent + 0.5) / (silent + vocal + 1)
            rare = "silent" if silent < vocal else "vocal"
            self.fallback_ = (
                f"only {min(silent, vocal)} {rare} defections to learn from ({needed} are needed): the "
                f"model tells leavers from stayers and divides the chance of leaving {self.split_:.0%} silent, "
                f"{1 - self.split_:.0%} vocal, as in training"
            )

    def _train(
        self,
        matrix: Floats,
        target: NDArray[np.intp],
        groups: int,
        weight: Floats | None,
        snapshots: NDArray[Any] | None,
    ) -> str:
        columns = [str(name) for name in getattr(self, "feature_names_in_", [])]
        names = columns
        if not names or not all(re.fullmatch(r"[A-Za-z0-9_.]+", name) for name in names):
            names = [f"column_{index}" for index in range(matrix.shape[1])]
        if not (shown := target >= 0).all():
            matrix, target, weight = matrix[shown], target[shown], None if weight is None else weight[shown]
            snapshots = None if snapshots is None else snapshots[shown]
        return train_booster(
            matrix,
            target,
            groups,
            weight=weight,
            snapshots=snapshots,
            columns=names,
            categorical=[columns.index(name) for name in self.categories_],
            rounds=self.n_estimators,
            threads=self.num_threads,
            parameters={
                "learning_rate": self.learning_rate,
                "num_leaves": self.num_leaves,
                "max_depth": self.max_depth,
                "min_data_in_leaf": self.min_child_samples,
                "feature_fraction": self.feature_fraction,
                "bagging_fraction": self.bagging_fraction,
                "lambda_l2": self.lambda_l2,
                "extra_trees": self.extra_trees,
                "seed": self.seed,
            },
        )

    def _take(self, texts: Mapping[str, str]) -> None:
        self.model_texts_ = dict(texts)
        self.boosters_ = {name: lightgbm.Booster(model_str=text) for name, text in texts.items()}

    @property
    def formulation_(self) -> Formulation:
        """What the boosters tell apart, and what their scores mean."""
        return formulate(self.formulation, self.classes_.tolist(), self.split_)

    def encode(self, X: Any) -> Floats:
        """The matrix (n, f) of doubles that the boosters read: categories as their number, unseen ones as nan.

        A table of doubles in one block is not copied, so the matrix is not to be written to.
        """
        check_is_fitted(self)
        return self._matrix(X, reset=False)

    def _matrix(self, X: Any, reset: bool) -> Floats:
        if isinstance(X, pd.DataFrame) and self.categories_:
            coded = {name: _codes(X[name], known) for name, known in self.categories_.items() if name in X}
            X = X.assign(**coded)
        return np.asarray(validate_data(self, X, reset=reset, dtype=np.float64, ensure_all_finite="allow-nan"))

    def raw_scores(self, X: Any) -> dict[str, Floats]:
        """Each booster's raw scores (n, 1 or the number of its groups), in log-odds, by part of the formulation."""
        return self._scores(self.encode(X), self.boosters_)

    def _scores(self, matrix: Floats, parts: Iterable[str]) -> dict[str, Floats]:
        return {
            part: np.asarray(
                self.boosters_[part].predict(matrix, raw_score=True, num_threads=self.num_threads)
            ).reshape(len(matrix), -1)
            for part in parts
        }

    def predict_proba(self, X: Any) -> Floats:
        """Chances (n, number of classes), in the order of `classes_`; rows sum to 1."""
        check_is_fitted(self)
        return self.formulation_.chances(self.raw_scores(X))

    def predict(self, X: Any) -> NDArray[Any]:
        """The likeliest label of each row (n,)."""
        chances = self.predict_proba(X)
        return np.asarray(self.classes_[chances.argmax(axis=1)])

    def raw_margin(self, X: Any, margin: str | None = None) -> Floats:
        """The margin (n,) that explanations add up to: the formulation's declared one, or one of its others by name.

        Declared is, for `three_class`, the log-odds of silent against retained; for `one_vs_rest`, of silent against
        all else; for `chain` and in the fallback, of defection against retained.
        """
        return self.encoded_margin(self.encode(X), margin)

    def encoded_margin(self, matrix: Floats, margin: str | None = None) -> Floats:
        """`raw_margin` of a matrix that `encode` gave; no booster but the margin's own is asked."""
        declared = self.formulation_.margin(margin)
        return declared.of(self._scores(matrix, declared.weights))

    def state(self) -> dict[str, Any]:
        """What was learnt besides the boosters, as plain values for JSON; `restore` takes it back."""
        check_is_fitted(self)
        return {
            "parameters": self.get_params(),
            "classes": self.classes_.tolist(),
            "features": [str(name) for name in getattr(self, "feature_names_in_", [])],
            "n_features": int(self.n_features_in_),
            "categories": self.categories_,
            "fallback": self.fallback_,
            "split": self.split_,
        }

    @classmethod
    def restore(cls, state: dict[str, Any], model_texts: Mapping[str, str]) -> SilentDefectionClassifier:
        """A fitted classifier from `state()` and `model_texts_`. Texts must be trusted: verify their hashes first."""
        model = cls(**state["parameters"])
        model.classes_ = np.array(state["classes"])
        model.n_features_in_ = state["n_features"]
        if state["features"]:
            model.feature_names_in_ = np.array(state["features"], dtype=object)
        model.categories_ = state["categories"]
        model.fallback_ = state["fallback"]
        model.split_ = state["split"]
        model._take(model_texts)
        return model

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _codes(column: pd.Series, known: list[Any]) -> Floats:
    """Each value's number in the list of known categories; nan for a missing or unknown one."""
    codes = pd.Index(known, dtype=object).get_indexer(pd.Index(column.astype(object)))
    return np.where(codes < 0, np.nan, codes)
