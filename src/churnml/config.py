"""One YAML file describes one business: sources, definitions, features, model, scoring.

`load_config` reads the file strictly. An unknown key, a duplicate key, an alias or a wrong type is a
problem; every problem is reported at once, with file, line and key. The result is frozen.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Hashable, Mapping
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from churnml import strict_yaml
from churnml.errors import ConfigError
from churnml.strict_yaml import Key, dotted


class Settings(BaseModel):
    """Base of every section: frozen, strictly typed, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _days(value: object) -> object:
    if isinstance(value, str) and (match := re.fullmatch(r"(\d+) days?", value)):
        return int(match.group(1))
    return value


def _below(value: str) -> str:
    parts = PurePosixPath(value.replace("\\", "/")).parts
    if not parts or ".." in parts or PurePosixPath(parts[0]).is_absolute() or ":" in parts[0] or "\0" in value:
        raise ValueError("a path below data.root is expected, without .. and not absolute")
    return value


BelowRoot = Annotated[str, AfterValidator(_below)]
Days = Annotated[int, BeforeValidator(_days), Field(ge=0)]
PositiveDays = Annotated[int, BeforeValidator(_days), Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]


class Constant(Settings):
    """The same value for every row: `{value: web}`."""

    value: str | int | float | bool


class MappedColumn(Settings):
    """A column whose values are renamed: `{column: type, map: {C: complaint}}`; values not listed give null."""

    column: str
    map: dict[str, str] | None = None


def _mapping_kind(value: object) -> object:
    """Turn the three spellings of a mapped value into one, so that a mistake gives one message, not three."""
    if isinstance(value, Constant | MappedColumn):
        return value
    if isinstance(value, dict):
        return Constant(**value) if "value" in value else MappedColumn(**value)
    if isinstance(value, str):
        return MappedColumn(column=value)
    raise ValueError("a column's name, {value: ...} or {column: ..., map: {...}} is expected")


ColumnValue = Annotated[Constant | MappedColumn, BeforeValidator(_mapping_kind)]


class Engine(Settings):
    """The engine that holds the tables and computes the features."""

    name: Literal["duckdb", "spark"] = "duckdb"
    memory_limit: Annotated[str, Field(pattern=r"^\d+(\.\d+)?\s?(MB|GB)$")] = "2GB"
    threads: Annotated[int, Field(ge=1)] = 2


class Data(Settings):
    """Where the sources' relative paths begin: a folder, or a loader of a public data set."""

    root: str = "."
    loader: str | None = None


FIRST_EVENT = "first_event"


class CustomerMapping(Settings):
    """Which columns of a source give the canonical `customers` table.

    `closed`, a flag without a clock, is never read as a fact: it is held against the recorded closures. Nor is
    `contactable`: it decides who is on a list that leaves the system, and nothing else.

    `signed_up_at: first_event` takes the customer's first event; a log can then give the customers, too, and a row that
    repeats one adds nothing.
    """

    customer_id: ColumnValue
    group_id: ColumnValue | None = None
    signed_up_at: ColumnValue
    ends_at: ColumnValue | None = None
    closed_at: ColumnValue | None = None
    closed: ColumnValue | None = None
    contactable: ColumnValue | None = None
    attributes: dict[str, ColumnValue] = {}

    @property
    def begins_with_first_event(self) -> bool:
        """Whether the sign-up is declared to be the first event."""
        return isinstance(self.signed_up_at, MappedColumn) and self.signed_up_at.column == FIRST_EVENT


class EventMapping(Settings):
    """Which columns of a source give events of one kind. A row whose `occurred_at` is null gives none."""

    kind: str | MappedColumn
    customer_id: ColumnValue
    occurred_at: ColumnValue
    recorded_at: ColumnValue | None = None
    where: str | None = None
    allow_null: bool = False
    event_id: ColumnValue | None = None
    channel: ColumnValue | None = None
    direction: ColumnValue | None = None
    name: ColumnValue | None = None
    amount: ColumnValue | None = None
    quantity: ColumnValue | None = None
    duration_s: ColumnValue | None = None
    wait_s: ColumnValue | None = None
    rating: ColumnValue | None = None
    text: ColumnValue | None = None
    case_id: ColumnValue | None = None
    automated: ColumnValue | None = None
    scripted: ColumnValue | None = None
    agent_id: ColumnValue | None = None
    campaign_id: ColumnValue | None = None
    due_at: ColumnValue | None = None

    @model_validator(mode="before")
    @classmethod
    def _kind_is_a_name_or_a_mapped_column(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("kind"), dict):
            data = {**data, "kind": MappedColumn(**data["kind"])}
        return data


