"""A night from the command line: score, verify, score again, report, explain."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churnml.config import load_config
from churnml.model.bundle import Bundle
from churnml.outcomes import OUTCOMES
from churnml.scoring.publish import Run, publication
from churnml.workflows.business import open_business
from churnml.workflows.night import FACTS_FILE, Scorer, moment_of

SCHEMA = """
customer_id string, as_of date32[day], p_silent double, p_vocal double, p_retained double, risk_band string,
persona string, reason_1 string, reason_2 string, reason_3 string, reason_4 string, reason_5 string, theme_1 string,
theme_2 string, theme_3 string, value_at_risk double, saveability double, expected_net_value double, action string,
action_channel string, held_out bool, excluded_because string, model_version string, run_id string,
schema_version string, likely_reason string, keep_1 string, saveability_basis string
"""


def state(folder: Path) -> dict[str, tuple[str, int]]:
    """Every file under `folder`: the sha256 of its bytes, and when it was last written."""
    return {
        str(path.relative_to(folder)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "journal.jsonl"  # which notes that nothing was to do
    }


def scores_of(night: Any) -> pd.DataFrame:
    return pd.read_parquet(night["scores"])


@pytest.fixture(scope="module")
def page(company: Any, night: Any, cli: Callable[..., Any]) -> Path:
    """The report of the night."""
    told = cli("report", company.config, "--json")
    assert told.code == 0, told.err
    return Path(told.json["report"])


def test_the_published_scores_have_the_schema_of_the_design(night: Any) -> None:
    schema: pa.Schema = pq.read_schema(night["scores"])
    assert ", ".join(f"{field.name} {field.type}" for field in schema) == " ".join(SCHEMA.split())


def test_every_eligible_customer_has_chances_reasons_and_a_value(company: Any, night: Any) -> None:
    scores = scores_of(night)
    usage = pd.read_parquet(company.folder / "data" / "usage.parquet")
    lately = usage.loc[usage["started_at"] >= pd.Timestamp(company.as_of) - pd.Timedelta(days=28), "customer_id"]
    assert len(scores) == night["customers"] > 500
    assert set(scores["customer_id"]) <= set(lately)
    assert scores["customer_id"].is_unique and scores["customer_id"].is_monotonic_increasing
    chances = scores[["p_silent", "p_vocal", "p_retained"]]
    assert (chances >= 0).all(axis=None)
    np.testing.assert_allclose(chances.sum(axis=1), 1, atol=1e-9)
    assert scores["p_silent"].sum() == pytest.approx(night["expected_to_leave_silently"], abs=0.05)
    assert scores["p_silent"].nunique() > 50
    leaving = scores["p_silent"] >= scores["p_silent"].mean()  # where nothing speaks for leaving, no reason is given
    assert leaving.sum() > 100 and scores.loc[leaving, ["reason_1", "theme_1"]].notna().all(axis=None)
    probably = scores["likely_reason"].dropna()
    assert len(probably) > 50 and not set(probably) & {"going quiet", "unanswered outreach", "about the customer"}
    kept = scores["keep_1"].notna()
    assert kept.mean() > 0.9 and not (scores.loc[kept, "keep_1"] == scores.loc[kept, "reason_1"]).any()
    bands = np.select([scores["p_silent"] >= 0.15, scores["p_silent"] >= 0.06], ["high", "medium"], "low")
    assert (scores["risk_band"] == bands).all() and scores["risk_band"].nunique() > 1
    assert (scores["as_of"].astype(str) == company.as_of).all()
    assert scores["value_at_risk"].notna().mean() > 0.9 and (scores["value_at_risk"].dropna() >= 0).all()
    assert (
        scores["persona"]
        .isin(["disconnected but vocal", "stressed but vocal", "disengaged and silent", "content"])
        .all()
    )
    assert scores["persona"].nunique() > 2
    assert set(scores["model_version"]) == {company.trained["version"]}


def test_the_night_verifies(company: Any, night: Any, cli: Callable[..., Any]) -> None:
    told = cli("verify", company.config, "--json")
    assert told.code == 0, told.err
    assert told.json["night"] == night["night"]


def test_scoring_again_does_nothing(company: Any, night: Any, cli: Callable[..., Any]) -> None:
    before = state(company.folder / "published")
    told = cli("score", company.config, "--as-of", company.as_of, "--json")
    assert told.code == 0 and told.json == night | {"unchanged": True}
    assert "Nothing to do" in cli("score", company.config, "--as-of", company.as_of).out
    assert state(company.folder / "published") == before


def test_the_report_is_one_self_contained_page_and_the_same_twice(
    company: Any, page: Path, cli: Callable[..., Any], tmp_path: Path
) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.lower().startswith("<!doctype html>")
    fetched = re.findall(r"""(?:src|href)\s*=\s*["'](?!#|data:)([^"']+)""", text) + re.findall(
        r"url\((?!#|data:)", text
    )
    links = [target for target in fetched if not target.startswith("https://doi.org")]
    assert [(page.parent / target).is_file() for target in links] == [True], links
    assert "@import" not in text and "http-equiv" not in text
    again = [tmp_path / "deep" / name for name in ("first.html", "second.html")]
    assert [cli("report", company.config, "--out", path).code for path in again] == [0, 0]
    assert again[0].read_bytes() == again[1].read_bytes()
    link = re.search(r'<a class="file" href="[^"]+">(.*?)</a>, beside this page where it was published', text)
    assert link is not None
    elsewhere = f'<span class="file">{link[1]}</span>, where the night was published'
    assert text.replace(link[0], elsewhere) == again[0].read_text(encoding="utf-8")


