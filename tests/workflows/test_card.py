"""The model card and the figures by protected attribute, of the shared company."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from churnml.model.bundle import Bundle
from churnml.report.card import plain
from churnml.workflows.card import model_card

PARTS = (
    "What it is for",
    "What it predicts",
    "Data",
    "How good",
    "Calibration",
    "Fairness",
    "Features",
    "What contacting",
    "Limits",
)


def artifacts(company: Any) -> Path:
    folder: Path = company.models / "artifacts" / "telecom" / company.trained["run_id"] / "artifacts"
    return folder


@pytest.fixture(scope="module")
def text(company: Any) -> str:
    return (artifacts(company) / "model_card.md").read_text(encoding="utf-8")


def test_every_training_has_a_card_and_the_command_prints_it(
    company: Any, text: str, cli: Callable[..., Any], tmp_path: Path
) -> None:
    for arguments in ((), (company.trained["version"],)):
        printed = cli("card", company.config, *arguments)
        assert printed.code == 0 and printed.out == text, printed.err
    for part in PARTS:
        assert f"\n## {part}" in text
    assert cli("card", company.config, "--out", tmp_path / "new" / "card.md").code == 0
    assert (tmp_path / "new" / "card.md").read_text(encoding="utf-8") == text
    refused = cli("card", company.config, "--out", tmp_path / "new" / "card.md" / "x.md")
    assert refused.code == 2 and "x.md: cannot be written" in refused.err
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["card.md"]
    assert "It must not be used\n\n- " in text and "None" not in text and "nan" not in text


def test_the_card_says_what_the_bundle_knows(company: Any, text: str) -> None:
    bundle = Bundle.load(artifacts(company) / "bundle")
    assert f"{bundle.metrics['auroc.silent.no_voice_before']:.3f} \\[" in text
    assert "no visit for 42 days, or closing the account, in the next 42 days" in text
    for said in (bundle.config_digest, bundle.digest, *bundle.sources.values(), *bundle.sources):
        assert plain(said) in text
    for feature, why in bundle.notes["switched_off"].items():
        assert f"| {plain(feature)} | {plain(why)} |" in text
    assert "| no voice before | recency only |" in text
    assert "Assumed: 30% of the leavers who are contacted stay. Of those drawn by lot only " in text


def test_fairness_is_judged_by_what_is_no_feature(company: Any, text: str) -> None:
    bundle = Bundle.load(artifacts(company) / "bundle")
    assert not [name for name in bundle.columns if "age_band" in name]
    table = pd.read_csv(artifacts(company) / "tables" / "fairness.csv")
    people = pd.read_parquet(company.folder / "data" / "customers.parquet")
    assert set(table["attribute"]) == {"age_band"} and set(table["group"]) <= {*people["age_band"].dropna(), "unknown"}
    rates = table[table["metric"] == "contact_rate"].dropna(subset="value")
    assert len(rates) > 1 and rates["value"].between(0, 1).all()
    test_rows = sum(company.trained["test_rows"].values())
    assert rates["n"].sum() <= test_rows == table[table["metric"] == "auroc"]["n"].sum()
    assert (rates["value"] * rates["n"]).sum() / rates["n"].sum() == pytest.approx(0.1, abs=0.03)
    assert "By age band:" in text and "Largest gaps between groups:" in text
    store = (company.models / "mlflow.db").read_bytes()
    assert b"fairness_gap_age_band/contact_rate" in store


def test_names_from_the_data_stay_in_their_cells(company: Any) -> None:
    bundle = Bundle.load(artifacts(company) / "bundle")
    rows = [
        row
        for row in bundle.notes["fairness"]["groups"]["data"]
        if row[1] == bundle.notes["fairness"]["groups"]["data"][0][1]
    ]
    for row in rows:
        row[1] = "a | b\n## <script>"
    text = model_card(bundle)
    assert "| a \\| b ## &lt;script> |" in text and "<script" not in text


def test_a_judged_model_that_could_not_tell_leavers_apart_is_told(company: Any, text: str) -> None:
    """The company has enough vocal leavers in all its snapshots, and too few before the test."""
    told = "he figures are of a model that had only 12 vocal defections to learn from"
    assert f"Note: t{told}" in text and f"t{told}" in company.trained["fallback"]
    bundle = Bundle.load(artifacts(company) / "bundle")
    assert bundle.classifier.fallback_ is None
    bundle.notes["judged_fallback"] = None
    assert told not in model_card(bundle)
