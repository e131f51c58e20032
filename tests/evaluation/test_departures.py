"""Mails to those who are leaving are named where leaving is inactivity; what answers silence is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from churnml import sources
from churnml.config import parse_config
from churnml.engine import Engine
from churnml.evaluation.departures import DEPARTED, departures
from churnml.evaluation.findings import Audit

APP = """
project: app
sources:
  - path: users.parquet
    customers: {customer_id: id, signed_up_at: since}
  - path: visits.parquet
    events:
      - {kind: activity, customer_id: id, occurred_at: at}
  - path: words.parquet
    events:
      - {kind: complaint, customer_id: id, occurred_at: at}
  - path: closures.parquet
    events:
      - {kind: closed, customer_id: id, occurred_at: at}
  - path: mails.parquet
    events:
      - kind: outreach_sent
        customer_id: id
        occurred_at: at
        recorded_at: known
        channel: channel
        direction: {value: outbound}
        name: purpose
eligible: {active_within_days: 28, of: [activity]}
defection: {by: either, of: [activity]}
snapshots: {horizon_days: 30}
"""
N, DAYS = 500, 300
START, DAY = pd.Timestamp("2024-01-01"), pd.Timedelta(days=1)


def made(pauses: int = 20) -> pd.DataFrame:
    """Users who come on one to seven days of ten, with pauses; each day two of a thousand have had enough."""
    rng = np.random.default_rng(31)
    often, since, stay = rng.uniform(0.1, 0.7, N), rng.integers(0, 120, N), rng.geometric(0.004, N)
    days = np.arange(DAYS)
    there = (days >= since[:, None]) & (days < (since + stay)[:, None]) & (rng.random((N, DAYS)) < often[:, None])
    pause = rng.integers(60, 280, N)[:, None]
    there &= ~((days >= pause) & (days < pause + pauses))
    there[np.arange(N), since] = True
    who, day = np.nonzero(there)
    return pd.DataFrame({"id": [f"u{number}" for number in who], "at": START + day * DAY + pd.Timedelta(hours=18)})


@pytest.fixture
def visits() -> pd.DataFrame:
    return made()


def last_visits(visits: pd.DataFrame) -> pd.DataFrame:
    """Of those who have left for good, 60 days before the books end or earlier."""
    last = visits.groupby("id", as_index=False)["at"].max()
    return last[last["at"] < START + (DAYS - 60) * DAY].reset_index(drop=True)


def quiet_after(visits: pd.DataFrame, days: Any) -> pd.DataFrame:
    """A mail on the day on which a user has been quiet for so many."""
    back = visits.groupby("id")["at"].shift(-1)
    silent = (back.fillna(START + DAYS * DAY) - visits["at"]) > days * DAY
    return visits.loc[silent, ["id"]].assign(at=visits["at"] + days * DAY)


def to_anybody(visits: pd.DataFrame) -> pd.DataFrame:
    """A reminder on every third day that anybody is there, and for a while after."""
    span = visits.groupby("id")["at"].agg(["min", "max"])
    rows = [(who, at) for who, a, b in span.itertuples() for at in pd.date_range(a + DAY, b + 20 * DAY, freq="3D")]
    mails = pd.DataFrame(rows, columns=["id", "at"])
    return mails[mails["at"] < START + DAYS * DAY]


@pytest.fixture
def audited(tmp_path: Any, engine: Engine) -> Callable[..., Audit]:
    def run(
        visits: pd.DataFrame,
        *mails: pd.DataFrame,
        words: pd.DataFrame | None = None,
        closures: pd.DataFrame | None = None,
        text: str = APP,
    ) -> Audit:
        sent = pd.concat(mails, ignore_index=True)
        for name, value in (("purpose", "save"), ("channel", "mail")):
            sent[name] = sent.get(name, pd.Series(index=sent.index, dtype="object")).fillna(value)
        sent["known"] = sent.get("known", pd.Series(pd.NaT, sent.index)).fillna(sent["at"])
        nothing = visits.head(0)
        users = visits.groupby("id", as_index=False)["at"].min().rename(columns={"at": "since"})
        tables = {"users": users, "visits": visits, "words": words, "closures": closures, "mails": sent}
        for name, table in tables.items():
            table = nothing if table is None else table
            times = {column: "datetime64[us]" for column in ("since", "at", "known") if column in table}
            table.astype(times).to_parquet(tmp_path / f"{name}.parquet")
        config = parse_config(text, "app.yaml")
        result = departures(sources.build(config, engine, tmp_path), config, engine)
        assert all(each.gate == DEPARTED for each in result.findings)
        return result

    return run


def named(audit: Audit) -> list[str | None]:
    return [each.feature for each in audit.findings if not each.passed]


@pytest.mark.parametrize("days", [1, -4])
def test_mails_dated_to_the_day_of_leaving_are_named(audited: Any, visits: pd.DataFrame, days: int) -> None:
    """Also where they are dated some days before the last visit, and where others are sent to everybody."""
    saving = last_visits(visits)
    saving["at"] += days * DAY
    audit = audited(visits, to_anybody(visits).assign(purpose="reminder"), saving)
    assert named(audit) == ["outreach_sent name 'save'"]
    assert "customers left within 30 days of it, of others who had been quiet for as long" in audit.findings[0].detail
    inactive = APP.replace("by: either", "by: inactivity")
    assert named(audited(visits, saving, text=inactive)) == ["outreach_sent name 'save'"]


def test_what_is_recorded_when_it_was_known_is_no_leak(audited: Any, visits: pd.DataFrame) -> None:
    saving = last_visits(visits)
    assert audited(visits, saving.assign(at=saving["at"] + DAY, known=saving["at"] + 28 * DAY)).passed


def test_mails_to_anybody_pass(audited: Any, visits: pd.DataFrame) -> None:
    (finding,) = audited(visits, to_anybody(visits)).findings
    assert finding.passed and finding.verdict == "pass" and "no kind of it tells more than silence" in finding.detail


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_pushes_to_the_quiet_are_information(audited: Any, visits: pd.DataFrame, share: float) -> None:
    """All of them, or those who have consented."""
    quiet = quiet_after(visits, 14)
    audit = audited(
        visits, to_anybody(visits).assign(purpose="reminder"), quiet[quiet["id"].str[1:].astype(int) < N * share]
    )
    assert audit.passed
    if share < 1:
        told = audit.findings[1]
        assert (told.feature, told.verdict) == ("outreach_sent name 'save'", "information")
        assert "it goes to those who have been quiet for 14 days" in told.detail


def test_mails_to_those_quieter_than_is_their_habit_pass(audited: Any) -> None:
    """Who came on every second day and is quiet for nine has left; who came on one day of ten has not."""
    visits = made(pauses=0)
    usual = visits.groupby("id")["at"].transform(lambda at: (at.max() - at.min()) / max(len(at) - 1, 1)) / DAY
    eager = visits[(usual < 2.2) & (visits.groupby("id").cumcount() > 20)]
    assert audited(visits, quiet_after(eager, 9).iloc[::2]).passed


def test_a_farewell_at_the_end_of_a_season_passes(audited: Any, visits: pd.DataFrame) -> None:
    """Everybody leaves then, whoever is written to."""
    end = START + 200 * DAY
    here = visits[visits["at"].between(end - 14 * DAY, end)]["id"].unique()
    season = pd.concat(
        [visits[visits["at"] < end], visits[(visits["at"] >= end) & (visits["id"].str[1:].astype(int) > N - 12)]]
    )
    for who in (here, here[: len(here) // 2]):
        assert audited(season, pd.DataFrame({"id": who, "at": end - DAY})).passed


def test_a_mail_to_newcomers_who_do_not_come_back_passes(audited: Any, visits: pd.DataFrame) -> None:
    """Nine of ten newcomers never come a second time."""
    newcomers = pd.DataFrame({"id": [f"n{number}" for number in range(900)]})
    newcomers["at"] = START + (np.arange(900) % 200) * DAY + pd.Timedelta(hours=17)
    again = newcomers[newcomers.index % 10 == 0]
    later = pd.concat([again.assign(at=again["at"] + days * DAY) for days in range(4, 90, 5)])
    crowd = pd.concat([visits, newcomers, later]).sort_values(["id", "at"], ignore_index=True)
    once = crowd.groupby("id").cumcount() == 0
    assert audited(crowd, quiet_after(crowd, 2)[lambda mails: once.loc[mails.index]]).passed


def test_leavers_met_on_one_channel_are_shown_by_it(audited: Any, visits: pd.DataFrame) -> None:
    saving = last_visits(visits).assign(channel="letter")
    saving["at"] += DAY
    audit = audited(visits, to_anybody(visits), saving)
    assert named(audit) == ["outreach_sent channel 'letter'"]


def test_what_answers_a_complaint_is_no_leak(audited: Any, visits: pd.DataFrame) -> None:
    saving = last_visits(visits)
    mails = saving.assign(at=saving["at"] + DAY)
    assert audited(visits, mails, words=saving).passed
    assert not audited(visits, mails, words=saving.assign(at=saving["at"] - 90 * DAY)).passed


def test_closures_are_departures_too_unless_only_they_are(audited: Any, visits: pd.DataFrame) -> None:
    """Who closes and goes on being seen for a month has left all the same."""
    ids = visits["id"].unique()[:80]
    closed = pd.DataFrame({"id": ids, "at": START + (130 + np.arange(80)) * DAY})
    mails = closed.assign(at=closed["at"] - 3 * DAY)
    stays = visits[~visits["id"].isin(ids)]
    weekly = pd.DataFrame({"day": np.arange(0, DAYS, 2)}).merge(pd.DataFrame({"id": ids}), how="cross")
    crowd = pd.concat([stays, weekly.assign(at=START + weekly["day"] * DAY)[["id", "at"]]])
    assert named(audited(crowd, mails, closures=closed)) == ["outreach_sent name 'save'"]
    assert audited(crowd, mails, closures=closed, text=APP.replace("by: either", "by: inactivity")).passed
    assert audited(crowd, mails, closures=closed, text=APP.replace("by: either", "by: closure")).findings == ()


def test_short_books_say_that_they_are(audited: Any, visits: pd.DataFrame) -> None:
    early = visits[visits["at"] < START + 50 * DAY]
    mails = to_anybody(early)
    (finding,) = audited(early, mails[mails["at"] < START + 50 * DAY]).findings
    assert finding.passed and "too short" in finding.detail
