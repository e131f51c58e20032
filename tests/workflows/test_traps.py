"""Every trap of the simulator is caught by `churnml check` or `churnml audit`, by name; clean companies pass both.

Traps that work on different columns share a company: what is wrong is said at once, each by its name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from churnml.config import Config, load_config
from churnml.datasets.simulator import TRAPS, preset, simulate
from churnml.evaluation.information import regime_changes
from churnml.workflows.audit import hindsight
from churnml.workflows.business import open_business, silently
from churnml.workflows.check import check
from churnml.workflows.rows import labelled

CONFIGS = Path(__file__).parents[2] / "configs"
USE = {"telecom": "usage", "shop": "visits", "software": "sessions"}
"""Each company's table of use."""
TRAPPED = ("telecom", "shop")
"""Those that traps are tried on: with contracts, and without."""
NUMBERS: dict[str, Any] = {"silent_share": 0.7, "unhappy_hazard": 0.0012, "questions": 0.01, "launch_day": 196}
"""People leave soon and ask much, so that a small company shows what a large one does."""
CLOSES: dict[str, dict[str, Any]] = {"shop": {"closes": 0.5}}
"""Customers of the shop rarely close; here some more do, so that there are closures to speak of."""

REFUSED = {
    "duplicated_partitions": {"events.activity: surplus rows of days that occur twice"},
    "clock_change": {
        "events.case_responded: answers up to an hour before their question, in summer only",
        "events.case_resolved: answers up to an hour before their question, in summer only",
    },
    "unit_change": {"events.activity.duration_s: values after a change of unit"},
}
"""What `churnml check` refuses."""
FAILED = {
    "overwritten_attribute": {"no attribute knows who has left: plan"},
    "leaking_attribute": {"no attribute knows who has left: credit_score"},
    "resolution_backfilled": {
        "no fact is seen before it was known: support.parquet.resolved_at",
        "cases of leavers are as often open as those of others: case_resolved",
    },
    "winback_before_closure": {"no act of the company precedes a closure it knew of: outreach_sent name 'win-back'"},
}
"""The gates of `churnml audit` that fail, each with its culprit."""
BACKFILLED = "support.parquet.resolved_at: rows written more than a day after the fact, by updated_at"


@dataclass(frozen=True)
class Told:
    """What is said of a company: violations by key and severity, and the gates that fail."""

    violations: dict[str, str]
    failed: set[str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The folder of a small company of one year with traps, simulated once."""
    made: dict[tuple[str, ...], Path] = {}

    def make(name: str, *traps: str) -> Path:
        if (name, *traps) not in made:
            made[(name, *traps)] = into = tmp_path_factory.mktemp(name)
            numbers = NUMBERS | CLOSES.get(name, {})
            simulate(500, 5, into, preset=preset(name, **numbers), months=12, switched_on=traps)
        return made[(name, *traps)]

    return make


def configured(name: str, *, whole: bool = False) -> Config:
    """The preset's configuration, on one thread; unless it is `whole`, with the tables that traps are about alone."""
    config = load_config(CONFIGS / f"{name}.yaml")
    about = ("customers", USE[name], "support", "outreach", "closures")
    kept = [each for each in config.sources if whole or Path(each.path or "").stem in about]
    engine = config.engine.model_copy(update={"threads": 1})
    return config.model_copy(update={"sources": tuple(kept), "engine": engine})


def audited(config: Config, root: Path) -> Told:
    """Whatever is said by the check and by the gates on the data."""
    with open_business(config, root) as business:
        violations = {each.key: each.severity for each in business.contract.violations}
        return Told(violations, {each.key for each in hindsight(business).findings if not each.passed})


@pytest.fixture(scope="module")
def told(folder: Callable[..., Path]) -> Callable[[str, str], Told]:
    """What is said of a company with all traps that the check refuses, or all that the audit fails on."""
    known: dict[tuple[str, str], Told] = {}

    def ask(name: str, command: str) -> Told:
        if (name, command) not in known:
            if command == "check":
                found = check(configured(name), root=folder(name, *REFUSED)).report.violations
                known[name, command] = Told({each.key: each.severity for each in found}, set())
            else:
                known[name, command] = audited(configured(name), folder(name, *FAILED))
        return known[name, command]

    return ask


def test_every_trap_is_here() -> None:
    assert {*REFUSED, *FAILED, "regime_change"} == set(TRAPS)


@pytest.mark.parametrize("name", USE)
def test_clean_companies_pass_without_a_word(folder: Callable[..., Path], name: str) -> None:
    assert audited(configured(name, whole=True), folder(name)) == Told({}, set())


@pytest.mark.parametrize("trap", REFUSED)
@pytest.mark.parametrize("name", TRAPPED)
def test_the_check_refuses_by_name(told: Callable[[str, str], Told], name: str, trap: str) -> None:
    found = told(name, "check").violations
    assert {key: found.get(key) for key in REFUSED[trap]} == dict.fromkeys(REFUSED[trap], "refuse")


@pytest.mark.parametrize("trap", FAILED)
@pytest.mark.parametrize("name", TRAPPED)
def test_the_audit_fails_by_name(told: Callable[[str, str], Told], name: str, trap: str) -> None:
    assert FAILED[trap] <= told(name, "audit").failed


@pytest.mark.parametrize("name", TRAPPED)
def test_nothing_else_is_found(told: Callable[[str, str], Told], name: str) -> None:
    refused = told(name, "check").violations
    wrong_way_round = {key for key in refused if key.startswith("events.case_re") and "before they were opened" in key}
    assert set(refused) == set.union(*REFUSED.values()) | wrong_way_round
    beside = {"no fact is seen before it was known: support.parquet.escalated_at"}  # of the tickets that were filled in
    assert told(name, "audit").failed - beside == set.union(*FAILED.values())


@pytest.mark.parametrize("name", TRAPPED)
def test_the_check_warns_of_times_that_were_filled_in(told: Callable[[str, str], Told], name: str) -> None:
    assert told(name, "audit").violations[BACKFILLED] == "warn"


def test_the_audit_informs_of_a_change_of_regime(folder: Callable[..., Path]) -> None:
    """From the launch on, customers ask three times as much; where only a channel opens, they do not."""
    config = configured("telecom")
    few = {"features": config.features.model_copy(update={"families": ("value",)})}
    few["snapshots"] = config.snapshots.model_copy(update={"every": 108})
    found = []
    for traps in ([], ["regime_change"]):
        with open_business(config.model_copy(update=few), folder("telecom", *traps)) as business:
            changes = regime_changes(business.canonical, labelled(business, None, silently), business.engine)
        assert all(each.verdict == "information" for each in changes.findings)
        found.append({each.feature for each in changes.findings})
    assert "events of contact" in found[1] - found[0]


def test_a_failed_audit_has_its_exit_code(cli: Callable[..., Any], folder: Callable[..., Path], tmp_path: Path) -> None:
    text = (CONFIGS / "shop.yaml").read_text(encoding="utf-8")
    for old, new in {"features:\n": "features:\n  families: [value]\n", "every: 28 days": "every: 100 days"}.items():
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "shop.yaml").write_text(text, encoding="utf-8")
    ran = cli("audit", tmp_path / "shop.yaml", "--data", folder("shop", *FAILED), "--json")
    assert ran.code == 65 and ran.json["passed"] is False
    failed = {f"{each['gate']}: {each['feature']}" for each in ran.json["gates"] if each["verdict"] == "fail"}
    assert set.union(*FAILED.values()) <= failed
