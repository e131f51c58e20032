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
from sqlalchemy.exc import DBAPIError, OperationalError

from churnml.errors import LockError, ModelError
from churnml.metrics.scorers import three_columns
from churnml.model.classifier import OneClassError, SilentDefectionClassifier
from churnml.model.objectives import LOG_LOSS, Objective
from churnml.model.split import Fold, RollingOriginSplit, rows_of
from churnml.model.training import learn
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
    trials : one row per finished trial: trial, state (`complete` or `pruned`), a column of the objective's name (mean
        over the folds; of a pruned trial, over those it finished), default (whether it is the base parameters), and
        the parameters
    objective : what was searched for
    """

    best: dict[str, Any]
    trials: pd.DataFrame
    objective: Objective = LOG_LOSS

    @property
    def complete(self) -> pd.DataFrame:
        """The trials that went through all folds."""
        return self.trials[self.trials["state"] == "complete"]

    @property
    def gain(self) -> float:
        """By how much the best trial is better on the folds than the base parameters; nan without a search."""
        base = self.complete.loc[self.complete["default"], self.objective.name]
        if base.empty:
            return float("nan")
        return float(max(self.objective.gain(value, base.iloc[0]) for value in self.complete[self.objective.name]))


def tune(
    X: pd.DataFrame,
    y: ArrayLike,
    as_of: ArrayLike,
    splitter: RollingOriginSplit,
    *,
    base: SilentDefectionClassifier,
    trials: int,
    storage: Path,
    objective: Objective = LOG_LOSS,
    fold: Fold | None = None,
    timeout_s: float | None = None,
    seed: int = 0,
    on_trial: Progress | None = None,
) -> Tuning:
    """Search parameters by the mean objective on rolling out-of-time folds (TPE, Bergstra et al. 2011, by Optuna).

    The base parameters are the first trial, so the best is never worse than them on the folds. After each fold but
    the last, a trial that is worse than the median of the others there is given up. A search that was killed goes on
    where it stopped when called again with the same data, base, splitter, objective, seed and `storage`: no finished
    trial is lost, and what follows is drawn with the seed plus the number of finished trials. Anything else starts a
    search of its own in the same file. A search that nobody interrupted gives the same trials every time.

    Parameters
    ----------
    X : (n, f) features; y : (n,) outcomes; as_of : (n,) snapshot dates; training rows only
    trials : how many trials in all, those finished earlier included; 0 gives the base parameters
    storage : path of the SQLite file that holds the trials
    fold : X of a fold's rows, where some columns are fitted on its training rows; without it they are rows of `X`
    objective : what to search for
    timeout_s : start no further trial after so many seconds of search, those of earlier finished trials included
    on_trial : called after each trial with (finished, wanted, best value so far)

    Raises
    ------
    ModelError
        History is too short for a fold, or no fold has two classes to learn from and to judge on; or `storage` is no
        file of trials.
    LockError
        Trials cannot be kept: the disk is full, or the file may not be written.
    """
    labels = np.asarray(y)
    if trials <= 0:
        return Tuning(base.get_params(), _frame([], objective), objective)
    codes = np.array([OUTCOMES.index(label) for label in labels], dtype=np.intp)
    folds = _folds(X, labels, codes, as_of, splitter, objective)
    storage.parent.mkdir(parents=True, exist_ok=True)
    with _quiet(), _kept(storage):
        database = optuna.storages.RDBStorage(
            f"sqlite:///{storage}", heartbeat_interval=_HEARTBEAT_S, grace_period=2 * _HEARTBEAT_S
        )
        try:
            study = optuna.create_study(
                study_name=_fingerprint(X, labels, as_of, base, splitter, objective, seed),
                storage=database,
                direction=objective.direction,
                load_if_exists=True,
                pruner=optuna.pruners.MedianPruner(n_startup_trials=5),
            )
            if not any(_is_base(trial) for trial in _found(study, *_ENDED, TrialState.WAITING)):
                study.enqueue_trial({name: base.get_params()[name] for name in SPACE}, user_attrs={"default": True})
            earlier = _found(study, *_ENDED)
            study.sampler = optuna.samplers.TPESampler(seed=seed + len(earlier))
            left_s = None if timeout_s is None else timeout_s - sum(_seconds(trial) for trial in earlier)
            if len(earlier) < trials and (left_s is None or left_s > 0):
                study.optimize(
                    lambda trial: _value(
                        trial, fold or rows_of(X), labels, codes, np.asarray(as_of), folds, base, objective
                    ),
                    n_trials=trials - len(earlier),
                    timeout=left_s,
                    n_jobs=1,
                    callbacks=[_reporter(on_trial, trials)] if on_trial else None,
                )
            finished = _found(study, *_ENDED)
        finally:
            database.engine.dispose()
    complete = [trial for trial in finished if trial.state == TrialState.COMPLETE]
    if not complete:
        return Tuning(base.get_params(), _frame(finished, objective), objective)
    best = max(complete, key=lambda trial: (objective.gain(float(trial.value or 0.0), 0.0), -trial.number))
    return Tuning({**base.get_params(), **best.params}, _frame(finished, objective), objective)


def _folds(
    X: pd.DataFrame,
    labels: NDArray[Any],
    codes: NDArray[np.intp],
    as_of: ArrayLike,
    splitter: RollingOriginSplit,
    objective: Objective,
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    usable = [
        (train, test)
        for train, test in splitter.split(X, labels, as_of)
        if len(np.unique(labels[train])) > 1 and "retained" in labels[train] and objective.can_judge(test, codes[test])
    ]
    if not usable:
        raise OneClassError(
            f"no fold has more than 1 class to learn from and to judge {objective.name} on",
            "widen the snapshots or the horizon, or set tuning trials to 0",
        )
    return usable


def _value(
    trial: optuna.Trial,
    fold: Fold,
    labels: NDArray[Any],
    codes: NDArray[np.intp],
    as_of: NDArray[Any],
    folds: list[tuple[NDArray[np.intp], NDArray[np.intp]]],
    base: SilentDefectionClassifier,
    objective: Objective,
) -> float:
    model = clone(base).set_params(**_suggest(trial, base.get_params()))
    values: list[float] = []
    for step, (train, test) in enumerate(folds):
        learnt, judged = fold(train, test)
        fitted = learn(model, learnt, labels[train], as_of[train])
        values.append(objective.score(test, codes[test], three_columns(fitted, judged)))
        trial.report(float(np.mean(values)), step)
        if step + 1 < len(folds) and not _is_base(trial) and trial.should_prune():
            raise optuna.TrialPruned
    return float(np.mean(values))


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


def _seconds(trial: optuna.trial.FrozenTrial) -> float:
    return trial.duration.total_seconds() if trial.duration is not None else 0.0


def _is_base(trial: optuna.Trial | optuna.trial.FrozenTrial) -> bool:
    return bool(trial.user_attrs.get("default"))


def _reporter(on_trial: Progress, wanted: int) -> Callable[[optuna.Study, optuna.trial.FrozenTrial], None]:
    def report(study: optuna.Study, _: optuna.trial.FrozenTrial) -> None:
        finished = _found(study, *_ENDED)
        values = [trial.value for trial in finished if trial.state == TrialState.COMPLETE and trial.value is not None]
        best = min if study.direction == optuna.study.StudyDirection.MINIMIZE else max
        on_trial(len(finished), wanted, best(values, default=None))

    return report


def _frame(finished: list[optuna.trial.FrozenTrial], objective: Objective) -> pd.DataFrame:
    rows = [
        {
            "trial": number,
            "state": trial.state.name.lower(),
            objective.name: trial.value if trial.value is not None else np.nan,
            "default": _is_base(trial),
            **{name: trial.params.get(name) for name in SPACE},
        }
        for number, trial in enumerate(finished)
    ]
    return pd.DataFrame(rows, columns=["trial", "state", objective.name, "default", *SPACE])


def _fingerprint(
    X: pd.DataFrame,
    labels: NDArray[Any],
    as_of: ArrayLike,
    base: SilentDefectionClassifier,
    splitter: RollingOriginSplit,
    objective: Objective,
    seed: int,
) -> str:
    """A name that only the same search gets."""
    parameters = {name: value for name, value in base.get_params().items() if name != "num_threads"}
    about = [parameters, SPACE, list(map(str, X.columns)), seed, objective.name, objective.inputs]
    about.append([splitter.n_splits, splitter.horizon_days, splitter.lead_days])
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for part in (X, pd.Series(labels, dtype=object), pd.Series(pd.DatetimeIndex(np.asarray(as_of)))):
        digest.update(pd.util.hash_pandas_object(part, index=False).to_numpy().tobytes())
    return digest.hexdigest()


@contextmanager
def _kept(storage: Path) -> Iterator[None]:
    """Turn what SQLite refuses into an error that says what to do."""
    try:
        yield
    except (DBAPIError, optuna.exceptions.StorageInternalError) as error:
        cause = error if isinstance(error, DBAPIError) else error.__cause__
        reason = str(cause.orig) if isinstance(cause, DBAPIError) else type(error).__name__
        if isinstance(cause, OperationalError):
            raise LockError(f"{storage}: no trial can be kept: {reason}", "see that it may be written") from error
        raise ModelError(f"{storage}: no file of trials: {reason}", "remove it, and the search begins anew") from error


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
