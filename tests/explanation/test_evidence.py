from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from churnml.explanation.attribution import attribute
from churnml.explanation.evidence import borne_out, likely_reasons, worse_than_usual
from churnml.explanation.reasons import reasons
from churnml.explanation.sides import SIGNS
from churnml.features.registry import THEMES

MEDIANS = {"open_cases": 1.0, "tenure_days": 400.0}
PUSHES = (2.0, 2.0, 0.5, 0.3, 0.0)


def met(cards, pushes, values, medians=MEDIANS):
    """The themes that the values of one customer bear out."""
    found = borne_out(np.array(pushes, float)[:, None], np.array(values, float)[:, None], cards, medians)
    return set(found.columns[found.iloc[0]])


@pytest.mark.parametrize(
    ("value", "lower", "higher"),
    [(80.0, True, False), (97.0, False, False), (100.0, False, False), (103.0, False, False), (120.0, False, True)],
)
def test_worse_is_one_side_and_not_nearly_the_usual(value, lower, higher):
    values = np.array([value])
    assert worse_than_usual(values, 100.0, "lower").tolist() == [lower]
    assert worse_than_usual(values, 100.0, "higher").tolist() == [higher]
    assert worse_than_usual(values, 100.0, None).tolist() == [False]


@pytest.mark.parametrize("worse", ["lower", "higher"])
def test_what_is_missing_is_not_worse(worse):
    assert not worse_than_usual(np.array([np.nan]), 100.0, worse).any()
    assert not worse_than_usual(np.array([7.0]), np.nan, worse).any()


def test_a_theme_is_borne_out_by_values_worse_than_usual_that_push_towards_leaving(cards):
    assert met(cards, PUSHES, (40, 3, 2, 30, 0)) == {"unresolved problems", "value and contract"}
    assert met(cards, PUSHES, (40, 3, 0, 30, 0)) == {"value and contract"}
    assert met(cards, PUSHES, (40, 3, 2, 800, 0)) == {"unresolved problems"}
    assert met(cards, (2.0, 2.0, -0.5, -0.3, 0.0), (40, 3, 2, 30, 0)) == set()
    assert met(cards, PUSHES, (40, 3, 2, 30, 0), {}) == set()  # nobody knows what is usual


def test_a_feature_of_which_neither_side_tells_bears_nothing_out(cards):
    neither = [dataclasses.replace(card, worse=None) for card in cards]
    assert met(neither, PUSHES, (40, 3, 2, 30, 0)) == set()


def test_one_feature_bears_its_theme_out_whatever_the_others_say(cards):
    case, more, kept = (dataclasses.replace(cards[2], name=name) for name in ("open_cases", "reopened", "escalated"))
    medians = dict.fromkeys(("open_cases", "reopened", "escalated"), 0.0)
    assert met([case, more, kept], (0.5, 0.25, -2.0), (1, 0, 1), medians) == {"unresolved problems"}
    assert met([case, more, kept], (-0.5, 0.25, -2.0), (1, 0, 1), medians) == set()


def test_no_sign_is_borne_out(cards):
    signs = [dataclasses.replace(cards[0], theme=theme, worse="higher", name=theme) for theme in SIGNS]
    assert met(signs, [1.0] * len(signs), [9.0] * len(signs), dict.fromkeys(SIGNS, 0.0)) == set()
    assert set(SIGNS) < set(THEMES)


def test_of_the_themes_borne_out_the_furthest_above_its_usual_push_is_likely():
    totals = pd.DataFrame({"going quiet": 3.0, "waiting": [0.9, 0.9, 0.1], "rough start": 0.3}, index=["a", "b", "c"])
    both = pd.DataFrame({"waiting": [True, False, True], "rough start": True}, index=totals.index)
    assert likely_reasons(totals, {}, both).to_dict() == {"a": "waiting", "b": "rough start", "c": "rough start"}
    assert likely_reasons(totals, {"rough start": 0.3}, both).to_dict() == {"a": "waiting", "b": None, "c": "waiting"}
    assert likely_reasons(totals, {}, both & False).tolist() == [None] * 3
    assert likely_reasons(totals, {}, both[[]]).tolist() == [None] * 3
    assert likely_reasons(totals.head(0), {}, both.head(0)).empty


def test_no_likely_reason_of_a_real_model_is_contradicted_by_the_values(classifier, customers, cards, usual):
    found = attribute(classifier, customers)
    said = reasons(found, customers, cards, usual)["likely_reason"]
    push = found.frame().set_index(customers.index)
    problems = (customers["open_cases"] > usual["open_cases"]) & (push["open_cases"] > 0)
    value = (customers["tenure_days"] < 0.95 * usual["tenure_days"]) & (push["tenure_days"] > 0)
    assert said.notna().equals(problems | value)  # each of these themes has one feature
    assert problems[said == "unresolved problems"].all() and value[said == "value and contract"].all()
    assert 0.05 < said.isna().mean() < 0.95 and said.nunique() == 2
