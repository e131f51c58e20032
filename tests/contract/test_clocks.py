"""A system that keeps winter time in summer, and hours that clocks skip or repeat."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

EARLY = "answers up to an hour before their question, in summer only"


@pytest.fixture
def cases() -> pd.DataFrame:
    """Two cases a day through 2023, answered within five minutes to three hours."""
    rng = np.random.default_rng(5)
    opened = pd.Series(pd.date_range("2023-01-01 06:00", "2023-12-31", freq="12h"))
    return pd.DataFrame(
        {"opened": opened, "answered": opened + pd.to_timedelta(rng.integers(300, 10800, len(opened)), "s")}
    )


def log(cases: pd.DataFrame) -> pd.DataFrame:
    about = {"case_id": [f"k{number}" for number in cases.index], "customer_id": [f"c{n % 20}" for n in cases.index]}
    kinds = {"case_opened": "opened", "purchase": "opened", "case_responded": "answered"}
    return pd.concat(
        [pd.DataFrame({**about, "kind": kind, "occurred_at": cases[column]}) for kind, column in kinds.items()],
        ignore_index=True,
    )


def moved(cases: pd.DataFrame, column: str, hours: int) -> pd.DataFrame:
    summer = cases["opened"].between("2023-03-26 03:00", "2023-10-29 02:00")
    return cases.assign(**{column: cases[column] + pd.to_timedelta(np.where(summer, hours, 0), "h")})


def test_answers_by_the_same_clock_are_not_reported(counts: Any, cases: pd.DataFrame) -> None:
    assert counts(log(cases), timezone="Europe/Berlin") == {}


@pytest.mark.parametrize("timezone", ["Europe/Berlin", "UTC"])
def test_a_system_on_winter_time_is_named(report: Any, cases: pd.DataFrame, timezone: str) -> None:
    found = {each.name: each for each in report(log(moved(cases, "answered", -1)), timezone=timezone).violations}
    assert set(found) == {EARLY, "cases answered before they were opened"}
    assert found[EARLY].column == "case_responded" and found[EARLY].severity == "refuse"
    summer = moved(cases, "answered", -1).query("opened >= '2023-04-01' and opened < '2023-10-01'")
    assert found[EARLY].count == int((summer["answered"] < summer["opened"]).sum()) > 20


def test_answers_that_are_wrong_all_year_are_not_blamed_on_summer(counts: Any, cases: pd.DataFrame) -> None:
    early = cases.assign(answered=cases["answered"] - pd.Timedelta(hours=1))
    assert set(counts(log(early))) == {"events.case_responded: cases answered before they were opened"}


def test_a_clock_an_hour_late_in_summer_shows_in_the_shortest_delays(report: Any) -> None:
    opened = pd.Series(pd.date_range("2023-01-01 06:00", "2023-12-31", freq="6h"))
    cases = pd.DataFrame({"opened": opened, "answered": opened + pd.to_timedelta(300 + (opened.index * 7) % 600, "s")})
    found = report(log(moved(cases, "answered", 1))).violations
    assert [(each.key, each.severity) for each in found] == [
        ("events.case_responded: answers an hour later in summer", "warn")
    ]
    assert "the shortest delays move by +60 minutes" in found[0].advice


def visits(times: pd.DatetimeIndex) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": "a", "kind": "purchase", "occurred_at": times})


def test_an_hour_that_the_clocks_skip_has_no_events(counts: Any) -> None:
    times = pd.date_range("2024-03-30", "2024-04-01", freq="30min")
    key = "events.occurred_at: events in an hour that the clocks skip"
    assert counts(visits(times), timezone="Europe/Berlin") == {key: 2}
    assert counts(visits(times), timezone="UTC") == {}
    real = (
        pd.date_range("2024-03-30", "2024-04-01", freq="30min", tz="UTC").tz_convert("Europe/Berlin").tz_localize(None)
    )
    assert counts(visits(real), timezone="Europe/Berlin") == {}


def test_an_hour_that_the_clocks_repeat_is_named_where_it_is_doubled(counts: Any) -> None:
    real = (
        pd.date_range("2024-10-01", "2024-11-20", freq="1min", tz="UTC").tz_convert("Europe/Berlin").tz_localize(None)
    )
    key = "events.occurred_at: events in an hour that the clocks repeat"
    assert counts(visits(real), timezone="Europe/Berlin") == {key: 120}
    assert counts(visits(real.drop_duplicates()), timezone="Europe/Berlin") == {}


def test_dates_without_a_time_are_in_no_hour(counts: Any) -> None:
    assert counts(visits(pd.date_range("2023-01-01", "2024-12-31")), timezone="America/Sao_Paulo") == {}
    assert counts(visits(pd.date_range("2010-01-01", "2018-12-31")), timezone="America/Sao_Paulo") == {}  # at midnight
