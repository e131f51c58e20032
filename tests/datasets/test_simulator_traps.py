"""Each trap alone: what it names changes, in the direction and by as much as it says, and nothing else does."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, time, timedelta
from math import log, sqrt
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from churnml.datasets.simulator import TRAPS, preset, simulate
from churnml.datasets.simulator.days import BLOCK

Tables = dict[str, pa.Table]

NUMBERS = preset("telecom", silent_share=0.7, unhappy_hazard=0.0012, launch_day=3 * BLOCK, treatments_from=56)
"""People leave soon, the launch is early."""
COLUMNS = {
    "overwritten_attribute": ("customers", {"plan"}),
    "leaking_attribute": ("customers", {"credit_score"}),
    "resolution_backfilled": ("support", {"resolved_at", "updated_at"}),
    "clock_change": ("support", {"first_response_at", "resolved_at"}),
    "unit_change": ("usage", {"duration_s"}),
}
ROWS = {"winback_before_closure": "outreach", "duplicated_partitions": "usage"}
START, END = date(2023, 1, 1), date(2023, 7, 1)
LAUNCH = START + timedelta(days=NUMBERS.launch_day)


def simulated(folder: Path, *traps: str) -> Tables:
    made = simulate(400, 8, folder, preset=NUMBERS, months=6, switched_on=traps)
    assert (made.start, made.end) == (START, END)
    return {str(path.relative_to(folder).with_suffix("")): pq.read_table(path) for path in folder.rglob("*.parquet")}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    return simulated(tmp_path_factory.mktemp("sound"))


@pytest.fixture(scope="module")
def sprung(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tables]:
    """The tables under each trap."""
    return {trap: simulated(tmp_path_factory.mktemp(trap), trap) for trap in TRAPS}


def changed(sound: Tables, sprung: dict[str, Tables], trap: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table a trap names, without and with it, where the named columns differ."""
    table, columns = COLUMNS[trap]
    before, after = (tables[table].to_pandas() for tables in (sound, sprung[trap]))
    same = [before[column].eq(after[column]) | (before[column].isna() & after[column].isna()) for column in columns]
    differs = ~np.logical_and.reduce(same)
    return before[differs], after[differs]


def gone(sound: Tables) -> set[str]:
    left = sound["truth/departures"].to_pandas()
    return set(left.loc[left["left_on"].notna(), "customer_id"])


# ---- what does not change ------------------------------------------------------------------------------------------


def test_every_trap_says_what_it_does() -> None:
    assert set(TRAPS) == {*COLUMNS, *ROWS, "regime_change"}
    for trap, (table, columns) in COLUMNS.items():
        for column in columns:
            assert f"{table}.{column}" in TRAPS[trap].says


@pytest.mark.parametrize("trap", [*COLUMNS, *ROWS])
def test_a_trap_leaves_all_other_tables_as_they_were(sound: Tables, sprung: dict[str, Tables], trap: str) -> None:
    """The truth among them."""
    table = ROWS.get(trap) or COLUMNS[trap][0]
    assert {name for name in sound if not sound[name].equals(sprung[trap][name])} == {table}
    assert set(sprung[trap]) == set(sound)


@pytest.mark.parametrize("trap", COLUMNS)
def test_a_trap_leaves_all_other_columns_as_they_were(sound: Tables, sprung: dict[str, Tables], trap: str) -> None:
    table, columns = COLUMNS[trap]
    before, after = sound[table], sprung[trap][table]
    assert before.schema == after.schema
    assert {name for name in before.column_names if not before[name].equals(after[name])} == columns


@pytest.mark.parametrize(("trap", "table"), ROWS.items())
def test_a_trap_adds_rows_and_keeps_the_others(sound: Tables, sprung: dict[str, Tables], trap: str, table: str) -> None:
    both = (tables[table].to_pandas().astype(str).to_numpy() for tables in (sound, sprung[trap]))
    before, after = (Counter(map(tuple, rows)) for rows in both)
    assert not before - after
    assert (after - before).total() == sprung[trap][table].num_rows - sound[table].num_rows > 10


# ---- what changes --------------------------------------------------------------------------------------------------


def test_the_plan_of_all_who_have_left_is_overwritten(sound: Tables, sprung: dict[str, Tables]) -> None:
    before, after = changed(sound, sprung, "overwritten_attribute")
    assert set(after["plan"]) == {"none"}
    assert "none" not in set(before["plan"])
    assert set(after["customer_id"]) == gone(sound)


def test_the_score_of_all_who_have_left_is_marked_down(sound: Tables, sprung: dict[str, Tables]) -> None:
    """By 200 to 400 points, but not below 300."""
    before, after = changed(sound, sprung, "leaking_attribute")
    down = before["credit_score"] - after["credit_score"]
    free = after["credit_score"] > 300
    assert set(after["customer_id"]) <= gone(sound)
    assert len(after) > 0.95 * len(gone(sound))
    assert down[free].between(200, 400).all()
    assert after["credit_score"].min() == 300
    assert down[free].max() - down[free].min() > 150


def test_open_tickets_of_closed_accounts_seem_resolved(sound: Tables, sprung: dict[str, Tables]) -> None:
    """Within five hours of the answer; the time of the last change gives it away."""
    before, after = changed(sound, sprung, "resolution_backfilled")
    closures = sound["closures"].to_pandas().set_index("customer_id")["closed_at"]
    closed = before["customer_id"].map(closures)
    assert len(before) > 10
    assert closed.notna().all()
    assert (before["resolved_at"].isna() | (before["resolved_at"] > closed)).all()
    said = after["first_response_at"].fillna(after["opened_at"])
    assert (after["resolved_at"] - said).between(timedelta(hours=1), timedelta(hours=5)).all()
    assert (after["updated_at"] >= closed).all()
    assert after["resolved_at"].max() < pd.Timestamp(END)
    still = sprung["resolution_backfilled"]["support"].to_pandas()
    still = still[~still["abandoned"] & (still["opened_at"] < still["customer_id"].map(closures))]
    assert still["resolved_at"].notna().all()


