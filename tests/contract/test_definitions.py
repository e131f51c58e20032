"""The words of a configuration must be those of the contract, and of the books."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest


def facts(*rows: tuple[str, str]) -> pd.DataFrame:
    """One event a day of these kinds and channels."""
    days = pd.date_range("2024-02-01", periods=len(rows)).astype(str)
    return pd.DataFrame(rows, columns=["kind", "channel"]).assign(customer_id="a", occurred_at=days)


BOOKS = facts(("purchase", "web"))


@pytest.mark.parametrize(
    ("about", "place"),
    [
        ({"defection": {"by": "either", "of": ["purchse"]}}, "defection.of"),
        ({"eligible": {"active_within_days": 60, "of": ["purchse"]}}, "eligible.of"),
        ({"voice": {"kinds": ["purchse"]}}, "voice.kinds"),
        ({"features": {"friction": ["purchse"]}}, "features.friction"),
        ({"economics": {"value_kinds": ["purchse"]}}, "economics.value_kinds"),
        ({"actions": {"fatigue": [{"kinds": ["purchse"]}]}}, "actions.fatigue"),
    ],
)
def test_kinds_that_do_not_exist_are_refused_wherever_they_are_named(report: Any, about: Any, place: str) -> None:
    (found,) = report(BOOKS, **about).violations
    assert (found.name, found.severity) == (f"kinds under {place} that do not exist (purchse)", "refuse")
    assert found.advice.startswith("did you mean purchase?")
    assert report(facts(("purchase", "web"), ("purchse", "web")), **about, kinds=["purchse"]).violations == ()


@pytest.mark.parametrize(
    ("about", "key", "advice"),
    [
        ({"defection": {"by": "closure"}}, "events.closed: closures", "nobody ever leaves"),
        ({"defection": {"by": "either", "of": ["activity"]}}, "events.kind: events of the kinds under defection.of",
         "map activity: everybody looks gone"),
        ({"eligible": {"active_within_days": 60, "of": ["activity"]}},
         "events.kind: events of the kinds under eligible.of", "map activity: nobody is eligible"),
    ],
)  # fmt: skip
def test_definitions_of_which_the_books_hold_nothing_are_refused(
    report: Any, about: Any, key: str, advice: str
) -> None:
    (found,) = report(BOOKS, **about).violations
    assert (found.key, found.count, found.severity) == (key, 0, "refuse") and advice in found.advice
    there = facts(("purchase", "web"), ("activity", "web"), ("closed", "web"))
    assert report(there, **about).violations == ()


def test_a_channel_that_nobody_used_is_named_where_another_is_called_nearly_so(report: Any) -> None:
    books = facts(("purchase", "web"), ("purchase", "shop"), *[("complaint", "forums")] * 3)
    (found,) = report(books, channels={"digital": ["web", "app"], "dark": ["forum"]}).violations
    assert (found.key, found.severity) == (
        "events.channel: channels under channels.dark that no event has (forum)",
        "warn",
    )
    assert found.advice == "did you mean forums?"
    assert report(books, channels={"digital": ["web", "app"], "dark": ["forums", "forum"]}).violations == ()


@pytest.mark.parametrize("given", ["App Store", "appstore", "APP_STORE"])
def test_a_rare_channel_is_meant_where_only_capitals_and_spaces_differ(report: Any, given: str) -> None:
    """Dark channels are rare by nature: three reviews among thousands of purchases."""
    books = facts(*[("purchase", "web")] * 2000, *[("complaint", "app_store")] * 3)
    (found,) = report(books, channels={"dark": [given]}).violations
    assert found.advice == "did you mean app_store?"
