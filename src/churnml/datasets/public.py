"""Public data sets: fetched from their publishers once, checked against the published counts, and kept.

The folder named by CHURNML_DATA_HOME, if it is set, is read instead and never written to. Without it the data are kept
in $XDG_CACHE_HOME/churnml/data, or ~/.cache/churnml/data. At the first download the sha256 of the publisher's archive
is recorded beside the data; an archive with another one is refused ever after.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from churnml.datasets.public_convert import convert_online_retail, convert_oulad
from churnml.datasets.public_fetch import Progress, fetch
from churnml.errors import ConfigError, DataError

DATA_HOME = "CHURNML_DATA_HOME"


@dataclass(frozen=True)
class Expected:
    """What a table must hold: one of these numbers of rows, and these columns."""

    rows: tuple[int, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True)
class PublicData:
    """A public data set: where it comes from, what it must hold, and how its archive becomes Parquet.

    `published` gives the rows of each table of the archive, as the publisher counts them; `tables` what is kept.
    `convert` takes the archive, the folder to fill, `published` and a progress callback.
    """

    name: str
    folder: str
    url: str
    licence: str
    citation: str
    published: Mapping[str, int]
    tables: Mapping[str, Expected]
    convert: Callable[[Path, Path, Mapping[str, int], Progress], None]


_COURSE = ("code_module", "code_presentation")

OULAD = PublicData(
    name="oulad",
    folder="oulad_2013",
    url="https://archive.ics.uci.edu/static/public/349/open+university+learning+analytics+dataset.zip",
    licence="CC BY 4.0",
    citation="Kuzilek, Hlosta, Zdrahal: Open University Learning Analytics dataset. Scientific Data 4:170171 (2017)",
    published={
        "assessments": 206,
        "courses": 22,
        "studentAssessment": 173_912,
        "studentInfo": 32_593,
        "studentRegistration": 32_593,
        "studentVle": 10_655_280,
        "vle": 6_364,
    },
    # The presentations of 2013 only.
    tables={
        "assessments": Expected((92,), (*_COURSE, "id_assessment", "assessment_type", "date", "weight")),
        "courses": Expected((9,), (*_COURSE, "module_presentation_length")),
        "studentAssessment": Expected(
            (82_842,), ("id_assessment", "id_student", "date_submitted", "is_banked", "score")
        ),
        "studentInfo": Expected(
            (13_529,),
            (
                *_COURSE, "id_student", "gender", "region", "highest_education", "imd_band", "age_band",
                "num_of_prev_attempts", "studied_credits", "disability", "final_result",
            ),
        ),
        "studentRegistration": Expected(
            (13_529,), (*_COURSE, "id_student", "date_registration", "date_unregistration")
        ),
        "studentVle": Expected((4_875_652,), (*_COURSE, "id_student", "id_site", "date", "sum_click")),
        "vle": Expected((3_023,), ("id_site", *_COURSE, "activity_type", "week_from", "week_to")),
    },
    convert=convert_oulad,
)  # fmt: skip

ONLINE_RETAIL = PublicData(
    name="online_retail",
    folder="online_retail_2",
    url="https://archive.ics.uci.edu/static/public/502/online+retail+ii.zip",
    licence="CC BY 4.0",
    citation="Chen: Online Retail II. UCI Machine Learning Repository (2019), DOI 10.24432/C5CG6D",
    published={"Year 2009-2010": 525_461, "Year 2010-2011": 541_910},
    # The first nine days of December 2010 are in both sheets and are kept once. Well-known copies of the second sheet
    # lack its very last line, a postage charge; they are accepted.
    tables={
        "transactions": Expected(
            (1_044_848, 1_044_847),
            (
                "sheet", "InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID",
                "Country",
            ),
        )
    },
    convert=convert_online_retail,
)  # fmt: skip

PUBLIC: Mapping[str, PublicData] = {data.name: data for data in (OULAD, ONLINE_RETAIL)}
"""The public data sets by the name that `data.loader` uses."""


def _silent(done: int, total: int) -> None:
    """Tell nobody."""


def locate(
    name: str | PublicData, data_home: Path | None = None, download: bool = True, progress: Progress = _silent
) -> Path:
    """The folder that holds a public data set as Parquet files, fetched first if need be.

    Parameters
    ----------
    name
        A name of `PUBLIC`, or a description of another data set.
    data_home
        A folder like the one CHURNML_DATA_HOME names (the default); it is only read.
    download
        False never uses the network.
    progress
        Called with what is done and what there is to do (0: unknown), in bytes while fetching and then in rows.

    Raises
    ------
    ConfigError
        There is no such data set.
    DataError
        The data are not there, cannot be fetched, have changed, or do not hold what the publisher describes.
    """
    data = name if isinstance(name, PublicData) else PUBLIC.get(name)
    if data is None:
        raise ConfigError(f"data.loader: there is no public data set {name!r}", f"use one of {', '.join(PUBLIC)}")
    home = data_home or (Path(os.environ[DATA_HOME]) if os.environ.get(DATA_HOME) else None)
    if home is not None:
        folder = home / data.folder
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder", f"put {data.name} there, or unset {DATA_HOME} to fetch it")
        check(data, folder, f"mend the folder, or unset {DATA_HOME} to use data fetched from the publisher")
        return folder
    folder = cache_home() / data.folder
    if not folder.is_dir():
        if not download:
            raise DataError(
                f"{folder}: {data.name} has not been fetched yet", f"allow the download, or set {DATA_HOME}"
            )
        _fetch_and_convert(data, folder, progress)
    check(data, folder, "remove the folder to fetch the data again")
    return folder


def cache_home() -> Path:
    """Where fetched data are kept."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "churnml" / "data"


