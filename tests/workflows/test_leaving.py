"""Tables in which nobody leaves, or everybody, are named before a model is to learn from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from churnml.config import Config
from churnml.workflows import leaving
from churnml.workflows.check import Checked, check

WEEKS = pd.date_range("2024-01-02", "2024-12-31", freq="7D")


@pytest.fixture
def checked(shop: Any, configured: Callable[..., Config]) -> Callable[..., Checked]:
    """The check of a shop of 12 customers who buy weekly, `stays` of whom until the books end, the others to one of
    the days.
    """

    def run(stays: int, *last: str, **about: str) -> Checked:
        for number in range(12):
            shop.customer(f"c{number}")
            for day in WEEKS:
                if number < stays or f"{day}" < last[number % len(last)]:
                    shop.event(f"c{number}", "purchase", f"{day}", amount=5.0)
        return check(configured(model="{test_snapshots: 3}", **about), root=shop.write())

    return run


def warned(found: Checked) -> dict[str, int]:
    assert all(violation.severity == "warn" for violation in found.report.violations)
    return {violation.key: violation.count for violation in found.report.violations}


def test_nothing_is_said_where_some_leave(checked: Any) -> None:
    found = checked(7, "2024-03-20", "2024-10-20")
    assert warned(found) == {} and " to learn from (2024-" in found.snapshots


def test_nobody_leaves(checked: Any) -> None:
    found = checked(12)
    (told,) = found.report.violations
    assert (told.key, told.count) == ("customers.(all): snapshots at which no customer leaves", 10)
    assert told.severity == "warn" and "Do the tables hold only who is still there?" in told.advice
    assert found.snapshots == "none to train on: 10 snapshots at which no customer leaves"


def test_nobody_leaves_at_the_snapshots_to_test_on(checked: Any) -> None:
    found = checked(7, "2024-03-20")
    assert warned(found) == {"customers.(all): snapshots to test on at which no customer leaves": 3}
    assert "no model can be judged by them. Do the tables" in found.report.violations[0].advice
    assert " to learn from (2024-" in found.snapshots


def test_everybody_leaves(checked: Any, shop: Any) -> None:
    shop.event("c0", "complaint", "2024-01-02")
    found = checked(
        0,
        "2024-12-20",
        defection="{by: inactivity, of: [complaint]}",
        eligible="{active_within_days: 60, of: [purchase]}",
    )
    assert list(warned(found)) == ["customers.(all): snapshots at which every customer leaves"]


def test_a_sample_tells_where_some_leave(checked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving, "SAMPLED_ROWS", 200)
    assert list(warned(checked(7, "2024-03-20"))) == [
        "customers.(all): snapshots to test on at which no customer leaves"
    ]


def test_a_configuration_can_accept_it(checked: Any) -> None:
    found = checked(12, accept="['customers.(all): snapshots at which no customer leaves']")
    assert [violation.severity for violation in found.report.violations] == ["accepted"]
