from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from churnml import sources
from churnml.config import parse_config
from churnml.engine import Engine, open_engine
from churnml.errors import ContractError, DataError

TAIL = """
eligible: {active_within_days: 60}
defection: {by: inactivity, of: [purchase]}
snapshots: {horizon_days: 30}
"""
TICKETS = """
project: desk
sources:
  - path: people.csv
    customers: {customer_id: id, signed_up_at: since, closed_at: left}
  - path: tickets.csv
    rows_without_customer: ROWS
    duplicates: DUPLICATES
    events:
      - {kind: case_opened, occurred_at: opened, customer_id: id, case_id: ticket, channel: {value: mail}}
      - {kind: case_resolved, occurred_at: resolved, customer_id: id, case_id: ticket, where: channel <> 'spam'}
      - {kind: {column: channel, map: {phone: contact}}, occurred_at: opened, customer_id: id, where: channel = 'phone'}
""" + TAIL.replace("purchase", "case_opened")


def desk(tmp_path: Path, rows: str = "drop", duplicates: str = "keep") -> tuple[Any, Path]:
    (tmp_path / "people.csv").write_text("id,since,left\n1,2024-01-01,\n2,2024-01-01,2024-03-05\n")
    (tmp_path / "tickets.csv").write_text(
        "ticket,id,opened,resolved,channel\n"
        "t1,1,2024-02-01 10:00,2024-02-02 11:30,phone\n"
        "t2,2,2024-02-03 10:00,,web\n"
        "t2,2,2024-02-03 10:00,,web\n"
        "t3,,2024-02-04 10:00,2024-02-04 12:00,web\n"
        "t4,1,2024-02-05 10:00,2024-02-06 10:00,spam\n"
    )
    return parse_config(TICKETS.replace("ROWS", rows).replace("DUPLICATES", duplicates)), tmp_path


def test_a_wide_table_becomes_one_event_per_timestamp(tmp_path: Path, engine: Engine) -> None:
    config, root = desk(tmp_path)
    built = sources.build(config, engine, root)
    events = engine.frame(built.events).sort_values(["occurred_at", "kind"])
    assert list(zip(events["customer_id"], events["kind"], events["case_id"].fillna("-"), strict=True)) == [
        ("1", "case_opened", "t1"),
        ("1", "contact", "-"),
        ("1", "case_resolved", "t1"),
        ("2", "case_opened", "t2"),
        ("2", "case_opened", "t2"),
        ("1", "case_opened", "t4"),
        ("2", "closed", "-"),
    ]
    assert (events["recorded_at"] == events["occurred_at"]).all()
    assert {event.name for event in built.files} == {"people.csv", "tickets.csv"}


def test_repairs_are_counted(tmp_path: Path, engine: Engine) -> None:
    config, root = desk(tmp_path, duplicates="drop")
    found = {violation.name: violation.count for violation in sources.build(config, engine, root).violations}
    assert found == {"duplicate rows dropped": 1, "rows without a customer dropped": 1}


def test_rows_without_a_customer_are_refused_unless_dropped(tmp_path: Path, engine: Engine) -> None:
    config, root = desk(tmp_path, rows="refuse")
    report = sources.build(config, engine, root).report(engine, config)
    assert [str(violation) for violation in report.refused] == [
        "events.customer_id: 2 nulls; fix the extract or set rows_without_customer: drop"
    ]
    with pytest.raises(ContractError, match="2 nulls"):
        report.raise_if_refused()


def test_every_missing_column_is_named_at_once(tmp_path: Path, engine: Engine) -> None:
    config, root = desk(tmp_path)
    (root / "people.csv").write_text("id,since\n1,2024-01-01\n")
    (root / "tickets.csv").write_text("id,opened,channel\n1,2024-01-01,web\n")
    with pytest.raises(ContractError) as caught:
        sources.build(config, engine, root)
    lines = str(caught.value).splitlines()
    assert "sources[0].customers.closed_at: people.csv has no column 'left'; it has id, since" in "\n".join(lines)
    assert any("sources[1].events[1].occurred_at: tickets.csv has no column 'resolved'" in line for line in lines)


