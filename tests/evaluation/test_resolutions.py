"""Cases that were tidied up as their customers left are noticed without any second clock."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import pytest

from churnml.contract import CUSTOMERS, EVENTS
from churnml.engine import Engine
from churnml.evaluation.findings import Finding
from churnml.evaluation.resolutions import BACKFILLED, kaplan_meier, open_cases
from churnml.sources import Canonical

END = pd.Timestamp("2025-01-01")


@pytest.fixture
def cases() -> pd.DataFrame:
    """Two thousand cases of a year that last ten days in the mean; every other customer closed in autumn."""
    rng = np.random.default_rng(4)
    who = rng.integers(0, 400, 2000)
    opened = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.uniform(0, 360, 2000), "D")
    resolved = opened + pd.to_timedelta(rng.exponential(10, 2000), "D")
    closed = pd.Timestamp("2024-09-01") + pd.to_timedelta(rng.uniform(0, 90, 400), "D")
    left = pd.Series(closed).where(np.arange(400) % 2 == 0)[who].to_numpy()
    table = pd.DataFrame(
        {"customer_id": [f"c{n}" for n in who], "opened": opened, "resolved": resolved, "closed": left}
    )
    return table[~(table["opened"] > table["closed"])]


def judged(engine: Engine, cases: pd.DataFrame, recorded: pd.Series | None = None) -> Finding:
    parts = []
    for kind, column in (("case_opened", "opened"), ("case_resolved", "resolved"), ("closed", "closed")):
        part = pd.DataFrame({"customer_id": cases["customer_id"], "kind": kind, "occurred_at": cases[column]})
        part["occurred_at"] = part["occurred_at"].dt.floor("s")
        part["recorded_at"] = recorded if kind == "case_resolved" and recorded is not None else part["occurred_at"]
        part["case_id"] = [f"k{number}" for number in cases.index] if kind != "closed" else None
        parts.append(part[part["occurred_at"] < END])
    table = ibis.memtable(pd.concat(parts).astype({"case_id": "string"}))
    events = table.select(**{n: (table[n] if n in table.columns else ibis.null()).cast(k) for n, k in EVENTS.items()})
    (finding,) = open_cases(
        Canonical(ibis.memtable([], schema=CUSTOMERS), engine.materialise(events, "e")), engine
    ).findings
    return finding


def test_cases_that_stay_open_as_all_others_pass(engine: Engine, cases: pd.DataFrame) -> None:
    finding = judged(engine, cases)
    before = cases["opened"] < cases["closed"]
    still = (before & (cases["resolved"] > cases["closed"])).sum()
    assert finding.passed and finding.gate == BACKFILLED
    figures = [int(word.strip(",;")) for word in finding.detail.split() if word.strip(",;").isdigit()]
    assert abs(figures[1] - still) <= 5  # those of the day of the closure are open, those opened on it are not
    assert figures[2] == pytest.approx(still, abs=4 * still**0.5)


def test_cases_that_were_tidied_up_are_named(engine: Engine, cases: pd.DataFrame) -> None:
    open_then = cases["resolved"] > cases["closed"]
    tidy = cases.assign(resolved=cases["resolved"].mask(open_then, cases["opened"] + pd.Timedelta(hours=3)))
    finding = judged(engine, tidy)
    assert not finding.passed and finding.key == f"{BACKFILLED}: case_resolved"
    written = tidy["resolved"].mask(open_then, tidy["closed"]).dt.floor("s")
    assert judged(engine, tidy, written).passed  # with the day on which they were written, all is said


def test_a_better_service_for_leavers_is_no_suspicion(engine: Engine, cases: pd.DataFrame) -> None:
    lasted = (cases["resolved"] - cases["opened"]) * np.where(cases["closed"].notna(), 0.4, 1.0)
    assert judged(engine, cases.assign(resolved=cases["opened"] + lasted)).passed


def test_without_cases_there_is_nothing_to_say(engine: Engine, cases: pd.DataFrame) -> None:
    assert judged(engine, cases.assign(opened=pd.NaT, resolved=pd.NaT)).detail == "there are no such cases"


def test_what_was_not_watched_to_the_end_still_counts() -> None:
    times, shares = kaplan_meier(np.array([1.0, 2.0, 3.0, 4.0]), np.array([False, True, False, True]))
    assert times.tolist() == [1, 2, 3, 4] and shares == pytest.approx([1, 1, 2 / 3, 2 / 3, 0])
