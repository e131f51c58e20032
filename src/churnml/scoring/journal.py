"""What became of every run: one line of JSON each, added at the end; whatever a killed writer left is passed over.

    <published>/<project>/journal.jsonl

A line holds the day, the run, how it ended, the reason and how long it took. None holds a customer's values.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "journal.jsonl"
PUBLISHED, UNCHANGED, REFUSED, FAILED = "published", "unchanged", "refused", "failed"


@dataclass(frozen=True)
class Entry:
    """One run: `at` is the host's clock (UTC, ISO 8601), `state` one of published, unchanged, refused and failed."""

    at: str
    as_of: str
    state: str
    exit_code: int
    night: str = ""
    reason: str = ""
    warnings: int = 0
    customers: int = 0
    seconds: float = 0.0


def note(root: Path, entry: Entry) -> None:
    """Add an entry. A journal that cannot be written stops no night, and hides no error."""
    with suppress(OSError):
        root.mkdir(parents=True, exist_ok=True)
        line = json.dumps(asdict(entry), sort_keys=True, ensure_ascii=False) + "\n"
        descriptor = os.open(root / FILE, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            size = os.fstat(descriptor).st_size
            torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            os.write(descriptor, (b"\n" if torn else b"") + line.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def entries(root: Path) -> tuple[Entry, ...]:
    """Every readable entry, oldest first."""
    return tuple(_read(root / FILE))


def _read(path: Path) -> Iterator[Entry]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        with suppress(ValueError, TypeError):
            yield Entry(**json.loads(line))
