"""The experiments in a log: who was assigned to which arm of which campaign, with what was known and what came of it.

A `treatment` and a `treatment_withheld` of the same campaign are the two arms of an experiment. Each assignment is
looked at as the customer was known on its morning, and counts by what the lot said, whether or not the contact came
about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import ibis
import numpy as np
import pandas as pd

from churnml import dataset, timeline
from churnml.config import Config
from churnml.contract import midnight
from churnml.dataset import Dataset
from churnml.errors import DataError
from churnml.outcomes import RETAINED, TOO_LATE, label
from churnml.targeting.campaigns import FOLLOWED, LEFT_OUT, followed
from churnml.workflows.business import Business, Progress, silently

ARMS = {"treatment": True, "treatment_withheld": False}
MOST_DAYS = 60
"""Features are built for at most so many mornings; where there are more, each stands for some days that follow."""
FOLLOWED_HORIZONS = (1, 2, 3)
ONE_ARM = "a campaign, or a day of it, without treated or without control group"
BOTH_ARMS = "treated and held out in the same campaign at once"
NOT_YET = "outcome not known yet"


@dataclass(frozen=True)
class Assigned:
    """Every assignment of an experiment, with the features of those that can be used.

    Attributes
    ----------
    rows : customer_id, campaign, as_of, treated, stratum; those whose outcome is known by now
    data : features and outcomes of the customers on those mornings
    follow_up : see `targeting.campaigns.Campaigns`
    left_out : reason, assignments
    """

    rows: pd.DataFrame
    data: Dataset | None
    follow_up: pd.DataFrame
    left_out: pd.DataFrame

    def compared(self) -> pd.DataFrame:
        """The rows that can be compared, with group_id, left, and place: the number of the row in `data`."""
        if self.data is None:
            return self.rows.iloc[:0].assign(group_id="", left=False, place=0)
        known = self.data.keys.assign(left=self.data.outcome != RETAINED, place=np.arange(len(self.data)))
        return both_arms(self.rows.merge(known, on=["customer_id", "as_of"], how="inner"))

    def usable(self) -> pd.DataFrame:
        """Of every row whether it can be compared: treated, stratum, group_id, usable."""
        keys = self.rows.iloc[:0] if self.data is None else self.data.keys
        found = self.rows.merge(keys[["customer_id", "as_of"]], on=["customer_id", "as_of"], how="left", indicator=True)
        return found.assign(usable=found["_merge"] == "both", group_id=found["customer_id"])


def both_arms(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the strata that hold treated and control."""
    return rows[rows.groupby("stratum")["treated"].transform("nunique") == 2].reset_index(drop=True)


def assignments(
    business: Business, data: Dataset, known_at: datetime | None = None, progress: Progress = silently
) -> Assigned | None:
    """The assignments in the log, with the features that `data` has; None where there has been no experiment."""
    config, until = business.config, _until(business, known_at)
    rows = _logged(business, until)
    if rows["treated"].nunique() < 2:
        return None
    mornings = _mornings(rows["day"], config.snapshots.horizon_days)
    rows = rows.assign(as_of=mornings).drop(columns="day")
    rows, left_out = _experiments(rows, until, config)
    nobody = pd.DataFrame(columns=FOLLOWED)
    if rows.empty:
        return Assigned(rows, None, nobody, _counted(left_out))
    ids = rows.groupby(rows["as_of"].dt.date)["customer_id"].unique()
    named: dict[date, list[str]] = {day: ids[day].tolist() for day in sorted(ids.index)}
    try:
        found = dataset.build(
            business.canonical,
            config,
            business.engine,
            list(named),
            data.recipe,
            labels_known_at=until,
            state=data.state,
            only=named,
            progress=lambda done, total: progress("looking at campaigns", done, total),
        )
    except DataError:  # nobody who was drawn was a customer on that day
        return Assigned(rows, None, nobody, _counted(left_out))
    why = found.excluded[found.excluded["as_of"].notna()]
    reasons = rows.merge(why, on=["customer_id", "as_of"], how="inner")["reason"]
    left_out |= {str(reason): int(number) for reason, number in reasons.value_counts().items()}
    seen = rows.merge(found.keys[["customer_id", "as_of"]], on=["customer_id", "as_of"])
    return Assigned(rows, found, _follow_up(business, seen, named, until), _counted(left_out))


def any_experiment(business: Business, known_at: datetime | None = None) -> bool:
    """Whether there are treated and withheld in the log at all."""
    return bool(_logged(business, _until(business, known_at))["treated"].nunique() == 2)


