"""The presets are frozen: the numbers behind each of them, and what a small simulation of each of them holds.

`frozen.json` is written anew, together with a new VERSION in presets.py, by

    python tests/datasets/test_simulator_frozen.py
"""

from __future__ import annotations

import hashlib
import json
import re
import runpy
import tempfile
from dataclasses import fields
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from churnml.datasets.simulator import PRESETS, TRAPS, simulate
from churnml.datasets.simulator.presets import VERSION, Preset, Shocks
from churnml.datasets.simulator.tables import VOCABULARIES, columns_of
from churnml.datasets.simulator.truth import MANNERS, REASONS

FILE = Path(__file__).parent / "frozen.json"
PAGE = Path(__file__).parents[2] / "docs" / "simulator.md"
HELP = (
    "the presets are frozen, because models are compared on them. A change of their numbers or of the recipe is a new "
    "VERSION (presets.py) and makes earlier benchmarks incomparable; if that is meant, raise it and run "
    "python tests/datasets/test_simulator_frozen.py"
)


def contents(name: str, folder: Path) -> str:
    """SHA-256 of the values of all tables, the truth's too, of 120 customers over twelve months.

    Of the values and not of the files, so that another version of the Parquet library gives the same. Fractions count
    to six digits, because mathematical functions differ in the last ones between processors.
    """
    made = simulate(120, 1, folder, preset=PRESETS[name], months=12)
    digest = hashlib.sha256()
    for path in [*(made.frames[table] for table in sorted(made.frames)), *sorted(made.truth.glob("*.parquet"))]:
        table = pq.read_table(path).to_pandas()
        digest.update(f"{path.stem} {table.shape}".encode())
        digest.update(table.to_csv(index=False, float_format="%.6g", lineterminator="\n").encode())
    return digest.hexdigest()


def frozen() -> dict[str, object]:
    """What `frozen.json` holds."""
    with tempfile.TemporaryDirectory() as folder:
        told = {
            name: {"numbers": preset.digest(), "contents": contents(name, Path(folder) / name)}
            for name, preset in PRESETS.items()
        }
    return {"version": VERSION, "presets": told}


@pytest.mark.parametrize("name", list(PRESETS))
def test_the_numbers_of_a_preset_are_frozen(name: str) -> None:
    held = json.loads(FILE.read_text(encoding="utf-8"))
    assert (VERSION, PRESETS[name].digest()) == (held["version"], held["presets"][name]["numbers"]), HELP


@pytest.mark.parametrize("name", list(PRESETS))
def test_the_recipe_is_frozen(name: str, tmp_path: Path) -> None:
    held = json.loads(FILE.read_text(encoding="utf-8"))
    assert contents(name, tmp_path) == held["presets"][name]["contents"], HELP


# ---- the page ------------------------------------------------------------------------------------------------------


def test_the_page_gives_the_numbers_of_the_presets() -> None:
    generator = runpy.run_path(str(PAGE.parent / "make_presets.py"))
    assert PAGE.read_text(encoding="utf-8") == generator["page"](), "run python docs/make_presets.py"
    named = set(re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert {field.name for kind in (Preset, Shocks) for field in fields(kind)} - named <= {"name"}


def test_the_page_names_every_table_column_and_trap() -> None:
    prose = re.sub(r"```.*?```", "", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    named = set(re.findall(r"`([^`]+)`", prose))
    words = {word for text in named for word in re.findall(r"\w+", text)}
    for vocabulary in VOCABULARIES.values():
        assert set(vocabulary.names.values()) <= words
        assert {column for columns in columns_of(vocabulary).values() for column in columns} <= words
    assert set(TRAPS) <= named
    assert {*MANNERS, *REASONS} <= named


if __name__ == "__main__":
    FILE.write_text(json.dumps(frozen(), indent=2) + "\n", encoding="utf-8")
