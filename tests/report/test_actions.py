"""What to do, and what contacting has changed: the numbers, and what the page says of them."""

from __future__ import annotations

import base64
import csv
import io
import json
import re

import numpy as np
import pandas as pd
import pytest

from churnml.report.actions import EXCLUDED, UNDECIDED, actions, why_none
from churnml.report.call_list import call_list
from churnml.report.campaigns import FRAMES, campaigns
from churnml.report.chapters.contacting import contacting, pictures
from churnml.report.chapters.doing import doing
from churnml.report.render import render
from churnml.targeting.policy import ACTIONS, CONTACT, LEAVE_ALONE
from churnml.workflows.evidence import pack, unpack

BASES = ["assumed", "estimated"]


def part(page: str, name: str) -> str:
    """A section of the page."""
    found = re.search(rf'<section id="{name}".*?</section>', page, re.DOTALL)
    assert found is not None
    return found[0]


def words(html: str) -> str:
    return " ".join(re.sub(r"<svg.*?</svg>|<[^>]+>", " ", html, flags=re.DOTALL).split())


@pytest.fixture
def plan(make_acted, make_facts):
    def make(basis="estimated", seed=4, **changes):
        night = make_acted(seed, basis=basis).assign(**changes)
        return night, actions(night, make_facts(night))

    return make


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("seed", range(3))
def test_everybody_is_counted_once_and_contacts_add_up(plan, basis, seed):
    night, found = plan(basis, seed)
    assert sum(group.customers for group in found.groups.values()) == len(night) == found.customers
    for name in ACTIONS:
        rows = night[night["action"] == name]
        assert found.groups[name].customers == len(rows)
        assert found.groups[name].kept == pytest.approx(rows["saveability"].sum())
    assert found.channels["customers"].sum() == found.contacts.customers
    assert found.channels["net_value"].sum() == pytest.approx(found.contacts.net_value)
    assert found.channels["cost"].sum() == pytest.approx(found.cost)
    shares = found.by_band[[*ACTIONS, EXCLUDED, UNDECIDED]].sum(axis=1)
    assert np.allclose(shares, 1) and found.by_band["customers"].sum() == len(night)


@pytest.mark.parametrize("basis", BASES)
def test_contacts_by_risk_are_as_many_and_bring_no_more(plan, basis):
    night, found = plan(basis)
    free = night[night["action"].notna() & ~night["held_out"]]
    riskiest = free.assign(p=free["p_silent"] + free["p_vocal"]).nlargest(found.contacts.customers, "p")
    assert found.by_risk.customers == found.contacts.customers == len(riskiest)
    assert found.by_risk.kept == pytest.approx(riskiest["saveability"].sum())
    assert found.by_risk.net_value == pytest.approx(riskiest["expected_net_value"].sum())
    assert found.by_risk.useless == (riskiest["saveability"] <= 0).sum()
    assert found.by_risk.net_value <= found.contacts.net_value
    assert (found.worth["best"] >= found.worth["by_risk"] - 1e-9).all()
    rising = found.worth["best"].diff().dropna()
    assert (np.sign(rising).diff().dropna() <= 0).all()  # up to the top, and then down


def test_the_order_of_rows_changes_nothing(make_acted, make_facts, build_report):
    night = make_acted()
    mixed = night.sample(frac=1, random_state=1)
    pages = [render(build_report(actions=actions(one, make_facts(night)))) for one in (night, mixed)]
    assert pages[0] == pages[1]


def test_those_better_left_alone_are_at_risk_and_told_apart_by_why(plan):
    night, found = plan()
    raised = night["risk_band"].isin(["high", "medium"]) & (night["action"] == LEAVE_ALONE)
    assert found.left_at_risk == raised.sum() > 0
    assert found.useless_at_risk == (night.loc[raised, "saveability"] <= 0).sum() > 0
    for by in ("persona", "theme"):
        rows = found.spared[found.spared["by"] == by]
        assert rows["customers"].sum() == found.left_at_risk and rows["useless"].sum() == found.useless_at_risk
        assert (rows["useless"] + rows["dear"] == rows["customers"]).all()
    assert plan("assumed")[1].useless_at_risk == 0


def test_a_cost_that_does_not_add_up_is_not_divided_among_channels(make_acted, make_facts, build_report):
    night = make_acted()
    found = actions(night, make_facts(night, cost=1.0))
    assert found.channels["cost"].isna().all()
    table = doing(build_report(actions=found)).tables[1]
    assert [column.head for column in table.columns] == [
        "Channel",
        "Contacts",
        "Expected to be kept",
        "Expected net value",
    ]
    assert {row[0] for row in table.rows} == {"App", "Live chat", "Not known"}


