"""What a night must pass before it is scored. A refusal keeps what is published; a warning goes into the manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pandas as pd

from churnml.errors import DataError

MISSING_SHARE_RISE = 0.2


@dataclass(frozen=True)
class GateReport:
    """What the gates found, one sentence each; add two reports to have both.

    >>> report = GateReport(warnings=("one",)) + GateReport(refusals=("two",))
    >>> report.passed, report.warnings
    (False, ('one',))
    """

    refusals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the night may be scored."""
        return not self.refusals

    def __add__(self, other: GateReport) -> GateReport:
        return GateReport(self.refusals + other.refusals, self.warnings + other.warnings)

    def require(self) -> GateReport:
        """Give the report itself, or raise a DataError (exit code 65) with every refusal."""
        if self.refusals:
            raise DataError("\n".join(self.refusals), "nothing was published; what was there before stays")
        return self


def freshness(newest: datetime | None, as_of: date, *, freshness_days: int, today: date | None = None) -> GateReport:
    """Refuse an `as_of` that the data does not reach.

    Parameters
    ----------
    newest : when the newest event known at the run was recorded, in the business's time zone; None without events
    as_of : the night to score
    freshness_days : how many whole days before `as_of` the newest event may lie
    today : the day of the run, where the caller knows it; an `as_of` after it is refused

    >>> freshness(datetime(2024, 3, 1, 9), date(2024, 3, 20), freshness_days=7).refusals[0]
    'events: the newest was recorded on 2024-03-01, 19 days before --as-of 2024-03-20 (limit 7 days); ...'
    """
    if today is not None and as_of > today:
        return GateReport((f"--as-of {as_of} is in the future (today is {today}); choose a day up to today",))
    if newest is None:
        return GateReport(("events: there are none; check the sources' paths and mappings",))
    days = (as_of - newest.date()).days
    if days > freshness_days:
        return GateReport(
            (
                f"events: the newest was recorded on {newest.date()}, {days} days before --as-of {as_of} "
                f"(limit {freshness_days} days); load newer data, choose an earlier day, or raise "
                "scoring.freshness_days",
            )
        )
    return GateReport()


def population(customers: int, as_of: date) -> GateReport:
    """Refuse a night with nobody to score."""
    if customers:
        return GateReport()
    return GateReport((f"no customer is eligible at {as_of}; check eligible.active_within_days and the sources",))


def features(
    X: pd.DataFrame, required: Sequence[str], missing_in_training: Mapping[str, float] | None = None
) -> GateReport:
    """Refuse features that the model needs and are not there; warn of those that have lost their values.

    Parameters
    ----------
    X : the night's features, one row per customer
    required : the features the model was trained with
    missing_in_training : feature -> share of training rows without a value. A share that has risen by more than
        0.2 is a warning; without this mapping, only a feature without any value is.
    """
    absent = [name for name in required if name not in X.columns]
    refusals = (
        (
            f"features: {len(absent)} that the model needs are missing: {', '.join(absent[:10])}"
            f"{', ...' if len(absent) > 10 else ''}; restore the source columns they come from, or train anew",
        )
        if absent
        else ()
    )
    warnings = []
    for name in required:
        if name in X.columns and len(X):
            share = float(X[name].isna().mean())
            usual = missing_in_training.get(name, 0.0) if missing_in_training is not None else None
            if usual is not None and share - usual > MISSING_SHARE_RISE:
                warnings.append(f"feature {name}: no value for {share:.0%} of customers, {usual:.0%} in training")
            elif usual is None and share == 1.0:
                warnings.append(f"feature {name}: no value for any customer")
    return GateReport(refusals, tuple(warnings))
