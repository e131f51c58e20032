"""The jobs in pipelines/ and the public names, run as a scheduler and a data scientist would."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

import churnml

ROOT = Path(__file__).parent.parent
SMALL = {
    "threads: 2": "threads: 1",
    "every: 28 days": "every: 56 days",
    "features:\n": "features:\n  families: [recency]\n",
    "folds: 3": "folds: 2\n  parameters: {n_estimators: 30}",
    "bootstrap: 200": "bootstrap: 50",
}


def run(job: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A job as cron starts it: its own process, its own working directory."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CHURNML_", "MLFLOW_"))}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, str(ROOT / "pipelines" / f"{job}.py"), *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=600, check=False)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small simulated shop, with a model that pipelines/train.py trained."""
    home = tmp_path_factory.mktemp("company")
    made = churnml.simulate(home / "data", customers=1_000, seed=7, preset="shop")
    text = Path(made["configuration"]).read_text()
    for old, new in SMALL.items():
        assert old in text
        text = text.replace(old, new)
    (home / "data" / "small.yaml").write_text(text)
    (home / "night").write_text(made["day_after_the_last"])
    done = run("train", "data/small.yaml", "--trials", "0", cwd=home)
    assert done.returncode == 0, done.stderr
    assert all("does not beat recency" in line for line in done.stderr.splitlines())  # so few customers: no surprise
    assert json.loads(done.stdout)["promotion"].startswith("champion")
    return home


def test_training_leaves_a_champion_behind(company: Path) -> None:
    assert list((company / "models" / "shop" / "champion").glob("model*.txt"))
    assert (company / "models" / "mlflow.db").is_file()


def test_a_night_is_published_once(company: Path) -> None:
    night = (company / "night").read_text()
    first = run("score_nightly", "data/small.yaml", "--as-of", night, cwd=company)
    assert (first.returncode, first.stderr) == (0, "")
    published = json.loads(first.stdout)
    assert not published["unchanged"]
    assert (company / published["scores"]).is_file()
    second = run("score_nightly", "data/small.yaml", "--as-of", night, cwd=company)
    assert second.returncode == 0
    assert json.loads(second.stdout) == published | {"unchanged": True}


def test_the_crontab_publishes_reports_and_looks_in_the_morning(company: Path, tmp_path: Path) -> None:
    night, done = (company / "night").read_text(), []
    lines = (ROOT / "pipelines" / "crontab.example").read_text().splitlines()
    jobs = [line for line in lines if re.match(r"[\d*]", line) and "train.py" not in line and "monitor.py" not in line]
    names = {"HOME_OF_CHURN": str(company), "CONFIG": "data/small.yaml", "PYTHON": sys.executable}
    assert all(f"{name}=" in " ".join(lines) for name in names)
    environment = {**os.environ, **names, "CHURNML_LOG": "churn.log"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    for job in jobs:
        command = (
            job.split(maxsplit=5)[5].replace("\\%", "%").replace("/srv/churnml/pipelines", str(ROOT / "pipelines"))
        )
        command = command.replace("$(date +%F)", night).replace("status $CONFIG", f"status $CONFIG --as-of {night}")
        ran = subprocess.run(
            ["/bin/bash", "-c", command], env=environment, capture_output=True, text=True, timeout=600, check=False
        )
        done.append(ran)
    assert [(each.returncode, each.stdout, each.stderr) for each in done] == [(0, "", "")] * 2
    assert (company / "published" / "shop" / "report.html").is_file()
    log = [json.loads(line) for line in (company / "churn.log").read_text().splitlines()]
    assert [line["exit_code"] for line in log if line.get("event") == "ended"] == [0, 0, 0]
    assert json.loads((company / "nightly.log").read_text().split("}\n")[0] + "}")["customers"] > 0


def test_the_image_is_given_what_it_copies() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", (ROOT / "pipelines" / "Dockerfile").read_text(), re.MULTILINE)
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    names = {name for line in copied for name in line.split()}
    assert names == let_through and all((ROOT / name).exists() for name in names)
    locked = (ROOT / "requirements.txt").read_text()
    assert re.search(r"^psycopg==", locked, re.MULTILINE) and re.search(r"^hatchling==", locked, re.MULTILINE)


def test_data_too_old_is_refused(company: Path) -> None:
    late = date.fromisoformat((company / "night").read_text()) + timedelta(days=60)
    done = run("score_nightly", "data/small.yaml", "--as-of", late.isoformat(), cwd=company)
    assert (done.returncode, done.stdout) == (65, "")
    assert "days before --as-of" in done.stderr


@pytest.mark.parametrize("job, arguments", [("train", ()), ("score_nightly", ("--as-of", "2024-01-01"))])
def test_a_missing_configuration_is_one_line_and_exit_code_2(
    job: str, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    done = run(job, "absent.yaml", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == ["churnml: absent.yaml: no such configuration file; check the path"]


@pytest.mark.parametrize("day", ["tomorrow", "2999-01-01"])
def test_a_day_that_is_none_or_has_not_begun_is_a_usage_error(company: Path, day: str) -> None:
    done = run("score_nightly", "data/small.yaml", "--as-of", day, cwd=company)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_without_a_champion_the_night_is_refused(company: Path, tmp_path: Path) -> None:
    config = str(company / "data" / "small.yaml")
    done = run("score_nightly", config, "--as-of", "2024-01-01", cwd=tmp_path)
    assert done.returncode == 65
    assert done.stderr.startswith("churnml: no champion for project shop")


@pytest.mark.parametrize("file", sorted((ROOT / "pipelines").glob("*.py")), ids=lambda file: file.stem)
def test_a_pipeline_is_thin_and_calls_one_workflow(file: Path) -> None:
    lines = file.read_text().splitlines()
    workflows = [line for line in lines if line.startswith("from churnml.workflows.") and ".exits" not in line]
    assert len(lines) < 40
    assert len(workflows) == 1
    assert file.name in (ROOT / "pipelines" / "crontab.example").read_text()


def test_every_public_name_is_there() -> None:
    assert all(callable(getattr(churnml, name)) for name in churnml.__all__)
    assert set(churnml.__all__) <= set(dir(churnml))
    with pytest.raises(AttributeError, match="no attribute 'predict'"):
        _ = churnml.predict


def test_importing_churnml_does_no_work() -> None:
    heavy = ("duckdb", "ibis", "lightgbm", "matplotlib", "mlflow", "numpy", "pandas", "pydantic", "sklearn", "yaml")
    code = f"import sys, churnml; print([name for name in {heavy} if name in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
