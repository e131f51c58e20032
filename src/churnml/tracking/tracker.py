"""The MLflow side of one project: runs, versions, aliases, and the champion on disk."""

from __future__ import annotations

import json
import math
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import pandas as pd

from churnml.errors import LockError, ModelError
from churnml.scoring.durable import lock, replace_link, sync, writing
from churnml.tracking.entities import (
    file_input,
    known_user,
    load_mlflow,
    readable,
    requirements,
    sample_input,
    signature,
)
from churnml.tracking.records import Exported, ModelVersion, RunRecord, TrainingRecord

CHAMPION = "champion"
CHALLENGER = "challenger"
LOADER = "churnml.scoring.pyfunc"
KIND = {"mlflow.experimentKind": "custom_model_development"}
"""Tells the UI to show runs and metrics, not prompts and traces."""
_ABOUT = "exported.json"
PREDICTIONS = "tables/test_predictions.csv"


class Tracker:
    """The MLflow side of one project. Making one does nothing; the store is opened when it is first needed.

    Parameters
    ----------
    uri : the tracking server; None means `MLFLOW_TRACKING_URI`, and without that the local store under `root`
    root : the folder of models (`paths.models`)
    project : the configuration's project

    Every method raises `LockError` (exit code 75) when the store cannot be reached.
    """

    def __init__(self, uri: str | None, root: Path, project: str) -> None:
        self.root = Path(root).resolve()
        self.project = project
        self.name = f"churnml_{project}"
        self.local = self.root / "mlflow.db"
        self.uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{self.local}"

    def log_training(self, record: TrainingRecord) -> ModelVersion:
        """Log one training as a run, register its model and make that the challenger."""
        client = self._client
        with self._run(self._experiment, "training", record) as run_id:
            version = self._log_model(run_id, record)
        with self._reached():
            client.set_registered_model_alias(self.name, CHALLENGER, version)
        return ModelVersion(version, run_id)

    def log_comparison(self, name: str, record: RunRecord) -> str:
        """Log a comparison as a run of the project's second experiment, and give its id."""
        with self._run(self._comparisons, name, record) as run_id:
            return run_id

    def champion(self) -> ModelVersion | None:
        """The version that scores, if there is one."""
        return self._alias(CHAMPION)

    def challenger(self) -> ModelVersion | None:
        """The latest trained version that has not become champion, if there is one."""
        return self._alias(CHALLENGER)

    def version(self, version: str) -> ModelVersion:
        """A version by its number. ModelError when there is none."""
        found = self._lookup("get_model_version", version)
        if found is None:
            raise ModelError(f"project {self.project} has no model version {version}", "see churnml compare")
        return found

    def set_alias(self, alias: str, version: str) -> None:
        """Point an alias at a version. ModelError when there is no such version."""
        self.version(version)
        with self._reached():
            self._client.set_registered_model_alias(self.name, alias, version)

    def note(self, version: str, **tags: str) -> None:
        """Tag a version: `churnml.` and each name, with its value. ModelError when there is no such version."""
        self.version(version)
        with self._reached():
            for name, value in tags.items():
                self._client.set_model_version_tag(self.name, version, f"churnml.{name}", value)

    def promote(self, version: str, why: str = "", *, forced: bool = False) -> Exported:
        """Make a version the champion, record why, and export its bundle for nights without the server."""
        before = self.champion()
        self.set_alias(CHAMPION, version)
        tags = {"promoted_because": why, "replaced": before.version if before else "", "forced": "true" * forced}
        self.note(version, **{name: value for name, value in tags.items() if value})
        if (challenger := self.challenger()) is not None and challenger.version == version:
            with self._reached():
                self._client.delete_registered_model_alias(self.name, CHALLENGER)
        return self.export_champion()

    def download_bundle(self, version: str, into: Path) -> Path:
        """Copy a version's bundle to the new folder `into`, and return that."""
        return self.download(self.version(version).run_id, "bundle", into)

    def download(self, run_id: str, artifact: str, into: Path) -> Path:
        """Copy one artifact of a run, a file or a folder, to `into`, and return that."""
        into.parent.mkdir(parents=True, exist_ok=True)
        staging = into.with_name(f".{into.name}.{os.getpid()}")
        staging.mkdir(parents=True, exist_ok=True)
        try:
            with self._reached():
                fetched = self._client.download_artifacts(run_id, artifact, str(staging))
            os.replace(fetched, into)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        return into

    def export_champion(self) -> Exported:
        """Bring `<models>/<project>/champion` up to date: a link to a folder, swapped in one step.

        Raises
        ------
        ModelError
            The project has no champion.
        """
        champion = self.champion()
        if champion is None:
            raise self._no_champion()
        home = self.root / self.project
        with writing(home), lock(home / ".lock", wait_s=60):
            exported = self.exported()
            if exported is not None and exported.model == champion:
                return exported
            exports = home / "exports"
            target = exports / f"v{champion.version}-{champion.run_id[:12]}"
            shutil.rmtree(target, ignore_errors=True)  # an export that was cut short
            self.download_bundle(champion.version, target)
            (target / _ABOUT).write_text(json.dumps(asdict(champion)), encoding="utf-8")
            for path in (*target.iterdir(), target, exports):
                sync(path)
            replace_link(home / CHAMPION, f"exports/{target.name}")
            kept = {target.name} | ({exported.folder.name} if exported else set())
            for stale in exports.iterdir():
                if stale.name not in kept:
                    shutil.rmtree(stale, ignore_errors=True)
            return Exported(target, champion)

    def exported(self) -> Exported | None:
        """The champion as last exported, if ever; needs no server."""
        folder = (self.root / self.project / CHAMPION).resolve()
        try:
            about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
            return Exported(folder, ModelVersion(**about))
        except (OSError, ValueError, TypeError):
            return None

    def champion_bundle(self) -> Exported:
        """The bundle to score with: the champion's, or the last export of it where the store cannot tell.

        A store that is out of reach cannot, nor can one that has never heard of the project: its file was moved away,
        or it is another one. A store that knows the project and no champion of it says that nothing is to score.

        Raises
        ------
        ModelError
            The project has no champion.
        LockError
            The store is out of reach and nothing was exported.
        """
        try:
            return self.export_champion()
        except (LockError, ModelError) as error:
            exported = self.exported()
            if exported is None or (isinstance(error, ModelError) and self._knows_project()):
                raise
            return Exported(exported.folder, exported.model, current=False)

    def runs(self) -> pd.DataFrame:
        """Every finished training, newest first: run_id, version, alias, and a column for each parameter and metric."""
        if self._unborn():
            return pd.DataFrame(columns=["run_id", "version", "alias"])
        runs = self._search("attributes.status = 'FINISHED'")
        with self._reached():
            versions = {v.run_id: str(v.version) for v in self._client.search_model_versions(f"name='{self.name}'")}
        aliases = {v.version: alias for alias in (CHALLENGER, CHAMPION) if (v := self._alias(alias))}
        return pd.DataFrame(
            [
                {
                    "run_id": run.info.run_id,
                    "version": (version := versions.get(run.info.run_id)),
                    "alias": aliases.get(version) if version else None,
                    **{f"params.{key}": value for key, value in sorted(run.data.params.items())},
                    **{f"metrics.{key}": value for key, value in sorted(run.data.metrics.items())},
                }
                for run in runs
            ]
        )

    def forget(self, pseudonym: str) -> int:
        """Take a customer out of the test predictions of every training, however it ended; gives how many rows went."""
        removed = 0
        for run in [] if self._unborn() else self._search(""):
            run_id = run.info.run_id
            with self._reached():
                if PREDICTIONS not in {file.path for file in self._client.list_artifacts(run_id, "tables")}:
                    continue
            with TemporaryDirectory() as staging:
                path = self.download(run_id, PREDICTIONS, Path(staging) / "predictions.csv")
                table = pd.read_csv(path, dtype=str, keep_default_na=False)
            kept = table[table["customer"] != pseudonym]
            if len(kept) < len(table):
                with self._reached():
                    self._client.log_text(run_id, kept.to_csv(index=False), PREDICTIONS)
                removed += len(table) - len(kept)
        return removed

    def _search(self, condition: str) -> list[Any]:
        """The runs of the project's trainings for which a condition of MLflow's holds, newest first."""
        found: list[Any] = []
        token = None
        with self._reached():
            while True:
                page = self._client.search_runs([self._experiment], condition, max_results=1000, page_token=token)
                found += page
                token = page.token
                if not token:
                    return found

    @contextmanager
    def _run(self, experiment: str, name: str, record: RunRecord) -> Iterator[str]:
        """A run that holds the record; finished when the block ends well, failed otherwise."""
        client = self._client
        tags = known_user() | dict(record.tags)
        if record.description:
            tags["mlflow.note.content"] = record.description
        with self._reached():
            began = None if record.began is None else int(record.began * 1000)
            run_id = str(client.create_run(experiment, start_time=began, tags=tags, run_name=name).info.run_id)
            try:
                self._log(run_id, record)
                yield run_id
            except BaseException:
                client.set_terminated(run_id, "FAILED")
                raise
            client.set_terminated(run_id, "FINISHED")

    def _log(self, run_id: str, record: RunRecord) -> None:
        from mlflow.entities import Metric, Param

        client = self._client
        begun = client.get_run(run_id).info.start_time
        params = [Param(key, readable(value)[:6000]) for key, value in record.params.items()]
        for start in range(0, len(params), 100):
            client.log_batch(run_id, params=params[start : start + 100])
        points = [(name, 0, value) for name, value in record.metrics.items()]
        for name, curve in record.curves.items():
            points += [(name, int(step), float(value)) for step, value in zip(curve.index, curve, strict=True)]
        metrics = [Metric(name, float(value), begun, step) for name, step, value in points if math.isfinite(value)]
        for start in range(0, len(metrics), 1000):
            client.log_batch(run_id, metrics=metrics[start : start + 1000])
        for name, table in record.tables.items():
            client.log_text(run_id, table.to_csv(index=False), f"tables/{name}.csv")
        for name, figure in record.figures.items():
            if isinstance(figure, str | Path):
                client.log_artifact(run_id, str(figure), "figures")
            else:
                client.log_figure(run_id, figure, f"figures/{name}.png")
        for name, text in record.texts.items():
            client.log_text(run_id, text, name)

    def _log_model(self, run_id: str, record: TrainingRecord) -> str:
        mlflow = load_mlflow()
        client = self._client
        inputs = [*(sample_input(self.project, each) for each in record.samples), *map(file_input, record.data)]
        if inputs:
            client.log_inputs(run_id, inputs)
        client.log_dict(run_id, {**record.lineage, "data": [asdict(file) for file in record.data]}, "lineage.json")
        client.log_artifacts(run_id, str(record.bundle), "bundle")
        with TemporaryDirectory() as staging, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # advice to those who call mlflow themselves
            folder = Path(staging) / "model"
            mlflow.pyfunc.save_model(
                str(folder),
                loader_module=LOADER,
                data_path=str(record.bundle),
                signature=signature(record.columns),
                input_example=record.example,
                pip_requirements=requirements(),
            )
            client.log_artifacts(run_id, str(folder), "model")
        self._register(client)
        source = f"{client.get_run(run_id).info.artifact_uri}/model"
        made = client.create_model_version(self.name, source, run_id, description=record.description or None)
        client.update_run(run_id, name=f"version {made.version}")
        return str(made.version)

    def _register(self, client: Any) -> None:
        from mlflow.exceptions import MlflowException

        try:
            client.create_registered_model(self.name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _knows_project(self) -> bool:
        """Whether the store has ever had a version of the project's model."""
        return self._find("get_registered_model") is not None

    def _alias(self, alias: str) -> ModelVersion | None:
        return self._lookup("get_model_version_by_alias", alias)

    def _lookup(self, method: str, key: str) -> ModelVersion | None:
        found = self._find(method, key)
        return None if found is None else ModelVersion(str(found.version), found.run_id)

    def _find(self, method: str, *keys: str) -> Any:
        """What the registry has of the project under these keys; None where there is nothing."""
        if self._unborn():
            return None
        load_mlflow()
        from mlflow.exceptions import MlflowException

        client = self._client
        with self._reached():
            try:
                return getattr(client, method)(self.name, *keys)
            except MlflowException as error:
                if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                    return None
                raise

    def _unborn(self) -> bool:
        """Whether this is the local store and nothing was ever trained, so that asking need not make one."""
        return self.uri == f"sqlite:///{self.local}" and not self.local.exists()

    def _no_champion(self) -> ModelError:
        advice = "run churnml train, then churnml promote" if self.challenger() is None else "run churnml promote"
        return ModelError(f"no champion for project {self.project}", advice)

    @cached_property
    def _client(self) -> Any:
        mlflow = load_mlflow()
        self.root.mkdir(parents=True, exist_ok=True)
        with writing(self.root), lock(self.root / ".mlflow.lock", wait_s=120), self._reached():
            client = mlflow.MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)
            client.search_experiments(max_results=1)  # makes or upgrades the tables of a local store
            return client

    @cached_property
    def _experiment(self) -> str:
        return self._experiment_of(self.name)

    @cached_property
    def _comparisons(self) -> str:
        return self._experiment_of(f"{self.name}_comparisons")

    def _experiment_of(self, name: str) -> str:
        client = self._client
        on_server = urlsplit(self.uri).scheme in ("http", "https", "databricks")
        location = None if on_server else (self.root / "artifacts" / self.project).as_uri()
        with lock(self.root / ".mlflow.lock", wait_s=120), self._reached():
            found = client.get_experiment_by_name(name)
            return str(found.experiment_id if found else client.create_experiment(name, location, tags=KIND))

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Turn the failures of a store that is down, slow or locked into one line that says so."""
        from mlflow.exceptions import MlflowException
        from requests.exceptions import RequestException
        from sqlalchemy.exc import DatabaseError

        try:
            yield
        except (MlflowException, RequestException, DatabaseError, ConnectionError, TimeoutError) as error:
            if isinstance(error, MlflowException) and not _is_temporary(error):
                raise
            place = urlsplit(self.uri)
            name = f"{place.scheme}://{place.hostname}:{place.port or ''}".rstrip(":") if place.hostname else self.uri
            raise LockError(
                f"the MLflow store at {name} cannot be reached",
                "see that it is up and MLFLOW_TRACKING_URI is right, then try again",
            ) from error


def _is_temporary(error: Any) -> bool:
    text = str(error)
    return error.error_code in ("TEMPORARILY_UNAVAILABLE", "DEADLINE_EXCEEDED", "REQUEST_LIMIT_EXCEEDED") or any(
        sign in text for sign in ("API request to", "OperationalError", "DatabaseError", "database is locked")
    )
