"""Every notebook runs from top to bottom in a real kernel, and defines nothing."""

from __future__ import annotations

import ast
import json
import os
import sys
from pathlib import Path

import jupytext
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))
LIMIT_S = 600


def test_there_is_a_notebook() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_defines_nothing(file: Path) -> None:
    defining = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    found = [node.lineno for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, defining)]
    assert found == [], "what a notebook needs belongs into the package"


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_runs_to_its_end(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if "CHURNML_DATA_HOME" in file.read_text():
        request.getfixturevalue("public_data")
    notebook = jupytext.read(file)
    assert {cell.cell_type for cell in notebook.cells} == {"markdown", "code"}
    kernel = _this_python(tmp_path / "jupyter", monkeypatch)
    work = tmp_path / "work"
    work.mkdir()
    before = _files()
    client = NotebookClient(notebook, timeout=LIMIT_S, kernel_name=kernel, resources={"metadata": {"path": str(work)}})
    client.execute()  # raises CellExecutionError with the cell's traceback
    ran = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in ran)
    assert ("write_report" in file.read_text()) == any(work.rglob("report.html"))
    assert _files() == before, "a notebook must not write into the repository"


def _this_python(home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A kernel that runs this interpreter with this package, whatever kernels the machine has."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(home))
    monkeypatch.setenv("IPYTHONDIR", str(home / "ipython"))
    paths = [str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]
    spec = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "churnml's own",
        "language": "python",
        "env": {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
    }
    folder = home / "kernels" / "churnml-test"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps(spec))
    assert "churnml-test" in KernelSpecManager().find_kernel_specs()
    return "churnml-test"


def _files() -> set[str]:
    """What lies where a careless notebook would write."""
    return {str(path) for folder in (ROOT, ROOT / "notebooks", ROOT / "models") for path in folder.glob("*")}
