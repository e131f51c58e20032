"""Sign-up cohorts: newcomers are held against those who came in the same month."""

from __future__ import annotations

import numpy as np
import pandas as pd

from churnml.features.cohort import CUSTOMERS, apply, fit
from churnml.features.fitted import Material


def material(signed_up: list[str | None], values: list[float], as_of: str = "2024-06-01") -> Material:
    days = pd.Timestamp(as_of) - pd.to_datetime(pd.Series(signed_up))
    table = pd.DataFrame({"steps": values, "tenure": days.dt.days.astype(float)}, dtype=float)
    return Material(np.arange(len(table)), np.full(len(table), np.datetime64(as_of)), table)


def learn(rows: Material) -> dict:
    return fit(rows, "steps", "tenure")


def place(rows: Material, state: dict) -> list[float]:
    return apply(rows, state, "steps", "tenure")["place"].round(2).tolist()


BUSY = [float(n % 10) for n in range(100)]
TRAINED = learn(material(["2024-01-15"] * 100 + ["2024-03-15"] * 100, [*BUSY, *(10 + n for n in BUSY)]))


def test_the_same_number_means_something_else_in_another_month() -> None:
    places = place(material(["2024-01-31", "2024-03-01"], [9.5, 9.5]), TRAINED)
    assert places == [1.0, 0.0]
    middle = place(material(["2024-01-31", "2024-03-01"], [4.5, 14.5]), TRAINED)
    assert np.allclose(middle, 0.5, atol=0.02)


def test_equal_values_count_half() -> None:
    state = learn(material(["2024-01-15"] * 100, [0.0] * 100))
    assert place(material(["2024-01-20"] * 3, [0.0, 1.0, -1.0]), state) == [0.5, 1.0, 0.0]


def test_a_new_month_has_the_norms_of_the_one_before_and_an_old_one_those_of_all() -> None:
    new, old = place(material(["2024-05-02", "2023-11-02"], [14.5, 14.5]), TRAINED)
    assert abs(new - 0.5) < 0.02
    assert 0.7 < old < 0.8


def test_a_small_cohort_has_no_norms_of_its_own() -> None:
    months = ["2024-01-15"] * CUSTOMERS + ["2024-02-15"] * (CUSTOMERS - 1)
    state = learn(material(months, [1.0] * len(months)))
    assert sorted(state["norms"]) == ["2024-01", "everyone"]


def test_a_customer_counts_once_with_the_latest_snapshot() -> None:
    once = material(["2024-01-15"] * 40, [float(n) for n in range(40)])
    twice = Material(
        np.tile(once.customer, 2),
        np.repeat(np.array(["2024-05-01", "2024-06-01"], dtype="datetime64[D]"), 40),
        pd.concat([once.values.assign(steps=99.0), once.values], ignore_index=True),
    )
    assert learn(twice) == learn(once)


def test_unknown_sign_ups_and_values_stay_unknown() -> None:
    rows = material([None, "2024-01-15"], [5.0, np.nan])
    assert np.isnan(apply(rows, TRAINED, "steps", "tenure")["place"]).all()
    nothing = learn(rows)
    assert "no 30 customers" in nothing["remark"]
    assert np.isnan(apply(rows, nothing, "steps", "tenure")["place"]).all()
