"""The labelled table as files, with the reason for every customer left out."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from churnml.config import Config
from churnml.dataset import Dataset
from churnml.errors import ModelError
from churnml.workflows.business import Progress, open_business, silently, takes_path
from churnml.workflows.evidence import counts, days
from churnml.workflows.rows import labelled, split


@takes_path
def build_dataset(
    config: Config,
    *,
    known_at: datetime | None = None,
    root: Path | None = None,
    progress: Progress = silently,
) -> Dataset:
    """The labelled data set of every mature snapshot, in memory.

    Raises
    ------
    DataError
        The data is missing, empty or refused, or no snapshot is mature.
    """
    with open_business(config, root, progress) as business:
        return labelled(business, known_at, progress)


def dataset(
    config: Config,
    out: Path,
    *,
    known_at: datetime | None = None,
    root: Path | None = None,
    progress: Progress = silently,
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Write `dataset.parquet` (keys, features, outcome) and `excluded.parquet` (who, when, why) to `out`.

    What features learn is learnt from the rows before the test, where the history is long enough for one. Gives a
    summary in plain values, and who was left out by reason (`Dataset.left_out`).
    """
    data = build_dataset(config, known_at=known_at, root=root, progress=progress)
    with suppress(ModelError):
        learn, _ = split(data, config)
        data = data.fitted(learn.state)
    out.mkdir(parents=True, exist_ok=True)
    data.frame().to_parquet(out / "dataset.parquet", index=False)
    data.excluded.to_parquet(out / "excluded.parquet", index=False)
    left_out = data.left_out()
    summary = {
        "rows": len(data),
        "customers": int(data.keys["customer_id"].nunique()),
        "snapshots": [day.isoformat() for day in days(data)],
        "outcomes": counts(data),
        "features": len(data.X.columns),
        "switched_off": len(data.recipe.switched_off),
        "left_out": dict(zip(left_out["reason"], left_out["rows"].tolist(), strict=True)),
        "files": [str(out / "dataset.parquet"), str(out / "excluded.parquet")],
    }
    return summary, left_out
