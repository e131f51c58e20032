"""Other ways to predict leaving, each run by an interpreter that has it: what `quality.py` sets churnml beside.

python rivals.py featuretools FOLDER     the features that deep feature synthesis finds, as FOLDER/synthesis.parquet
python rivals.py flaml FOLDER SECONDS    chances by FLAML's AutoML on churnml's features, as FOLDER/automl.parquet

FOLDER is written by `quality.py`: `train.parquet` (keys, outcome, churnml's features), `test.parquet` (the same without
outcome), `customers.parquet`, `events.parquet`, `visits.parquet` and `task.json`. Nothing of churnml is imported here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

KEYS = ["customer_id", "as_of"]
OUTCOMES = ("retained", "silent", "vocal")
AGGREGATES = ("count", "sum", "mean", "std", "min", "max", "num_unique")
AGGREGATES += ("avg_time_between", "time_since_first", "time_since_last")
MANY = 100
"""A category with more values is counted, but is no feature itself."""


def featuretools(folder: Path, task: dict[str, Any]) -> None:
    """Deep feature synthesis (Kanter & Veeramachaneni 2015) over customers, their events and their active days.

    Each row of the spine is cut off at its own snapshot: an event is used if it was known before. Features are made
    of the whole history and of two windows, and of each kind of event.
    """
    import featuretools as ft

    spine = pd.concat([pd.read_parquet(folder / f"{part}.parquet", columns=KEYS) for part in ("train", "test")])
    entities = ft.EntitySet("books")
    tables = {"customers": ("customer_id", None), "events": ("event_id", "known_at"), "visits": ("visit_id", "day")}
    for name, (index, clock) in tables.items():
        table = nanoseconds(pd.read_parquet(folder / f"{name}.parquet"))
        if clock is not None:
            table = table.sort_values(clock, kind="stable", ignore_index=True)
            table.insert(0, index, range(len(table)))
        types = dict.fromkeys(table.select_dtypes(["object", "string"]), "Categorical")
        entities.add_dataframe(table, name, index=index, time_index=clock, logical_types=types, already_sorted=True)
    for child in ("events", "visits"):
        entities.add_relationship("customers", "customer_id", child, "customer_id")
    entities.add_interesting_values(dataframe_name="events", values={"kind": task["kinds"]})
    cut = nanoseconds(pd.DataFrame({"customer_id": spine["customer_id"], "time": spine["as_of"]}))
    rows = pd.MultiIndex.from_frame(cut)
    made = []
    for days in (None, *task["windows"]):
        matrix, _ = ft.dfs(
            entityset=entities,
            target_dataframe_name="customers",
            cutoff_time=cut,
            cutoff_time_in_index=True,
            include_cutoff_time=False,
            training_window=None if days is None else f"{days} days",
            agg_primitives=list(AGGREGATES),
            where_primitives=["count", "sum", "time_since_last"],
            trans_primitives=["time_since"] if days is None else [],
            chunk_size=len(cut),
            n_jobs=1,
        )
        kept = list(matrix.columns) if days is None else [name for name in matrix if "(" in name]
        suffix = "" if days is None else f" in {days} days"
        made.append(matrix.loc[rows, kept].add_suffix(suffix).reset_index(drop=True))
        print(f"{'all history' if days is None else f'{days} days'}: {len(kept)} features", file=sys.stderr)
    plain(pd.concat(made, axis=1)).to_parquet(folder / "synthesis.parquet")


def nanoseconds(table: pd.DataFrame) -> pd.DataFrame:
    """The same with times in nanoseconds, which Featuretools takes for granted."""
    return table.astype(dict.fromkeys(table.select_dtypes("datetime"), "datetime64[ns]"))


def plain(matrix: pd.DataFrame) -> pd.DataFrame:
    """Numbers as doubles, categories of few values as texts; the others are left out, as are times."""
    columns = {}
    for name, column in matrix.items():
        if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
            columns[name] = column.astype("float64")
        elif not pd.api.types.is_datetime64_any_dtype(column) and column.nunique() <= MANY:
            columns[name] = column.astype(object)
    return pd.DataFrame(columns)


class Folds:
    """The rolling origins by which churnml's own search is judged, as row numbers; scikit-learn's contract."""

    def __init__(self, as_of: pd.Series, window_days: int, folds: int) -> None:
        window = pd.Timedelta(days=window_days)
        days = [day for day in sorted(as_of.unique()) if as_of.min() + window <= day][-folds:]
        self._rows = [(np.flatnonzero(as_of + window <= day), np.flatnonzero(as_of == day)) for day in days]

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Row numbers to learn from and to judge by."""
        yield from self._rows

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """How many folds there are."""
        return len(self._rows)


def flaml(folder: Path, task: dict[str, Any], seconds: str) -> None:
    """FLAML (Wang et al. 2021): which learner, with which parameters, has the lowest log loss on the folds."""
    from flaml import AutoML

    train, test = (pd.read_parquet(folder / f"{part}.parquet") for part in ("train", "test"))
    features = [column for column in test if column not in KEYS]
    search = AutoML()
    search.fit(
        X_train=train[features],
        y_train=train["outcome"].astype(object),
        task="classification",
        metric="log_loss",
        time_budget=int(seconds),
        eval_method="cv",
        split_type=Folds(train["as_of"], task["window_days"], task["folds"]),
        n_jobs=task["threads"],
        seed=task["seed"],
        verbose=1,
    )
    print(f"best: {search.best_estimator} {search.best_config}, {search.best_loss:.4f} on the folds", file=sys.stderr)
    known = [str(name) for name in search.classes_]
    chances = pd.DataFrame(search.predict_proba(test[features]), columns=known).reindex(columns=OUTCOMES, fill_value=0)
    chances.to_parquet(folder / "automl.parquet")


if __name__ == "__main__":
    way, place, *more = sys.argv[1:]
    ways = {"featuretools": featuretools, "flaml": flaml}
    ways[way](Path(place), json.loads((Path(place) / "task.json").read_text()), *more)
