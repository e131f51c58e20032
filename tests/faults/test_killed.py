"""The whole of `churnml score`, killed at random moments, on a disk that breaks, interrupted, and run twice at once.

`CHURNML_KILLS` sets how many kills, and `CHURNML_EVERY=1` has every call that writes fail and not a few; the full
count, and what it found, are in `benchmarks/reliability.md`.
"""

from __future__ import annotations

import csv
import errno
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from churnml.scoring.journal import entries
from churnml.scoring.night import Night
from churnml.scoring.publish import Publication

KILLS = int(os.environ.get("CHURNML_KILLS", "2"))
EVERY = os.environ.get("CHURNML_EVERY") == "1"
EARLIER = "2024-06-24"
PATIENCE_S = 180
SHARE = 0.1
"""Of the shared company's customers: a night of few takes a second or two."""
OFF = "gates: {volume_refuse: null, features_refuse: null, scores_drift_refuse: null}"


@dataclass(frozen=True)
class Nightly:
    """A small company with an earlier night and its call list, and a process that scores the next one in children."""

    home: Path
    config: Path
    night: str
    commands: Any

    @property
    def place(self) -> Publication:
        return Publication(self.home / "published" / "telecom")

    @property
    def old(self) -> Night:
        return self.place.nights()[0]

    def restore(self) -> None:
        """As it was before the night, with whatever was left behind gone."""
        shutil.rmtree(self.home)
        shutil.copytree(self.home.with_name("before"), self.home)

    def run(self, **how: Any) -> tuple[int, int]:
        """`churnml score` in a child: how it ended, and how many calls that write it made."""
        command = ["score", str(self.config), "--as-of", self.night]
        ended: tuple[int, int] = self.commands.run(self.home, command=command, **how)
        return ended

    @property
    def said(self) -> str:
        return self.home.with_name("said.txt").read_text()

    def whole(self) -> None:
        """What readers see is a whole night, with or without the next; so is every night, and the list."""
        place, nights = self.place, self.place.nights()
        assert all(night.problems() == () for night in nights)
        assert [night.as_of.isoformat() for night in nights] in ([EARLIER], [EARLIER, self.night])
        assert place.verify() in nights
        assert self.listed in (EARLIER, self.night)

    def settled(self) -> None:
        """The night is published and delivered, and nothing is left lying about."""
        self.whole()
        assert [night.as_of.isoformat() for night in self.place.nights()] == [EARLIER, self.night]
        assert self.place.verify().as_of.isoformat() == self.listed == self.night
        assert not list((self.place.root / "staging").iterdir())
        assert not list((self.home / "temporary").iterdir())
        assert entries(self.place.root)[-1].exit_code == 0

    @property
    def listed(self) -> str:
        """The night of the call list, which holds everybody whom the night says to contact."""
        with (self.home / "calls.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        (day,) = {row["as_of"] for row in rows}
        (night,) = [night for night in self.place.nights() if night.as_of.isoformat() == day]
        assert len(rows) == night.scores()["action"].to_pylist().count("contact")
        return day


@pytest.fixture(scope="module")
def nightly(
    company: Any, cli: Callable[..., Any], start_publisher: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Nightly]:
    folder = tmp_path_factory.mktemp("killed")
    data, home = shutil.copytree(company.folder / "data", folder / "data"), folder / "home"
    people = sorted(pd.read_parquet(data / "customers.parquet")["customer_id"])
    left = set(people[: int(len(people) * SHARE)])
    for file in data.glob("*.parquet"):
        table = pd.read_parquet(file)
        if "customer_id" in table:
            table[table["customer_id"].isin(left)].to_parquet(file)
    sinks = f"sinks: {{csv: {{path: {home / 'calls.csv'}, risk_bands: [high, medium, low]}}}}"
    cheap = "value_days: 365, campaign: {incentive_share: 0.0, contact_cost: 0.01}}"  # so that many are on the list
    config = company.configure(
        home, {"scoring: {": f"scoring: {{{OFF}, {sinks}, ", "value_days: 365}": cheap}, data=data
    )
    assert cli("score", config, "--as-of", EARLIER).code == 0
    shutil.copytree(home, folder / "before")
    for place in (home, folder / "before"):
        (place / "temporary").mkdir()
    with start_publisher("commands", TMPDIR=str(home / "temporary")) as commands:
        yield Nightly(home, config, company.as_of, commands)


@pytest.fixture(scope="module")
def undisturbed(nightly: Nightly) -> tuple[float, int]:
    """A night that nothing happens to: how long it takes, and how many calls that write it makes."""
    nightly.restore()
    begun = time.monotonic()
    code, calls = nightly.run(at=0, error=errno.EIO, sticky=0)
    assert code == 0 and calls > 20, nightly.said
    nightly.settled()
    return time.monotonic() - begun, calls


def test_killed_at_random_moments_a_whole_night_stays_published(
    nightly: Nightly, undisturbed: tuple[float, int]
) -> None:
    rng, killed = random.Random(7), 0
    for number in range(KILLS):
        nightly.restore()
        code, _ = nightly.run(kill_after=rng.uniform(0, undisturbed[0]))
        assert code in (0, -signal.SIGKILL), (number, nightly.said)
        killed += code != 0
        nightly.whole()
        assert nightly.run()[0] == 0, (number, nightly.said)
        nightly.settled()
    assert killed > KILLS / 3


def test_every_call_that_writes_may_fail(nightly: Nightly, undisturbed: tuple[float, int]) -> None:
    calls = undisturbed[1]
    step = 1 if EVERY else 2 * calls // 3
    for first, error, sticky in ((1, errno.ENOSPC, 1), (1 if EVERY else calls // 3, errno.EIO, 0)):
        for at in range(first, calls + 1, step):
            nightly.restore()
            code, _ = nightly.run(at=at, error=error, sticky=sticky)
            assert code in (0, 75), (at, error, nightly.said)  # 0 where only the journal was not written
            nightly.whole()
            assert nightly.run()[0] == 0, (at, error, nightly.said)
            nightly.settled()


def test_only_one_run_at_a_time_and_ctrl_c_publishes_nothing(
    nightly: Nightly, start: Callable[..., subprocess.Popen[str]]
) -> None:
    nightly.restore()
    first = start("score", nightly.config, "--as-of", nightly.night)
    deadline = time.monotonic() + PATIENCE_S
    while not is_locked(nightly.place):
        assert first.poll() is None and time.monotonic() < deadline, first.communicate()
        time.sleep(0.002)
    first.send_signal(signal.SIGSTOP)  # it keeps the lock and waits
    code, _ = nightly.run()
    assert code == 75 and "another run holds the lock" in nightly.said and len(nightly.said.splitlines()) == 1
    first.send_signal(signal.SIGINT)
    first.send_signal(signal.SIGCONT)
    _, err = first.communicate(timeout=PATIENCE_S)
    assert first.returncode == 130, err
    assert err.strip().splitlines() == ["churnml: interrupted; nothing half-done was published"]
    assert nightly.place.nights() == (nightly.old,) and nightly.listed == EARLIER
    assert not list((nightly.place.root / "staging").iterdir())
    assert nightly.run()[0] == 0, nightly.said
    nightly.settled()


def is_locked(place: Publication) -> bool:
    """Whether a process holds the lock, read from the kernel's own table so as not to disturb it."""
    file = place.root / ".lock"
    if not file.exists():
        return False
    inode = f":{os.stat(file).st_ino} "
    return any(inode in line for line in Path("/proc/locks").read_text().splitlines())
