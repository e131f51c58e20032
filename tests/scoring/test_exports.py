"""What leaves the system: who is on a list, and that no cell of it can run anything."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnml.config import CsvSink
from churnml.errors import ConfigError
from churnml.scoring.exports import call_list, defused, forget_row, write_call_list
from churnml.scoring.sinks import SCORES


def scores(*rows: dict[str, Any]) -> pa.Table:
    usual = {
        "as_of": date(2024, 3, 1),
        "p_silent": 0.6,
        "p_vocal": 0.1,
        "p_retained": 0.3,
        "risk_band": "high",
        "model_version": "3",
        "run_id": "r",
        "schema_version": "1",
    }
    return pa.Table.from_pylist([usual | row for row in rows], schema=SCORES)


def read(text: str, separator: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))


@given(st.text(max_size=12))
def test_no_cell_begins_like_a_formula_or_ends_its_row(text: str) -> None:
    cell = defused(text)
    assert not cell.lstrip().startswith(("=", "+", "-", "@", "|", "%", "\uff1d", "\uff0b", "\uff0d", "\uff20"))
    assert len(cell.splitlines()) <= 1 and not any(ord(sign) < 32 for sign in cell)
    assert read(call_list(scores({"customer_id": "c", "reason_1": text}), CsvSink(path="x.csv"), ()))[1][4] == cell


@pytest.mark.parametrize("payload", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =cmd|' /C calc'!A0", "\uff1d1"])
def test_formulas_are_defused(payload: str) -> None:
    assert defused(payload).lstrip("' \t") != defused(payload)
    assert defused(payload).startswith("'")


def listed(table: pa.Table, withheld: tuple[str, ...] = (), **sink: Any) -> list[str]:
    """Who stands on the list, in its order."""
    return [row[0] for row in read(call_list(table, CsvSink(path="x.csv", **sink), withheld))[1:]]


def test_where_nothing_is_known_of_worth_the_list_holds_who_may_be_contacted_and_is_at_risk_riskiest_first() -> None:
    table = scores(
        {"customer_id": "a", "p_silent": 0.5},
        {"customer_id": "b", "p_silent": 0.7, "reason_1": "No order; usually 3, now 0"},
        {"customer_id": "c", "risk_band": "low"},
        {"customer_id": "d", "p_silent": 0.9, "excluded_because": "not contactable"},
        {"customer_id": "e", "p_silent": 0.8},
        {"customer_id": "f", "p_silent": 0.8, "excluded_because": "in a campaign lately"},
    )
    cells = read(call_list(table, CsvSink(path="x.csv", separator=";"), {"e"}), ";")
    assert cells[0] == [
        *("customer_id", "as_of", "p_silent", "risk_band", "reason_1", "reason_2", "reason_3"),
        *("action_channel", "expected_net_value"),
    ]
    assert [row[0] for row in cells[1:]] == ["b", "a"]
    assert cells[1][4] == "No order; usually 3, now 0"
    assert listed(table, ("e",), risk_bands=("low",)) == ["c"]


def test_where_the_night_says_whom_to_contact_nobody_else_is_on_the_list_and_the_best_are_first() -> None:
    table = scores(
        {"customer_id": "a", "action": "contact", "expected_net_value": 5.0},
        {"customer_id": "b", "action": "contact", "expected_net_value": 9.0, "risk_band": "low", "p_silent": 0.1},
        {"customer_id": "c", "action": "contact", "expected_net_value": 5.0},
        {"customer_id": "d", "action": "contact", "expected_net_value": 7.0},
        {"customer_id": "e", "action": "hold out", "expected_net_value": 99.0, "held_out": True},
        {"customer_id": "f", "action": "wait", "expected_net_value": 4.0},
        {"customer_id": "g", "action": "leave alone", "expected_net_value": -1.0},
        {"customer_id": "h", "expected_net_value": 50.0, "excluded_because": "in a campaign lately"},
        {"customer_id": "i"},
    )
    assert listed(table) == ["b", "d", "a", "c"]
    assert listed(table, ("d",)) == ["b", "a", "c"]
    assert listed(table, risk_bands=("high", "medium")) == ["d", "a", "c"]
    assert listed(table.slice(4)) == []  # nobody is to be contacted, and the risky are not called instead


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_no_cell_begins_within_another_for_whoever_takes_another_sign_for_the_separator(separator: str) -> None:
    table = scores({"customer_id": "c", "reason_1": 'No order,=1+1;=2+2"; "=3'})
    text = call_list(table, CsvSink(path="x.csv", separator=separator, columns=("reason_1", "risk_band")), ())  # type: ignore[arg-type]
    assert text == f'"reason_1"{separator}"risk_band"\r\n"No order,=1+1;=2+2""; ""=3"{separator}"high"\r\n'


def test_an_unknown_column_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="the scores have no 'telephone'"):
        call_list(scores({"customer_id": "a"}), CsvSink(path="x.csv", columns=("telephone",)), ())


def test_forgetting_takes_the_row_off_the_list(tmp_path: Path) -> None:
    sink = CsvSink(path=str(tmp_path / "lists" / "calls.csv"))
    table = scores({"customer_id": "-7", "reason_1": "=x"}, {"customer_id": "8", "reason_1": 'says "no"\n'})
    write_call_list(table, sink, ())
    whole = (tmp_path / "lists" / "calls.csv").read_bytes()
    assert forget_row(sink, "nobody") == 0 and (tmp_path / "lists" / "calls.csv").read_bytes() == whole
    assert forget_row(sink, "-7") == 1
    assert (tmp_path / "lists" / "calls.csv").read_bytes() == call_list(table.slice(1), sink, ()).encode()
    (tmp_path / "lists" / ".calls.csv.new").write_text("-7")  # of a run that was killed
    assert forget_row(sink, "-7") == 0 and not (tmp_path / "lists" / ".calls.csv.new").exists()
    nameless = CsvSink(path=sink.path, columns=("reason_1",))
    write_call_list(table, nameless, ())
    assert forget_row(nameless, "8") == 2 and not Path(sink.path).exists()
