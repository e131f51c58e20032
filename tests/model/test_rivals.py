"""Classifiers named in the configuration: prepared, compared on equal terms, and refused with a clear word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from churnml.config import Rival, parse_config
from churnml.errors import ConfigError
from churnml.metrics.scores import auroc, log_loss
from churnml.model.rivals import rival_chances, rivals
from churnml.model.split import RollingOriginSplit
from churnml.model.training import out_of_time
from churnml.outcomes import OUTCOMES

SPLIT = RollingOriginSplit(6, horizon_days=42)
NAMED = {
    "linear": Rival(estimator="sklearn.linear_model.LogisticRegression", parameters={"C": 0.5}),
    "forest": Rival(
        estimator="sklearn.ensemble.ExtraTreesClassifier", parameters={"n_estimators": 25, "max_depth": None}
    ),
    "histogram": Rival(estimator="sklearn.ensemble.HistGradientBoostingClassifier", parameters={"max_iter": 20}),
    "boosting": Rival(estimator="lightgbm.LGBMClassifier", parameters={"n_estimators": 20, "n_jobs": 1}),
}


def test_rivals_take_gaps_and_categories_and_know_more_than_recency(business, make) -> None:
    new = make(customers=300, seed=7)
    code = np.searchsorted(np.array(OUTCOMES), new.y)
    prior = np.tile(np.bincount(code) / len(code), (len(code), 1))
    for name, rival in rivals(NAMED, seed=3).items():
        rows = (business.X.assign(unknown=np.nan), business.y, business.as_of)
        p = rival_chances(name, rival, *rows, new.X.assign(unknown=1.0), new.as_of, splitter=SPLIT)
        assert p.shape == (len(new.y), 3) and np.allclose(p.sum(axis=1), 1)
        assert log_loss(code, p) < log_loss(code, prior) - 0.05, name
        silent = new.y == "silent"
        assert auroc(silent, p[:, 1]) > auroc(silent, new.X["days_since_engagement"]) + 0.05, name


def test_a_rival_is_calibrated_on_the_folds_that_calibrate_the_model(business, make) -> None:
    deep = rivals({"tree": Rival(estimator="sklearn.tree.DecisionTreeClassifier", parameters={"min_samples_leaf": 5})})
    new = make(customers=300, seed=8)
    code = np.searchsorted(np.array(OUTCOMES), new.y)
    p = rival_chances("tree", deep["tree"], business.X, business.y, business.as_of, new.X, new.as_of, splitter=SPLIT)
    raw = deep["tree"].fit(business.X, business.y).predict_proba(new.X)
    assert log_loss(code, p) < log_loss(code, raw) - 0.5  # a tree grown so deep is far too sure of itself


def test_the_seed_and_what_is_declared_decide(business) -> None:
    steps = [rivals({"forest": NAMED["forest"]}, seed=seed)["forest"][-1] for seed in (3, 3, 4)]
    assert [step.random_state for step in steps] == [3, 3, 4] and steps[0].n_estimators == 25
    fixed = Rival(estimator="sklearn.ensemble.ExtraTreesClassifier", parameters={"random_state": 9})
    assert rivals({"forest": fixed}, seed=3)["forest"][-1].random_state == 9
    small = {"t": Rival(estimator="sklearn.tree.ExtraTreeClassifier", parameters={"max_depth": 4})}
    first, again, other = (
        out_of_time(business.X, business.y, business.as_of, classifier=rivals(small, seed=seed)["t"], splitter=SPLIT)
        for seed in (3, 3, 4)
    )
    assert first.equals(again) and not first.equals(other)


@pytest.mark.parametrize(
    ("rival", "message"),
    [
        ({"estimator": "sklearn.nowhere.Forest"}, "model.rivals.mine.estimator: .* cannot be imported"),
        ({"estimator": "sklearn.ensemble.Forest"}, "cannot be imported"),
        ({"estimator": "sklearn.linear_model.LinearRegression"}, "no scikit-learn classifier"),
        ({"estimator": "os.system"}, "no scikit-learn classifier"),
        ({"estimator": "sklearn.svm.LinearSVC"}, "gives no chances"),
        ({"estimator": "sklearn.ensemble.VotingClassifier"}, "more than plain parameters"),
        ({"estimator": "sklearn.tree.DecisionTreeClassifier", "parameters": {"leaf": 1}}, "no parameter 'leaf'"),
    ],
)
def test_what_is_no_classifier_is_refused(rival, message) -> None:
    with pytest.raises(ConfigError, match=message):
        rivals({"mine": Rival(**rival)})


def test_a_parameter_that_the_classifier_refuses_is_a_configuration_error(business) -> None:
    tree = rivals({"tree": Rival(estimator="sklearn.tree.DecisionTreeClassifier", parameters={"max_depth": -3})})
    with pytest.raises(ConfigError, match=r"model\.rivals\.tree: .*max_depth"):
        rival_chances(
            "tree", tree["tree"], business.X, business.y, business.as_of, business.X, business.as_of, splitter=SPLIT
        )


def test_what_a_rival_warns_of_is_one_line_under_its_name(business, caplog, recwarn) -> None:
    hasty = Rival(estimator="sklearn.linear_model.LogisticRegression", parameters={"max_iter": 2})
    rows = (business.X, business.y, business.as_of)
    rival_chances("hasty", rivals({"h": hasty})["h"], *rows, business.X, business.as_of, splitter=SPLIT)
    assert [one.message for one in caplog.records] == [
        "model.rivals.hasty: lbfgs failed to converge after 2 iteration(s) (status=1):"
    ]
    assert not [one for one in recwarn if "converge" in str(one.message)]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("{forest: {estimator: RandomForest}}", "model.rivals.forest.estimator"),
        (
            "{forest: {estimator: sklearn.tree.DecisionTreeClassifier, depth: 3}}",
            "model.rivals.forest.depth: unknown key",
        ),
        ("{churnml: {estimator: sklearn.tree.DecisionTreeClassifier}}", "cannot be called churnml"),
        ("{My Forest: {estimator: sklearn.tree.DecisionTreeClassifier}}", "model.rivals"),
    ],
)
def test_the_configuration_is_read_strictly(lines, message) -> None:
    text = (Path(__file__).parents[2] / "configs" / "online_retail.yaml").read_text(encoding="utf-8")
    assert parse_config(text).model.rivals == {}
    assert "\nmodel:\n" in text
    with pytest.raises(ConfigError, match=message):
        parse_config(text.replace("\nmodel:\n", f"\nmodel:\n  rivals: {lines}\n"))
