"""The simulator: the same seed gives the same bytes, the tables hold together, and the story is a believable one."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from churnml.config import load_config
from churnml.datasets.simulator import Parameters, Simulated, simulate
from churnml.datasets.simulator_tables import TABLES
from churnml.errors import ConfigError

CONFIG = Path(__file__).parent.parent.parent / "configs" / "simulated.yaml"


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    return simulate(3000, 11, tmp_path_factory.mktemp("simulated"))


def rows(query: str, simulated: Simulated) -> list[tuple[object, ...]]:
    with duckdb.connect() as connection:
        for name, path in simulated.frames.items():
            connection.execute(f"CREATE VIEW {name} AS FROM '{path}'")
        for path in simulated.truth.glob("*.parquet"):
            connection.execute(f"CREATE VIEW truth_{path.stem} AS FROM '{path}'")
        return connection.execute(query).fetchall()


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.parquet"))
    }


def test_same_seed_same_bytes_and_another_seed_other_bytes(tmp_path: Path) -> None:
    simulate(200, 5, tmp_path / "a", months=3)
    simulate(200, 5, tmp_path / "b", months=3)
    simulate(200, 6, tmp_path / "c", months=3)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert digests(tmp_path / "a")["usage.parquet"] != digests(tmp_path / "c")["usage.parquet"]


def test_a_second_simulation_replaces_the_first_and_leaves_nothing_behind(tmp_path: Path) -> None:
    simulate(300, 5, tmp_path, months=3)
    simulate(100, 5, tmp_path, months=2)
    assert pq.read_metadata(tmp_path / "customers.parquet").num_rows == 100
    files = {f"{name}.parquet" for name in ("customers", *TABLES)}
    assert {path.name for path in tmp_path.iterdir()} == files | {"truth"}


def test_tables_have_the_columns_the_configuration_maps(simulated: Simulated) -> None:
    config = load_config(CONFIG)
    assert set(simulated.frames) == {"customers", *TABLES}
    mapped = {source.path for source in config.sources} | set(config.inputs.values())
    assert mapped - {None} == {path.name for path in simulated.frames.values()}
    for source in config.sources:
        if source.path is None:
            continue
        columns = set(pq.read_schema(simulated.frames[source.path.removesuffix(".parquet")]).names)
        for event in source.events:
            used = {value.column for _, value in event if hasattr(value, "column")}
            assert used <= columns, source.path


def test_every_table_is_filled_and_lies_in_the_simulated_time(simulated: Simulated) -> None:
    assert (simulated.start, simulated.end) == (date(2023, 1, 1), date(2024, 7, 1))
    for name in TABLES:
        table = pq.read_table(simulated.frames[name])
        assert table.num_rows > 50, name
        for column, spec in TABLES[name].items():
            if spec.kind == "time":
                latest = max(value for value in table[column].to_pylist() if value)
                assert latest.date() < simulated.end, (name, column)


@pytest.mark.parametrize(
    ("table", "earlier", "later"),
    [
        ("support", "opened_at", "first_response_at"),
        ("support", "first_response_at", "resolved_at"),
        ("support", "resolved_at", "reopened_at"),
        ("complaints", "received_at", "entered_at"),
        ("dark", "posted_at", "found_at"),
        ("outreach", "sent_at", "opened_at"),
        ("outreach", "opened_at", "clicked_at"),
        ("surveys", "sent_at", "answered_at"),
        ("closures", "requested_at", "closed_at"),
    ],
)
def test_what_follows_comes_later(simulated: Simulated, table: str, earlier: str, later: str) -> None:
    assert rows(f"SELECT count(*) FROM {table} WHERE {later} < {earlier}", simulated) == [(0,)]
    assert rows(f"SELECT count(*) > 0 FROM {table} WHERE {later} > {earlier}", simulated) == [(True,)]


def test_nobody_acts_before_signing_up_or_after_leaving(simulated: Simulated) -> None:
    early = "SELECT count(*) FROM usage JOIN customers USING (customer_id) WHERE started_at < signed_up_at"
    late = "SELECT count(*) FROM usage JOIN closures USING (customer_id) WHERE started_at >= closed_at::DATE"
    quiet = "SELECT count(*) FROM usage JOIN truth_customers USING (customer_id) WHERE started_at >= left_on"
    assert [rows(query, simulated)[0][0] for query in (early, late, quiet)] == [0, 0, 0]


def test_ticket_and_complaint_ids_are_unique(simulated: Simulated) -> None:
    assert rows("SELECT count(ticket_id) = count(DISTINCT ticket_id) FROM support", simulated) == [(True,)]
    assert rows("SELECT count(*) = count(DISTINCT complaint_id) FROM complaints", simulated) == [(True,)]
    orphans = "SELECT count(*) FROM complaints ANTI JOIN support USING (ticket_id)"
    assert rows(orphans, simulated) == [(0,)]


def test_most_of_the_unhappy_leave_without_a_word(simulated: Simulated) -> None:
    count = dict(rows("SELECT manner, count(*) FROM truth_customers GROUP BY manner", simulated))
    share = count["silent"] / (count["silent"] + count["vocal"])
    assert share == pytest.approx(Parameters().silent_share, abs=0.06)
    assert 0.15 < (3000 - count["stays"]) / 3000 < 0.55


def test_the_silent_share_can_be_chosen(tmp_path: Path) -> None:
    shares = []
    for wanted in (0.4, 0.96):
        made = simulate(900, 3, tmp_path / str(wanted), months=12, parameters=Parameters(silent_share=wanted))
        count = dict(rows("SELECT manner, count(*) FROM truth_customers GROUP BY manner", made))
        shares.append(count["silent"] / (count["silent"] + count["vocal"]))
    assert shares == pytest.approx([0.4, 0.96], abs=0.1)
    assert shares[1] > shares[0] + 0.3


def test_silent_leavers_fade_and_the_unhappy_are_more_at_risk(simulated: Simulated) -> None:
    faded = rows(
        """SELECT count(*) FILTER (days BETWEEN 1 AND 20) / count(*) FILTER (days BETWEEN 101 AND 120)
           FROM (SELECT date_diff('day', started_at, left_on) AS days
                 FROM usage JOIN truth_customers USING (customer_id) WHERE manner = 'silent')""",
        simulated,
    )[0][0]
    assert 0.1 < faded < 0.6
    slope = rows("SELECT corr(satisfaction, ln(hazard_silent + hazard_vocal)) FROM truth_hazards", simulated)[0][0]
    assert slope < -0.9


def test_recency_tells_something_but_not_everything(simulated: Simulated) -> None:
    """The AUROC of days since the last use, for leaving silently within 42 days: a fair baseline, far from perfect."""
    auroc = rows(
        """
        WITH seen AS (
          SELECT customer_id, date_diff('day', max(started_at), DATE '2023-10-16') AS recency
          FROM usage WHERE started_at < DATE '2023-10-16' GROUP BY customer_id
        ), labelled AS (
          SELECT recency, manner = 'silent' AND left_on < DATE '2023-10-16' + 42 AS leaves
          FROM seen JOIN truth_customers USING (customer_id)
          WHERE recency <= 28 AND (left_on IS NULL OR left_on > DATE '2023-10-16' - 28)
        )
        SELECT avg(CASE WHEN a.recency > b.recency THEN 1.0 WHEN a.recency = b.recency THEN 0.5 ELSE 0 END)
        FROM labelled AS a, labelled AS b WHERE a.leaves AND NOT b.leaves
        """,
        simulated,
    )[0][0]
    assert 0.6 < auroc < 0.9


def test_complaints_can_be_read(simulated: Simulated) -> None:
    texts = [text for (text,) in rows("SELECT text FROM complaints", simulated)]
    assert len(set(texts)) > 100
    assert all(text[0].isupper() and text[-1] in ".?" and "  " not in text for text in texts)


def test_dark_channels_are_not_service_channels(simulated: Simulated) -> None:
    config = load_config(CONFIG)
    assert {name for (name,) in rows("SELECT DISTINCT channel FROM dark", simulated)} == set(config.channels.dark)
    spoken = {name for (name,) in rows("SELECT channel FROM complaints UNION SELECT channel FROM support", simulated)}
    assert not spoken & set(config.channels.dark)


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    simulate(60, 1, tmp_path, months=1, progress=lambda done, total: told.append((done, total)))
    assert told == [(60, 60)]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"customers": 0, "seed": 1}, "customers: 0"),
        ({"customers": 5, "seed": -1}, "seed: -1"),
        ({"customers": 5, "seed": 1, "months": 0}, "months: 0"),
        ({"customers": 5, "seed": 1, "parameters": Parameters(silent_share=1.0)}, "silent_share: 1.0"),
    ],
)
def test_nonsense_is_refused(tmp_path: Path, arguments: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        simulate(**arguments, out=tmp_path)  # type: ignore[arg-type]


def test_a_single_customer_for_one_month_is_no_special_case(tmp_path: Path) -> None:
    made = simulate(1, 0, tmp_path, months=1)
    assert pq.read_metadata(made.frames["customers"]).num_rows == 1
    assert set(made.frames) == {"customers", *TABLES}
