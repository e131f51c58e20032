"""A whole configuration, and how it is read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, ValidationError, field_validator, model_validator

from churnml import strict_yaml
from churnml.config.acting import Actions
from churnml.config.business import (
    PERSONAS,
    Channels,
    Defection,
    Economics,
    Eligible,
    Features,
    Persona,
    Snapshots,
    Voice,
)
from churnml.config.learning import Model
from churnml.config.mapping import Attribute, Data, Repair, Source, is_taken
from churnml.config.nightly import Scoring
from churnml.config.values import BelowRoot, Settings
from churnml.errors import ConfigError
from churnml.strict_yaml import Key, dotted


class Engine(Settings):
    """The engine that holds the tables and computes the features."""

    name: Literal["duckdb", "spark"] = "duckdb"
    memory_limit: Annotated[str, Field(pattern=r"^\d+(\.\d+)?\s?(MB|GB)$")] = "2GB"
    threads: Annotated[int, Field(ge=1)] = 2


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
    actions: Actions = Actions()
    personas: Annotated[tuple[Persona, ...], Field(min_length=1)] = PERSONAS
    paths: Paths = Paths()

    _file: Path | None = None

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, timezone: str) -> str:
        try:
            ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"timezone {timezone!r} is not in the IANA database") from error
        return timezone

    @field_validator("attributes")
    @classmethod
    def _are_free(cls, attributes: dict[str, Attribute]) -> dict[str, Attribute]:
        if taken := sorted(name for name in attributes if is_taken(name)):
            raise ValueError(
                f"attributes cannot be called {', '.join(taken)}: columns of churnml's own have such names. Call them "
                "otherwise, under attributes and where they are mapped: {another_name: column}"
            )
        return attributes

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not any(source.customers for source in self.sources):
            raise ValueError("no source gives customers; add a customers mapping to one of the sources")
        mapped = {name for source in self.sources if source.customers for name in source.customers.attributes}
        names = [persona.name for persona in self.personas]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"personas named twice: {', '.join(repeated)}")
        if any(not persona.when for persona in self.personas[:-1]) or self.personas[-1].when:
            raise ValueError("the last persona, and no other, must be without `when`: it takes everyone else")
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