def test_a_missing_file_and_an_odd_one_say_which(tmp_path: Path, engine: Engine) -> None:
    config, root = desk(tmp_path)
    (root / "tickets.csv").unlink()
    with pytest.raises(DataError, match=r"tickets\.csv: no such file"):
        sources.build(config, engine, root)
    (root / "tickets.xlsx").write_text("")
    odd = parse_config(
        TICKETS.replace("tickets.csv", "tickets.xlsx").replace("ROWS", "drop").replace("DUPLICATES", "keep")
    )
    with pytest.raises(DataError, match=r"\.xlsx cannot be read"):
        sources.build(odd, engine, root)


ONE = (
    """
project: one
sources:
  - path: log.parquet
    customers: {customer_id: id, signed_up_at: at}
  - path: log.parquet
    events:
      - {kind: purchase, occurred_at: at, customer_id: id, event_id: key, amount: amount, rating: rating}
"""
    + TAIL
)


def one(tmp_path: Path, engine: Engine, **columns: list[Any]) -> Any:
    rows: dict[str, list[Any]] = {
        "id": ["a", "b"], "at": ["2024-01-01", "2024-01-02"], "key": ["k1", "k2"],
        "amount": [1.0, 2.0], "rating": [0.5, 1.0],
    }  # fmt: skip
    frame = pd.DataFrame(rows | columns)
    frame.to_parquet(tmp_path / "log.parquet")
    config = parse_config(ONE)
    return sources.build(config, engine, tmp_path).report(engine, config)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_a_time_as_text_with_an_offset_is_a_moment(tmp_path: Path, engine: Engine, zone: str, suffix: str) -> None:
    given = ["2024-07-01T22:30:00Z", "2024-07-02T00:30:00+02:00", "2024-07-01 18:30:00"]
    frame = pd.DataFrame({"id": ["a", "b", "c"], "at": given, "key": ["k1", "k2", "k3"], "amount": 1.0, "rating": 0.5})
    if suffix == "csv":
        frame.to_csv(tmp_path / "log.csv", index=False)
    else:
        frame.to_parquet(tmp_path / "log.parquet")
    config = parse_config(f"timezone: {zone}\n{ONE.replace('log.parquet', f'log.{suffix}')}")
    with open_engine(config.engine, zone) as opened:
        events = opened.frame(sources.build(config, opened, tmp_path).events).sort_values("customer_id")
    moment = "2024-07-01 22:30:00" if zone == "UTC" else "2024-07-01 18:30:00"
    assert events["occurred_at"].astype(str).tolist() == [moment, moment, "2024-07-01 18:30:00"]


@pytest.mark.parametrize("suffix", ["parquet", "csv", "jsonl"])
def test_a_time_with_dots_has_its_day_first(tmp_path: Path, engine: Engine, suffix: str) -> None:
    """As back offices write it, with hours and without, in one column."""
    given = ["25.04.2024 08:30", "1.2.2024", "03.04.2024 18:30:59"]
    written(tmp_path, suffix, {"id": ["a", "b", "c"], "at": given, "key": ["k1", "k2", "k3"]})
    config = parse_config(ONE.replace("log.parquet", f"log.{suffix}"))
    events = engine.frame(sources.build(config, engine, tmp_path).events).sort_values("customer_id")
    seen = events["occurred_at"].astype(str).tolist()
    assert seen == ["2024-04-25 08:30:00", "2024-02-01 00:00:00", "2024-04-03 18:30:59"]


def written(folder: Path, suffix: str, columns: dict[str, list[Any]]) -> None:
    frame = pd.DataFrame({"amount": 1.0, "rating": 0.5, **columns})
    if suffix == "csv":
        frame.to_csv(folder / "log.csv", index=False, sep=";")
    elif suffix == "jsonl":
        frame.to_json(folder / "log.jsonl", orient="records", lines=True)
    else:
        frame.to_parquet(folder / "log.parquet")


