"""What a source says twice: when its rows were written, flags beside closures, contradictions, declared repairs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from churnml import sources
from churnml.config import Config, parse_config
from churnml.contract import Violation
from churnml.engine import Engine
from churnml.evaluation.hindsight import CLOCKS, row_clocks

DESK = """
project: desk
sources:
  - path: people.parquet
    customers: {customer_id: id, signed_up_at: since, closed_at: left_on, closed: gone}
  - path: tickets.parquet
    events:
      - {kind: case_opened, customer_id: id, occurred_at: opened_at, case_id: ticket}
      - {kind: case_resolved, customer_id: id, occurred_at: resolved_at, case_id: ticket}
      - {kind: purchase, customer_id: id, occurred_at: opened_at}
eligible: {active_within_days: 900, of: [purchase]}
defection: {by: closure, of: [purchase]}
scoring: {freshness_days: 900}
snapshots: {horizon_days: 900}
"""


@pytest.fixture
def people() -> pd.DataFrame:
    """A hundred customers, of whom the first thirty have closed in June."""
    left = [pd.Timestamp("2024-06-01") + pd.Timedelta(days=n) if n < 30 else pd.NaT for n in range(100)]
    return pd.DataFrame(
        {
            "id": [f"c{n}" for n in range(100)],
            "since": pd.Timestamp("2023-01-01"),
            "left_on": left,
            "gone": np.arange(100) < 30,
        }
    )


@pytest.fixture
def tickets() -> pd.DataFrame:
    """Four tickets of each customer, resolved within a day or two, and written to when they were."""
    opened = pd.date_range("2024-01-01 09:00", periods=400, freq="6h")
    resolved = opened + pd.to_timedelta(np.arange(400) % 40, "h")
    about = {"id": [f"c{n % 100}" for n in range(400)], "ticket": [f"t{n}" for n in range(400)]}
    return pd.DataFrame({**about, "opened_at": opened, "resolved_at": resolved, "updated_at": resolved})


@pytest.fixture
def desk(tmp_path: Path, engine: Engine, people: pd.DataFrame, tickets: pd.DataFrame) -> Any:
    """Write the two tables, map them, and give the canonical tables with their configuration."""

    def build(text: str = DESK, **tables: pd.DataFrame) -> tuple[sources.Canonical, Config]:
        for name, frame in ({"people": people, "tickets": tickets} | tables).items():
            frame.to_parquet(tmp_path / f"{name}.parquet")
        config = parse_config(text)
        return sources.build(config, engine, tmp_path), config

    return build


def told(built: tuple[sources.Canonical, Config], engine: Engine) -> list[Violation]:
    return list(built[0].report(engine, built[1]).violations)


def failed(built: tuple[sources.Canonical, Config]) -> list[str | None]:
    return [each.feature for each in row_clocks(built[0].evidence.row_clocks).findings if not each.passed]


def test_rows_that_were_written_with_their_facts_are_not_reported(desk: Any, engine: Engine) -> None:
    built = desk()
    assert told(built, engine) == []
    (finding,) = row_clocks(built[0].evidence.row_clocks).findings
    assert finding.passed and finding.gate == CLOCKS


def test_times_filled_in_as_customers_left_are_named(desk: Any, engine: Engine, people: Any, tickets: Any) -> None:
    left = tickets["id"].map(people.set_index("id")["left_on"])
    open_then = left.notna() & (tickets.index % 4 == 0)
    changed = tickets.assign(updated_at=tickets["updated_at"].where(~open_then, left))
    built = desk(tickets=changed)
    (violation,) = told(built, engine)
    count = int(open_then.sum())
    assert str(violation).startswith(
        f"tickets.parquet.resolved_at: {count} rows written more than a day after the fact"
    )
    assert failed(built) == ["tickets.parquet.resolved_at"]


def test_late_writing_that_has_nothing_to_do_with_leaving_is_information(desk: Any, tickets: Any) -> None:
    late = tickets.index % 5 == 0
    built = desk(tickets=tickets.assign(updated_at=tickets["updated_at"] + pd.to_timedelta(late * 9, "D")))
    assert failed(built) == []
    passed, *beside = row_clocks(built[0].evidence.row_clocks).findings
    assert passed.feature is None and all(each.verdict == "information" for each in beside)
    said = {each.feature: each.detail for each in beside}
    assert said["tickets.parquet.resolved_at"].startswith("80 of 400 rows were written more than a day after it")


def test_a_fact_that_was_entered_late_needs_its_second_clock(desk: Any, tickets: Any) -> None:
    entered = tickets.drop(columns="updated_at").assign(entered_at=tickets["opened_at"] + pd.Timedelta(days=3))
    assert "tickets.parquet.opened_at" in failed(desk(tickets=entered))
    mapped = DESK.replace("_at: opened_at", "_at: opened_at, recorded_at: entered_at")
    mapped = mapped.replace("_at: resolved_at", "_at: resolved_at, recorded_at: entered_at")
    assert failed(desk(mapped, tickets=entered)) == []


@pytest.mark.parametrize("name", ["received_at", "Erfasst am", "GebuchtAm", "saisiLé", "fecha_registrado"])
def test_clocks_are_known_by_their_names_in_other_languages(desk: Any, tickets: Any, name: str) -> None:
    late = tickets.drop(columns="updated_at").assign(**{name: tickets["opened_at"] + pd.Timedelta(days=3)})
    assert "tickets.parquet.opened_at" in failed(desk(tickets=late))


def test_a_clock_with_another_name_can_be_declared(desk: Any, tickets: Any) -> None:
    odd = tickets.rename(columns={"updated_at": "stand"})
    odd["stand"] = odd["opened_at"] - pd.Timedelta(days=2)
    assert failed(desk(tickets=odd)) == []
    declared = DESK.replace("path: tickets.parquet", "path: tickets.parquet\n    written_at: stand")
    assert set(failed(desk(declared, tickets=odd))) == {"tickets.parquet.opened_at", "tickets.parquet.resolved_at"}


@pytest.mark.parametrize("written", [pd.Timestamp, str], ids=["time", "text"])
def test_a_closure_that_was_booked_late_needs_its_second_clock(
    desk: Any, engine: Engine, people: Any, written: Any
) -> None:
    left = people[people["gone"]][["id", "left_on"]]
    booked = left.assign(booked_at=(left["left_on"] + pd.Timedelta(days=3)).map(written))
    source = """
  - path: closures.parquet
    events: [{kind: closed, customer_id: id, occurred_at: left_on}]
