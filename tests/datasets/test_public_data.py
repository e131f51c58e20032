"""Public data sets, fetched over real HTTP from a small publisher on this machine."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import threading
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pytest

from churnml.datasets.public import DATA_HOME, ONLINE_RETAIL, OULAD, PUBLIC, Expected, PublicData, locate
from churnml.errors import ConfigError, DataError

OULAD_FILES = {
    "assessments": "code_module,code_presentation,id_assessment,assessment_type,date,weight\n"
    "AAA,2013J,1,TMA,19,10\nAAA,2014J,2,TMA,?,10\n",
    "courses": "code_module,code_presentation,module_presentation_length\nAAA,2013J,268\nAAA,2014J,269\n",
    "studentAssessment": "id_assessment,id_student,date_submitted,is_banked,score\n"
    "1,11,18,0,78\n2,11,18,0,?\n1,12,20,0,\n",
    "studentInfo": "code_module,code_presentation,id_student,gender,region,highest_education,imd_band,age_band,"
    "num_of_prev_attempts,studied_credits,disability,final_result\n"
    'AAA,2013J,11,M,Wales,"A Level, or Equivalent",?,0-35,0,60,N,Pass\n'
    "AAA,2013J,12,F,Wales,HE,20-30%,0-35,1,60,N,Fail\n"
    "AAA,2014J,11,M,Wales,HE,,0-35,0,60,N,Pass\n",
    "studentRegistration": '"code_module","code_presentation","id_student","date_registration","date_unregistration"\n'
    '"AAA","2013J","11","-159",""\n"AAA","2013J","12","-53","12"\n"AAA","2014J","11","-9",""\n',
    "studentVle": "code_module,code_presentation,id_student,id_site,date,sum_click\n"
    + "AAA,2013J,11,7,-5,3\n" * 4
    + "AAA,2014J,11,8,1,2\n",
    "vle": "id_site,code_module,code_presentation,activity_type,week_from,week_to\n"
    "7,AAA,2013J,quiz,,\n8,AAA,2014J,url,1,2\n",
}


def packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in files.items():
            package.writestr(zipfile.ZipInfo(name), content)  # dated 1980: the same files are the same bytes
    return buffer.getvalue()


def oulad_archive(**changed: str) -> bytes:
    return packed({f"data/{name}.csv": text.encode() for name, text in {**OULAD_FILES, **changed}.items()})


def small_oulad(url: str) -> PublicData:
    kept = {"assessments": 1, "courses": 1, "studentAssessment": 2, "studentInfo": 2, "studentRegistration": 2,
            "studentVle": 4, "vle": 1}  # fmt: skip
    return dataclasses.replace(
        OULAD,
        url=url + "oulad.zip",
        published={name: text.count("\n") - 1 for name, text in OULAD_FILES.items()},
        tables={name: dataclasses.replace(OULAD.tables[name], rows=(rows,)) for name, rows in kept.items()},
    )


def retail_archive(lines_in_second: int = 3) -> bytes:
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    header = ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"]
    december = datetime(2010, 12, 1, 8, 26)
    sheets = {
        "Year 2009-2010": [
            [489434, 85048, "15CM GLASS BALL", 12, december - timedelta(days=300), 6.95, 13085.0, "United Kingdom"],
            ["C489449", "22087", None, -2, december - timedelta(days=290), 2.95, None, "France"],
            ["536365", "85123A", "HANGING HEART", 6, december, 2.55, 17850.0, "United Kingdom"],
        ],
        "Year 2010-2011": [
            ["536365", "85123A", "HANGING HEART", 6, december, 2.55, 17850.0, "United Kingdom"],
            ["581587", "POST", "POSTAGE", 1, december + timedelta(days=370), 18, 12680.0, "France"],
            ["581588", "22087", "BUNTING", 1, december + timedelta(days=371), 2.95, 12680.0, "France"],
        ][:lines_in_second],
    }
    for title, rows in sheets.items():
        sheet = workbook.create_sheet(title)
        for row in [header, *rows]:
            sheet.append(row)
    buffer = io.BytesIO()
    workbook.save(buffer)
    return packed({"online_retail_II.xlsx": buffer.getvalue()})


def small_retail(url: str) -> PublicData:
    return dataclasses.replace(
        ONLINE_RETAIL,
        url=url + "retail.zip",
        published={"Year 2009-2010": 3, "Year 2010-2011": 3},
        tables={"transactions": Expected((5,), ONLINE_RETAIL.tables["transactions"].columns)},
    )


class Publisher:
    """A web server with some files, which can be told to break off in the middle of one."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.break_off_after: int | None = None
        self.requests = 0
        publisher = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                publisher.requests += 1
                content = publisher.files.get(self.path)
                if content is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: publisher.break_off_after])

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    publisher = Publisher()
    thread = threading.Thread(target=publisher.server.serve_forever, args=(0.01,))
    thread.start()
    yield publisher
    publisher.server.shutdown()
    publisher.server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(DATA_HOME, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "it's the cache"))
    return tmp_path / "it's the cache" / "churnml" / "data"