def test_real_ids_stand_in_the_scores_only(
    company: Any, night: Any, again: Any, page: Path, cli: Callable[..., Any]
) -> None:
    people = pd.read_parquet(company.folder / "data" / "customers.parquet")
    names = {name.encode() for column in ("customer_id", "household_id") for name in people[column]}
    texts = pd.read_parquet(company.folder / "data" / "complaints.parquet")["text"]
    words = max(texts, key=len).encode()
    files = [path for place in ("models", "published") for path in (company.folder / place).rglob("*")]
    files = [path for path in files if path.is_file() and path.name != "scores.parquet"]
    assert page in files and sum(path.suffix in (".db", ".csv", ".png", ".json", ".txt") for path in files) > 20
    for path in files:
        content = path.read_bytes()
        assert not names & set(re.findall(rb"[CH]\d{7}", content)), path
        assert words not in content, path
    scores = scores_of(night)
    assert scores["customer_id"].str.encode("ascii").isin(names).all()  # so the search above can find one
    said = cli("score", company.config, "--as-of", company.as_of)
    assert not re.search(r"[CH]\d{7}", said.out + said.err)


def test_explain_says_what_was_published(company: Any, night: Any, cli: Callable[..., Any]) -> None:
    row = scores_of(night).sort_values("p_silent").iloc[-1]
    told = cli("explain", company.config, "--customer", row["customer_id"], "--json")
    assert told.code == 0, told.err
    assert told.json["as_of"] == company.as_of
    for outcome, chance in told.json["chances"].items():
        assert chance == pytest.approx(row[f"p_{outcome}"], abs=1e-9)
    published = [row[f"reason_{number}"] for number in range(1, 6)]
    assert told.json["reasons"] == [text for text in published if isinstance(text, str)]
    themes, named = told.json["themes"], row[[f"theme_{n}" for n in (1, 2, 3)]].dropna().tolist()
    ranked = sorted(themes, key=themes.__getitem__)[::-1]
    assert named == [theme for theme in ranked if theme in named] and named[0] == ranked[0]
    read = cli("explain", company.config, "--customer", row["customer_id"])
    assert read.code == 0 and published[0].split(";")[0][:20] in " ".join(read.out.split())


def test_explain_knows_what_the_night_knew_and_says_which_model_scored_it(
    company: Any, cli: Callable[..., Any], tmp_path: Path
) -> None:
    config = company.configure(tmp_path)
    told = cli("score", config, "--as-of", company.as_of, "--known-at", "2024-06-27", "--json")
    assert told.code == 0, told.err
    row = scores_of(told.json).sort_values("p_silent").iloc[-1]
    explained = cli("explain", config, "--customer", row["customer_id"], "--json").json
    assert explained["chances"]["silent"] == pytest.approx(row["p_silent"], abs=1e-9) and explained["remark"] == ""
    place = publication(load_config(config))
    scored = place.current()
    with place.lock():  # the same scores, as those of an earlier version
        place.publish(scored.scores(), Run.of(scored.manifest(), run_id="e" * 64, model_version="0"))
    explained = cli("explain", config, "--customer", row["customer_id"])
    assert "scored by version 0; this is what version 1 says" in " ".join(explained.out.split())


