"""What many tests share: a place for public data, and small businesses written to disk."""

from __future__ import annotations

import glob
import io
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from churnml.config import Config, parse_config
from churnml.engine import Engine, open_engine

os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -XX:+UseSerialGC")
"""Spark's queries in the tests are too short for the best compiler of a Java machine: it takes longer than they do."""

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
"""Tests run side by side: a thread that waits for its turn must not keep the core busy meanwhile."""

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a job that a shell began in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)

LONGEST = frozenset({"test_notebooks.py", "test_public_runs.py", "test_pipelines.py"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long begins, so that at the end no core waits for another.

    Tests of the shared company are first and together: the process that begins with them is the only one that makes it.
    """
    items.sort(key=lambda item: ("company" not in getattr(item, "fixturenames", ()), item.path.name not in LONGEST))


@pytest.fixture
def public_data() -> Path:
    """The folder of the public data sets; the test is skipped, saying so, where there is none."""
    home = os.environ.get("CHURNML_DATA_HOME")
    if not home or not Path(home).is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail("CHURNML_DATA_HOME does not name a folder with the public data sets")
        pytest.skip("needs the public data sets: set CHURNML_DATA_HOME")
    return Path(home)


SHOP = """
project: shop
sources:
  - path: customers.parquet
    customers: {customer_id: id, signed_up_at: since, ends_at: until, ends_recorded_at: told}
  - path: log.parquet
    events:
      - kind: {column: kind}
        occurred_at: at
        recorded_at: known
        customer_id: id
        channel: channel
        amount: amount
        allow_null: true
eligible: {active_within_days: 60}
defection: {by: either, of: [purchase]}
voice: {kinds: [complaint], lookback_days: 30}
channels: {dark: [forum]}
snapshots: {every: 30 days, horizon_days: 30}
economics: {value_days: 100}
"""


class Shop:
    """A business of a few rows: add facts in words, then look at what becomes of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.people: list[dict[str, Any]] = []
        self.facts: list[dict[str, Any]] = []

    def customer(self, name: str, since: str = "2024-01-01", until: str | None = None, told: str | None = None) -> Shop:
        self.people.append({"id": name, "since": since, "until": until, "told": told})
        return self

    def event(
        self,
        name: str,
        kind: str,
        at: str,
        known: str | None = None,
        channel: str | None = None,
        amount: float | None = None,
    ) -> Shop:
        self.facts.append({"id": name, "kind": kind, "at": at, "known": known, "channel": channel, "amount": amount})
        return self

    def write(self) -> Path:
        people = pd.DataFrame(self.people, columns=["id", "since", "until", "told"])
        facts = pd.DataFrame(self.facts, columns=["id", "kind", "at", "known", "channel", "amount"])
        for frame, names in ((people, ("since", "until", "told")), (facts, ("at", "known"))):
            for name in names:
                frame[name] = pd.to_datetime(frame[name], format="ISO8601").astype("datetime64[us]")
        facts["channel"] = facts["channel"].astype("str")
        facts.loc[facts["channel"].isin(["None", "nan"]), "channel"] = None
        people.to_parquet(self.folder / "customers.parquet")
        facts.astype({"amount": "float64"}).to_parquet(self.folder / "log.parquet")
        return self.folder


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@pytest.fixture
def configured() -> Callable[..., Config]:
    """The shop's configuration, with some of its lines replaced."""

    def configure(**changes: str) -> Config:
        text = SHOP
        for key, line in changes.items():
            lines = [old for old in text.splitlines() if not old.startswith(f"{key}:")]
            text = "\n".join([*lines, f"{key}: {line}"])
        return parse_config(text, "shop.yaml")

    return configure


@pytest.fixture
def engine() -> Iterator[Engine]:
    from churnml.config import Engine as Options

    with open_engine(Options()) as opened:
        yield opened


@pytest.fixture(scope="session", autouse=True)
def tables_made_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """MLflow makes the tables of a new local store by all its migrations in turn: of this session's first store only.

    Every later store of this process begins as a copy of that one as it was then, without a run.
    """
    from churnml.tracking import tracker

    empty = tmp_path_factory.mktemp("store") / "empty.db"
    load = tracker.load_mlflow
    migrate: list[Callable[[Any], None]] = []

    def make_tables(engine: Any) -> None:
        first = not empty.exists()
        if first:
            migrate[0](engine)
        with closing(engine.raw_connection()) as store, closing(sqlite3.connect(empty)) as kept:
            here = store.driver_connection
            here.backup(kept) if first else kept.backup(here)

    def load_mlflow() -> Any:
        found = load()
        from mlflow.store.db import utils

        if not migrate:
            migrate.append(utils._initialize_tables)
            patch.setattr(utils, "_initialize_tables", make_tables)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tracker, "load_mlflow", load_mlflow)
        yield


@dataclass(frozen=True)
class Ran:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(scope="session")
def cli() -> Callable[..., Ran]:
    """Run a command line in this process and say how it ended."""
    from churnml.cli import main

    def run(*arguments: object) -> Ran:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        return Ran(int(left.value.code or 0), out.getvalue(), err.getvalue())

    return run


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a command as a process of its own; whatever still runs at the end of the test is killed."""
    import churnml

    started: list[subprocess.Popen[str]] = []
    search = os.pathsep.join([str(Path(churnml.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])

    def run(*arguments: object, **options: Any) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "churnml", *map(str, arguments)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=os.environ | {"PYTHONPATH": search},
                **options,
            )
        )
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


@dataclass(frozen=True)
class Company:
    """A simulated company with a trained champion, shared by many tests: read it, publish elsewhere."""

    folder: Path
    trained: dict[str, Any]

    as_of = "2024-07-01"  # the day after the simulation's last

    @property
    def config(self) -> Path:
        return self.folder / "data" / "company.yaml"

    @property
    def models(self) -> Path:
        return self.folder / "models"

    def configure(self, into: Path, replace: dict[str, str] | None = None, **paths: Path) -> Path:
        """A configuration in `into` of the same company, publishing there; some of its text replaced."""
        text = self.config.read_text(encoding="utf-8")
        for old, new in (replace or {}).items():
            assert old in text
            text = text.replace(old, new)
        head = text[: text.index("\npaths:")]
        places = {"models": self.models, "published": into / "published"} | paths
        head = head.replace("data: {root: .}", f"data: {{root: {places.pop('data', self.config.parent)}}}")
        into.mkdir(parents=True, exist_ok=True)
        file = into / "company.yaml"
        file.write_text(head + "\npaths: {" + ", ".join(f"{k}: {v}" for k, v in places.items()) + "}\n")
        return file


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory, cli: Callable[..., Ran]) -> Company:
    """Twelve hundred simulated customers and one small champion, made once."""
    folder = tmp_path_factory.mktemp("company")
    data = folder / "data"
    assert cli("simulate", "--customers", 1200, "--seed", 11, "--silent-share", 0.8, "--out", data, "--json").code == 0
    text = (data / "telecom.yaml").read_text(encoding="utf-8")
    for old, new in {
        "threads: 2": "threads: 1",
        "every: 28 days, first: 2023-04-03": "every: 42 days, first: 2023-10-22",
        "features:\n": "features:\n  families: [recency, complaints]\n",
        "folds: 3": "folds: 1\n  parameters: {n_estimators: 150}\n  rivals: {tree: {estimator: "
        "sklearn.tree.DecisionTreeClassifier, parameters: {max_depth: 4}}}",
        "test_snapshots: 3": "test_snapshots: 2",
        "minimum_positives: 50": "minimum_positives: 20",
        "bootstrap: 200": "bootstrap: 50",
    }.items():
        assert old in text, old
        text = text.replace(old, new)
    paths = f"\npaths: {{models: {folder / 'models'}, published: {folder / 'published'}}}\n"
    (data / "company.yaml").write_text(text + paths, encoding="utf-8")
    trained = cli("train", data / "company.yaml", "--trials", 0, "--json")
    assert trained.code == 0, trained.err
    return Company(folder, trained.json)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real PostgreSQL server of this session's own, on loopback; skipped where it is not installed."""
    pytest.importorskip("psycopg", reason="needs the extra postgres")
    found = shutil.which("initdb") or next(iter(sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))[::-1]), None)
    binaries = Path(found).resolve().parent if found else None
    if binaries is None or not (binaries / "postgres").exists():
        pytest.skip("needs the PostgreSQL server: initdb and postgres")
    folder = Path(tempfile.mkdtemp(prefix="churnml-postgres-"))
    other: dict[str, Any] = {}
    if os.geteuid() == 0:  # the server refuses to run as root
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        other = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    secret = secrets.token_hex(16)
    (folder / "password").write_text(secret)
    (folder / "password").chmod(0o644)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = folder / "data"
    subprocess.run(
        [binaries / "initdb", "--pgdata", data, "--username", "churn", "--auth", "scram-sha-256", "--no-sync",
         "--pwfile", folder / "password", "--encoding", "UTF8", "--locale", "C"],
        check=True, capture_output=True, cwd=folder, **other,
    )  # fmt: skip
    options = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "fsync": "off"}
    given = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    server = subprocess.Popen(
        [binaries / "postgres", "-D", data, *given],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, **other,
    )  # fmt: skip
    try:
        address = f"postgresql://churn:{secret}@127.0.0.1:{port}/postgres"
        _wait_for(address, server)
        yield address
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=60)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    import psycopg

    deadline = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(address, connect_timeout=5).close()
            return
        except psycopg.OperationalError:
            assert server.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
