"""The SQL of each family of features, in both dialects, as it was when a person last read it.

A change of the SQL shows up in review beside the change of the code. After one, write the files again and read the
difference: `PYTHONPATH=src python tests/features/test_golden_sql.py`.
"""

from __future__ import annotations

from pathlib import Path

import ibis
import pytest

from churnml.contract import EVENTS, KINDS
from churnml.features.build import build
from churnml.features.registry import FAMILIES, Context, Inventory, declare
from churnml.timeline import CLOCKS

GOLDEN = Path(__file__).parent / "golden"
DIALECTS = {"duckdb": "duckdb", "spark": "pyspark"}
CONTEXT = Context(digital_channels=("app",), dark_channels=("forum",))
FEW = ("activity", "purchase", "error")
"""Enough kinds for a family that has the same features for each kind."""


def written(family: str, dialect: str) -> str:
    """The query for a family, for data that lack nothing, over tables called `events` and `spine`."""
    kinds = FEW if family == "recency" else sorted(KINDS)
    found = Inventory(dict.fromkeys(kinds, frozenset(EVENTS)), ("app", "forum"))
    types = {name: kind for name, kind in EVENTS.items() if name not in CLOCKS}
    events = ibis.table(types | dict.fromkeys(("age_days", "age_s", "due_in_s"), "int64"), name="events")
    spine = ibis.table({"customer_id": "string", "tenure_days": "int64", "days_to_end": "int64"}, name="spine")
    table = build(spine, events, declare(CONTEXT, found, (family,)).features, CONTEXT)
    getattr(ibis, DIALECTS[dialect])  # loads the dialect's own options
    return f"{ibis.to_sql(table, dialect=DIALECTS[dialect])}\n"


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("family", FAMILIES)
def test_the_sql_is_as_it_was_read(family: str, dialect: str) -> None:
    if dialect == "spark":
        pytest.importorskip("pyspark")
    file = GOLDEN / dialect / f"{family}.sql"
    assert written(family, dialect) == file.read_text(encoding="utf-8"), f"{Path(__file__).name} says how to renew it"


def test_there_is_no_other_golden_file() -> None:
    assert {(file.parent.name, file.stem) for file in GOLDEN.rglob("*.sql")} == {
        (dialect, family) for dialect in DIALECTS for family in FAMILIES
    }


if __name__ == "__main__":
    for dialect in DIALECTS:
        (GOLDEN / dialect).mkdir(parents=True, exist_ok=True)
        for family in FAMILIES:
            (GOLDEN / dialect / f"{family}.sql").write_text(written(family, dialect), encoding="utf-8")
