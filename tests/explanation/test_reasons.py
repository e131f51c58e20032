from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from churnml.explanation.attribution import Attribution, Explainer, attribute
from churnml.explanation.reasons import explain, keeps, reasons

USUAL = {"days_since_engagement": 10.0, "active_days_90d": 20.0, "open_cases": 0.0, "tenure_days": 400.0}


def customer(**values):
    usual_one = {
        "days_since_engagement": 40.0,
        "active_days_90d": 3.0,
        "open_cases": 1.0,
        "tenure_days": 30.0,
        "plan": "basic",
    }
    row = pd.DataFrame({name: [value] for name, value in (usual_one | values).items()}, index=["c1"])
    return row.assign(plan=pd.Categorical(row["plan"]))


def pushed(cards, *contributions):
    values = np.array([contributions], dtype=float)
    return Attribution(tuple(card.name for card in cards), values, np.zeros(1), values.sum(axis=1))


def test_strongest_theme_first_each_theme_once_in_the_customers_numbers(cards):
    said = reasons(pushed(cards, 0.9, 0.4, 1.0, 0.2, 0.1), customer(), cards, USUAL).loc["c1"]
    assert said["reason_1"] == "No sign of life for 40 days; usually 10 days."  # 0.9 + 0.4 beats 1.0
    assert said["reason_2"] == "1 open case; usually no open cases."
    assert said["reason_3"] == "Signed up 30 days ago; usually 400 days."
    assert said["reason_4"] == "Signed up on the plan basic."
    assert said[["theme_1", "theme_2", "theme_3"]].tolist() == [
        "going quiet",
        "unresolved problems",
        "value and contract",
    ]
    assert said["reason_5"] is None


def test_a_theme_that_on_balance_keeps_the_customer_is_no_reason(cards):
    contributions = (0.9, -1.5, 0.2, 0.0, 0.0)
    said = reasons(pushed(cards, *contributions), customer(), cards, USUAL).loc["c1"]
    assert said["reason_1"].startswith("1 open case")
    assert said["reason_2"] is None and said["theme_2"] is None
    kept = keeps(pushed(cards, *contributions), customer(), cards, USUAL).loc["c1"]
    assert kept["keep_1"] == "Active on 3 days of the last 90; usually 20 days."
    assert kept["keep_2"] is None


def test_missing_values_are_said_in_words_or_not_at_all(cards):
    said = reasons(
        pushed(cards, 0.1, 0.0, 0.9, 0.8, 0.7),
        customer(open_cases=np.nan, tenure_days=np.nan, plan=None),
        cards,
        USUAL,
    ).loc["c1"]
    assert said.dropna().tolist() == [
        "Never opened a case.",
        "No sign of life for 40 days; usually 10 days.",
        "unresolved problems",
        "going quiet",
    ]


def test_a_value_like_everyones_is_not_worth_a_sentence(cards):
    said = reasons(pushed(cards, 0.9, 0.3, 0, 0, 0), customer(days_since_engagement=10.0), cards, USUAL).loc["c1"]
    assert said["reason_1"] == "Active on 3 days of the last 90; usually 20 days."


def test_without_a_usual_value_the_sentence_stands_alone(cards):
    said = reasons(pushed(cards, 0.9, 0.3, 0, 0, 0), customer(days_since_engagement=1.0), cards, {}).loc["c1"]
    assert said["reason_1"] == "No sign of life for 1 day."


def test_a_category_without_a_template_is_said_by_its_doc(cards):
    plain = [*cards[:-1], dataclasses.replace(cards[-1], sentence="Not a template.")]
    said = reasons(pushed(cards, 0, 0, 0, 0, 1), customer(), plain, USUAL).loc["c1"]
    assert said["reason_1"] == "The plan at sign-up: basic."


def test_a_customer_nothing_pushes_is_told_so(cards):
    said = reasons(pushed(cards, -1, -1, -1, 0, -1), customer(), cards, USUAL).loc["c1"]
    assert said["reason_1"] == "Nothing in the history points towards leaving"
    assert said.drop("reason_1").isna().all()


@pytest.mark.parametrize("n", [1, 2, 5])
def test_real_contributions_fill_the_columns_of_the_scores(classifier, customers, cards, usual, n):
    said = reasons(attribute(classifier, customers), customers, cards, usual, n)
    assert list(said) == [f"reason_{rank + 1}" for rank in range(n)] + ["theme_1", "theme_2", "theme_3"]
    assert said.index.equals(customers.index)
    themes = said[["theme_1", "theme_2", "theme_3"]]
    assert all(row.dropna().is_unique for _, row in themes.iterrows())
    gaps = said.filter(like="reason_").isna().astype(int).diff(axis=1).iloc[:, 1:]
    assert (gaps >= 0).all(axis=None)  # no sentence after a gap
    assert not said.filter(like="reason_").apply(lambda column: column.str.contains("nan", na=False)).any(axis=None)


def test_in_chunks_the_same_sentences(classifier, customers, cards, usual):
    whole = reasons(attribute(classifier, customers), customers, cards, usual)
    pd.testing.assert_frame_equal(explain(Explainer(classifier), customers, cards, usual, chunk_rows=99), whole)
    assert explain(Explainer(classifier), customers.head(0), cards, usual).empty
