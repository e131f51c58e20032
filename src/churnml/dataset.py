"""X, y and keys: the features of every eligible customer at every snapshot, and what became of them.

The features of a snapshot are computed by the same code for training and for scoring; a `Recipe` says which.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from churnml.errors import DataError
from churnml.features.build import build as build_features
from churnml.features.registry import Context, Feature, FeatureCard, Inventory, declare, inventory
from churnml.outcomes import ENDS, is_voice, label
from churnml.timeline import View, observe, outcome_window, visible

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from numpy.typing import NDArray

    from churnml import config as settings
    from churnml.engine import Engine
    from churnml.sources import Canonical

KEYS = ["customer_id", "group_id", "as_of"]
FRICTION_DAYS = 90


@dataclass(frozen=True)
class Recipe:
    """Which columns X has and how each is made; made once for training, kept in the bundle, used by every night."""

    context: Context
    inventory: Inventory
    features: tuple[Feature, ...]
    switched_off: Mapping[str, str]
    attributes: tuple[FeatureCard, ...]

    @property
    def columns(self) -> list[str]:
        """The names of X's columns, in order."""
        return [card.name for card in self.cards]

    @property
    def cards(self) -> tuple[FeatureCard, ...]:
        """What a reader is told about each column, in order."""
        return (*self.features, *self.attributes)

    @classmethod
    def of(cls, config: settings.Config, found: Inventory) -> Recipe:
        """The recipe that a configuration gives for data that has `found`.

        Raises
        ------
        ConfigError
            A family or an excluded feature that does not exist.
        """
        context = Context(
            engagement_kinds=config.engagement_kinds,
            voice_kinds=config.voice.kinds,
            friction_kinds=config.features.friction,
            value_kinds=config.economics.value_kinds,
            digital_channels=config.channels.digital,
            dark_channels=config.channels.dark,
            onboarding_days=config.features.onboarding_days,
        )
        declared = declare(context, found, config.features.families, config.features.exclude)
        cards, off = [], dict(declared.switched_off)
        for name, attribute in config.attributes.items():
            if attribute.sensitivity == "protected":
                off[name] = "protected: used for the fairness audit only"
            elif found.customers is not None and name not in found.customers:
                off[name] = "the data does not have it"
            else:
                cards.append(_attribute_card(name, attribute))
        return cls(context.present(found), found, declared.features, off, tuple(cards))


def _attribute_card(name: str, attribute: settings.Attribute) -> FeatureCard:
    words = name.replace("_", " ")
    return FeatureCard(
        name=name,
        doc=f"The customer's {words}, as given at sign-up.",
        unit="category" if attribute.type == "category" else "number",
        theme="about the customer",
        family="attributes",
        sentence=f"{words.capitalize()}: {{value}}, as given at sign-up.",
        type=attribute.type,
    )


@dataclass(frozen=True)
class Dataset:
    """Rows are (customer, snapshot) pairs, in the order of snapshot and customer.

    Attributes
    ----------
    keys
        `customer_id`, `group_id`, `as_of` (n rows).
    X
        The features, float64, and the attributes, float64 or category (n rows).
    y
        The outcome of each row (n,), or None for a night to be scored.
    voiced, friction
        Whether each customer had voiced in the lookback, or met friction in the last 90 days (n,).
    value
        What each customer spent in `economics.value_days`, in the configured currency; NaN if unknown (n,).
    excluded
        `customer_id`, `as_of`, `reason` of every customer left out.
    """

    keys: pd.DataFrame
    X: pd.DataFrame
    y: NDArray[Any] | None
    voiced: NDArray[np.bool_]
    friction: NDArray[np.bool_]
    value: NDArray[np.float64]
    excluded: pd.DataFrame
    recipe: Recipe

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def as_of(self) -> NDArray[np.datetime64]:
        """The snapshot of each row (n,)."""
        return self.keys["as_of"].to_numpy(dtype="datetime64[D]")

    @property
    def group_id(self) -> NDArray[Any]:
        """The person or household of each row (n,)."""
        return self.keys["group_id"].to_numpy()

    @property
    def outcome(self) -> NDArray[Any]:
        """`y`, where it is sure to be there."""
        if self.y is None:
            raise DataError("this data set has no outcomes", "it was built to be scored, not to be learned from")
        return self.y

    def at(self, mask: NDArray[np.bool_]) -> Dataset:
        """The rows where `mask` (n,) is true."""
        return replace(
            self,
            keys=self.keys[mask].reset_index(drop=True),
            X=self.X[mask].reset_index(drop=True),
            y=None if self.y is None else self.y[mask],
            voiced=self.voiced[mask],
            friction=self.friction[mask],
            value=self.value[mask],
        )

    def frame(self) -> pd.DataFrame:
        """One table: keys, features, `voiced_before`, `outcome`."""
        extra: dict[str, Any] = {"voiced_before": self.voiced}
        if self.y is not None:
            extra["outcome"] = self.y
        return pd.concat([self.keys, self.X, pd.DataFrame(extra)], axis=1)


def take_inventory(canonical: Canonical, known_at: date | datetime) -> Inventory:
    """What the data known at the start of `known_at` has: kinds, filled columns, channels."""
    known = visible(canonical.events, known_at if isinstance(known_at, date) else known_at.date(), known_at)
    return inventory(known, canonical.customers)