def test_a_mail_goes_out_before_the_recorded_closure(sound: Tables, sprung: dict[str, Tables]) -> None:
    """To six in ten, one to twelve days ahead."""
    after = sprung["winback_before_closure"]["outreach"].to_pandas()
    mails, closures = after[after["purpose"] == "win-back"], sound["closures"].to_pandas().set_index("customer_id")
    assert len(mails) == len(after) - sound["outreach"].num_rows
    assert mails["customer_id"].is_unique
    share = len(mails) / len(closures)
    assert abs(share - 0.6) < 4 * sqrt(0.6 * 0.4 / len(closures))
    ahead = mails["customer_id"].map(closures["closed_at"]) - mails["sent_at"]
    assert ahead.between(timedelta(days=1), timedelta(days=12)).all()
    assert mails["sent_at"].min() >= pd.Timestamp(START)
    assert after["sent_at"].is_monotonic_increasing


def test_five_days_of_use_stand_there_twice(sound: Tables, sprung: dict[str, Tables]) -> None:
    before, after = (tables["usage"].to_pandas() for tables in (sound, sprung["duplicated_partitions"]))
    once, then = (frame["started_at"].dt.date.value_counts() for frame in (before, after))
    times = (then / once).value_counts()
    assert times[2.0] == 5
    assert set(times.index) == {1.0, 2.0}


def test_summer_times_are_an_hour_early(sound: Tables, sprung: dict[str, Tables]) -> None:
    before, after = (tables["support"].to_pandas() for tables in (sound, sprung["clock_change"]))
    for column in COLUMNS["clock_change"][1]:
        summer = before[column] >= pd.Timestamp(2023, 3, 26, 2)
        assert (before.loc[summer, column] - after.loc[summer, column] == timedelta(hours=1)).all()
        assert before.loc[~summer, column].equals(after.loc[~summer, column])
        assert summer.sum() > 30
    assert (after["first_response_at"] < after["opened_at"]).sum() > 10


def test_sessions_are_measured_in_milliseconds_from_the_middle_on(sound: Tables, sprung: dict[str, Tables]) -> None:
    before, after = (tables["usage"].to_pandas() for tables in (sound, sprung["unit_change"]))
    middle = pd.Timestamp(START) + round((END - START).days / 2) * timedelta(days=1)
    late = before["started_at"] >= middle
    assert (after["duration_s"] == before["duration_s"] * np.where(late, 1000, 1)).all()
    assert 0.3 < late.mean() < 0.7


# ---- the regime change ---------------------------------------------------------------------------------------------


def test_before_the_launch_a_regime_change_changes_nothing(sound: Tables, sprung: dict[str, Tables]) -> None:
    """Use is logged in blocks of four weeks, so this holds where the launch day begins one."""
    launch = datetime.combine(LAUNCH, time())
    other = sprung["regime_change"]
    assert sound["customers"].equals(other["customers"])
    for name in sorted(set(sound) - {"customers", "truth/customers"}):
        later = {"left_on", "closed_on"}.intersection(sound[name].column_names)  # these may lie after it
        one, two = (tables[name].drop_columns(sorted(later)) for tables in (sound, other))
        moment = next(field for field in one.schema if pa.types.is_temporal(field.type))
        until = pa.scalar(launch if pa.types.is_timestamp(moment.type) else LAUNCH, moment.type)
        before, after = (table.filter(pc.less(table[moment.name], until)) for table in (one, two))
        assert before.num_rows > 0, name
        assert before.equals(after), name
    assert not sound["usage"].equals(other["usage"])


def test_after_the_launch_people_leave_for_other_reasons(sprung: dict[str, Tables]) -> None:
    """Satisfaction weighs three tenths of what it did, on top of twice the hazard."""
    tables = sprung["regime_change"]
    treated = tables["truth/treatments"].to_pandas().query("arm == 'treated'")["customer_id"]
    people = tables["customers"].to_pandas().merge(tables["truth/customers"].to_pandas())
    plain = people[~people["speaks"] & (people["signed_up_at"] < "2023-01-01") & ~people["customer_id"].isin(treated)]
    days = tables["truth/hazards"].to_pandas()
    days = days[days["customer_id"].isin(plain["customer_id"])]
    after = days["day"] >= LAUNCH
    for chosen, slope, base in ((~after, 1.0, 1.0), (after, 0.3, 2.0)):
        some = days[chosen]
        rest = np.log(some["hazard_silent"]) + slope * NUMBERS.hazard_slope * some["satisfaction"]
        assert (rest - log(base * NUMBERS.unhappy_hazard)).abs().max() < 1e-3
        assert len(some) > 1000


def test_after_the_launch_people_ask_more_and_meet_more_robots(sound: Tables, sprung: dict[str, Tables]) -> None:
    asked = []
    for tables, robots in ((sound, 0.45), (sprung["regime_change"], 0.8)):
        support = tables["support"].to_pandas()
        support = support[(support["opened_at"] >= pd.Timestamp(LAUNCH)) & ~support["abandoned"]]
        asked.append(len(support))
        support = support[~support["ticket_id"].isin(tables["complaints"].to_pandas()["ticket_id"])]
        chats = support.loc[support["channel"].isin(["chat", "in_app_chat"]), "automated"]
        assert abs(chats.mean() - robots) < 4 * sqrt(robots * (1 - robots) / len(chats)) < 0.3
    assert asked[1] > 1.4 * asked[0]
