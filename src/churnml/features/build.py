"""Builds the feature matrix of one snapshot, as one query."""

from __future__ import annotations

from collections.abc import Iterable

import ibis.expr.types as ir

from churnml.features.fitted import fits_of
from churnml.features.grains import CUSTOMER, grain
from churnml.features.registry import GRAINS, Context, Feature, every_feature

SPINE = ("tenure_days", "days_to_end")
"""Columns of the spine that features of grain "row" may use."""

KEY = "_customer"
"""A number that stands for the customer, where both tables have it: sorted and grouped faster than a text."""


def build(spine: ir.Table, events: ir.Table, features: Iterable[Feature], context: Context) -> ir.Table:
    """The features of every customer on the spine.

    Parameters
    ----------
    spine, events:
        What was known at the snapshot: see `timeline.View`. Both may have the column `KEY`.
    features:
        Declared features; only the grains they need are built, each once. Those of grain "fitted" are made outside the
        engine: here they stand for their inputs (see `computed`).
    context:
        The context the features were declared with.

    Returns
    -------
    One row per row of the spine: `customer_id`, and one float64 column per feature that is computed, in order.
    """
    features = computed(features)
    needed = tuple(every_feature(features))
    names = spine
    if KEY in spine.columns:
        spine, events = (table.drop(CUSTOMER).rename({CUSTOMER: KEY}) for table in (spine, events))
    row = spine.select(CUSTOMER, *SPINE)
    columns = {name: row[name] for name in row.columns}
    for name in GRAINS[:-1]:
        if of_grain := [feature for feature in needed if feature.grain == name]:
            table = grain(name, spine, events, context)
            values = {feature.name: feature.expression(table).cast("float64") for feature in of_grain}
            key = f"{name}_{CUSTOMER}"
            aggregated = table.group_by(table[CUSTOMER].name(key)).aggregate(**values)
            row = row.left_join(aggregated, row[CUSTOMER] == aggregated[key])
            columns |= {feature.name: _filled(aggregated[feature.name], feature) for feature in of_grain}
    row = row.select(**columns)
    pending = [feature for feature in needed if feature.grain == "row"]
    while pending:
        ready = [item for item in pending if all(used.name in row.columns for used in item.uses)]
        assembled = row
        row = row.mutate(**{item.name: _filled(item.expression(assembled).cast("float64"), item) for item in ready})
        pending = [item for item in pending if item not in ready]
    if KEY in names.columns:
        row = row.rename({KEY: CUSTOMER}).join(names.select(CUSTOMER, KEY), KEY)
    return row.select(CUSTOMER, *(feature.name for feature in features))


def computed(features: Iterable[Feature]) -> tuple[Feature, ...]:
    """What the engine computes for these features: themselves, and the inputs of those with fitted state."""
    features = tuple(features)
    own = {feature.name: feature for feature in features if feature.fitted is None}
    inputs = {used.name: used for fitted in fits_of(features) for used in fitted.uses}
    return tuple((own | {name: used for name, used in inputs.items() if name not in own}).values())


def _filled(column: ir.Value, feature: Feature) -> ir.Value:
    return column if feature.empty is None else column.fill_null(feature.empty)
