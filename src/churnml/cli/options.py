"""What commands have in common: the configuration, and options that several of them take."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from churnml.errors import ChurnmlError

if TYPE_CHECKING:
    from churnml.config import Config
else:
    Config = object  # a command line that only helps reads no configuration


class Refused(ChurnmlError):
    """What a command has shown already is refused: data, a night or a model."""

    exit_code = 65


def _load(path: str) -> Config:
    from churnml.config import load_config

    return load_config(Path(path))


ConfigFile = Annotated[
    Config, typer.Argument(metavar="CONFIG", parser=_load, help="The YAML file that describes the business.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for machines, and nothing else.")]
DataRoot = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Where the sources' paths begin, instead of data.root.")
]


def to_day(text: str) -> date:
    """A day as it is written on the command line."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date; write it as 2024-03-01") from None


def to_moment(text: str) -> datetime:
    """A moment as it is written on the command line, in the configured time zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a moment; write it as 2024-03-01 or 2024-03-01T06:00") from None
    if moment.tzinfo is not None:
        raise typer.BadParameter("give the wall-clock time in the configured time zone, without an offset")
    return moment


AsOf = Annotated[
    date, typer.Option("--as-of", metavar="DATE", parser=to_day, help="Score as known at the start of it.")
]
CheckedAsOf = Annotated[
    date | None,
    typer.Option(
        "--as-of", metavar="DATE", parser=to_day, help="The day of the check; what lies after it is in the future."
    ),
]
KnownAt = Annotated[
    datetime | None,
    typer.Option("--known-at", metavar="MOMENT", parser=to_moment, help="Use only what was recorded before this."),
]
