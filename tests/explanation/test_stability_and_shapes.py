"""Drivers over retrainings, how the risk moves with a value, and for whom: on contributions that are known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from churnml.explanation.attribution import Attribution
from churnml.explanation.shapes import FEWEST, shapes, theme_parts
from churnml.explanation.stability import feature_stability, theme_stability
from churnml.features.registry import FeatureCard

THEMES = {"quiet": "going quiet", "cases": "unresolved problems", "plan": "value and contract", "flag": "waiting"}


@pytest.fixture
def cards():
    units = {"quiet": "days", "cases": "events", "plan": "", "flag": "yes or no"}
    return [
        FeatureCard(
            name=name, doc=f"About {name}.", unit=units[name], theme=theme, family="recency", sentence="{value}"
        )
        for name, theme in THEMES.items()
    ]


def explained(weights=(0.02, 0.3, 0.2, 0.4), n=1000, seed=1):
    draw = np.random.default_rng(seed)
    X = pd.DataFrame({"quiet": draw.integers(0, 100, n).astype(float), "cases": draw.poisson(0.5, n).astype(float)})
    X["plan"] = pd.Categorical(draw.choice(["basic", "premium"], n))
    X["flag"] = (draw.random(n) < 0.5).astype(float)
    X.loc[: n // 10, "cases"] = np.nan
    known = X.assign(plan=(X["plan"] == "premium").astype(float), cases=X["cases"].fillna(-1))
    values = (known - known.mean()).to_numpy() * np.array(weights)
    return X, Attribution(tuple(X), values, np.zeros(n), values.sum(axis=1))


def test_a_share_that_does_not_move_has_a_narrow_interval_and_one_that_does_a_wide_one(cards):
    steady = [explained(seed=1)[1]] * 5
    other = [explained(weights=(0.02 * scale, 0.3, 0.2, 0.4), seed=1)[1] for scale in (0.1, 0.5, 1, 2, 4)]
    groups = np.arange(1000)
    narrow, wide = (theme_stability(each, cards, groups).set_index("theme") for each in (steady, other))
    size = lambda frame: (frame["high"] - frame["low"])["going quiet"]  # noqa: E731
    assert size(narrow) < 0.05 < 0.3 < size(wide)
    assert narrow.loc["going quiet", "first"] == 1 and narrow["retrainings"].eq(4).all()
    assert narrow["first"].sum() == pytest.approx(3)
    by_feature = feature_stability(steady, groups).set_index("feature")
    share = np.abs(steady[0].values).mean(axis=0) / np.abs(steady[0].values).mean(axis=0).sum()
    assert ((by_feature["low"] <= share) & (by_feature["high"] >= share)).all()


def test_groups_are_drawn_whole(cards):
    groups = np.repeat(np.arange(10), 100)
    alone, together = (theme_stability([explained()[1]] * 2, cards, g) for g in (np.arange(1000), groups))
    assert (together["high"] - together["low"]).notna().all() and len(alone) == len(together) == 4
    assert theme_stability([explained()[1]], cards, groups).empty and theme_stability([], cards, []).empty


def test_a_shape_follows_the_value_and_knows_missing_ones_flags_and_categories(cards):
    X, told = explained()
    found = shapes(told, X, cards)
    assert found["customers"].min() >= FEWEST and (found["low"] <= found["push"] + 1e-9).all()
    quiet = found[found["feature"] == "quiet"]
    assert quiet["push"].is_monotonic_increasing and len(quiet) == 8 and quiet["customers"].sum() == len(X)
    assert (quiet["from"].to_numpy()[1:] > quiet["to"].to_numpy()[:-1]).all()
    missing = found[(found["feature"] == "cases") & (found["text"] == "no value")]
    assert missing["customers"].item() == X["cases"].isna().sum()
    assert set(found.loc[found["feature"] == "plan", "text"]) == {"basic", "premium"}
    assert found.loc[found["feature"] == "flag", "middle"].tolist() == [0, 1]


def test_no_shape_shows_what_is_personal(cards):
    X, told = explained()
    hidden = [
        dataclasses.replace(card, theme="about the customer", personal=card.name == "plan")
        if card.name in ("plan", "flag")
        else card
        for card in cards
    ]
    found = shapes(told, X, hidden)
    assert set(found["feature"]) == {"quiet", "cases", "flag"}  # the theme's next feature
    assert "premium" not in set(found["text"])
    stronger = Attribution(told.features, told.values * [1, 1, 9, 1], told.base, told.margin)
    assert set(shapes(stronger, X, hidden)["feature"]) == {"quiet", "cases", "flag"}


def test_parts_have_the_mean_push_of_each_theme(cards):
    X, told = explained()
    rare = np.where(np.arange(1000) < 5, "rare", X["plan"].astype(object))
    found = theme_parts(told, cards, {"plan": rare, "nothing": np.full(1000, None)})
    assert found["by"].unique().tolist() == ["plan"] and "rare" not in set(found["part"])
    contract = found[found["theme"] == "value and contract"].set_index("part")["push"]
    assert contract["premium"] - contract["basic"] == pytest.approx(0.2)


def test_nobody_has_no_shape(cards):
    X, told = explained(n=1000)
    nobody = Attribution(told.features, told.values[:0], told.base[:0], told.margin[:0])
    assert shapes(nobody, X.head(0), cards).empty and theme_parts(nobody, cards, {}).empty
    assert theme_stability([nobody] * 2, cards, []).empty
