"""Features with fitted state: training rows teach it, plain JSON keeps it, and every row is treated by it alike.

The engine computes the material of such features once per snapshot: numbers per customer, and records (such as
texts), of which a customer may have any number. `fit` reads the material of training rows and gives a state; `apply`
turns material and state into columns. Neither sees an outcome, a date other than the snapshots', or any other row. The
state passes through JSON before it is used, so that a fold, the final model and a night from a bundle all use the
same numbers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnml.errors import ModelError

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from churnml.features.registry import Feature

Floats = NDArray[np.float64]
State = Mapping[str, Any]
REMARK = "remark"
"""A state may hold one sentence under this key: why it could not be learnt, or what it does not cover."""


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """What several features learn together from training rows.

    Attributes
    ----------
    name : the key of its state in the bundle
    fit : material of the training rows -> state, plain values for JSON; a `remark` in it is shown to people
    apply : material of any rows, state -> the table (name -> array (n,)) that the features' expressions read
    uses : numbers that the engine computes for each row; columns of `Material.values`
    records : a view's events -> a table with `customer_id`, number columns and, if wanted, `text`: any number of rows
        per customer, found again in `Material.records[name]`
    read : the different texts, once -> whatever fit and apply need of them (`Material.readings[name]`). What it says of
        a text must depend on that text alone
    """

    name: str
    fit: Callable[[Material], State]
    apply: Callable[[Material, State], Mapping[str, Floats]]
    uses: tuple[Feature, ...] = ()
    records: Callable[[ir.Table], ir.Table] | None = None
    read: Callable[[list[str]], Any] | None = None


@dataclass(frozen=True)
class Material:
    """What features with fitted state are made from, for n rows of (customer, snapshot).

    Attributes
    ----------
    customer : (n,) a number for each customer, in the order of their ids
    as_of : (n,) the snapshot, as datetime64[D]
    values : (n, ...) float64, the columns that the engine computed
    records : by name of what is fitted: `row` (0 to n - 1, ascending), `text` (the number of the text), numbers
    readings : by name of what is fitted: what its `read` gave for all texts, by their number
    """

    customer: NDArray[np.intp]
    as_of: NDArray[np.datetime64]
    values: pd.DataFrame
    records: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    readings: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.customer)

    def at(self, rows: NDArray[np.intp]) -> Material:
        """The rows with these numbers, ascending."""
        place = np.full(len(self), -1, dtype=np.int64)
        place[rows] = np.arange(len(rows))
        records = {}
        for name, table in self.records.items():
            moved = place[table["row"].to_numpy()]
            kept = moved >= 0
            records[name] = table[kept].assign(row=moved[kept])
        values = self.values.iloc[rows].reset_index(drop=True)
        return Material(self.customer[rows], self.as_of[rows], values, records, self.readings)

    def latest(self) -> NDArray[np.intp]:
        """The number of each customer's row at their latest snapshot, in the order of customers."""
        order = np.lexsort((self.as_of, self.customer))
        last = np.append(self.customer[order][1:] != self.customer[order][:-1], True) if len(order) else order
        return np.asarray(order[np.asarray(last, dtype=bool)], dtype=np.intp)


class Gathering:
    """Puts the material of many snapshots together. A text is kept once, in however many snapshots it is seen."""

    def __init__(self, fits: Iterable[Fitted]) -> None:
        self._fits = tuple(fits)
        self._texts: dict[str, dict[str, int]] = {fitted.name: {} for fitted in self._fits if fitted.read}
        self._parts: list[tuple[pd.DataFrame, pd.DataFrame]] = []
        self._records: dict[str, list[pd.DataFrame]] = {fitted.name: [] for fitted in self._fits if fitted.records}
        self._rows = 0

    def add(self, keys: pd.DataFrame, values: pd.DataFrame, records: Mapping[str, pd.DataFrame]) -> None:
        """The rows of one snapshot: `customer_id` and `as_of`, the engine's columns, and everybody's records."""
        place = pd.Series(np.arange(len(keys)) + self._rows, index=keys["customer_id"].to_numpy())
        for name, table in records.items():
            row = place.reindex(table["customer_id"].to_numpy()).to_numpy(dtype=np.float64)
            kept = table[~np.isnan(row)].drop(columns="customer_id")
            kept.insert(0, "row", row[~np.isnan(row)].astype(np.int32))
            kept = kept.sort_values(list(kept.columns), ignore_index=True)  # engines give rows in any order
            if name in self._texts:
                known = self._texts[name]
                kept["text"] = np.array([known.setdefault(text, len(known)) for text in kept["text"]], dtype=np.int32)
            self._records[name].append(kept)
        self._parts.append((keys[["customer_id", "as_of"]], values.astype(np.float64)))
        self._rows += len(keys)

    def material(self) -> Material:
        """Everything that was added, in that order."""
        keys = pd.concat([part[0] for part in self._parts], ignore_index=True)
        return Material(
            customer=pd.factorize(keys["customer_id"], sort=True)[0],
            as_of=keys["as_of"].to_numpy(dtype="datetime64[D]"),
            values=pd.concat([part[1] for part in self._parts], ignore_index=True),
            records={name: pd.concat(parts, ignore_index=True) for name, parts in self._records.items()},
            readings={fitted.name: fitted.read(list(self._texts[fitted.name])) for fitted in self._fits if fitted.read},
        )


def fits_of(features: Iterable[Feature]) -> tuple[Fitted, ...]:
    """What the features learn, each once, in order."""
    return tuple({feature.fitted.name: feature.fitted for feature in features if feature.fitted}.values())


def fit(features: Iterable[Feature], material: Material) -> dict[str, Any]:
    """The state of all that is fitted, by name, from the material of training rows.

    Raises
    ------
    ModelError
        A state is not fit for JSON; the message names it.
    """
    state: dict[str, Any] = {}
    for fitted in fits_of(features):
        learnt = fitted.fit(material)
        try:
            state[fitted.name] = json.loads(json.dumps(learnt, allow_nan=False, sort_keys=True))
        except (TypeError, ValueError) as error:
            raise ModelError(
                f"what {fitted.name} has learnt cannot be kept as JSON: {error}",
                "fit must give dicts with text keys, lists, text, finite numbers, true, false and None",
            ) from error
    return state


def columns(features: Sequence[Feature], state: State, material: Material) -> dict[str, Floats]:
    """The columns (n,) of the features with fitted state, by name.

    Raises
    ------
    ModelError
        The state lacks what a feature has learnt, or a feature gives something other than n numbers.
    """
    tables: dict[str, Mapping[str, Floats]] = {}
    for fitted in fits_of(features):
        if fitted.name not in state:
            raise ModelError(f"the model's bundle holds no state of {fitted.name}", "train again with this version")
        tables[fitted.name] = fitted.apply(material, state[fitted.name])
    result = {}
    for feature in features:
        if feature.fitted is not None:
            values = np.asarray(feature.expression(tables[feature.fitted.name]), dtype=np.float64)
            if values.shape != (len(material),) or np.isinf(values).any():
                raise ModelError(f"feature {feature.name} gives other than a finite number or nan for each row")
            result[feature.name] = (
                values if feature.empty is None else np.where(np.isnan(values), feature.empty, values)
            )
    return result


def remarks(state: State) -> dict[str, str]:
    """What could not be learnt, or is not covered, by name of what is fitted."""
    return {name: value[REMARK] for name, value in state.items() if isinstance(value, dict) and value.get(REMARK)}
