"""Books of a few rows, written as data frames, and what the contract says of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ibis
import pandas as pd
import pytest

from churnml.config import Config
from churnml.contract import CUSTOMERS, EVENTS, ContractReport, check
from churnml.engine import Engine


def as_canonical(frame: pd.DataFrame, schema: Any) -> Any:
    """A frame as a canonical table: columns it lacks are null, times may be text."""
    frame = frame.copy()
    for name, kind in schema.items():
        if kind == "timestamp" and name in frame:
            frame[name] = pd.to_datetime(frame[name], format="mixed").astype("datetime64[us]")
    table = ibis.memtable(frame)
    return table.select(
        **{name: (table[name] if name in frame else ibis.null()).cast(kind) for name, kind in schema.items()}
    )


@pytest.fixture
def typed() -> Callable[[pd.DataFrame, Any], Any]:
    """A frame as a canonical table."""
    return as_canonical


@pytest.fixture
def report(engine: Engine, configured: Callable[..., Config]) -> Callable[..., ContractReport]:
    """Check events, given as a frame; customers default to everybody who is met, signed up long before."""

    def run(events: pd.DataFrame, customers: pd.DataFrame | None = None, **about: Any) -> ContractReport:
        given = {name: about.pop(name) for name in ("as_of", "evidence") if name in about}
        if customers is None:
            names = sorted(events["customer_id"].unique())
            customers = pd.DataFrame({"customer_id": names, "signed_up_at": "2000-01-01"})
        events = events.assign(recorded_at=events.get("recorded_at", events["occurred_at"]))
        held = [
            engine.materialise(as_canonical(frame, schema), f"given_{name}")
            for name, frame, schema in (("customers", customers, CUSTOMERS), ("events", events, EVENTS))
        ]
        return check(*held, engine, configured(**about), **given)

    return run


@pytest.fixture
def counts(report: Callable[..., ContractReport]) -> Callable[..., dict[str, int]]:
    """What the contract says, as key -> count."""

    def run(*given: Any, **about: Any) -> dict[str, int]:
        return {violation.key: violation.count for violation in report(*given, **about).violations}

    return run


@pytest.fixture
def daily() -> pd.DataFrame:
    """Purchases of 60 customers on each of 120 days, all different; nothing is wrong with them."""
    days = pd.date_range("2024-01-01", periods=120)
    rows = [
        {
            "customer_id": f"c{number}",
            "kind": "purchase",
            "channel": "web" if number % 3 else "shop",
            "occurred_at": day + pd.Timedelta(hours=8 + number % 9, minutes=number),
            "amount": 10 + (number * 7 + place) % 13,
        }
        for place, day in enumerate(days)
        for number in range(60)
    ]
    return pd.DataFrame(rows)
