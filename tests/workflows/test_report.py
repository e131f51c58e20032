from __future__ import annotations

import pandas as pd
import pytest

from churnml.evaluation.fairness import GAPS, Fairness
from churnml.workflows.evidence import pack_fairness
from churnml.workflows.report import fairness_in_words

MISSED = "false_negative_rate"


def packed(p_value: float) -> dict:
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
