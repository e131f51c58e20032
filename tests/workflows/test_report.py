from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from churnml.evaluation.fairness import GAPS, Fairness
from churnml.features.registry import FeatureCard
from churnml.workflows.champion import cards
from churnml.workflows.evidence import pack_fairness
from churnml.workflows.report import fairness_in_words, impersonal

MISSED = "false_negative_rate"


def packed(p_value: float) -> dict[str, Any]:
    groups = pd.DataFrame(
        [("birth_year", group, MISSED, value) for group, value in (("1940 to 1960", 0.9), ("1961 to 1990", 0.7))],
        columns=["attribute", "group", "metric", "value"],
    )
    gaps = pd.DataFrame([("birth_year", MISSED, 0.2, p_value, p_value <= 0.05)], columns=list(GAPS))
    return pack_fairness(Fairness(groups, gaps))


@pytest.mark.parametrize(("p_value", "said"), [(0.2, "chance alone may"), (0.01, "chance alone seldom")])
def test_a_gap_is_told_with_what_chance_may_do(p_value: float, said: str) -> None:
    (sentence,) = fairness_in_words(packed(p_value))
    assert f"misses 70% (1961 to 1990) to 90% (1940 to 1960); {said} part" in sentence


def test_the_verdict_of_earlier_versions_on_gaps_is_not_repeated() -> None:
    """They held each of many intervals against zero for itself, and found something almost always."""
    old = packed(0.01)
    place = old["gaps"]["columns"].index("p_value")
    old["gaps"] = {
        "columns": [name for name in old["gaps"]["columns"] if name != "p_value"],
        "data": [row[:place] + row[place + 1 :] for row in old["gaps"]["data"]],
    }
    (sentence,) = fairness_in_words(old)
    assert sentence.endswith("90% (1940 to 1960); not judged against chance.")


def test_what_is_personal_by_now_is_not_shown_from_an_older_training() -> None:
    """A bundle of an earlier version holds no such word, and one of an earlier configuration another one."""
    about = {"name": "postcode", "doc": "The postcode.", "unit": "category", "theme": "about the customer"}
    card = FeatureCard(**about, sentence="Postcode: {value}", type="category", personal=True)
    recipe: Any = SimpleNamespace(cards=(card,))
    written = {**card.card(), "worse": None}
    for kept in ({name: value for name, value in written.items() if name != "personal"}, written | {"personal": False}):
        bundle: Any = SimpleNamespace(features=(kept,))
        assert cards(bundle, recipe) == [card]
    config: Any = SimpleNamespace(attributes={"postcode": SimpleNamespace(sensitivity="personal")})
    shapes = pd.DataFrame({"feature": ["postcode", "tenure_days"], "text": ["01974", None]})
    assert impersonal(shapes, config)["feature"].tolist() == ["tenure_days"]
