"""The search repeats itself, goes on after a kill, and never ends below the defaults."""

from __future__ import annotations

import numpy as np
import optuna
import pandas as pd
import pytest

from churnml.errors import ModelError
from churnml.model.classifier import SilentDefectionClassifier
from churnml.model.split import RollingOriginSplit
from churnml.model.tuning import tune


@pytest.fixture
def search(business, tmp_path):
    rows = np.flatnonzero(np.char.less(business.groups.astype(str), "g00070"))
    base = SilentDefectionClassifier(n_estimators=100, learning_rate=0.2, num_threads=1, minimum_positives=5)
    base.set_params(n_estimators=30)

    def run(trials: int, storage: str = "trials.db", **changes: object):
        arguments = {"splitter": RollingOriginSplit(3, horizon_days=42), "base": base, "seed": 3}
        arguments |= {"storage": tmp_path / storage, "trials": trials, **changes}
        return tune(business.X.iloc[rows], business.y[rows], business.as_of[rows], **arguments)

    run.base = base
    return run


def test_the_first_trial_is_the_default_and_the_best_is_no_worse(search):
    calls = []
    found = search(6, on_trial=lambda *progress: calls.append(progress))
    assert len(found.trials) == 6 and found.trials["default"].tolist() == [True] + [False] * 5
    assert found.trials["n_estimators"][0] == 30 and found.trials["learning_rate"][0] == 0.2
    complete = found.trials[found.trials["state"] == "complete"]
    best = complete.loc[complete["log_loss"].idxmin()]
    assert best["log_loss"] <= complete["log_loss"].iloc[0]
    assert found.best["learning_rate"] == best["learning_rate"]
    assert [call[:2] for call in calls] == [(done, 6) for done in range(1, 7)]
    assert calls[-1][2] == best["log_loss"]
    assert SilentDefectionClassifier(**found.best).get_params()["max_depth"] == 8
    assert set(found.trials["state"]) <= {"complete", "pruned"}


def test_same_seed_same_trials_and_another_seed_others(search):
    first, again, other = search(4, "a.db"), search(4, "b.db"), search(4, "a.db", seed=4)
    pd.testing.assert_frame_equal(first.trials, again.trials)
    assert first.best == again.best
    assert not first.trials["num_leaves"].equals(other.trials["num_leaves"])


def test_a_killed_search_goes_on_and_loses_nothing(search):
    def kill(done: int, wanted: int, best: float | None) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(5, on_trial=kill)
    resumed = search(5)
    assert len(resumed.trials) == 5
    pd.testing.assert_frame_equal(resumed.trials.head(3), search(3, "whole.db").trials)
    calls = []
    assert len(search(5, on_trial=lambda *progress: calls.append(progress)).trials) == 5
    assert not calls


def test_a_kill_before_the_default_was_done_still_tries_the_default(search, tmp_path):
    search(1)
    storage = optuna.storages.RDBStorage(f"sqlite:///{tmp_path / 'trials.db'}")
    (summary,) = optuna.get_all_study_summaries(storage)
    optuna.delete_study(study_name=summary.study_name, storage=storage)
    study = optuna.create_study(study_name=summary.study_name, storage=storage, direction="minimize")
    study.enqueue_trial(dict.fromkeys(["n_estimators"], 30), user_attrs={"default": True})
    study.ask()
    storage.engine.dispose()
    assert search(2).trials["default"].sum() == 1


def test_other_data_start_a_search_of_their_own(search, business):
    assert len(search(2).trials) == 2
    base = SilentDefectionClassifier(n_estimators=20, num_threads=1, minimum_positives=5)
    assert search(2, base=base).trials["n_estimators"][0] == 20
    assert search(2).trials["n_estimators"][0] == 30


def test_no_trials_give_the_base(search, tmp_path):
    found = search(0)
    assert found.best == search.base.get_params() and found.trials.empty
    assert not (tmp_path / "trials.db").exists()


def test_no_history_or_one_class_is_one_clear_error(search, business, tmp_path):
    with pytest.raises(ModelError, match="more history"):
        search(2, splitter=RollingOriginSplit(2, horizon_days=900))
    with pytest.raises(ModelError, match="1 class"):
        tune(
            business.X,
            np.full(len(business.X), "retained"),
            business.as_of,
            RollingOriginSplit(2, horizon_days=42),
            base=search.base,
            trials=1,
            storage=tmp_path / "x.db",
        )


def test_poor_trials_are_pruned_after_a_fold(search):
    found = search(11)
    assert (found.trials["state"] == "pruned").any()
    assert found.trials["log_loss"].notna().all()
