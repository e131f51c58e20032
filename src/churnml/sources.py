"""Turns configured mappings into the canonical `customers` and `events`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis

from churnml import config as settings
from churnml import raw_values
from churnml.contract import (
    CUSTOMERS,
    EVENTS,
    NOTHING_ELSE,
    ContractReport,
    Evidence,
    Severity,
    Violation,
    check,
    midnight,
)
from churnml.contract.leavers import leavers, missing_leavers
from churnml.contract.repairs import repair
from churnml.contract.report import by_share
from churnml.contract.rows import row_clocks
from churnml.errors import ContractError

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from churnml.engine import Engine


@dataclass(frozen=True)
class SourceFile:
    """One raw file that was read: its name under the data root, sha256 and size in bytes."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Canonical:
    """The canonical tables, the files they came from, and what was repaired or found wrong on the way.

    `unlinked` has the events of voice that name no customer, which sources with `rows_without_customer: drop` leave
    out; None where no source does.
    """

    customers: ir.Table
    events: ir.Table
    files: tuple[SourceFile, ...] = ()
    violations: tuple[Violation, ...] = ()
    evidence: Evidence = NOTHING_ELSE
    unlinked: ir.Table | None = None
    contactable: tuple[ir.Table, ...] = ()
    """`customer_id` and `contactable` of each source that maps the flag; it is no fact, and no feature sees it."""

    def report(self, engine: Engine, config: settings.Config, as_of: date | None = None) -> ContractReport:
        """Hold the tables against the contract, with what mapping met at the head."""
        known, evidence = self.violations, self.evidence
        return check(self.customers, self.events, engine, config, known=known, evidence=evidence, as_of=as_of)


def build(
    config: settings.Config,
    engine: Engine,
    root: Path,
    forgotten: Callable[[Iterable[str]], list[str]] | None = None,
) -> Canonical:
    """Read every source under `root` and map it to the canonical tables, computed once.

    `forgotten` is given ids of customers and names those who are to be left out of everything.

    Raises
    ------
    DataError
        A file is missing or unreadable, or a query fails.
    ContractError
        A mapped column does not exist or cannot have the type it needs; every such problem is listed.
    """
    mapping = _Mapping(config, engine, root)
    for name, file in config.inputs.items():
        engine.read(mapping.file(file), name)
    customers, events, tables = [], [], []
    raw = [(index, source, mapping.raw(source, f"source_{index}")) for index, source in mapping.delivered_once()]
    if forgotten is not None:
        mapping.forget(raw, forgotten)
    mapping.name_copies()
    for index, source, table in raw:
        tables.append((source, table))
        if not engine.number(table.limit(1).count()):
            mapping.found.append(_empty(source, config))
        if source.customers is not None:
            customers.append(mapping.customers(table, source, source.customers, f"sources[{index}].customers"))
            if source.customers.closed_at is not None:
                closure = _closure(source.customers)
                events.append(mapping.events(table, source, closure, f"sources[{index}].customers", "closed_at"))
        for number, event in enumerate(source.events):
            events.append(mapping.events(table, source, event, f"sources[{index}].events[{number}]"))
    mapped = {name for _, source, _ in raw if source.customers for name in source.customers.attributes}
    for name in sorted(set(config.attributes) - mapped):
        advice = "map it under customers.attributes, or leave it out"
        mapping.found.append(Violation("customers", name, "attributes that no source maps", 1, "warn", advice))
    if mapping.problems:
        raise ContractError("\n".join(mapping.problems))
    all_events = ibis.union(*events) if len(events) > 1 else events[0] if events else mapping.no_events()
    if any(event.event_id for source in config.sources for event in source.events):
        all_events = mapping.without_redelivery(engine.materialise(all_events, "delivered_events"))
    all_events = engine.store(all_events, "events")
    mapped_customers = ibis.union(*customers) if len(customers) > 1 else customers[0]
    all_customers = engine.materialise(mapping.with_sign_ups(mapped_customers, all_events), "customers")
    survivors = list(missing_leavers(all_customers, all_events, engine))
    all_events, repaired = repair(all_customers, all_events, engine, config)
    gone = engine.materialise(leavers(all_events, config), "leavers")
    clocks = [clock for source, table in tables for clock in row_clocks(table, source, gone, engine)]
    evidence = Evidence(tuple(mapping.flags), tuple(mapping.closures), tuple(clocks))
    found = (*mapping.found, *survivors, *repaired)
    unlinked = engine.materialise(ibis.union(*lost), "unlinked_voice") if (lost := mapping.unlinked) else None
    read = tuple(mapping.files.values())
    return Canonical(all_customers, all_events, read, found, evidence, unlinked, tuple(mapping.contactable))


