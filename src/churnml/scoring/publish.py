"""Publishing a night: whole or not at all, whatever kills it.

    <published>/<project>/CURRENT                      the name of the night to read
    <published>/<project>/nights/<as_of>-<run>/        scores.parquet, manifest.json and what was added
    <published>/<project>/staging/                     a run in progress; whatever a dead run left is removed

A night is written in a staging folder, brought to the disk, renamed into `nights` and only then named by
`CURRENT`, which is replaced in one step. `CURRENT` goes forward in time only: scoring an earlier day again
adds a night and leaves it where it is.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from churnml.errors import DataError
from churnml.scoring.durable import lock, replace_text, sha256, sync, writing
from churnml.scoring.sinks import SCHEMA_VERSION, SCORES_FILE, read_scores, write_scores

MANIFEST_FILE = "manifest.json"
_NIGHT = re.compile(r"(\d{4}-\d{2}-\d{2})-([0-9a-f]{12})(?:-(\d+))?")


@dataclass(frozen=True)
class Run:
    """What a night was made from; all of it goes into the manifest, none of it names a customer."""

    run_id: str
    project: str
    as_of: date
    known_at: date | datetime
    model_version: str
    warnings: tuple[str, ...] = ()
    lineage: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Night:
    """One published night."""

    folder: Path

    @property
    def name(self) -> str:
        """`<as_of>-<first 12 of the run id>`, and a number where a damaged night was published again."""
        return self.folder.name

    @property
    def as_of(self) -> date:
        """The day that was scored."""
        return date.fromisoformat(self.name[:10])

    def manifest(self) -> dict[str, Any]:
        """What the manifest says. DataError when it is missing, unreadable or was changed."""
        path = self.folder / MANIFEST_FILE
        try:
            manifest = json.loads(path.read_bytes())
            stated = manifest.pop("digest")
        except FileNotFoundError:
            raise DataError(f"{path}: missing", "publish the night again with churnml score") from None
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            raise DataError(f"{path}: cannot be read", "publish the night again with churnml score") from error
        if stated != _digest(manifest):
            raise DataError(f"{path}: was changed after it was published", "publish the night again")
        return dict(manifest)

    def scores(self) -> pa.Table:
        """The scores, of schema `SCORES`."""
        return read_scores(self.folder)

    def problems(self) -> tuple[str, ...]:
        """Everything that is not as it was published: hash every file again. Empty when the night is whole."""
        try:
            manifest = self.manifest()
        except DataError as error:
            return (str(error),)
        found = {path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file()}
        stated = manifest["files"]
        problems = [f"{self.name}/{name}: missing" for name in sorted(set(stated) - found)]
        problems += [
            f"{self.name}/{name}: not part of the night"
            for name in sorted(found - set(stated))
            if name != MANIFEST_FILE
        ]
        for name in sorted(found & set(stated)):
            if sha256(self.folder / name) != stated[name]["sha256"]:
                problems.append(f"{self.name}/{name}: sha256 differs from the manifest's")
        if not problems and pq.read_metadata(self.folder / SCORES_FILE).num_rows != manifest["rows"]:
            problems.append(f"{self.name}/{SCORES_FILE}: not {manifest['rows']} rows")
        if not self.name.startswith(f"{manifest['as_of']}-{manifest['run_id'][:12]}"):
            problems.append(f"{self.name}: the manifest is of another night")
        return tuple(problems)


class Publication:
    """The published nights of one project, in the folder `<published>/<project>`.

    Readers need no lock: `current()` names a night that is whole and stays as it is.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    @contextmanager
    def lock(self, *, wait_s: float = 0.0) -> Iterator[None]:
        """Keep every other run of this project out. LockError (exit code 75) when one is under way."""
        with writing(self.root), lock(self.root / ".lock", wait_s=wait_s):
            yield

    def nights(self) -> tuple[Night, ...]:
        """Every published night, oldest day first."""
        folder = self.root / "nights"
        if not folder.is_dir():
            return ()
        return tuple(Night(path) for path in sorted(folder.iterdir(), key=_order) if _NIGHT.fullmatch(path.name))

    def current(self) -> Night | None:
        """The night that readers should see; None before the first.

        Raises
        ------
        DataError
            `CURRENT` names no published night.
        """
        try:
            name = (self.root / "CURRENT").read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None
        return self.night(name)

    def night(self, name: str) -> Night:
        """A night by its name. DataError when there is none."""
        folder = self.root / "nights" / name
        if not _NIGHT.fullmatch(name) or not folder.is_dir():
            known = ", ".join(night.name for night in self.nights()[-5:]) or "none"
            raise DataError(f"{self.root}: no published night {name!r}", f"the latest are: {known}")
        return Night(folder)

    def find(self, run_id: str) -> Night | None:
        """The whole night that this run published, if it did; a damaged one does not count."""
        for night in reversed(self.nights()):
            if night.name[11:23] == run_id[:12] and not night.problems() and night.manifest()["run_id"] == run_id:
                return night
        return None

    def verify(self, name: str | None = None) -> Night:
        """Hash every file of a night (by default the current one) again.

        Raises
        ------
        DataError
            Nothing is published, or something is missing, added or changed; the message names every such file.
        """
        night = self.current() if name is None else self.night(name)
        if night is None:
            raise DataError(f"{self.root}: nothing is published yet", "run churnml score first")
        if problems := night.problems():
            raise DataError("\n".join(problems), "publish the night again with churnml score")
        return night

    def publish(
        self,
        scores: pa.Table,
        run: Run,
        files: Mapping[str, Path | bytes] | None = None,
        *,
        on_step: Callable[[str], None] | None = None,
    ) -> Night:
        """Publish a night and make it current. Call it while holding `lock()`.

        Parameters
        ----------
        scores : table of schema `SCORES`
        run : what it was made from
        files : further files of the night, by name
        on_step : told the name of each step before it is taken

        The same run published before, and still whole, is not written again.
        """
        step = on_step or (lambda name: None)
        step("clean")
        self.clean()
        if (published := self.find(run.run_id)) is not None:
            self.make_current(published, step)
            return published
        staging = self.root / "staging" / f"{run.as_of}-{run.run_id[:12]}"
        with writing(self.root):
            try:
                staging.mkdir(parents=True)
                step("scores")
                write_scores(scores, staging)
                step("files")
                for name, content in (files or {}).items():
                    _add(staging, name, content)
                step("manifest")
                (staging / MANIFEST_FILE).write_bytes(_manifest(run, scores.num_rows, staging))
                step("sync")
                _sync_all(staging)
                step("rename")
                night = Night(self._place(staging.name))
                night.folder.parent.mkdir(exist_ok=True)
                os.rename(staging, night.folder)
                sync(night.folder.parent)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
        self.make_current(night, step)
        return night

    def make_current(self, night: Night, on_step: Callable[[str], None] | None = None) -> None:
        """Point `CURRENT` at a night, unless it stands at a later day."""
        try:
            current = self.current()
        except DataError:
            current = None
        if current is not None and (current == night or current.as_of > night.as_of):
            return
        if on_step is not None:
            on_step("current")
        with writing(self.root):
            replace_text(self.root / "CURRENT", f"{night.name}\n")
        if on_step is not None:
            on_step("done")

    def clean(self) -> int:
        """Remove what dead runs left behind, and say how many. Call it while holding `lock()`."""
        staging = self.root / "staging"
        dead = list(staging.iterdir()) if staging.is_dir() else []
        for folder in dead:
            shutil.rmtree(folder, ignore_errors=True)
        return len(dead)

    def _place(self, name: str) -> Path:
        """Where a night goes; a damaged one of the same name is left for whoever reads it, and passed by."""
        folder = self.root / "nights" / name
        number = 2
        while folder.exists():
            folder = self.root / "nights" / f"{name}-{number}"
            number += 1
        return folder