def test_oulad_is_fetched_converted_and_kept(publisher: Publisher, cache: Path) -> None:
    publisher.files["/oulad.zip"] = oulad_archive()
    told: list[tuple[int, int]] = []
    folder = locate(small_oulad(publisher.url), progress=lambda done, total: told.append((done, total)))
    assert folder == cache / "oulad_2013"
    assert {path.name for path in folder.iterdir()} == {f"{name}.parquet" for name in OULAD_FILES}
    registration = pq.read_table(folder / "studentRegistration.parquet").to_pylist()
    assert registration[0]["date_registration"] == -159
    assert [row["date_unregistration"] for row in registration] == [None, 12]
    info = pq.read_table(folder / "studentInfo.parquet").to_pylist()
    assert [row["imd_band"] for row in info] == [None, "20-30%"]
    assert info[0]["highest_education"] == "A Level, or Equivalent"
    assert pq.read_table(folder / "studentAssessment.parquet")["score"].to_pylist() == [78.0, None]
    assert pq.read_table(folder / "studentVle.parquet")["sum_click"].to_pylist() == [3, 3, 3, 3]
    assert told[0] == (len(publisher.files["/oulad.zip"]),) * 2
    assert told[-1] == (7, 7)
    assert locate(small_oulad(publisher.url)) == folder
    assert publisher.requests == 1


def test_online_retail_keeps_the_days_of_both_sheets_once(publisher: Publisher) -> None:
    publisher.files["/retail.zip"] = retail_archive()
    table = pq.read_table(locate(small_retail(publisher.url)) / "transactions.parquet")
    assert table["sheet"].to_pylist() == ["Year 2009-2010"] * 2 + ["Year 2010-2011"] * 3
    assert table["InvoiceNo"].to_pylist() == ["489434", "C489449", "536365", "581587", "581588"]
    assert table["StockCode"].to_pylist() == ["85048", "22087", "85123A", "POST", "22087"]
    assert table["CustomerID"].to_pylist() == [13085, None, 17850, 12680, 12680]
    assert table["Quantity"].to_pylist()[1] == -2


def test_the_record_names_the_archive(publisher: Publisher, cache: Path) -> None:
    publisher.files["/retail.zip"] = retail_archive()
    locate(small_retail(publisher.url))
    record = json.loads((cache / "online_retail_2.json").read_text())
    assert record["url"] == publisher.url + "retail.zip"
    assert len(record["sha256"]) == 64
    assert record["licence"] == "CC BY 4.0"


def nothing_left(cache: Path) -> bool:
    return list(cache.rglob("*")) == []


def test_an_interrupted_download_leaves_nothing_and_can_be_repeated(publisher: Publisher, cache: Path) -> None:
    publisher.files["/oulad.zip"] = oulad_archive()
    publisher.break_off_after = 500
    with pytest.raises(DataError, match=r"500 of .* bytes|cannot be fetched"):
        locate(small_oulad(publisher.url))
    assert nothing_left(cache)
    publisher.break_off_after = None
    assert locate(small_oulad(publisher.url)).is_dir()


def test_a_changed_archive_is_refused_for_ever(publisher: Publisher, cache: Path) -> None:
    data = small_oulad(publisher.url)
    publisher.files["/oulad.zip"] = oulad_archive()
    folder = locate(data)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    publisher.files["/oulad.zip"] = oulad_archive(courses=OULAD_FILES["courses"].replace("268", "240"))
    for _ in range(2):
        with pytest.raises(DataError, match="archive has changed"):
            locate(data)
        assert [path.name for path in cache.iterdir()] == ["oulad_2013.json"]
    publisher.files["/oulad.zip"] = oulad_archive()
    assert locate(data) == folder