class Source(Settings):
    """One raw table and what it becomes. Give exactly one of `path`, `query` and `table`.

    `postgres` names the environment variable with the address of a PostgreSQL server that has the table, or runs the
    query in its own SQL.

    `written_at` is the column that says when each row was last written. `contradictions` gives, by name, conditions in
    the engine's SQL that no row should meet.
    """

    path: BelowRoot | None = None
    query: str | None = None
    table: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*){0,2}$")] | None = None
    postgres: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")] | None = None
    customers: CustomerMapping | None = None
    events: tuple[EventMapping, ...] = ()
    duplicates: Literal["keep", "drop"] = "keep"
    rows_without_customer: Literal["refuse", "drop"] = "refuse"
    written_at: str | None = None
    contradictions: dict[str, str] = {}

    @model_validator(mode="after")
    def _one_origin_and_a_purpose(self) -> Self:
        if sum(origin is not None for origin in (self.path, self.query, self.table)) != 1:
            raise ValueError("give exactly one of path, query and table")
        if self.postgres is not None and self.path is not None:
            raise ValueError("a file is not in PostgreSQL; give a table or a query")
        if self.customers is None and not self.events:
            raise ValueError("a source needs customers, events or both")
        return self

    @property
    def label(self) -> str:
        """How messages name this source."""
        return self.path or self.table or f"query {' '.join((self.query or '').split())[:40]!r}"


Repair = Literal[
    "unknown_customers",
    "events_before_sign_up",
    "events_after_closure",
    "impossible_order",
    "repeated_days",
    "impossible_values",
]
"""What may be mended on the way in; each is counted and reported."""


TAKEN = frozenset(
    [
        *("customer_id", "group_id", "signed_up_at", "ends_at", "as_of", "outcome", "unlabelled", "voiced_before"),
        *("tenure_days", "days_to_end", "first_event", "first_seen_at", "first_recorded_at"),
        *("voiced", "value", "friction", "tenure", "elsewhere"),
    ]
)
"""Names of columns that stand beside the attributes, in the canonical tables or in the labelled one."""


class Attribute(Settings):
    """A customer attribute fixed at sign-up. A protected one is never a feature."""

    type: Literal["category", "number"]
    sensitivity: Literal["none", "personal", "protected"]


class Channels(Settings):
    """What the names of channels mean. A dark channel is one the company does not monitor as service."""

    digital: tuple[str, ...] = ()
    dark: tuple[str, ...] = ()


class Eligible(Settings):
    """Who is on the spine: customers with an event of `of` (default: the defection's) within so many days."""

    active_within_days: PositiveDays
    of: tuple[str, ...] = ()


class Defection(Settings):
    """What leaving means: an explicit closure, inactivity through the whole outcome window, or either."""

    by: Literal["closure", "inactivity", "either"]
    of: Annotated[tuple[str, ...], Field(min_length=1)] = ("activity", "purchase")


class Voice(Settings):
    """What counts as telling the company: these kinds of event, on any channel that is not dark."""

    kinds: Annotated[tuple[str, ...], Field(min_length=1)] = ("complaint", "cancel_requested")
    lookback_days: PositiveDays = 90


class Snapshots(Settings):
    """The dates at which we look, and the outcome window [t + lead, t + lead + horizon) of each."""

    every: PositiveDays = 28
    first: date | None = None
    last: date | None = None
    lead_days: Days = 0
    horizon_days: PositiveDays
    settle_days: Days = 0


class Features(Settings):
    """Which feature families to build, features to leave out by name, and Python files that declare more of them."""

    families: tuple[str, ...] = (
        *("recency", "channels", "complaints", "onboarding", "outreach", "feedback", "experience", "value", "text"),
    )
    friction: tuple[str, ...] = ("error", "payment_failed", "return", "contact_abandoned")
    onboarding_days: PositiveDays = 30
    exclude: tuple[str, ...] = ()
    custom: tuple[str, ...] = ()


