"""Insights on the page, and printed: of a company with a champion and a published night."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from churnml.insights.census import COLUMNS, HEARD, UNHEARD, DarkMatter
from churnml.insights.findings import Insights
from churnml.insights.response import fast_response
from churnml.report.chapters.hearing import unheard
from churnml.report.chapters.leaving import answers


@pytest.fixture(scope="module")
def published(company: Any, cli: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A night of its own, so that other tests keep theirs."""
    config: Path = company.configure(tmp_path_factory.mktemp("insights"))
    scored = cli("score", config, "--as-of", company.as_of, "--json")
    assert scored.code == 0, scored.err
    return config


def test_insights_are_printed_and_told_to_machines(published: Path, cli: Callable[..., Any]) -> None:
    told = cli("insights", published, "--json")
    assert told.code == 0, told.err
    found = told.json
    assert found["as_of"] == "2024-07-01" and found["silent_share"]["overall"]["verdict"] == "below"
    assert len(found["scorecard"]["table"]) == 9
    # The champion was trained with recency and complaints only: broken promises move nothing.
    risk = {row["way"]: row["risk_share"] for row in found["scorecard"]["table"]}
    assert risk["broken promises"] == 0 < risk["product failures"] < 1
    assert found["iceberg"]["table"][0]["friction"] == "any friction"
    earlier = cli("insights", published, "--as-of", "2024-03-01")
    assert earlier.code == 0, earlier.err
    for heading in ("Who leaves without a word", "The iceberg", "What a fast answer is worth", "Dark matter"):
        assert heading in earlier.out
    assert "On 1 March 2024" in earlier.out


@pytest.mark.parametrize("since", [None, date(2023, 7, 1)])
def test_the_unheard_are_told_with_the_day_from_which_the_books_know(since: date | None) -> None:
    row = dict.fromkeys(COLUMNS, float("nan")) | {"customers": 70.0, "share": 0.7}
    table = pd.DataFrame([row | {"who": UNHEARD}, row | {"who": HEARD, "customers": 30.0, "share": 0.3}])
    dark = DarkMatter(table, pd.DataFrame(), float("nan"), 365, since=since)
    chapter = unheard(cast(Any, SimpleNamespace(dark_matter=dark, today=date(2024, 7, 1), currency="EUR")))
    told = " ".join(
        (chapter.title, chapter.sentences[0], *(str(part) for table in chapter.tables for part in table.rows))
    )
    if since is None:
        assert "nobody has ever talked with" in told and "had never contacted service" in told
        assert "'Never heard'" in told and "since" not in told
    else:
        assert told.count("since 1 July 2023") == 3 and "ever" not in told.replace("every", "")


def test_too_few_slow_answers_are_said_in_whole_words() -> None:
    quick = {"response_s": 60.0, "resolution_s": 600.0, "there": True, "left": False, "spent_before": np.nan}
    frame = pd.DataFrame([quick | {"spent_after": np.nan, "voiced": number % 2 == 0} for number in range(40)])
    told = fast_response(frame.assign(customer_id=range(40), group_id=range(40)))
    said = answers(cast(Insights, SimpleNamespace(fast_response=told, currency="EUR", horizon_days=30))).sentences
    for cases in ("cases", "complaints"):
        assert f"Too few {cases} were answered within a day, or too few later, to compare the two." in said


def test_too_early_a_day_is_refused(published: Path, cli: Callable[..., Any]) -> None:
    refused = cli("insights", published, "--as-of", "2023-02-01")
    assert refused.code == 65 and "no snapshot is mature" in refused.err


def test_the_page_has_insights_where_they_are_asked_for(
    published: Path, cli: Callable[..., Any], tmp_path: Path
) -> None:
    pages = []
    for name in ("first", "second"):
        made = cli("report", published, "--insights", "--quotes", "--out", tmp_path / name, "--json")
        assert made.code == 0, made.err
        pages.append((tmp_path / name).read_text(encoding="utf-8"))
    assert pages[0] == pages[1]
    page = pages[0]
    assert "Voice events 90d" not in page  # the rules are told in words
    assert page.count(' id="insight-') - page.count('id="insight-untold"') == 9 and 'id="figure-iceberg1"' in page
    assert 'id="figure-silence1"' in page and 'id="figure-shapes"' in page and "Not known: how" not in page
    figures = re.findall(r'<figure id="([^"]+)">.*?</figure>', page, re.DOTALL)
    assert len(figures) == len(set(figures))
    assert all("<table" in figure for figure in re.findall(r"<figure.*?</figure>", page, re.DOTALL))
    assert cli("report", published, "--out", tmp_path / "plain").code == 0
    plain = (tmp_path / "plain").read_text(encoding="utf-8")
    assert "insight-" not in plain and "<blockquote>" not in plain and len(plain) < len(page)
