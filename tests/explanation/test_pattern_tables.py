from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import churnml
from churnml.explanation.forest import NotCovered
from churnml.explanation.pattern_tables import PatternTables

ODD = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-36, -1e-35, 1e300, -0.5, -1.0, 3.7, 31.0, 32.0, 1e10]


def trained(matrix, label, rounds=4, categorical="auto", **parameters):
    settings = {
        "objective": "regression",
        "num_threads": 1,
        "verbosity": -1,
        "min_data_in_leaf": 1,
        "min_data_in_bin": 1,
    }
    settings |= {"deterministic": True, "force_col_wise": True, "cat_smooth": 1, "min_data_per_group": 1}
    settings |= parameters
    data = lightgbm.Dataset(matrix, label=label, categorical_feature=categorical, params=settings)
    return lightgbm.train(settings, data, num_boost_round=rounds)


def worst(booster, matrix, tables=None):
    """The largest difference from LightGBM's own contributions."""
    tables = PatternTables.of(booster) if tables is None else tables
    own = np.asarray(booster.predict(matrix, pred_contrib=True, num_threads=1))
    found = tables.contributions(matrix)
    assert found.shape == (len(matrix), len(tables.base), matrix.shape[1] + 1)
    return float(np.abs(own.reshape(found.shape) - found).max())


def rows_like(matrix, draw, rows=60):
    """Rows of the matrix, a fifth of their values replaced by odd ones."""
    picked = matrix[draw.integers(0, len(matrix), rows)].copy()
    odd = draw.random(picked.shape) < 0.2
    picked[odd] = draw.choice(ODD, odd.sum())
    return picked


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    features=st.integers(1, 6),
    leaves=st.integers(2, 40),
    depth=st.sampled_from([-1, 1, 3, 8]),
    classes=st.sampled_from([0, 2, 3]),
    missing=st.sampled_from([{}, {"zero_as_missing": True}, {"use_missing": False}]),
    boosting=st.sampled_from(["gbdt", "dart"]),
    category=st.booleans(),
    width=st.sampled_from([1, 3, 9]),
)
def test_any_model_gives_lightgbms_own_contributions(
    seed, features, leaves, depth, classes, missing, boosting, category, width
):
    draw = np.random.default_rng(seed)
    matrix = draw.choice([draw.normal(size=150), draw.integers(0, 40, 150)], features, axis=0).T.copy()
    matrix = draw.permuted(matrix, axis=0)
    matrix[draw.random(matrix.shape) < 0.15] = draw.choice([np.nan, 0.0])
    if category:
        matrix[:, 0] = draw.integers(0, 40, 150)
    signal = np.nan_to_num(matrix).sum(axis=1) + draw.normal(size=150)
    label = signal if classes == 0 else np.argsort(np.argsort(signal)) * classes // 150
    objective = {0: "regression", 2: "binary", 3: "multiclass"}[classes]
    booster = trained(
        *(matrix, label, 3, [0] if category else "auto"),
        **{"objective": objective, "num_leaves": leaves, "max_depth": depth, "boosting": boosting, **missing},
        **({"num_class": 3} if classes == 3 else {}),
    )
    scale = max(1.0, float(np.abs(label).max()))
    assert worst(booster, rows_like(matrix, draw), PatternTables.of(booster, width=width)) < 1e-9 * scale


@pytest.fixture(scope="module")
def example():
    """A matrix of five features with missing values, and a label that hangs on all of them."""
    draw = np.random.default_rng(5)
    matrix = draw.normal(size=(600, 5))
    matrix[draw.random(matrix.shape) < 0.1] = np.nan
    return matrix, np.nan_to_num(matrix) @ draw.normal(size=5) + np.nan_to_num(matrix[:, 0] * matrix[:, 1])


def test_trees_of_one_leaf_give_the_base_alone(example):
    matrix, label = example
    booster = trained(matrix, label, num_leaves=2, min_data_in_leaf=600)
    found = PatternTables.of(booster).contributions(matrix)
    assert np.all(found[:, 0, :-1] == 0) and np.allclose(found[:, 0, -1], booster.predict(matrix))
    assert worst(booster, matrix) < 1e-12


def test_one_feature_repeated_along_every_path():
    matrix = np.linspace(0, 1, 400)[:, None]
    booster = trained(matrix, np.sin(20 * matrix[:, 0]), num_leaves=64, rounds=2)
    assert worst(booster, matrix) < 1e-12


def test_a_constant_feature_contributes_nothing(example):
    matrix, label = np.column_stack([example[0], np.full(600, 7.0)]), example[1]
    booster = trained(matrix, label)
    assert np.all(PatternTables.of(booster).contributions(matrix)[:, 0, 5] == 0)
    assert worst(booster, matrix) < 1e-12


