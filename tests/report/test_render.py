from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from churnml.insights.silent_share import silent_share
from churnml.report import drivers, insight_figures, nights, silence, story
from churnml.report.actions import actions, why_none
from churnml.report.call_list import call_list
from churnml.report.campaigns import campaigns
from churnml.report.chapters import scorecard
from churnml.report.data import headline
from churnml.report.render import render

VOID = {"meta", "link", "br", "path", "use", "rect"}


class Reader(HTMLParser):
    """What a page holds: ids, links, tags, text; and whether its tags are balanced."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.references: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        self.ids += [attributes[name] for name in ("id",) if name in attributes]
        self.references += [attributes[name] for name in ("href", "src") if name in attributes]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def page(build_report):
    return render(build_report())


def test_same_data_same_bytes_in_any_process(build_report, page):
    assert render(build_report()) == page
    code = (
        "import importlib.util as u, hashlib, sys; spec = u.spec_from_file_location('c', sys.argv[1]);"
        "c = u.module_from_spec(spec); spec.loader.exec_module(c); from churnml.report.render import render;"
        "sys.stdout.write(hashlib.sha256(render(c.make_report()).encode()).hexdigest())"
    )
    conftest = os.path.join(os.path.dirname(__file__), "conftest.py")
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"  # another than this process has
    found = subprocess.run(
        [sys.executable, "-c", code, conftest],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert found.stdout == hashlib.sha256(page.encode()).hexdigest()


def test_drawing_leaves_the_style_of_other_figures_alone(build_report):
    import matplotlib

    before = dict(matplotlib.rcParams)
    render(build_report())
    assert dict(matplotlib.rcParams) == before


def test_page_is_whole_and_asks_nothing_of_a_network(page):
    reader = Reader(page)
    assert reader.open == []
    assert len(reader.ids) == len(set(reader.ids))
    inside = {f"#{name}" for name in reader.ids}
    assert all(reference in inside or reference.startswith("data:") for reference in reader.references)
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", page.replace('xmlns="http://www.w3.org/2000/svg"', ""))
    tags = [tag for tag, _ in reader.tags]
    assert tags.count("script") == 1 and not {"iframe", "img", "object"} & set(tags)
    assert len(page) < 450_000


def test_the_answer_comes_first_in_words_and_money(page):
    text = Reader(page).text
    assert re.search(r"About \d+ of 5,120 customers will leave without a word in the next 90 days", text)
    assert text.index("Value at risk €") < text.index("Who is about to leave")
    order = [
        text.index(question) for question in ("Who ", "Why For ", "What it costs €", "What to do ", "What has changed ")
    ]
    assert order == sorted(order) and order[-1] < text.index("Customers by risk")
    assert re.search(
        r"than on 28 February 2026 \(\d+ then, \d+ now\); \d+ customers newly at high or medium risk", text
    )
    assert "Below the common 96%" in text
    assert "The model finds silent leavers better than “recency only”" in text


@pytest.mark.parametrize(
    "text",
    [
        '<script>alert(1)</script>"><img src=x onerror=alert(1)> a & b {{ 7 * 7 }} a|b',
        "\u202egnilims =HYPERLINK(1)",
        "$\\frac$ and $x^2$",
    ],
)
def test_texts_from_outside_are_inert_everywhere(
    build_report, build_trust, make_night, make_acted, make_facts, make_campaigns, text
):
    sample = build_report()
    acted = make_acted(basis="assumed").assign(persona=text, theme_1=text, action_channel=text)
    acted["excluded_because"] = acted["excluded_because"].where(acted["excluded_because"].isna(), text)
    facts = make_facts(acted, save_rate=None, why=text)
    told = make_campaigns(why=text)
    for name in ("themes", "left_out"):
        told[name] = told[name].assign(**{told[name].columns[0]: text})
    told["by_campaign"] = told["by_campaign"].assign(campaign=text)
    page = render(
        build_report(
            project=text,
            model_version=text,
            leaving=text,
            riskiest=sample.riskiest.assign(
                customer=text, reason_1=text, persona=text, channel=text, likely_reason=text, keep_1=text, action=text
            ),
            focus=nights.focus(make_night().assign(theme_1=text, likely_reason=text, persona=text)),
            personas=sample.personas.assign(persona=text, theme=text, likely_reason=text),
            rules=sample.rules.assign(persona=text, rule=text),
            calls=call_list(sample.riskiest.assign(customer=text)),
            scores_file=text,
            bands=sample.bands.assign(risk_band=text),
            theme_drivers=sample.theme_drivers.assign(theme=text),
            feature_drivers=sample.feature_drivers.assign(doc=text),
            driver_shapes=sample.driver_shapes.assign(doc=text),
            theme_parts=sample.theme_parts.assign(part=text + sample.theme_parts["part"]),
            engagement=text,
            scores_link=text,
            actions=actions(acted, facts),
            campaigns=campaigns(told, lambda frame: frame),
            first=sample.riskiest.assign(customer=text, persona=text, channel=text, action=text, contactable=True),
            quotes=replace(sample.quotes, quotes=sample.quotes.quotes.assign(words=text, kind=text, channel=text)),
            metrics=sample.metrics.replace("has voiced", text),
            differences=sample.differences.replace("has voiced", text),
            lift=sample.lift.replace("has voiced", text),
            trust=build_trust(fallback=text, switched_off=pd.DataFrame({"feature": [text], "why": [text]})),
        )
    )
    reader = Reader(page)
    assert reader.open == []
    tags = [tag for tag, _ in reader.tags]
    assert tags.count("script") == 1 and "img" not in tags
    assert not any(name.startswith("on") for _, attributes in reader.tags for name in attributes)
    assert " ".join(text.split()) in reader.text


def test_every_figure_has_a_name_and_a_table(page):
    figures = re.findall(r"<figure.*?</figure>", page, flags=re.DOTALL)
    assert len(figures) == 14
    for figure in figures:
        label = re.search(r'role="img" aria-label="([^"]+)"', figure)
        assert label is not None and len(label[1]) > 30
        assert figure.count("<svg") == 2 and figure.count("<tbody>") == 1
        assert figure.count("<tr>") >= 3


def test_figures_take_their_colours_from_the_page(page):
    colours = set(re.findall(r"(?:fill|stroke): ?([^;\"]+)", "".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL))))
    assert {colour for colour in colours if not colour.startswith("var(--")} <= {"none"}


def test_what_cannot_be_said_is_said_to_be_missing(build_report, build_trust, make_night, make_acted):
    sample = build_report()
    no_one = pd.DataFrame(columns=["customer_id", "group_id", "as_of", "outcome"])
    page = render(
        build_report(
            headline=headline([], []),
            bands=sample.bands.head(0),
            riskiest=sample.riskiest.head(0),
            focus=nights.focus(make_night().head(0)),
            personas=sample.personas.head(0),
            trend=sample.trend.tail(1),
            changes=None,
            calls="",
            actions=None,
            no_actions=why_none(make_acted().head(0), None),
            campaigns=None,
            first=None,
            theme_drivers=sample.theme_drivers.head(0),
            feature_drivers=sample.feature_drivers.head(0),
            silent_share=silent_share(no_one),
            metrics=sample.metrics.head(0),
            differences=sample.differences.head(0),
            calibration=sample.calibration.head(0),
            lift=sample.lift.head(0),
            quotes=None,
            silence=sample.silence.head(0),
            theme_stability=sample.theme_stability.head(0),
            feature_stability=sample.feature_stability.head(0),
            driver_shapes=sample.driver_shapes.head(0),
            theme_parts=sample.theme_parts.head(0),
            trust=build_trust(
                test_snapshots=(),
                switched_off=pd.DataFrame(columns=["feature", "why"]),
                excluded=pd.DataFrame(columns=["reason", "customers"]),
                repairs=pd.DataFrame(columns=["table", "column", "name", "count", "advice"]),
            ),
        )
    )
    text = Reader(page).text
    assert "<figure" not in page and "nan" not in text.lower().split()
    for missing in (
        "Nobody was scored",
        "No theme moves",
        "Too few of those who left",
        "Nobody has left at any snapshot",
        "No snapshot is old enough",
        "too few departures",
        "not held against any simple rule",
        "There was no later snapshot",
        "Value at risk not known",
        "There is no earlier night to compare with",
        "Nothing in their histories stands out",
        "There is no call list",
        "scored without kinds of customer",
        "how the risk grows with silence",
        "there is nobody to contact",
        "Not known: no earlier contact was given to some customers and withheld from others by lot",
    ):
        assert missing in text


def test_unknown_numbers_show_as_dashes(build_report):
    sample = build_report()
    page = render(
        build_report(
            headline=headline(sample.riskiest["p_silent"], np.full(40, np.nan)),
            riskiest=sample.riskiest.assign(value=np.nan, reason_1=None, reason_2=None, reason_3=None, reason_4=None),
            bands=sample.bands.assign(value_at_risk=np.nan),
            metrics=sample.metrics.assign(low=np.nan, high=np.nan, value=np.nan),
            lift=sample.lift.assign(low=np.nan, high=np.nan),
        )
    )
    text = Reader(page).text
    assert " nan" not in text and "None" not in text
    assert "–" in text


def test_a_fallback_and_what_is_switched_off_are_told(build_report, build_trust):
    moved = {"retained": -0.1, "silent": 0.3, "vocal": 0.0}
    known = build_trust(fallback="only 7 vocal defections to learn from", base_rates_moved_by=moved)
    text = Reader(render(build_report(trust=known))).text
    assert "look as if more leave silently" in text and "were multiplied by 1.49" in text
    assert "Note: Only 7 vocal defections to learn from." in text
    assert "needs kind case_responded" in text.lower()
    assert "Not scored: 212 customers, had already left." in text
    assert "1,204 rows of the sources" in text


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.01, 0.05, "better than “recency only”"), (-0.02, 0.03, "no better"), (-0.05, -0.01, "no better")],
)
def test_verdict_on_the_model_follows_the_interval(build_report, low, high, said):
    sample = build_report()
    one = sample.differences[sample.differences["baseline"] == "recency only"].assign(low=low, high=high)
    assert said in story.verdict_on_model(build_report(differences=one))


def test_an_only_customer_and_a_single_day_are_singular(build_report):
    said = story.answer(build_report(headline=headline([0.9], [5.0]), horizon_days=1))
    assert said == "About 1 of 1 customer will leave without a word in the next 1 day"


def test_an_older_model_and_a_silent_data_set_are_said_to_lack_what_they_lack(build_report, page):
    sample = build_report()
    nothing = {
        name: getattr(sample, name).head(0)
        for name in ("theme_stability", "feature_stability", "driver_shapes", "theme_parts")
    }
    none = replace(sample.quotes, quotes=sample.quotes.quotes.head(0), why="no source declares a text")
    lacking = render(build_report(quotes=none, scores_link="nights/2026-03-01-9f2c41d07be3/s.parquet", **nothing))
    text = Reader(lacking).text
    assert "Not known: how stable this order is" in text and "Not known: how the risk moves with single" in text
    assert "There are no words of customers to show: no source declares a text." in text
    assert "For whom which theme matters" not in text
    # The scores are linked only where they lie beside the page.
    assert '<a class="file" href="nights/2026-03-01-9f2c41d07be3/s.parquet">' in lacking
    assert '<a class="file"' not in page


@pytest.mark.parametrize(
    ("first", "said"),
    [
        ([1.0, 0.97, 0.7, 0.3, 0.03], "“going quiet” and “channel mismatch” stay among the first three"),
        ([1.0, 0.97, 0.95, 0.05, 0.03], "the first three stayed the same"),
        ([0.6, 0.7, 0.6, 0.6, 0.5], "none stays among the first three"),
    ],
)
def test_the_order_of_the_themes_is_told_as_sure_as_it_is(build_report, first, said):
    sample = build_report()
    told = drivers.stability(build_report(theme_stability=sample.theme_stability.assign(first=first)))
    assert "trained 9 times more" in told and said in told


def test_the_risk_by_silence_has_its_table_and_small_steps_are_not_drawn(build_report, page):
    sample = build_report()
    rows = re.search(r'id="figure-silence1".*?<tbody>(.*?)</tbody>', page, re.DOTALL)
    days = sample.silence[sample.silence["scale"] == "days"]
    assert rows is not None and rows[1].count("<tr>") == len(days)
    assert "57 to 91" in rows[1] and "usual gap" in page
    assert silence.curves(build_report(silence=sample.silence.assign(customers=3))) == []


@pytest.mark.parametrize(
    ("factor", "said"), [(0.7, "Too high on the whole"), (1.02, "About right on the whole"), (1.4, "Too low on the")]
)
def test_the_first_screen_says_how_the_expected_number_stood_the_test(build_report, factor, said):
    sample = build_report()
    tested = sample.calibration.assign(predicted=np.linspace(0.05, 0.5, 10), n=100)
    data = build_report(calibration=tested.assign(observed=factor * tested["predicted"]))
    text = Reader(render(data)).text
    first = text[: text.index("Who is about to leave")]
    left = f"{275 * factor:.0f}" if factor != 0.7 else "192"
    assert f"at the test snapshots, {left} left where 275 were expected" in first
    assert said in text


def test_what_leads_everywhere_is_said_in_words(build_report, make_night):
    night = make_night().assign(theme_1="going quiet")
    data = build_report(focus=nights.focus(night), personas=nights.personas(night, ["content"]))
    assert "For all of them “going quiet” comes first. " in (text := Reader(render(data)).text)
    assert "“going quiet” comes first for all." in text
    night.loc[night["p_silent"].nlargest(60).index[:1], "theme_1"] = "waiting"
    told = Reader(render(build_report(focus=nights.focus(night)))).text
    assert "For nearly all of them “going quiet” comes first. " in told and "comes first, for" not in told


def test_the_first_screen_says_for_how_many_nothing_is_behind_it(build_report, make_night):
    def behind(reasons):
        night = make_night()
        raised, _ = nights.chosen(night)
        night["likely_reason"] = None
        rows = night.index[raised]
        for place, reason in enumerate(reasons):
            night.loc[rows[place :: len(reasons)], "likely_reason"] = reason
        data = build_report(focus=nights.focus(night), personas=nights.personas(night, ["content"]))
        return Reader(render(data)).text

    text = behind(["waiting", None, None, None])
    assert re.search(r"What may be behind it: “waiting” for 2\d%, nothing that stands out for 7\d%\. That is", text)
    text = behind(["waiting", "waiting", "rough start"])
    assert re.search(r"behind it: “waiting” for 6\d%, “rough start” for 3\d%\. That is", text)
    for few in ([None], ["waiting"] + [None] * 39):  # nobody, or hardly anybody
        assert "What may be behind it: “" not in behind(few) and "most often" not in behind(few)


def test_a_column_without_any_number_is_not_drawn(build_report):
    sample = build_report()
    unknown = {"bands": sample.bands, "personas": sample.personas}
    page = render(build_report(**{name: frame.assign(value_at_risk=np.nan) for name, frame in unknown.items()}))
    heads = re.findall(r"<th scope=\"col\"[^>]*>(.*?)</th>", page)
    assert "Value at risk" not in heads and "Expected to leave silently" in heads


def test_what_left_fills_its_chart_however_few_they_are(page):
    ticks = re.findall(r"<text[^>]*>([\d.]+)%</text>", re.findall(r'id="figure-mix".*?</figure>', page, re.DOTALL)[0])
    assert ticks and max(map(float, ticks)) < 40


def test_where_no_word_of_anybody_is_on_record_no_share_of_silence_is_claimed(build_report):
    outcomes = pd.DataFrame({"customer_id": [f"c{number}" for number in range(900)], "as_of": pd.Timestamp(2026, 1, 1)})
    outcomes["outcome"] = np.where(outcomes.index % 3, "retained", "silent")
    data = build_report(silent_share=silent_share(outcomes.assign(group_id=outcomes["customer_id"], voiced=False)))
    assert story.key_figures(data)[-1][1:] == ("not known", "the data has no word of any customer")
    page = render(data)
    assert "Whether the common 96% holds here is not known" in page and "Above the common 96%" not in page


def test_titles_of_signals_are_whole_and_no_panel_is_told_twice(build_report):
    sample = build_report()
    shape = sample.driver_shapes[sample.driver_shapes["feature"] == sample.driver_shapes["feature"].iloc[0]]
    long = "Over-contact: share of the messages of the last 90 days that came less than two days after the one before"
    data = build_report(
        driver_shapes=pd.concat([shape.assign(feature="a", doc=long), shape.assign(feature="b", doc="The same again")])
    )
    figure = drivers.shapes(data)
    assert figure is not None and "…" not in figure.image and "The same again" not in figure.image
    drawn = " ".join(re.findall(r"<text[^>]*>([^<]+)</text>|<tspan[^>]*>([^<]+)", figure.image)[0])
    assert "two days after the one before" in re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", figure.image)), drawn


def test_what_the_data_lack_is_told_in_words_once_and_not_as_rows_of_dashes():
    table = pd.DataFrame(
        {
            "way": ["broken promises", "product failures"],
            "figure": ["promises kept late", "annoyances"],
            "unit": "number",
            "value": [np.nan, 0.0],
            "change": np.nan,
            "change_low": np.nan,
            "change_high": np.nan,
            "risk_share": [0.0, 0.1],
            "why": [
                "not measurable with your data, because it needs kind promise_made, which the data does not have",
                "",
            ],
        }
    )
    told = scorecard.ways(SimpleNamespace(scorecard=SimpleNamespace(table=table)))
    assert told.sentences[-1] == "Not measurable with your data: broken promises (the data has no promises made)."
    assert [row[:2] for row in told.tables[0].rows] == [("Product failures\nannoyances", "none")]
    nothing = scorecard.ways(SimpleNamespace(scorecard=SimpleNamespace(table=table.head(1))))
    assert not nothing.known


def test_a_phone_shows_the_iceberg_beside_those_who_met_nothing():
    kinds = ["any friction", "error", "late promise", "long wait", "failed payment", "no friction"]
    frame = pd.DataFrame({"friction": kinds, "aloud": 2, "silent": range(60, 0, -10)})
    narrow = insight_figures.iceberg(frame, "berg").narrow
    shown = re.sub(r"<[^>]+>", " ", narrow).split()
    assert "no" in shown and shown.count("friction") == 2 and "wait" not in shown


def test_a_rule_that_ranks_nobody_stands_in_the_table_of_lists_only(build_report):
    sample = build_report()
    blind = sample.lift["model"] == "has voiced"
    page = render(build_report(lift=sample.lift.assign(lift=sample.lift["lift"].mask(blind, 1.0))))
    figure = re.findall(r'id="figure-lift".*?</figure>', page, re.DOTALL)[0]
    drawn, table = figure.split("<table")
    assert ">has voiced<" not in drawn and ">has voiced<" in table and ">recency only<" in drawn
    assert "cannot tell them apart stand in the table only" in drawn
