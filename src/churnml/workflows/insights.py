"""What the outcomes tell about the business, beyond the scores: all insights at once."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from churnml.config import Config
from churnml.errors import DataError, ModelError
from churnml.insights.findings import Insights
from churnml.insights.findings import insights as measure
from churnml.workflows.business import Progress, open_business, silently, takes_path
from churnml.workflows.evidence import unpack
from churnml.workflows.score import champion


@takes_path
def insights(
    config: Config, *, as_of: date | None = None, root: Path | None = None, progress: Progress = silently
) -> Insights:
    """Measure every insight as known at the start of `as_of` (default: all that the data knows).

    The champion, if there is one, says how much of the predicted risk belongs to each line of the scorecard.

    Raises
    ------
    DataError
        No snapshot is mature, or the data is missing.
    ContractError
        The data breaks the contract.
    """
    with open_business(config, root, progress) as business:
        known = as_of or business.known_at
        snapshots = business.snapshots(known)
        if not snapshots:
            raise DataError(
                f"no snapshot is mature: the data run from {business.first_eligible_day} to {known}",
                "give more history, or shorten snapshots.horizon_days or eligible.active_within_days",
            )
        return measure(
            business.canonical,
            config,
            business.engine,
            snapshots,
            business.first_day,
            known,
            drivers=_drivers(config),
            progress=progress,
        )


def _drivers(config: Config) -> pd.DataFrame | None:
    """The champion's pushes by feature; None where there is no champion."""
    try:
        bundle, _ = champion(config)
    except ModelError:
        return None
    return unpack(bundle.notes["feature_drivers"])


def plain(value: Any) -> Any:
    """Result objects as plain values, fit for JSON: a frame is its rows, what is not known is null."""
    if isinstance(value, pd.DataFrame):
        return json.loads(value.to_json(orient="records", date_format="iso", double_precision=15))
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, dict):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, float) and value != value:
        return None
    return value.isoformat() if isinstance(value, date) else value
