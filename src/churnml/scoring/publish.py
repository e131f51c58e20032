"""Publishing a night: whole or not at all, whatever kills it.

    <published>/<project>/CURRENT                      the name of the night to read
    <published>/<project>/WITHDRAWN                    nights that were rolled back and stay so
    <published>/<project>/nights/<as_of>-<run>/        scores.parquet, manifest.json and what was added
    <published>/<project>/staging/                     a run in progress; whatever a dead run left is removed

A night is written in a staging folder, brought to the disk, renamed into `nights` and only then named by
`CURRENT`, which is replaced in one step. `CURRENT` goes forward in time by itself: scoring an earlier day again
adds a night and leaves it where it is. Only `roll_back` takes it back.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from churnml.config import Config
from churnml.errors import DataError
from churnml.scoring.durable import lock, replace_text, sync, writing
from churnml.scoring.night import MANIFEST_FILE, NAME, Night, Run, manifest_bytes, order
from churnml.scoring.sinks import SCORES_FILE, write_scores

__all__ = ["MANIFEST_FILE", "Night", "Publication", "Run", "publication"]
_SCORE_AGAIN = "publish the night again with churnml score"


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
        return tuple(Night(path) for path in sorted(folder.iterdir(), key=order) if NAME.fullmatch(path.name))

    def current(self) -> Night | None:
        """The night that readers should see; None before the first.

        Raises
        ------
        DataError
            `CURRENT` names no published night.
        """
        try:
            name = (self.root / "CURRENT").read_text(encoding="utf-8", errors="replace").strip()
        except FileNotFoundError:
            return None
        return self.night(name)

    def night(self, name: str) -> Night:
        """A night by its name. DataError when there is none."""
        folder = self.root / "nights" / name
        if not NAME.fullmatch(name) or not folder.is_dir():
            known = ", ".join(night.name for night in self.nights()[-5:]) or "none"
            raise DataError(f"{self.root}: no published night {name!r}", f"the latest are: {known}")
        return Night(folder)

    def find(self, run_id: str) -> Night | None:
        """The whole night that this run published, if it did; a damaged one does not count."""
        for night in reversed(self.nights()):
            if night.name[11:23] == run_id[:12] and not night.problems() and night.manifest()["run_id"] == run_id:
                return night
        return None

    def before(self, as_of: date, days: int) -> tuple[Night, ...]:
        """The newest night of each of the `days` days before `as_of`, oldest first; withdrawn ones do not count."""
        withdrawn = self.withdrawn()
        start = as_of - timedelta(days=days)
        found = {n.as_of: n for n in self.nights() if start <= n.as_of < as_of and n.name not in withdrawn}
        return tuple(found[day] for day in sorted(found))

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
            raise DataError("\n".join(problems), _SCORE_AGAIN)
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
        if (published := self.find(run.run_id)) is None:
            published = self._place(scores, run, files or {}, step)
        self.make_current(published, step)
        return published

    def republish_without(self, night: Night, customers: Collection[str]) -> Night | None:
        """Replace a night by one without these customers, under a new manifest, and remove it. Hold `lock()`.

        Whatever kills it, calling it again ends in the same state. None when nobody of them is in the night.

        Raises
        ------
        DataError
            The night is damaged.
        """
        self.clean()
        if problems := night.problems():
            raise DataError("\n".join(problems), _SCORE_AGAIN)
        scores = night.scores()
        theirs = pc.is_in(scores["customer_id"], value_set=pa.array(sorted(customers), pa.string()))
        if not (number := pc.sum(theirs).as_py() or 0):
            return None
        manifest = night.manifest()
        successor = self.find(manifest["run_id"])  # of a call that was killed
        if successor is None or successor == night or order(successor.folder) < order(night.folder):
            run = Run.of(manifest, forgotten=manifest.get("forgotten", 0) + number)
            others = {name: night.folder / name for name in manifest["files"] if name != SCORES_FILE}
            successor = self._place(scores.filter(pc.invert(theirs)), run, others, lambda name: None)
        if night.name in (withdrawn := self.withdrawn()):
            self._withdraw(withdrawn | {successor.name})
        if self.current() == night:
            self._point_at(successor)
        self.remove(night)
        return successor

    def make_current(self, night: Night, on_step: Callable[[str], None] | None = None) -> None:
        """Point `CURRENT` at a night, unless it stands at a later day or the night was withdrawn."""
        try:
            current = self.current()
        except DataError:
            current = None
        if current is not None and (current == night or current.as_of > night.as_of):
            return
        if night.name in self.withdrawn():
            return
        if on_step is not None:
            on_step("current")
        self._point_at(night)
        if on_step is not None:
            on_step("done")

    def roll_back(self, name: str | None = None) -> Night:
        """Point `CURRENT` at an earlier night (by default the newest whole one of an earlier day). Hold `lock()`.

        The nights after it are withdrawn: scoring the same inputs again does not bring them back, newer inputs do.
        Naming a withdrawn night brings it back.

        Raises
        ------
        DataError
            There is no such night, or it is damaged.
        """
        if name is not None:
            target = self.verify(name)
        else:
            current, withdrawn = self.current(), self.withdrawn()
            earlier = [n for n in self.nights() if current and n.as_of < current.as_of and n.name not in withdrawn]
            found = next((night for night in reversed(earlier) if not night.problems()), None)
            if found is None:
                raise DataError(f"{self.root}: no earlier night to go back to", "see churnml history")
            target = found
        after = {n.name for n in self.nights() if n.as_of >= target.as_of and n != target}
        self._withdraw((self.withdrawn() | after) - {target.name})
        self._point_at(target)
        return target

    def withdrawn(self) -> set[str]:
        """The names of the nights that were rolled back."""
        try:
            return set((self.root / "WITHDRAWN").read_text(encoding="utf-8", errors="replace").split())
        except FileNotFoundError:
            return set()

    def retire(self, keep_days: int) -> tuple[str, ...]:
        """Remove the nights of more than `keep_days` days before the newest, but for the current one. Hold `lock()`."""
        nights, current = self.nights(), self.current()
        if not nights:
            return ()
        oldest = nights[-1].as_of - timedelta(days=keep_days)
        old = [night for night in nights if night.as_of < oldest and night != current]
        for night in old:
            self.remove(night)
        if old and (withdrawn := self.withdrawn()):
            self._withdraw(withdrawn & {night.name for night in self.nights()})
        return tuple(night.name for night in old)

    def remove(self, night: Night) -> None:
        """Remove a night: out of the readers' sight in one step, then from the disk. Hold `lock()`."""
        with writing(self.root):
            grave = self.root / "staging" / f"{night.name}.removed"
            shutil.rmtree(grave, ignore_errors=True)
            grave.parent.mkdir(exist_ok=True)
            os.rename(night.folder, grave)
            sync(night.folder.parent)
            shutil.rmtree(grave, ignore_errors=True)

    def clean(self) -> int:
        """Remove what dead runs left behind, and say how many. Call it while holding `lock()`."""
        staging = self.root / "staging"
        dead = list(staging.iterdir()) if staging.is_dir() else []
        for folder in dead:
            shutil.rmtree(folder, ignore_errors=True)
        return len(dead)

    def _place(
        self, scores: pa.Table, run: Run, files: Mapping[str, Path | bytes], step: Callable[[str], None]
    ) -> Night:
        """Write a night in staging, bring it to the disk, and rename it to where it belongs."""
        staging = self.root / "staging" / f"{run.as_of}-{run.run_id[:12]}"
        with writing(self.root):
            try:
                staging.mkdir(parents=True)
                step("scores")
                write_scores(scores, staging)
                step("files")
                for name, content in files.items():
                    _add(staging, name, content)
                step("manifest")
                (staging / MANIFEST_FILE).write_bytes(manifest_bytes(run, scores.num_rows, staging))
                step("sync")
                for path in staging.iterdir():
                    sync(path)
                sync(staging)
                step("rename")
                night = Night(self._free(staging.name))
                night.folder.parent.mkdir(exist_ok=True)
                os.rename(staging, night.folder)
                sync(night.folder.parent)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
        return night

    def _free(self, name: str) -> Path:
        """Where a night goes: after those of the same run, which are left for whoever reads them."""
        numbers = [order(night.folder)[2] for night in self.nights() if night.name.startswith(name)]
        return self.root / "nights" / (f"{name}-{max(numbers) + 1}" if numbers else name)

    def _point_at(self, night: Night) -> None:
        with writing(self.root):
            replace_text(self.root / "CURRENT", f"{night.name}\n")

    def _withdraw(self, names: set[str]) -> None:
        with writing(self.root):
            replace_text(self.root / "WITHDRAWN", "".join(f"{name}\n" for name in sorted(names)))


def publication(config: Config) -> Publication:
    """Where the nights of a project are published."""
    return Publication(Path(config.paths.published) / config.project)


def _add(folder: Path, name: str, content: Path | bytes) -> None:
    target = folder / name
    if Path(name).name != name or name in (SCORES_FILE, MANIFEST_FILE):
        raise DataError(f"{name!r} cannot be the name of a file beside the scores", "choose a plain file name")
    if isinstance(content, bytes):
        target.write_bytes(content)
    else:
        shutil.copyfile(content, target)
