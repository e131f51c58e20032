from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churnml.errors import ModelError
from churnml.scoring.job import run_id, score_frame, with_actions
from churnml.scoring.sinks import SCORES, SCORES_FILE, read_scores, write_scores

DAY = date(2024, 3, 1)


class Softmax:
    """A model small enough to check by hand: chances from the first three columns."""

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        weights = np.exp(X.to_numpy()[:, :3])
        return weights / weights.sum(axis=1, keepdims=True)


class Broken(Softmax):
    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        return super().predict_proba(X) * 0.9


def reasons(X: pd.DataFrame) -> pd.DataFrame:
    text = [f"No purchase for {value:.0f} days" for value in X["a"] * 10]
    return pd.DataFrame(
        {"reason_1": text, "reason_2": None, "theme_1": "going quiet", "likely_reason": "waiting", "keep_1": text}
    )


def score(model: Any = None, *, n: int = 7, batch_rows: int = 3, **changes: Any) -> pa.Table:
    X = pd.DataFrame(np.random.default_rng(1).normal(size=(n, 3)), columns=["a", "b", "c"])
    settings: dict[str, Any] = {
        "as_of": DAY,
        "explain": reasons,
        "high": 0.5,
        "medium": 0.2,
        "model_version": "3",
        "run_id": "r" * 64,
        "batch_rows": batch_rows,
    } | changes
    ids = settings.pop("ids", [f"c{(number * 5) % max(n, 1)}" for number in range(n)])
    return score_frame(model or Softmax(), X, ids, **settings)


def test_the_schema_is_the_contract() -> None:
    table = score()
    assert table.schema.equals(SCORES, check_metadata=True)
    assert table.column_names == [
        *("customer_id", "as_of", "p_silent", "p_vocal", "p_retained", "risk_band", "persona"),
        *("reason_1", "reason_2", "reason_3", "reason_4", "reason_5", "theme_1", "theme_2", "theme_3"),
        *("value_at_risk", "saveability", "expected_net_value", "action", "action_channel", "held_out"),
        *("excluded_because", "model_version", "run_id", "schema_version", "likely_reason", "keep_1"),
        "saveability_basis",
    ]
    for later in ("persona", "saveability", "expected_net_value", "action", "action_channel", "held_out", "reason_2"):
        assert table[later].null_count == table.num_rows


def test_a_night_of_an_earlier_version_is_read_with_nulls(tmp_path: Path) -> None:
    later = ["likely_reason", "keep_1", "saveability_basis"]
    pq.write_table(score().drop_columns(later), tmp_path / SCORES_FILE)
    assert read_scores(tmp_path).schema.names == SCORES.names and write_scores(read_scores(tmp_path), tmp_path)
    assert read_scores(tmp_path, ["likely_reason", "p_silent"])["likely_reason"].null_count == 7
    for name in later[1:]:
        assert read_scores(tmp_path, [name])[name].null_count == 7


def test_every_customer_keeps_chances_and_reasons_of_their_own() -> None:
    X = pd.DataFrame(np.random.default_rng(1).normal(size=(7, 3)), columns=["a", "b", "c"])
    ids = [f"c{(number * 5) % 7}" for number in range(7)]
    frame = score().to_pandas().set_index("customer_id")
    assert frame.index.tolist() == sorted(ids)
    chances = Softmax().predict_proba(X)
    for number, name in enumerate(ids):
        assert frame.loc[name, ["p_retained", "p_silent", "p_vocal"]].tolist() == chances[number].tolist()
        for said in ("reason_1", "keep_1"):
            assert frame.loc[name, said] == reasons(X.iloc[[number]])[said].item()
        expected = "high" if chances[number, 1] >= 0.5 else "medium" if chances[number, 1] >= 0.2 else "low"
        assert frame.loc[name, "risk_band"] == expected
    assert set(frame["risk_band"]) == {"medium", "high"} and set(frame["likely_reason"]) == {"waiting"}


def test_the_persona_goes_with_its_customer() -> None:
    ids = [f"c{(number * 5) % 7}" for number in range(7)]
    table = score(persona=[None, *(f"kind {name}" for name in ids[1:])]).to_pandas().set_index("customer_id")
    assert all(table.loc[name, "persona"] == f"kind {name}" for name in ids[1:])
    assert pd.isna(table.loc[ids[0], "persona"])


def test_what_is_to_be_done_goes_into_its_columns_and_leaves_the_others_as_they_were() -> None:
    table = score()
    decided = pd.DataFrame(
        {
            "expected_net_value": [1.0, np.nan, *[-1.0] * 5],
            "action": ["contact", None, *["leave alone"] * 5],
            "action_channel": ["app", None, *["post"] * 5],
            "held_out": [False, True, *[False] * 5],
            "excluded_because": [None, "not contactable", *[None] * 5],
        }
    )
    told = with_actions(table, decided, np.arange(7) / 10, "assumed")
    assert told.schema.equals(SCORES, check_metadata=True)
    assert told["expected_net_value"].to_pylist() == [1.0, None, *[-1.0] * 5]
    assert told["saveability"].to_pylist() == [number / 10 for number in range(7)]
    assert set(told["saveability_basis"].to_pylist()) == {"assumed"}
    for name in ("action", "action_channel", "held_out", "excluded_because"):
        assert told[name].to_pylist() == [None if pd.isna(value) else value for value in decided[name]]
    same = ["customer_id", "p_silent", "risk_band", "reason_1", "keep_1", "schema_version"]
    assert told.select(same).equals(table.select(same))


def test_batches_change_nothing() -> None:
    assert score(batch_rows=1).combine_chunks().equals(score(batch_rows=100).combine_chunks())
    done: list[int] = []
    score(batch_rows=3, on_batch=done.append)
    assert done == [3, 6, 7]


def test_value_at_risk_is_what_silence_is_expected_to_cost() -> None:
    table = score(value=[100.0, np.nan, 0.0, 1.0, 2.0, 3.0, 4.0], ids=list("abcdefg"))
    values = table["value_at_risk"].to_pylist()
    assert values[0] == 100.0 * table["p_silent"][0].as_py()
    assert values[1] is None
    assert values[2] == 0.0
    assert score()["value_at_risk"].null_count == 7


def test_nobody_gives_an_empty_table_of_the_same_schema() -> None:
    assert score(n=0).schema.equals(SCORES)
    assert score(n=0).num_rows == 0


def test_faulty_models_and_keys_are_refused() -> None:
    with pytest.raises(ModelError, match="do not add up to 1 for 3 customers"):
        score(Broken())
    with pytest.raises(ModelError, match="1 customers would be scored twice"):
        score(ids=list("abcdefa"))
    with pytest.raises(ModelError, match="explanations were given"):
        score(explain=lambda X: reasons(X).iloc[1:])


def test_scores_survive_the_file_and_the_same_table_gives_the_same_bytes(tmp_path: Any) -> None:
    table = score()
    first = write_scores(table, tmp_path).read_bytes()
    assert read_scores(tmp_path).equals(table)
    assert write_scores(score(batch_rows=1), tmp_path).read_bytes() == first


def test_a_run_is_its_inputs() -> None:
    assert run_id(as_of=DAY, model="a") == run_id(model="a", as_of=DAY)
    assert run_id(as_of=DAY, model="a") != run_id(as_of=DAY, model="b")
    assert len(run_id(a=1)) == 64
