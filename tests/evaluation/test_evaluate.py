"""Evaluations: figures in both populations, paired and clustered intervals, comparison and promotion."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from churnml.errors import ModelError
from churnml.evaluation.compare import compare, promotion_verdict
from churnml.evaluation.evaluate import LEADING, evaluate
from churnml.outcomes import OUTCOMES


def made(groups: int = 1500, per_group: int = 2, seed: int = 0, **noise: float) -> dict[str, object]:
    """Rows whose true chances are known, and for each named model the truth seen through so much noise."""
    rng = np.random.default_rng(seed)
    n = groups * per_group
    voiced = rng.random(n) < 0.2
    margins = np.column_stack([np.zeros(n), rng.normal(-1, 1, n), rng.normal(-2.5, 0.5, n) + 2 * voiced])
    margins[voiced, 1] = -20.0

    def chances(margin: np.ndarray) -> np.ndarray:
        odds = np.exp(margin)
        return odds / odds.sum(axis=1, keepdims=True)

    truth = chances(margins)
    y = np.array(OUTCOMES)[(rng.random((n, 1)) > truth.cumsum(axis=1)).sum(axis=1)]
    tables = {name: chances(margins + rng.normal(0, level, (n, 3))) for name, level in noise.items()}
    group_ids = np.repeat([f"g{i}" for i in range(groups)], per_group)
    as_of = np.resize(pd.to_datetime(["2024-05-01", "2024-06-01"]), n)
    return {"y": y, "probabilities": tables, "group_ids": group_ids, "voiced": voiced, "as_of": as_of}


def test_figures_are_those_of_the_population():
    rows = made(truth=0.0, noisy=1.5)
    result = evaluate(**rows, n_bootstrap=60)
    quiet = ~rows["voiced"]
    silent = rows["y"] == "silent"
    p = rows["probabilities"]["noisy"][:, 1]
    assert result.value("noisy", "auroc") == pytest.approx(roc_auc_score(silent[quiet], p[quiet]))
    assert result.value("noisy", "auroc", population="everyone") == pytest.approx(roc_auc_score(silent, p))
    assert result.value("truth", "auroc", population="everyone") > result.value("truth", "auroc") + 0.02
    leading = result.metrics[(result.metrics["model"] == "truth") & (result.metrics["population"] == LEADING[0])]
    leading = leading[(leading["outcome"] == LEADING[1]) & (leading["metric"] == LEADING[2])].iloc[0]
    assert leading["n"] == quiet.sum() and leading["positives"] == (silent & quiet).sum()
    assert leading["low"] < leading["value"] < leading["high"]


def test_frames_have_the_columns_that_readers_expect():
    result = evaluate(**made(groups=300, a=0.0, b=1.0), n_bootstrap=50)
    figure = ["population", "outcome", "metric", "value", "low", "high", "n", "positives"]
    assert list(result.metrics) == ["model", *figure]
    assert list(result.differences) == ["model", "baseline", *figure]
    calibration = ["model", "population", "outcome", "bin", "predicted", "observed", "low", "high", "n"]
    assert list(result.calibration) == calibration
    assert list(result.lift) == ["model", "population", "share", "lift", "low", "high"]
    assert sorted(result.lift["share"].unique()) == [0.01, 0.05, 0.1]
    names = {"log_loss", "brier", "auroc", "average_precision", "calibration_error"}
    names |= {f"{kind}_at_{share}pct" for kind in ("lift", "precision") for share in (1, 5, 10)}
    assert set(result.metrics["metric"]) == names | {"expected_maximum_profit"}
    assert (result.metrics["low"] <= result.metrics["value"]).all()
    assert (result.metrics["value"] <= result.metrics["high"]).all()
    assert list(result.breakdown) == ["by", "part", "model", *figure]
    assert result.breakdown["part"].unique().tolist() == ["2024-05-01", "2024-06-01"]
    assert len(result.frame()) == 4 and "auroc silent" in result.frame()
    with pytest.raises(ModelError, match="no figure"):
        result.value("c", "auroc")
    less = result.without(["b"])
    assert set(less.metrics["model"]) == set(less.lift["model"]) == set(less.calibration["model"]) == {"a"}
    assert less.differences.empty and less.value("a", "auroc") == result.value("a", "auroc")


def test_differences_are_paired_and_find_the_better_model():
    result = evaluate(**made(model=0.3, weak=1.5), n_bootstrap=100)
    part = result.differences.set_index(["population", "outcome", "metric"])
    auroc = part.loc[("no voice before", "silent", "auroc")]
    assert 0 < auroc["low"] < auroc["value"] < auroc["high"]
    assert part.loc[("everyone", "all", "log_loss"), "high"] < 0
    alone = result.metrics[result.metrics["metric"] == "auroc"].groupby("model")[["low", "high"]].mean()
    unpaired = (alone["high"] - alone["low"]).pow(2).sum() ** 0.5
    assert auroc["high"] - auroc["low"] < unpaired
    same = evaluate(**{**made(model=0.3), "probabilities": {"m": (p := made(m=0.3)["probabilities"]["m"]), "n": p}})
    assert (same.differences[["value", "low", "high"]].fillna(0) == 0).all(axis=None)


def test_interval_counts_groups_not_rows():
    rows = made(groups=800, per_group=1, m=0.5)
    many = {
        name: np.repeat(value, 6, axis=0) if name != "probabilities" else {"m": np.repeat(value["m"], 6, axis=0)}
        for name, value in rows.items()
    }
    once, often = (evaluate(**each, n_bootstrap=100).metrics for each in (rows, many))
    assert np.allclose(once["high"] - once["low"], often["high"] - often["low"], atol=0.02, rtol=0.05, equal_nan=True)


def test_row_order_changes_nothing():
    rows = made(groups=200, a=0.0, b=1.0)
    turn = np.random.default_rng(1).permutation(len(rows["y"]))
    turned = {name: value[turn] for name, value in rows.items() if name != "probabilities"}
    turned["probabilities"] = {name: table[turn] for name, table in rows["probabilities"].items()}
    first, second = evaluate(**rows, n_bootstrap=50), evaluate(**turned, n_bootstrap=50)
    for name in ("metrics", "differences", "lift", "breakdown", "calibration"):
        pd.testing.assert_frame_equal(getattr(first, name), getattr(second, name), rtol=1e-9)


def test_a_population_with_one_outcome_or_nobody_gives_nan():
    rows = made(groups=100, m=0.0)
    result = evaluate(**{**rows, "y": np.full(200, "retained")}, n_bootstrap=50)
    assert np.isnan(result.value("m", "auroc"))
    assert result.value("m", "log_loss", outcome="all") > 0
    result = evaluate(**{**rows, "voiced": np.ones(200, bool)}, n_bootstrap=50)
    assert np.isnan(result.value("m", "auroc")) and result.value("m", "auroc", population="everyone") > 0.5
    assert result.metrics.loc[result.metrics["population"] == "no voice before", "n"].eq(0).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": np.array([])}, "no rows"),
        ({"y": np.full(200, "gone")}, "'gone' is no outcome"),
        ({"voiced": np.zeros(3, bool)}, "do not match"),
        ({"probabilities": {"m": np.zeros((200, 2))}}, "shape"),
        ({"probabilities": {"m": np.full((200, 3), np.nan)}}, "missing"),
        ({"model": "other"}, "'other'"),
    ],
)
def test_bad_input_is_one_clear_error(change, message):
    with pytest.raises(ModelError, match=message):
        evaluate(**{**made(groups=100, m=0.0), **change}, n_bootstrap=50)


def test_compare_gives_every_pair():
    rows = made(groups=400, a=0.0, b=0.5, c=1.5)
    del rows["as_of"]
    table = compare(**rows, n_bootstrap=60)
    assert set(zip(table["model"], table["baseline"], strict=True)) == {("a", "b"), ("a", "c"), ("b", "c")}
    log_loss = table[(table["metric"] == "log_loss") & (table["outcome"] == "all")]
    sums = log_loss.set_index(["population", "model", "baseline"])["value"]["everyone"]
    assert sums["a", "c"] == pytest.approx(sums["a", "b"] + sums["b", "c"])
    with pytest.raises(ModelError, match="two models"):
        compare(**{**rows, "probabilities": {"a": rows["probabilities"]["a"]}})


def verdict(refresh: bool, champion: np.ndarray, challenger: np.ndarray, rows: dict[str, object]) -> tuple[bool, str]:
    result = promotion_verdict(
        rows["y"], champion, challenger, rows["group_ids"], rows["voiced"], refresh=refresh, n_bootstrap=100
    )
    return result.promote, result.why


def test_promotion_asks_more_of_a_new_specification_than_of_a_refresh():
    rows = made(good=0.2, poor=1.5)
    good, poor = rows["probabilities"]["good"], rows["probabilities"]["poor"]
    assert verdict(True, good, good, rows)[0]
    assert verdict(False, good, good, rows) == (False, pytest.approx(verdict(False, good, good, rows)[1]))
    assert "must be better" in verdict(False, good, good, rows)[1]
    assert verdict(False, poor, good, rows)[0]
    refused, why = verdict(True, good, poor, rows)
    assert not refused and "must not be worse" in why


def test_promotion_refuses_a_model_that_ranks_as_well_but_lies_about_chances():
    rows = made(good=0.2)
    good = rows["probabilities"]["good"]
    silent = good[:, 1] ** 2
    bent = np.column_stack([1 - silent - good[:, 2], silent, good[:, 2]])
    promoted, why = verdict(True, good, bent, rows)
    assert not promoted and "calibration error" in why


def test_promotion_without_both_classes_is_refused_with_a_reason():
    rows = made(groups=100, good=0.2)
    rows["y"] = np.full(200, "retained")
    promoted, why = verdict(True, rows["probabilities"]["good"], rows["probabilities"]["good"], rows)
    assert not promoted and "silent leavers" in why


def test_forty_thousand_rows_take_seconds():
    rows = made(groups=20_000, a=0.0, b=0.5, c=1.5)
    start = time.process_time()
    evaluate(**rows, n_bootstrap=10)
    assert time.process_time() - start < 8