def test_a_bundle_that_does_not_know_the_worse_sides_scores_and_explains_alike(
    company: Any, night: Any, tmp_path: Path
) -> None:
    config = load_config(company.configure(tmp_path))
    scorer = Scorer.of(config)
    earlier = tuple({key: each[key] for key in each if key != "worse"} for each in scorer.bundle.features)
    saved = replace(scorer.bundle, features=earlier).save(tmp_path / "bundle")
    assert b'"worse"' not in (saved / "manifest.json").read_bytes()
    scorer = replace(scorer, bundle=Bundle.load(saved))
    with open_business(config) as business:
        scored = scorer.publish(
            business,
            date.fromisoformat(company.as_of),
            moment_of(date.fromisoformat(company.as_of), None),
            lambda *_: None,
        )
    told = ["customer_id", "p_silent", "reason_1", "likely_reason"]
    found = scored.night.scores(told).to_pandas()[told]
    pd.testing.assert_frame_equal(found, scores_of(night)[told])
    assert found["likely_reason"].nunique() > 1


def test_a_calibration_that_follows_base_rates_scores_all_batches_of_a_night_alike(
    company: Any, night: Any, tmp_path: Path
) -> None:
    config = load_config(company.configure(tmp_path))
    scorer = Scorer.of(config)
    bundle = scorer.bundle
    learnt = [bundle.notes["all"]["outcomes"][outcome] / bundle.notes["all"]["rows"] for outcome in bundle.classes]
    following = replace(bundle.calibration, method="label shift", rates=tuple(learnt), reach=(0.2, 0.4, 0.4))
    scorer = replace(scorer, bundle=replace(bundle, calibration=following))
    as_of = date.fromisoformat(company.as_of)
    with open_business(config) as business:
        scored = scorer.publish(business, as_of, moment_of(as_of, None), lambda *_: None)
    facts = json.loads((scored.night.folder / FACTS_FILE).read_bytes())
    bias = np.array([facts["base_rates_moved_by"][outcome] for outcome in OUTCOMES])
    assert np.abs(bias).max() > 0.01
    chances = [f"p_{outcome}" for outcome in OUTCOMES]
    moved = scores_of(night)[chances].to_numpy() * np.exp(bias)
    expected = moved / moved.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(scored.night.scores(chances).to_pandas()[chances], expected, rtol=1e-9)
    assert json.loads((Path(night["scores"]).parent / FACTS_FILE).read_bytes())["base_rates_moved_by"] == {}


def test_explain_draws_a_waterfall_where_it_is_asked_for(
    company: Any, night: Any, cli: Callable[..., Any], tmp_path: Path
) -> None:
    name = scores_of(night)["customer_id"].iloc[0]
    drawn = cli("explain", company.config, "--customer", name, "--figure", tmp_path / "why.svg", "--json")
    assert drawn.code == 0, drawn.err
    assert (tmp_path / "why.svg").read_text(encoding="utf-8").count("<path") > 5
    assert drawn.json["base"] + sum(drawn.json["themes"].values()) == pytest.approx(drawn.json["margin"])
    refused = cli("explain", company.config, "--customer", name, "--figure", tmp_path / "why.gif")
    assert refused.code == 2 and ".svg or .png" in refused.err and not (tmp_path / "why.gif").exists()


def test_names_stand_in_the_report_only_when_asked_for(
    company: Any, night: Any, page: Path, cli: Callable[..., Any], tmp_path: Path
) -> None:
    riskiest = scores_of(night).sort_values("p_silent")["customer_id"].iloc[-1]
    assert cli("report", company.config, "--names", "--out", tmp_path / "named.html").code == 0
    assert riskiest in (tmp_path / "named.html").read_text(encoding="utf-8")
    assert riskiest not in page.read_text(encoding="utf-8")


