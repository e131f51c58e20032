"""The simulated retention programme: who is drawn, what a treatment does to the hazard, and whom it makes worse."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt

import numpy as np
import pandas as pd
import pytest

from churnml.datasets.simulator import preset, simulate

from .conftest import Company

ROUND = 84
"""The day of the programme that is followed up; the next round is four weeks later."""


@pytest.fixture(scope="module")
def programme(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """A telecom company that people leave soon, with half of its customers drawn for each round of the programme."""
    numbers = preset("telecom", treated_share=0.5, unhappy_hazard=0.002, treatments_from=ROUND)
    folder = tmp_path_factory.mktemp("programme")
    company = Company.of(numbers, simulate(24_000, 4, folder, preset=numbers, months=5))
    yield company
    company.connection.close()


@pytest.fixture(scope="module")
def drawn(programme: Company) -> pd.DataFrame:
    """Those drawn in the first two rounds who could still decide to leave, and whether they did within 42 days."""
    return programme.frame(f"""
        SELECT rounds.*, arm = 'treated' AS treated, hazard_silent + hazard_vocal AS hazard,
               row_number() OVER (PARTITION BY rounds.customer_id ORDER BY assigned_at) > 1 AS drawn_before,
               coalesce(departures.manner <> 'own reasons' AND decided_on < assigned_at::DATE + 42, false) AS leaves
        FROM truth_treatments AS rounds JOIN truth_hazards AS hazards
          ON hazards.customer_id = rounds.customer_id AND hazards.day = assigned_at::DATE
        LEFT JOIN truth_departures AS departures ON departures.customer_id = rounds.customer_id
        WHERE hazard_untreated > 0 AND assigned_at < DATE '2023-01-01' + {ROUND + 42}""")


def test_half_of_those_drawn_are_treated_by_chance(telecom: Company, programme: Company) -> None:
    """Found out if the share is off by 0.05, or the arms differ by a fifth in their hazard without treatment."""
    for company in (telecom, programme):
        arms = company.frame("SELECT arm = 'treated' AS treated, * FROM truth_treatments")
        assert abs(arms["treated"].mean() - 0.5) < 4 * 0.5 / sqrt(len(arms)) < 0.025
        free = arms[arms["hazard_untreated"] > 0]
        for values in (np.log(free["hazard_untreated"]), free["log_hazard_ratio"]):
            one, other = (values[free["treated"] == arm] for arm in (True, False))
            error = sqrt(one.var() / len(one) + other.var() / len(other))
            assert abs(one.mean() - other.mean()) < 4 * error < 0.2


def test_the_company_sees_the_same_arms(telecom: Company) -> None:
    same = "FROM treatments JOIN truth_treatments USING (customer_id, assigned_at, arm)"
    told = telecom.one("SELECT count(*) FROM treatments")
    assert telecom.one(f"SELECT count(*) {same}") == told == telecom.one("SELECT count(*) FROM truth_treatments")


def test_the_share_drawn_each_round_is_the_stated_one(telecom: Company) -> None:
    """Of the customers who have not left by then and whom no earlier treatment holds; found out if off by 0.01."""
    drawn, active = telecom.one(f"""
        WITH rounds AS (SELECT DISTINCT assigned_at::DATE AS day FROM treatments)
        SELECT count(assigned_at), count(*)
        FROM rounds JOIN customers ON signed_up_at::DATE <= day
        LEFT JOIN truth_departures USING (customer_id)
        LEFT JOIN treatments AS now ON now.customer_id = customers.customer_id AND assigned_at::DATE = day
        WHERE (decided_on IS NULL OR decided_on >= day)
          AND NOT EXISTS (FROM treatments AS earlier WHERE earlier.customer_id = customers.customer_id
                          AND arm = 'treated' AND earlier.assigned_at::DATE < day
                          AND earlier.assigned_at::DATE > day - {telecom.preset.treatment_days})""")
    share = telecom.preset.treated_share
    assert abs(drawn / active - share) < 4 * sqrt(share * (1 - share) / active) < 0.005


@pytest.mark.parametrize("before", [False, True], ids=["first time", "drawn before"])
def test_the_hazard_is_the_untreated_one_times_the_ratio_from_that_day_on(drawn: pd.DataFrame, before: bool) -> None:
    """But for what the day itself brought, which moves few by more than 0.3 on the log scale."""
    some = drawn[drawn["drawn_before"] == before]
    for treated in (True, False):
        arm = some[some["treated"] == treated]
        expected = np.log(arm["hazard_untreated"]) + arm["log_hazard_ratio"] * treated
        rest = np.log(arm["hazard"]) - expected
        assert len(arm) > 200
        assert rest.median() == pytest.approx(0, abs=0.02)
        assert (rest.abs() > 0.3).mean() < 0.02


def realised(some: pd.DataFrame) -> tuple[float, float, float]:
    """The difference of the arms in leaving within 42 days, its standard error, and the effect that the truth tells."""
    one, other = (some.loc[some["treated"] == arm, "leaves"].astype(float) for arm in (True, False))
    return one.mean() - other.mean(), sqrt(one.var() / len(one) + other.var() / len(other)), some["effect_42d"].mean()


def test_treatments_do_what_the_truth_says(drawn: pd.DataFrame) -> None:
    """Fewer leave within 42 days among those it helps, more among those it makes worse.

    Only those are compared who were drawn for the first time. The next round, four weeks later, treats a quarter of
    the control group after all; that takes less than a tenth off the differences.
    """
    first = drawn[~drawn["drawn_before"]]
    groups = {
        "all": first,
        "helped": first[first["log_hazard_ratio"] < -0.4],
        "made worse": first[first["log_hazard_ratio"] > 0.25],
    }
    effects = {name: realised(some) for name, some in groups.items()}
    for difference, error, told in effects.values():
        assert abs(difference - told) < 4 * error
    (helped, helped_error, _), (worse, worse_error, _) = effects["helped"], effects["made worse"]
    assert helped < -4 * helped_error
    assert worse > 4 * worse_error


def test_the_effect_is_that_of_a_hazard_that_stays_as_it_is(programme: Company) -> None:
    told = programme.frame("FROM truth_treatments")
    treated, untreated = (
        1 - np.exp(-42 * told["hazard_untreated"] * np.exp(ratio)) for ratio in (told["log_hazard_ratio"], 0)
    )
    assert np.allclose(told["effect_42d"], treated - untreated)


def test_a_good_part_of_the_customers_is_made_worse_by_contact(companies: dict[str, Company]) -> None:
    """The annoyed are won back, those who hardly think of the company are woken."""
    for company in companies.values():
        share, mean = company.one("""SELECT avg((log_hazard_ratio > 0)::INT), avg(log_hazard_ratio)
                                     FROM truth_treatments WHERE hazard_untreated > 0""")
        assert 0.15 < share < 0.5
        assert mean < 0
