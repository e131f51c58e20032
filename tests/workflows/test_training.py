"""Training from the command line, and what looks at the data before it: check, dataset, audit, compare, promote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

POOR = {"families: [recency, complaints]": "families: [onboarding]"}
"""What a model knows least from."""


def bundle(company: Any, run: str) -> dict[str, bytes]:
    folder = company.models / "artifacts" / "telecom" / run / "artifacts" / "bundle"
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_first_model_becomes_champion(company: Any) -> None:
    trained = company.trained
    assert trained["version"] == "1" and trained["promotion"].startswith("champion: ")
    assert trained["leakage_audit"] == "passed"
    assert 0.6 < trained["auroc_of_silent_without_voice_before"] < 0.99
    assert trained["model_store"] == f"sqlite:///{company.models / 'mlflow.db'}"
    assert set(trained["test_rows"]) == {"retained", "silent", "vocal"}


def test_the_same_data_and_seed_give_the_same_bundle_to_the_byte(company: Any, again: Any) -> None:
    first, second = bundle(company, company.trained["run_id"]), bundle(company, again["run_id"])
    assert set(first) == {"manifest.json", "model.txt"}
    assert first == second


def test_a_second_model_is_a_challenger(again: Any) -> None:
    assert again["version"] == "2" and again["promotion"].startswith("challenger of champion version 1")


def test_compare_puts_both_side_by_side(company: Any, again: Any, cli: Callable[..., Any]) -> None:
    told = cli("compare", company.config, "--json")
    assert told.code == 0, told.err
    assert {row["model"] for row in told.json["metrics"]} == {"1", "2"}
    assert {(row["model"], row["baseline"], row["value"]) for row in told.json["differences"]} == {("1", "2", 0.0)} or {
        (row["model"], row["baseline"], row["value"]) for row in told.json["differences"]
    } == {("2", "1", 0.0)}
    leading = [
        row["value"]
        for row in told.json["metrics"]
        if (row["population"], row["outcome"], row["metric"]) == ("no voice before", "silent", "auroc")
    ]
    assert leading == pytest.approx([company.trained["auroc_of_silent_without_voice_before"]] * 2, abs=1e-4)
    read = cli("compare", company.config)
    assert read.code == 0 and "Differences to version" in read.out


def test_an_equal_refresh_is_promoted_and_the_reason_recorded(
    company: Any, again: Any, own_models: Path, cli: Callable[..., Any], tmp_path: Path
) -> None:
    config = company.configure(tmp_path, models=own_models)
    told = cli("promote", config, "--json")
    assert told.code == 0, told.err
    assert told.json["champion"] == "2" and "AUROC" in told.json["why"]
    assert (own_models / "telecom" / "champion").resolve().name.startswith("v2-")
    assert cli("promote", config, "2", "--json").json == {"champion": "2", "why": "it is the champion already"}
    assert cli("promote", config).code == 65  # nothing is left to promote


def test_a_worse_model_must_be_forced(
    company: Any, again: Any, own_models: Path, cli: Callable[..., Any], tmp_path: Path
) -> None:
    worse = company.configure(tmp_path, POOR, models=own_models)
    trained = cli("train", worse, "--trials", 0, "--json")
    assert trained.code == 0, trained.err
    refused = cli("promote", worse, trained.json["version"])
    assert refused.code == 65 and refused.out == ""
    assert "was not promoted" in refused.err and "--force" in refused.err
    forced = cli("promote", worse, trained.json["version"], "--force", "--json")
    assert forced.code == 0 and forced.json["champion"] == trained.json["version"]
    assert forced.json["why"].startswith("forced, although")
    store = (own_models / "mlflow.db").read_bytes()
    assert b"forced, although" in store


def test_check_counts_customers_events_and_kinds(company: Any, cli: Callable[..., Any]) -> None:
    told = cli("check", company.config, "--json")
    assert told.code == 0, told.err
    assert told.json["customers"] == 1200 and told.json["refused"] == 0
    assert told.json["events"] == sum(told.json["kinds"].values())
    usage = pd.read_parquet(company.folder / "data" / "usage.parquet")
    assert told.json["kinds"]["activity"] == len(usage)
    assert cli("check", company.config).code == 0


def test_dataset_leaves_nobody_out_without_a_reason(company: Any, cli: Callable[..., Any], tmp_path: Path) -> None:
    told = cli("dataset", company.config, "--out", tmp_path / "out", "--json")
    assert told.code == 0, told.err
    rows = pd.read_parquet(tmp_path / "out" / "dataset.parquet")
    excluded = pd.read_parquet(tmp_path / "out" / "excluded.parquet")
    assert len(rows) == told.json["rows"] == sum(told.json["outcomes"].values())
    assert set(rows["outcome"]) == {"retained", "silent", "vocal"} and not rows["outcome"].isna().any()
    assert len(rows.columns) == 3 + told.json["features"] + 2
    assert excluded["reason"].notna().all()
    assert excluded["reason"].value_counts().to_dict() == told.json["left_out"]
    people = pd.read_parquet(company.folder / "data" / "customers.parquet")
    told_of = pd.concat([rows[["customer_id", "as_of"]], excluded[["customer_id", "as_of"]]])
    assert not told_of.duplicated().any()
    assert len(told.json["snapshots"]) > 3
    for day in told.json["snapshots"]:
        # whoever signed up before the books begin is known as well: only the day is not
        known = set(people.loc[people["signed_up_at"] < day, "customer_id"])
        assert set(told_of.loc[told_of["as_of"] == day, "customer_id"]) == known
    last = pd.Timestamp(told.json["snapshots"][-1])
    assert last + pd.Timedelta(days=42) <= pd.Timestamp("2024-07-01")  # no immature snapshot


def test_audit_passes_and_names_its_gates(company: Any, cli: Callable[..., Any], tmp_path: Path) -> None:
    told = cli("audit", company.configure(tmp_path, POOR), "--json")
    assert told.code == 0, told.err
    assert told.json["passed"] is True
    gates = {row["gate"] for row in told.json["gates"]}
    assert gates == {
        *("the future deleted", "the future poisoned", "no single feature knows the outcome"),
        *("no attribute knows who has left", "no act of the company precedes a closure it knew of"),
        *("cases of leavers are as often open as those of others", "no fact is seen before it was known"),
        *("labels shuffled", "random split against split by time", "change of regime"),
    }
    assert {row["verdict"] for row in told.json["gates"]} == {"pass", "information"}


def test_dataset_counts_by_reason_in_words(company: Any, cli: Callable[..., Any], tmp_path: Path) -> None:
    told = cli("dataset", company.config, "--out", tmp_path / "out")
    assert told.code == 0 and "Left out" in told.out and "already closed" in told.out