def _order(path: Path) -> tuple[str, str, int]:
    match = _NIGHT.fullmatch(path.name)
    return (match[1], match[2], int(match[3] or 1)) if match else ("", path.name, 0)


def _add(folder: Path, name: str, content: Path | bytes) -> None:
    target = folder / name
    if Path(name).name != name or name in (SCORES_FILE, MANIFEST_FILE):
        raise DataError(f"{name!r} cannot be the name of a file beside the scores", "choose a plain file name")
    if isinstance(content, bytes):
        target.write_bytes(content)
    else:
        shutil.copyfile(content, target)


def _manifest(run: Run, rows: int, folder: Path) -> bytes:
    about = {
        **asdict(run),
        "as_of": run.as_of.isoformat(),
        "known_at": run.known_at.isoformat(),
        "lineage": dict(run.lineage),
        "schema_version": SCHEMA_VERSION,
        "rows": rows,
        "files": {
            path.name: {"sha256": sha256(path), "bytes": path.stat().st_size} for path in sorted(folder.iterdir())
        },
    }
    manifest = json.loads(json.dumps(about, default=str))
    manifest["digest"] = _digest(manifest)
    return (json.dumps(manifest, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode()


def _digest(manifest: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _sync_all(folder: Path) -> None:
    for path in folder.iterdir():
        sync(path)
    sync(folder)
