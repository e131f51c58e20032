"""Nights of a real model, judged from the command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from churnml.scoring.publish import Publication, Run

JUDGED = ["2024-04-29", "2024-05-06", "2024-05-13"]
WAITING = ["2024-05-20"]
LEARNT_FROM = "2024-03-18"


@dataclass(frozen=True)
class Job:
    """The shared company with a champion that knows nothing after 15 April 2024, and its nights since."""

    folder: Path
    config: Path

    @property
    def place(self) -> Publication:
        return Publication(self.folder / "published" / "telecom")


@pytest.fixture(scope="module")
def job(company: Any, cli: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Job:
    folder = tmp_path_factory.mktemp("watched")
    settings = {
        "every: 42 days, first: 2023-10-22": "every: 28 days, first: 2023-08-27",
        "features:\n  families: [recency, complaints]\n": "features:\n  families: [recency]\n",
        "rivals: {tree: {estimator: sklearn.tree.DecisionTreeClassifier, parameters: {max_depth: 4}}}": "seed: 3",
        "  seed: 7\n": "",
    }
    config = company.configure(folder, settings, models=folder / "models")
    trained = cli("train", config, "--known-at", "2024-04-15", "--trials", 0, "--json")
    assert trained.code == 0, trained.err
    for first, last in ((LEARNT_FROM, LEARNT_FROM), (JUDGED[0], WAITING[-1])):
        done = cli("backfill", config, "--from", first, "--to", last, "--every", 7, "--json")
        assert done.code == 0, done.err
    return Job(folder, config)


@pytest.fixture(scope="module")
def told(job: Job, cli: Callable[..., Any]) -> Any:
    return cli("monitor", job.config, "--json")


def test_good_nights_are_well(told: Any) -> None:
    assert told.code == 0, told.err
    assert told.json["well"] and told.json["findings"] == []
    assert told.json["verdict"].startswith("All 3 judged nights were as good as promised")


def test_each_night_has_its_state(told: Any) -> None:
    states = {row["as_of"]: row["state"] for row in told.json["nights"]}
    assert states == {LEARNT_FROM: "left out", **dict.fromkeys(JUDGED, "judged"), **dict.fromkeys(WAITING, "waiting")}
    (out,) = [row for row in told.json["nights"] if row["state"] == "left out"]
    assert out["why"].startswith("its model has learnt from outcomes up to 2024-03-24")
    assert {row["as_of"] for row in told.json["estimates"]} == {*JUDGED, *WAITING}


def test_the_figures_are_those_of_the_published_chances_and_the_labels_of_training(
    job: Job, told: Any, cli: Callable[..., Any], tmp_path: Path
) -> None:
    """The labelled table of a training with a snapshot on that day gives the same AUROC, by scikit-learn."""
    day = JUDGED[0]
    text = job.config.read_text().replace("every: 28 days, first: 2023-08-27", f"every: 400 days, first: {day}")
    (tmp_path / "company.yaml").write_text(text)
    assert cli("dataset", tmp_path / "company.yaml", "--out", tmp_path / "out", "--json").code == 0
    labelled = pd.read_parquet(tmp_path / "out" / "dataset.parquet").set_index("customer_id")
    (night,) = [each for each in job.place.nights() if str(each.as_of) == day]
    scores = night.scores().to_pandas().set_index("customer_id")
    rows = labelled.join(scores, rsuffix="_scored", how="inner")
    rows = rows[~rows["voiced_before"]]
    expected = roc_auc_score(rows["outcome"] == "silent", rows["p_silent"])
    (row,) = [row for row in told.json["figures"] if row["as_of"] == day and row["metric"] == "auroc"]
    assert row["value"] == pytest.approx(expected, abs=1e-9)
    assert row["low"] < row["value"] < row["high"]


def test_drift_was_measured_when_the_night_was_scored(told: Any) -> None:
    measured = {(row["as_of"], row["of"]) for row in told.json["drift"]}
    for day in (*JUDGED, *WAITING):
        assert (day, "the chances") in measured and (day, "active_days_30d") in measured


def test_it_is_logged_beside_the_comparisons(job: Job, told: Any) -> None:
    store = mlflow.MlflowClient(f"sqlite:///{job.folder / 'models' / 'mlflow.db'}")
    run = store.get_run(told.json["run_id"])
    assert store.get_experiment(run.info.experiment_id).name == "churnml_telecom_comparisons"
    assert run.data.tags["churnml.kind"] == "nights" and run.data.metrics["nights/judged"] == 3
    assert len(store.get_metric_history(run.info.run_id, "nights/auroc_silent")) == 3
    assert {"monitor.html", "tables"} <= {each.path for each in store.list_artifacts(run.info.run_id)}


def test_the_page_is_the_same_for_the_same_nights_and_names_nobody(
    job: Job, told: Any, cli: Callable[..., Any], tmp_path: Path
) -> None:
    assert cli("monitor", job.config, "--out", tmp_path / "page.html").code == 0
    page = (tmp_path / "page.html").read_bytes()
    assert page == Path(told.json["page"]).read_bytes() == (job.place.root / "monitor.html").read_bytes()
    people = job.place.nights()[-1].scores()["customer_id"].to_pylist()
    assert not [name for name in people if name.encode() in page]


def test_outcomes_are_told_as_known_on_the_day(job: Job, cli: Callable[..., Any], tmp_path: Path) -> None:
    told = cli("monitor", job.config, "--as-of", "2024-06-18", "--out", tmp_path / "page.html", "--json")
    assert told.code == 0, told.err
    judged = [row["as_of"] for row in told.json["nights"] if row["state"] == "judged"]
    assert judged == JUDGED[:1]
    early = cli("monitor", job.config, "--as-of", "2024-01-01", "--out", tmp_path / "page.html")
    assert early.code == 65 and "no night is published up to 2024-01-01" in early.err
    assert cli("monitor", job.config, "--as-of", "2999-01-01").code == 2


def test_another_definition_of_leaving_is_not_judged(job: Job, cli: Callable[..., Any], tmp_path: Path) -> None:
    text = job.config.read_text().replace("lookback_days: 90", "lookback_days: 30")
    (tmp_path / "company.yaml").write_text(text)
    told = cli("monitor", tmp_path / "company.yaml", "--out", tmp_path / "page.html", "--json")
    assert told.code == 0, told.err
    assert {row["state"] for row in told.json["nights"]} == {"left out"}
    assert told.json["verdict"].startswith("No night can be judged yet")
    said = cli("monitor", tmp_path / "company.yaml", "--out", tmp_path / "page.html")
    assert said.out.startswith("Nothing to judge"), "neither well nor not"


def test_a_bad_night_ends_with_65_until_it_is_withdrawn(job: Job, cli: Callable[..., Any], tmp_path: Path) -> None:
    """The chances of one night given to other customers, published as a night like any other."""
    place, out = job.place, tmp_path / "page.html"
    (good,) = [night for night in place.nights() if str(night.as_of) == JUDGED[1]]
    scores = good.scores()
    order = np.random.default_rng(0).permutation(len(scores))
    for name in ("p_silent", "p_vocal", "p_retained"):
        field = scores.schema.get_field_index(name)
        scores = scores.set_column(field, scores.schema.field(field), scores[name].take(order))
    with place.lock():
        bad = place.publish(scores, replace(Run.of(good.manifest()), run_id="f" * 64))
    told = cli("monitor", job.config, "--out", out, "--json")
    assert told.code == 65 and "6 May 2024 was worse than promised: " in told.err
    assert [row["as_of"] for row in told.json["nights"] if row["worse"]] == [JUDGED[1]]
    with place.lock():
        place.roll_back(good.name)
    assert bad.name in place.withdrawn()
    assert cli("monitor", job.config, "--out", out).code == 0
    damaged = place.nights()[-1].folder / "scores.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    told = cli("monitor", job.config, "--out", out, "--json")
    assert told.code == 0 and any(row["why"].startswith("damaged") for row in told.json["nights"])
