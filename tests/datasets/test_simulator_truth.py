"""The generated departures against the numbers they were generated with: shares, hazards, survival, treatments.

Intervals are four standard errors wide on either side, unless a test says otherwise: with the frozen seeds nothing
flickers, and each test says by how much a number must be off to be found out.
"""

from __future__ import annotations

from math import log, sqrt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats

from churnml.datasets.simulator import preset, simulate
from churnml.datasets.simulator.life import NOTICEABLE, THEMES

from .conftest import Company

CAUSES = {"silent": "hazard_silent", "vocal": "hazard_vocal", "own reasons": "hazard_own"}
UNHAPPY = "hazard_silent + hazard_vocal"
NEW = "signed_up_at::DATE >= DATE '2023-01-01' AND date_diff('day', signed_up_at::DATE, day) < 90"
UNTREATED = "customer_id NOT IN (SELECT customer_id FROM truth_treatments WHERE arm = 'treated')"
Floats = NDArray[np.float64]


@pytest.fixture(scope="module")
def days(telecom: Company) -> dict[str, Any]:
    """The hazards of each customer-day, and how it ended; customers in the order of their level of satisfaction."""
    query = f"""
        SELECT satisfaction, coalesce(left_then.manner, '') AS manner, {", ".join(CAUSES.values())},
               date_diff('day', DATE '2023-01-01', day) AS day
        FROM truth_hazards JOIN truth_customers USING (customer_id)
        LEFT JOIN truth_departures AS left_then
          ON left_then.customer_id = truth_hazards.customer_id AND decided_on = day
        ORDER BY satisfaction_level, customer_id, day"""
    return {name: column.to_numpy() for name, column in telecom.frame(query).items()}


# ---- the silent share ----------------------------------------------------------------------------------------------


def silent_share(company: Company) -> tuple[float, int]:
    query = "SELECT avg((manner = 'silent')::INT), count(*) FROM truth_departures WHERE manner IN ('silent', 'vocal')"
    share, leavers = company.one(query)
    return share, leavers


def test_the_silent_share_is_the_default_one(telecom: Company) -> None:
    """Found out if off by 0.04."""
    share, leavers = silent_share(telecom)
    error = sqrt(0.96 * 0.04 / leavers)
    assert telecom.preset.silent_share == 0.96
    assert abs(share - 0.96) < 4 * error < 0.02


@pytest.mark.parametrize("name", ["shop", "software"])
def test_every_preset_holds_its_silent_share(companies: dict[str, Company], name: str) -> None:
    """Found out if off by 0.08: these companies are smaller."""
    share, leavers = silent_share(companies[name])
    assert abs(share - companies[name].preset.silent_share) < 4 * sqrt(0.96 * 0.04 / leavers) < 0.04


def test_the_silent_share_can_be_chosen(outspoken: Company, tmp_path: Any) -> None:
    """At 0.5 and 0.85; found out if off by 0.12."""
    numbers = preset("telecom", silent_share=0.85, unhappy_hazard=0.002)
    other = Company.of(numbers, simulate(2_000, 2, tmp_path, preset=numbers, months=6))
    for company in (outspoken, other):
        share, leavers = silent_share(company)
        wanted = company.preset.silent_share
        assert abs(share - wanted) < 4 * sqrt(wanted * (1 - wanted) / leavers) < 0.06


@pytest.mark.parametrize("name", ["telecom", "shop", "software"])
def test_the_silent_say_nothing_and_the_vocal_complain(companies: dict[str, Company], name: str) -> None:
    said = "(SELECT customer_id FROM complaints UNION SELECT customer_id FROM cancellations)"
    company = companies[name]
    heard, unheard, vocal = company.one(f"""
        SELECT count(*) FILTER (manner = 'silent' AND customer_id IN {said}),
               count(*) FILTER (manner = 'vocal' AND customer_id NOT IN {said}), count(*) FILTER (manner = 'vocal')
        FROM truth_departures WHERE decided_on < DATE '{company.made.end}' - 10""")
    assert heard == unheard == 0 < vocal


