"""The model that scores, and whether it fits the configuration."""

from __future__ import annotations

from pathlib import Path

from churnml.config import Config
from churnml.errors import ModelError
from churnml.features.recipe import Recipe
from churnml.features.registry import FeatureCard, Inventory
from churnml.model.bundle import Bundle
from churnml.tracking import Exported, Tracker


def champion(config: Config) -> tuple[Bundle, Exported]:
    """The verified bundle of the champion, from its export when the tracking server is out of reach.

    Raises
    ------
    ModelError
        There is no champion, or its files were changed.
    """
    exported = Tracker(None, Path(config.paths.models), config.project).champion_bundle()
    return Bundle.load(exported.folder), exported


def recipe_of(bundle: Bundle, config: Config) -> Recipe:
    """The recipe the bundle was trained with.

    Raises
    ------
    ModelError
        The configuration has changed since in what features it gives.
    """
    recipe = Recipe.of(config, Inventory.from_json(bundle.notes["inventory"]))
    learnt: dict[str, str] = bundle.notes["custom_features"]
    if recipe.custom != learnt:
        gone = {name: "is not configured now" for name in learnt if name not in recipe.custom}
        more = {
            name: "has changed" if name in learnt else "was not there"
            for name, digest in recipe.custom.items()
            if learnt.get(name) != digest
        }
        said = sorted(f"{name} {what}" for name, what in (gone | more).items())
        raise ModelError(
            f"the files of custom features are not those the champion was trained with: {', '.join(said)}",
            "train again, or put features.custom and the files back",
        )
    if tuple(recipe.columns) != bundle.columns:
        changed = sorted(set(recipe.columns) ^ set(bundle.columns))
        raise ModelError(
            f"the champion was trained with other features than this configuration gives ({len(changed)} differ: "
            f"{', '.join(changed[:5])}{', ...' if len(changed) > 5 else ''})",
            "train again, or score with the configuration it was trained with",
        )
    return recipe


def cards(bundle: Bundle, recipe: Recipe) -> list[FeatureCard]:
    """What a reader is told about each of the bundle's columns.

    A bundle of an earlier version does not know which side of the usual value is the worse one; its `recipe` does. What
    is personal is for today's configuration to say.
    """
    now = {card.name: card for card in recipe.cards}
    return [
        FeatureCard(**{"worse": now[feature["name"]].worse, **feature, "personal": now[feature["name"]].personal})
        for feature in bundle.features
    ]
