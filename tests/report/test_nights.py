"""What a night says at a glance: who is at risk, what changed, kinds of customer, the trend and the call list."""

from __future__ import annotations

import base64
import csv
import io
from datetime import date

import numpy as np
import pandas as pd
import pytest

from churnml.report import nights
from churnml.report.call_list import LONGEST, OPENERS, OTHERWISE, as_link, call_list, opener

SINCE = date(2026, 2, 28)


def night(**columns):
    plain = {
        "customer_id": ["a", "b", "c", "d"],
        "p_silent": [0.6, 0.3, 0.06, 0.04],
        "risk_band": ["high", "medium", "low", "low"],
        "value_at_risk": [60.0, np.nan, 6.0, 4.0],
        "persona": ["quiet", "quiet", "content", "content"],
        "theme_1": ["waiting", "going quiet", "waiting", None],
        "likely_reason": ["waiting", "rough start", None, None],
        "excluded_because": [None, "not contactable", None, None],
    }
    return pd.DataFrame(plain | columns)


def test_those_to_look_at_first_are_of_the_higher_bands():
    seen = nights.focus(night())
    assert (seen.name, seen.customers, seen.share, seen.contactable) == ("at high or medium risk", 2, 0.5, 1)
    assert seen.expected_share == pytest.approx(0.9) and seen.value_at_risk == 60
    assert seen.themes.to_dict("list") == {"theme": ["going quiet", "waiting"], "share": [0.5, 0.5]}
    assert seen.likely.to_dict("list") == {"likely_reason": ["rough start", "waiting"], "share": [0.5, 0.5]}
    assert seen.personas.to_dict("list") == {"persona": ["quiet"], "share": [1.0]}


def test_where_nobody_is_in_the_higher_bands_the_riskiest_tenth_is_looked_at():
    calm = pd.DataFrame({"p_silent": np.arange(20) / 1000, "risk_band": "low", "customer_id": range(20)})
    rows, name = nights.chosen(calm)
    assert np.flatnonzero(rows).tolist() == [18, 19] and name == "among the tenth at highest risk"


def test_changes_are_counted_by_customer():
    before = night(customer_id=["b", "c", "x", "y"], risk_band=["low", "high", "high", "low"], p_silent=[0.1] * 4)
    found = nights.changes(night(), before, SINCE, other_model=True)
    assert (found.newly, found.no_longer, found.came, found.gone) == (2, 1, 2, 2)  # x is gone, which is no recovery
    assert (found.expected_before, found.expected_now) == (pytest.approx(0.4), pytest.approx(1.0))
    same = nights.changes(night(), night(), SINCE, other_model=False)
    assert (same.newly, same.no_longer, same.came, same.gone) == (0, 0, 0, 0)


def test_each_persona_has_its_part_and_its_flows():
    before = night(persona=["content", "quiet", "quiet", None])
    table = nights.personas(night(), ["nobody", "quiet", "content"], before).set_index("persona")
    assert list(table.index) == ["quiet", "content"]
    assert table.loc["quiet", ["customers", "high", "came", "went"]].tolist() == [2, 2, 1, 1]
    assert table["expected"].sum() == pytest.approx(night()["p_silent"].sum())
    assert table.loc["quiet", "theme"] == "going quiet" and pd.isna(table.loc["content", "theme"])
    assert table.loc["quiet", ["likely_reason", "likely_share"]].tolist() == ["rough start", 0.5]
    assert nights.personas(night(persona=None), ["quiet"]).empty
    assert nights.personas(night(), ["quiet"])["came"].isna().all()


def test_the_list_holds_a_way_to_begin_and_no_formula():
    people = night(customer="=cmd()", channel=["app", None, "web", "web"], reason_1="No visit, for 40 days").drop(
        columns="risk_band"
    )
    rows = list(csv.DictReader(io.StringIO(call_list(people))))
    assert [row["customer"] for row in rows] == ["'=cmd()"] * 4
    assert rows[0]["opener"] == OPENERS["waiting"] and rows[1]["opener"] == OPENERS["rough start"]
    assert rows[1]["likely_reason"] == "rough start" and rows[3]["opener"] == OTHERWISE
    assert rows[0]["reason_1"] == "No visit, for 40 days" and rows[1]["channel"] == rows[1]["value_at_risk"] == ""
    link = as_link(call_list(people))
    assert base64.b64decode(link.partition("base64,")[2]).decode() == call_list(people)
    many = pd.concat([people] * 200, ignore_index=True)
    assert len(call_list(many).splitlines()) == LONGEST + 1


def test_without_a_likely_reason_only_a_sign_suggests_how_to_begin():
    assert opener(None, "unanswered outreach") == OPENERS["unanswered outreach"]
    for theme in ("waiting", "unresolved problems", "pressure and privacy", None, float("nan")):
        assert opener(None, theme) == OTHERWISE
        assert opener("broken promises", theme) == OPENERS["broken promises"]


def test_an_opener_never_says_what_was_seen():
    said = [*OPENERS.values(), opener(None)]
    assert all("?" in text and not any(digit.isdigit() for digit in text) for text in said)
    assert not any(word in text for text in said for word in ("risk", "leave", "noticed", "saw", "data shows"))