def test_explain_refuses_strangers_and_those_who_are_gone(company: Any, night: Any, cli: Callable[..., Any]) -> None:
    told = cli("explain", company.config, "--customer", "nobody")
    assert told.code == 65 and told.out == "" and "no customer has this id" in told.err and "nobody" not in told.err
    someone = scores_of(night)["customer_id"].iloc[0]
    told = cli("explain", company.config, "--customer", f"0{someone} ")
    assert told.code == 65 and someone not in told.err
    assert "the same id without zeros in front, with other spaces is there" in told.err
    people = pd.read_parquet(company.folder / "data" / "customers.parquet").dropna(subset=["signed_up_at"])
    late = people.sort_values("signed_up_at")["customer_id"].iloc[-1]
    told = cli("explain", company.config, "--customer", late, "--as-of", "2023-06-01")
    assert told.code == 65 and "the customer is not known yet at 2023-06-01" in told.err and late not in told.err
    closures = pd.read_parquet(company.folder / "data" / "closures.parquet").dropna(subset=["closed_at"])
    gone = closures.loc[closures["closed_at"] < "2024-06-01", "customer_id"].iloc[0]
    told = cli("explain", company.config, "--customer", gone)
    assert told.code == 65 and "was not scored at 2024-07-01: already closed" in told.err and gone not in told.err


def test_a_changed_scores_file_is_found_and_mended(
    company: Any, night: Any, cli: Callable[..., Any], tmp_path: Path
) -> None:
    config = company.configure(tmp_path)
    shutil.copytree(company.folder / "published", tmp_path / "published")
    file = tmp_path / "published" / "telecom" / "nights" / night["night"] / "scores.parquet"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    for command in ("verify", "report"):
        told = cli(command, config)
        assert told.code == 65 and told.out == ""
        assert told.err.strip().splitlines() == [told.err.strip()] and "scores.parquet: sha256 differs" in told.err
    assert cli("score", config, "--as-of", company.as_of).code == 0
    assert cli("verify", config).code == 0


def test_a_tampered_champion_is_refused(
    company: Any, own_models: Path, cli: Callable[..., Any], tmp_path: Path
) -> None:
    config = company.configure(tmp_path, models=own_models)
    model = sorted((own_models / "telecom" / "champion").glob("model*.txt"))[-1]
    model.write_text(model.read_text().replace("leaf_value=", "leaf_value=9", 1))
    told = cli("score", config, "--as-of", company.as_of)
    assert told.code == 65 and model.name in told.err and len(told.err.strip().splitlines()) == 1
    assert not (tmp_path / "published").exists() or not list((tmp_path / "published").rglob("CURRENT"))


def test_a_night_without_the_tracking_server(
    company: Any, night: Any, cli: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    told = cli("score", company.configure(tmp_path), "--as-of", company.as_of, "--json")
    assert told.code == 0, told.err
    assert any("out of reach" in warning for warning in told.json["warnings"])
    same = ["customer_id", "p_silent", "p_vocal", "p_retained", "reason_1"]
    pd.testing.assert_frame_equal(scores_of(told.json)[same], scores_of(night)[same])


def test_a_day_the_data_does_not_reach_is_refused(company: Any, cli: Callable[..., Any], tmp_path: Path) -> None:
    config = company.configure(tmp_path)
    for day, word in (("2025-06-01", "days before --as-of 2025-06-01"), ("2022-01-01", "the log begins on")):
        told = cli("score", config, "--as-of", day)
        assert told.code == 65 and word in told.err and len(told.err.strip().splitlines()) == 1
    assert not list((tmp_path / "published").rglob("CURRENT"))


def test_a_night_with_nobody_to_score_is_refused(company: Any, cli: Callable[..., Any], tmp_path: Path) -> None:
    data = shutil.copytree(company.folder / "data", tmp_path / "data")
    usage = pd.read_parquet(data / "usage.parquet")
    usage[usage["started_at"] < "2024-05-01"].to_parquet(data / "usage.parquet")
    told = cli("score", company.configure(tmp_path), "--as-of", company.as_of, "--data", data)
    assert told.code == 65 and "61 days without engagement before the books end" in told.err  # such a stop is a fault
    accepted = company.configure(tmp_path, {"scoring: {freshness_days: 7": "scoring: {freshness_days: 90"})
    told = cli("score", accepted, "--as-of", company.as_of, "--data", data)
    assert told.code == 65 and "no customer is eligible at 2024-07-01" in told.err
    assert len(told.err.strip().splitlines()) == 1
    assert not list((tmp_path / "published").rglob("CURRENT"))
