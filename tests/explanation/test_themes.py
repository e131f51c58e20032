from __future__ import annotations

import numpy as np

from churnml.explanation.attribution import Attribution, attribute
from churnml.explanation.themes import by_theme, feature_drivers, theme_drivers


def test_themes_add_up_to_the_margin(classifier, customers, cards):
    found = attribute(classifier, customers)
    themes = by_theme(found, cards)
    assert list(themes.columns) == ["going quiet", "unresolved problems", "value and contract", "about the customer"]
    assert np.allclose(themes.sum(axis=1) + found.base, found.margin)


def test_the_theme_that_decides_leads_and_shares_add_up(classifier, customers, cards):
    drivers = theme_drivers(attribute(classifier, customers), cards)
    assert drivers["theme"].iloc[0] == "going quiet"
    assert np.isclose(drivers["share"].sum(), 1)
    assert drivers["strength"].is_monotonic_decreasing
    assert np.allclose(drivers["towards"] + drivers["away"], drivers["strength"])
    assert dict(zip(drivers["theme"], drivers["features"], strict=True))["going quiet"] == 2


def test_directions_are_those_of_the_data(classifier, customers, cards):
    drivers = feature_drivers(attribute(classifier, customers), customers, cards).set_index("feature")
    assert drivers.loc["days_since_engagement", "direction"] == "higher, more likely to leave"
    assert drivers.loc["active_days_90d", "direction"] == "higher, less likely to leave"
    assert drivers.loc["plan", "direction"] == "no single direction"
    assert drivers.loc["days_since_engagement", "doc"] == "Days since the customer was last active."


def test_correlated_features_that_cancel_leave_their_theme_nothing(cards):
    names = tuple(card.name for card in cards)
    values = np.tile([2.0, -2.0, 0.5, 0.0, 0.0], (4, 1))
    drivers = theme_drivers(Attribution(names, values, np.zeros(4), values.sum(axis=1)), cards)
    assert drivers.set_index("theme").loc["going quiet", "strength"] == 0
    assert drivers["theme"].iloc[0] == "unresolved problems"


def test_nobody_explained_gives_zeros_not_an_error(cards, customers):
    nothing = Attribution(tuple(card.name for card in cards), np.zeros((0, 5)), np.zeros(0), np.zeros(0))
    assert theme_drivers(nothing, cards)["strength"].eq(0).all()
    assert feature_drivers(nothing, customers.head(0), cards)["strength"].eq(0).all()
