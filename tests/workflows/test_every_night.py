"""Many nights from the command line: gates, backfill, rollback, status, delivery, forgetting, and the logs."""

from __future__ import annotations

import csv
import json
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from churnml.pseudonyms import Pseudonyms
from churnml.scoring.publish import Publication

ID = re.compile(rb"[CH]\d{7}")
LAST, BEFORE, FIRST = "2024-07-01", "2024-06-30", "2024-06-29"
CHEAP = {"value_days: 365}": "value_days: 365, campaign: {incentive_share: 0.0, contact_cost: 0.1}}"}
"""So many are worth a contact."""


@dataclass(frozen=True)
class Job:
    """The shared company's nights in a place of their own, with a call list, an alert, and a log."""

    folder: Path
    config: Path

    @property
    def place(self) -> Publication:
        return Publication(self.folder / "published" / "telecom")

    @property
    def calls(self) -> list[dict[str, str]]:
        with (self.folder / "calls.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    @property
    def current(self) -> str:
        night = self.place.current()
        assert night is not None
        return night.name

    def scores(self) -> pd.DataFrame:
        night = self.place.current()
        assert night is not None
        return night.scores().to_pandas()


@pytest.fixture(scope="module")
def job(company: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    from mlflow.tracking._tracking_service.utils import _artifact_repos_cache as places

    folder = tmp_path_factory.mktemp("nights")
    models = shutil.copytree(company.models, folder / "models", symlinks=True)
    with closing(sqlite3.connect(models / "mlflow.db")) as store, store:  # forgetting changes what lies in it
        for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri")):
            store.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (str(company.models), str(models)))
    sinks = f"csv: {{path: {folder / 'calls.csv'}, risk_bands: [high, medium, low]}}"
    config = company.configure(
        folder,
        {
            "scoring: {": f"scoring: {{sinks: {{{sinks}}}, keep_days: 30, alert: [/bin/sh, -c, cat >> alerts.jsonl], ",
            "attributes: {plan: plan,": "contactable: {value: true}\n      attributes: {plan: plan,",
            **CHEAP,
        },
        models=models,
    )
    places.clear()  # MLflow remembers where a run's files lie, and the copied runs have the names of the first
    yield Job(folder, config)
    places.clear()


@pytest.fixture(scope="module")
def log(job: Job) -> list[dict[str, Any]]:
    """What the first night said in JSON, and standard error beside it."""
    return [json.loads(line) for line in (job.folder / "churn.log").read_text().splitlines()]


@pytest.fixture(scope="module", autouse=True)
def nights(job: Job, cli: Callable[..., Any]) -> Any:
    """Two nights, backfilled, with the log on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHURNML_LOG", str(job.folder / "churn.log"))
        done = cli("backfill", job.config, "--from", FIRST, "--to", BEFORE, "--json")
    assert done.code == 0, done.err
    return done.json


def thinned(company: Any, into: Path, share: float) -> Path:
    """The company's data with a share of the customers left, as when most of an extract is missing."""
    data = shutil.copytree(company.folder / "data", into)
    people = sorted(pd.read_parquet(data / "customers.parquet")["customer_id"])
    left = set(people[: int(len(people) * share)])
    for file in data.glob("*.parquet"):
        table = pd.read_parquet(file)
        if "customer_id" in table:
            table[table["customer_id"].isin(left)].to_parquet(file)
    return data


def test_backfill_publishes_every_night_and_goes_on_where_it_was(
    job: Job, nights: Any, cli: Callable[..., Any]
) -> None:
    names = [night.name for night in job.place.nights()]
    assert nights == {"published": names, "refused": {}, "skipped": []}
    assert [name[:10] for name in names] == [FIRST, BEFORE]
    assert job.current == names[-1]
    again = cli("backfill", job.config, "--from", FIRST, "--to", BEFORE, "--json")
    assert again.json == {"published": [], "refused": {}, "skipped": names}
    told = cli("history", job.config, "--json").json
    assert [(row["night"], row["state"]) for row in told["nights"]] == [(names[1], "current"), (names[0], "published")]
    assert [(row["as_of"], row["state"], row["exit_code"]) for row in told["runs"]] == [
        (BEFORE, "published", 0),
        (FIRST, "published", 0),
    ]
    shown = cli("history", job.config).out  # whole, however narrow: `churnml rollback` asks for the name
    assert names[0] in shown and f"{FIRST}  published" in shown
    assert cli("backfill", job.config, "--from", BEFORE, "--to", FIRST).code == 2


def test_a_dry_run_tells_what_would_be_published_and_touches_nothing(job: Job, cli: Callable[..., Any]) -> None:
    before = {path: path.stat().st_mtime_ns for path in job.folder.rglob("*") if "models" not in path.parts}
    told = cli("score", job.config, "--as-of", LAST, "--dry-run", "--json")
    assert told.code == 0, told.err
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert told.json["would_publish"].startswith(LAST) and told.json["published"] is False
    assert told.json["may_be_contacted"] < told.json["customers"]


def test_the_call_list_holds_whom_one_may_contact(company: Any, job: Job) -> None:
    scores, listed = job.scores().set_index("customer_id"), job.calls
    requests = pd.read_parquet(company.folder / "data" / "requests.parquet")
    outreach = pd.read_parquet(company.folder / "data" / "outreach.parquet")
    refused = set(requests.loc[requests["type"] == "consent_withdrawn", "customer_id"])
    refused |= set(outreach.loc[outreach["unsubscribed_at"].notna(), "customer_id"])
    there = refused & set(scores.index)
    assert len(there) > 5
    chosen = scores[scores["action"] == "contact"]
    assert {row["customer_id"] for row in listed} == set(chosen.index) - refused and len(listed) > 5
    known = scores.loc[sorted(there), "excluded_because"]
    assert (known.dropna() == "not contactable").mean() > 0.9 and known.notna().mean() > 0.9
    others = scores.loc[~scores.index.isin(refused), "excluded_because"]
    assert set(others.dropna()) == {"in a campaign lately"}
    brings = [float(row["expected_net_value"]) for row in listed]
    assert brings == sorted(brings, reverse=True) and min(brings) > 0


def test_the_log_holds_every_step_and_no_customer(log: list[dict[str, Any]], job: Job) -> None:
    stages = [line["stage"] for line in log if line.get("event") == "stage"]
    assert {"model", "features", "gates on features", "score and explain", "publish", "call list"} <= set(stages)
    assert all({"at", "level", "logger", "message"} <= set(line) for line in log)
    assert all(line["seconds"] >= 0 and line["peak_mb"] > 0 for line in log if line.get("event") == "stage")
    assert (log[-1]["event"], log[-1]["exit_code"]) == ("ended", 0)
    for file in ("churn.log", "published/telecom/journal.jsonl"):
        assert not ID.search((job.folder / file).read_bytes())


def test_a_night_with_few_of_the_customers_is_refused_and_somebody_is_told(
    company: Any, job: Job, cli: Callable[..., Any], tmp_path: Path
) -> None:
    listed, before = job.calls, job.current
    thin = thinned(company, tmp_path / "data", 0.06)
    told = cli("score", job.config, "--as-of", LAST, "--data", thin)
    assert told.code == 65 and told.out == ""
    assert re.search(r"volume: \d+ eligible customers, usually \d+ \(-9\d%\)", told.err)
    assert job.current == before and job.calls == listed
    (alert,) = [json.loads(line) for line in (job.folder / "alerts.jsonl").read_text().splitlines()]
    assert (alert["project"], alert["as_of"], alert["exit_code"]) == ("telecom", LAST, 65)
    assert "volume: " in alert["reason"] and not ID.search(json.dumps(alert).encode())
    bad = cli("status", job.config, "--as-of", LAST, "--json")
    assert bad.code == 65 and bad.json["good"] is False
    assert "1 days before 2024-07-01" in bad.err and "was refused (exit code 65): volume" in bad.err


def test_status_knows_good_from_late_and_from_damaged(job: Job, cli: Callable[..., Any], tmp_path: Path) -> None:
    assert cli("status", job.config, "--as-of", BEFORE, "--json").json["good"] is True
    assert cli("status", job.config).code == 65  # today is long after the simulation
    night = job.place.current()
    assert night is not None
    file = night.folder / "scores.parquet"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    try:
        damaged = cli("status", job.config, "--as-of", BEFORE)
        assert damaged.code == 65 and "scores.parquet: sha256 differs" in damaged.err
    finally:
        file.write_bytes(whole)
    empty = job.config.parent / "empty.yaml"
    empty.write_text(job.config.read_text().replace(str(job.folder / "published"), str(tmp_path / "nothing")))
    nothing = cli("status", empty, "--as-of", BEFORE)
    assert nothing.code == 65 and "nothing is published yet" in nothing.err
    assert not (tmp_path / "nothing").exists()


def test_a_rolled_back_night_does_not_come_back_with_the_second_try(job: Job, cli: Callable[..., Any]) -> None:
    first, second = (night.name for night in job.place.nights())
    back = cli("rollback", job.config, "--json")
    assert back.code == 0 and back.json["night"] == first == job.current
    told = cli("score", job.config, "--as-of", BEFORE, "--json")
    assert told.code == 0 and told.json["unchanged"] and job.current == first
    assert "was rolled back and stays so" in told.json["warnings"][-1]
    assert cli("status", job.config, "--as-of", BEFORE).code == 65
    assert cli("rollback", job.config).code == 65  # there is nothing before
    assert cli("rollback", job.config, second).code == 0 and job.current == second
    assert cli("rollback", job.config, "2024-01-01-000000000000").code == 65


def test_a_past_night_with_records_that_came_late_is_the_same_night(
    company: Any, job: Job, cli: Callable[..., Any], tmp_path: Path
) -> None:
    data = shutil.copytree(company.folder / "data", tmp_path / "data")
    usage = pd.read_parquet(data / "usage.parquet")
    late = usage[usage["started_at"] < pd.Timestamp(FIRST)].sample(300, random_state=0)
    late["started_at"] += pd.Timedelta(minutes=7)
    late["received_at"] = pd.Timestamp(BEFORE) + pd.Timedelta(hours=9)
    pd.concat([usage, late]).to_parquet(data / "usage.parquet")
    config = company.configure(tmp_path, CHEAP, models=job.folder / "models")
    told = cli("score", config, "--as-of", BEFORE, "--data", data, "--json")
    assert told.code == 0, told.err
    again = pd.read_parquet(told.json["scores"]).drop(columns="run_id")
    pd.testing.assert_frame_equal(again, job.scores().drop(columns="run_id"))


def test_forgetting_leaves_no_trace_and_nobody_comes_back(job: Job, cli: Callable[..., Any], tmp_path: Path) -> None:
    report = cli("report", job.config, "--json")
    assert report.code == 0, report.err
    gone = job.calls[0]["customer_id"]
    predictions = list(job.folder.glob("models/**/test_predictions.csv"))
    tested = pd.concat([pd.read_csv(path, dtype=str) for path in predictions])
    name = Pseudonyms.load(job.folder / "models").of(gone)
    listed, nights = len(job.calls), len(job.place.nights())
    told = cli("forget", job.config, "--customer", gone, "--json")
    assert told.code == 0, told.err
    assert gone not in told.out and len(told.json["nights_republished"]) == nights == len(job.place.nights())
    assert told.json["call_list_rows_removed"] == 1 and len(job.calls) == listed - 1
    assert told.json["test_predictions_removed"] == (tested["customer"] == name).sum()
    assert not Path(report.json["report"]).exists()
    traces = [path for path in job.folder.rglob("*") if path.is_file() and "data" not in path.parts]
    assert not [path for path in traces if gone.encode() in path.read_bytes()]
    assert predictions and not [path for path in predictions if name.encode() in path.read_bytes()]
    assert all(gone not in night.scores()["customer_id"].to_pylist() for night in job.place.nights())
    assert job.place.verify().manifest()["forgotten"] == 1
    assert cli("score", job.config, "--as-of", BEFORE, "--json").json["unchanged"]
    fresh = cli("score", job.config, "--as-of", LAST, "--json")
    assert fresh.code == 0, fresh.err
    assert gone not in set(job.scores()["customer_id"]) and gone not in {row["customer_id"] for row in job.calls}
    explained = cli("explain", job.config, "--customer", gone)
    assert explained.code == 65 and "no customer has this id" in explained.err
    second = cli("forget", job.config, "--customer", gone, "--json")
    assert second.code == 0 and second.json["nights_republished"] == [] and second.json["forgotten_before"]

    assert cli("report", job.config).code == 0
    kept = (job.folder / "models" / "telecom" / "suppressed.txt").read_text()
    mistyped = cli("forget", job.config, "--customer", f"{gone}0", "--json")
    assert mistyped.code == 65 and "nobody was forgotten" in mistyped.err and gone not in mistyped.err
    other = job.calls[0]["customer_id"]
    padded = cli("forget", job.config, "--customer", f" 00{other.lower()}")
    assert padded.code == 65 and "without zeros in front" in padded.err and "other spaces is there" in padded.err
    assert other.lower() not in padded.err.lower()
    assert (job.folder / "models" / "telecom" / "suppressed.txt").read_text() == kept
    assert Path(report.json["report"]).exists()
    assert cli("forget", job.config, "--customer", f"{gone}0", "--unseen").code == 0
    assert len((job.folder / "models" / "telecom" / "suppressed.txt").read_text().split()) == len(kept.split()) + 1
    (job.folder / "models" / "pseudonym.key").write_text("another key of enough bytes")
    lost = cli("score", job.config, "--as-of", LAST)
    assert lost.code == 2 and "made with another key" in lost.err
