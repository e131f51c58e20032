"""The chance of being alive and of coming again, from recency and frequency: BG/NBD fitted on training rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from churnml.features.bgnbd import BGNBD, Floats, Unfit
from churnml.features.fitted import REMARK, Fitted, Material, State
from churnml.features.registry import Context, Feature, Needs

NAME = "alive"
WINDOWS = (30, 90)
MODEL = "the BG/NBD model (Fader, Hardie & Lee 2005), fitted on the customers of the training rows"


def declare(context: Context) -> Iterator[Feature]:
    """Declare `probability_alive` and `probability_return_...`."""
    needs = Needs(context.engagement_kinds)
    hidden = partial(Feature, family="recency", theme="going quiet", unit="days", grain="day", needs=needs)
    fitted = Fitted(
        name=NAME,
        fit=lambda material: fit(material, context.list_days, context.window_days),
        apply=apply,
        uses=(
            hidden(name="_active_days", doc="Active days.", sentence="{value}", expression=lambda t: t.count()),
            hidden(name="_first_active", doc="First.", sentence="{value}", expression=lambda t: t.age_days.max()),
            hidden(name="_last_active", doc="Last.", sentence="{value}", expression=lambda t: t.age_days.min()),
            hidden(
                name="_until_end", doc="End.", sentence="{value}", needs=Needs(), grain="row",
                expression=lambda r: r.days_to_end,
            ),
        ),
    )  # fmt: skip
    chance = partial(
        Feature, family="recency", theme="going quiet", unit="share", grain="fitted", fitted=fitted, needs=needs,
        sentence_empty="No active day yet, or too little to judge by",
    )  # fmt: skip
    yield chance(
        name="probability_alive",
        doc="The chance that the customer has not gone for good, from how many active days there were and how long ago "
        f"the last one was: {MODEL}. It is 1 for customers with a single active day, of whom the model cannot tell.",
        sentence="Going by how often and how lately the customer came, a chance of {value:share} of not having gone "
        "for good[; typical is {usual:share}]",
        expression=lambda t: t["alive"],
    )  # fmt: skip
    for days in WINDOWS:
        yield chance(
            name=f"probability_return_{days}d",
            doc=f"The chance that the customer is active again within {days} days, by {MODEL}.",
            sentence="Going by how often and how lately the customer came, a chance of {value:share} of coming again "
            f"within {days} days[; typical is {{usual:share}}]",
            expression=lambda t, days=days: t[f"return_{days}"],
        )  # fmt: skip


def fit(material: Material, list_days: int, window_days: int) -> State:
    """The four parameters, from one history per customer.

    A customer's history runs to their latest snapshot. Taken alone that would hide who left, because only customers who
    were active lately have rows. But who has no row at a later training snapshot has been silent up to it (if snapshots
    are no further apart than the `list_days` of silence that end a row): the history is lengthened by that silence,
    though not beyond the snapshots at which an agreed end allowed a row (`window_days` before it).
    """
    rows = material.latest()
    x, t_x, T = _histories(material, rows)
    days = material.as_of.astype(np.int64)
    snapshots = np.unique(days)
    if len(snapshots) and np.diff(snapshots).max(initial=0) <= list_days:
        until_end = material.values["_until_end"].to_numpy()[rows]
        latest = np.where(np.isnan(until_end), np.inf, days[rows] + np.nan_to_num(until_end) - window_days)
        seen = np.searchsorted(snapshots, latest, side="right") - 1
        T = T + np.maximum(snapshots[np.maximum(seen, 0)] - days[rows], 0)
    try:
        return {"parameters": vars(BGNBD.fit(x, t_x, T))}
    except Unfit as why:
        return {"parameters": None, REMARK: f"the chance of being alive cannot be fitted: {why}"}


def apply(material: Material, state: State) -> Mapping[str, Floats]:
    """`alive` and `return_<days>`: chances at each row's own snapshot.

    nan where nothing was learnt, and for customers who were never active.
    """
    x, t_x, T = _histories(material, np.arange(len(material)))
    names = ["alive", *(f"return_{days}" for days in WINDOWS)]
    if state["parameters"] is None:
        return {name: np.full(len(material), np.nan) for name in names}
    model = BGNBD(**state["parameters"])
    chances = [model.alive(x, t_x, T), *(model.returning(x, t_x, T, days) for days in WINDOWS)]
    return {name: np.where(np.isnan(T), np.nan, chance) for name, chance in zip(names, chances, strict=True)}


def _histories(material: Material, rows: np.ndarray) -> tuple[Floats, Floats, Floats]:
    """Repeat visits, and days from the first active day to the last one and to the snapshot."""
    values = material.values.iloc[rows]
    first = values["_first_active"].to_numpy()
    return values["_active_days"].to_numpy() - 1, first - values["_last_active"].to_numpy(), first