NOBODY = {"action": None, "expected_net_value": np.nan}


@pytest.mark.parametrize(
    ("told", "changes", "said"),
    [
        (None, NOBODY, "scored by an earlier version"),
        ({}, NOBODY, "it is not known what a customer is worth"),
        ({}, NOBODY | {"excluded_because": "contacted lately"}, "None of the customers scored may be contacted"),
    ],
)
def test_a_night_that_recommends_nothing_says_why_in_a_sentence(make_acted, build_report, told, changes, said):
    night = make_acted().assign(**changes)
    why = why_none(night, told)
    assert actions(night, told) is None and said in why and why.count(".") == 1
    sample = build_report()
    page = render(build_report(actions=None, no_actions=why, first=None, calls=call_list(sample.riskiest)))
    section = part(page, "do")
    assert why in words(section) and "<table" not in section and "<figure" not in section
    assert 'scope="col">Action<' not in page and "not to be contacted</small>" in page
    assert "may be contacted" in words(page)[: words(page).index("Who is about to leave")]


def test_an_assumption_is_called_one_and_an_estimate_says_from_what(build_report, plan):
    assumed, told = plan("assumed")[1], build_report().campaigns
    section = words(part(render(build_report(actions=assumed, campaigns=None)), "do"))
    assert section.startswith(
        "What to do Assumed: three in ten of those who would leave stay if contacted; no control group has measured "
        "that yet. The money below rests on this assumption."
    )
    assert "If the assumption holds, that costs" in section and "Net value (assumed)" in section
    assert "stimated" not in section
    some = words(part(render(build_report(actions=assumed)), "do"))
    assert "has measured that" not in some and "1,300 assignments were enough." in some  # a control group has
    section = words(part(render(build_report(campaigns=told)), "do"))
    assert section.startswith(
        "What to do Estimated from 1,300 cases in which a lot decided who was contacted: 8.1% of the contacted left, "
        "10.4% of the others: 2.3 percentage points fewer (0.5 to 4.1 fewer)."
    )
    assert "ssum" not in section


@pytest.mark.parametrize(
    ("basis", "rests"),
    [
        ("assumed", "(assumed: that three in ten of those who would leave stay if contacted)"),
        ("estimated", "(estimated from 1,300 cases that a lot decided)"),
    ],
)
def test_the_first_screen_says_whom_to_contact_how_and_for_what(build_report, plan, basis, rests):
    found = plan(basis)[1]
    page = words(render(build_report(actions=found)))
    first = page[: page.index("Who is about to leave")]
    assert re.search(r"Contact 60 customers, \d+ through app, \d+ through live chat and \d+ whose", first)
    assert re.search(r"Expected net value: €[\d,]+ " + re.escape(rests), first)
    assert f"{found.left_at_risk} customers at high or medium risk are better left alone." in first
    assert re.search(r"Do not contact the \d+ held out by lot", first)


def test_where_no_contact_is_worth_it_nobody_is_to_be_called(build_report, make_acted, make_facts):
    night = make_acted().assign(expected_net_value=-1.0)
    night["action"] = night["action"].where(night["action"].isna(), LEAVE_ALONE)
    found = actions(night, make_facts(night, cost=0.0))
    page = render(build_report(actions=found, first=build_report().first.head(0), calls=""))
    text = words(page)
    assert "Contact nobody tonight" in text and "There is no call list: no contact is expected" in text
    assert "no contact is expected to bring in more than it costs" in text[: text.index("Who is about to leave")]
    assert 'class="people"' not in page and 'id="figure-do2"' not in page and " nan" not in text.lower()


def test_the_call_list_holds_those_to_contact_and_what_they_bring(build_report):
    page = render(build_report())
    link = re.search(r'href="data:text/csv;charset=utf-8;base64,([^"]+)"', page)
    assert link is not None
    rows = list(csv.DictReader(io.StringIO(base64.b64decode(link[1]).decode())))
    worth = [float(row["expected_net_value"]) for row in rows]
    assert len(rows) == 60 and worth == sorted(worth, reverse=True) and min(worth) > 0
    assert all(float(row["saveability"]) > 0 for row in rows)
    assert "60 customers to contact, the most worthwhile first" in words(page)
    cards = re.findall(r'<span class="name">(\w+)</span>', page)
    assert cards == [row["customer"] for row in rows[:10]]
    assert "net value of a contact €" in page and "(estimated)" in page and "contact through app" in page