def test_lines_of_json_are_a_table(tmp_path: Path, engine: Engine) -> None:
    """Ids keep their zeros, and moments their offsets, whether all have one or not."""
    times = {"all": ["2024-07-01T22:30:00Z", "2024-07-02T00:30:00+02:00"], "some": ["2024-07-01T22:30:00Z"]}
    for name, given in times.items():
        folder = tmp_path / name
        folder.mkdir()
        given = [*given, "2024-07-01 22:30:00"] if name == "some" else given
        written(folder, "jsonl", {"id": ["007", "008"], "at": given, "key": ["k1", "k2"]})
        built = sources.build(parse_config(ONE.replace("log.parquet", "log.jsonl")), engine, folder)
        events = engine.frame(built.events).sort_values("customer_id")
        assert events["customer_id"].tolist() == ["007", "008"]
        assert events["occurred_at"].astype(str).tolist() == ["2024-07-01 22:30:00"] * 2
    (tmp_path / "log.jsonl").write_text('{"id": "007", "at": "2024-07-01"}\n{"id": broken\n')
    with pytest.raises(DataError, match=r"log\.jsonl"):
        sources.build(parse_config(ONE.replace("log.parquet", "log.jsonl")), engine, tmp_path)


@pytest.mark.parametrize(
    ("columns", "advice"),
    [
        ({"amount": ["3,50", "1.200,00"]}, "convert in a query, replace(replace(\"amount\", '.', ''), ',', '.')"),
        ({"at": ["07/31/2024 18:30", "08/01/2024 18:30"]}, "convert in a query: strptime(\"at\", '%m/%d/%Y %H:%M')"),
    ],
)
def test_what_cannot_be_read_is_told_with_what_to_write(
    tmp_path: Path, engine: Engine, columns: dict[str, list[Any]], advice: str
) -> None:
    refused = one(tmp_path, engine, **columns).refused
    assert advice in str(refused[0])


def test_days_written_as_numbers_are_read_as_the_advice_says(tmp_path: Path, engine: Engine) -> None:
    """20240131 as seconds since 1970 would be a day of August 1970."""
    written(tmp_path, "parquet", {"id": ["a"], "at": [20240131], "key": ["k"], "amount": [1]})
    with pytest.raises(ContractError) as raised:
        sources.build(parse_config(ONE), engine, tmp_path)
    advice = """strptime(CAST("at" AS VARCHAR), '%Y%m%d')"""
    assert advice in str(raised.value)
    query = "query: |\n      SELECT * REPLACE (" + advice + ' AS "at") FROM log'
    config = parse_config(
        ONE.replace("path: log.parquet", query).replace("eligible:", "inputs: {log: log.parquet}\neligible:")
    )
    events = engine.frame(sources.build(config, engine, tmp_path).events)
    assert events["occurred_at"].tolist() == [pd.Timestamp(2024, 1, 31)]


def test_the_advice_can_be_followed(tmp_path: Path, engine: Engine) -> None:
    frame = {
        "id": ["a", "b"],
        "at": [1714554000123, 1714554060123],
        "key": ["k1", "k2"],
        "amount": ["3,50", "1.200,00"],
    }
    written(tmp_path, "parquet", frame)
    with pytest.raises(
        ContractError, match=r'to_timestamp\("at"\) of seconds since 1970, to_timestamp\("at" / 1000.0\) of mill'
    ):
        sources.build(parse_config(ONE), engine, tmp_path)
    replaced = "to_timestamp(\"at\" / 1000.0) AS \"at\", replace(replace(amount, '.', ''), ',', '.') AS amount"
    query = f"query: SELECT * REPLACE ({replaced}) FROM log"
    config = parse_config(
        ONE.replace("path: log.parquet", query).replace("eligible:", "inputs: {log: log.parquet}\neligible:")
    )
    events = engine.frame(sources.build(config, engine, tmp_path).events).sort_values("customer_id")
    assert events["occurred_at"].dt.floor("s").astype(str).tolist() == ["2024-05-01 09:00:00", "2024-05-01 09:01:00"]
    assert events["amount"].astype(float).tolist() == [3.5, 1200.0]


