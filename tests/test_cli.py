"""Bad input on the command line: one clear message, no traceback, the right exit code, nothing published."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

CONFIG = """\
project: shop
engine: {name: duckdb, threads: 1}
sources:
  - path: customers.parquet
    customers: {customer_id: id, signed_up_at: since}
  - path: log.parquet
    events:
      - {kind: {column: kind}, occurred_at: at, customer_id: id, channel: channel, amount: amount}
eligible: {active_within_days: 30}
defection: {by: either, of: [purchase]}
snapshots: {every: 30 days, horizon_days: 30}
features: {families: [recency]}
model:
  folds: 1
  test_snapshots: 1
  bootstrap: 50
  minimum_positives: 10
  tuning: {trials: 0}
  parameters: {n_estimators: 10}
"""
FIRST, DAYS = date(2024, 1, 1), 300


def write_log(
    folder: Path, leavers: float = 0.5, days: int = DAYS, kind: str = "purchase", empty: bool = False
) -> None:
    """A shop of 120 customers who buy about weekly; so many of them stop one day."""
    draw = np.random.default_rng(5)
    rows = []
    for number in range(120):
        last = draw.integers(60, days) if draw.random() < leavers and days > 60 else days
        for day in np.cumsum(draw.integers(3, 11, size=days // 3)):
            if day < last:
                rows.append((f"customer-{number:03d}", kind, FIRST + timedelta(days=int(day)), "web", 5.0))
    people = [(f"customer-{number:03d}", FIRST) for number in range(120)]
    customers = pd.DataFrame(people, columns=["id", "since"])
    log = pd.DataFrame(rows, columns=["id", "kind", "at", "channel", "amount"])
    for frame, name in ((customers, "since"), (log, "at")):
        frame[name] = pd.to_datetime(frame[name]).astype("datetime64[us]")
    customers.to_parquet(folder / "customers.parquet")
    log.to_parquet(folder / "log.parquet")


@pytest.fixture
def shop_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a sound shop, from which commands are run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.yaml").write_text(CONFIG)
    write_log(tmp_path)
    yield tmp_path
    assert not (tmp_path / "published").exists() or not list((tmp_path / "published").rglob("CURRENT"))


def edited(folder: Path, old: str, new: str) -> None:
    assert old in CONFIG
    (folder / "shop.yaml").write_text(CONFIG.replace(old, new))


def refused(ran: Any, code: int, *words: str, lines: int = 1) -> None:
    """The command ended with `code`, said `words` on standard error in so many lines, and nothing on the other."""
    assert ran.code == code, ran.err + ran.out
    said = ran.err.strip().splitlines()
    assert len(said) == lines and said[0].startswith("churnml: "), ran.err
    for word in words:
        assert word in ran.err
    assert "Traceback" not in ran.err and "a bug" not in ran.err
    assert "customer-0" not in ran.err
    assert ran.out == ""


def misused(ran: Any, *words: str) -> None:
    """The command line itself was wrong: exit code 2, and the usage shown."""
    assert ran.code == 2, ran.err
    for word in words:
        assert word in " ".join(ran.err.replace("│", " ").split())
    assert "Traceback" not in ran.err and ran.out == ""


# ---- the configuration ----


@pytest.mark.parametrize(
    "command",
    [
        ["check"],
        ["define"],
        ["train"],
        ["card"],
        ["score", "--as-of", "2024-07-01"],
        ["dataset", "--out", "out"],
        ["compare"],
        ["promote"],
        ["explain", "--customer", "x"],
        ["report"],
        ["audit"],
        ["verify"],
    ],
    ids=lambda command: command[0],
)
def test_a_missing_configuration(cli: Callable[..., Any], shop_folder: Path, command: list[str]) -> None:
    refused(cli(command[0], "nowhere.yaml", *command[1:]), 2, "nowhere.yaml: no such configuration file")


def test_a_missing_configuration_is_told_before_anything_heavy_is_loaded() -> None:
    code = (
        "import atexit, sys; from churnml.cli import main\n"
        "atexit.register(lambda: print([name for name in ('lightgbm', 'mlflow', 'pandas') if name in sys.modules]))\n"
        "main(['train', 'nowhere.yaml'])"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent / "src")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "[]\n")


def test_a_check_loads_no_model_library(shop_folder: Path) -> None:
    code = (
        "import atexit, sys; from churnml.cli import main\n"
        "atexit.register(lambda: print([name for name in ('lightgbm', 'sklearn', 'mlflow') if name in sys.modules]))\n"
        "main(['check', 'shop.yaml', '--json'])"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent / "src")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=shop_folder, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("horizon_days: 30", "horizon: 30, horizon_days: 30", ["shop.yaml:11: snapshots.horizon: unknown key"]),
        ("horizon_days: 30", "horizon_days: soon", ["shop.yaml:11: snapshots.horizon_days", "integer", "'soon'"]),
        (
            "project: shop",
            "project: shop\nproject: shop",
            ["shop.yaml:2: project: duplicate key, first given on line 1"],
        ),
        ("project: shop", "project: &name shop", ["shop.yaml:1", "alias"]),
        ("project: shop", "project: [shop", ["shop.yaml:", "not valid YAML"]),
        ("  - path: log.parquet", "  - path: log.parquet\n    table: log", ["sources[1]", "exactly one of"]),
    ],
    ids=["unknown key", "wrong type", "duplicate key", "anchor", "no yaml", "two origins"],
)
def test_a_faulty_configuration(
    cli: Callable[..., Any], shop_folder: Path, old: str, new: str, words: list[str]
) -> None:
    edited(shop_folder, old, new)
    refused(cli("check", "shop.yaml"), 2, *words)


def test_all_problems_of_a_configuration_are_told_at_once(cli: Callable[..., Any], shop_folder: Path) -> None:
    edited(shop_folder, "every: 30 days, horizon_days: 30", "evry: 30 days, horizon_days: long")
    refused(cli("train", "shop.yaml"), 2, "snapshots.evry", "snapshots.horizon_days", lines=2)


def test_an_unknown_loader_and_an_unknown_parameter(cli: Callable[..., Any], shop_folder: Path) -> None:
    edited(shop_folder, "project: shop", "project: shop\ndata: {loader: nowhere}")
    refused(cli("check", "shop.yaml"), 2, "data.loader", "'nowhere'", "online_retail")
    edited(shop_folder, "n_estimators: 10", "n_trees: 10")
    refused(cli("train", "shop.yaml"), 2, "model.parameters", "'n_trees'", "n_estimators")
    assert not (shop_folder / "models").exists()  # before any work


def test_unknown_families_and_features(cli: Callable[..., Any], shop_folder: Path) -> None:
    edited(shop_folder, "families: [recency]", "families: [recency, astrology]")
    refused(cli("train", "shop.yaml"), 2, "astrology", "recency")
    edited(shop_folder, "families: [recency]", "families: [recency], exclude: [days_since_moon]")
    refused(cli("train", "shop.yaml"), 2, "days_since_moon")


def test_a_parameter_without_meaning(cli: Callable[..., Any], shop_folder: Path) -> None:
    edited(shop_folder, "{n_estimators: 10}", "{num_leaves: many}")
    refused(cli("train", "shop.yaml"), 2, "model.parameters", "num_leaves", "'many'")


# ---- the command itself ----


def test_usage(cli: Callable[..., Any], shop_folder: Path) -> None:
    misused(cli("forecast", "shop.yaml"), "No such command 'forecast'")
    misused(cli("score", "shop.yaml"), "Missing option '--as-of'")
    misused(cli("score", "shop.yaml", "--as-of", "01.07.2024"), "'01.07.2024' is not a date", "2024-03-01")
    misused(cli("train", "shop.yaml", "--known-at", "noon"), "'noon' is not a moment")
    misused(cli("train", "shop.yaml", "--known-at", "2024-03-01T00:00+02:00"), "without an offset")
    misused(cli("train", "shop.yaml", "--trials", "many"), "Invalid value for '--trials'")
    misused(cli("train", "shop.yaml", "--trails", "3"), "No such option", "--trails")
    refused(cli("score", "shop.yaml", "--as-of", "2999-01-01"), 2, "2999-01-01", "in the future")


def test_help_teaches(cli: Callable[..., Any]) -> None:
    ran = cli("--help")
    assert ran.code == 0 and ran.err == ""
    for command in (
        "demo",
        "simulate",
        "check",
        "define",
        "dataset",
        "train",
        "compare",
        "promote",
        "card",
        "score",
        "explain",
        "report",
    ):
        assert command in ran.out
        helped = cli(command, "--help")
        assert helped.code == 0 and "Usage:" in helped.out


def test_what_the_demo_made_can_be_gone_on_with(
    cli: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = cli("demo", "--customers", "300", "--json")
    assert ran.code == 0, ran.err
    made = json.loads(ran.out)
    assert Path(made["report"]).is_file()
    who = pd.read_parquet(made["scores"])["customer_id"].iloc[0]
    told = cli("explain", made["configuration"], "--customer", who, "--as-of", "2024-07-01")
    assert told.code == 0 and told.out.startswith("As of 2024-07-01"), told.err


def test_a_simulation_does_not_write_over_other_files(
    cli: Callable[..., Any], shop_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = sorted(path.name for path in shop_folder.iterdir())
    refused(cli("simulate", "--out", shop_folder, "--customers", "5"), 2, "not empty")
    assert sorted(path.name for path in shop_folder.iterdir()) == before
    file = tmp_path_factory.mktemp("elsewhere") / "file"
    file.touch()
    refused(cli("simulate", "--out", file / "x", "--customers", "5"), 2, "choose another place")


def test_a_killed_simulation_leaves_nothing_in_the_way(cli: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / ".simulating" / "truth").mkdir(parents=True)
    ran = cli("simulate", "--out", tmp_path, "--customers", "5", "--months", "6", "--preset", "shop", "--json")
    assert ran.code == 0, ran.err
    assert not (tmp_path / ".simulating").exists() and (tmp_path / "shop.yaml").is_file()


# ---- the data ----


def without_file(folder: Path) -> None:
    (folder / "log.parquet").unlink()


def without_rows(folder: Path) -> None:
    pd.read_parquet(folder / "log.parquet").head(0).to_parquet(folder / "log.parquet")


def without_people(folder: Path) -> None:
    pd.read_parquet(folder / "customers.parquet").head(0).to_parquet(folder / "customers.parquet")


def without_column(folder: Path) -> None:
    pd.read_parquet(folder / "log.parquet").rename(columns={"at": "moment"}).to_parquet(folder / "log.parquet")


def with_rubbish(folder: Path) -> None:
    (folder / "log.parquet").write_bytes(b"PAR1 and nothing more")


def with_faulty_query(folder: Path) -> None:
    edited(folder, "path: log.parquet", "query: SELEC * FROM nowhere")


def with_query_of_nothing(folder: Path) -> None:
    edited(folder, "path: log.parquet", "query: SELECT * FROM nowhere")


def with_faulty_condition(folder: Path) -> None:
    edited(folder, "amount: amount", "amount: amount, where: colour = 'red'")


def with_a_number_for_a_date(folder: Path) -> None:
    log = pd.read_parquet(folder / "log.parquet")
    log.assign(at=np.arange(len(log))).to_parquet(folder / "log.parquet")


BAD_DATA = [
    (without_file, ["log.parquet: no such file"]),
    (without_rows, ["events", "empty"]),
    (without_people, ["customers.(all): 0 rows: the table is empty", "3,991 events of customers who are not"]),
    (without_column, ["sources[1].events[0].occurred_at", "log.parquet", "no column 'at'", "moment"]),
    (with_rubbish, ["log.parquet"]),
    (with_query_of_nothing, ["query of nowhere", "nowhere"]),
    (with_faulty_condition, ["sources[1].events[0].where", "colour"]),
    (with_a_number_for_a_date, ["sources[1].events[0].occurred_at", "not a date"]),
]


@pytest.mark.parametrize(("spoil", "words"), BAD_DATA, ids=[spoil.__name__ for spoil, _ in BAD_DATA])
def test_bad_data(cli: Callable[..., Any], shop_folder: Path, spoil: Callable[[Path], None], words: list[str]) -> None:
    spoil(shop_folder)
    refused(cli("train", "shop.yaml"), 65, *words, lines=2 if spoil is without_people else 1)
    checked = cli("check", "shop.yaml", "--json")
    assert checked.code == 65 and "Traceback" not in checked.err
    for word in words:
        assert word in checked.err


def test_a_query_that_is_no_sql(cli: Callable[..., Any], shop_folder: Path) -> None:
    with_faulty_query(shop_folder)
    refused(cli("train", "shop.yaml"), 2, "query of nowhere", "not valid SQL")


def test_the_table_of_violations_is_shown_whole(cli: Callable[..., Any], shop_folder: Path) -> None:
    log = pd.read_parquet(shop_folder / "log.parquet")
    log.loc[log["id"] == "customer-003", "id"] = "nobody"
    log.to_parquet(shop_folder / "log.parquet")
    ran = cli("check", "shop.yaml")
    assert ran.code == 0 and ran.err == ""
    assert "repairs: [unknown_customers]" in " ".join(ran.out.split())
    early = pd.read_parquet(shop_folder / "customers.parquet").assign(since=pd.Timestamp("2024-09-01"))
    early.to_parquet(shop_folder / "customers.parquet")
    ran = cli("check", "shop.yaml")
    assert ran.code == 65 and ran.err.count("\n") == 1 and "1 of the violations above" in ran.err


def test_check_looks_at_features_too(cli: Callable[..., Any], shop_folder: Path) -> None:
    found = cli("check", "shop.yaml", "--json").json
    assert found["features"] > 20
    assert found["features_off"]["quantity_30d"] == "needs column quantity of purchase, which is empty everywhere"
    edited(shop_folder, "families: [recency]", "families: [recency], custom: [own.py]")
    refused(cli("check", "shop.yaml"), 2, "features.custom", "own.py: no such file")
    (shop_folder / "own.py").write_text("def declare(context, inventory):\n    yield 7\n")
    refused(cli("check", "shop.yaml"), 2, "own.py:2: declare must yield Feature objects, not int")


def test_check_says_how_much_voice_there_is_and_who_has_come_back(cli: Callable[..., Any], shop_folder: Path) -> None:
    told = cli("check", "shop.yaml", "--json").json
    assert told["closures"] == "none"
    assert told["voice"] == "none (complaint, cancel_requested): every leaver looks silent"
    log = pd.read_parquet(shop_folder / "log.parquet")
    first = log.groupby("id")["at"].min().sort_values()
    said = log.iloc[:3].assign(kind="complaint")
    left = log.iloc[:1].assign(id=first.index[0], kind="closed", at=first.iloc[0])
    gone = log.iloc[:1].assign(id=first.index[-1], kind="closed", at=log["at"].max())
    pd.concat([log, said, left, gone]).to_parquet(shop_folder / "log.parquet")
    told = cli("check", "shop.yaml", "--json").json
    assert told["voice"] == f"3 events of {said['id'].nunique()} customers"
    assert told["closures"] == "of 2 customers, 1 of whom have not come back"


def test_check_looks_at_snapshots_too(cli: Callable[..., Any], shop_folder: Path) -> None:
    assert " to learn from (2024-" in cli("check", "shop.yaml", "--json").json["snapshots"]
    edited(shop_folder, "horizon_days: ", "horizon_days: 9")
    found = cli("check", "shop.yaml", "--json").json
    assert found["snapshots"].startswith("none to train on: no snapshot is mature: the data run from 2024-01-0")
    edited(shop_folder, "test_snapshots: 1", "test_from: 2031-01-01")
    assert "leave 0 to learn from and 0 to test on" in cli("check", "shop.yaml", "--json").json["snapshots"]


def test_too_little_to_learn_from(cli: Callable[..., Any], shop_folder: Path) -> None:
    write_log(shop_folder, leavers=0, days=20)
    refused(cli("train", "shop.yaml"), 65, "no snapshot is mature")
    write_log(shop_folder, leavers=0, days=75)
    refused(cli("train", "shop.yaml"), 65, "to learn from", "snapshots")


def test_definitions_that_cannot_be_judged(cli: Callable[..., Any], shop_folder: Path) -> None:
    refused(cli("define", "shop.yaml", "--horizon", "400"), 65, "no snapshot is mature for a horizon of 400 days")
    refused(cli("define", "shop.yaml", "--out", "lab.gif"), 2, ".svg or .png")
    misused(cli("define", "shop.yaml", "--horizon", "0"), "Invalid value for '--horizon'")
    nobody_active(shop_folder)
    refused(cli("define", "shop.yaml"), 65, "nobody is eligible")


def test_nobody_leaves(cli: Callable[..., Any], shop_folder: Path) -> None:
    write_log(shop_folder, leavers=0)
    refused(cli("train", "shop.yaml"), 65, "retained")


def nobody_active(folder: Path) -> None:
    """Eligible is who has complained lately, and somebody did on the first day."""
    log = pd.read_parquet(folder / "log.parquet")
    said = log.iloc[:1].assign(kind="complaint", at=log["at"].min())
    pd.concat([log, said]).to_parquet(folder / "log.parquet")
    edited(folder, "active_within_days: 30", "active_within_days: 10, of: [complaint]")


def test_nobody_is_eligible(cli: Callable[..., Any], shop_folder: Path) -> None:
    nobody_active(shop_folder)
    refused(cli("dataset", "shop.yaml", "--out", "out"), 65, "nobody is eligible")
    assert not (shop_folder / "out").exists()


def test_no_champion_and_nothing_published(cli: Callable[..., Any], shop_folder: Path) -> None:
    for command in (
        ("score", "shop.yaml", "--as-of", "2024-07-01"),
        ("explain", "shop.yaml", "--customer", "x", "--as-of", "2024-07-01"),
    ):
        refused(cli(*command), 65, "no champion", "train")
    refused(cli("report", "shop.yaml"), 65, "nothing is published")
    refused(cli("verify", "shop.yaml"), 65, "nothing is published")
    refused(cli("card", "shop.yaml"), 65, "no champion", "train")
    refused(cli("compare", "shop.yaml"), 65, "at least two")
    refused(cli("promote", "shop.yaml"), 65, "no challenger")
    refused(cli("promote", "shop.yaml", "7"), 65, "no model version 7")
    assert not (shop_folder / "models").exists()


# ---- as a process of its own ----


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["check", "nowhere.yaml"], 2, "nowhere.yaml"),
        (["train", "shop.yaml"], 65, "log.parquet: no such file"),
        (["score", "shop.yaml", "--as-of", "2024-07-01"], 65, "no champion"),
    ],
    ids=["configuration", "data", "model"],
)
def test_the_exit_code_of_the_process(
    start: Callable[..., Any], shop_folder: Path, arguments: list[str], code: int, words: str
) -> None:
    without_file(shop_folder)
    process = start(*arguments)
    out, err = process.communicate(timeout=120)
    assert process.returncode == code, err
    assert out == "" and words in err
    assert len(err.strip().splitlines()) == 1


def test_the_version_is_told(cli: Callable[..., Any]) -> None:
    from churnml import __version__

    assert cli("--version").out == f"churnml {__version__}\n"
