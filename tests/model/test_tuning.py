"""The search repeats itself, goes on after a kill, and never ends below the defaults."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest

import churnml
from churnml.errors import LockError, ModelError
from churnml.metrics.profit import Campaign, expected_maximum_profit
from churnml.model.classifier import SilentDefectionClassifier
from churnml.model.objectives import AVERAGE_PRECISION, objective
from churnml.model.split import RollingOriginSplit
from churnml.model.tuning import tune
from churnml.outcomes import OUTCOMES


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


def test_an_uninterrupted_search_gives_the_same_model_to_the_byte(search, business):
    texts = [
        SilentDefectionClassifier(**search(3, name).best).fit(business.X, business.y).model_texts_
        for name in ("a.db", "b.db")
    ]
    assert texts[0] == texts[1]


def test_an_interrupted_search_goes_on_and_loses_nothing(search):
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


KILLED = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import numpy as np
from conftest import make_business
from churnml.metrics.profit import Campaign, expected_maximum_profit
from churnml.model.classifier import SilentDefectionClassifier
from churnml.model.split import RollingOriginSplit
from churnml.model.tuning import tune

made = make_business()
rows = np.flatnonzero(np.char.less(made.groups.astype(str), "g00070"))
X, finished = made.X.iloc[rows], []

def fold(train, test):
    if len(finished) == 3:
        print("in the fourth trial", flush=True)
        time.sleep(600)
    return X.iloc[train], X.iloc[test]

base = SilentDefectionClassifier(n_estimators=30, learning_rate=0.2, num_threads=1, minimum_positives=5)
tune(X, made.y[rows], made.as_of[rows], RollingOriginSplit(3, horizon_days=42), base=base, seed=3, trials=5,
     storage=Path(sys.argv[2]), fold=fold, on_trial=lambda done, wanted, best: finished.append(done))
"""


def test_a_search_killed_within_a_trial_goes_on_with_the_seed_plus_the_finished_trials(search, tmp_path):
    source = os.pathsep.join([str(Path(churnml.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(Path(__file__).parent), str(tmp_path / "killed.db")],
        env=os.environ | {"PYTHONPATH": source},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout.readline() == "in the fourth trial\n"
    finally:
        child.kill()
    assert child.wait() == -signal.SIGKILL
    seen = []
    resumed = search(5, "killed.db", on_trial=lambda done, *_: seen.append(done))
    assert seen == [4, 5]

    whole = search(3, "whole.db")
    pd.testing.assert_frame_equal(resumed.trials.head(3), whole.trials)
    pd.testing.assert_frame_equal(resumed.trials, search(5, "whole.db").trials)  # the seed plus 3, as after any stop


def test_the_time_budget_counts_what_was_searched_before(search):
    assert len(search(2).trials) == 2
    assert len(search(9, timeout_s=1e-6).trials) == 2
    assert len(search(3, timeout_s=600).trials) == 3


def test_the_user_chooses_what_is_searched_for(search):
    for_loss, found = search(4), search(4, objective=AVERAGE_PRECISION)
    assert "average_precision" in found.trials and "log_loss" not in found.trials
    best = found.complete["average_precision"].max()
    assert found.gain == pytest.approx(best - found.trials["average_precision"][0]) and found.gain >= 0
    assert found.best["learning_rate"] in set(
        found.complete.loc[found.complete["average_precision"] == best, "learning_rate"]
    )
    assert for_loss.gain == pytest.approx(for_loss.trials["log_loss"][0] - for_loss.complete["log_loss"].min())
    with pytest.raises(ModelError, match="no objective is called 'accuracy'; use one of log_loss, average"):
        objective("accuracy")


def test_a_search_for_profit_weighs_customers_by_their_value(search):
    """The value of the rows of a fold, not of the first rows of the table; other values are another search."""
    draw = np.random.default_rng(1)
    value = draw.gamma(1.0, 300.0, 5000)
    campaign = Campaign(contact_cost=20.0)
    wanted = objective("expected_profit", value, campaign)
    assert wanted.direction == "maximize" and wanted.inputs != objective("expected_profit", value).inputs
    rows, code = np.arange(1000, 3000), draw.integers(0, 3, 2000)
    chances = draw.dirichlet([1, 1, 1], 2000)
    silent = OUTCOMES.index("silent")
    assert wanted.score(rows, code, chances) == expected_maximum_profit(
        code == silent, chances[:, silent], value[1000:3000], campaign
    )
    found = search(3, objective=wanted)
    assert found.gain >= 0 and found.complete["expected_profit"].between(0, value.max()).all()
    assert len(search(1, objective=objective("expected_profit", 2 * value, campaign)).trials) == 1


def test_folds_that_cannot_be_judged_are_left_out(search, business, tmp_path):
    vocal = np.where(business.y == "silent", "vocal", business.y)
    about = {"base": search.base, "trials": 1, "storage": tmp_path / "vocal.db"}
    splitter = RollingOriginSplit(2, horizon_days=42)
    assert len(tune(business.X, vocal, business.as_of, splitter, **about).trials) == 1
    with pytest.raises(ModelError, match="to judge average_precision on"):
        tune(business.X, vocal, business.as_of, splitter, objective=AVERAGE_PRECISION, **about)


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


def test_a_file_that_holds_no_trials_or_cannot_be_written_is_one_clear_error(search, tmp_path: Path) -> None:
    (tmp_path / "torn.db").write_bytes(b"no database " * 100)
    with pytest.raises(ModelError, match=r"torn\.db: no file of trials: .*; remove it"):
        search(1, "torn.db")
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(LockError, match=r"folder\.db: no trial can be kept"):
        search(1, "folder.db")


def test_poor_trials_are_pruned_after_a_fold(search):
    found = search(11)
    assert (found.trials["state"] == "pruned").any()
    assert found.trials["log_loss"].notna().all()