class Tuning(Settings):
    """The search for parameters: seeded, inside the training folds only. `objective` is what it looks for."""

    objective: Literal["log_loss", "average_precision", "expected_profit"] = "log_loss"
    trials: Annotated[int, Field(ge=0)] = 20
    timeout_s: Annotated[int, Field(ge=1)] | None = None


class Rival(Settings):
    """A scikit-learn classifier to compare the model with: where it is imported from, and its parameters."""

    estimator: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")]
    parameters: dict[str, int | float | str | bool | None] = {}


class Model(Settings):
    """How the model is trained and judged. `test_from` opens the test; without it the last `test_snapshots` do."""

    formulation: Literal["three_class", "one_vs_rest", "chain"] = "chain"
    parameters: dict[str, int | float | str | bool] = {}
    rivals: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Rival] = {}
    tuning: Tuning = Tuning()
    folds: Annotated[int, Field(ge=1)] = 3
    test_from: date | None = None
    test_snapshots: Annotated[int, Field(ge=1)] = 3
    minimum_positives: Annotated[int, Field(ge=2)] = 50
    bootstrap: Annotated[int, Field(ge=50)] = 200
    seed: int = 0

    @model_validator(mode="after")
    def _rivals_have_names_of_their_own(self) -> Self:
        if "churnml" in self.rivals:
            raise ValueError("a rival cannot be called churnml, as the model is")
        return self


class Gates(Settings):
    """From where on a night is warned of, and from where on it is refused; null switches a refusal off.

    `volume` is the share by which a volume has fallen, `missing` the share of customers who have lost a feature's
    value, `unseen` the share with a category that training never saw, `drift` a population stability index.
    `features_refuse` is the share of the features warned of for `missing` or `drift` that refuses the night.
    """

    volume_warn: Share = 0.5
    volume_refuse: Share | None = 0.8
    missing_warn: Share = 0.2
    unseen_warn: Share = 0.05
    unseen_refuse: Share | None = 0.5
    drift_warn: Annotated[float, Field(gt=0)] = 0.25
    scores_drift_refuse: Annotated[float, Field(gt=0)] | None = 1.5
    features_refuse: Share | None = 0.5


class CsvSink(Settings):
    """A call list for a CRM: the customers of these risk bands who may be contacted, riskiest first."""

    path: Annotated[str, Field(pattern=r"\.csv$")]
    risk_bands: tuple[Literal["high", "medium", "low"], ...] = ("high", "medium")
    columns: tuple[str, ...] = ("customer_id", "as_of", "p_silent", "risk_band", "reason_1", "reason_2", "reason_3")
    separator: Literal[",", ";", "\t"] = ","


class PostgresSink(Settings):
    """A table in PostgreSQL; `url` names the environment variable that holds the address, for it has a password."""

    url: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
    table: Annotated[str, Field(pattern=r"^([a-z_][a-z0-9_]{0,62}\.)?[a-z_][a-z0-9_]{0,62}$")]


class Sinks(Settings):
    """Where a night goes besides the published Parquet file."""

    csv: CsvSink | None = None
    postgres: PostgresSink | None = None


class Monitor(Settings):
    """When published nights are called bad; see `churnml.monitoring`.

    At most so many `nights` are judged, the newest whose outcomes are known, and as many watched that wait for theirs.
    A night's AUROC may fall short of the promise by `auroc`, its calibration error exceed it by `calibration_error`,
    its log loss and its lift be worse by these shares of the promise. Chances may drift by a PSI of `scores_drift`,
    and `features_drifted` is the share of features that may have moved beyond `gates.drift_warn`.
    """

    nights: Annotated[int, Field(ge=1)] = 30
    auroc: Share = 0.02
    calibration_error: Share = 0.02
    log_loss: Share = 0.1
    lift: Share = 0.2
    scores_drift: Annotated[float, Field(gt=0)] = 0.25
    features_drifted: Share = 0.3


