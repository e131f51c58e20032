"""The registry: what a feature is, what the data has, and which features that allows.

A family is a module with `declare(context, inventory) -> Iterator[Feature]`. A feature is one expression over
the table of its grain (see `grains`); its `doc` is the text that reports show.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from importlib import import_module
from typing import Any, Literal

import ibis.expr.types as ir

from churnml.errors import ConfigError
from churnml.features.fitted import Fitted
from churnml.features.sentences import say

THEMES = (
    "going quiet",
    "unanswered outreach",
    "waiting",
    "unresolved problems",
    "impersonal service",
    "unheard feedback",
    "broken promises",
    "inconsistent experience",
    "product quality",
    "pressure and privacy",
    "channel mismatch",
    "rough start",
    "value and contract",
    "about the customer",
)
"""The plain-language drivers; every feature belongs to exactly one. The last holds customer attributes."""

FAMILIES = ("recency", "channels", "complaints", "onboarding", "outreach", "feedback", "experience", "value", "text")
"""The families of features that there are: each a module of this package."""

GRAINS = (
    *("event", "fact", "day", "case", "channel", "early", "dialogue", "asked", "rated", "promise", "payment"),
    "row",
)
"""The tables that expressions are written over: see `grains`."""

FITTED = "fitted"
"""The grain of features with fitted state: see `fitted`."""

CUSTOM = "custom"
"""The family of a user's own features: see `custom`."""

COMPANY_KINDS = frozenset(
    {
        *("outreach_sent", "survey_sent", "case_responded", "case_resolved", "promise_made", "promise_kept"),
        *("price_changed", "treatment", "treatment_withheld", "attribute_changed"),
    }
)
"""Kinds of event that the company causes, not the customer."""

FEEDBACK_KINDS = ("complaint", "message_private", "mention", "review")
"""Kinds of event that say something to the company, or to the world, and call for a reply."""

Worse = Literal["higher", "lower"]
"""A side of the usual value."""

CHANNEL_LIMIT = 12
"""At most so many channels, the most common ones, get features of their own."""


@dataclass(frozen=True)
class Needs:
    """What a feature needs from the data and the settings; where it is missing, the feature is switched off.

    `kinds`: at least one of these kinds of event. `every_kind`: all of these too. `columns`: all of these are
    filled somewhere in those kinds (in any kind, when no kind is named). `customers`: columns of the customers
    table. `settings`: fields of the context that are not empty.
    """

    kinds: tuple[str, ...] = ()
    every_kind: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    customers: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FeatureCard:
    """What a reader is told about a feature: the part of it that a bundle keeps.

    `sentence` says what was seen (see `sentences`); `sentence_low`, where given, replaces it for a value below
    the usual one, `sentence_empty` for a value that is missing. `empty` is the value of a customer without any
    such history; None leaves it missing. `worse` is the side of the usual value on which a customer has met what the
    theme is called by, so that the other side is good news; None where neither side tells. What is `personal` is never
    told of a customer: neither in sentences nor in pictures.
    """

    name: str
    doc: str
    unit: str
    theme: str
    family: str = CUSTOM
    sentence: str
    sentence_low: str | None = None
    sentence_empty: str | None = None
    empty: float | None = None
    worse: Worse | None = None
    type: Literal["number", "category"] = "number"
    personal: bool = False

    def say(self, value: float | None, usual: float | None = None, currency: str = "") -> str:
        """The sentence for a customer's value, beside what is usual: see `sentences.say`."""
        return say(self, value, usual, currency)

    def card(self) -> dict[str, Any]:
        """Plain values, fit for JSON; `FeatureCard(**card)` gives the card back."""
        return {item.name: getattr(self, item.name) for item in fields(FeatureCard)}


@dataclass(frozen=True, kw_only=True)
class Feature(FeatureCard):
    """One declared feature: a number for each customer at a snapshot.

    `expression` takes the table of `grain` and gives an aggregate over a customer's rows; at grain "row" it takes
    the assembled row instead, with the spine's columns and those of the features in `uses`. At grain "fitted" it takes
    the arrays that `fitted` gives (see `fitted`), and is computed outside the engine.
    """

    grain: str
    expression: Callable[..., Any] = field(repr=False, compare=False)
    needs: Needs = Needs()
    uses: tuple[Feature, ...] = ()
    fitted: Fitted | None = field(default=None, repr=False, compare=False)

    @property
    def inputs(self) -> tuple[Feature, ...]:
        """The features whose values this one is made from."""
        return self.uses if self.fitted is None else (*self.uses, *self.fitted.uses)


