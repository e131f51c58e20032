"""What the command line shows, in a terminal of any width."""

from __future__ import annotations

import pandas as pd
import pytest

from churnml.report.chapters.chapter import Chapter
from churnml.report.tables import Column, Table
from churnml.terminal import show_chapter, show_table


def test_no_word_of_an_insight_is_cut_off(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    heads = ("Way to drive people out", "Measured", "Disconnected but vocal")
    rows = (("Over-personalisation and over-contact", "Messages in 7 days", "0.77"),)
    tables = (Table("Scorecard", tuple(Column(head) for head in heads), rows), Table("Nothing", (Column("None"),), ()))
    show_chapter(Chapter("ways", "Ways", ("They are nine.",), tables))
    shown = capsys.readouterr().out
    assert "…" not in shown
    for word in " ".join((*heads, *rows[0])).split():
        assert word in shown


def test_no_word_of_a_table_is_cut_off(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    advice = "the first event is of 2023-03-06, so that their first weeks look idle: set history_starts_on: 2023-03-06"
    table = pd.DataFrame({"table": ["customers"], "what": ["sign-ups before the books"], "n": [7], "advice": [advice]})
    for width in range(40, 130):
        monkeypatch.setenv("COLUMNS", str(width))
        show_table(table, "Violations")
        shown = set(capsys.readouterr().out.split())
        assert set(advice.split()) <= shown and {"customers", "sign-ups", "7"} <= shown
