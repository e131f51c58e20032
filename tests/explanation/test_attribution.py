from __future__ import annotations

import re

import lightgbm
import numpy as np
import pandas as pd
import pytest

from churnml.errors import ModelError
from churnml.explanation.attribution import Explainer, attribute
from churnml.model.formulations import DEFECTION_MARGIN, SILENT_MARGIN


def test_contributions_and_base_add_up_to_the_margin(classifier, customers):
    found = attribute(classifier, customers)
    assert found.values.shape == (len(customers), customers.shape[1])
    assert found.declared == SILENT_MARGIN
    assert np.allclose(found.base + found.values.sum(axis=1), classifier.raw_margin(customers), rtol=0, atol=1e-9)


def test_the_margin_is_the_log_odds_of_silent_against_retained(classifier, customers):
    chances = dict(zip(classifier.classes_, classifier.predict_proba(customers).T, strict=True))
    assert np.allclose(attribute(classifier, customers).margin, np.log(chances["silent"] / chances["retained"]))


def test_a_fallback_model_explains_leaving_at_all(fallback_classifier, customers):
    assert fallback_classifier.fallback_ is not None
    found = attribute(fallback_classifier, customers)
    stays = fallback_classifier.predict_proba(customers)[:, 0]
    assert found.declared == DEFECTION_MARGIN
    assert np.allclose(found.base + found.values.sum(axis=1), np.log((1 - stays) / stays))


def test_a_feature_the_outcome_hangs_on_gets_more_than_one_it_does_not(classifier, customers):
    strength = attribute(classifier, customers).frame().abs().mean()
    assert strength["days_since_engagement"] > 5 * strength["tenure_days"]


def test_chunks_change_nothing(classifier, customers):
    whole, pieces = attribute(classifier, customers), attribute(classifier, customers, chunk_rows=64)
    assert np.array_equal(whole.values, pieces.values)
    assert [len(part) for part in Explainer(classifier).attributions(customers, chunk_rows=500)] == [500, 200]


def test_no_customers_give_no_contributions(classifier, customers):
    assert attribute(classifier, customers.head(0)).values.shape == (0, customers.shape[1])


def test_missing_values_and_unseen_categories_are_explained(classifier, customers):
    odd = customers.head(3).assign(plan=pd.Categorical(["basic", "platinum", None]), open_cases=np.nan)
    found = attribute(classifier, odd)
    assert np.allclose(found.base + found.values.sum(axis=1), classifier.raw_margin(odd))
    assert np.isfinite(found.values).all()


def test_columns_in_another_order_are_refused(classifier, customers):
    with pytest.raises(ModelError, match="order"):
        attribute(classifier, customers[customers.columns[::-1]])


def test_contributions_of_another_booster_are_refused(classifier, fallback_classifier, customers, monkeypatch):
    other = lightgbm.train(
        {"objective": "multiclass", "num_class": 3, "verbosity": -1, "num_threads": 1},
        lightgbm.Dataset(classifier.encode(customers), label=np.arange(len(customers)) % 3),
        num_boost_round=3,
    )
    margin = classifier.raw_margin(customers)
    monkeypatch.setattr(classifier, "boosters_", {"outcomes": other})
    monkeypatch.setattr(classifier, "encoded_margin", lambda *_: margin)
    with pytest.raises(ModelError, match="do not add up"):
        attribute(classifier, customers)


def test_a_model_that_tables_do_not_cover_is_explained_by_lightgbm_and_it_is_said(classifier, customers, monkeypatch):
    text = classifier.model_texts_["outcomes"]
    # as if no training row had met the first tree's root; the text keeps its length, by which LightGBM finds the trees
    empty = re.sub(r"(?<=internal_count=)\d+", lambda count: "0" * len(count.group()), text, count=1)
    monkeypatch.setattr(classifier, "boosters_", {"outcomes": lightgbm.Booster(model_str=empty)})
    explainer = Explainer(classifier)
    assert explainer.fallbacks == {"outcomes": "nodes without training rows"}
    with pytest.raises(ModelError, match="do not add up"):  # LightGBM divides by that nought
        list(explainer.attributions(customers))


def test_linear_trees_are_explained_by_nobody(classifier, customers, monkeypatch):
    linear = lightgbm.train(
        {"objective": "multiclass", "num_class": 3, "linear_tree": True, "verbosity": -1, "num_threads": 1},
        lightgbm.Dataset(classifier.encode(customers), label=np.arange(len(customers)) % 3),
        num_boost_round=2,
    )
    monkeypatch.setattr(classifier, "boosters_", {"outcomes": linear})
    with pytest.raises(ModelError, match="not implemented for linear trees"):
        list(Explainer(classifier).attributions(customers))
