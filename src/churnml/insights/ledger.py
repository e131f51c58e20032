"""What insights are read from: each labelled customer and snapshot, with the few features that insights look at.

The rows are those of the labelled data set, so that an insight and the model speak of the same customers, the same
outcomes and the same numbers. Snapshots whose outcome is not known yet are there too, without one: they say how
customers are now. Of very many customers, a random sample is followed: more would hardly narrow an interval.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from churnml import dataset
from churnml.config import Features
from churnml.engine import part_of
from churnml.errors import DataError
from churnml.features.recipe import Recipe
from churnml.features.registry import safe
from churnml.outcomes import RETAINED

if TYPE_CHECKING:
    from churnml import config as settings
    from churnml.dataset import Dataset
    from churnml.engine import Engine
    from churnml.sources import Canonical

MONTH = 28
"""Days between the snapshots at which the present is looked at."""

LATE, LONG_WAIT = "late promise", "long wait"
LONG_WAIT_S = 600
FRICTION_DAYS = 90

MOST = 250_000
"""Of more customers than this a sample is followed: shares then have intervals of a fraction of a percentage point."""

PREFERS = "prefers_channel_"

FEATURES = (
    *("tenure_days", "dark_matter", "said_elsewhere_365d", "open_cases", "first_response_last_s"),
    *(
        "wait_longest_s_90d",
        "days_since_promise_kept_late",
        "surveys_sent_365d",
        "surveys_answered_share_365d",
        "rating_last",
    ),
)
"""Features that insights read, besides those that the configuration and the scorecard name."""


@dataclass(frozen=True)
class Ledger:
    """Customers at snapshots.

    Attributes
    ----------
    rows
        One row per customer and snapshot whose outcome is known: `customer_id`, `group_id` (a number for each group),
        `as_of`, `outcome`, `voiced`, `value` (NaN if unknown), and the features that the data allow.
    now
        The same without `outcome`, for the snapshots whose outcome is not known yet; where nobody is eligible at any of
        them, the last labelled ones.
    frictions
        What would annoy anyone, by its name in words: the condition on the columns of a row.
    off
        Why each of the other features cannot be computed.
    attributes
        Names of the attributes in the rows that are neither personal nor protected.
    whole
        All customers at the last snapshot, where `rows` and `now` are a sample of them.
    cards
        What describes each feature to a reader: `name`, `doc`, ...
    """

    rows: pd.DataFrame
    now: pd.DataFrame
    frictions: Mapping[str, Callable[[pd.DataFrame], pd.Series]]
    off: Mapping[str, str]
    attributes: tuple[str, ...]
    whole: pd.DataFrame | None = None
    cards: tuple[Mapping[str, Any], ...] = ()

    def lacks(self, *names: str) -> str:
        """Why the first of these features that is not there is not there; empty when all are."""
        return next((self.off.get(name, f"{name} is no feature") for name in names if name not in self.rows), "")

    @cached_property
    def left(self) -> pd.Series:
        """Whether each labelled row's customer left."""
        return self.rows["outcome"] != RETAINED

    @cached_property
    def met(self) -> pd.DataFrame:
        """Whether each labelled row's customer met each friction in the last 90 days: a column for each."""
        return self.frictions_of(self.rows)

    def frictions_of(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Whether the customer of each row met each friction in the last 90 days."""
        return pd.DataFrame({name: met(rows) for name, met in self.frictions.items()}, index=rows.index, dtype=bool)

    @cached_property
    def everything(self) -> pd.DataFrame:
        """The labelled rows and the later ones, each customer and snapshot once."""
        later = self.now[~self.now["as_of"].isin(self.rows["as_of"].unique())]
        both: pd.DataFrame = pd.concat([self.rows, later], ignore_index=True)
        return both

    @property
    def today(self) -> pd.DataFrame:
        """The customers at the last snapshot, all of them."""
        last: pd.DataFrame = self.now[self.now["as_of"] == self.now["as_of"].max()]
        return last if self.whole is None else self.whole


def sampled(canonical: Canonical, engine: Engine, most: int = MOST) -> tuple[Canonical, int]:
    """The same tables for some `most` customers at most, drawn by a hash of their ids; and one in how many they are."""
    one_in = max(1, -(-engine.number(canonical.customers.count()) // most))
    if one_in == 1:
        return canonical, 1
    people, events = (part_of(table, one_in) for table in (canonical.customers, canonical.events))
    return replace(canonical, customers=people, events=events), one_in


def open_ledger(
    canonical: Canonical,
    config: settings.Config,
    engine: Engine,
    snapshots: Sequence[date],
    as_of: date,
    *,
    features: Iterable[str] = (),
    everybody: Canonical | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Ledger:
    """Look at the customers at each snapshot, and at those of the months from the last of them up to `as_of`.

    Parameters
    ----------
    canonical : the books, or those of a sample of the customers; of all of them are then `everybody`
    snapshots : mature at `as_of`; labelled as known at its start
    features : names of features wanted besides `FEATURES`; those that cannot be computed are in `off`
    """
    recipe, off = _recipe(canonical, config, as_of, features)
    recent = tuple(day for day in _months(as_of, max(snapshots)) if day not in snapshots)
    total = len(snapshots) + len(recent)
    known = dataset.build(
        canonical,
        config,
        engine,
        snapshots,
        recipe,
        labels_known_at=as_of,
        progress=lambda done, _: progress(done, total),
    )
    rows, attributes = _frame(known), tuple(card.name for card in recipe.attributes)
    del known
    try:
        now = dataset.build(
            canonical, config, engine, recent, recipe, progress=lambda done, _: progress(len(snapshots) + done, total)
        )
        later = _frame(now)
    except DataError:  # nobody is eligible any more: the books ended before `as_of`
        later = rows[rows["as_of"] == rows["as_of"].max()].drop(columns="outcome")
    whole = None
    if everybody is not None:
        whole = _frame(dataset.build(everybody, config, engine, [later["as_of"].max().date()], recipe))
    frames = [rows, later] if whole is None else [rows, later, whole]
    _number_groups(frames)
    cards = tuple(card.card() for card in recipe.cards)
    return Ledger(rows, later, _frictions(config, rows), off, attributes, whole, cards)


def _number_groups(frames: Sequence[pd.DataFrame]) -> None:
    """Give each group a number, the same in all frames: intervals look for equal ones many times."""
    numbers, _ = pd.factorize(pd.concat([frame["group_id"] for frame in frames], ignore_index=True))
    start = 0
    for frame in frames:
        frame["group_id"] = numbers[start : start + len(frame)].astype(np.int32)
        start += len(frame)


def _months(as_of: date, last: date) -> list[date]:
    """The days a month apart from `as_of` back to the last labelled snapshot; `as_of` is always there."""
    steps = max(1, (as_of - last).days // MONTH)
    return [as_of - timedelta(days=MONTH * step) for step in reversed(range(steps))]


def _recipe(
    canonical: Canonical, config: settings.Config, as_of: date, wanted: Iterable[str]
) -> tuple[Recipe, Mapping[str, str]]:
    """Only the features that insights look at, of all families whatever the model uses, and why the others are off."""
    attributes = {name: each for name, each in config.attributes.items() if each.sensitivity == "none"}
    plain = config.model_copy(update={"attributes": attributes, "features": _all_families(config)})
    plain._file = config.file
    whole = Recipe.of(plain, dataset.take_inventory(canonical, as_of))
    frictions = [f"{safe(kind)}_events_90d" for kind in config.features.friction]
    names = {*FEATURES, *frictions, *wanted}
    kept = tuple(
        feature
        for feature in whole.features
        if feature.fitted is None and (feature.name in names or feature.name.startswith(PREFERS))
    )
    return replace(whole, features=kept, custom={}, protected=()), whole.switched_off


def _all_families(config: settings.Config) -> Features:
    return Features(friction=config.features.friction, onboarding_days=config.features.onboarding_days)


def _frame(data: Dataset) -> pd.DataFrame:
    numbers = data.X.select_dtypes("float64").astype("float32")
    facts: dict[str, object] = {"voiced": data.voiced, "value": data.value}
    if data.y is not None:
        facts["outcome"] = data.y
    rows: pd.DataFrame = pd.concat(
        [data.keys, data.X.drop(columns=numbers.columns), numbers, pd.DataFrame(facts)], axis=1
    )
    return rows


def _frictions(config: settings.Config, rows: pd.DataFrame) -> dict[str, Callable[[pd.DataFrame], pd.Series]]:
    """The configured kinds of friction, late promises and long waits, as far as the data have them.

    A friction that is a word itself, such as a return by which the company hears of trouble, cannot be met in silence.
    """
    found: dict[str, Callable[[pd.DataFrame], pd.Series]] = {}
    for kind in config.features.friction:
        if kind not in config.voice.kinds and (column := f"{safe(kind)}_events_90d") in rows:
            found[kind.replace("_", " ")] = lambda frame, column=column: frame[column] > 0  # type: ignore[misc]
    if "days_since_promise_kept_late" in rows:
        found[LATE] = lambda frame: frame["days_since_promise_kept_late"] <= FRICTION_DAYS
    if "wait_longest_s_90d" in rows:
        found[LONG_WAIT] = lambda frame: frame["wait_longest_s_90d"] >= LONG_WAIT_S
    return found


def after_friction(ledger: Ledger) -> pd.Series | None:
    """Whether each labelled row's customer met any friction; None where the data know of none."""
    return ledger.met.any(axis=1) if len(ledger.frictions) else None


def tenure_bands(tenure_days: pd.Series) -> pd.Series:
    """The tenure of each row in words; a customer older than the books has none of the bands.

    >>> tenure_bands(pd.Series([20.0, 400.0, float("nan")])).tolist()
    ['under 3 months', '1 to 2 years', 'not known']
    """
    edges, names = [91, 182, 365, 730], ["under 3 months", "3 to 6 months", "6 to 12 months", "1 to 2 years", "longer"]
    place = np.searchsorted(edges, tenure_days.to_numpy(dtype=float), side="right")
    words = np.array(names, dtype=object)[np.minimum(place, len(edges))]
    return pd.Series(np.where(tenure_days.isna(), "not known", words), index=tenure_days.index)