def test_yes_and_no_are_what_the_map_says(tmp_path: Path, engine: Engine) -> None:
    columns = {"id": ["a", "b", "c"], "at": ["2024-01-01"] * 3, "key": ["k1", "k2", "k3"], "bot": ["J", "N", None]}
    written(tmp_path, "parquet", columns)
    plain = parse_config(ONE.replace("event_id: key", "event_id: key, automated: bot"))
    (refused,) = sources.build(plain, engine, tmp_path).violations
    assert "say what the values mean: {column: bot, map: {J: true, N: false}}" in str(refused)
    mapped = parse_config(
        ONE.replace("event_id: key", "event_id: key, automated: {column: bot, map: {J: true, N: false}}")
    )
    events = engine.frame(sources.build(mapped, engine, tmp_path).events).sort_values("customer_id")
    assert [None if pd.isna(each) else bool(each) for each in events["automated"]] == [True, False, None]


def test_a_condition_that_a_value_cannot_take_is_named(tmp_path: Path, engine: Engine) -> None:
    written(tmp_path, "parquet", {"id": ["a", "b"], "at": ["2024-01-01"] * 2, "key": ["k1", "k2"], "off": ["J", "N"]})
    config = parse_config(ONE.replace("event_id: key", "event_id: key, where: NOT off"))
    with pytest.raises(DataError, match=r"sources\[1\]\.events\[0\]\.where: .*off"):
        sources.build(config, engine, tmp_path)


def test_a_query_that_fails_is_named_by_its_tables(tmp_path: Path, engine: Engine) -> None:
    written(tmp_path, "parquet", {"id": ["a"], "at": ["2024-01-01"], "key": ["k1"], "price": ["x"]})
    query = "query: SELECT * REPLACE (CAST(price AS DOUBLE) AS price) FROM log"
    text = ONE.replace("path: log.parquet", query).replace("eligible:", "inputs: {log: log.parquet}\neligible:")
    with pytest.raises(DataError, match=r"^query of log: Conversion Error"):
        sources.build(parse_config(text), engine, tmp_path)


def test_text_that_is_no_date_is_not_told_as_a_missing_one(tmp_path: Path, engine: Engine) -> None:
    refused = one(tmp_path, engine, at=["2024-01-01", "soon"]).refused
    assert [each.name for each in refused] == ["values that are not timestamp"]


def test_a_date_that_its_map_does_not_list_is_missing(tmp_path: Path, engine: Engine) -> None:
    written(tmp_path, "parquet", {"id": ["a", "b"], "at": ["early", "late"], "key": ["k1", "k2"]})
    text = ONE.replace("occurred_at: at", "occurred_at: {column: at, map: {early: '2024-01-01'}}")
    found = sources.build(parse_config(text), engine, tmp_path).violations
    assert [(each.name, each.count) for each in found if each.column == "occurred_at"] == [("nulls", 1)]


def test_an_attribute_that_no_source_maps_is_named(tmp_path: Path, engine: Engine) -> None:
    written(tmp_path, "parquet", {"id": ["a"], "at": ["2024-01-01"], "key": ["k1"]})
    text = ONE.replace("eligible:", "attributes: {plan: {type: category, sensitivity: none}}\neligible:")
    (found,) = sources.build(parse_config(text), engine, tmp_path).violations
    assert (found.key, found.severity) == ("customers.plan: attributes that no source maps", "warn")


