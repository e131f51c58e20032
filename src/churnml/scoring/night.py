"""One published night: what it was made from, its manifest, and whether its bytes are still those."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from churnml.errors import DataError
from churnml.scoring.durable import sha256
from churnml.scoring.sinks import SCHEMA_VERSION, SCORES_FILE, read_scores

MANIFEST_FILE = "manifest.json"
NAME = re.compile(r"(\d{4}-\d{2}-\d{2})-([0-9a-f]{12})(?:-(\d+))?")
"""The name of a night: its day, the first 12 of the run id, and a number where the run was published again."""


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
    volume: Mapping[str, Any] = field(default_factory=dict)
    forgotten: int = 0

    @classmethod
    def of(cls, manifest: Mapping[str, Any], **changes: Any) -> Run:
        """The run that a manifest tells of, with changes."""
        known = {entry.name: manifest[entry.name] for entry in fields(cls) if entry.name in manifest}
        known |= {"as_of": date.fromisoformat(manifest["as_of"]), "warnings": tuple(manifest["warnings"])}
        known["known_at"] = datetime.fromisoformat(manifest["known_at"])
        return cls(**{**known, **changes})


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

    def scores(self, columns: Sequence[str] | None = None, customers: Collection[str] | None = None) -> pa.Table:
        """The scores, of schema `SCORES`; of some columns or customers only, where these are named."""
        return read_scores(self.folder, columns, customers)

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


def order(path: Path) -> tuple[str, str, int]:
    """Nights in order: by day, by run, and the last publication of a run last."""
    match = NAME.fullmatch(path.name)
    return (match[1], match[2], int(match[3] or 1)) if match else ("", path.name, 0)


def manifest_bytes(run: Run, rows: int, folder: Path) -> bytes:
    """The manifest of the night whose files lie in `folder`: what it was made from, and the sha256 of each file."""
    about = {
        **asdict(run),
        "as_of": run.as_of.isoformat(),
        "known_at": run.known_at.isoformat(),
        "lineage": dict(run.lineage),
        "volume": dict(run.volume),
        "warning_count": len(run.warnings),
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