eligible:"""
    built = desk(DESK.replace(", closed_at: left_on", "").replace("\neligible:", source), closures=booked)
    assert "closures.parquet.left_on" in failed(built)
    assert any(each.name.endswith("by booked_at") for each in told(built, engine))


def test_flags_are_held_against_closures(desk: Any, engine: Engine, people: Any) -> None:
    wrong = people.assign(gone=(np.arange(100) >= 10) & (np.arange(100) < 33))
    assert [(each.key, each.count, each.severity) for each in told(desk(people=wrong), engine)] == [
        ("people.parquet.closed: customers flagged as closed without a closure", 3, "refuse"),
        ("people.parquet.closed: customers with a closure who are flagged as not closed", 10, "refuse"),
    ]


def test_two_sources_must_date_a_closure_alike(desk: Any, engine: Engine, people: Any) -> None:
    ends = people[["id", "left_on"]].dropna().assign(at=lambda f: f["left_on"] + pd.Timedelta(days=1))
    text = DESK.replace(
        "eligible:", "  - path: ends.parquet\n    events: [{kind: closed, customer_id: id, occurred_at: at}]\neligible:"
    )
    same = {each.name for each in told(desk(text, ends=ends), engine)}
    assert same == {"customers who closed on several days"}  # a day apart is the books' own business, but two closures
    apart = ends.assign(at=ends["at"].where(ends.index > 4, ends["at"] + pd.Timedelta(days=20)))
    found = {each.name: each.count for each in told(desk(text, ends=apart), engine)}
    assert found["customers whose closure is on another day in ends.parquet"] == 5


def test_declared_contradictions_are_counted_and_many_are_refused(desk: Any, engine: Engine, tickets: Any) -> None:
    rule = "path: tickets.parquet\n    contradictions: {answered twice: \"ticket IN ('t1', 't2')\"}"
    (few,) = told(desk(DESK.replace("path: tickets.parquet", rule)), engine)
    assert (few.key, few.count, few.severity) == ("tickets.parquet.(rows): answered twice", 2, "warn")
    (many,) = told(desk(DESK.replace("path: tickets.parquet", rule), tickets=tickets.head(10)), engine)
    assert many.severity == "refuse"


@pytest.mark.parametrize("repairs", ["", "repairs: [unknown_customers]\n"])
def test_a_table_of_those_who_are_still_there_is_refused(desk: Any, engine: Engine, people: Any, repairs: str) -> None:
    """Deleted accounts are no longer in it; to drop their events would drop every closure."""
    ends = people.loc[people["gone"], ["id", "left_on"]].rename(columns={"left_on": "at"})
    text = DESK.replace("closed_at: left_on, closed: gone", "group_id: id") + repairs
    text = text.replace(
        "eligible:", "  - {path: ends.parquet, events: [{kind: closed, customer_id: id, occurred_at: at}]}\neligible:"
    )
    key = "customers.customer_id: customers who closed and are not in customers"
    found = {each.key: each for each in told(desk(text, ends=ends, people=people[~people["gone"]]), engine)}
    assert (found[key].count, found[key].severity) == (30, "refuse")
    half = people[people.index % 2 == 0]  # an incomplete table, of leavers and stayers alike
    assert key not in {each.key for each in told(desk(text, ends=ends, people=half), engine)}
    assert key not in {each.key for each in told(desk(text, ends=ends), engine)}


def test_what_is_declared_is_repaired_counted_and_then_in_order(
    desk: Any, engine: Engine, people: Any, tickets: Any
) -> None:
    on_day = tickets["opened_at"].dt.normalize() == "2024-02-05"
    waiting = tickets[on_day].assign(resolved_at=pd.NaT)
    day = pd.concat([waiting, *(waiting.assign(ticket=f"n{n}", id=f"c{50 + n}") for n in range(12))])
    dirty = pd.concat([tickets[~on_day], day, day], ignore_index=True)
    dirty.loc[0, "id"] = "nobody"
    dirty.loc[1, ["opened_at", "resolved_at", "updated_at"]] = pd.Timestamp("2022-05-05")
    dirty.loc[2, "resolved_at"] = dirty.loc[2, "opened_at"] - pd.Timedelta(days=3)
    gone = people.assign(left_on=people["left_on"].where(people.index != 7, pd.Timestamp("2024-03-10")))
    names = "unknown_customers, events_before_sign_up, events_after_closure, impossible_order, repeated_days"
    late = int(((dirty["id"] == "c7") & (dirty["opened_at"] >= "2024-03-11")).sum())
    built = desk(DESK + f"repairs: [{names}]\n", tickets=dirty, people=gone)
    assert {each.name: each.count for each in told(built, engine)} == {
        "events of customers who are not in customers dropped": 3,
        "events before their customer's sign-up dropped": 3,
        "events of engagement after their customer's closure dropped": late,
        "answers before their question dropped": 1,
        "surplus rows of days that occur twice dropped": 2 * len(day),
    }
    assert all(each.severity == "repaired" for each in told(built, engine))
    assert late > 0 and not told(desk(DESK + f"repairs: [{names}]\n"), engine)


def test_impossible_values_are_emptied(tmp_path: Path, engine: Engine) -> None:
    text = DESK.split("  - path: tickets")[0] + (
        "  - path: log.parquet\n"
        "    events: [{kind: purchase, customer_id: id, occurred_at: at, rating: r, wait_s: w}]\n"
        "eligible: {active_within_days: 9, of: [purchase]}\ndefection: {by: either, of: [purchase]}\n"
        "snapshots: {horizon_days: 9}\n"
    )
    pd.DataFrame({"id": ["a"], "since": ["2024-01-01"], "left_on": [None], "gone": [False]}).astype(
        {"left_on": "datetime64[us]"}
    ).to_parquet(tmp_path / "people.parquet")
    log = {"id": "a", "at": pd.Timestamp("2024-01-02"), "r": [0.5, 7.0], "w": [-1, 5]}
    pd.DataFrame(log).to_parquet(tmp_path / "log.parquet")
    config = parse_config(text + "repairs: [impossible_values]\n")
    built = sources.build(config, engine, tmp_path)
    found = {each.name: each.count for each in built.report(engine, config).violations}
    assert found == {"ratings outside 0 to 1 set to null": 1, "negative waits set to null": 1}
    kept = engine.frame(built.events).sort_values("rating")
    assert (
        kept["rating"].astype(float).tolist()[0] == 0.5
        and kept["rating"].isna().sum() == kept["wait_s"].isna().sum() == 1
    )


def test_ratings_of_another_scale_are_refused_and_not_emptied(tmp_path: Path, engine: Engine) -> None:
    """Of one to five stars, one star would be left as the best."""
    text = DESK.split("  - path: tickets")[0] + (
        "  - path: log.parquet\n"
        "    events: [{kind: purchase, customer_id: id, occurred_at: at, rating: r}]\n"
        "eligible: {active_within_days: 9, of: [purchase]}\ndefection: {by: either, of: [purchase]}\n"
        "snapshots: {horizon_days: 9}\nrepairs: [impossible_values]\n"
    )
    pd.DataFrame({"id": ["a"], "since": ["2024-01-01"], "left_on": [None], "gone": [False]}).astype(
        {"left_on": "datetime64[us]"}
    ).to_parquet(tmp_path / "people.parquet")
    log = {"id": "a", "at": pd.Timestamp("2024-01-02"), "r": [1, 2, 3, 4, 5]}
    pd.DataFrame(log).to_parquet(tmp_path / "log.parquet")
    config = parse_config(text)
    (found,) = sources.build(config, engine, tmp_path).report(engine, config).violations
    assert (found.key, found.count, found.severity) == ("events.rating: ratings outside 0 to 1", 4, "refuse")
    assert "(stars - 1) / 4" in found.advice


TWO_FILES = """
project: desk
inputs: {one: tickets.parquet, other: again.parquet, spare: spare.parquet}
sources:
  - path: people.parquet
    customers: {customer_id: id, signed_up_at: since}
  - FIRST
    events: [{kind: contact, customer_id: id, occurred_at: opened_at, case_id: ticket}]
  - query: SELECT * FROM other
    events: [{kind: contact, customer_id: id, occurred_at: opened_at}]
  - path: paid.parquet
    events: [{kind: purchase, customer_id: id, occurred_at: opened_at}]
