"""The simulator's tables: the same seed gives the same bytes, every table is filled, and the rows hold together."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, time
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from churnml.config import Config, load_config
from churnml.datasets.simulator import CHUNK, PRESETS, preset, simulate
from churnml.datasets.simulator.tables import VOCABULARIES
from churnml.datasets.simulator.truth import TRUTHS
from churnml.errors import ConfigError

from .conftest import Company

EVERY = pytest.mark.parametrize("name", list(PRESETS))
FOLLOWS = [
    ("usage", "started_at", "received_at"),
    ("support", "opened_at", "first_response_at"),
    ("support", "first_response_at", "resolved_at"),
    ("support", "first_response_at", "escalated_at"),
    ("support", "escalated_at", "resolved_at"),
    ("support", "resolved_at", "reopened_at"),
    ("support", "opened_at", "updated_at"),
    ("complaints", "received_at", "entered_at"),
    ("dark", "posted_at", "found_at"),
    ("outreach", "sent_at", "opened_at"),
    ("outreach", "opened_at", "clicked_at"),
    ("outreach", "opened_at", "unsubscribed_at"),
    ("surveys", "sent_at", "answered_at"),
    ("deliveries", "ordered_at", "promised_for"),
    ("deliveries", "ordered_at", "delivered_at"),
    ("closures", "closed_at", "booked_at"),
]
ACTS = {
    "usage": "started_at", "app_events": "occurred_at", "complaints": "received_at", "onboarding": "completed_at",
    "referrals": "referred_at", "moves": "moved_at", "(FROM surveys WHERE answered_at IS NOT NULL)": "sent_at",
    "(FROM support ANTI JOIN complaints USING (ticket_id))": "opened_at",
}  # fmt: skip
"""What only those do who still use the service. (Posts are written, and mails opened, by others too.)"""


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.parquet"))
    }


def config_of(name: str) -> Config:
    return load_config(Path(str(files("churnml.datasets.simulator") / f"{name}.yaml")))


# ---- bytes ---------------------------------------------------------------------------------------------------------


def test_same_seed_same_bytes_and_another_seed_other_bytes(tmp_path: Path) -> None:
    for folder, seed in (("a", 5), ("b", 5), ("c", 6)):
        simulate(150, seed, tmp_path / folder, months=2)
    first, same, other = (digests(tmp_path / folder) for folder in "abc")
    assert first == same
    assert first["usage.parquet"] != other["usage.parquet"]


def test_several_processes_write_the_same_bytes(tmp_path: Path) -> None:
    customers = CHUNK + 30
    alone, together = (simulate(customers, 1, tmp_path / str(n), months=1, workers=n) for n in (1, 2))
    assert digests(tmp_path / "1") == digests(tmp_path / "2")
    ids = pq.read_table(together.frames["customers"])["customer_id"]
    assert pc.count_distinct(ids).as_py() == customers == pq.read_metadata(alone.frames["customers"]).num_rows


def test_a_second_simulation_replaces_the_first_and_leaves_nothing_behind(tmp_path: Path) -> None:
    simulate(300, 5, tmp_path, months=3)
    made = simulate(100, 5, tmp_path, months=2)
    assert pq.read_metadata(tmp_path / "customers.parquet").num_rows == 100
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.parquet" for name in made.frames} | {"truth"}
    assert {path.name for path in made.truth.iterdir()} == {f"{name}.parquet" for name in TRUTHS}
    assert pq.read_metadata(made.truth / "customers.parquet").num_rows == 100


@EVERY
def test_a_single_customer_for_one_month_is_no_special_case(tmp_path: Path, name: str) -> None:
    made = simulate(1, 0, tmp_path, preset=PRESETS[name], months=1)
    assert pq.read_metadata(made.frames["customers"]).num_rows == 1
    assert set(made.frames) == {"customers", *VOCABULARIES[name].names.values()}


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    simulate(60, 1, tmp_path, months=1, progress=lambda done, of: told.append((done, of)))
    assert told == [(60, 60)]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"customers": 0}, "customers: 0"),
        ({"seed": -1}, "seed: -1"),
        ({"months": 0}, "months: 0"),
        ({"workers": 0}, "workers: 0"),
        ({"switched_on": ["quicksand"]}, "trap: 'quicksand'"),
    ],
)
def test_nonsense_is_refused(tmp_path: Path, arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        simulate(**{"customers": 5, "seed": 1, "out": tmp_path} | arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("changes", [{"silent_share": 1.0}, {"silent_share": 0.0}, {"dark_matter": 1.2}])
def test_impossible_numbers_are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(changes))):
        preset("telecom", **changes)


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(ConfigError, match="'bakery' is not one of telecom, shop, software"):
        preset("bakery")


# ---- tables --------------------------------------------------------------------------------------------------------


@EVERY
def test_every_table_is_filled_and_lies_in_the_simulated_time(companies: dict[str, Company], name: str) -> None:
    made = companies[name].made
    first, end = (datetime.combine(day, time()) for day in (made.start, made.end))
    for table, path in made.frames.items():
        rows = pq.read_table(path)
        assert rows.num_rows > 3, table
        for field in rows.schema:
            if not pa.types.is_timestamp(field.type) or field.name == "promised_for":
                continue
            lowest, highest = pc.min_max(rows[field.name]).as_py().values()
            assert highest < end, (table, field.name)
            assert lowest >= first or field.name == "signed_up_at", (table, field.name)


@EVERY
def test_what_follows_comes_later(companies: dict[str, Company], name: str) -> None:
    for table, earlier, later in FOLLOWS:
        wrong, right = companies[name].one(
            f"SELECT count(*) FILTER ({later} < {earlier}), count(*) FILTER ({later} > {earlier}) FROM {table}"
        )
        assert wrong == 0 < right, (table, earlier, later)


@EVERY
def test_nobody_acts_before_signing_up_or_after_leaving(companies: dict[str, Company], name: str) -> None:
    company = companies[name]
    acts = ACTS | ({"payments": "ordered_at"} if name == "shop" else {})
    for table, at in acts.items():
        early = f"SELECT count(*) FROM {table} AS acts JOIN customers USING (customer_id) WHERE {at} < signed_up_at"
        late = f"SELECT count(*) FROM {table} AS acts JOIN truth_departures USING (customer_id) WHERE {at} >= left_on"
        assert (company.one(early), company.one(late)) == ((0,), (0,)), table


@EVERY
def test_nothing_happens_to_a_closed_account(companies: dict[str, Company], name: str) -> None:
    paid = "ordered_at" if name == "shop" else "charged_at"
    for table, at in {"outreach": "sent_at", "surveys": "sent_at", "payments": paid, "dark": "posted_at"}.items():
        query = f"SELECT count(*) FROM {table} JOIN closures USING (customer_id) WHERE {at}::DATE >= closed_at::DATE"
        assert companies[name].one(query) == (0,), table


@EVERY
def test_ids_are_unique_and_lead_somewhere(companies: dict[str, Company], name: str) -> None:
    company = companies[name]
    keys = {"customers": "customer_id", "support": "ticket_id", "complaints": "complaint_id", "deliveries": "order_id"}
    keys |= {"payments": "order_id" if name == "shop" else "payment_id", "closures": "customer_id"}
    for table, key in keys.items():
        assert company.one(f"SELECT count({key}) - count(DISTINCT {key}) FROM {table}") == (0,), table
    for ours in VOCABULARIES[name].names:
        assert company.one(f"SELECT count(*) FROM {ours} ANTI JOIN customers USING (customer_id)") == (0,), ours
    links = [("complaints", "support", "ticket_id")]
    if name == "shop":
        links += [("returns", "payments", "order_id"), ("deliveries", "payments", "order_id")]
    for table, other, key in links:
        assert company.one(f"SELECT count(*) FROM {table} ANTI JOIN {other} USING (customer_id, {key})") == (0,), table


@EVERY
def test_tickets_make_sense(companies: dict[str, Company], name: str) -> None:
    """Nobody has resolved an open ticket, handled an abandoned contact, or been asked about a contact never made."""
    assert companies[name].one("""
        SELECT count(*) FILTER (resolved_at IS NULL AND resolved_by IS NOT NULL),
               count(*) FILTER (abandoned AND (handling_s > 0 OR coalesce(agent_id, ticket_id) IS NOT NULL)),
               count(*) FILTER (automated AND agent_id IS NOT NULL) FROM support""") == (0, 0, 0)
    unasked = """SELECT count(*) FROM surveys WHERE survey = 'after contact' AND NOT EXISTS (
        FROM support WHERE support.customer_id = surveys.customer_id AND opened_at::DATE = sent_at::DATE)"""
    assert companies[name].one(unasked) == (0,)


@EVERY
def test_what_was_promised_is_known_at_once(companies: dict[str, Company], name: str) -> None:
    assert companies[name].one("SELECT count(*) FROM deliveries WHERE promised_for IS NULL") == (0,)


def test_what_is_not_known_by_the_end_is_not_there(telecom: Company) -> None:
    """Closures that are booked later, and posts that are found later, exist only in truth."""
    booked, closed = telecom.one("SELECT (SELECT count(*) FROM closures), count(closed_on) FROM truth_departures")
    assert 0 < closed - booked < 20
    (last,) = telecom.one("SELECT max(booked_at) FROM closures")
    assert last.date() == date(2024, 6, 30)


@EVERY
def test_tables_have_the_columns_the_configuration_maps(companies: dict[str, Company], name: str) -> None:
    made, config = companies[name].made, config_of(name)
    mapped = {source.path for source in config.sources} | set(config.inputs.values())
    assert mapped - {None} == {path.name for path in made.frames.values()}
    for source in config.sources:
        if source.path is None:
            continue
        columns = set(pq.read_schema(made.frames[source.path.removesuffix(".parquet")]).names)
        for event in source.events:
            used = {value.column for _, value in event if hasattr(value, "column")}
            assert used <= columns, source.path


@EVERY
def test_what_customers_write_can_be_read(companies: dict[str, Company], name: str) -> None:
    for table in ("complaints", "dark"):
        texts = [text for (text,) in companies[name].rows(f"SELECT text FROM {table}")]
        assert len(set(texts)) > 50
        assert all(text[0].isupper() and text[-1] in ".?" and "  " not in text for text in texts)
