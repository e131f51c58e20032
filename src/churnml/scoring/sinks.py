"""The table of scores: its schema, and the file it becomes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

SCHEMA_VERSION = "4"
SCORES_FILE = "scores.parquet"
REASONS = tuple(f"reason_{number}" for number in range(1, 6))
THEMES = tuple(f"theme_{number}" for number in range(1, 4))
BEHIND = ("likely_reason", "keep_1")
"""What may drive a customer out, and what speaks most for staying."""
SCORES = pa.schema(
    [
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("as_of", pa.date32(), nullable=False),
        pa.field("p_silent", pa.float64(), nullable=False),
        pa.field("p_vocal", pa.float64(), nullable=False),
        pa.field("p_retained", pa.float64(), nullable=False),
        pa.field("risk_band", pa.string(), nullable=False),
        pa.field("persona", pa.string()),
        *(pa.field(name, pa.string()) for name in (*REASONS, *THEMES)),
        pa.field("value_at_risk", pa.float64()),
        pa.field("saveability", pa.float64()),
        pa.field("expected_net_value", pa.float64()),
        pa.field("action", pa.string()),
        pa.field("action_channel", pa.string()),
        pa.field("held_out", pa.bool_()),
        pa.field("excluded_because", pa.string()),
        pa.field("model_version", pa.string(), nullable=False),
        pa.field("run_id", pa.string(), nullable=False),
        pa.field("schema_version", pa.string(), nullable=False),
        *(pa.field(name, pa.string()) for name in BEHIND),
        pa.field("saveability_basis", pa.string()),
    ],
    metadata={"schema_version": SCHEMA_VERSION},
)


def write_scores(scores: pa.Table, folder: Path) -> Path:
    """Write `scores.parquet` of schema `SCORES` into `folder`; the same table gives the same bytes."""
    path = folder / SCORES_FILE
    pq.write_table(scores.cast(SCORES), path, compression="zstd")
    return path


def read_scores(
    folder: Path, columns: Sequence[str] | None = None, customers: Collection[str] | None = None
) -> pa.Table:
    """Read the scores of a published night (see `Publication.current`).

    Parameters
    ----------
    columns : what to read, in this order; all without. One that the version of the night did not have yet is null
    customers : whose rows; everybody's without
    """
    path = folder / SCORES_FILE
    present = pq.read_schema(path).names
    wanted = [*present, *(name for name in SCORES.names if name not in present)] if columns is None else columns
    whose = None if customers is None else pc.field("customer_id").isin(pa.array(sorted(customers), pa.string()))
    known = [name for name in wanted if name in present]
    scores = pq.read_table(path, columns=known, filters=whose, partitioning=None)
    for name in wanted:
        if name not in present:
            scores = scores.append_column(SCORES.field(name), pa.nulls(scores.num_rows, SCORES.field(name).type))
    return scores.select(wanted)
