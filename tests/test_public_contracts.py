"""Public tables and the contract: contradictory ones are refused with figures, back-filled ones are mapped or named."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from churnml.config import load_config, parse_config
from churnml.engine import Engine
from churnml.sources import build
from churnml.workflows.check import check

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.public_data


def test_ravenstack_is_refused_with_every_reason(public_data: Path) -> None:
    config = load_config(ROOT / "tests" / "configs" / "ravenstack.yaml")
    report = check(config, root=public_data / "ravenstack").report
    refused = {violation.name: violation for violation in report.refused}
    assert refused["usage before its subscription begins"].count == 19_142
    flags = [each.count for each in refused.values() if each.column == "closed" and each.table == "accounts.parquet"]
    assert sorted(flags) == [35, 96]  # closed without a closure; closed and not back, and flagged as there
    assert "case_opened 1,077" in refused["events before their customer's sign-up"].advice
    assert {"customers who closed on several days", "ids given to different events"} <= set(refused)


def test_the_incident_log_maps_to_cases_in_order(public_data: Path) -> None:
    checked = check(load_config(ROOT / "configs" / "incident_log.yaml"), root=public_data / "uci_incident_log")
    assert {violation.name for violation in checked.report.violations} == {"rows without a customer dropped"}
    assert checked.kinds["case_opened"] == checked.kinds["contact"] > 24_900
    assert {"case_responded", "case_resolved", "case_reopened", "case_escalated"} <= set(checked.kinds)


def test_back_filled_columns_of_the_incident_log_are_named(public_data: Path, engine: Engine) -> None:
    config = parse_config("""
project: incidents
sources:
  - path: incident_events.parquet
    rows_without_customer: drop
    customers: {customer_id: caller_id, signed_up_at: first_event}
    events:
      - {kind: contact, customer_id: caller_id, occurred_at: opened_at}
      - {kind: case_resolved, customer_id: caller_id, occurred_at: resolved_at, case_id: number}
eligible: {active_within_days: 30, of: [contact]}
defection: {by: inactivity, of: [contact]}
snapshots: {horizon_days: 28}
""")
    canonical = build(config, engine, public_data / "uci_incident_log")
    clocks = {(clock.column, clock.clock): clock for clock in canonical.evidence.row_clocks}
    log = pd.read_parquet(public_data / "uci_incident_log" / "incident_events.parquet")
    ahead = (log["resolved_at"] > log["sys_updated_at"] + pd.Timedelta(days=1)).sum()
    clock = clocks["resolved_at", "sys_updated_at"]
    assert clock.often_ahead and clock.ahead == ahead > 50_000
    assert not clocks["opened_at", "sys_updated_at"].often_ahead


@pytest.mark.parametrize("name", ["oulad", "online_retail"])
def test_the_data_of_the_benchmarks_are_not_refused(public_data: Path, name: str) -> None:
    checked = check(load_config(ROOT / "configs" / f"{name}.yaml"))
    assert checked.report.refused == ()
    ended = {"oulad": "of 3,723 customers, 3,723 of whom have not come back", "online_retail": "none"}
    assert checked.closures == ended[name]  # an enrolment is never begun again, though 110 have late clicks


def test_olist_maps_to_promises_and_reviews(public_data: Path) -> None:
    checked = check(load_config(ROOT / "configs" / "olist.yaml"), root=public_data / "olist_sample")
    orders = pd.read_parquet(public_data / "olist_sample" / "orders.parquet")
    assert not checked.report.refused and checked.customers == 3_998
    assert checked.kinds["promise_made"] == len(orders) == 4_000
    assert checked.kinds["promise_kept"] == orders["order_delivered_customer_date"].notna().sum()
    assert checked.kinds["review"] == checked.kinds["survey_sent"] == 3_986