def test_a_file_in_latin_letters_says_how_to_convert_it(tmp_path: Path, engine: Engine) -> None:
    (tmp_path / "log.csv").write_bytes("id;at;key;amount;rating\na;2024-01-01;köln;1;0\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"log\.csv: it is not UTF-8; convert it: iconv -f WINDOWS-1252"):
        sources.build(parse_config(ONE.replace("log.parquet", "log.csv")), engine, tmp_path)


def test_clean_data_has_no_violation(tmp_path: Path, engine: Engine) -> None:
    assert one(tmp_path, engine).violations == ()


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        ({"at": ["2024-01-01", None]}, "occurred_at: 1 nulls; fix the extract or set allow_null"),
        ({"at": ["2024-01-01", "soon"]}, "at: 1 values that are not timestamp"),
        ({"amount": ["3", "four"]}, "amount: 1 values that are not decimal"),
        ({"rating": [0.5, 4.0]}, "events.rating: 1 ratings outside 0 to 1; scale the rating in a query"),
        ({"id": ["a", "a"]}, "customers.customer_id: 1 ids given more than once"),
        ({"id": ["a", None]}, "customers.customer_id: 1 nulls"),
        ({"key": ["k1", "k1"]}, "events.event_id: 1 ids given to different events"),
    ],
)
def test_dirty_data_is_refused_by_name_and_count(
    tmp_path: Path, engine: Engine, columns: dict[str, list[Any]], text: str
) -> None:
    refused = "\n".join(map(str, one(tmp_path, engine, **columns).refused))
    assert text in refused
    assert "four" not in refused  # never a value
    assert "soon" not in refused


def test_a_redelivered_event_is_dropped_and_counted(tmp_path: Path, engine: Engine) -> None:
    frame = {"id": ["a", "a"], "at": ["2024-01-01"] * 2, "key": ["k"] * 2, "amount": [1.0] * 2, "rating": [None] * 2}
    report = one(tmp_path, engine, **frame)
    assert any("1 redelivered events dropped" in str(violation) for violation in report.violations)


def test_a_file_delivered_under_two_names_is_read_once_and_counted(tmp_path: Path, engine: Engine) -> None:
    again = ONE.replace(
        "eligible:", "  - path: copy.parquet\n    events:\n      - {kind: purchase, MAPPED}\neligible:", 1
    )
    assert again != ONE
    columns = {"id": ["a", "b"], "at": ["2024-01-01", "2024-01-02"], "key": ["k1", "k2"], "amount": [1.0, 2.0]}
    pd.DataFrame(columns | {"rating": [0.5, 1.0]}).to_parquet(tmp_path / "log.parquet")
    (tmp_path / "copy.parquet").write_bytes((tmp_path / "log.parquet").read_bytes())
    mapped = "occurred_at: at, customer_id: id, amount: amount, rating: rating"
    for mapping, rows in ((mapped, 2), (mapped.replace(", rating: rating", ""), 4)):  # mapped otherwise, it says more
        text = again.replace("event_id: key, ", "").replace("MAPPED", mapping)
        built = sources.build(parse_config(text), engine, tmp_path)
        assert engine.number(built.events.count()) == rows
        found = [str(violation) for violation in built.violations]
        assert len(found) == (rows == 2)
        assert all(
            "copy.parquet" in text and "2 rows of a file that was delivered before dropped" in text for text in found
        )


def test_events_of_unknown_kinds_and_unknown_customers(tmp_path: Path, engine: Engine) -> None:
    text = ONE.replace("kind: purchase", "kind: {column: kind}")
    pd.DataFrame(
        {
            "id": ["a", "b"],
            "at": ["2024-01-01"] * 2,
            "key": ["1", "2"],
            "amount": 1.0,
            "rating": 1.0,
            "kind": ["x", "purchase"],
        }
    ).to_parquet(tmp_path / "log.parquet")
    config = parse_config(text)
    report = sources.build(config, engine, tmp_path).report(engine, config)
    assert "events.kind: 1 events of unknown kinds (x)" in "\n".join(map(str, report.refused))
    declared = parse_config(text + "kinds: [x]\n")
    assert not sources.build(declared, engine, tmp_path).report(engine, declared).refused


def test_an_empty_table_is_refused(tmp_path: Path, engine: Engine) -> None:
    one(tmp_path, engine)
    file = tmp_path / "log.parquet"
    pd.read_parquet(file).head(0).to_parquet(file)
    config = parse_config(ONE)
    report = sources.build(config, engine, tmp_path).report(engine, config)
    assert "customers.(all): 0 rows: the table is empty" in "\n".join(map(str, report.refused))


