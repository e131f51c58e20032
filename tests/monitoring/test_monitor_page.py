"""The page of watched nights."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from churnml.config import Scoring
from churnml.report.monitor import render_monitor, sentence

WORDS = ("no purchase for 42 days", "a complaint")


def test_the_verdict_comes_first(story: Any, page: str) -> None:
    said = "The night of 4 May 2024 was worse than promised, and later nights have drifted away from the training"
    assert sentence(story) == said
    assert re.findall(r"<h1>(.*?)</h1>", page) == [said]
    assert "8 of 9 judged" not in page and "9 of 16" in page


def test_same_nights_same_bytes(story: Any, page: str) -> None:
    assert render_monitor(story, Scoring(), definition_of=WORDS) == page


def test_it_asks_nothing_of_a_network_and_has_no_script(page: str) -> None:
    assert "<script" not in page and not re.search(r"(?:src|href)=\"(?:https?:)?//", page)
    assert "url(http" not in page and "@import" not in page


def test_texts_are_inert(page: str) -> None:
    assert "<b>gone</b>" not in page and "&lt;b&gt;gone" in page


def test_every_figure_has_a_name_and_a_table(page: str) -> None:
    figures = re.findall(r"<figure.*?</figure>", page, re.DOTALL)
    assert len(figures) == 6  # four figures of merit, who left, and drift
    for figure in figures:
        assert 'role="img" aria-label="' in figure and "<table" in figure
    used = re.findall(r' id="([^"]+)"', page)
    assert len(used) == len(set(used))


def test_every_night_stands_on_the_page(story: Any, page: str) -> None:
    table = page[page.index('id="nights-title"') :]
    rows = table[: table.index("</table>")].count("<tr>")
    assert rows == 1 + len(story.nights)
    assert table.count("worse than promised") == 1 and "withdrawn" in table and "estimated" in table


def test_one_night_alone_is_drawn(made_night: Callable[..., Any], made_watch: Callable[..., Any]) -> None:
    alone = made_watch([made_night(0, n=500)])
    assert "The one judged night was as good as promised" in render_monitor(alone, Scoring(), definition_of=WORDS)


@pytest.mark.parametrize("how", [{"waiting": True, "n": 500}, {"why": "damaged", "n": 500}])
def test_what_is_not_known_is_said_to_be(
    made_night: Callable[..., Any], made_watch: Callable[..., Any], how: dict[str, Any]
) -> None:
    text = render_monitor(made_watch([made_night(0, **how)]), Scoring(), definition_of=WORDS)
    assert "No night can be judged yet" in text and "not known" in text and "nan" not in re.sub(r"<[^>]+>", "", text)
    assert "Nothing is worse than promised" not in text  # nothing was looked at
    assert ("is left out" in text) == ("why" in how)
