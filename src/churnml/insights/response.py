"""What a fast answer is worth: who leaves after how long a wait for the first reply, and how spending goes on.

A case counts from its opening. Whether the customer left, and what he or she spends, is looked at from a week after
that on, the same for every case, and how fast the reply came is what was known by then: so no case is called answered
because its customer stayed long enough to get an answer (the landmark of Anderson, Cain & Gelber 1983). What is seen is
no proof of what an answer does: companies answer some customers first, and who has already made up his or her mind is
harder to satisfy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from churnml.contract.returns import is_back
from churnml.features.expressions import by_machine
from churnml.metrics.shares import Z, clustered_error, clustered_ratio, clustered_share
from churnml.outcomes import is_voice
from churnml.timeline import visible

if TYPE_CHECKING:
    from churnml import config as settings
    from churnml.engine import Engine
    from churnml.sources import Canonical

LANDMARK_DAYS = 7
SPENDING_DAYS = 90
HOUR, DAY = 3600, 86_400
TOO_FEW = 30

CAVEAT = (
    "Seen, not proven: companies answer some customers sooner than others, and who has already decided to leave is "
    "harder to answer well. Only a trial tells what a faster answer would change. Many a case follows a purchase, so "
    "that spending falls after cases of any sort: compare the sorts, not before with after."
)

_BUCKETS = (
    (HOUR, "within an hour"),
    (4 * HOUR, "1 to 4 hours"),
    (DAY, "4 to 24 hours"),
    (3 * DAY, "1 to 3 days"),
    (LANDMARK_DAYS * DAY, "3 to 7 days"),
)
LATER = "later, or never"
ORDER = (*(name for _, name in _BUCKETS), LATER)
ABOUT = ("all cases", "complaints")


@dataclass(frozen=True)
class FastResponse:
    """What followed a fast or a slow answer.

    `by_response` has one row per sort of case (all cases, complaints) and time to the first reply: about, response,
    cases, customers, left (share who left within the horizon, counted from a week after the opening), low, high.
    `spending` has for complaints that were helped or not, and other cases: cases, spent_before and spent_after (mean
    amount in the 90 days before the case, and in 90 from a week after its opening on), kept (after divided by before)
    with low and high; empty if amounts are not known. `worth` has for each
    sort of case: slow (cases answered after more than a day, or never), fewer (share of them who would not have left
    if they had left as rarely as those answered within a day) with low and high. `why` says what is missing.
    """

    by_response: pd.DataFrame
    spending: pd.DataFrame
    worth: pd.DataFrame
    why: str = ""

    def frame(self) -> pd.DataFrame:
        """Leaving by time to the first reply."""
        return self.by_response


def cases(
    canonical: Canonical, config: settings.Config, engine: Engine, first_day: date, known_at: date
) -> pd.DataFrame:
    """Every case that could be followed to the end, and what became of its customer; the books begin on `first_day`.

    Returns
    -------
    customer_id, group_id, opened_at, `response_s` (to the first reply known by the landmark that is no bot's, or, where
    a bot replied, to the resolution if that came first; NaN without one), `resolution_s` (the same of the first
    resolution), `voiced` (whether the case holds a voice event), `there` (whether the customer had not closed by the
    landmark, or had come back), `left` (within the horizon from the landmark on), `spent_before` and `spent_after` (in
    the 90 days before the case, and in 90 from the landmark on, 0 for nothing; NaN where the books do not reach so far,
    or the customer signed up later).
    """
    known = visible(canonical.events, known_at)
    horizon, settle = config.snapshots.horizon_days, config.snapshots.settle_days
    followed = LANDMARK_DAYS + horizon + settle
    inside = known.filter(known.case_id.notnull(), known.kind.notin(["promise_made", "promise_kept"]))
    at, kind = inside.occurred_at, inside.kind
    opening = kind.isin(["case_opened", "contact", *config.voice.kinds])
    threads = inside.group_by("customer_id", "case_id").aggregate(
        opened_at=at.min(where=opening),
        responded_at=at.min(where=(kind == "case_responded") & ~by_machine(inside)),
        acknowledged=((kind == "case_responded") & by_machine(inside)).any(),
        resolved_at=at.min(where=kind == "case_resolved"),
        voiced=is_voice(inside, config).fill_null(False).any(),
    )
    threads = threads.filter(threads.opened_at.notnull())
    answered = ibis.least(threads.responded_at, threads.resolved_at)
    threads = threads.mutate(responded_at=threads.acknowledged.ifelse(answered, threads.responded_at))
    threads = threads.mutate(opened_on=threads.opened_at.date(), last=ibis.literal(known_at).cast("date"))
    threads = threads.mutate(reach=threads.last.delta(threads.opened_on, unit="day").cast("int64"))
    threads = threads.filter(threads.reach >= followed)
    wanted = {*config.engagement_kinds, *config.economics.value_kinds, "closed"}
    days = known.filter(known.kind.isin(sorted(wanted)))
    days = days.select("customer_id", "kind", "amount", day=days.occurred_at.date())
    days = days.group_by("customer_id", "kind", "day").aggregate(amount=days.amount.sum())
    both = threads.join(days, "customer_id")
    both = both.mutate(after=both.day.delta(both.opened_on, unit="day").cast("int64"))
    spent, within = both.kind.isin(config.economics.value_kinds), both.after - LANDMARK_DAYS
    window = (within >= 0) & (within < horizon)
    engaged = both.kind.isin(config.engagement_kinds)
    followed_by = both.group_by("customer_id", "case_id").aggregate(
        engaged=both.count(where=engaged & window).fill_null(0),
        closed_before=both.day.max(where=(both.kind == "closed") & (within < 0)),
        engaged_before=both.day.max(where=engaged & (within < 0)),
        closed=both.count(where=(both.kind == "closed") & window).fill_null(0),
        before=both.amount.sum(where=spent & (both.after < 0) & (both.after >= -SPENDING_DAYS)).cast("float64"),
        later=both.amount.sum(where=spent & (within >= 0) & (within < SPENDING_DAYS)).cast("float64"),
    )
    customers = canonical.customers
    who = customers.select(
        "customer_id", "group_id", ends_on=customers.ends_at.date(), signed_up_on=customers.signed_up_at.date()
    )
    table = threads.join(who, "customer_id").left_join(followed_by, ["customer_id", "case_id"])
    back = is_back(table.closed_before, table.engaged_before, config.defection)
    table = table.mutate(
        gone=table.closed_before.notnull() & ~back,
        ends_in=table.ends_on.delta(table.opened_on, unit="day").cast("float64"),
        tenure=table.opened_on.delta(table.signed_up_on, unit="day").cast("float64"),
        books=table.opened_on.delta(ibis.literal(first_day).cast("date"), unit="day").cast("int64"),
    )
    moments = {
        name: (table[name].epoch_seconds().cast("int64") - table.opened_at.epoch_seconds().cast("int64")).cast(
            "float64"
        )
        for name in ("responded_at", "resolved_at")
    }
    kept = ("customer_id", "group_id", "case_id", "opened_at", "voiced", "reach", "ends_in", "tenure", "books")
    counts = ("engaged", "gone", "closed", "before", "later")
    frame = engine.frame(table.select(*kept, *counts, **moments))
    return _followed(frame.sort_values(["customer_id", "opened_at", "case_id"], ignore_index=True), config)


def _followed(frame: pd.DataFrame, config: settings.Config) -> pd.DataFrame:
    """The cases with what became of their customers, in the words of the definition of leaving."""
    counts = frame[["engaged", "closed"]].fillna(0)
    closed, quiet = counts["closed"] > 0, counts["engaged"] == 0
    left = {"closure": closed, "inactivity": quiet, "either": closed | quiet}[config.defection.by]
    ends = frame["ends_in"].fillna(np.inf) >= LANDMARK_DAYS + config.snapshots.horizon_days
    reply, done = (frame[name].where(frame[name] < LANDMARK_DAYS * DAY) for name in ("responded_at", "resolved_at"))
    seen_before = frame[["tenure", "books"]].min(axis=1) >= SPENDING_DAYS
    long_enough = seen_before & (frame["reach"] >= LANDMARK_DAYS + SPENDING_DAYS + config.snapshots.settle_days)
    return pd.DataFrame(
        {
            "customer_id": frame["customer_id"],
            "group_id": frame["group_id"],
            "opened_at": frame["opened_at"],
            "response_s": reply.where(reply >= 0, 0.0).where(reply.notna()),
            "resolution_s": done,
            "voiced": frame["voiced"].astype(bool),
            "there": ~frame["gone"].astype(bool) & ends,
            "left": left,
            "spent_before": frame["before"].fillna(0.0).where(long_enough),
            "spent_after": frame["later"].fillna(0.0).where(long_enough),
        }
    )


def fast_response(found: pd.DataFrame, *, amounts: bool = True) -> FastResponse:
    """Measure on what `cases` gives; `amounts` says whether the data know what customers spend."""
    there = found[found["there"]]
    columns = ["about", "response", "cases", "customers", "left", "low", "high"]
    if there["response_s"].notna().sum() < TOO_FEW:
        replied = int(there["response_s"].notna().sum())
        few = f"only {replied}" if replied else "no"
        why = (
            f"{few} support cases with a reply could be followed (events case_opened, and case_responded by a person, "
            "with a case_id)"
        )
        return FastResponse(pd.DataFrame(columns=columns), _spending(there, False), _worth([]), why)
    bucket = _buckets(there["response_s"])
    rows, worths = [], []
    for about, part in zip(ABOUT, (there, there[there["voiced"]]), strict=True):
        for name in ORDER:
            these = part[bucket.loc[part.index] == name]
            if len(these):
                share = clustered_share(these["left"], these["group_id"])
                rows.append(
                    (about, name, len(these), these["customer_id"].nunique(), share.share, share.low, share.high)
                )
        worths.append((about, *_fewer(part)))
    return FastResponse(pd.DataFrame(rows, columns=columns), _spending(there, amounts), _worth(worths))


def _buckets(response_s: pd.Series) -> pd.Series:
    edges, names = [edge for edge, _ in _BUCKETS], np.array([*ORDER], dtype=object)
    place = np.searchsorted(edges, response_s.fillna(np.inf).to_numpy(), side="left")
    return pd.Series(names[place], index=response_s.index)


def _worth(rows: Sequence[tuple[object, ...]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["about", "slow", "fewer", "low", "high"])


def _fewer(part: pd.DataFrame) -> tuple[int, float, float, float]:
    """Leaving after a slow answer less leaving after a fast one, with the interval of the difference."""
    fast = (part["response_s"] <= DAY).to_numpy()
    left = part["left"].to_numpy(dtype=float)
    if min(fast.sum(), (~fast).sum()) < TOO_FEW:
        return int((~fast).sum()), float("nan"), float("nan"), float("nan")
    slow_rate, fast_rate = left[~fast].mean(), left[fast].mean()
    influence = np.where(fast, -(left - fast_rate) / fast.sum(), (left - slow_rate) / (~fast).sum())
    spread = Z * clustered_error(influence, part["group_id"])
    difference = float(slow_rate - fast_rate)
    return int((~fast).sum()), difference, difference - spread, difference + spread


def _spending(found: pd.DataFrame, amounts: bool) -> pd.DataFrame:
    columns = ["after", "cases", "spent_before", "spent_after", "kept", "low", "high"]
    known = found[found["spent_before"].notna()]
    if not amounts or known.empty:
        return pd.DataFrame(columns=columns)
    helped = (known["response_s"] <= DAY) & known["resolution_s"].notna()
    parts = {
        "a complaint answered within a day and settled within a week": known["voiced"] & helped,
        "a complaint answered later or not settled within a week": known["voiced"] & ~helped,
        "another case": ~known["voiced"],
    }
    rows = []
    for name, which in parts.items():
        part = known[which]
        if len(part):
            kept = clustered_ratio(part["spent_after"], part["spent_before"], part["group_id"])
            means = part["spent_before"].mean(), part["spent_after"].mean()
            rows.append((name, len(part), *means, kept.ratio, kept.low, kept.high))
    return pd.DataFrame(rows, columns=columns)
