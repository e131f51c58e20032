"""What a training run says of its model's drivers: how stable they are, their shapes, and for whom they matter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from churnml.config import Config
from churnml.dataset import Dataset
from churnml.explanation.attribution import Attribution, attribute
from churnml.explanation.shapes import shapes, theme_parts
from churnml.explanation.stability import feature_stability, theme_stability
from churnml.explanation.themes import by_theme, feature_drivers, theme_drivers, usual_pushes
from churnml.insights.personas import assign, features_of
from churnml.model.classifier import SilentDefectionClassifier
from churnml.workflows.evidence import pack


def drivers_of(
    attribution: Attribution,
    sample: Dataset,
    refits: Sequence[SilentDefectionClassifier],
    config: Config,
    seed: int,
) -> dict[str, Any]:
    """The notes on the drivers: `attribution` is what the model says of `sample`; `refits` saw less history."""
    cards = sample.recipe.cards
    again = [attribution, *(attribute(each, sample.X) for each in refits)]
    alike = [each for each in again if each.declared == attribution.declared]
    return {
        "declared_margin": attribution.declared,
        "usual_pushes": usual_pushes(by_theme(attribution, cards)),
        "theme_drivers": pack(theme_drivers(attribution, cards)),
        "feature_drivers": pack(feature_drivers(attribution, sample.X, cards)),
        "theme_stability": pack(theme_stability(alike, cards, sample.group_id, seed=seed)),
        "feature_stability": pack(feature_stability(alike, sample.group_id, seed=seed)),
        "driver_shapes": pack(shapes(attribution, sample.X, cards)),
        "theme_parts": pack(theme_parts(attribution, cards, _parts(sample, config))),
    }


def _parts(sample: Dataset, config: Config) -> dict[str, Any]:
    """By what the customers of a report are told apart: their kind, and the attributes that name segments."""
    parts: dict[str, Any] = {}
    if set(features_of(config.personas)) & set(sample.X):
        parts["kind of customer"] = assign(sample.X, config.personas)
    for name, about in config.attributes.items():
        if about.sensitivity == "none" and name in sample.X and sample.X[name].dtype == "category":
            parts[name.replace("_", " ")] = sample.X[name].astype(object).to_numpy()
    return parts