class Scoring(Settings):
    """The nightly job. A customer is at high or medium risk from these chances of leaving silently on.

    Nights older than `keep_days` before the newest are removed (default: none). `alert` is a command, word by word,
    that is run when a night is refused.
    """

    freshness_days: Days = 7
    high_risk: Share = 0.5
    medium_risk: Share = 0.2
    reasons: Annotated[int, Field(ge=1, le=5)] = 5
    gates: Gates = Gates()
    monitor: Monitor = Monitor()
    keep_days: PositiveDays | None = None
    alert: tuple[str, ...] = ()
    sinks: Sinks = Sinks()

    @model_validator(mode="after")
    def _bands_in_order(self) -> Self:
        if self.medium_risk > self.high_risk:
            raise ValueError("medium_risk is above high_risk")
        return self


class Campaign(Settings):
    """What it costs to keep customers, for the expected maximum profit; see `churnml.metrics.profit.Campaign`."""

    contact_cost: Annotated[float, Field(ge=0)] = 1.0
    incentive_share: Annotated[float, Field(ge=0, lt=1)] = 0.05
    alpha: Annotated[float, Field(gt=0)] = 6.0
    beta: Annotated[float, Field(gt=0)] = 14.0
    customer_value: Annotated[float, Field(gt=0)] = 200.0


class Economics(Settings):
    """What a customer is worth: the sum of `amount` over these kinds in so many days before the snapshot."""

    currency: str = "EUR"
    value_kinds: tuple[str, ...] = ("purchase",)
    value_days: PositiveDays = 365
    campaign: Campaign = Campaign()


_CONDITION = r"^\s*\w+\s*(<=|>=|<|>|=)\s*-?\d+(\.\d+)?\s*$"


class Persona(Settings):
    """A kind of customer: those for whom all of `when` holds, each a feature beside a number; nothing holds for all."""

    name: Annotated[str, Field(min_length=1)]
    when: tuple[Annotated[str, Field(pattern=_CONDITION)], ...] = ()


PERSONAS = (
    Persona(name="disconnected but vocal", when=("voice_events_90d >= 1", "active_days_trend_30d < 0.6")),
    Persona(name="stressed but vocal", when=("voice_events_90d >= 1",)),
    Persona(name="disengaged and silent", when=("active_days_trend_30d < 0.6",)),
    Persona(name="dark matter", when=("dark_matter = 1",)),
    Persona(name="content"),
)
"""The personas unless the configuration has its own; the first that fits names the customer."""


class Paths(Settings):
    """Where products go, relative to the working directory: the model store, and what is published."""

    models: str = "models"
    published: str = "published"


