"""The waterfall of one customer."""

from __future__ import annotations

from pathlib import Path

import pytest

from churnml.errors import ConfigError
from churnml.report.waterfall import steps, waterfall

THEMES = {"going quiet": 1.25, "waiting": -0.4, "rough start": 0.003, "product quality": 0.001}


def test_steps_add_up_and_the_small_ones_are_one():
    assert sum(value for _, value in steps(THEMES)) == pytest.approx(sum(THEMES.values()))
    assert [name for name, _ in steps(THEMES)] == ["going quiet", "waiting", "all others"]
    assert steps({}) == []


def test_nothing_has_no_sign(tmp_path: Path):
    drawn = waterfall({"going quiet": 1.25, "waiting": -0.4, "rough start": -0.001}, -2.0, "odds", tmp_path / "why.svg")
    text = drawn.read_text()
    assert "-0.00" not in text and "−0.00" not in text and "<!-- −0.40 -->" in text


@pytest.mark.parametrize(("name", "begins"), [("why.svg", b"<?xml"), ("why.PNG", b"\x89PNG")])
def test_the_same_customer_gives_the_same_bytes(tmp_path: Path, name: str, begins: bytes):
    first = waterfall(THEMES, -2.0, "log-odds of leaving", tmp_path / "new" / name).read_bytes()
    assert first.startswith(begins)
    assert waterfall(THEMES, -2.0, "log-odds of leaving", tmp_path / name).read_bytes() == first
    assert waterfall(THEMES, -2.5, "log-odds of leaving", tmp_path / name).read_bytes() != first


def test_other_endings_are_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"why\.pdf"):
        waterfall(THEMES, 0.0, "log-odds", tmp_path / "why.pdf")
    assert not list(tmp_path.iterdir())