def test_whole_number_ids_stay_whole(tmp_path: Path, engine: Engine) -> None:
    pd.DataFrame(
        {"id": [1.0, 2.0], "at": ["2024-01-01"] * 2, "key": ["1", "2"], "amount": 1.0, "rating": 1.0}
    ).to_parquet(tmp_path / "log.parquet")
    built = sources.build(parse_config(ONE), engine, tmp_path)
    assert sorted(engine.frame(built.customers)["customer_id"]) == ["1", "2"]
    assert sorted(engine.frame(built.events)["customer_id"]) == ["1", "2"]


@pytest.mark.parametrize("unit", ["us", "ns"])
def test_times_with_an_offset_become_wall_clock_times_of_the_business(tmp_path: Path, unit: str) -> None:
    from churnml.config import Engine as Options
    from churnml.engine import open_engine

    at = pd.to_datetime(["2024-07-01 23:30:00+00:00", "2024-01-01 23:30:00+00:00"], utc=True).as_unit(unit)
    pd.DataFrame({"id": ["a", "b"], "at": at, "key": ["1", "2"], "amount": 1.0, "rating": 1.0}).to_parquet(
        tmp_path / "log.parquet"
    )
    with open_engine(Options(), "Europe/London") as engine:
        built = sources.build(parse_config(ONE + "timezone: Europe/London\n"), engine, tmp_path)
        times = engine.frame(built.events).set_index("customer_id")["occurred_at"].astype(str).to_dict()
    assert times == {"a": "2024-07-02 00:30:00", "b": "2024-01-01 23:30:00"}


LOG_ONLY = (
    """
project: log
sources:
  - path: log.csv
    customers: {customer_id: who, signed_up_at: first_event}
    events:
      - {kind: purchase, occurred_at: at, customer_id: who}
"""
    + TAIL
)


def test_a_log_alone_gives_customers_who_begin_with_their_first_event(tmp_path: Path, engine: Engine) -> None:
    (tmp_path / "log.csv").write_text("who,at\na,2024-02-05\na,2024-01-05\nb,2024-03-01\na,2024-03-02\n")
    config = parse_config(LOG_ONLY + "history_starts_on: 2024-02-01\n")
    built = sources.build(config, engine, tmp_path)
    assert not built.report(engine, config).refused
    people = engine.frame(built.customers).set_index("customer_id")["signed_up_at"]
    assert people.index.is_unique
    assert {name: str(moment)[:10] for name, moment in people.items()} == {"a": "NaT", "b": "2024-03-01"}
    uncut = sources.build(parse_config(LOG_ONLY), engine, tmp_path)
    assert str(engine.frame(uncut.customers).set_index("customer_id").loc["a", "signed_up_at"])[:10] == "2024-01-05"


def test_the_first_event_is_the_first_that_the_company_knew_of(tmp_path: Path, engine: Engine) -> None:
    (tmp_path / "log.csv").write_text("who,at,known\na,2024-02-05,2024-02-06\na,2024-01-05,2024-06-01\n")
    config = parse_config(LOG_ONLY.replace("customer_id: who}\n", "customer_id: who, recorded_at: known}\n"))
    people = engine.frame(sources.build(config, engine, tmp_path).customers)
    assert [str(moment)[:10] for moment in people["signed_up_at"]] == ["2024-02-05"]


def test_an_empty_source_is_named_and_refused_where_it_should_tell_of_voice(tmp_path: Path, engine: Engine) -> None:
    config, root = desk(tmp_path)
    tickets = (root / "tickets.csv").read_text().splitlines()[0]
    (root / "tickets.csv").write_text(tickets + "\n")
    (found,) = sources.build(config, engine, root).violations
    assert (found.key, found.severity) == ("tickets.csv.(all): rows: the source is empty", "warn")
    spoken = config.model_copy(update={"voice": config.voice.model_copy(update={"kinds": ("case_opened",)})})
    (found,) = sources.build(spoken, engine, root).violations
    assert found.severity == "refuse" and found.advice.startswith("every leaver would look silent")
