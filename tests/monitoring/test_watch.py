"""Nights side by side: which are bad, which may be, and which cannot be judged."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pandas as pd

from churnml.config import Scoring
from churnml.monitoring.promise import Figure
from churnml.outcomes import SILENT

FIRST = date(2024, 5, 1)


def worse(found: Any) -> list[date]:
    """The days called worse than promised."""
    return list(pd.unique(found.figures.loc[found.figures["worse"].astype(bool), "as_of"]))


def test_the_bad_night_is_found_and_no_other(made_night: Callable[..., Any], made_watch: Callable[..., Any]) -> None:
    found = made_watch([made_night(number, shuffled=number == 2) for number in range(5)])
    assert worse(found) == [FIRST + timedelta(days=2)]
    assert not found.well and found.findings[0].text.startswith("3 May 2024 was worse than promised: AUROC 0.")
    assert found.nights["worse"].tolist() == [False, False, True, False, False]


def test_a_withdrawn_night_raises_no_alarm(made_night: Callable[..., Any], made_watch: Callable[..., Any]) -> None:
    nights = [made_night(number, shuffled=number == 2, withdrawn=number == 2) for number in range(4)]
    found = made_watch(nights)
    assert found.well and worse(found) == [FIRST + timedelta(days=2)], "judged all the same"
    assert found.overall["nights"].unique().tolist() == [3]


def test_every_night_is_held_against_the_promise_of_its_own_model(
    made_night: Callable[..., Any], made_watch: Callable[..., Any], made_promise: Callable[..., Any]
) -> None:
    boasting = made_promise("2")
    boasting = type(boasting)(
        **{**vars(boasting), "figures": {**boasting.figures, (SILENT, "auroc"): Figure(0.97, 0.96, 0.98)}}
    )
    nights = [made_night(0, model="1"), made_night(1, model="2")]
    found = made_watch(nights, {"1": made_promise("1"), "2": boasting})
    assert worse(found) == [FIRST + timedelta(days=1)]
    assert found.overall.groupby("model")["worse"].any().to_dict() == {"1": False, "2": True}


def test_waiting_nights_have_an_estimate_and_no_figure(
    made_night: Callable[..., Any], made_watch: Callable[..., Any]
) -> None:
    found = made_watch([made_night(0), made_night(1, waiting=True), made_night(2, why="no model")])
    assert found.nights["state"].tolist() == ["judged", "waiting", "left out"]
    assert set(found.figures["as_of"]) == {FIRST}
    assert set(found.estimates["as_of"]) == {FIRST, FIRST + timedelta(days=1)}
    assert found.well


def test_nothing_judged_is_well_and_says_nothing(
    made_night: Callable[..., Any], made_watch: Callable[..., Any]
) -> None:
    found = made_watch([made_night(number, waiting=True) for number in range(3)])
    assert found.well and found.figures.empty and found.overall.empty
    assert made_watch([made_night(0, why="damaged")]).well


def test_chances_that_move_are_found_before_outcomes_are(
    made_night: Callable[..., Any], made_watch: Callable[..., Any]
) -> None:
    found = made_watch([made_night(0, waiting=True), made_night(1, waiting=True, inflated=3.0)])
    (finding,) = found.findings
    assert finding.kind == "scores" and finding.nights == (FIRST + timedelta(days=1),)
    lenient = Scoring(monitor={"scores_drift": 5.0})  # type: ignore[arg-type]
    assert made_watch([made_night(1, waiting=True, inflated=3.0)], scoring=lenient).well
    assert made_watch([made_night(1, waiting=True, inflated=3.0, withdrawn=True)]).well
    judged = made_watch([made_night(0, inflated=3.0)])
    assert all(each.kind != "scores" for each in judged.findings), "its outcomes say more"


def test_features_that_move_are_counted(
    made_night: Callable[..., Any], made_watch: Callable[..., Any], moved: Callable[..., Any]
) -> None:
    few = {f"f{number}": moved(1.0 if number < 2 else 0.0) for number in range(10)}
    many = {f"f{number}": moved(1.0 if number < 5 else 0.0) for number in range(10)}
    assert made_watch([made_night(0, waiting=True, drift=few)]).well
    for numbers, span in (([0], "the night of 1 May 2024"), ([0, 1, 3], "3 nights from 1 May 2024 to 4 May 2024")):
        (finding,) = made_watch([made_night(number, waiting=True, drift=many) for number in numbers]).findings
        assert finding.text == f"up to 50% of the features of {span} have drifted from training, limit 30%"


def test_customers_who_are_gone_are_counted(made_night: Callable[..., Any], made_watch: Callable[..., Any]) -> None:
    assert made_watch([made_night(0, gone=7)]).nights["gone"].tolist() == [7]
