"""MLflow's side of plain data: data sets, signatures, parameters as text. mlflow is imported when first needed."""

from __future__ import annotations

import getpass
import json
import logging
import os
from collections.abc import Mapping
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

from churnml import __version__
from churnml.outcomes import OUTCOMES
from churnml.tracking.records import DataFile, Sample


def load_mlflow() -> Any:
    """Import mlflow: silent, sending nothing home, unpickling nothing, and giving up on a dead server soon."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    import mlflow
    import mlflow.pyfunc

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return mlflow


def requirements() -> list[str]:
    """What a server needs to load a registered version, at the versions of this machine."""
    names = ("mlflow", "lightgbm", "numpy", "pandas", "scikit-learn")
    return [f"churnml=={__version__}", *(f"{name}=={installed_version(name)}" for name in names)]


def known_user() -> dict[str, str]:
    """Who starts the run, as MLflow tags it; empty where the system knows no name."""
    try:
        return {"mlflow.user": getpass.getuser()}
    except (OSError, KeyError):  # a container without an entry for its user
        return {}


def readable(value: Any) -> str:
    """A parameter as the UI shows it; the bundle holds every digit."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def file_input(file: DataFile) -> Any:
    """A source file as a data set of a run."""
    source = {"uri": file.path, "sha256": file.sha256}
    return _input("source", Path(file.path).name, file.sha256, source, {"num_rows": file.rows} if file.rows else {}, {})


def sample_input(project: str, sample: Sample) -> Any:
    """Labelled rows as a data set of a run, with their columns."""
    size = {"num_rows": sample.rows, "num_elements": sample.rows * len(sample.columns)}
    name = f"{project} {sample.context} rows"
    return _input(sample.context, name, sample.digest, {"uri": f"churnml dataset, {name}"}, size, sample.columns)


def _input(
    context: str,
    name: str,
    digest: str,
    source: Mapping[str, str],
    profile: Mapping[str, int],
    columns: Mapping[str, str],
) -> Any:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    schema = {"mlflow_colspec": signature(columns).inputs.to_dict()} if columns else None
    dataset = Dataset(
        name=name,
        digest=digest[:32],
        source_type="local",
        source=json.dumps(source),
        schema=json.dumps(schema) if schema else None,
        profile=json.dumps(profile) if profile else None,
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", context)])


def signature(columns: Mapping[str, str]) -> Any:
    """Features in, any of them missing; the chances of the outcomes out."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    inputs = [ColSpec("double" if kind == "number" else "string", name, False) for name, kind in columns.items()]
    return ModelSignature(Schema(inputs), Schema([ColSpec("double", f"p_{outcome}") for outcome in OUTCOMES]))
