"""The page of watched nights in a real browser: what holds of the report's page holds of it."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

REPORT = runpy.run_path(str(Path(__file__).parents[1] / "report" / "test_report_browser.py"))
pytestmark = pytest.mark.browser
browser = REPORT["browser"]
test_no_error_no_request = REPORT["test_no_error_no_request_and_no_script_of_a_customer"]
test_never_scrolls_sideways = REPORT["test_the_page_never_scrolls_sideways_and_tables_scroll_in_their_box"]
test_figures_are_of_reading_size = REPORT["test_figures_show_one_drawing_in_letters_of_reading_size"]
test_every_figure_has_a_name = REPORT["test_every_figure_has_an_accessible_name"]
test_letters_stand_out = REPORT["test_letters_stand_out_from_the_paper"]
test_all_is_reached_by_keyboard = REPORT["test_everything_that_can_be_worked_is_reached_by_keyboard"]
test_it_prints_with_its_tables = REPORT["test_it_prints_with_the_tables_behind_the_charts"]
test_no_letter_is_cut_off = REPORT["test_no_letter_of_a_figure_is_cut_off"]
test_axe_finds_nothing_serious = REPORT["test_axe_finds_nothing_serious"]


@pytest.fixture(scope="module")
def address(browser: Any, tmp_path_factory: pytest.TempPathFactory, page: str) -> str:
    browser.get("about:blank")  # so that the page a browser begins with has made its requests
    file = tmp_path_factory.mktemp("watched") / "monitor.html"
    file.write_text(page, encoding="utf-8")
    return file.as_uri()


@pytest.fixture(scope="module")
def how_many_figures() -> int:
    return 6
