"""X, y and keys: the features of every eligible customer at every snapshot, and what became of them.

The features of a snapshot are computed by the same code for training and for scoring; a `Recipe` says which. What some
features learn from training rows is their state: fitted by `Dataset.fitted` and `Dataset.fold`, kept in the bundle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pandas as pd

from churnml.contract import midnight
from churnml.daily import condensed
from churnml.engine import part_of
from churnml.errors import DataError, ModelError
from churnml.features import fitted
from churnml.features.build import KEY
from churnml.features.build import build as build_features
from churnml.features.fitted import Gathering, Material
from churnml.features.recipe import Recipe
from churnml.features.registry import Inventory, inventory
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
PROTECTED = "_protected_"
"""Before the name of a protected attribute, so that it can be taken for no column of X."""
NEWCOMER = "signed up after the last snapshot"

NEARLY_ALL = 0.8
"""The share of the customers on the spine from which on the events of all of them are read."""


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
        What each customer spent in `economics.value_days`, in the configured currency, 0 for nothing; NaN if unknown:
        where the company keeps no amounts, or the customer's own have none (n,).
    excluded
        `customer_id`, `as_of`, `reason` of every customer left out; labelled rows name who came after the last
        snapshot, too, without an `as_of`.
    protected
        The protected attributes of each row (n rows), to judge fairness by; never in X. A night has none.
    material
        What features with fitted state are made from (n rows).
    state
        What these features had learnt, by name, when their columns in X were made.
    """

    keys: pd.DataFrame
    X: pd.DataFrame
    y: NDArray[Any] | None
    voiced: NDArray[np.bool_]
    friction: NDArray[np.bool_]
    value: NDArray[np.float64]
    excluded: pd.DataFrame
    recipe: Recipe
    material: Material
    state: Mapping[str, Any] = field(default_factory=dict)
    protected: pd.DataFrame = field(default_factory=pd.DataFrame)
    _folds: dict[int, dict[str, Any]] = field(default_factory=dict, init=False, repr=False, compare=False)

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
            protected=self.protected[mask].reset_index(drop=True) if len(self.protected.columns) else self.protected,
            material=self.material.at(np.flatnonzero(mask)),
        )

    def drawn(self, rows: int, rng: np.random.Generator) -> Dataset:
        """At most so many rows, drawn at random, in their order."""
        mask = np.zeros(len(self), dtype=bool)
        mask[rng.permutation(len(self))[:rows]] = True
        return self.at(mask)

    def fitted(self, state: Mapping[str, Any] | None = None) -> Dataset:
        """The same with the columns that a state gives; by default the state that these rows teach."""
        if not self.recipe.fits:
            return self
        known = fitted.fit(self.recipe.features, self.material) if state is None else state
        return replace(self, X=self._with(self.X, self.material, known), state=known)

    def fold(self, train: NDArray[np.intp], test: NDArray[np.intp]) -> tuple[pd.DataFrame, pd.DataFrame]:
        """X of the training rows and of the test rows with these numbers, as far as fitted by the training rows alone.

        What a fold's training rows teach is kept, so that a fold is fitted once however often it is asked for.
        """
        if not self.recipe.fits:
            return self.X.iloc[train], self.X.iloc[test]
        parts = [(self.X.iloc[rows], self.material.at(rows)) for rows in (train, test)]
        key = hash(train.tobytes())
        if key not in self._folds:
            self._folds[key] = fitted.fit(self.recipe.features, parts[0][1])
        known = self._folds[key]
        return self._with(*parts[0], known), self._with(*parts[1], known)

    def _with(self, X: pd.DataFrame, material: Material, state: Mapping[str, Any]) -> pd.DataFrame:
        made = X.assign(**fitted.columns(self.recipe.features, state, material))
        return made if list(made.columns) == self.recipe.columns else made[self.recipe.columns]

    def left_out(self) -> pd.DataFrame:
        """Who was left out, by reason: reason, rows (customers and snapshots), customers, first and last snapshot."""
        return (
            self.excluded.groupby("reason")
            .agg(
                rows=("customer_id", "size"),
                customers=("customer_id", "nunique"),
                first=("as_of", "min"),
                last=("as_of", "max"),
            )
            .reset_index()
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
    state: Mapping[str, Any] | None = None,
    only: Mapping[date, Sequence[str]] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Dataset:
    """Features of the eligible customers at each snapshot, and their outcomes if `labels_known_at` is given.

    Features are seen as they were known at each snapshot (or at `features_known_at`); outcomes as known at
    `labels_known_at`. A customer whose agreed end lies inside the outcome window is left out either way: it is no
    defection, so there is no chance of it to give. `only` names the customers to look at, for each snapshot. One query
    per snapshot; `progress` is told how many are done.
    Features with fitted state are made with `state`: a night needs its model's, labelled rows teach their own.

    Raises
    ------
    DataError
        A snapshot is immature, or nobody is eligible at any of them.
    ModelError
        Rows without outcomes are asked for, and no state of features that need one is given.
    """
    if labels_known_at is None and state is None and recipe.fits:
        raise ModelError(
            f"features with fitted state ({', '.join(item.name for item in recipe.fits)}) need the state of a model",
            "give state=bundle.fitted",
        )
    parts, excluded = [], []
    gathering = Gathering(recipe.fits)
    protected = recipe.protected if labels_known_at is not None else ()
    features = _Queries(engine, recipe, lambda view: _rows(view, config, recipe, protected))
    whole = features_known_at is not None or recipe.custom  # what a user's own features look at is not known
    books = canonical if whole else condensed(canonical, recipe.context, engine, len(snapshots))
    shelves = parted(books, engine)
    for number, as_of in enumerate(snapshots):
        known, outcomes, left_out = [], [], []
        for shelf in shelves:
            view = held(shelf, config, as_of, engine, features_known_at, None if only is None else only[as_of])
            known.append(features(view))
            left_out.append(engine.frame(view.left_out))
            if labels_known_at is not None:
                outcomes.append(engine.frame(label(shelf, config, view.spine, as_of, labels_known_at)))
        rows, records = _together(known)
        del known  # as large as the rows
        rows["as_of"] = pd.Timestamp(as_of)
        if labels_known_at is None:
            ends = rows["_days_to_end"] < (outcome_window(as_of, config.snapshots).end - as_of).days
            left_out.append(rows.loc[ends, ["customer_id"]].assign(reason=ENDS))
            rows = rows[~ends] if ends.any() else rows
        else:
            rows = rows.merge(pd.concat(outcomes), on="customer_id", how="left", validate="one_to_one")
            unlabelled = rows["outcome"].isna()
            left_out.append(
                rows.loc[unlabelled, ["customer_id", "unlabelled"]].rename(columns={"unlabelled": "reason"})
            )
            rows = rows[~unlabelled].drop(columns="unlabelled")
        gathering.add(rows, rows[features.inputs], records)
        parts.append(rows.drop(columns=features.hidden))
        excluded.append(pd.concat(left_out).sort_values("customer_id").assign(as_of=pd.Timestamp(as_of)))
        progress(number + 1, len(snapshots))
    rows = (
        pd.concat(parts or [pd.DataFrame()], ignore_index=True) if len(parts) != 1 else parts[0].reset_index(drop=True)
    )
    if rows.empty:
        span = f"{snapshots[0]} to {snapshots[-1]}" if snapshots else "no snapshot at all"
        raise DataError(
            f"nobody is eligible at the snapshots ({span})",
            "check eligible, snapshots and that the kinds under defection.of occur in the data",
        )
    material = gathering.material()
    if labels_known_at is not None:
        excluded.append(_newcomers(canonical, engine, max(snapshots)))
    return Dataset(
        keys=rows[KEYS],
        X=_typed(rows, recipe),
        y=rows["outcome"].to_numpy(dtype=object).astype(str) if labels_known_at is not None else None,
        voiced=rows["_voiced"].to_numpy(dtype=bool),
        friction=rows["_friction"].to_numpy(dtype=bool),
        value=rows["_value"].to_numpy(dtype=float),
        excluded=pd.concat(excluded, ignore_index=True)[["customer_id", "as_of", "reason"]],
        recipe=recipe,
        material=material,
        protected=rows[[PROTECTED + name for name in protected]].rename(
            columns=lambda name: name.removeprefix(PROTECTED)
        ),
    ).fitted(state)


def features_at(
    canonical: Canonical,
    config: settings.Config,
    engine: Engine,
    recipe: Recipe,
    as_of: date,
    state: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """The features of one snapshot alone, a row per eligible customer, indexed by `customer_id` in order.

    With a state, the features that it fits are among them. The numbers that those are made from always are.
    """
    return snapshot_features(config, engine, recipe, state)(as_of, canonical)


def snapshot_features(
    config: settings.Config, engine: Engine, recipe: Recipe, state: Mapping[str, Any] | None = None
) -> Callable[[date, Canonical], pd.DataFrame]:
    """`features_at` for many snapshots or many versions of the same data: the query is written once."""
    queries = _Queries(
        engine, recipe, lambda view: build_features(view.spine, view.events, recipe.features, recipe.context)
    )

    def run(as_of: date, canonical: Canonical) -> pd.DataFrame:
        rows, records = _together([queries(held(part, config, as_of, engine)) for part in parted(canonical, engine)])
        made = {}
        if state is not None:
            gathering = Gathering(recipe.fits)
            gathering.add(rows.assign(as_of=pd.Timestamp(as_of)), rows[queries.inputs], records)
            made = fitted.columns(recipe.features, state, gathering.material())
        return rows.assign(**made).set_index("customer_id")

    return run


class _Queries:
    """The queries of a snapshot: one row per customer, and the records of what is fitted.

    They are written at the first view. Features see no date, and views have fixed names: they serve every other view.
    """

    def __init__(self, engine: Engine, recipe: Recipe, rows: Callable[[View], ir.Table]) -> None:
        self._engine, self._fits, self._expression = engine, recipe.fits, rows
        self.inputs = list(dict.fromkeys(used.name for item in recipe.fits for used in item.uses))
        self.hidden = [name for name in self.inputs if name not in recipe.columns]
        self._rows: Callable[[], pd.DataFrame] | None = None
        self._records: dict[str, Callable[[], pd.DataFrame]] = {}

    def __call__(self, view: View) -> _Known:
        if self._rows is None:
            self._rows = self._engine.prepare(self._expression(view))
            self._records = {
                item.name: self._engine.prepare(item.records(view.events)) for item in self._fits if item.records
            }
        return self._rows(), {name: query() for name, query in self._records.items()}


_Known = tuple[pd.DataFrame, dict[str, pd.DataFrame]]
"""One row per customer, and the records of what is fitted."""


def _together(known: Sequence[_Known]) -> _Known:
    """What is known of all parts of the customers, in their order."""
    rows = pd.concat([rows for rows, _ in known]) if len(known) > 1 else known[0][0]
    records = {name: pd.concat([each[name] for _, each in known]) for name in known[0][1]}
    return rows.sort_values("customer_id", ignore_index=True), records


def parted(canonical: Canonical, engine: Engine) -> tuple[Canonical, ...]:
    """The same tables, those of a large log in parts: each has all that is known of its customers."""
    parts = engine.parts(canonical.events, "events_parted")
    if len(parts) == 1:
        return (canonical,)
    return tuple(
        replace(canonical, customers=part_of(canonical.customers, len(parts), number), events=events)
        for number, events in enumerate(parts)
    )


def held(
    canonical: Canonical,
    config: settings.Config,
    as_of: date,
    engine: Engine,
    known_at: datetime | None = None,
    only: Sequence[str] | None = None,
) -> View:
    """The view under names of its own, so that one query serves every snapshot and part; it replaces the one before.

    The spine is computed once. The events stay an expression: each grain of features reads the few columns and rows
    that it needs, which costs less than a copy of all of them. Where nearly everybody is on the spine, the others'
    events are not worth looking for: what comes of them finds no row. Both have a `KEY`: a hash of 64 bits, or, should
    it not tell all customers apart, the `customer_id` itself. Where `only` names customers, the others are not seen.
    """
    ids = canonical.customers.customer_id
    found = engine.frame(canonical.customers.aggregate(all=ids.nunique(), told_apart=ids.hash().nunique())).iloc[0]
    hashed = found["all"] == found["told_apart"]

    def keyed(table: ir.Table) -> ir.Table:
        return table.mutate(**{KEY: table.customer_id.hash() if hashed else table.customer_id})

    if only is not None:
        named = engine.materialise(ibis.memtable(pd.DataFrame({"customer_id": list(only)})), "view_only")
        canonical = replace(canonical, customers=canonical.customers.semi_join(named, "customer_id"))
    view = observe(
        canonical, config, as_of, known_at, hold=lambda spine: engine.materialise(keyed(spine), "view_spine")
    )
    nearly_all = engine.number(view.spine.count()) > NEARLY_ALL * found["all"]
    events = view.everyones_events if nearly_all else view.events
    return replace(view, events=engine.view(keyed(events), "view_events"))


def _newcomers(canonical: Canonical, engine: Engine, last: date) -> pd.DataFrame:
    """Who signed up on the day of the last snapshot or later, and so stands at none."""
    late = canonical.customers.filter(canonical.customers.signed_up_at >= midnight(last)).select("customer_id")
    frame = engine.frame(late).sort_values("customer_id", ignore_index=True)
    return frame.assign(as_of=pd.Series(pd.NaT, index=frame.index, dtype="datetime64[us]"), reason=NEWCOMER)


def _rows(view: View, config: settings.Config, recipe: Recipe, protected: Sequence[str]) -> ir.Table:
    """One row per customer on the spine: keys, features, attributes, and the facts kept beside X."""
    events = view.events
    value = (events.age_days <= config.economics.value_days) & events.kind.isin(config.economics.value_kinds)
    friction = (events.age_days <= FRICTION_DAYS) & events.kind.isin(config.features.friction)
    facts = events.group_by(KEY).aggregate(
        _voiced=((events.age_days <= config.voice.lookback_days) & is_voice(events, config)).any(),
        _friction=friction.any(),
        _spent=value.any(),
        _value=events.amount.sum(where=value).cast("float64"),
    )
    features = build_features(view.spine, events, recipe.features, recipe.context)
    attributes = [card.name for card in recipe.attributes]
    beside = {PROTECTED + name: view.spine[name] for name in protected}
    spine = view.spine.select("customer_id", KEY, "group_id", *attributes, **beside, _days_to_end="days_to_end")
    table = spine.left_join(facts, KEY).drop(KEY, f"{KEY}_right").join(features, "customer_id")
    # Who has spent nothing is worth nothing; of a company that keeps no amounts nobody can say what anyone is worth.
    nothing = 0.0 if recipe.inventory.has("amount", config.economics.value_kinds) else ibis.null("float64")
    return table.mutate(
        _voiced=table._voiced.fill_null(False),
        _friction=table._friction.fill_null(False),
        _value=table._spent.fill_null(False).ifelse(table._value, nothing),
    ).drop("_spent")


def _typed(rows: pd.DataFrame, recipe: Recipe) -> pd.DataFrame:
    """X with every number as float64 and every category as sorted pandas categories."""
    typed = {}
    for card in (*(feature for feature in recipe.features if feature.fitted is None), *recipe.attributes):
        column = rows[card.name]
        typed[card.name] = (
            column.astype("float64")
            if card.type == "number"
            else pd.Categorical(column, categories=sorted(column.dropna().unique()))
        )
    return pd.DataFrame(typed, index=rows.index)
