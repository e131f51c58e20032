"""What is booked later than labels wait for is named, with the days to wait."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

DAYS = pd.date_range("2024-01-01", periods=120)
AFTER = "that are booked after settle_days"


def books(kind: str, late: int, every: int = 1) -> pd.DataFrame:
    """An event of a kind each day, of which one in so many is booked `late` days later, and purchases in time."""
    facts = pd.DataFrame({"customer_id": "a", "kind": kind, "occurred_at": DAYS, "recorded_at": DAYS})
    chosen = facts.index % every == 0
    facts.loc[chosen, "recorded_at"] += pd.Timedelta(days=late)
    others = facts.assign(customer_id="b", kind="purchase", recorded_at=DAYS)
    return pd.concat([facts, others], ignore_index=True)


@pytest.mark.parametrize(
    ("by", "kind", "role"),
    [
        ("closure", "closed", "closures"),
        ("either", "closed", "closures"),
        ("closure", "complaint", "events of voice"),
        ("inactivity", "activity", "events of engagement"),
    ],
)
def test_what_labels_hang_on_is_judged(report: Any, by: str, kind: str, role: str) -> None:
    definition = {"by": by, "of": ["activity", "purchase"]}
    horizon = {"horizon_days": 60, "settle_days": 0}
    found = report(books(kind, 24), defection=definition, snapshots=horizon).violations
    (said,) = [each for each in found if AFTER in each.key]
    assert said.key == f"events.recorded_at: {role} {AFTER}" and said.severity == "warn"
    half = kind == "activity"  # purchases are engagement, too, and in time
    assert said.count == len(DAYS) and said.advice.startswith("20% of those" if half else "40% of those")
    assert "after 24 days, settle_days is 0" in said.advice


@pytest.mark.parametrize(
    ("by", "kind", "late", "every", "settle"),
    [
        ("closure", "closed", 24, 1, 24),  # labels wait
        ("closure", "closed", 2, 1, 0),  # a thirtieth of the window
        ("closure", "closed", 24, 10, 0),  # one in ten
        ("closure", "activity", 24, 1, 0),  # no label hangs on visits
        ("inactivity", "closed", 24, 1, 0),  # nor on closures
    ],
)
def test_what_labels_can_do_without_is_not(report: Any, by: str, kind: str, late: int, every: int, settle: int) -> None:
    snapshots = {"horizon_days": 60, "settle_days": settle}
    found = report(books(kind, late, every), defection={"by": by, "of": ["activity", "purchase"]}, snapshots=snapshots)
    assert not [each for each in found.violations if AFTER in each.key]