eligible: {active_within_days: 900, of: [purchase]}
defection: {by: inactivity, of: [purchase]}
voice: {kinds: [contact]}
snapshots: {horizon_days: 900}
"""
COPY = "inputs.other: rows of a file that is there under another name"


@pytest.fixture
def copied(tmp_path: Path, engine: Engine, people: pd.DataFrame, tickets: pd.DataFrame) -> Any:
    """What is said of two sources, the second of which reads `again.parquet` in a query."""
    people.to_parquet(tmp_path / "people.parquet")
    tickets.assign(amount=1).to_parquet(tmp_path / "paid.parquet")

    def run(one: pd.DataFrame, other: pd.DataFrame, first: str = "query: SELECT * FROM one", also: str = "") -> Any:
        one.to_parquet(tmp_path / "tickets.parquet")
        for name in ("again", "spare"):
            other.to_parquet(tmp_path / f"{name}.parquet")
        config = parse_config(TWO_FILES.replace("FIRST", first) + also)
        report = sources.build(config, engine, tmp_path).report(engine, config)
        return [each for each in report.violations if each.table == "inputs"]

    return run


@pytest.mark.parametrize("first", ["query: SELECT * FROM one", "path: tickets.parquet"])
def test_an_input_with_the_content_of_another_file_is_refused(copied: Any, tickets: pd.DataFrame, first: str) -> None:
    (found,) = copied(tickets, tickets, first)
    assert (found.key, found.count, found.severity) == (COPY, len(tickets), "refuse")
    assert "again.parquet has the content of tickets.parquet" in found.advice
    (accepted,) = copied(tickets, tickets, first, also=f'accept: ["{COPY}"]')
    assert accepted.severity == "accepted"


def test_inputs_of_other_content_or_none_are_no_copies(copied: Any, tickets: pd.DataFrame) -> None:
    assert copied(tickets, tickets.iloc[:-1]) == [], "another row, and a third file that no query reads"
    assert copied(tickets.iloc[:0], tickets.iloc[:0]) == [], "two empty files are alike"
