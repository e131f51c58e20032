"""The report in a real browser."""

from __future__ import annotations

import base64
import os
import shutil
from pathlib import Path

import pytest

from churnml.report.render import render

pytestmark = pytest.mark.browser

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
)

CONTRAST = """
const channel = v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number);
  return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b); };
const paper = light(getComputedStyle(document.body).backgroundColor);
const poor = [];
for (const node of document.querySelectorAll('body *')) {
  const own = [...node.childNodes].some(child => child.nodeType === 3 && child.textContent.trim());
  const box = node.getBoundingClientRect();
  if (!own || !box.width) continue;
  const style = getComputedStyle(node);
  const ink = light(node instanceof SVGElement ? style.fill : style.color);
  const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
  if (ratio < 4.5) poor.push([node.tagName, node.textContent.slice(0, 40), ratio]);
}
return poor;
"""


def missing() -> str | None:
    for name in ("chromium", "chromedriver"):
        if shutil.which(name) is None:
            return f"{name} is not installed (Debian: apt-get install chromium chromium-driver)"
    return None


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if lack := missing():
        if os.environ.get("CI") == "true":
            pytest.fail(lack)
        pytest.skip(lack)
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def address(tmp_path_factory, build_report):
    sample = build_report()
    hostile = sample.riskiest.assign(
        reason_2='<script>window.hit = 1</script><img src="http://example.invalid/x" onerror="window.hit = 1">',
        reason_3="W" * 300,
    )
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(render(build_report(riskiest=hostile)), encoding="utf-8")
    return file.as_uri()


def view(browser, width: int, scheme: str = "light") -> None:
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def test_no_error_no_request_and_no_script_of_a_customer(browser, address):
    browser.get("about:blank")
    browser.get_log("performance")
    browser.get(address)
    assert browser.get_log("browser") == []
    requested = [
        entry["message"] for entry in browser.get_log("performance") if "Network.requestWillBeSent" in entry["message"]
    ]
    # the page that the browser starts with may still be loading, and asks for its own
    requested = [one for one in requested if '"documentURL":"chrome://' not in one]
    assert [one for one in requested if '"url":"file:' not in one and '"url":"data:' not in one] == []
    assert any(f'"documentURL":"{address}"' in one for one in requested)
    assert browser.execute_script("return window.hit === undefined && !document.querySelector('main img, main script')")


@pytest.mark.parametrize("width", [360, 768, 1200])
def test_the_page_never_scrolls_sideways_and_tables_scroll_in_their_box(browser, address, width):
    browser.get(address)
    view(browser, width)
    browser.execute_script("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.execute_script(
        "return [...document.querySelectorAll('table')].every(each => each.closest('.scroll').tabIndex === 0)"
    )


@pytest.fixture(scope="module")
def how_many_figures() -> int:
    return 14


@pytest.mark.parametrize("width", [360, 1200])
def test_figures_show_one_drawing_in_letters_of_reading_size(browser, address, width, how_many_figures):
    browser.get(address)
    view(browser, width)
    figures = browser.execute_script(
        """return [...document.querySelectorAll('figure')].map(figure => {
          const shown = [...figure.querySelectorAll('svg')].filter(svg => svg.getBoundingClientRect().width > 0);
          const scale = shown[0].getBoundingClientRect().width / shown[0].viewBox.baseVal.width;
          const sizes = [...shown[0].querySelectorAll('text')].map(each => parseFloat(getComputedStyle(each).fontSize));
          return [shown.length, scale * Math.min(...sizes)];
        })"""
    )
    assert len(figures) == how_many_figures
    assert all(shown == 1 and letters >= 11 for shown, letters in figures)


