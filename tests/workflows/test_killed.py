"""A night that is killed, interrupted or run twice at once, as real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from churnml.scoring.publish import Publication

Start = Callable[..., "subprocess.Popen[str]"]
EARLIER = "2024-06-24"
PATIENCE_S = 180


def wait_for(there: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not there():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.002)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, err


@pytest.fixture(scope="module")
def earlier(company: Any, cli: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place of its own where an earlier night is published; gives the configuration."""
    config = company.configure(tmp_path_factory.mktemp("killed"))
    assert cli("score", config, "--as-of", EARLIER).code == 0
    return config


@pytest.fixture
def place(earlier: Path) -> Publication:
    return Publication(earlier.parent / "published" / "telecom")


def test_killed_at_any_moment_a_whole_night_stays_published(
    company: Any, earlier: Path, place: Publication, start: Start
) -> None:
    old = place.current()
    moments: dict[str, Callable[[], bool]] = {
        "while reading": lambda: is_locked(place),
        "while writing": lambda: any((place.root / "staging").glob(f"{company.as_of}*/scores.parquet")),
        "while publishing": lambda: any((place.root / "nights").glob(f"{company.as_of}*")),
    }
    for moment, there in moments.items():
        process = start("score", earlier, "--as-of", company.as_of)
        wait_for(there, process)
        process.kill()
        assert ended(process)[0] == -signal.SIGKILL, moment
        for night in place.nights():
            assert night.problems() == (), moment
        now = place.verify()
        assert now == old or now.as_of.isoformat() == company.as_of, moment
        if moment != "while publishing":
            assert place.nights() == (old,), moment
    code, err = ended(start("score", earlier, "--as-of", company.as_of))
    assert code == 0, err
    assert place.verify().as_of.isoformat() == company.as_of
    assert [night.as_of.isoformat() for night in place.nights()] == [EARLIER, company.as_of]
    assert not list((place.root / "staging").iterdir())


def test_only_one_run_at_a_time_and_ctrl_c_publishes_nothing(
    company: Any, earlier: Path, place: Publication, start: Start
) -> None:
    before = [(night, night.problems()) for night in place.nights()]
    current = place.current()
    first = start("score", earlier, "--as-of", "2024-06-30")
    wait_for(lambda: is_locked(place), first)
    first.send_signal(signal.SIGSTOP)  # it keeps the lock and waits
    code, err = ended(start("score", earlier, "--as-of", "2024-06-30"))
    assert code == 75 and "another run holds the lock" in err and len(err.strip().splitlines()) == 1
    first.send_signal(signal.SIGINT)
    first.send_signal(signal.SIGCONT)
    code, err = ended(first)
    assert code == 130, err
    assert err.strip().splitlines() == ["churnml: interrupted; nothing half-done was published"]
    assert place.current() == current and [(night, night.problems()) for night in place.nights()] == before
    assert not list((place.root / "staging").iterdir())
    code, err = ended(start("score", earlier, "--as-of", "2024-06-30"))
    assert code == 0, err
    assert "2024-06-30" in {night.as_of.isoformat() for night in place.nights()}


def is_locked(place: Publication) -> bool:
    """Whether a process holds the lock, read from the kernel's own table so as not to disturb it."""
    file = place.root / ".lock"
    if not file.exists():
        return False
    inode = f":{os.stat(file).st_ino} "
    return any(inode in line for line in Path("/proc/locks").read_text().splitlines())
