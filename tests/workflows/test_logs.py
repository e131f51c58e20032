"""What is said when things go wrong: to people, to machines, and never a customer's value."""

from __future__ import annotations

import errno
import io
import json
import logging
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import pytest

from churnml.errors import DataError
from churnml.workflows import logs
from churnml.workflows.exits import exit_codes


def leave(error: BaseException | None) -> tuple[int, str]:
    """Run a job that ends with this error; gives its exit code and standard error."""
    said = io.StringIO()
    with redirect_stderr(said):
        try:
            with exit_codes():
                logging.getLogger("churnml.example").info("step", extra={"event": {"rows": 3}})
                logging.getLogger("another.library").warning("customer canary-4711 is odd")
                if error is not None:
                    raise error
        except SystemExit as end:
            return int(end.code or 0), said.getvalue()
    return 0, said.getvalue()


@pytest.fixture
def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The JSON lines of what follows."""
    file = tmp_path / "deep" / "churn.log"
    monkeypatch.setenv(logs.ENVIRONMENT, str(file))
    yield lambda: [json.loads(line) for line in file.read_text().splitlines()]
    monkeypatch.delenv(logs.ENVIRONMENT)
    logs.configure()


def test_a_bug_is_told_by_its_type_and_place_not_by_its_text(lines: Any) -> None:
    code, said = leave(KeyError("canary-4711"))
    assert code == 70
    assert "a bug: KeyError" in said and "canary" not in said.replace("customer canary-4711 is odd", "")
    assert lines()[-1]["error"].startswith("KeyError") and lines()[-1]["exit_code"] == 70
    assert "canary" not in json.dumps(lines())  # what other libraries say is not in the log for machines


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/out/x"), 75, "/out/x: No space left on device; nothing"),
        (OSError(errno.ENOSPC, "No space left on device"), 75, "a file: No space left on device"),
        (PermissionError(errno.EACCES, "Permission denied", "/out/x"), 2, "/out/x: Permission denied; choose another"),
        (FileExistsError(errno.EEXIST, "File exists", "/out"), 2, "/out: File exists; choose another place"),
        (PermissionError(errno.EPERM, "canary-4711"), 70, "a bug: PermissionError"),
        (FileNotFoundError(errno.ENOENT, "canary-4711", "x"), 70, "a bug: FileNotFoundError"),
    ],
    ids=["full", "full, no name", "forbidden", "no folder", "what?", "gone"],
)
def test_a_disk_that_refuses_is_no_bug(lines: Any, error: OSError, code: int, words: str) -> None:
    ended, said = leave(error)
    assert ended == code and words in said and lines()[-1]["exit_code"] == code


def test_a_refusal_is_one_line_for_people_and_one_for_machines(lines: Any) -> None:
    code, said = leave(DataError("events: too old", "load newer"))
    assert code == 65
    assert [line for line in said.splitlines() if "too old" in line] == ["churnml: events: too old; load newer"]
    step, end = lines()
    assert (step["message"], step["rows"], step["level"]) == ("step", 3, "info")
    assert (end["event"], end["exit_code"], end["message"]) == ("ended", 65, "events: too old; load newer")


def test_a_good_end_is_logged_and_silent(lines: Any) -> None:
    code, said = leave(None)
    assert code == 0 and "churnml:" not in said.replace("churnml: customer canary-4711 is odd", "")
    assert lines()[-1]["exit_code"] == 0


def test_json_on_standard_error_takes_the_place_of_prose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(logs.ENVIRONMENT, logs.STANDARD_ERROR)
    try:
        code, said = leave(DataError("events: too old"))
    finally:
        monkeypatch.delenv(logs.ENVIRONMENT)
        logs.configure()
    assert code == 65
    own = [json.loads(line) for line in said.splitlines() if "canary" not in line]
    assert [line["message"] for line in own] == ["step", "events: too old"]


def test_a_log_that_cannot_be_written_is_a_configuration_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(logs.ENVIRONMENT, "/proc/no/churn.log")
    code, said = leave(None)
    assert code == 2 and "CHURNML_LOG: /proc/no/churn.log" in said
