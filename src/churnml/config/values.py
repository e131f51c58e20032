"""The base of every section, and the kinds of value that several sections have."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


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