def _name(place: str) -> str:
    """A place in the configuration as a plain SQL name.

    >>> _name("sources[0].events[1]")
    'sources_0_events_1'
    """
    return re.sub(r"\W+", "_", place).strip("_")


def _identity(table: ir.Table, customer: Any) -> Any:
    """The customer of each row as its id is written in the canonical tables; None where no column gives it."""
    if not isinstance(customer, settings.MappedColumn) or customer.column not in table.columns:
        return None
    column = table[customer.column]
    if customer.map is not None:
        return column.cast("string").cases(*customer.map.items(), else_=ibis.null("string"))
    return column.cast("int64").cast("string") if column.type().is_floating() else column.cast("string")


def _empty(source: settings.Source, config: settings.Config) -> Violation:
    """A source without any row; refused where it should tell of voice."""
    kinds = {event.kind for event in source.events if isinstance(event.kind, str)}
    name = "rows: the source is empty"
    if kinds & set(config.voice.kinds):
        return Violation(source.label, "(all)", name, 0, "refuse", "every leaver would look silent; check the extract")
    return Violation(source.label, "(all)", name, 0, "warn", "check the extract")


def _closure(customers: settings.CustomerMapping) -> settings.EventMapping:
    assert customers.closed_at is not None
    return settings.EventMapping(
        kind="closed", customer_id=customers.customer_id, occurred_at=customers.closed_at, allow_null=True
    )


