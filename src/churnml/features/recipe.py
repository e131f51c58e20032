"""The recipe: which columns X has, and how each is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from churnml.errors import ConfigError
from churnml.features import fitted
from churnml.features.custom import CustomFeatures
from churnml.features.fitted import Fitted
from churnml.features.registry import Context, Feature, FeatureCard, Inventory, declare

if TYPE_CHECKING:
    from churnml import config as settings


@dataclass(frozen=True)
class Recipe:
    """Which columns X has and how each is made; made once for training, kept in the bundle, used by every night.

    `custom` gives the sha256 of each file of custom features, `protected` names the attributes that are kept out of X
    and used for the fairness audit only.
    """

    context: Context
    inventory: Inventory
    features: tuple[Feature, ...]
    switched_off: Mapping[str, str]
    attributes: tuple[FeatureCard, ...]
    custom: Mapping[str, str]
    protected: tuple[str, ...] = ()

    @property
    def columns(self) -> list[str]:
        """The names of X's columns, in order."""
        return [card.name for card in self.cards]

    @property
    def cards(self) -> tuple[FeatureCard, ...]:
        """What a reader is told about each column, in order."""
        return (*self.features, *self.attributes)

    @property
    def fits(self) -> tuple[Fitted, ...]:
        """What features learn from training rows."""
        return fitted.fits_of(self.features)

    @classmethod
    def of(cls, config: settings.Config, found: Inventory) -> Recipe:
        """The recipe that a configuration gives for data that has `found`.

        Raises
        ------
        ConfigError
            A family or an excluded feature that does not exist, or something wrong in a file of custom features.
        """
        context = Context(
            engagement_kinds=config.engagement_kinds,
            voice_kinds=config.voice.kinds,
            friction_kinds=config.features.friction,
            value_kinds=config.economics.value_kinds,
            digital_channels=config.channels.digital,
            dark_channels=config.channels.dark,
            onboarding_days=config.features.onboarding_days,
            own_kinds=config.kinds,
            list_days=config.eligible.active_within_days
            if set(config.engagement_kinds) <= set(config.eligible_kinds)
            else 0,
            window_days=config.snapshots.lead_days + config.snapshots.horizon_days,
        )
        folder = config.file.parent if config.file else Path()
        custom = [CustomFeatures.load(name, folder) for name in config.features.custom]
        declared = declare(
            context,
            found,
            config.features.families,
            [name for name in config.features.exclude if name not in config.attributes],
            [own.declare for own in custom],
        )
        known = {feature.name for feature in declared.features} | set(declared.switched_off)
        if both := sorted(known & set(config.attributes)):
            raise ConfigError(
                f"attributes: {', '.join(both)}: features have {'this name' if len(both) == 1 else 'these names'}",
                "give the attribute another name, under attributes and where it is mapped",
            )
        cards, off, protected = [], dict(declared.switched_off), []
        for name, attribute in config.attributes.items():
            if attribute.sensitivity == "protected":
                off[name] = "protected: used for the fairness audit only"
                if found.customers is None or name in found.customers:
                    protected.append(name)
            elif name in config.features.exclude:
                off[name] = "excluded by the configuration"
            elif found.customers is not None and name not in found.customers:
                off[name] = "the data does not have it"
            else:
                cards.append(_attribute_card(name, attribute))
        files = {own.name: own.sha256 for own in custom}
        return cls(context.present(found), found, declared.features, off, tuple(cards), files, tuple(protected))


def _attribute_card(name: str, attribute: settings.Attribute) -> FeatureCard:
    words = name.replace("_", " ")
    return FeatureCard(
        name=name,
        doc=f"The customer's {words}, as given at sign-up.",
        unit="category" if attribute.type == "category" else "number",
        theme="about the customer",
        family="attributes",
        sentence=f"{words.capitalize()}: {{value}}, as given at sign-up"
        + ("" if attribute.type == "category" else "[; typical is {usual}]"),
        type=attribute.type,
        personal=attribute.sensitivity == "personal",
    )
