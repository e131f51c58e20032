"""The jobs in pipelines/ and the public names, run as a scheduler and a data scientist would."""

from __future__ import annotations

import io
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import yaml

import churnml
from churnml.errors import ConfigError, DataError
from churnml.workflows.exits import BUG

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "pipelines" / "Dockerfile").read_text()
SCHEDULERS = (ROOT / "docs" / "schedulers.md").read_text()
HOPELESS = {ConfigError.exit_code, DataError.exit_code, BUG}
"""Exit codes after which trying again changes nothing."""
SMALL = {
    "threads: 2": "threads: 1",
    "every: 28 days": "every: 56 days",
    "features:\n": "features:\n  families: [recency]\n",
    "folds: 3": "folds: 1\n  parameters: {n_estimators: 30}",
    "trials: 10": "trials: 0",
    "bootstrap: 200": "bootstrap: 50",
}


FEW = ("does not beat recency", "vocal defections to learn from")
"""What a training says of so small a company; whoever trains wants to know."""


def test_every_line_of_the_crontab_works_as_it_stands(tmp_path: Path) -> None:
    """A small simulated shop: its model, a night and the report, the look in the morning, the monitor."""
    made = churnml.simulate(tmp_path / "data", customers=800, seed=7, preset="shop", months=14)
    text, night = Path(made["configuration"]).read_text(), made["day_after_the_last"]
    for old, new in SMALL.items():
        assert old in text, old
        text = text.replace(old, new)
    (tmp_path / "data" / "small.yaml").write_text(text)
    names = {"HOME_OF_CHURN": str(tmp_path), "CONFIG": "data/small.yaml", "PYTHON": sys.executable}
    table = (ROOT / "pipelines" / "crontab.example").read_text()
    assert all(re.search(rf"^{name}=", table, re.MULTILINE) for name in (*names, "CHURNML_LOG"))
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("CHURNML_", "MLFLOW_"))}
    environment |= {**names, "CHURNML_LOG": "churn.log"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    score, look, watch, train = re.findall(r"^[\d*]\S*(?: +\S+){4} +(.+)$", table, re.MULTILINE)
    said = {}
    for job, line in (("train", train), ("score", score), ("status", look), ("monitor", watch)):
        today = (
            line.replace("\\%", "%")
            .replace("$(date +%F)", night)
            .replace("status $CONFIG", f"status $CONFIG --as-of {night}")
        )
        command = today.replace("/srv/churnml/pipelines", str(ROOT / "pipelines"))
        ran = subprocess.run(
            ["/bin/bash", "-c", command], env=environment, capture_output=True, text=True, timeout=600, check=False
        )
        assert (ran.returncode, ran.stdout) == (0, ""), (job, ran.stderr)
        said[job] = [line for line in ran.stderr.splitlines() if not any(each in line for each in FEW)]
    assert not any(said.values())  # so that cron mails nothing
    assert json.loads((tmp_path / "training.log").read_text())["promotion"].startswith("champion")
    night_told, _ = json.JSONDecoder().raw_decode((tmp_path / "nightly.log").read_text())
    assert night_told["customers"] > 100 and (tmp_path / night_told["scores"]).is_file()
    assert json.loads((tmp_path / "monitor.log").read_text())["nights"]["waiting"] == 1
    assert {"report.html", "monitor.html"} <= {each.name for each in (tmp_path / "published" / "shop").iterdir()}
    log = [json.loads(line) for line in (tmp_path / "churn.log").read_text().splitlines()]
    assert [line["exit_code"] for line in log if line.get("event") == "ended"] == [0] * 5


def run(job: str, *arguments: str, cwd: Path) -> tuple[int, str, str]:
    """A job in this process: its exit code, and what it said."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(cwd)
        patch.setattr(sys, "argv", [f"{job}.py", *arguments])
        with pytest.raises(SystemExit) as left:
            runpy.run_path(str(ROOT / "pipelines" / f"{job}.py"), run_name="__main__")
    return int(left.value.code or 0), out.getvalue(), err.getvalue()


@pytest.mark.parametrize(
    "job, arguments", [("train", ()), ("score_nightly", ("--as-of", "2024-01-01")), ("monitor", ())]
)
def test_a_missing_configuration_is_one_line_and_exit_code_2(
    job: str, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    told = run(job, "absent.yaml", *arguments, cwd=tmp_path)
    assert told == (2, "", "churnml: absent.yaml: no such configuration file; check the path\n")


@pytest.mark.parametrize("day", ["tomorrow", "2999-01-01"])
def test_a_day_that_is_none_or_has_not_begun_is_a_usage_error(company: Any, day: str, tmp_path: Path) -> None:
    code, _, err = run("score_nightly", str(company.config), "--as-of", day, cwd=tmp_path)
    assert code == 2 and "Traceback" not in err


def test_what_is_refused_ends_with_65(company: Any, tmp_path: Path) -> None:
    code, out, err = run("score_nightly", str(company.configure(tmp_path)), "--as-of", "2024-09-01", cwd=tmp_path)
    assert (code, out) == (65, "") and "days before --as-of" in err
    config = company.configure(tmp_path, models=tmp_path / "none")
    code, out, err = run("score_nightly", str(config), "--as-of", company.as_of, cwd=tmp_path)
    assert (code, out) == (65, "") and err.startswith("churnml: no champion for project telecom")
    code, out, err = run("monitor", str(company.configure(tmp_path)), cwd=tmp_path)
    assert (code, out) == (65, "") and "no night is published" in err


def test_the_image_is_given_what_it_copies_and_installs_all_of_it(tmp_path: Path) -> None:
    copied = {name for line in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()}
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == let_through
    for name in copied:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, tmp_path)
    locked = (tmp_path / "requirements.txt").read_text()
    assert all(re.search(rf"^{name}==", locked, re.MULTILINE) for name in ("psycopg", "hatchling"))
    pytest.importorskip("hatchling", reason="needs the extra build")
    built = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", "dist"]
    subprocess.run(built, cwd=tmp_path, check=True, capture_output=True, timeout=120)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        installed = {name for name in archive.namelist() if name.startswith("churnml/")}
        (scripts,) = [archive.read(name).decode() for name in archive.namelist() if name.endswith("entry_points.txt")]
    assert installed == {
        str(path.relative_to(tmp_path / "src")) for path in (tmp_path / "src").rglob("*") if path.is_file()
    }
    (entry,) = json.loads(re.findall(r"^ENTRYPOINT (.+)$", DOCKERFILE, re.MULTILINE)[0])
    assert f"{entry} = churnml.cli:main" in scripts
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(wheel)}
    said = subprocess.run(
        [sys.executable, "-m", "churnml", "--help"], env=environment, cwd=tmp_path, capture_output=True, text=True,
        timeout=60, check=True,
    )  # fmt: skip
    assert "score" in said.stdout


def test_kubernetes_tries_again_only_what_may_pass(cli: Callable[..., Any]) -> None:
    (manifest,) = map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", SCHEDULERS, re.DOTALL))
    job = manifest["spec"]["jobTemplate"]["spec"]
    (container,) = job["template"]["spec"]["containers"]
    never, drained = job["podFailurePolicy"]["rules"]
    assert never["action"] == "FailJob" and drained["action"] == "Ignore"
    assert set(never["onExitCodes"]["values"]) == HOPELESS
    assert never["onExitCodes"]["containerName"] == container["name"]
    assert (job["template"]["spec"]["restartPolicy"], manifest["spec"]["concurrencyPolicy"]) == ("Never", "Forbid")
    line = container["command"][-1].removeprefix("exec churnml ").replace('"$(date +%F)"', "2024-03-01")
    told = cli(*line.split())
    assert told.code == 2 and told.err.startswith("churnml: shop.yaml: no such configuration file")


def test_airflow_tries_again_only_what_may_pass() -> None:
    (dag,) = re.findall(r"```python\n(.*?)```", SCHEDULERS, re.DOTALL)
    compile(dag, "dag.py", "exec")
    (again,) = re.findall(r"returncode in \(([\d, ]+)\)", dag)
    assert not HOPELESS & set(map(int, again.split(","))) and "75" in again


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
