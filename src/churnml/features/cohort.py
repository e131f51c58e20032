"""Onboarding against the sign-up cohort: norms by month of sign-up, learnt from training rows."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from churnml.features.fitted import REMARK, Fitted, Floats, Material, State
from churnml.features.registry import Feature

CUSTOMERS = 30
"""A cohort with fewer customers than this in the training rows has no norms of its own."""
_RANKS = np.linspace(0, 1, 41)
_EVERYONE = "everyone"


def in_cohort(feature: Feature, tenure: Feature, more: str) -> Feature:
    """Where a customer stands in their cohort by a feature, as a share from 0 to 1; 0.5 is the usual pace.

    `tenure` gives the days since sign-up, from which the month of sign-up follows; `more` says in words what it is to
    have more than others.
    """
    what = feature.doc.rstrip(".").split(";")[0]
    return Feature(
        name=f"{feature.name}_in_cohort", family=feature.family, theme=feature.theme, unit="share", grain="fitted",
        needs=feature.needs, worse=feature.worse,
        fitted=Fitted(
            name=f"{feature.name}_in_cohort",
            fit=partial(fit, value=feature.name, tenure=tenure.name),
            apply=partial(apply, value=feature.name, tenure=tenure.name),
            uses=(feature, tenure),
        ),
        doc=f"{what}: the share of customers of the same sign-up month who have less, half of the equal ones counted. "
        "The norms are those of the training rows; a month without norms has those of the one before.",
        sentence=f"{more} than for {{value:share}} of those who signed up in the same month",
        sentence_low=f"{more} than for only {{value:share}} of those who signed up in the same month",
        sentence_empty="The sign-up is unknown or too recent to compare with others of that time",
        expression=lambda t: t["place"],
    )  # fmt: skip


def fit(material: Material, value: str, tenure: str) -> State:
    """For each month of sign-up and for everyone, the values at 41 evenly spaced ranks; each customer counts once."""
    last = material.at(material.latest())
    months, values = _months(last, tenure), last.values[value].to_numpy()
    known = (months != "") & ~np.isnan(values)
    cohorts = {_EVERYONE: known} | {str(month): known & (months == month) for month in np.unique(months[known])}
    norms = {
        cohort: np.quantile(values[here], _RANKS, method="nearest").tolist()
        for cohort, here in cohorts.items()
        if here.sum() >= CUSTOMERS
    }
    if not norms:
        return {"norms": {}, REMARK: f"no {CUSTOMERS} customers with a known sign-up to compare newcomers with"}
    return {"norms": norms}


def apply(material: Material, state: State, value: str, tenure: str) -> Mapping[str, Floats]:
    """`place`: where each row stands among the norms of its own month, or of the last month before that has norms."""
    norms = state["norms"]
    months, values = _months(material, tenure), material.values[value].to_numpy()
    place = np.full(len(material), np.nan)
    for month in np.unique(months[months != ""]).tolist() if norms else ():
        ranked = norms[max((cohort for cohort in norms if cohort <= month), default=_EVERYONE)]
        here = (months == month) & ~np.isnan(values)
        below, at_most = (np.searchsorted(ranked, values[here], side) for side in ("left", "right"))
        place[here] = (below + at_most) / (2 * len(ranked))
    return {"place": place}


def _months(material: Material, tenure: str) -> NDArray[np.str_]:
    """The month of sign-up of each row, as 2024-03; empty where the sign-up is unknown."""
    days = material.values[tenure].to_numpy()
    unknown = np.isnan(days)
    signed_up = material.as_of - np.where(unknown, 0, days).astype("timedelta64[D]")
    return np.where(unknown, "", np.datetime_as_string(signed_up.astype("datetime64[M]")))