def build(
    canonical: Canonical,
    config: settings.Config,
    engine: Engine,
    snapshots: Sequence[date],
    recipe: Recipe,
    *,
    labels_known_at: date | None = None,
    features_known_at: datetime | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Dataset:
    """Features of the eligible customers at each snapshot, and their outcomes if `labels_known_at` is given.

    Features are seen as they were known at each snapshot (or at `features_known_at`); outcomes as known at
    `labels_known_at`. A customer whose agreed end lies inside the outcome window is left out either way: it is no
    defection, so there is no chance of it to give. One query per snapshot; `progress` is told how many are done.

    Raises
    ------
    DataError
        A snapshot is immature, or nobody is eligible at any of them.
    """
    parts, excluded = [], []
    features: Callable[[], pd.DataFrame] | None = None
    for number, as_of in enumerate(snapshots):
        view = _held(observe(canonical, config, as_of, features_known_at), engine)
        if features is None:  # features see no date, so one query serves every snapshot
            features = engine.prepare(_rows(view, config, recipe))
        rows = features().sort_values("customer_id", ignore_index=True)
        rows["as_of"] = pd.Timestamp(as_of)
        left_out = [engine.frame(view.left_out)]
        if labels_known_at is None:
            ends = rows["_days_to_end"] < (outcome_window(as_of, config.snapshots).end - as_of).days
            left_out.append(rows.loc[ends, ["customer_id"]].assign(reason=ENDS))
            rows = rows[~ends]
        else:
            outcomes = engine.frame(label(canonical, config, view.spine, as_of, labels_known_at))
            rows = rows.merge(outcomes, on="customer_id", how="left", validate="one_to_one")
            unlabelled = rows["outcome"].isna()
            left_out.append(
                rows.loc[unlabelled, ["customer_id", "unlabelled"]].rename(columns={"unlabelled": "reason"})
            )
            rows = rows[~unlabelled].drop(columns="unlabelled")
        parts.append(rows)
        excluded.append(pd.concat(left_out).sort_values("customer_id").assign(as_of=pd.Timestamp(as_of)))
        progress(number + 1, len(snapshots))
    rows = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    if rows.empty:
        span = f"{snapshots[0]} to {snapshots[-1]}" if snapshots else "no snapshot at all"
        raise DataError(
            f"nobody is eligible at the snapshots ({span})",
            "check eligible, snapshots and that the kinds under defection.of occur in the data",
        )
    return Dataset(
        keys=rows[KEYS],
        X=_typed(rows, recipe),
        y=rows["outcome"].to_numpy(dtype=object).astype(str) if labels_known_at is not None else None,
        voiced=rows["_voiced"].to_numpy(dtype=bool),
        friction=rows["_friction"].to_numpy(dtype=bool),
        value=rows["_value"].to_numpy(dtype=float),
        excluded=pd.concat(excluded, ignore_index=True)[["customer_id", "as_of", "reason"]],
        recipe=recipe,
    )


def features_at(
    canonical: Canonical, config: settings.Config, engine: Engine, recipe: Recipe, as_of: date
) -> pd.DataFrame:
    """The features of one snapshot alone, a row per eligible customer, indexed by `customer_id` in order."""
    return snapshot_features(config, engine, recipe)(as_of, canonical)


def snapshot_features(
    config: settings.Config, engine: Engine, recipe: Recipe
) -> Callable[[date, Canonical], pd.DataFrame]:
    """`features_at` for many snapshots or many versions of the same data: the query is written once."""
    query: Callable[[], pd.DataFrame] | None = None

    def run(as_of: date, canonical: Canonical) -> pd.DataFrame:
        nonlocal query
        view = _held(observe(canonical, config, as_of), engine)
        if query is None:
            query = engine.prepare(build_features(view.spine, view.events, recipe.features, recipe.context))
        return query().set_index("customer_id").sort_index()[[feature.name for feature in recipe.features]]

    return run


def _held(view: View, engine: Engine) -> View:
    """The view computed once, in tables that keep their names: each grain of features scans them again."""
    spine = engine.materialise(view.spine, "view_spine")
    return replace(view, spine=spine, events=engine.materialise(view.events, "view_events"))


def _rows(view: View, config: settings.Config, recipe: Recipe) -> ir.Table:
    """One row per customer on the spine: keys, features, attributes, and the facts kept beside X."""
    events = view.events
    value = (events.age_days <= config.economics.value_days) & events.kind.isin(config.economics.value_kinds)
    friction = (events.age_days <= FRICTION_DAYS) & events.kind.isin(config.features.friction)
    facts = events.group_by("customer_id").aggregate(
        _voiced=((events.age_days <= config.voice.lookback_days) & is_voice(events, config)).any(),
        _friction=friction.any(),
        _value=events.amount.sum(where=value).cast("float64"),
    )
    features = build_features(view.spine, events, recipe.features, recipe.context)
    attributes = [card.name for card in recipe.attributes]
    kept = view.spine.select("customer_id", "group_id", *attributes, _days_to_end=view.spine.days_to_end)
    table = kept.join(features, "customer_id").left_join(facts, "customer_id")
    return table.mutate(_voiced=table._voiced.fill_null(False), _friction=table._friction.fill_null(False)).drop(
        "customer_id_right"
    )


def _typed(rows: pd.DataFrame, recipe: Recipe) -> pd.DataFrame:
    """X with every number as float64 and every category as sorted pandas categories."""
    typed = {}
    for card in recipe.cards:
        column = rows[card.name]
        typed[card.name] = (
            column.astype("float64")
            if card.type == "number"
            else pd.Categorical(column, categories=sorted(column.dropna().unique()))
        )
    return pd.DataFrame(typed, index=rows.index)
