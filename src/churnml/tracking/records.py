"""What is logged of a run, and what the store gives back, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class ModelVersion:
    """A registered version of a project's model, and the run that trained it."""

    version: str
    run_id: str


@dataclass(frozen=True)
class Exported:
    """A champion's bundle on disk; `current` is False when the server could not say whether it still is that."""

    folder: Path
    model: ModelVersion
    current: bool = True


@dataclass(frozen=True)
class DataFile:
    """One file that a model learnt from."""

    path: str
    sha256: str
    rows: int | None = None


@dataclass(frozen=True)
class Sample:
    """Rows that a model learnt from (`training`) or was judged on (`testing`), by a hash of their content."""

    context: str
    digest: str
    rows: int
    columns: Mapping[str, str]


@dataclass(frozen=True)
class RunRecord:
    """What is logged of any run: `params` and `metrics` for the tables of the UI, the rest as files.

    `description` is Markdown. `curves` are metrics with a value per step (a Series each, the index being the step).
    `figures` are matplotlib figures or files; `tables` and `texts` become files of their names. None of it may hold a
    customer's id. `began` is when the work began, in seconds since 1970: the run's duration is that of the work.
    """

    description: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, pd.Series] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    began: float | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingRecord(RunRecord):
    """What is logged of a training: also the folder that `Bundle.save` wrote, and what it was made from.

    `columns` gives the type (`number` or `category`) of each column that the model reads, `example` made-up rows of
    them.
    """

    bundle: Path
    columns: Mapping[str, str] = field(default_factory=dict)
    example: pd.DataFrame | None = None
    data: tuple[DataFile, ...] = ()
    samples: tuple[Sample, ...] = ()
    lineage: Mapping[str, Any] = field(default_factory=dict)
