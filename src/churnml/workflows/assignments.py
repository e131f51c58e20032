"""Whom the published nights said to contact and whom they held out: what counts until a CRM reports what it did.

Who was assigned to a contact counts as treated, reached or not (intention to treat): the two arms were parted by lot,
and stay comparable.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from churnml.config import Config
from churnml.scoring.durable import whole
from churnml.scoring.night import Night
from churnml.scoring.publish import publication
from churnml.targeting.control import campaign_id
from churnml.targeting.policy import CONTACT, HOLD_OUT
from churnml.workflows.night import FACTS_FILE

ARMS = {CONTACT: "treated", HOLD_OUT: "control"}
KINDS = frozenset({"treatment", "treatment_withheld"})
"""The kinds of event that assignments become."""
ASSIGNMENTS = pa.schema(
    [
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("assigned_at", pa.timestamp("us"), nullable=False),
        pa.field("arm", pa.string(), nullable=False),
        pa.field("channel", pa.string()),
        pa.field("campaign_id", pa.string(), nullable=False),
    ]
)


def assignments(config: Config, to: Path, *, since: date | None = None, before: date | None = None) -> dict[str, Any]:
    """Write a row for each assignment of the published nights to a Parquet file.

    Only nights from the day `since` on count, if it is given, and only those before the day `before`.
    Of the nights of one day the current one counts, or else the last; withdrawn and damaged ones do not. Of several
    assignments of a customer within the days of fatigue only the first counts: the others repeat it, because nobody
    had told the night of it yet. The file is written whole or not at all. Gives a summary in plain values.
    """
    found, damaged = _nights(config, since or date.min, before or date.max)
    rest = max((rule.days for rule in config.actions.fatigue if KINDS & set(rule.kinds)), default=0)
    last: dict[str, date] = {}
    tables = [ASSIGNMENTS.empty_table()]
    repeated = 0
    for night in found:
        chosen = _chosen(night)
        names = chosen["customer_id"].to_pylist()
        fresh = [name not in last or (night.as_of - last[name]).days >= rest for name in names]
        last |= {name: night.as_of for name, new in zip(names, fresh, strict=True) if new}
        repeated += fresh.count(False)
        tables.append(_rows(chosen.filter(pa.array(fresh, pa.bool_())), night, config))
    table = pa.concat_tables(tables).combine_chunks()
    with whole(to) as fresh_file:
        pq.write_table(table, fresh_file, compression="zstd")
    arms = table["arm"].to_pylist()
    return {
        "file": str(to),
        "nights": len(found),
        **{arm: arms.count(arm) for arm in ARMS.values()},
        "repeated": repeated,
        "damaged_nights": damaged,
    }


def _nights(config: Config, since: date, before: date) -> tuple[list[Night], list[str]]:
    """The night that counts of each day, oldest first; and the names of damaged ones."""
    place = publication(config)
    withdrawn, current = place.withdrawn(), place.current()
    found: dict[date, Night] = {}
    damaged = []
    for night in place.nights():
        if night.name in withdrawn or not since <= night.as_of < before:
            continue
        if night.problems():
            damaged.append(night.name)
        elif found.get(night.as_of) != current or current is None:
            found[night.as_of] = night
    return [found[day] for day in sorted(found)], damaged


def _chosen(night: Night) -> pa.Table:
    scores = night.scores(["customer_id", "action", "action_channel"])
    return scores.filter(pc.is_in(scores["action"], value_set=pa.array(list(ARMS), pa.string())))


def _rows(chosen: pa.Table, night: Night, config: Config) -> pa.Table:
    told = json.loads((night.folder / FACTS_FILE).read_bytes()).get("actions", {})
    named = told.get("campaign_id") or campaign_id(config.project, night.as_of, config.actions.control_days)
    size = chosen.num_rows
    return pa.table(
        [
            chosen["customer_id"],
            pa.array([night.as_of] * size, pa.date32()).cast(pa.timestamp("us")),
            pa.array([ARMS[action] for action in chosen["action"].to_pylist()], pa.string()),
            chosen["action_channel"],
            pa.array([named] * size, pa.string()),
        ],
        schema=ASSIGNMENTS,
    )
