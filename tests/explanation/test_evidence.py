from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from churnml.explanation.attribution import attribute
from churnml.explanation.evidence import SIGNS, borne_out, likely_reasons, worse_than_usual
from churnml.explanation.reasons import reasons
from churnml.features.registry import THEMES

MEDIANS = {"open_cases": 1.0, "tenure_days": 400.0}


def met(cards, pushes, values, medians=MEDIANS):
    """Of one customer, what `borne_out` gives."""
    found = borne_out(np.array(pushes, float)[:, None], np.array(values, float)[:, None], cards, medians)
    return found.iloc[0].to_dict()


@pytest.mark.parametrize(
    ("value", "lower", "higher"),
    [(100.0, True, False), (97.0, False, False), (103.0, False, False), (120.0, False, True), (np.nan, False, False)],
)
def test_worse_is_one_side_and_not_nearly_the_usual(value, lower, higher):
    usual = 100.0 if value != 100.0 else 110.0
    assert worse_than_usual(np.array([value]), usual, "lower").tolist() == [lower]
    assert worse_than_usual(np.array([value]), usual, "higher").tolist() == [higher]
    assert worse_than_usual(np.array([value]), usual, None).tolist() == [False]
    assert worse_than_usual(np.array([value]), np.nan, "higher").tolist() == [False]


def test_only_pushes_towards_leaving_of_what_was_met_count(cards):
    pushes = (2.0, 2.0, 0.5, 0.3, 0.0)
    nothing = {"unresolved problems": 0.0, "value and contract": 0.0}
    assert met(cards, pushes, (40, 3, 2, 30, 0)) == {"unresolved problems": 0.5, "value and contract": 0.3}
    assert met(cards, pushes, (40, 3, 0, 30, 0)) == nothing | {"value and contract": 0.3}
    assert met(cards, pushes, (40, 3, 2, 800, 0)) == nothing | {"unresolved problems": 0.5}
    assert met(cards, (2.0, 2.0, -0.5, -0.3, 0.0), (40, 3, 2, 30, 0)) == nothing
    assert met(cards, pushes, (40, 3, 2, 30, 0), {}) == nothing  # nobody knows what is usual


def test_a_feature_of_which_neither_side_tells_bears_nothing_out(cards):
    neither = [dataclasses.replace(card, worse=None) for card in cards]
    assert set(met(neither, (2.0, 2.0, 0.5, 0.3, 0.0), (40, 3, 2, 30, 0)).values()) == {0.0}


def test_features_of_one_theme_add_up_and_what_keeps_does_not_undo_what_was_met(cards):
    case, more, kept = (dataclasses.replace(cards[2], name=name) for name in ("open_cases", "reopened", "escalated"))
    medians = dict.fromkeys(("open_cases", "reopened", "escalated"), 0.0)
    assert met([case, more, kept], (0.5, 0.25, -2.0), (1, 1, 1), medians) == {"unresolved problems": 0.75}


def test_no_sign_is_a_reason_and_the_most_borne_out_theme_is(cards):
    signs = [dataclasses.replace(cards[0], theme=theme, worse="higher", name=theme) for theme in SIGNS]
    assert met(signs, [1.0] * len(signs), [9.0] * len(signs), dict.fromkeys(SIGNS, 0.0)) == {}
    found = pd.DataFrame({"waiting": [0.1, 0.0, 0.2], "rough start": [0.3, 0.0, 0.2]}, index=["a", "b", "c"])
    assert likely_reasons(found).to_dict() == {"a": "rough start", "b": None, "c": "waiting"}
    assert likely_reasons(found[[]]).tolist() == [None] * 3
    assert likely_reasons(found.head(0)).empty
    assert set(SIGNS) < set(THEMES)


def test_no_likely_reason_of_a_real_model_is_contradicted_by_the_values(classifier, customers, cards, usual):
    found = attribute(classifier, customers)
    said = reasons(found, customers, cards, usual)["likely_reason"]
    push = found.frame().set_index(customers.index)
    problems = (customers["open_cases"] > usual["open_cases"]) & (push["open_cases"] > 0)
    value = (customers["tenure_days"] < 0.95 * usual["tenure_days"]) & (push["tenure_days"] > 0)
    assert said.notna().equals(problems | value)
    assert problems[said == "unresolved problems"].all() and value[said == "value and contract"].all()
    assert 0.05 < said.isna().mean() < 0.95 and said.nunique() == 2