class Config(Settings):
    """A whole business."""

    project: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    timezone: str = "UTC"
    engine: Engine = Engine()
    data: Data = Data()
    inputs: dict[Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")], BelowRoot] = {}
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    kinds: tuple[str, ...] = ()
    attributes: dict[str, Attribute] = {}
    repairs: tuple[Repair, ...] = ()
    accept: tuple[str, ...] = ()
    history_starts_on: date | None = None
    channels: Channels = Channels()
    eligible: Eligible
    defection: Defection
    voice: Voice = Voice()
    snapshots: Snapshots
    features: Features = Features()
    model: Model = Model()
    scoring: Scoring = Scoring()
    economics: Economics = Economics()
    personas: Annotated[tuple[Persona, ...], Field(min_length=1)] = PERSONAS
    paths: Paths = Paths()

    _file: Path | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"timezone {self.timezone!r} is not in the IANA database") from error
        if not any(source.customers for source in self.sources):
            raise ValueError("no source gives customers; add a customers mapping to one of the sources")
        mapped = {name for source in self.sources if source.customers for name in source.customers.attributes}
        names = [persona.name for persona in self.personas]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"personas named twice: {', '.join(repeated)}")
        if any(not persona.when for persona in self.personas[:-1]) or self.personas[-1].when:
            raise ValueError("the last persona, and no other, must be without `when`: it takes everyone else")
        if taken := sorted(name for name in self.attributes if _is_taken(name)):
            raise ValueError(
                f"attributes cannot be called {', '.join(taken)}: columns of churnml's own have such names. Call them "
                "otherwise, under attributes and where they are mapped: {another_name: column}"
            )
        if undeclared := sorted(mapped - set(self.attributes)):
            raise ValueError(f"attributes mapped but not declared under attributes: {', '.join(undeclared)}")
        return self

    @property
    def file(self) -> Path | None:
        """The file this configuration was read from."""
        return self._file

    def with_paths(self, models: str, published: str) -> Config:
        """The same business with its products elsewhere."""
        return self.changed(paths={"models": models, "published": published})

    def changed(self, **settings: Any) -> Config:
        """The same business with other settings, checked like a file's; nested mappings are merged into what is there.

        >>> config.changed(model={"formulation": "three_class", "tuning": {"trials": 5}})  # doctest: +SKIP

        Raises
        ------
        ConfigError
            A setting is unknown or has a wrong type or value; `problems` has one line for each.
        """
        merged = _merged(self.model_dump(mode="json"), settings)
        try:
            copy = Config.model_validate_json(json.dumps(merged, default=str))
        except ValidationError as error:
            raise ConfigError([f"{dotted(item['loc'])}: {_message(item)}" for item in error.errors()]) from None
        copy._file = self._file
        return copy

    @property
    def engagement_kinds(self) -> tuple[str, ...]:
        """The kinds of event that show a customer is still there."""
        return self.defection.of

    @property
    def eligible_kinds(self) -> tuple[str, ...]:
        """The kinds of event that make a customer eligible for the spine."""
        return self.eligible.of or self.defection.of

    def digest(self) -> str:
        """sha256 of the settings' canonical JSON; where the file lies does not matter, nor where a night goes to.

        Nor how nights are watched.
        """
        delivery = {"scoring": {"keep_days", "alert", "sinks", "monitor"}}
        text = json.dumps(self.model_dump(mode="json", exclude=delivery), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def load_config(path: str | Path) -> Config:
    """Read and check one configuration file.

    Raises
    ------
    ConfigError
        The file is missing or not YAML, or has unknown or duplicate keys, aliases, or wrong types.
        `problems` has one line for each, in the file's order.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such configuration file", "check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    config = parse_config(text, str(path))
    config._file = path.resolve()
    return config


def parse_config(text: str, name: str = "configuration") -> Config:
    """Check the text of a configuration; `name` stands for the file in messages."""
    document = strict_yaml.read(text, name)
    problems = document.problems
    config: Config | None = None
    try:
        config = Config(**document.values)
    except ValidationError as error:
        problems += [
            _problem(item, document.lines)
            for item in error.errors()
            if item["type"] != "too_short" or not item["input"]  # pydantic counts a faulty item as none
        ]
    if problems or config is None:
        raise ConfigError([f"{name}:{line}: {key}: {message}" for line, key, message in sorted(set(problems))])
    return config


def _is_taken(name: str) -> bool:
    """Whether an attribute's name is, or may be, that of a column of churnml's own.

    >>> _is_taken("outcome"), _is_taken("_status"), _is_taken("status")
    (True, True, False)
    """
    return name in TAKEN or name.startswith("_") or name.endswith("_right")


def _problem(error: Any, lines: dict[Key, int]) -> tuple[int, str, str]:
    """A pydantic error as (line, key, message in words)."""
    key: Key = ()
    for part in error["loc"]:
        if (*key, part) in lines:
            key = (*key, part)
        elif error["type"] in ("missing", "extra_forbidden"):
            key = (*key, part)
            break
    line = next(lines[key[:end]] for end in range(len(key), -1, -1) if key[:end] in lines)
    return line, dotted(key), _message(error)


def _message(error: Any) -> str:
    given = error.get("input")
    if error["type"] == "extra_forbidden":
        return "unknown key"
    if error["type"] == "missing":
        return "required key is missing"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    message: str = error["msg"][0].lower() + error["msg"][1:]
    if isinstance(given, Hashable) and not isinstance(given, tuple) and given is not None:
        message += f", got {given!r}"
    return message


def _merged(values: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with `changes`, mapping by mapping."""
    return values | {
        name: _merged(values[name], change)
        if isinstance(change, Mapping) and isinstance(values.get(name), dict)
        else change
        for name, change in changes.items()
    }