# ---- hazards -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "cause"), [(n, c) for n in ("telecom", "shop", "software") for c in CAUSES])
def test_hazards_add_up_to_the_departures_of_each_cause(companies: dict[str, Company], name: str, cause: str) -> None:
    """The number of departures is Poisson about the sum of the hazards: 1 in 16 000 lies outside."""
    (expected,) = companies[name].one(f"SELECT sum({CAUSES[cause]}) FROM truth_hazards")
    (departed,) = companies[name].one(f"SELECT count(*) FROM truth_departures WHERE manner = '{cause}'")
    low, high = stats.poisson.ppf([3.2e-5, 1 - 3.2e-5], expected)
    assert low <= departed <= high
    assert departed > 10


def rescaled(days: dict[str, Any], hazard: Floats, cause: str) -> tuple[Floats, float]:
    """The hazard that had been accumulated, over all customers in turn, at each departure for `cause`; and at the end.

    Within its day a departure comes at random, given the day's hazard of leaving for whatever cause.
    """
    total = np.sum([days[column].astype(float) for column in CAUSES.values()], axis=0)
    left = days["manner"] != ""
    lived = np.ones(len(total))
    lived[left] = -np.log1p(np.random.default_rng(1).random(left.sum()) * np.expm1(-total[left])) / total[left]
    clock = np.cumsum(hazard * lived)
    return clock[days["manner"] == cause], float(clock[-1])


@pytest.mark.parametrize("cause", CAUSES)
def test_on_the_clock_of_their_hazard_departures_are_a_poisson_process_of_rate_one(
    days: dict[str, Any], cause: str
) -> None:
    """The time-rescaling theorem (Brown et al. 2002), other causes and the end of the simulation being censoring.

    One customer's clock runs on where that of the one before was stopped, so the waits between departures are Exp(1)
    and nothing is censored but the last one. The customers follow each other by their level of satisfaction: if the
    hazard leant on satisfaction too much or too little, departures would crowd at one end.
    """
    at, end = rescaled(days, days[CAUSES[cause]].astype(float), cause)
    assert stats.kstest(np.diff(at, prepend=0), "expon").pvalue > 1e-4
    assert stats.kstest(at / end, "uniform").pvalue > 1e-4


def tenths(days: dict[str, Any], hazard: Floats) -> float:
    """How improbable the silent departures of the tenths of satisfaction are, under that hazard."""
    tenth = np.digitize(days["satisfaction"], np.quantile(days["satisfaction"], np.arange(0.1, 1, 0.1)))
    left = np.bincount(tenth[days["manner"] == "silent"], minlength=10)
    expected = np.bincount(tenth, weights=hazard, minlength=10)
    return float(stats.chi2.sf(((left - expected) ** 2 / expected).sum(), df=10))


def test_the_hazard_is_right_at_each_level_of_satisfaction(days: dict[str, Any]) -> None:
    """And a slope off by 0.8, or a level off by a quarter, would be found out."""
    hazard = days["hazard_silent"].astype(float)
    assert tenths(days, hazard) > 1e-4
    for change in (0.8, -0.8):
        tilted = hazard * np.exp(change * days["satisfaction"])
        assert tenths(days, tilted * hazard.sum() / tilted.sum()) < 1e-4
    assert tenths(days, hazard / 1.25) < 1e-4 > tenths(days, hazard * 1.25)


def test_customers_survive_as_the_mean_hazards_say(days: dict[str, Any]) -> None:
    """The Kaplan-Meier curve of all departures, by calendar day; found out if it ends 0.03 too high or too low."""
    total = np.sum([days[column].astype(float) for column in CAUSES.values()], axis=0)
    at_risk = np.bincount(days["day"])
    left = np.bincount(days["day"], weights=days["manner"] != "")
    observed = np.cumprod(1 - left / at_risk)
    implied = np.exp(-np.cumsum(np.bincount(days["day"], weights=total) / at_risk))
    error = observed * np.sqrt(np.cumsum(left / (at_risk * (at_risk - left))))  # Greenwood
    assert np.all(np.abs(observed - implied) < 4 * error + 1e-4)
    assert 4 * error[-1] < 0.03
    assert 0.5 < observed[-1] < 0.9


def unexplained(company: Company, which: str) -> pd.DataFrame:
    """What is left of the log hazard when satisfaction and the first 90 days are taken off."""
    p = company.preset
    return company.frame(f"""
        SELECT customer_id, day, ln({UNHAPPY}) + {p.hazard_slope} * satisfaction - {log(p.unhappy_hazard)}
               - CASE WHEN {NEW} THEN {log(p.early_factor)} ELSE 0 END AS rest
        FROM truth_hazards JOIN customers USING (customer_id) JOIN truth_customers USING (customer_id)
        WHERE {which} AND {UNTREATED} ORDER BY customer_id, day""")


