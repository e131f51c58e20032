"""The call list for a CRM: a CSV file that a spreadsheet can open without running anything that is in it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterable, Sequence
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from churnml.config import CsvSink
from churnml.errors import ConfigError
from churnml.scoring.consent import contactable
from churnml.scoring.durable import replace_text, unfinished, writing
from churnml.scoring.sinks import SCORES
from churnml.targeting.policy import CONTACT

_FORMULA = re.compile(r"^\s*[=+\-@\uff1d\uff0b\uff0d\uff20|%]")
UNDECIDED_BANDS = ("high", "medium")
"""Whom to call where the night cannot say whom to contact."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]+")


def defused(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe before what begins like one (OWASP, CSV injection).

    Control characters and line breaks, which may begin a new cell or row, become a space.

    >>> defused("=HYPERLINK(A1)"), defused("No order for 40 days"), defused("a\\n=b")
    ("'=HYPERLINK(A1)", 'No order for 40 days', 'a =b')
    """
    plain = _CONTROL.sub(" ", text)
    return f"'{plain}" if _FORMULA.match(plain) else plain


def check_columns(sink: CsvSink) -> None:
    """Raise a ConfigError when the list asks for a column that the scores do not have."""
    if unknown := [name for name in sink.columns if name not in SCORES.names]:
        raise ConfigError(
            f"scoring.sinks.csv.columns: the scores have no {unknown[0]!r}", f"they have {', '.join(SCORES.names)}"
        )


def to_call(scores: pa.Table, risk_bands: Sequence[str] | None = None) -> pa.Table:
    """The scores of those to call, in the order of a call list.

    Where the night says what to do, whom it says to contact, by falling expected net value. Where it cannot say, those
    whom nothing excludes, by falling chance of leaving silently. Of these risk bands; if none are given, of all where
    the night has chosen, and of `UNDECIDED_BANDS` where it has not.
    """
    if known := scores["action"].null_count < scores.num_rows:
        chosen = scores.filter(pc.fill_null(pc.equal(scores["action"], CONTACT), False))
    else:
        chosen = scores.filter(pc.is_null(scores["excluded_because"]))
    bands = risk_bands if risk_bands is not None or known else UNDECIDED_BANDS
    if bands is not None:
        chosen = chosen.filter(pc.is_in(chosen["risk_band"], value_set=pa.array(bands, pa.string())))
    first = "expected_net_value" if known else "p_silent"
    return chosen.sort_by([(first, "descending"), ("customer_id", "ascending")])


def call_list(scores: pa.Table, sink: CsvSink, withheld: Collection[str]) -> str:
    """The text of the list: those to call (see `to_call`), of the configured bands.

    `withheld` are customers who may not be contacted by now, whatever the scores say.
    """
    check_columns(sink)
    chosen = contactable(to_call(scores, sink.risk_bands), withheld)
    batches = chosen.select(list(sink.columns)).to_batches(max_chunksize=10_000)
    cells = (zip(*(map(_cell, column.to_pylist()) for column in batch), strict=True) for batch in batches)
    return _text([sink.columns, *chain.from_iterable(cells)], sink)


def write_call_list(scores: pa.Table, sink: CsvSink, withheld: Collection[str]) -> Path:
    """Write the list, whole or not at all; a CRM that reads meanwhile sees the old one or the new one."""
    path = Path(sink.path)
    text = call_list(scores, sink, withheld)
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_text(path, text)
    return path


def forget_row(sink: CsvSink, customer: str) -> int:
    """Take a customer off the list that lies there; gives how many rows went.

    A list without a column of ids cannot tell who is on it: it is removed, and the next night writes it again.
    """
    path = Path(sink.path)
    unfinished(path).unlink(missing_ok=True)
    if not path.exists():
        return 0
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file, delimiter=sink.separator)) or [[]]
    if "customer_id" not in header:
        path.unlink()
        return len(rows)
    place = header.index("customer_id")
    kept = [row for row in rows if row[place] != defused(customer)]
    with writing(path.parent):
        replace_text(path, _text([header, *kept], sink))
    return len(rows) - len(kept)


def _text(rows: Iterable[Sequence[object]], sink: CsvSink) -> str:
    """Rows as CSV, every cell quoted: a program that takes another sign for the separator begins no cell within one."""
    lines = io.StringIO()
    csv.writer(lines, delimiter=sink.separator, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)
    return lines.getvalue()


def _cell(value: object) -> object:
    return defused(value) if isinstance(value, str) else value
