"""Publishing on a real file system, with real processes killed by SIGKILL."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from churnml.errors import DataError, LockError
from churnml.scoring.job import run_id
from churnml.scoring.journal import Entry, entries, note
from churnml.scoring.publish import Publication, Run
from churnml.scoring.sinks import SCORES

DAY = date(2024, 3, 1)


def scores(customers: int = 5, *, mark: str = "a") -> pa.Table:
    rows = [
        {
            "customer_id": f"canary-{mark}-{number}",
            "as_of": DAY,
            "p_silent": 0.2,
            "p_vocal": 0.1,
            "p_retained": 0.7,
            "risk_band": "medium",
            "reason_1": "No purchase for 40 days",
            "model_version": "3",
            "run_id": "x",
            "schema_version": "1",
        }
        for number in range(customers)
    ]
    return pa.Table.from_pylist(rows, schema=SCORES)


def run(day: date = DAY, **inputs: object) -> Run:
    return Run(run_id(day=day, **inputs), "shop", day, day, "3", ("one warning",), {"files": {"a.parquet": "ab" * 32}})


@pytest.fixture
def publication(tmp_path: Path) -> Publication:
    return Publication(tmp_path / "shop")


def test_nothing_is_published_at_first(publication: Publication) -> None:
    assert publication.current() is None
    assert publication.nights() == ()
    with pytest.raises(DataError, match="nothing is published yet; run churnml score first"):
        publication.verify()


def test_a_night_is_published_with_its_manifest(publication: Publication, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<p>report</p>")
    with publication.lock():
        night = publication.publish(scores(), run(), {"report.html": page, "calls.csv": b"a,b\n"})
    assert publication.current() == night == publication.verify()
    assert night.as_of == DAY
    assert night.scores().equals(scores())
    assert night.scores(["p_silent"], ["canary-a-3", "canary-a-1", "nobody"]).equals(
        scores().take([1, 3]).select(["p_silent"])
    )
    manifest = night.manifest()
    assert set(manifest["files"]) == {"scores.parquet", "report.html", "calls.csv"}
    assert manifest["rows"] == 5
    assert manifest["schema_version"] == "4"
    assert manifest["model_version"] == "3"
    assert manifest["run_id"] == run().run_id
    assert (manifest["as_of"], manifest["known_at"]) == ("2024-03-01", "2024-03-01")
    assert manifest["warnings"] == ["one warning"]
    assert manifest["lineage"] == {"files": {"a.parquet": "ab" * 32}}
    assert list((publication.root / "staging").iterdir()) == []


def test_the_same_run_twice_changes_nothing(publication: Publication) -> None:
    first = publication.publish(scores(), run())
    before = {path: path.stat().st_mtime_ns for path in publication.root.rglob("*") if path.is_file()}
    assert publication.find(run().run_id) == first
    assert publication.publish(scores(mark="b"), run()) == first
    assert {path: path.stat().st_mtime_ns for path in publication.root.rglob("*") if path.is_file()} == before


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    nights = [Publication(tmp_path / name).publish(scores(), run()) for name in ("one", "two")]
    for name in ("scores.parquet", "manifest.json"):
        assert (nights[0].folder / name).read_bytes() == (nights[1].folder / name).read_bytes()


def test_current_goes_forward_in_time_only(publication: Publication) -> None:
    later = publication.publish(scores(), run(date(2024, 3, 2)))
    earlier = publication.publish(scores(), run(date(2024, 3, 1)))
    assert publication.current() == later
    assert publication.nights() == (earlier, later)
    again = publication.publish(scores(), run(date(2024, 3, 2), model="new"))
    assert publication.current() == again != later


@pytest.mark.parametrize("file", ["scores.parquet", "manifest.json"])
@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_damage_is_found_named_and_mended_by_the_same_run(publication: Publication, file: str, damage: str) -> None:
    night = publication.publish(scores(), run())
    path = night.folder / file
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    else:
        path.unlink()
    with pytest.raises(DataError, match=file.replace(".", r"\.")) as raised:
        publication.verify()
    assert raised.value.exit_code == 65
    assert publication.find(run().run_id) is None
    mended = publication.publish(scores(), run())
    assert publication.verify() == mended != night


def test_a_file_that_is_not_part_of_the_night_is_found(publication: Publication) -> None:
    night = publication.publish(scores(), run())
    (night.folder / "note.txt").write_text("mine")
    with pytest.raises(DataError, match=r"note\.txt: not part of the night"):
        publication.verify()


def test_current_that_names_no_night_is_an_error_and_mended_by_the_next_run(publication: Publication) -> None:
    night = publication.publish(scores(), run())
    for name in ("2024-03-01-000000000000", "../../etc", ""):
        (publication.root / "CURRENT").write_text(name)
        with pytest.raises(DataError, match="no published night"):
            publication.current()
    assert publication.publish(scores(), run()) == night == publication.current()


def test_a_file_cannot_be_added_outside_the_night(publication: Publication) -> None:
    for name in ("../evil.txt", "scores.parquet", "a/b"):
        with pytest.raises(DataError, match="cannot be the name of a file"):
            publication.publish(scores(), run(), {name: b"x"})
    assert publication.current() is None


def test_a_failed_write_leaves_the_old_night_and_no_rubbish(publication: Publication, tmp_path: Path) -> None:
    old = publication.publish(scores(), run())
    with pytest.raises(FileNotFoundError):
        publication.publish(scores(), run(date(2024, 3, 2)), {"report.html": tmp_path / "absent.html"})
    assert publication.verify() == old
    assert list((publication.root / "staging").iterdir()) == []


def test_customers_are_named_in_the_scores_only(publication: Publication) -> None:
    publication.publish(scores(), run(), {"report.html": b"<p>report</p>"})
    holding = {
        path.name for path in publication.root.rglob("*") if path.is_file() and b"canary-a-" in path.read_bytes()
    }
    assert holding <= {"scores.parquet"}
    assert publication.current().scores()["customer_id"].to_pylist()[0] == "canary-a-0"
    assert not [path for path in publication.root.rglob("*") if "canary" in path.name]


CHILD = textwrap.dedent(
    """
    import os, signal, sys
    from datetime import date, timedelta
    from pathlib import Path
    import pyarrow as pa
    from churnml.scoring.job import run_id
    from churnml.scoring.publish import Publication, Run
    from churnml.scoring.sinks import SCORES

    root, mode, fatal = sys.argv[1:]
    publication = Publication(Path(root))

    def scores(day):
        row = dict(customer_id="c", as_of=day, p_silent=.2, p_vocal=.1, p_retained=.7, risk_band="low",
                   model_version="3", run_id="x", schema_version="1")
        return pa.Table.from_pylist([row] * 2000, schema=SCORES)

    def step(name):
        if name == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    days = [date(2024, 3, 2)] if mode == "once" else [date(2024, 3, 2) + timedelta(n) for n in range(10_000)]
    print("ready", flush=True)
    for day in days:
        with publication.lock():
            if mode == "hold":
                print("holding", flush=True)
                sys.stdin.read()
            publication.publish(scores(day), Run(run_id(day=day), "shop", day, day, "3"), {"a.txt": b"x" * 100_000},
                                on_step=step)
    """
)


def child(root: Path, mode: str, fatal: str = "") -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(root), mode, fatal],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=env,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("fatal", ["clean", "scores", "files", "manifest", "sync", "rename", "current", "done"])
def test_killed_at_any_step_the_old_night_or_the_new_one_is_whole(publication: Publication, fatal: str) -> None:
    old = publication.publish(scores(), run())
    process = child(publication.root, "once", fatal)
    assert process.wait(timeout=60) == -9, "the step was never reached"
    seen = publication.verify()
    assert (seen != old) == (fatal == "done")
    with publication.lock():  # the dead do not hold it
        day = date(2024, 3, 2)
        night = publication.publish(scores(), Run(run_id(day=day), "shop", day, day, "3"))
    assert publication.verify() == night
    assert night.as_of == day
    assert len(publication.nights()) == 2
    assert list((publication.root / "staging").iterdir()) == []


def test_killed_at_random_moments_what_is_published_always_verifies(publication: Publication) -> None:
    publication.publish(scores(), run())
    moments = random.Random(0)
    newest = DAY
    for _ in range(int(os.environ.get("CHURNML_KILLS", "6"))):
        process = child(publication.root, "loop")
        time.sleep(moments.uniform(0.0, 0.15))
        process.kill()
        process.wait(timeout=60)
        night = publication.verify()
        assert night.as_of >= newest, "what was published is never taken back"
        assert all(not each.problems() for each in publication.nights())
        newest = night.as_of
    assert newest > DAY


def test_only_one_run_at_a_time(publication: Publication) -> None:
    process = child(publication.root, "hold")
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "holding\n"
        with pytest.raises(LockError, match="another run holds the lock") as raised, publication.lock():
            pass
        assert raised.value.exit_code == 75
    finally:
        process.kill()
        process.wait(timeout=60)
    with publication.lock():
        pass


def test_the_manifest_is_plain_json(publication: Publication) -> None:
    night = publication.publish(scores(), run())
    assert json.loads((night.folder / "manifest.json").read_text())["project"] == "shop"


def nights_of(publication: Publication, *days: int) -> list[Any]:
    return [publication.publish(scores(mark=str(day)), run(date(2024, 3, day))) for day in days]


def test_rolling_back_shows_the_night_before_and_the_same_inputs_do_not_undo_it(publication: Publication) -> None:
    first, second, third = nights_of(publication, 1, 2, 3)
    assert publication.roll_back() == second == publication.verify()
    assert publication.roll_back() == first == publication.current()
    assert publication.withdrawn() == {second.name, third.name}
    for day in (2, 3):  # the second try of the night, an hour later
        publication.publish(scores(), run(date(2024, 3, day)))
    assert publication.current() == first
    newer = publication.publish(scores(), run(date(2024, 3, 3), data="mended"))
    assert publication.current() == newer
    assert publication.roll_back(third.name) == third == publication.current()
    assert publication.withdrawn() == {second.name, newer.name}


def test_rolling_back_passes_by_what_is_damaged_and_refuses_where_nothing_is_left(publication: Publication) -> None:
    with pytest.raises(DataError, match="no earlier night to go back to"):
        publication.roll_back()
    first, second, third = nights_of(publication, 1, 2, 3)
    (second.folder / "scores.parquet").write_bytes(b"")
    with pytest.raises(DataError, match="sha256 differs"):
        publication.roll_back(second.name)
    assert publication.current() == third
    assert publication.roll_back() == first
    with pytest.raises(DataError, match="no earlier night"):
        publication.roll_back()


def test_old_nights_are_retired_but_for_the_current_one(publication: Publication) -> None:
    nights = nights_of(publication, 1, 2, 3, 9)
    publication.roll_back(nights[0].name)
    assert publication.retire(7) == ()
    assert publication.retire(6) == (nights[1].name,)
    assert publication.retire(2) == (nights[2].name,)
    assert publication.nights() == (nights[0], nights[3])
    assert publication.withdrawn() == {nights[3].name}
    assert publication.verify() == nights[0]


def test_republishing_without_a_customer_leaves_no_trace_of_them(publication: Publication) -> None:
    first, second = (publication.publish(scores(), run(date(2024, 3, day)), {"facts.json": b"{}"}) for day in (1, 2))
    assert publication.republish_without(second, {"nobody"}) is None
    fresh = publication.republish_without(second, {"canary-a-3"})
    assert fresh is not None and publication.verify() == fresh != second
    manifest = fresh.manifest()
    assert (manifest["rows"], manifest["forgotten"], manifest["run_id"]) == (4, 1, run(date(2024, 3, 2)).run_id)
    assert fresh.scores()["customer_id"].to_pylist() == ["canary-a-0", "canary-a-1", "canary-a-2", "canary-a-4"]
    assert (fresh.folder / "facts.json").read_bytes() == b"{}"
    assert publication.find(run(date(2024, 3, 2)).run_id) == fresh  # the job finds nothing to do
    again = publication.republish_without(fresh, {"canary-a-0"})
    assert again is not None and again.manifest()["forgotten"] == 2
    assert publication.nights() == (first, again)
    assert first.scores().num_rows == 5


def test_a_withdrawn_night_stays_withdrawn_when_it_is_republished(publication: Publication) -> None:
    first, second = nights_of(publication, 1, 2)
    publication.roll_back()
    fresh = publication.republish_without(second, {"canary-2-0"})
    assert fresh is not None and fresh.name in publication.withdrawn()
    publication.publish(scores(), run(date(2024, 3, 2)))
    assert publication.current() == first


def test_the_journal_survives_a_torn_line(publication: Publication) -> None:
    entry = Entry("2024-03-01T03:15:00+00:00", "2024-03-01", "refused", 65, reason="too old")
    note(publication.root, entry)
    with (publication.root / "journal.jsonl").open("a") as file:
        file.write('{"at": "2024-03-02T0')
    note(publication.root, replace(entry, as_of="2024-03-02"))
    assert [each.as_of for each in entries(publication.root)] == ["2024-03-01", "2024-03-02"]
