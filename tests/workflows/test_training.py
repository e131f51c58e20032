"""Training from the command line, and what looks at the data before it: check, dataset, audit, compare, promote."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from churnml.errors import ModelError
from churnml.model.bundle import Bundle
from churnml.workflows.promote import specification

POOR = {"families: [recency, complaints]": "families: [onboarding]"}
"""What a model knows least from."""


def bundle_folder(company: Any, run: str) -> Path:
    return company.models / "artifacts" / "telecom" / run / "artifacts" / "bundle"


def bundle(company: Any, run: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(bundle_folder(company, run).iterdir())}


def client_of(models: Path) -> Any:
    """MLflow's own client on the store of these models."""
    import mlflow

    return mlflow.MlflowClient(tracking_uri=f"sqlite:///{models / 'mlflow.db'}")


def test_the_first_model_becomes_champion(company: Any) -> None:
    trained = company.trained
    assert trained["version"] == "1" and trained["promotion"].startswith("champion: ")
    assert trained["leakage_audit"] == "passed"
    assert 0.6 < trained["auroc_of_silent_without_voice_before"] < 0.99
    assert trained["model_store"] == f"sqlite:///{company.models / 'mlflow.db'}"
    assert set(trained["test_rows"]) == {"retained", "silent", "vocal"}


def test_the_same_data_and_seed_give_the_same_bundle_to_the_byte(company: Any, again: Any) -> None:
    first, second = bundle(company, company.trained["run_id"]), bundle(company, again["run_id"])
    assert {"manifest.json"} < set(first)
    assert first == second


def test_the_evaluation_lies_beside_the_run(company: Any) -> None:
    tables = company.models / "artifacts" / "telecom" / company.trained["run_id"] / "artifacts" / "tables"
    metrics, parts = (pd.read_csv(tables / f"{name}.csv") for name in ("metrics", "breakdown"))
    everybody = {"churnml", "recency only", "RFM logistic", "BTYD", "complaint count", "has voiced", "tree"}
    assert set(metrics["model"]) == everybody
    assert set(pd.read_csv(tables / "differences.csv")["baseline"]) == everybody - {"churnml"}
    profit = metrics[metrics["metric"] == "expected_maximum_profit_by_value"].set_index(["model", "population"])
    assert profit.loc[("churnml", "everyone"), "value"] > 0
    assert {"snapshot", "training", "lead time 42 days", "value", "plan", "acquired_through"} <= set(parts["by"])
    assert not {"region", "credit_score", "age_band"} & set(parts["by"])  # personal or protected
    whole = metrics[(metrics["model"] == "churnml") & (metrics["population"] == "everyone")]
    rows = parts[(parts["model"] == "churnml") & (parts["population"] == "everyone")]
    counted = rows.drop_duplicates(["by", "part"]).groupby("by")["n"].sum()
    assert counted["snapshot"] == counted["plan"] == counted["training"] == whole["n"].iloc[0]


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
    assert told.json["reference"] == "1" and told.json["settings"] == []
    assert told.json["rows"] == sum(company.trained["test_rows"].values()) and len(told.json["snapshots"]) == 2
    read = cli("compare", company.config, "2", "1")
    assert read.code == 0 and "Differences to version 2" in read.out


def test_a_comparison_is_logged(company: Any, again: Any, cli: Callable[..., Any]) -> None:
    told = cli("compare", company.config, "--json")
    run = client_of(company.models).get_run(told.json["run_id"])
    assert run.data.params["versions"] == "1, 2" and run.data.tags["churnml.kind"] == "versions"
    leading = company.trained["auroc_of_silent_without_voice_before"]
    assert run.data.metrics["auroc_silent/version_1"] == pytest.approx(leading, abs=1e-4)
    folder = company.models / "artifacts" / "telecom" / told.json["run_id"] / "artifacts"
    assert (folder / "figures" / "difference_auroc_silent.png").read_bytes().startswith(b"\x89PNG")
    assert len(pd.read_csv(folder / "tables" / "difference.csv")) == 1