def test_every_figure_has_an_accessible_name(browser, address, how_many_figures):
    browser.get(address)
    tree = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    images = [node for node in tree if node.get("role", {}).get("value") in ("img", "image") and not node["ignored"]]
    assert len(images) == how_many_figures
    assert all(len(image["name"]["value"]) > 30 for image in images)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_stand_out_from_the_paper(browser, address, scheme):
    browser.get(address)
    view(browser, 1200, scheme)
    browser.execute_script("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert browser.execute_script(CONTRAST) == []


def test_dark_is_dark(browser, address):
    browser.get(address)
    papers = []
    for scheme in ("light", "dark"):
        view(browser, 1200, scheme)
        papers.append(browser.execute_script("return getComputedStyle(document.body).backgroundColor"))
    assert papers[0] != papers[1]


def test_everything_that_can_be_worked_is_reached_by_keyboard(browser, address):
    from selenium.webdriver.common.keys import Keys

    browser.get(address)
    view(browser, 1200)
    expected = browser.execute_script("return document.querySelectorAll('a[href], summary').length")
    reached = set()
    for _ in range(200):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        active = browser.switch_to.active_element
        if active.tag_name in ("a", "summary"):
            reached.add(active.id)
        if len(reached) == expected:
            break
    assert len(reached) == expected


def test_it_prints_with_the_tables_behind_the_charts(browser, address):
    browser.get(address)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    hidden = browser.execute_script(
        "return [...document.querySelectorAll('figure table')].filter(each => !each.offsetHeight).length"
    )
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert hidden == 0


def test_the_long_table_of_customers_is_not_printed_and_paper_says_so(browser, address):
    browser.get(address)
    browser.execute_script("document.querySelectorAll('details').forEach(each => each.open = true)")
    note, table = (browser.find_element("css selector", name) for name in (".paper", ".sortable"))
    assert table.is_displayed() and not note.is_displayed()
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    printed = table.is_displayed(), note.text
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert printed[0] is False and "stand as a table in the page itself" in printed[1]


@pytest.mark.parametrize("width", [360, 1200])
def test_no_two_texts_of_a_figure_overlap(browser, address, width):
    browser.get(address)
    view(browser, width)
    overlapping = browser.execute_script(
        """return [...document.querySelectorAll('figure svg')].flatMap(svg => {
          const boxes = [...svg.querySelectorAll('text')]
            .map(text => [text.textContent.trim(), text.getBoundingClientRect()]).filter(([_, box]) => box.width);
          return boxes.flatMap(([one, a], place) => boxes.slice(place + 1)
            .filter(([_, b]) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
              && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4)
            .map(([other]) => `${one} | ${other}`));
        })"""
    )
    assert overlapping == []


@pytest.mark.parametrize("width", [360, 1200])
def test_no_letter_of_a_figure_is_cut_off(browser, address, width):
    browser.get(address)
    view(browser, width)
    cut = browser.execute_script(
        """return [...document.querySelectorAll('figure svg')].flatMap(svg => {
          const frame = svg.getBoundingClientRect();
          return [...svg.querySelectorAll('text')].filter(text => {
            const box = text.getBoundingClientRect();
            return box.left < frame.left - 1 || box.right > frame.right + 1 || box.bottom > frame.bottom + 1;
          }).map(text => text.textContent);
        })"""
    )
    assert cut == []


def test_customers_are_sorted_and_searched(browser, address):
    from selenium.webdriver.common.by import By

    browser.get(address)
    view(browser, 1200)
    browser.execute_script("document.querySelectorAll('details').forEach(each => each.open = true)")

    def column(place):
        script = "return [...document.querySelectorAll('.sortable tbody tr')].map(row => row.cells[arguments[0]])"
        return browser.execute_script(f"{script}.map(cell => Number(cell.dataset.key))", place)

    value = browser.find_elements(By.CSS_SELECTOR, ".sortable th button")[2]
    browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", value)
    value.click()
    assert column(2) == sorted(column(2), reverse=True) != column(1)
    value.click()
    assert column(2) == sorted(column(2))
    sorts = browser.execute_script("return [...document.querySelectorAll('[aria-sort]')].map(head => head.ariaSort)")
    assert sorts == ["ascending"]
    name = browser.execute_script(
        "return document.querySelector('.sortable tbody th').textContent.trim().split(' ')[0]"
    )
    browser.find_element(By.CSS_SELECTOR, ".search input").send_keys(name.upper())
    shown = "return [...document.querySelectorAll('.sortable tbody tr')].filter(row => row.offsetHeight).length"
    assert browser.execute_script(shown) == 1
    assert browser.find_element(By.CSS_SELECTOR, ".search [role=status]").text == "1 of 40"


def test_customers_are_found_by_what_to_do_with_them(browser, address):
    browser.get(address)
    view(browser, 1200)
    browser.execute_script("document.querySelectorAll('details').forEach(each => each.open = true)")
    browser.find_element("css selector", ".search input").send_keys("leave alone")
    shown = browser.execute_script(
        "return [...document.querySelectorAll('.sortable tbody tr')].filter(row => row.offsetHeight)"
        ".map(row => row.querySelector('.action').textContent.trim())"
    )
    assert set(shown) == {"Leave alone"} and 0 < len(shown) < 40


def test_the_call_list_is_in_the_page(browser, address):
    browser.get(address)
    link = browser.execute_script("const a = document.querySelector('a[download]'); return [a.href, a.download]")
    assert link[1] == "call-list-2026-03-01.csv"
    text = base64.b64decode(link[0].partition("base64,")[2]).decode()
    assert text.startswith(
        "customer,chance,value_at_risk,saveability,expected_net_value,persona,channel,likely_reason,reason_1"
    )


def axe() -> Path | None:
    """The script of axe-core: where CHURNML_AXE says, or as `npm install axe-core` leaves it beside the project."""
    beside = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
    return next((path for path in (Path(os.environ.get("CHURNML_AXE", "/nowhere")), beside) if path.is_file()), None)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser, address, scheme):
    if (script := axe()) is None:
        lack = "needs axe-core: npm install --no-save axe-core, or CHURNML_AXE with the path of axe.min.js"
        pytest.fail(lack) if os.environ.get("CI") == "true" else pytest.skip(lack)
    browser.get(address)
    view(browser, 1200, scheme)
    browser.execute_script("document.querySelectorAll('details').forEach(each => each.open = true)")
    browser.execute_script(script.read_text(encoding="utf-8"))
    found = browser.execute_async_script("axe.run(document).then(arguments[0], error => arguments[0](String(error)))")
    grave = [each for each in found["violations"] if each["impact"] in ("serious", "critical")]
    assert [(each["id"], [node["html"][:120] for node in each["nodes"][:3]]) for each in grave] == []
    assert len(found["passes"]) > 20
