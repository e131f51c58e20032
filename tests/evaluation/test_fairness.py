from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from churnml.evaluation import fairness as module
from churnml.evaluation.fairness import contact_list, fairness

ROWS = 3000


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    """Two rows a person; chances are right for `a`, twice too high for `b`; `c` has too few to judge."""
    draw = np.random.default_rng(2)
    person = np.arange(ROWS) // 2
    kind = np.array(["a", "b"])[(draw.random(ROWS // 2) < 0.4).astype(int)].repeat(2)
    kind[:40] = "c"
    p = draw.uniform(0, 0.6, ROWS)
    left = draw.random(ROWS) < np.where(kind == "b", p / 2, p)
    outcome = np.where(left, "silent", "retained")
    age = draw.integers(18, 80, ROWS // 2).repeat(2).astype(float)
    age[-100:] = np.nan
    as_of = np.tile(np.array(["2024-01-01", "2024-02-01"], dtype="datetime64[D]"), ROWS // 2)
    return pd.DataFrame({"person": person, "kind": kind, "age": age, "p": p, "outcome": outcome, "as_of": as_of})


@pytest.fixture(scope="module")
def judged(people: pd.DataFrame) -> module.Fairness:
    about = (people["person"], people["as_of"])
    return fairness(people["outcome"], people["p"], people[["kind", "age"]], *about, n_bootstrap=100, seed=1)


def test_figures_of_a_group_are_those_of_its_rows(people: pd.DataFrame, judged: module.Fairness) -> None:
    part = people[people["kind"] == "b"]
    hit = part["outcome"] == "silent"
    listed = contact_list(people["p"], people["as_of"])[people["kind"] == "b"]
    table = judged.groups
    rows = table[(table["attribute"] == "kind") & (table["group"] == "b")].set_index("metric")
    assert rows["value"].to_dict() == pytest.approx(
        {
            "auroc": roc_auc_score(hit, part["p"]),
            "overestimate": part["p"].mean() - hit.mean(),
            "contact_rate": listed.mean(),
            "false_negative_rate": 1 - listed[hit].mean(),
        }
    )
    assert (rows["low"] <= rows["value"]).all() and (rows["value"] <= rows["high"]).all()
    assert (rows["n"] == len(part)).all() and (rows["customers"] == part["person"].nunique()).all()
    assert (rows["positives"] == hit.sum()).all()


def test_an_unfair_model_is_found_and_only_where_it_is(judged: module.Fairness) -> None:
    gaps = judged.gaps.set_index(["attribute", "metric"])
    assert gaps.loc[("kind", "overestimate"), "beyond_noise"] and gaps.loc[("kind", "overestimate"), "gap"] > 0.1
    assert not gaps.loc["age", "beyond_noise"].any()
    assert ((gaps["p_value"] <= 0.05) == gaps["beyond_noise"]).all()
    by_group = judged.groups[judged.groups["metric"] == "overestimate"].set_index("group")
    assert by_group["difference_low"]["b"] > 0 > by_group["difference_high"]["a"]
    assert judged.figures()["fairness_gap_kind/overestimate"] == pytest.approx(
        by_group["value"]["b"] - by_group["value"]["a"]
    )


def test_years_of_birth_drawn_by_lot_are_seldom_found_to_matter(people: pd.DataFrame) -> None:
    draw, about, found = np.random.default_rng(5), (people["person"], people["as_of"]), 0
    for seed in range(20):
        born = pd.DataFrame({"born": draw.integers(1940, 2003, ROWS // 2).repeat(2)})
        judged = fairness(people["outcome"], people["p"], born, *about, n_bootstrap=2, seed=seed)
        found += int(judged.gaps["beyond_noise"].any())
    assert found <= 3


def test_small_groups_are_counted_and_not_judged(judged: module.Fairness) -> None:
    small = judged.groups[judged.groups["group"] == "c"]
    assert (small["n"] == 40).all() and (small["customers"] == 20).all()
    assert small[["value", "low", "high", "difference"]].isna().all(axis=None)


def test_numbers_are_judged_in_bands_and_missing_ones_apart(people: pd.DataFrame, judged: module.Fairness) -> None:
    ages = judged.groups[(judged.groups["attribute"] == "age") & (judged.groups["metric"] == "auroc")]
    assert len(ages) == 5 and ages["n"].sum() == ROWS
    assert ages.set_index("group")["n"]["unknown"] == 100
    assert {"18", "79"} <= {end for group in ages["group"] for end in group.split(" to ")}


def test_rows_of_one_household_are_no_strangers(people: pd.DataFrame) -> None:
    """A household's rows say the same over again: its copies must not narrow the interval."""
    copies = pd.concat([people.iloc[:600]] * 5, ignore_index=True)
    width = {}
    for name, households in (("copied", copies["person"]), ("strangers", pd.Series(range(len(copies))))):
        about = (copies["outcome"], copies["p"], pd.DataFrame({"all": "same"}, index=copies.index))
        row = fairness(*about, households, copies["as_of"], n_bootstrap=100).groups.iloc[0]
        width[name] = row["high"] - row["low"]
    assert width["copied"] > 1.7 * width["strangers"]


def test_each_snapshot_has_a_list_of_its_own() -> None:
    listed = contact_list([0.9, 0.8, 0.2, 0.1] * 5 + [0.3, 0.2, 0.1, 0.05] * 5, [1] * 20 + [2] * 20, 0.25)
    assert listed.reshape(10, 4).tolist() == [[1.0, 0.0, 0.0, 0.0]] * 10
    assert contact_list([0.5] * 8, [1] * 8).tolist() == [0.1] * 8


def test_nothing_to_judge_and_nothing_to_judge_with(people: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    about = (people["person"], people["as_of"])
    none = fairness(people["outcome"], people["p"], pd.DataFrame(index=people.index), *about)
    assert none.skipped == "no protected attribute is declared" and none.figures() == {}
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    without = fairness(people["outcome"], people["p"], people[["kind"]], *about)
    assert without.skipped is not None and "churnml[fairness]" in without.skipped and without.frame().empty