def _until(business: Business, known_at: datetime | None) -> date:
    return known_at.date() if known_at is not None else business.known_at


def _logged(business: Business, until: date) -> pd.DataFrame:
    """customer_id, day, campaign, treated: what was recorded before `until`, in order, each once."""
    events = business.canonical.events
    seen = events.filter(events.kind.isin(list(ARMS)), events.recorded_at < midnight(until))
    table = seen.select("customer_id", "kind", campaign=seen.campaign_id, day=seen.occurred_at.date()).distinct()
    rows = business.engine.frame(table)
    rows = rows.assign(
        day=pd.to_datetime(rows["day"]),
        campaign=rows["campaign"].fillna("all").astype(str),
        treated=rows["kind"].map(ARMS).astype(bool),
    ).drop(columns="kind")
    return rows.sort_values(["day", "campaign", "customer_id", "treated"], ignore_index=True)


def _mornings(day: pd.Series, horizon_days: int) -> pd.Series:
    """The morning on which each assignment is looked at: its own, or that of the first of some days."""
    span = (day.max() - day.min()).days + 1
    step = 1 if day.nunique() <= MOST_DAYS else min(-(-span // MOST_DAYS), max(1, horizon_days // 2))
    since = (day - day.min()).dt.days // step * step
    mornings: pd.Series = (day.min() + pd.to_timedelta(since, unit="D")).astype(day.dtype)
    return mornings


def _experiments(rows: pd.DataFrame, until: date, config: Config) -> tuple[pd.DataFrame, dict[str, int]]:
    """The assignments that can be compared, with their `stratum`; and why others cannot."""
    rows = rows.drop_duplicates(["customer_id", "campaign", "as_of", "treated"])
    twice = rows.duplicated(["customer_id", "campaign", "as_of"], keep=False)
    known = rows["as_of"].dt.date.map(lambda day: timeline.is_mature(day, config.snapshots, until))
    stratum = rows["campaign"] + " " + rows["as_of"].dt.strftime("%Y-%m-%d")
    arms = rows[~twice & known].groupby(stratum)["treated"].nunique()
    both = stratum.map(arms).fillna(0) == 2
    why = np.select([twice, ~known, ~both], [BOTH_ARMS, NOT_YET, ONE_ARM], default="")
    left_out = pd.Series(why)[why != ""].value_counts().to_dict()
    return rows.assign(stratum=stratum)[why == ""].reset_index(drop=True), {str(k): int(n) for k, n in left_out.items()}


def _counted(left_out: Mapping[str, int]) -> pd.DataFrame:
    return pd.DataFrame(sorted(left_out.items()), columns=LEFT_OUT)


def _follow_up(
    business: Business, rows: pd.DataFrame, named: Mapping[date, Sequence[str]], until: date
) -> pd.DataFrame:
    """Who had left by one, two and three horizons after the assignment, of those of whom that is known."""
    rule = business.config.snapshots
    parts = []
    for horizons in FOLLOWED_HORIZONS:
        later = business.config.changed(snapshots={"lead_days": (horizons - 1) * rule.horizon_days + rule.lead_days})
        known = [
            _left_by(business, later, ids, day, until)
            for day, ids in named.items()
            if timeline.is_mature(day, later.snapshots, until)
        ]
        if known:
            found = both_arms(rows.merge(pd.concat(known), on=["customer_id", "as_of"]))
            parts.append(
                followed(
                    rule.lead_days + horizons * rule.horizon_days,
                    found["left"],
                    found["treated"],
                    found["stratum"],
                    found["group_id"],
                )
            )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=FOLLOWED)


def _left_by(business: Business, later: Config, ids: Sequence[str], day: date, until: date) -> pd.DataFrame:
    """customer_id, group_id, as_of, left: closed within the lead or the window, or inactive through the window."""
    customers = business.canonical.customers
    named = business.engine.materialise(ibis.memtable(pd.DataFrame({"customer_id": list(ids)})), "campaign_customers")
    spine = customers.semi_join(named, "customer_id").select("customer_id", "group_id")
    found = business.engine.frame(label(business.canonical, later, spine, day, until).join(spine, "customer_id"))
    early = found["unlabelled"] == TOO_LATE
    found = found[found["outcome"].notna() | early]
    left = (found["outcome"].notna() & (found["outcome"] != RETAINED)) | early
    return found[["customer_id", "group_id"]].assign(as_of=pd.Timestamp(day), left=left)
