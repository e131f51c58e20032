"""What a training run leaves behind for later readers: the report, comparisons, the audit of a promotion.

It travels in the bundle's notes as plain values, so that a night without the tracking server still has its report.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd

from churnml.dataset import Dataset
from churnml.insights.silent_share import Share, SilentShare

if TYPE_CHECKING:
    from churnml.evaluation.fairness import Fairness
    from churnml.model.bundle import Bundle


def pack(frame: pd.DataFrame) -> dict[str, Any]:
    """A frame as plain values.

    >>> unpack(pack(pd.DataFrame({"a": [1.5, None]})))
         a
    0  1.5
    1  NaN
    """
    packed: dict[str, Any] = json.loads(
        frame.to_json(orient="split", date_format="iso", double_precision=15, index=False)
    )
    return packed


def unpack(values: dict[str, Any]) -> pd.DataFrame:
    """The frame that `pack` packed; dates are ISO text."""
    return pd.DataFrame(values["data"], columns=values["columns"])


def fallback(bundle: Bundle) -> str | None:
    """What is to be said where silent and vocal leavers could not be told apart; None where nothing is.

    The model that was judged has learnt from fewer snapshots than the one that is published, and can have had too few
    leavers of one sort where the latter has enough.
    """
    if bundle.classifier.fallback_:
        return bundle.classifier.fallback_
    if judged := bundle.notes.get("judged_fallback"):
        return f"the figures are of a model that had {judged}. The one that scores has learnt from enough of both"
    return None


def pack_fairness(fair: Fairness) -> dict[str, Any]:
    """Figures by protected attribute as plain values."""
    return {"groups": pack(fair.groups), "gaps": pack(fair.gaps), "skipped": fair.skipped}


def unpack_fairness(values: dict[str, Any]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The groups and the gaps that `pack_fairness` packed; `beyond_noise` is null where it was not judged.

    Earlier versions held each of many intervals against zero for itself, which found something almost always.
    """
    groups, gaps = unpack(values["groups"]), unpack(values["gaps"])
    if "p_value" not in gaps:
        gaps = gaps.assign(p_value=float("nan"), beyond_noise=None)
    for frame, named in ((groups, ["attribute", "group", "metric"]), (gaps, ["attribute", "metric", "beyond_noise"])):
        for name in frame.columns.difference(named):
            frame[name] = pd.to_numeric(frame[name])
    return groups, gaps


def pack_share(share: SilentShare) -> dict[str, Any]:
    """A silent share as plain values."""
    after = share.after_friction
    return {
        "overall": asdict(share.overall),
        "after_friction": None if after is None else asdict(after),
        "by_snapshot": pack(share.by_snapshot),
    }


def unpack_share(values: dict[str, Any]) -> SilentShare:
    """The silent share that `pack_share` packed."""
    after = values["after_friction"]
    frame = unpack(values["by_snapshot"])
    return SilentShare(
        overall=_share(values["overall"]),
        after_friction=None if after is None else _share(after),
        by_snapshot=frame.assign(as_of=pd.to_datetime(frame["as_of"])),
    )


def _share(values: dict[str, Any]) -> Share:
    numbers = {name: float("nan") if values[name] is None else values[name] for name in ("share", "low", "high")}
    return Share(**{**values, **numbers})


def outcomes_frame(data: Dataset, friction_is_known: bool) -> pd.DataFrame:
    """What `silent_share` reads, from a labelled data set."""
    frame = data.keys.assign(outcome=data.outcome, voiced=data.voiced)
    return frame.assign(friction=data.friction) if friction_is_known else frame


def markdown(table: pd.DataFrame) -> str:
    """A table in Markdown; no-break spaces keep the columns apart where the reader's style does not.

    >>> print(markdown(pd.DataFrame({"a": ["x"], "b": [1]})).replace("\u00a0", "_"))
    | a__ | b__ |
    | --- | --- |
    | x__ | 1__ |
    """
    cells = [table.columns.tolist(), *table.to_numpy(dtype=object).tolist()]
    rows = [[f"{cell}\u00a0\u00a0" for cell in row] for row in cells]
    return "\n".join(f"| {' | '.join(row)} |" for row in (rows[0], ["---"] * len(table.columns), *rows[1:]))


def counts(data: Dataset) -> dict[str, int]:
    """Rows by outcome."""
    found = pd.Series(data.outcome).value_counts()
    return {outcome: int(found.get(outcome, 0)) for outcome in ("retained", "silent", "vocal")}


def days(data: Dataset) -> list[date]:
    """The snapshots of a data set, in order."""
    return [stamp.date() for stamp in sorted(data.keys["as_of"].unique())]