def test_another_number_of_rows_than_published_is_refused(publisher: Publisher, cache: Path) -> None:
    publisher.files["/oulad.zip"] = oulad_archive(vle=OULAD_FILES["vle"] + "9,AAA,2013J,url,,\n")
    with pytest.raises(DataError, match=r"vle\.csv has 3 rows, 2 are published"):
        locate(small_oulad(publisher.url))
    publisher.files["/retail.zip"] = retail_archive(lines_in_second=2)
    with pytest.raises(DataError, match=r"'Year 2010-2011' has 2 rows, 3 are published"):
        locate(small_retail(publisher.url))
    assert nothing_left(cache)


@pytest.mark.parametrize(
    ("archive", "message"),
    [
        (b"<html>moved</html>", "not a whole zip archive"),
        (packed({"readme.txt": b"?"}), r"holds no assessments\.csv; it has readme\.txt"),
        (oulad_archive(vle="id_site,code_module\n7,AAA\n8,AAA\n"), r"vle\.csv: .*code_presentation"),
        (oulad_archive(courses=OULAD_FILES["courses"].replace("268", "long")), r"courses\.csv"),
    ],
)
def test_an_archive_that_is_not_the_data_is_refused(
    publisher: Publisher, cache: Path, archive: bytes, message: str
) -> None:
    publisher.files["/oulad.zip"] = archive
    with pytest.raises(DataError, match=message):
        locate(small_oulad(publisher.url))
    assert nothing_left(cache)


def test_a_missing_page_or_server_is_one_clear_line(publisher: Publisher, cache: Path) -> None:
    with pytest.raises(DataError, match=rf"oulad\.zip: cannot be fetched: 404.*{DATA_HOME}"):
        locate(small_oulad(publisher.url))
    with pytest.raises(DataError, match=r"cannot be fetched: .*refused"):
        locate(small_oulad("http://127.0.0.1:9/"))
    assert nothing_left(cache)


def test_damaged_data_in_the_cache_are_noticed(publisher: Publisher) -> None:
    publisher.files["/oulad.zip"] = oulad_archive()
    data = small_oulad(publisher.url)
    folder = locate(data)
    (folder / "vle.parquet").unlink()
    (folder / "courses.parquet").write_bytes(b"PAR1")
    (folder / "studentVle.parquet").write_bytes((folder / "studentInfo.parquet").read_bytes())
    with pytest.raises(DataError) as caught:
        locate(data)
    text = str(caught.value)
    assert "vle.parquet: no such file" in text
    assert "courses.parquet: not a readable Parquet file" in text
    assert "studentVle.parquet: column date, id_site, sum_click is missing" in text
    assert "studentVle.parquet: 2 rows, expected 4" in text
    assert "remove the folder" in text


def test_data_home_is_read_and_never_written(
    publisher: Publisher, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.files["/oulad.zip"] = oulad_archive()
    data = small_oulad(publisher.url)
    home = tmp_path / "home"
    home.mkdir()
    with pytest.raises(DataError, match=f"no such folder; put oulad there, or unset {DATA_HOME}"):
        locate(data, data_home=home)
    locate(data).rename(home / "oulad_2013")
    home.chmod(0o555)
    monkeypatch.setenv(DATA_HOME, str(home))
    assert locate(data) == home / "oulad_2013"
    assert publisher.requests == 1
    home.chmod(0o755)


def test_without_permission_to_download_nothing_is_fetched(publisher: Publisher) -> None:
    with pytest.raises(DataError, match="has not been fetched yet"):
        locate(small_oulad(publisher.url), download=False)
    assert publisher.requests == 0


def test_an_unknown_data_set_is_a_mistake_in_the_configuration() -> None:
    with pytest.raises(ConfigError, match="no public data set 'ouland'; use one of oulad, online_retail"):
        locate("ouland")


REAL = os.environ.get(DATA_HOME)


@pytest.mark.public_data
@pytest.mark.skipif(not REAL, reason=f"{DATA_HOME} is unset: the real data sets are not here")
@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_the_real_data_hold_what_their_publishers_describe(name: str) -> None:
    folder = locate(name, data_home=Path(REAL or ""))
    assert folder.name == PUBLIC[name].folder
