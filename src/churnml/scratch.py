"""Folders for what a job writes down while it works: gone when it ends or, if it was killed, when the next begins."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from churnml.errors import LockError

PREFIX = "churnml-tables-"


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder of this process's own among the temporary files; those that dead processes left are removed.

    Such a folder holds customers' rows, and much of the disk. Its process keeps a lock on it, which the operating
    system takes back however the process ends: an unlocked one belongs to nobody.

    Raises
    ------
    LockError
        It cannot be made, as on a full disk.
    """
    try:
        base = Path(tempfile.gettempdir())
        for left in base.glob(f"{PREFIX}*"):
            _remove(left)
        path, descriptor = _made(base)
    except OSError as error:
        advice = "free some space, or name another folder in TMPDIR"
        raise LockError(f"no folder for temporary files: {error.strerror or error}", advice) from error
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(descriptor)


def _made(base: Path) -> tuple[Path, int]:
    """A new folder and the lock on it; another one where somebody took it for a dead process's before it was locked."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
        with suppress(FileNotFoundError):
            if (descriptor := _locked(path)) is not None:
                if path.exists():
                    return path, descriptor
                os.close(descriptor)


def _remove(path: Path) -> None:
    with suppress(OSError):  # of another user, or just removed by another process
        if (descriptor := _locked(path)) is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(descriptor)


def _locked(path: Path) -> int | None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