def test_the_worth_of_feature_families_is_measured_before_the_test(
    company: Any, cli: Callable[..., Any], tmp_path: Path
) -> None:
    small = {
        "families: [recency, complaints]": "families: [value, onboarding]",
        "test_snapshots: 2": "test_snapshots: 1",
    }
    told = cli("compare", company.configure(tmp_path, small), "--ablation", "--json")
    assert told.code == 0, told.err
    assert set(told.json["columns"]) >= {"value", "onboarding"}
    table = pd.DataFrame(told.json["differences"])
    assert set(table["baseline"]) == {f"without {family}" for family in told.json["columns"]}
    leading = {"population": "no voice before", "outcome": "silent", "metric": "auroc"}
    auroc = {
        row["model"]: row["value"]
        for row in told.json["metrics"]
        if all(row[name] == value for name, value in leading.items())
    }
    worth = table.loc[(table[list(leading)] == pd.Series(leading)).all(axis=1)].set_index("baseline")["value"]
    assert worth["without value"] == pytest.approx(auroc["all features"] - auroc["without value"]) != 0
    tested = pd.read_csv(bundle_folder(company, company.trained["run_id"]).parent / "tables" / "test_predictions.csv")
    assert max(told.json["origins"]) < tested["as_of"].min()
    assert client_of(company.models).get_run(told.json["run_id"]).data.tags["churnml.kind"] == "feature families"
    assert cli("compare", company.config, "1", "--ablation").code == 2


def test_a_training_as_the_store_shows_it(company: Any) -> None:
    client = client_of(company.models)
    run = client.get_run(company.trained["run_id"])
    assert run.info.run_name == "version 1"
    assert run.data.params["learning_rate"] == "0.03" and run.data.params["search.trials"] == "0"
    metrics, leading = run.data.metrics, company.trained["auroc_of_silent_without_voice_before"]
    assert metrics["lead/auroc"] == metrics["no_voice_before_silent/auroc"] == pytest.approx(leading, abs=1e-4)
    assert metrics["lead/auroc_low"] < metrics["lead/auroc"] < metrics["lead/auroc_high"]
    assert metrics["lead/auroc_over_recency_only"] == pytest.approx(
        metrics["lead/auroc"] - metrics["baselines/auroc_recency_only"]
    )
    rows = {each.tags[0].value: each.dataset.profile for each in run.inputs.dataset_inputs}
    assert f'"num_rows": {sum(company.trained["test_rows"].values())},' in rows["testing"]
    assert "| churnml" in run.data.tags["mlflow.note.content"] and run.data.tags["churnml.leakage_audit"] == "passed"
    figures = {Path(each.path).stem for each in client.list_artifacts(company.trained["run_id"], "figures")}
    assert {"shap_beeswarm", "shap_waterfall_riskiest", "calibration"} <= figures


