"""A seeded search for parameters inside the training folds: resumable, pruned, never worse in-fold than the base."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from optuna.trial import TrialState
from sklearn.base import clone

from churnml.metrics.scores import log_loss
from churnml.model.classifier import OneClassError, SilentDefectionClassifier
from churnml.model.split import Fold, RollingOriginSplit, rows_of
from churnml.model.training import three_columns
from churnml.outcomes import OUTCOMES

SPACE: dict[str, tuple[float, float, bool]] = {
    "n_estimators": (80, 500, True),
    "learning_rate": (0.015, 0.1, True),
    "num_leaves": (4, 31, True),
    "min_child_samples": (20, 300, True),
    "feature_fraction": (0.2, 0.9, False),
    "bagging_fraction": (0.5, 1.0, False),
    "lambda_l2": (0.5, 100.0, True),
}
"""Parameter -> lowest, highest, and whether the scale is logarithmic. A default outside widens the range."""

Progress = Callable[[int, int, float | None], None]
_HEARTBEAT_S = 30
_ENDED = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True)
class Tuning:
    """What the search found.

    Attributes
    ----------
    best : every parameter of the classifier, ready for `SilentDefectionClassifier(**best)`
    trials : one row per finished trial: trial, state (`complete` or `pruned`), log_loss (mean over the folds; of a
        pruned trial, over those it finished), default (whether it is the base parameters), and the parameters
    """

    best: dict[str, Any]
    trials: pd.DataFrame


def tune(
    X: pd.DataFrame,
    y: ArrayLike,
    as_of: ArrayLike,
    splitter: RollingOriginSplit,
    *,
    base: SilentDefectionClassifier,
    trials: int,
    storage: Path,
    fold: Fold | None = None,
    timeout_s: float | None = None,
    seed: int = 0,
    on_trial: Progress | None = None,
) -> Tuning:
    """Search parameters by mean log loss on rolling out-of-time folds (TPE, Bergstra et al. 2011, by Optuna).

    The base parameters are the first trial, so the best is never worse than them on the folds. A search that was
    killed goes on where it stopped when called again with the same data, base, splitter, seed and `storage`; other
    data or parameters start a search of their own in the same file.

    Parameters
    ----------
    X : (n, f) features; y : (n,) outcomes; as_of : (n,) snapshot dates; training rows only
    trials : how many trials in all, those finished earlier included; 0 gives the base parameters
    storage : path of the SQLite file that holds the trials
    fold : X of a fold's rows, where some columns are fitted on its training rows; without it they are rows of `X`
    timeout_s : start no further trial after so many seconds
    on_trial : called after each trial with (finished, wanted, best log loss so far)

    Raises
    ------
    ModelError
        History is too short for a fold, or no fold has two classes to learn from.
    """
    labels = np.asarray(y)
    if trials <= 0:
        return Tuning(base.get_params(), _frame([]))
    folds = _folds(X, labels, as_of, splitter)
    storage.parent.mkdir(parents=True, exist_ok=True)
    with _quiet():
        database = optuna.storages.RDBStorage(
            f"sqlite:///{storage}", heartbeat_interval=_HEARTBEAT_S, grace_period=2 * _HEARTBEAT_S
        )
        try:
            study = optuna.create_study(
                study_name=_fingerprint(X, labels, as_of, base, splitter, seed),
                storage=database,
                direction="minimize",
                load_if_exists=True,
                pruner=optuna.pruners.MedianPruner(n_startup_trials=5),
            )
            if not any(_is_base(trial) for trial in _found(study, *_ENDED, TrialState.WAITING)):
                study.enqueue_trial({name: base.get_params()[name] for name in SPACE}, user_attrs={"default": True})
            earlier = len(_found(study, *_ENDED))
            study.sampler = optuna.samplers.TPESampler(seed=seed + earlier)
            if earlier < trials:
                study.optimize(
                    lambda trial: _objective(trial, fold or rows_of(X), labels, folds, base),
                    n_trials=trials - earlier,
                    timeout=timeout_s,
                    n_jobs=1,
                    callbacks=[_reporter(on_trial, trials)] if on_trial else None,
                )
            finished = _found(study, *_ENDED)
        finally:
            database.engine.dispose()
    complete = [trial for trial in finished if trial.state == TrialState.COMPLETE]
    if not complete:
        return Tuning(base.get_params(), _frame(finished))
    best = min(complete, key=lambda trial: (trial.value, trial.number))
    return Tuning({**base.get_params(), **best.params}, _frame(finished))


def _folds(
    X: pd.DataFrame, labels: NDArray[Any], as_of: ArrayLike, splitter: RollingOriginSplit
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    usable = [
        (train, test)
        for train, test in splitter.split(X, labels, as_of)
        if len(np.unique(labels[train])) > 1 and "retained" in labels[train]
    ]
    if not usable:
        raise OneClassError(
            "no fold has more than 1 class to learn from",
            "widen the snapshots or the horizon, or set tuning trials to 0",
        )
    return usable


def _objective(
    trial: optuna.Trial,
    fold: Fold,
    labels: NDArray[Any],
    folds: list[tuple[NDArray[np.intp], NDArray[np.intp]]],
    base: SilentDefectionClassifier,
) -> float:
    model = clone(base).set_params(**_suggest(trial, base.get_params()))
    losses: list[float] = []
    for step, (train, test) in enumerate(folds):
        learnt, judged = fold(train, test)
        fitted = clone(model).fit(learnt, labels[train])
        codes = np.array([OUTCOMES.index(label) for label in labels[test]], dtype=np.intp)
        losses.append(log_loss(codes, three_columns(fitted, judged)))
        trial.report(float(np.mean(losses)), step)
        if step + 1 < len(folds) and not _is_base(trial) and trial.should_prune():
            raise optuna.TrialPruned
    return float(np.mean(losses))


def _suggest(trial: optuna.Trial, base: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, (lowest, highest, log) in SPACE.items():
        low, high = min(lowest, base[name]), max(highest, base[name])
        log = log and low > 0
        if isinstance(lowest, int):
            result[name] = trial.suggest_int(name, int(low), int(high), log=log)
        else:
            result[name] = trial.suggest_float(name, float(low), float(high), log=log)
    return result


def _found(study: optuna.Study, *states: TrialState) -> list[optuna.trial.FrozenTrial]:
    return study.get_trials(deepcopy=False, states=states)


def _is_base(trial: optuna.Trial | optuna.trial.FrozenTrial) -> bool:
    return bool(trial.user_attrs.get("default"))


def _reporter(on_trial: Progress, wanted: int) -> Callable[[optuna.Study, optuna.trial.FrozenTrial], None]:
    def report(study: optuna.Study, _: optuna.trial.FrozenTrial) -> None:
        finished = _found(study, *_ENDED)
        values = [trial.value for trial in finished if trial.state == TrialState.COMPLETE and trial.value is not None]
        on_trial(len(finished), wanted, min(values, default=None))

    return report


def _frame(finished: list[optuna.trial.FrozenTrial]) -> pd.DataFrame:
    rows = [
        {
            "trial": number,
            "state": trial.state.name.lower(),
            "log_loss": trial.value if trial.value is not None else np.nan,
            "default": _is_base(trial),
            **{name: trial.params.get(name) for name in SPACE},
        }
        for number, trial in enumerate(finished)
    ]
    return pd.DataFrame(rows, columns=["trial", "state", "log_loss", "default", *SPACE])


def _fingerprint(
    X: pd.DataFrame,
    labels: NDArray[Any],
    as_of: ArrayLike,
    base: SilentDefectionClassifier,
    splitter: RollingOriginSplit,
    seed: int,
) -> str:
    """A name that only the same search gets."""
    parameters = {name: value for name, value in base.get_params().items() if name != "num_threads"}
    about = [parameters, SPACE, list(map(str, X.columns)), seed]
    about.append([splitter.n_splits, splitter.horizon_days, splitter.lead_days])
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for part in (X, pd.Series(labels, dtype=object), pd.Series(pd.DatetimeIndex(np.asarray(as_of)))):
        digest.update(pd.util.hash_pandas_object(part, index=False).to_numpy().tobytes())
    return digest.hexdigest()


@contextmanager
def _quiet() -> Iterator[None]:
    """Optuna without its log lines; progress goes to `on_trial`."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)