def check(data: PublicData, folder: Path, advice: str) -> None:
    """Hold the Parquet files of a folder against what is expected, by their metadata; every problem at once.

    Raises
    ------
    DataError
        A file is missing or unreadable, lacks a column or has another number of rows.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    problems = []
    for table, expected in data.tables.items():
        path = folder / f"{table}.parquet"
        try:
            meta = pq.read_metadata(path)
        except FileNotFoundError:
            problems.append(f"{path}: no such file")
            continue
        except (pa.ArrowException, OSError):
            problems.append(f"{path}: not a readable Parquet file")
            continue
        if missing := sorted(set(expected.columns) - set(meta.schema.to_arrow_schema().names)):
            problems.append(f"{path}: column {', '.join(missing)} is missing")
        if meta.num_rows not in expected.rows:
            problems.append(f"{path}: {meta.num_rows:,} rows, expected {expected.rows[0]:,}")
    if problems:
        raise DataError("\n".join(problems), advice)


def _fetch_and_convert(data: PublicData, folder: Path, progress: Progress) -> None:
    """Fetch, compare the hash, convert, check; the folder appears whole at the end, or not at all."""
    record = folder.with_suffix(".json")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{data.folder}-", dir=folder.parent) as temporary:
        archive, made = Path(temporary) / data.url.rsplit("/", 1)[-1], Path(temporary) / "made"
        digest = fetch(data.url, archive, progress)
        if record.exists():
            _refuse_change(record, data.url, digest)
        made.mkdir()
        data.convert(archive, made, data.published, progress)
        check(data, made, f"{data.url} is not what its publisher describes; report this to churnml")
        facts = {"url": data.url, "sha256": digest, "licence": data.licence, "citation": data.citation}
        written = Path(temporary) / "record.json"
        written.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        written.replace(record)
        try:
            made.rename(folder)
        except OSError:  # another process was faster; what it made is checked like any other
            if not folder.is_dir():
                raise
            shutil.rmtree(made)


def _refuse_change(record: Path, url: str, digest: str) -> None:
    try:
        known = json.loads(record.read_text(encoding="utf-8"))["sha256"]
    except (ValueError, KeyError, TypeError):
        raise DataError(f"{record}: not a record of a download", "remove it to accept the archive anew") from None
    if known != digest:
        raise DataError(
            f"{url}: the archive has changed: sha256 {digest}, and {known} when it was first fetched",
            f"if the publisher announces a new version, remove {record} to accept it",
        )