@pytest.mark.parametrize("name", ["telecom", "shop"])
def test_the_log_hazard_is_linear_in_satisfaction(companies: dict[str, Company], name: str) -> None:
    """With the stated slope, of those who never complain and were not treated: exactly, in single precision."""
    rest = unexplained(companies[name], "NOT speaks")["rest"]
    assert len(rest) > 100_000
    assert rest.abs().max() < 1e-4


def test_software_is_left_before_the_renewal(companies: dict[str, Company]) -> None:
    """The factor is there in 7 of 30 days, and the mean over a month is 1."""
    software = companies["software"]
    rest = np.exp(unexplained(software, "NOT speaks")["rest"])
    factors, count = np.unique(rest.round(3), return_counts=True)
    assert factors[-1] == pytest.approx(software.preset.renewal_factor, abs=2e-3)
    assert len(factors) == 2
    assert count[1] / count.sum() == pytest.approx(7 / 30, abs=0.005)
    assert rest.mean() == pytest.approx(1, abs=0.02)


def test_the_themes_of_a_departure_are_what_was_felt(telecom: Company) -> None:
    """The named theme is the strongest one; somebody with nothing on the mind has no theme."""
    names = [theme.replace(" ", "_") for theme in THEMES]
    left = telecom.frame(f"SELECT theme, {', '.join(names)} FROM truth_departures WHERE reason = 'unhappy'")
    felt = left[names].to_numpy()
    named = left["theme"].notna()
    assert ((felt.max(axis=1) > NOTICEABLE) == named).all()
    assert (np.array(THEMES)[felt.argmax(axis=1)] == left["theme"])[named].all()
    assert set(left["theme"].dropna()) == set(THEMES)
    assert telecom.one("SELECT count(theme) FROM truth_departures WHERE reason <> 'unhappy'") == (0,)


def test_those_with_reasons_of_their_own_often_say_so(telecom: Company) -> None:
    """Found out if the share is off by 0.17; their hazard is the same on every day."""
    told, left = telecom.one(f"""
        SELECT avg((customer_id IN (SELECT customer_id FROM cancellations))::INT), count(*) FROM truth_departures
        WHERE manner = 'own reasons' AND decided_on < DATE '{telecom.made.end}' - 60""")
    share = telecom.preset.own_announced
    assert abs(told - share) < 4 * sqrt(share * (1 - share) / left) < 0.1
    assert telecom.one("SELECT min(hazard_own), max(hazard_own) FROM truth_hazards") == pytest.approx(
        (telecom.preset.own_hazard,) * 2, rel=1e-6
    )
    reasons = telecom.rows("SELECT DISTINCT reason FROM truth_departures WHERE manner = 'own reasons'")
    assert {reason for (reason,) in reasons} == {"moved away", "need ended"}


def test_a_complaint_that_is_handled_well_halves_the_hazard(outspoken: Company) -> None:
    """The others raise it, so that the mean ratio is 1; found out if the share handled well is off by 0.15."""
    p = outspoken.preset
    rest = unexplained(outspoken, "speaks")
    change = rest["rest"].diff().where(rest["customer_id"].eq(rest["customer_id"].shift()))
    rest["complained"] = change.abs() > 0.01
    asked = "SELECT DISTINCT customer_id, received_at::DATE AS day, true AS really FROM complaints"
    table = rest.merge(outspoken.frame(asked), on=["customer_id", "day"], how="left")
    table["change"] = change
    told = table[table["really"].notna() & table["change"].notna()]
    ratios = np.exp(told["change"])
    inside = ratios[told["rest"].abs() < 2.4]  # beyond, the memory of complaints is cut off
    raised = (1 - p.recovered * p.recovered_ratio) / (1 - p.recovered)
    in_the_books = table["day"] < pd.Timestamp(outspoken.made.end) - pd.Timedelta(days=5)  # letters are entered late
    assert table.loc[table["complained"] & in_the_books, "really"].notna().all()
    assert set(inside.round(2)) == {round(p.recovered_ratio, 2), round(raised, 2)}
    share = (inside < 1).mean()
    assert abs(share - p.recovered) < 4 * sqrt(p.recovered * (1 - p.recovered) / len(inside)) < 0.08
    assert inside.mean() == pytest.approx(1, abs=4 * inside.std() / sqrt(len(inside)))
