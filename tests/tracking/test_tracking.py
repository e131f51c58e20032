"""A real MLflow store on SQLite, one for the whole file: making one takes seconds."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from churnml.errors import LockError, ModelError
from churnml.tracking import DataFile, RunRecord, Sample, Tracker, TrainingRecord


@pytest.fixture(autouse=True)
def _no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def booster(seed: int = 0) -> lgb.Booster:
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"days_since_activity": rng.exponential(20, 200), "tenure_days": rng.uniform(0, 900, 200)})
    y = (X["days_since_activity"] > 20).astype(int)
    parameters = {"objective": "binary", "verbose": -1, "num_threads": 1, "num_leaves": 4}
    return lgb.train(parameters, lgb.Dataset(X, y), num_boost_round=3)


def record(folder: Path, *, note: str = "first") -> TrainingRecord:
    folder.mkdir(parents=True)
    model = booster()
    model.save_model(folder / "model.txt")
    (folder / "manifest.json").write_text(json.dumps({"note": note}))
    figure = Figure()
    figure.add_subplot().plot([0, 1], [0, 1])
    drawing = folder.parent / "calibration.svg"
    drawing.write_text("<svg/>")
    return TrainingRecord(
        bundle=folder,
        columns={"days_since_activity": "number", "region": "category"},
        example=pd.DataFrame({"days_since_activity": [12.0], "region": ["north"]}),
        description="**Good.**",
        params={"num_leaves": 4, "note": note},
        metrics={"log_loss": 0.5, "silent.auroc": 0.81, "unknown": float("nan")},
        curves={"search/best": pd.Series([0.6, 0.5], index=[0, 1])},
        tables={
            "trials": pd.DataFrame({"number": [0, 1], "value": [0.6, 0.5]}),
            "metrics": pd.DataFrame({"model": ["churnml"], "value": [0.81]}),
        },
        figures={"beeswarm": figure, "calibration": drawing},
        texts={"model_card.md": "# Model card"},
        data=(DataFile("clicks.parquet", "ab" * 32, 4_900_000),),
        began=1_700_000_000.5,
        samples=(Sample("training", "ef" * 32, 500, {"days_since_activity": "number"}),),
        lineage={"config": "cd" * 32},
        tags={"why": "test"},
    )


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


def test_a_project_never_trained_has_no_champion_and_asking_makes_no_store(tmp_path: Path) -> None:
    tracker = Tracker(None, tmp_path, "shop")
    assert tracker.champion() is None and tracker.challenger() is None
    assert tracker.runs().empty
    with pytest.raises(ModelError, match=r"no champion for project shop; run churnml train") as raised:
        tracker.champion_bundle()
    assert raised.value.exit_code == 65
    assert not (tmp_path / "mlflow.db").exists()


def test_a_training_from_its_record_to_the_champion(root: Path, tmp_path: Path) -> None:
    tracker = Tracker(None, root, "shop")
    first = tracker.log_training(record(tmp_path / "a" / "bundle"))
    assert tracker.challenger() == first
    assert tracker.champion() is None
    with pytest.raises(ModelError, match="no champion for project shop; run churnml promote"):
        tracker.champion_bundle()

    exported = tracker.promote(first.version)
    assert tracker.champion() == first
    assert tracker.challenger() is None
    assert exported.current and exported.model == first
    champion = root / "shop" / "champion"
    assert (champion / "model.txt").read_bytes() == (tmp_path / "a" / "bundle" / "model.txt").read_bytes()

    second = tracker.log_training(record(tmp_path / "b" / "bundle", note="second"))
    assert second.version != first.version
    assert tracker.champion() == first and tracker.challenger() == second
    assert json.loads((champion / "manifest.json").read_text()) == {"note": "first"}
    tracker.promote(second.version)
    assert json.loads((champion / "manifest.json").read_text()) == {"note": "second"}
    assert json.loads((exported.folder / "manifest.json").read_text()) == {"note": "first"}, "a reader may hold it"

    runs = tracker.runs().set_index("version")
    assert set(runs.index) == {first.version, second.version}
    assert runs.loc[second.version, "alias"] == "champion"
    assert runs.loc[first.version, "metrics.silent.auroc"] == 0.81
    assert runs.loc[first.version, "params.note"] == "first"
    assert "metrics.unknown" not in runs

    again = Tracker(None, root, "shop")  # another process, as far as the store can tell
    assert again.champion() == second
    assert again.champion_bundle().model == second


def test_what_a_run_holds(root: Path, tmp_path: Path) -> None:
    tracker = Tracker(None, root, "held")
    version = tracker.log_training(record(tmp_path / "bundle"))
    into = tmp_path / "all"
    for artifact in ("tables", "figures", "lineage.json", "model_card.md"):
        tracker.download(version.run_id, artifact, into / artifact)
    assert pd.read_csv(into / "tables" / "trials.csv")["value"].tolist() == [0.6, 0.5]
    assert {p.name for p in (into / "figures").iterdir()} == {"beeswarm.png", "calibration.svg"}
    lineage = json.loads((into / "lineage.json").read_text())
    assert lineage["data"] == [{"path": "clicks.parquet", "sha256": "ab" * 32, "rows": 4_900_000}]
    assert (into / "model_card.md").read_text() == "# Model card"

    import mlflow

    client = mlflow.MlflowClient(tracking_uri=tracker.uri)
    run = client.get_run(version.run_id)
    assert run.info.start_time == 1_700_000_000_500 < run.info.end_time  # the duration is that of the training
    inputs = {each.tags[0].value: each.dataset for each in run.inputs.dataset_inputs}
    assert inputs["source"].name == "clicks.parquet" and inputs["source"].digest == "ab" * 16
    assert json.loads(inputs["source"].profile) == {"num_rows": 4_900_000}
    assert inputs["training"].digest == "ef" * 16
    assert json.loads(inputs["training"].schema)["mlflow_colspec"][0]["name"] == "days_since_activity"
    assert run.info.run_name == f"version {version.version}" and run.data.tags["mlflow.note.content"] == "**Good.**"
    history = client.get_metric_history(version.run_id, "search/best")
    assert sorted((point.step, point.value) for point in history) == [(0, 0.6), (1, 0.5)]
    assert run.info.artifact_uri.startswith((root / "artifacts" / "held").as_uri())
    uri = client.get_model_version_download_uri("churnml_held", version.version)
    about = mlflow.models.Model.load(urlsplit(uri).path)
    assert about.signature.inputs.input_names() == ["days_since_activity", "region"]
    assert about.signature.outputs.input_names() == ["p_retained", "p_silent", "p_vocal"]
    assert set(about.flavors) == {"python_function"} and "python_model" not in about.flavors["python_function"]
    assert not list(root.rglob("*.pkl"))


def test_a_failed_training_leaves_no_version(root: Path, tmp_path: Path) -> None:
    tracker = Tracker(None, root, "failed")
    broken = record(tmp_path / "bundle")
    with pytest.raises(Exception, match="no such file"):
        tracker.log_training(TrainingRecord(bundle=broken.bundle, figures={"a": tmp_path / "no such file"}))
    assert tracker.challenger() is None
    assert tracker.runs().empty


def test_a_comparison_is_a_run_beside_the_trainings(root: Path) -> None:
    tracker = Tracker(None, root, "beside")
    run_id = tracker.log_comparison(
        "2 against 1", RunRecord(metrics={"auroc/version_1": 0.8}, tables={"difference": pd.DataFrame({"low": [0.01]})})
    )
    assert tracker.runs().empty

    import mlflow

    client = mlflow.MlflowClient(tracking_uri=tracker.uri)
    run = client.get_run(run_id)
    assert client.get_experiment(run.info.experiment_id).name == "churnml_beside_comparisons"
    assert run.info.run_name == "2 against 1" and run.info.status == "FINISHED"
    assert run.data.metrics == {"auroc/version_1": 0.8}


def test_a_forced_promotion_is_tagged(root: Path, tmp_path: Path) -> None:
    tracker = Tracker(None, root, "forced")
    first = tracker.log_training(record(tmp_path / "a" / "bundle"))
    second = tracker.log_training(record(tmp_path / "b" / "bundle"))
    tracker.promote(first.version, "the first")
    tracker.promote(second.version, "forced, although worse", forced=True)

    import mlflow

    client = mlflow.MlflowClient(tracking_uri=tracker.uri)
    tags = [client.get_model_version("churnml_forced", each.version).tags for each in (first, second)]
    assert tags[0] == {"churnml.promoted_because": "the first"}
    assert tags[1] == {
        "churnml.promoted_because": "forced, although worse",
        "churnml.replaced": first.version,
        "churnml.forced": "true",
    }


def test_an_unknown_version_cannot_become_champion(root: Path) -> None:
    with pytest.raises(ModelError, match="no model version 99"):
        Tracker(None, root, "shop").promote("99")


def test_a_dead_server_is_a_temporary_error_unless_a_champion_was_exported(root: Path, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    dead = f"http://user:secret@127.0.0.1:{port}"
    with pytest.raises(LockError, match="cannot be reached") as raised:
        Tracker(dead, tmp_path, "night").champion_bundle()
    assert raised.value.exit_code == 75
    assert "secret" not in str(raised.value)

    tracker = Tracker(None, root, "night")
    version = tracker.log_training(record(tmp_path / "bundle"))
    tracker.promote(version.version)
    exported = Tracker(dead, root, "night").champion_bundle()
    assert exported.model == version
    assert not exported.current


def test_a_store_that_was_moved_away_or_is_another_one_has_no_say(root: Path, tmp_path: Path) -> None:
    tracker = Tracker(None, root, "moved")
    version = tracker.log_training(record(tmp_path / "bundle"))
    tracker.promote(version.version)

    moved = shutil.copytree(root, tmp_path / "moved", symlinks=True, ignore=shutil.ignore_patterns("mlflow.db"))
    other = f"sqlite:///{tmp_path / 'other.db'}"
    (tmp_path / "torn.db").write_bytes(b"no database " * 100)
    for store in (None, other, f"sqlite:///{tmp_path / 'torn.db'}"):
        exported = Tracker(store, moved, "moved").champion_bundle()
        assert exported.model == version and not exported.current
    assert not (moved / "mlflow.db").exists()

    assert Tracker(None, root, "moved").champion_bundle().current
    tracker._client.delete_registered_model_alias("churnml_moved", "champion")
    with pytest.raises(ModelError, match="no champion for project moved"):  # a store that knows the project is heeded
        Tracker(None, root, "moved").champion_bundle()


def test_the_environment_names_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/elsewhere.db")
    assert Tracker(None, tmp_path, "shop").uri.endswith("/elsewhere.db")


def test_a_training_is_silent_on_a_terminal_and_works_from_any_folder(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from churnml.tracking import *\n"
        "assert 'mlflow' not in sys.modules\n"
        "t = Tracker(None, Path(sys.argv[1]), 'quiet')\n"
        "record = TrainingRecord(bundle=Path(sys.argv[2]), columns={'tenure_days': 'number'})\n"
        "t.promote(t.log_training(record).version)\n"
    )
    bundle = record(tmp_path / "b" / "bundle").bundle
    (tmp_path / "cwd").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "models"), str(bundle)],
        cwd=tmp_path / "cwd",
        env={**os.environ, "MLFLOW_TRACKING_URI": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "" and done.stderr == ""
    assert not list((tmp_path / "cwd").iterdir())
