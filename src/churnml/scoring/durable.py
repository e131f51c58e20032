"""Files that are written whole or not at all, and a lock that a killed process lets go of."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from churnml.errors import ChurnmlError, ConfigError, LockError

_PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBUSY, errno.ESTALE, errno.EMFILE, errno.ENFILE})
_LASTING = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG}
)


@contextmanager
def lock(path: Path, *, wait_s: float = 0.0) -> Iterator[None]:
    """Hold the only lock on `path`, for at most one process at a time.

    The operating system takes the lock back when its holder ends, however it ends, so that no killed
    run is in the way of the next. The file itself stays.

    Raises
    ------
    LockError
        Another process still holds the lock after `wait_s` seconds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + wait_s
    with path.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise LockError(
                        f"{path}: another run holds the lock", "run the same command again when it has ended"
                    ) from None
                time.sleep(0.05)
        yield


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn the operating system's refusals to write under `folder` into errors that say what to do.

    Raises
    ------
    LockError
        The trouble may pass: the disk is full, or busy, or a device failed.
    ConfigError
        It will not: it may not be written, or there is no folder where one is needed.
    """
    try:
        yield
    except OSError as error:
        if (told := refusal(error, folder)) is not None:
            raise told from error
        raise


def refusal(error: BaseException, place: Path | None = None) -> ChurnmlError | None:
    """What to tell of an operating system's refusal to open or write something; None where it refuses nothing.

    `place` is what was to be written; without it, what the error names. A full disk may pass: a `LockError`. A place
    that may not be written will not: a `ConfigError`.
    """
    if not isinstance(error, OSError):
        return None
    reason = error.strerror or str(error)
    told = f"{place}: cannot be written: {reason}" if place else f"{error.filename or 'a file'}: {reason}"
    if error.errno in _PASSING:
        return LockError(told, "nothing was changed; try again later")
    if error.errno in _LASTING and (place or error.filename):
        return ConfigError(told, "choose another place, or mend its rights")
    return None


def sync(path: Path) -> None:
    """Have the operating system bring a file or a folder's list of names to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def unfinished(path: Path) -> Path:
    """Where the next content of a file is written; a killed process may leave it behind."""
    return path.with_name(f".{path.name}.new")


def replace_text(path: Path, text: str) -> None:
    """Replace the content of a small file; a reader sees the old text or the new one."""
    fresh = unfinished(path)
    fresh.write_text(text, encoding="utf-8", newline="")
    sync(fresh)
    os.replace(fresh, path)
    sync(path.parent)


def write_text(path: Path, text: str) -> Path:
    """Write a file that people read, whole or not at all, into a folder that is made if need be; gives the file.

    Raises what `writing` raises.
    """
    with whole(path) as fresh:
        fresh.write_text(text, encoding="utf-8", newline="")
    return path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A file beside `path` to write to; it takes the place of `path` when the block ends well, and goes otherwise.

    Raises what `writing` raises.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            yield fresh
            sync(fresh)
            os.replace(fresh, path)
        finally:
            with suppress(OSError):
                fresh.unlink(missing_ok=True)


def replace_link(path: Path, target: str) -> None:
    """Point the symbolic link `path` at `target`; a reader follows the old link or the new one."""
    fresh = unfinished(path)
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    os.replace(fresh, path)
    sync(path.parent)


def sha256(path: Path) -> str:
    """The sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
