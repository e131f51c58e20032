"""Publishing on a disk that breaks and in a process that is killed, at every call that writes and at random moments.

`CHURNML_KILLS` sets how many kills, and `CHURNML_EVERY=1` has every call fail and not one in three; the full count, and
what it found, are in `benchmarks/reliability.md`.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from churnml.scoring.journal import entries
from churnml.scoring.publish import Publication

KILLS = int(os.environ.get("CHURNML_KILLS", "20"))
EVERY = int(os.environ.get("CHURNML_EVERY", "3"))
OLD, NEW = "2024-03-01", "2024-03-02"
WORK: dict[str, list[tuple[str, str]]] = {
    "publishing": [("publish", NEW)],
    "forgetting": [("forget", "c7")],
    "rolling back": [("publish", NEW), ("rollback", "0")],
    "retiring": [("publish", "2024-03-09"), ("retire", "3")],
}


@pytest.fixture(scope="module")
def publisher(start_publisher: Callable[..., Any]) -> Iterator[Any]:
    with start_publisher() as started:
        yield started


@pytest.fixture
def fresh(publisher: Any, tmp_path: Path) -> Callable[[], Publication]:
    """A publication with one night, copied anew at each call."""
    first = tmp_path / "first"
    assert publisher.run(first, [("publish", OLD)]) == (0, 0)

    def copy() -> Publication:
        shutil.rmtree(tmp_path / "shop", ignore_errors=True)
        return Publication(shutil.copytree(first, tmp_path / "shop"))

    return copy


def whole(place: Publication) -> None:
    """What readers see is whole, and so is every other night."""
    place.verify()
    assert all(night.problems() == () for night in place.nights())
    assert all(entry.exit_code == 0 for entry in entries(place.root))


def settled(place: Publication, work: str) -> None:
    """The work was done, and nothing is left lying about."""
    whole(place)
    night = place.current()
    assert night is not None and not any((place.root / "staging").iterdir())
    names = [each.name[:10] for each in place.nights()]
    if work == "publishing":
        assert (names, night.name[:10]) == ([OLD, NEW], NEW)
    if work == "forgetting":
        assert names == [OLD] and "c7" not in night.scores()["customer_id"].to_pylist()
        assert night.manifest()["rows"] == 499
    if work == "rolling back":
        assert (names, night.name[:10]) == ([OLD, NEW], OLD)
        assert {name[:10] for name in place.withdrawn()} == {NEW}
    if work == "retiring":
        assert names == ["2024-03-09"] and night.name.startswith("2024-03-09")


@pytest.mark.parametrize("work", WORK)
def test_every_call_that_writes_may_fail(publisher: Any, fresh: Callable[[], Publication], work: str) -> None:
    place = fresh()
    code, calls = publisher.run(place.root, WORK[work], at=0, error=errno.EIO, sticky=0)
    assert code == 0 and calls >= 8
    settled(place, work)
    tried = failed = 0
    for first, error, sticky in ((1, errno.ENOSPC, 1), (min(2, EVERY), errno.EIO, 0)):
        for at in range(first, calls + 1, EVERY):
            tried += 1
            place = fresh()
            code, _ = publisher.run(place.root, WORK[work], at=at, error=error, sticky=sticky)
            assert code in (0, 75), (at, error, code)  # 0 where only the journal was not written
            failed += code != 0
            whole(place)
            assert publisher.run(place.root, WORK[work])[0] == 0, (at, error)
            settled(place, work)
    assert failed > 0.7 * tried


def test_killed_at_random_moments_the_next_run_ends_the_work(publisher: Any, fresh: Callable[[], Publication]) -> None:
    rng = random.Random(7)
    usual = dict.fromkeys(WORK, 0.0)
    for work, jobs in WORK.items():
        place = fresh()
        begun = time.monotonic()
        publisher.run(place.root, jobs)
        usual[work] = time.monotonic() - begun
    killed = 0
    for number in range(KILLS):
        work = list(WORK)[number % len(WORK)]
        place = fresh()
        killed += publisher.run(place.root, WORK[work], kill_after=rng.uniform(0, usual[work]))[0] == -9
        whole(place)
        assert publisher.run(place.root, WORK[work])[0] == 0, (number, work)
        settled(place, work)
    assert killed > KILLS / 4