def test_mlflow_loads_the_champion_without_pickle_and_scores_as_the_bundle_does(
    company: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{company.models / 'mlflow.db'}")
    loaded = mlflow.pyfunc.load_model("models:/churnml_telecom/1")
    bundle = Bundle.load(bundle_folder(company, company.trained["run_id"]))
    (example,) = loaded.input_example.to_dict(orient="records")
    numbers = [each["name"] for each in bundle.features if each["type"] == "number"]
    X = pd.DataFrame([example] * 3)[list(bundle.columns)]
    X.loc[1, numbers] = np.nan
    X.loc[2, numbers] = 3.0
    chances = loaded.predict(X)
    assert list(chances.columns) == ["p_retained", "p_silent", "p_vocal"]
    categories = {each["name"]: "category" for each in bundle.features if each["type"] == "category"}
    np.testing.assert_array_equal(chances.to_numpy(), bundle.predict_proba(X.astype(categories)))
    model = bundle_folder(company, company.trained["run_id"]).parent / "model"
    assert not [path for path in model.rglob("*") if path.suffix in (".pkl", ".pickle")]
    text = next(model.rglob("model*.txt"))
    whole = text.read_bytes()
    try:
        text.write_bytes(whole.replace(b"num_leaves", b"num_leaveS", 1))
        with pytest.raises(ModelError, match="sha256 differs"):
            mlflow.pyfunc.load_model(str(model))
    finally:
        text.write_bytes(whole)


def test_a_run_knows_the_commit_it_was_made_from(company: Any, tmp_path: Path) -> None:
    from churnml import load_config
    from churnml.workflows.logged import git_lineage

    config = company.configure(tmp_path / "repository")
    assert git_lineage(load_config(config)) == {}

    def git(*arguments: str) -> str:
        author = ["-c", "user.name=a", "-c", "user.email=a@b.invalid", "-c", "commit.gpgsign=false"]
        told = subprocess.run(
            ["git", *author, *arguments], cwd=config.parent, capture_output=True, text=True, check=True
        )
        return told.stdout.strip()

    git("init", "-b", "main")
    git("add", ".")
    git("commit", "-m", "one")
    commit = git("rev-parse", "HEAD")
    assert git_lineage(load_config(config)) == {"commit": commit, "branch": "main", "uncommitted_changes": "false"}
    config.write_text(config.read_text() + "# changed\n")
    assert git_lineage(load_config(config))["uncommitted_changes"] == "true"


def test_the_specification_is_what_makes_a_model_but_not_where_nor_until_when(company: Any) -> None:
    bundle = Bundle.load(bundle_folder(company, company.trained["run_id"]))

    def changed(section: str, **values: Any) -> Bundle:
        part = bundle.config[section]
        return replace(bundle, config={**bundle.config, section: {**part, **values}})

    same = specification(bundle)
    assert specification(changed("paths", models="elsewhere")) == same
    assert specification(changed("data", root="newer")) == same
    assert specification(changed("snapshots", last="2024-05-01")) == same
    assert specification(changed("model", rivals={}, bootstrap=999)) == same, "they only judge"
    assert specification(changed("actions", budget_per_night=7.0)) == same, "it says what is done with the chances"
    assert specification(changed("economics", acquisition_cost=80.0)) == same, "it is compared with"
    offer = bundle.config["economics"]["campaign"]
    assert specification(changed("economics", campaign={**offer, "customer_value": 200.0})) == same, "the default"
    assert specification(changed("economics", campaign={**offer, "customer_value": 90.0})) != same
    assert specification(changed("snapshots", horizon_days=7)) != same
    assert specification(changed("model", minimum_positives=77)) != same
    edited = replace(bundle, notes={**bundle.notes, "custom_features": {"own.py": "ab" * 32}})
    assert specification(edited) != same, "an edited file of custom features is no refresh"


def test_an_equal_refresh_is_promoted_and_the_reason_recorded(
    company: Any, again: Any, own_models: Path, cli: Callable[..., Any], tmp_path: Path
) -> None:
    config = company.configure(tmp_path, models=own_models)
    told = cli("promote", config, "--json")
    assert told.code == 0, told.err
    assert told.json["champion"] == "2" and told.json["forced"] is False
    assert told.json["why"].startswith("a refresh of the champion's specification") and "AUROC" in told.json["why"]
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
    assert forced.json["why"].startswith("forced, although a new specification") and forced.json["forced"] is True
    tags = client_of(own_models).get_model_version("churnml_telecom", trained.json["version"]).tags
    assert tags["churnml.promoted_because"] == forced.json["why"] and tags["churnml.forced"] == "true"
    assert tags["churnml.not_promoted_because"] in forced.json["why"] and tags["churnml.replaced"] == "1"
    assert (
        Bundle.load(own_models / "telecom" / "champion").columns
        != Bundle.load(bundle_folder(company, company.trained["run_id"])).columns
    )


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
        "no model is too good to be honest",
        *("the future deleted", "the future poisoned", "no single feature knows the outcome"),
        *(
            "no attribute knows who has left",
            "every attribute was known at sign-up",
            "no act of the company precedes a closure it knew of",
            "no act of the company precedes a departure it knew of",
        ),
        *("cases of leavers are as often open as those of others", "no fact is seen before it was known"),
        *("labels shuffled", "random split against split by time", "change of regime"),
    }
    assert {row["verdict"] for row in told.json["gates"]} == {"pass", "information"}


def test_dataset_counts_by_reason_in_words(company: Any, cli: Callable[..., Any], tmp_path: Path) -> None:
    told = cli("dataset", company.config, "--out", tmp_path / "out")
    assert told.code == 0 and "Left out" in told.out and "already closed" in told.out