def test_the_table_of_the_riskiest_says_what_to_do_with_each(build_report):
    sample = build_report()
    page = render(sample)
    table = re.search(r'<table class="sortable">.*?</table>', page, re.DOTALL)
    assert table is not None
    cells = [words(cell) for cell in re.findall(r'<td class="action">(.*?)</td>', table[0])]
    names = {"contact": "Contact", "hold out": "Hold out", "wait": "Wait", "leave alone": "Leave alone"}
    for row, cell in zip(sample.riskiest.to_dict("records"), cells, strict=True):
        said = "Not contactable" if not row["contactable"] else names.get(row["action"], "–")
        assert cell.split(" through ")[0] == said
        assert ("through app" in cell) == (row["action"] == CONTACT and row["channel"] == "app")


def test_what_a_training_run_packs_is_what_the_page_tells(make_campaigns, build_report):
    told = make_campaigns()
    packed = {name: pack(each) if isinstance(each, pd.DataFrame) else each for name, each in told.items()}
    read = json.loads(json.dumps(packed))
    pages = [render(build_report(campaigns=one)) for one in (campaigns(read, unpack), build_report().campaigns)]
    assert words(part(pages[0], "contacted")) == words(part(pages[1], "contacted"))
    assert campaigns(None, unpack) is None


@pytest.mark.parametrize(
    ("low", "high", "difference", "said", "never"),
    [
        (-0.041, -0.005, -0.023, "It kept 22% of those who would otherwise have left (5% to 39%)", "drove"),
        (-0.04, 0.01, -0.015, "Chance alone may give such a difference", "It kept"),
        (0.002, 0.02, 0.011, "Contacting raised the number who left, beyond chance", "It kept"),
    ],
)
def test_what_contacting_did_is_claimed_only_beyond_chance(
    build_report, make_campaigns, low, high, difference, said, never
):
    told = make_campaigns()
    told["overall"] |= {"low": low, "high": high, "difference": difference}
    text = words(part(render(build_report(campaigns=campaigns(told, lambda frame: frame))), "contacted"))
    assert said in text and never not in text and "Because a lot decided" in text


def test_campaigns_of_which_too_little_is_known_say_so_and_nothing_else(build_report, make_campaigns):
    told = make_campaigns(overall=None, why="12 assignments are too few", groups=None, themes=None, qini=None)
    told |= {"qini_curve": None, **{name: told[name].head(0) for name in ("by_campaign", "follow_up")}}
    data = build_report(campaigns=campaigns(told, lambda frame: frame))
    section = part(render(data), "contacted")
    assert "Not known: 12 assignments are too few." in words(section) and "<figure" not in section
    assert section.count("<table") == 1 and "Because a lot decided" not in section  # what was left out
    none = part(render(build_report(campaigns=None)), "contacted")
    assert "Not known: no earlier contact was given" in words(none) and "<table" not in none


def test_what_was_measured_in_part_is_told_in_part(build_report, make_campaigns):
    told = make_campaigns(groups=None, themes=None, qini=None, qini_curve=None)
    told["left_out"] = told["left_out"].head(0)
    data = build_report(campaigns=campaigns(told, lambda frame: frame))
    chapter = contacting(data)
    assert len(pictures(data)) == 1 and len(chapter.tables) == 2 and all(table.rows for table in chapter.tables)
    assert not any("five groups" in text or "first would have kept" in text for text in chapter.sentences)
    assert set(FRAMES) <= set(make_campaigns())


def test_many_campaigns_stand_in_the_table_and_the_latest_are_drawn(build_report, make_campaigns):
    one = make_campaigns()["by_campaign"].head(1)
    months = [(name, year, month) for name, year in (("c", 2024), ("d", 2025)) for month in range(1, 13)][:20]
    many = pd.concat(
        one.assign(campaign=f"{name}{month:02}", first=f"{year}-{month:02}-01", last=f"{year}-{month:02}-20")
        for name, year, month in months
    )
    data = build_report(campaigns=campaigns(make_campaigns(by_campaign=many), lambda frame: frame))
    figure = pictures(data)[0]
    assert len(figure.table.rows) == 21 and ">d08<" in figure.image and ">c09<" in figure.image
    assert ">c08<" not in figure.image and "the latest 12" in figure.subtitle


def test_the_glossary_says_what_the_new_words_mean(build_report):
    glossary = words(part(render(build_report()), "glossary"))
    for word in ("Saveability", "Expected net value", "Control group", "Left alone"):
        assert word in glossary
