"""What the command line shows, in a terminal of any width."""

from __future__ import annotations

import pytest

from churnml.report.chapters.chapter import Chapter
from churnml.report.tables import Column, Table
from churnml.terminal import show_chapter


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