class _Mapping:
    """One pass over the sources, gathering problems, repairs and the files read."""

    def __init__(self, config: settings.Config, engine: Engine, root: Path) -> None:
        self.config, self.engine, self.root = config, engine, root
        self.files: dict[str, SourceFile] = {}
        self.problems: list[str] = []
        self.found: list[Violation] = []
        self.flags: list[tuple[str, ir.Table]] = []
        self.closures: list[tuple[str, ir.Table]] = []
        self.unlinked: list[ir.Table] = []
        self.contactable: list[ir.Table] = []
        self.forgotten: ir.Table | None = None

    def file(self, name: str) -> Path:
        path = self.root / name
        if path.is_file() and name not in self.files:
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            self.files[name] = SourceFile(name, digest, path.stat().st_size)
        return path

    def delivered_once(self) -> Iterator[tuple[int, settings.Source]]:
        """The sources with their numbers, but for files whose content was delivered before and is mapped alike."""
        known: set[tuple[str, str]] = set()
        for index, source in enumerate(self.config.sources):
            if source.path is not None and self.file(source.path).is_file():
                delivery = (self.files[source.path].sha256, source.model_dump_json(exclude={"path"}))
                if delivery in known:
                    rows = self.engine.number(self.engine.read(self.root / source.path).count())
                    self._found(rows, source, "rows of a file that was delivered before dropped")
                    continue
                known.add(delivery)
            yield index, source

    def name_copies(self) -> None:
        """Name the inputs with the content of another file: queries count it twice, and its rows need not show that."""
        queries = " ".join(source.query or "" for source in self.config.sources)
        names = {file: name for name, file in self.config.inputs.items() if re.search(rf"\b{name}\b", queries, re.I)}
        paths = [source.path for source in self.config.sources if source.path is not None]
        first: dict[str, str] = {}
        for file in dict.fromkeys((*paths, *names)):
            if file not in self.files:
                continue
            original = first.setdefault(self.files[file].sha256, file)
            if file == original or file not in names:
                continue
            if count := self.engine.number(self.engine.read(self.root / file).count()):
                advice = (
                    f"{file} has the content of {original}: what is mapped from both counts twice. Leave one of them "
                    "out, or accept it where they are alike on purpose"
                )
                self.found.append(Violation("inputs", names[file], "rows of a file that is there under another name",
                                            count, "refuse", advice))  # fmt: skip

    def raw(self, source: settings.Source, name: str) -> ir.Table:
        if source.path is not None:
            table = self.engine.read(self.file(source.path))
        elif source.postgres is not None:
            query = source.query or f"SELECT * FROM {source.table}"
            table, digest, size = self.engine.from_postgres(source.postgres, query, name, source.label)
            label = f"{source.postgres}: {source.label}"
            self.files[label] = SourceFile(label, digest, size)
        elif source.table is not None:
            table = self.engine.table(source.table)
        else:
            with self.engine.explaining(source.label):
                asked = self.engine.sql(source.query or "", f"{name}_query", source.label)
                table = self.engine.materialise(asked, name)
        if source.duplicates == "drop":
            rows, distinct = (self.engine.number(counted.count()) for counted in (table, table.distinct()))
            self._found(rows - distinct, source, "duplicate rows dropped")
            table = table.distinct()
        for number, (what, condition) in enumerate(source.contradictions.items()):
            wrong = self.engine.filter_sql(table, condition, f"{name}_against_{number}", f"contradictions: {what}")
            count = self.engine.number(wrong.count())
            severity = by_share(count, self.engine.number(table.count()))
            self._found(count, source, what, severity, "the rows contradict themselves")
        return table

    def customers(
        self, table: ir.Table, source: settings.Source, given: settings.CustomerMapping, place: str
    ) -> ir.Table:
        if (table := self._with_customer(table, source, given.customer_id, place)) is None:
            return ibis.memtable([], schema={**CUSTOMERS, "first_event": "boolean"})
        begins = given.begins_with_first_event
        signed_up_at = None if begins else given.signed_up_at
        values: dict[str, Any] = {
            "customer_id": self._value(table, given.customer_id, "string", f"{place}.customer_id", source),
            "group_id": ibis.coalesce(
                self._value(table, given.group_id, "string", f"{place}.group_id", source),
                self._value(table, given.customer_id, "string", f"{place}.customer_id", source),
            ),
            "signed_up_at": self._value(table, signed_up_at, "timestamp", f"{place}.signed_up_at", source),
            "first_event": ibis.literal(begins),
            **{
                name: self._value(table, getattr(given, name), "timestamp", f"{place}.{name}", source)
                for name in ("ends_at", "ends_recorded_at")
            },
        }
        for name, attribute in self.config.attributes.items():
            kind = "float64" if attribute.type == "number" else "string"
            values[name] = self._value(table, given.attributes.get(name), kind, f"{place}.attributes.{name}", source)
        if given.closed is not None:
            flag = self._value(table, given.closed, "boolean", f"{place}.closed", source)
            self.flags.append((source.label, table.select(customer_id=values["customer_id"], says_closed=flag)))
        if given.contactable is not None:
            flag = self._value(table, given.contactable, "boolean", f"{place}.contactable", source)
            self.contactable.append(table.select(customer_id=values["customer_id"], contactable=flag))
        chosen = table.select(**values)
        return chosen.distinct() if begins else chosen

    def forget(
        self, raw: Sequence[tuple[int, settings.Source, ir.Table]], forgotten: Callable[[Iterable[str]], list[str]]
    ) -> None:
        """Find those of the customers who were forgotten; every table is then read without them."""
        names: set[str] = set()
        for _, source, table in raw:
            if source.customers is not None and (column := _identity(table, source.customers.customer_id)) is not None:
                names.update(forgotten(self.engine.frame(table.select(name=column).distinct())["name"].dropna()))
        if names:
            self.forgotten = ibis.memtable({"forgotten": sorted(names)}, schema={"forgotten": "string"})

    def with_sign_ups(self, customers: ir.Table, events: ir.Table) -> ir.Table:
        """Customers whose sign-up is declared to be their first event get it; before the books begin it is unknown."""
        signed_up = customers.signed_up_at
        if any(source.customers and source.customers.begins_with_first_event for source in self.config.sources):
            # The first event that the company knew of. One recorded later may have occurred before it, but no snapshot
            # in between may be told.
            known = events.group_by("customer_id").aggregate(first_recorded_at=events.recorded_at.min())
            joined = events.join(known, "customer_id")
            earliest = joined.filter(joined.recorded_at == joined.first_recorded_at)
            first = earliest.group_by("customer_id").aggregate(first_seen_at=earliest.occurred_at.min())
            customers = customers.left_join(first, "customer_id")
            signed_up = customers.first_event.ifelse(customers.first_seen_at, customers.signed_up_at)
        if (starts := self.config.history_starts_on) is not None:
            signed_up = (signed_up >= midnight(starts)).ifelse(signed_up, ibis.null("timestamp"))
        kept = [name for name in (*CUSTOMERS, *self.config.attributes) if name != "signed_up_at"]
        return customers.select(*kept, signed_up_at=signed_up)

    def events(
        self,
        table: ir.Table,
        source: settings.Source,
        given: settings.EventMapping,
        place: str,
        at: str = "occurred_at",
    ) -> ir.Table:
        if (filled := self._with_customer(table, source, given.customer_id, place)) is None:
            return self.no_events()
        self._note_unlinked(table, source, given, place)
        table = filled
        if given.where is not None:
            table = self.engine.filter_sql(table, given.where, _name(place), f"{place}.where")
        values = {
            column: self._value(
                table, getattr(given, column), kind, f"{place}.{at if column == 'occurred_at' else column}", source
            )
            for column, kind in EVENTS.items()
            if column != "kind"
        }
        values["recorded_at"] = ibis.coalesce(values["recorded_at"], values["occurred_at"])
        values["kind"] = (
            ibis.literal(given.kind)
            if isinstance(given.kind, str)
            else self._value(table, given.kind, "string", f"{place}.kind", source)
        )
        mapped = table.select(**{column: values[column] for column in EVENTS})
        wide = source.customers is not None or len(source.events) > 1 or given.allow_null
        if not wide:
            dates, when = mapped.occurred_at, given.occurred_at
            if isinstance(when, settings.MappedColumn) and when.map is None and when.column in table.columns:
                dates = table[when.column]
            self._count(
                dates.isnull().sum(),  # text that is no date is told as that
                source,
                "nulls",
                severity="refuse",
                advice="fix the extract or set allow_null",
                column="occurred_at",
            )
        dated = mapped.filter(mapped.occurred_at.notnull())
        if given.kind == "closed":
            self.closures.append((source.label, dated.select("customer_id", closed_at="occurred_at")))
        return dated

    def no_events(self) -> ir.Table:
        return ibis.memtable([], schema=EVENTS)

    def without_redelivery(self, events: ir.Table) -> ir.Table:
        """Events that carry an id are kept once each; those without one are all kept."""
        named, unnamed = events.filter(events.event_id.notnull()), events.filter(events.event_id.isnull())
        repeated = named.event_id.count() - named.event_id.nunique()
        contents = named.distinct()
        conflicting = contents.event_id.count() - contents.event_id.nunique()
        advice = "one id must always mean the same event; give corrections an id of their own"
        checks: tuple[tuple[Any, str, Severity, str], ...] = (
            (conflicting, "ids given to different events", "refuse", advice),
            (repeated, "redelivered events dropped", "repaired", ""),
        )
        for number, name, severity, help_ in checks:
            if count := self.engine.number(number):
                self.found.append(Violation("events", "event_id", name, count, severity, help_))
        return contents.union(unnamed)

    def _with_customer(self, table: ir.Table, source: settings.Source, customer: Any, place: str) -> ir.Table | None:
        if isinstance(customer, settings.MappedColumn) and customer.column not in table.columns:
            self._missing(table, customer.column, f"{place}.customer_id", source)
            return None
        if self.forgotten is not None and (column := _identity(table, customer)) is not None:
            table = table.anti_join(self.forgotten, column == self.forgotten.forgotten)
        if source.rows_without_customer == "refuse" or not isinstance(customer, settings.MappedColumn):
            return table
        column = table[customer.column]
        self._count(column.isnull().sum(), source, "rows without a customer dropped", column="customer_id")
        return table.filter(column.notnull())

    def _note_unlinked(
        self, table: ir.Table, source: settings.Source, given: settings.EventMapping, place: str
    ) -> None:
        """Keep what says something and names no customer: it may have been said by somebody taken for silent."""
        voice, customer = self.config.voice.kinds, given.customer_id
        if source.rows_without_customer != "drop" or not isinstance(customer, settings.MappedColumn):
            return
        if isinstance(given.kind, str) and given.kind not in voice:
            return
        lost = table.filter(table[customer.column].isnull())
        problems, found = len(self.problems), len(self.found)
        if given.where is not None:
            lost = self.engine.filter_sql(lost, given.where, _name(f"{place}_lost"), f"{place}.where")
        columns = {"occurred_at": "timestamp", "recorded_at": "timestamp", "channel": "string"}
        values = {
            name: self._value(lost, getattr(given, name), kind, f"{place}.{name}", source)
            for name, kind in columns.items()
        }
        values["recorded_at"] = ibis.coalesce(values["recorded_at"], values["occurred_at"])
        values["kind"] = (
            ibis.literal(given.kind)
            if isinstance(given.kind, str)
            else self._value(lost, given.kind, "string", f"{place}.kind", source)
        )
        del self.problems[problems:], self.found[found:]  # of the rows that are kept they are told below
        said = lost.select(**values)
        self.unlinked.append(said.filter(said.kind.isin(voice), said.occurred_at.notnull()))

    def _count(self, number: Any, source: settings.Source, name: str, **about: Any) -> None:
        with self.engine.explaining(source.label):
            self._found(self.engine.number(number), source, name, **about)

    def _found(
        self,
        count: int,
        source: settings.Source,
        name: str,
        severity: Severity = "repaired",
        advice: str = "",
        column: str = "(rows)",
    ) -> None:
        violation = Violation(source.label, column, name, count, severity, advice)
        if count and violation not in self.found:
            self.found.append(violation)

    def _missing(self, table: ir.Table, column: str, place: str, source: settings.Source) -> None:
        near = ", ".join(table.columns[:12]) + (", ..." if len(table.columns) > 12 else "")
        self.problems.append(f"{place}: {source.label} has no column {column!r}; it has {near}")

    def _value(self, table: ir.Table, given: Any, kind: str, place: str, source: settings.Source) -> Any:
        """A mapped value as an expression of the canonical type; null if it is not mapped."""
        if given is None:
            return ibis.null(kind)
        if isinstance(given, settings.Constant):
            return ibis.literal(given.value).cast(kind)
        if given.column not in table.columns:
            self._missing(table, given.column, place, source)
            return ibis.null(kind)
        column = table[given.column]
        if given.map is not None:
            return column.cast("string").cases(*given.map.items(), else_=ibis.null("string")).cast(kind)
        return self._cast(column, kind, place, source)

    def _cast(self, column: Any, kind: str, place: str, source: settings.Source) -> Any:
        name = column.get_name()
        if (fault := raw_values.unreadable(column, kind)) is not None:
            self.problems.append(f"{place}: {source.label}.{name} {fault}")
            return ibis.null(kind)
        value = raw_values.read(column, kind, self.engine.name)
        if not column.type().is_string() or kind == "string":
            return value
        wrong = (column.notnull() & value.isnull()).sum()
        self._refuse_text(wrong, column, kind, source)
        if kind == "timestamp" and self.engine.name != "duckdb":
            self._count(column.re_search(raw_values.OFFSET).sum(), source, "times as text with an offset from UTC",
                        severity="refuse", advice="convert them in a query", column=name)  # fmt: skip
        return value

    def _refuse_text(self, wrong: Any, column: Any, kind: str, source: settings.Source) -> None:
        name = column.get_name()
        with self.engine.explaining(source.label):
            if not (count := self.engine.number(wrong)):
                return
            commas = kind not in ("boolean", "timestamp") and self.engine.number(raw_values.decimal_commas(column))
        advice = raw_values.decimal_comma_advice(name) if commas else raw_values.advice(kind, name)
        self._found(count, source, f"values that are not {kind}", severity="refuse", advice=advice, column=name)
