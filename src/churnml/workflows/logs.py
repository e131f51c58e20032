"""What a run says: warnings for people on standard error and, if `CHURNML_LOG` says so, JSON lines for machines.

`CHURNML_LOG=-` writes JSON to standard error instead of prose; any other value is a file that lines are added to. A
line has `at` (UTC), `level`, `logger`, `message` and what the event says of itself (`stage`, `seconds`, `rows`, ...).

Neither holds a customer's values: churnml's own messages are names and counts, other libraries' messages are left out
of the JSON, and of an unforeseen error only its type and place are told.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from churnml.errors import ChurnmlError, ConfigError

ENVIRONMENT = "CHURNML_LOG"
STANDARD_ERROR = "-"
_OWN = "churnml"


class JsonLines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        said: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "event", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            said["error"] = place_of(record.exc_info[1])
        return json.dumps(said, sort_keys=True, ensure_ascii=False, default=str)


def configure() -> None:
    """Send warnings to standard error, and JSON lines to where `CHURNML_LOG` says.

    Raises
    ------
    ConfigError
        The file cannot be written.
    """
    target = os.environ.get(ENVIRONMENT)
    own = logging.getLogger(_OWN)
    for handler in [handler for handler in own.handlers if isinstance(handler.formatter, JsonLines)]:
        own.removeHandler(handler)
        handler.close()
    own.setLevel(logging.NOTSET)
    own.propagate = True
    everybody = logging.getLogger()
    if not everybody.handlers:
        people = logging.StreamHandler(sys.stderr)
        people.setFormatter(logging.Formatter("churnml: %(message)s"))
        people.setLevel(logging.WARNING)
        people.addFilter(_for_people)
        everybody.addHandler(people)
    if target:
        try:
            lines = logging.StreamHandler(sys.stderr) if target == STANDARD_ERROR else _file(Path(target))
        except OSError as error:
            raise ConfigError(
                f"{ENVIRONMENT}: {target}: {error.strerror}", "name a file that can be written"
            ) from error
        lines.setFormatter(JsonLines())
        own.addHandler(lines)
        own.setLevel(logging.INFO)
        own.propagate = target != STANDARD_ERROR


def ended(error: BaseException | None, code: int, message: str) -> None:
    """Tell the machines how the run ended."""
    own = logging.getLogger(f"{_OWN}.run")
    known = error is None or isinstance(error, ChurnmlError | KeyboardInterrupt)
    event = {"event": "ended", "exit_code": code} | ({} if known or error is None else {"error": place_of(error)})
    own.log(logging.ERROR if code else logging.INFO, message, extra={"event": event, "machines_only": True})


def prose() -> bool:
    """Whether people read standard error; not where machines do."""
    return os.environ.get(ENVIRONMENT) != STANDARD_ERROR


@contextmanager
def stage(log: logging.Logger, name: str, **about: Any) -> Iterator[dict[str, Any]]:
    """Log a step with its seconds and the peak memory so far, when it has ended well; add to the event what it found.

    >>> with stage(logging.getLogger("churnml.example"), "score") as event:
    ...     event["rows"] = 3
    """
    event: dict[str, Any] = {"event": "stage", "stage": name, **about}
    begun = time.monotonic()
    yield event
    event["seconds"] = round(time.monotonic() - begun, 3)
    event["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    log.info("%s took %.1f s", name, event["seconds"], extra={"event": event})


def place_of(error: BaseException) -> str:
    """The type of an error and the line of churnml it came from: what its text says may be a customer's.

    >>> place_of(KeyError("4711"))
    'KeyError'
    """
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if f"{os.sep}churnml{os.sep}" in frame.filename
    ]
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"


def _file(path: Path) -> logging.Handler:
    path.parent.mkdir(parents=True, exist_ok=True)
    return logging.FileHandler(path, encoding="utf-8")


def _for_people(record: logging.LogRecord) -> bool:
    return not getattr(record, "machines_only", False)