def test_leaves_too_deep_for_a_table_are_integrated():
    draw = np.random.default_rng(3)
    matrix = draw.normal(size=(2000, 30))
    label = np.prod(1 + 0.5 * np.sign(matrix[:, :15]), axis=1)
    booster = trained(matrix, label, num_leaves=400, rounds=2, extra_trees=True)
    tables = PatternTables.of(booster)
    assert (tables.plan.table_start < 0).any() and (tables.plan.table_start >= 0).any()
    assert worst(booster, matrix[:200], tables) < 1e-9


@pytest.mark.parametrize("depth", [20, 80])
def test_paths_of_very_many_features_lose_no_accuracy(depth):
    """At 80 features, more than a machine word has bits, LightGBM's own contributions no longer add up at all."""
    matrix = np.eye(depth + 1, depth)  # each feature splits off one row
    label = np.arange(depth + 1.0)
    booster = trained(matrix, label, num_leaves=depth + 1, min_sum_hessian_in_leaf=0, enable_bundle=False)
    tables = PatternTables.of(booster)
    assert np.diff(tables.plan.place_start).max() == depth
    assert np.allclose(tables.contributions(matrix)[:, 0].sum(axis=1), booster.predict(matrix), rtol=0, atol=1e-11)
    assert depth == 80 or worst(booster, matrix) < 1e-11


def test_tables_stay_within_their_bytes(example):
    matrix, label = example
    booster = trained(matrix, label, num_leaves=60)
    whole = PatternTables.of(booster)
    for allowed in (whole.table.nbytes // 2, whole.table.nbytes // 20, 0):
        tables = PatternTables.of(booster, table_bytes=allowed)
        assert tables.table.nbytes <= allowed
        assert worst(booster, matrix, tables) < 1e-12


def test_threads_order_of_memory_and_company_change_no_bit(example):
    matrix, label = example
    many = np.tile(matrix, (20, 1))
    tables = PatternTables.of(trained(matrix, label, num_leaves=31))
    one = tables.contributions(many, threads=1)
    assert one.tobytes() == tables.contributions(many, threads=2).tobytes()
    assert np.array_equal(one, tables.contributions(np.asfortranarray(many), threads=3))
    assert np.array_equal(one[7], tables.contributions(many[7:8])[0])
    assert tables.contributions(many[:0]).shape == (0, 1, 6)


def test_only_the_trees_that_predict_are_explained(example):
    matrix, label = example
    booster = trained(matrix, label, rounds=10)
    booster.best_iteration = 4
    assert worst(booster, matrix) < 1e-12


def test_a_model_read_back_from_its_text_is_explained_alike(example):
    matrix, label = example
    booster = trained(matrix, label)
    again = lightgbm.Booster(model_str=booster.model_to_string())
    found = [PatternTables.of(each).contributions(matrix) for each in (booster, again)]
    assert np.array_equal(*found)


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        ({"linear_tree": True}, "linear trees"),
        ({"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}, "averaged"),
    ],
)
def test_what_is_not_covered_is_said(example, parameters, why):
    with pytest.raises(NotCovered, match=why):
        PatternTables.of(trained(*example, **parameters))


def test_a_matrix_of_another_width_is_refused(example):
    with pytest.raises(ValueError, match="rows of 5 features"):
        PatternTables.of(trained(*example)).contributions(example[0][:, :4])


@pytest.mark.parametrize("folder_named", [False, True])
def test_where_machine_code_can_be_kept_it_is_and_elsewhere_it_is_done_without(tmp_path, folder_named):
    """Neither beside the modules nor for the user is there a place; unless one is named."""
    package = tmp_path / "churnml"
    shutil.copytree(Path(churnml.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    for blocked in (package / "explanation" / "__pycache__", tmp_path / "home"):
        blocked.write_text("a file, where a folder would be needed")
    surroundings = {
        name: value for name, value in os.environ.items() if not name.startswith(("NUMBA", "XDG", "PYTHON"))
    }
    surroundings |= {"PYTHONPATH": str(tmp_path), "HOME": str(tmp_path / "home"), "PYTHONDONTWRITEBYTECODE": "1"}
    if folder_named:
        surroundings["NUMBA_CACHE_DIR"] = str(tmp_path / "kept")
    code = "from churnml.explanation.kernels import fill; print(fill.stats.cache_path)"
    done = subprocess.run([sys.executable, "-c", code], env=surroundings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (str(tmp_path / "kept") in done.stdout) if folder_named else (done.stdout == "None\n")
