"""A kind that is cut off is named with its day; one that grows, is new to a few, or comes by campaigns is not."""

from __future__ import annotations

from datetime import date
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from churnml.contract import CUSTOMERS, EVENTS
from churnml.engine import Engine
from churnml.evaluation.spans import SPANS, kinds_apart
from churnml.sources import Canonical

DAYS = pd.date_range("2024-01-01", "2024-12-29")
UNTIL = date(2024, 12, 30)


def of(kind: str, days: pd.DatetimeIndex, customers: Any = 20) -> pd.DataFrame:
    """So many customers do so on each of the days."""
    number = np.broadcast_to(customers, len(days))
    who = np.concatenate([np.arange(each) for each in number])
    return pd.DataFrame({"kind": kind, "occurred_at": np.repeat(days, number), "customer_id": [f"c{n}" for n in who]})


def told(engine: Engine, *tables: pd.DataFrame, known: tuple[str, ...] = ()) -> list[tuple[str | None, str]]:
    frame = pd.concat([of("purchase", DAYS), *tables], ignore_index=True)
    frame["recorded_at"] = frame["occurred_at"]
    table = ibis.memtable(frame)
    typed = table.select(**{n: (table[n] if n in frame else ibis.null()).cast(k) for n, k in EVENTS.items()})
    canonical = Canonical(ibis.memtable([], schema=CUSTOMERS), engine.materialise(typed, "events"))
    found = kinds_apart(canonical, engine, UNTIL, known).findings
    assert all(each.gate == SPANS and each.verdict == "information" for each in found)
    return [(each.feature, each.detail) for each in found]


def test_kinds_that_were_kept_from_some_day_on_are_named_together(engine: Engine) -> None:
    kept = DAYS[DAYS >= "2024-03-01"]
    ((kinds, detail),) = told(engine, of("activity", kept, 15), of("error", kept, 2))
    assert kinds == "activity, error" and detail.startswith("begin on 2024-03-01, at once at the full rate")
    assert told(engine, of("activity", kept, 15), known=("activity",)) == []


def test_a_kind_of_which_the_extract_ends_early_is_named(engine: Engine) -> None:
    ((kind, detail),) = told(engine, of("activity", DAYS[DAYS <= "2024-10-15"], 15))
    assert kind == "activity" and detail.startswith("ends on 2024-10-15, at the full rate until then")


@pytest.mark.parametrize("way", [1, -1])
def test_a_kind_that_grows_or_fades_is_not(engine: Engine, way: int) -> None:
    grows = np.clip(np.linspace(-4, 16, len(DAYS)), 0, 15).astype(int)[::way]
    assert told(engine, of("activity", DAYS, grows)) == []


def test_newsletters_now_and_then_are_not(engine: Engine) -> None:
    assert told(engine, of("outreach_sent", DAYS[45::60], 20)) == []


def test_what_is_rare_may_have_begun_late_by_chance(engine: Engine) -> None:
    assert told(engine, of("review", DAYS[60::4], 1)) == []


def test_kinds_that_are_there_all_along_are_not(engine: Engine) -> None:
    assert told(engine, of("activity", DAYS, 15), of("error", DAYS[10::2], 2)) == []


def test_one_row_of_long_ago_does_not_begin_the_books(engine: Engine) -> None:
    stray = of("purchase", pd.DatetimeIndex(["2023-05-01"]), 1)
    assert told(engine, stray, of("activity", DAYS, 15)) == []