@dataclass(frozen=True)
class Context:
    """What the words of a business mean: the settings that features depend on.

    `own_kinds` are the kinds that the configuration declares. After `list_days` without engagement a customer has no
    row any more (0 where rows do not hang on engagement alone); outcomes are known `window_days` after a snapshot.
    """

    engagement_kinds: tuple[str, ...] = ("activity", "purchase")
    voice_kinds: tuple[str, ...] = ("complaint", "cancel_requested")
    friction_kinds: tuple[str, ...] = ("error", "payment_failed", "return", "contact_abandoned")
    service_kinds: tuple[str, ...] = ("contact", "complaint", "case_opened")
    value_kinds: tuple[str, ...] = ("purchase",)
    digital_channels: tuple[str, ...] = ()
    dark_channels: tuple[str, ...] = ()
    onboarding_days: int = 30
    own_kinds: tuple[str, ...] = ()
    list_days: int = 0
    window_days: int = 0

    def present(self, inventory: Inventory) -> Context:
        """The same with the kinds of event that the data has (where it has none of a sort: with all of that sort)."""
        named: dict[str, tuple[str, ...]] = {
            item.name: getattr(self, item.name) for item in fields(self) if item.name.endswith("_kinds")
        }
        found = {name: tuple(kind for kind in kinds if kind in inventory.kinds) for name, kinds in named.items()}
        return replace(self, **{name: kinds for name, kinds in found.items() if kinds})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Inventory:
    """What the data has: for each kind of event the columns that are filled somewhere, and the channels.

    `channels` holds the customers' own channels, the most common first (ties by name). `customers` holds the
    columns of the customers table that are filled somewhere; None means that nobody looked, and all count as filled.
    """

    kinds: Mapping[str, frozenset[str]]
    channels: tuple[str, ...] = ()
    customers: frozenset[str] | None = None

    def has(self, column: str, kinds: Iterable[str]) -> bool:
        """Whether the column is filled somewhere in events of one of these kinds."""
        return any(column in self.kinds.get(kind, ()) for kind in kinds)

    def to_json(self) -> dict[str, Any]:
        """Plain values, fit for JSON: kept with a model, so that scoring declares what training declared."""
        return {
            "kinds": {kind: sorted(columns) for kind, columns in sorted(self.kinds.items())},
            "channels": list(self.channels),
            "customers": None if self.customers is None else sorted(self.customers),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Inventory:
        """The inverse of `to_json`."""
        customers = values["customers"]
        return cls(
            {kind: frozenset(columns) for kind, columns in values["kinds"].items()},
            tuple(values["channels"]),
            None if customers is None else frozenset(customers),
        )


@dataclass(frozen=True)
class Declared:
    """The features that the data allows, in order of declaration, and why each of the others is switched off."""

    features: tuple[Feature, ...]
    switched_off: Mapping[str, str]


Declare = Callable[[Context, Inventory], Iterable[Feature]]
"""What declares features: a family's own function, or that of a user's file."""


def inventory(events: ir.Table, customers: ir.Table | None = None) -> Inventory:
    """Look at what the data has, in one aggregate query over the events (and one over the customers, if given)."""
    columns = [name for name in events.columns if name not in ("kind", "customer_id", "channel")]
    own = ~events.kind.isin(sorted(COMPANY_KINDS))
    if "direction" in events.columns:
        own &= events.direction.fill_null("inbound") != "outbound"
    counts = {name: events[name].count() for name in columns}
    found = events.group_by("kind", "channel").aggregate(own_events=events.count(where=own), **counts).execute()
    kinds: dict[str, set[str]] = {}
    channels: dict[str, int] = {}
    for row in found.to_dict("records"):
        if not isinstance(row["kind"], str):
            continue
        filled = kinds.setdefault(row["kind"], set())
        filled.update(name for name in columns if row[name] > 0)
        if isinstance(row["channel"], str):
            filled.add("channel")
            channels[row["channel"]] = channels.get(row["channel"], 0) + row["own_events"]
    used = sorted((name for name, n in channels.items() if n > 0), key=lambda name: (-channels[name], name))
    filled_customers = None
    if customers is not None:
        present = customers.aggregate(**{name: customers[name].count() for name in customers.columns}).execute()
        filled_customers = frozenset(name for name in customers.columns if present[name].iloc[0] > 0)
    return Inventory({kind: frozenset(names) for kind, names in sorted(kinds.items())}, tuple(used), filled_customers)


def declare(
    context: Context,
    inventory: Inventory,
    families: Iterable[str] = FAMILIES,
    exclude: Iterable[str] = (),
    custom: Iterable[Declare] = (),
) -> Declared:
    """Declare the features of some families, and switch off those whose inputs are missing or that are excluded.

    `custom` are the `declare` functions of files of a user's own.

    Raises
    ------
    ConfigError
        A family or an excluded feature that does not exist.
    """
    families, excluded = tuple(families), set(exclude)
    context = context.present(inventory)
    if unknown := [family for family in families if family not in FAMILIES]:
        raise ConfigError(f"features.families: unknown {', '.join(unknown)}; known are {', '.join(FAMILIES)}")
    features: dict[str, Feature] = {}
    switched_off: dict[str, str] = {}
    fits: dict[str, Fitted] = {}
    modules = [import_module(f"churnml.features.{family}").declare for family in families]
    for module in (*modules, *custom):
        for feature in module(context, inventory):
            if feature.name in features or feature.name in switched_off:
                raise ConfigError(f"features: two features are called {feature.name}; rename the kind or channel")
            if feature.fitted and fits.setdefault(feature.fitted.name, feature.fitted) is not feature.fitted:
                raise ConfigError(
                    f"features: {feature.name} has a Fitted of a name that is taken, {feature.fitted.name}"
                )
            why = "excluded by the configuration" if feature.name in excluded else missing(feature, context, inventory)
            if why:
                switched_off[feature.name] = why
            else:
                features[feature.name] = feature
    if unknown := sorted(excluded - set(features) - set(switched_off)):
        raise ConfigError(f"features.exclude: no feature is called {', '.join(unknown)}")
    return Declared(tuple(features.values()), switched_off)


def missing(feature: Feature, context: Context, inventory: Inventory) -> str | None:
    """Why a feature cannot be computed, as a sentence; None when it can."""
    needs, kinds = feature.needs, inventory.kinds
    for setting in needs.settings:
        if not getattr(context, setting):
            return f"needs {setting.replace('_', ' ')}, which the configuration does not name"
    if needs.kinds and not any(kind in kinds for kind in needs.kinds):
        if len(needs.kinds) > 1:
            return f"needs one of the kinds {', '.join(needs.kinds)}, and the data has none of them"
        return f"needs kind {needs.kinds[0]}, which the data does not have"
    if absent := [kind for kind in needs.every_kind if kind not in kinds]:
        word = "kinds" if len(absent) > 1 else "kind"
        return f"needs {word} {' and '.join(absent)}, which the data does not have"
    looked_at = (needs.kinds + needs.every_kind) or tuple(kinds)
    for column in needs.columns:
        if not inventory.has(column, looked_at):
            of = f" of {' or '.join(needs.kinds + needs.every_kind)}" if needs.kinds or needs.every_kind else ""
            return f"needs column {column}{of}, which is empty everywhere"
    for column in needs.customers:
        if inventory.customers is not None and column not in inventory.customers:
            return f"needs customers.{column}, which is empty everywhere"
    return next((why for used in feature.inputs if (why := missing(used, context, inventory))), None)


def every_feature(features: Iterable[Feature]) -> Iterator[Feature]:
    """The features and all those they use, each once, what is used before what uses it."""
    seen: set[str] = set()
    for feature in features:
        for item in (*every_feature(feature.uses), feature):
            if item.name not in seen:
                seen.add(item.name)
                yield item


def safe(name: str) -> str:
    """A name fit for a column.

    >>> safe("Live Chat/Web"), safe("Köln Süd")
    ('live_chat_web', 'köln_süd')
    """
    return re.sub(r"\W+", "_", name.strip().lower()).strip("_") or "unnamed"
