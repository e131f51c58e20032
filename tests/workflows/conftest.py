"""What the jobs make of the shared company: a published night, and a second training."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def night(company: Any, cli: Callable[..., Any]) -> Any:
    """The company's published night, as `churnml score --json` told it."""
    scored = cli("score", company.config, "--as-of", company.as_of, "--json")
    assert scored.code == 0, scored.err
    return scored.json


@pytest.fixture(scope="session")
def again(company: Any, cli: Callable[..., Any]) -> Any:
    """The same training once more, as `churnml train --json` told it: the challenger."""
    trained = cli("train", company.config, "--trials", 0, "--json")
    assert trained.code == 0, trained.err
    return trained.json


@pytest.fixture
def own_models(company: Any, tmp_path: Path) -> Path:
    """A copy of the company's model store, to change."""
    return shutil.copytree(company.models, tmp_path / "models", symlinks=True)
