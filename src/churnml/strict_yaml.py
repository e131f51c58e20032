"""YAML read strictly: plain values with the line of every key; duplicate keys, anchors and aliases are problems.

`yaml.safe_load` accepts duplicate keys and reads `NO`, `12:30:45` and `1_000` as something else than text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

import yaml

from churnml.errors import ConfigError

Key = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """What a file says: values, the line of every key, and the problems met as (line, key, message)."""

    values: dict[str, Any]
    lines: dict[Key, int]
    problems: list[tuple[int, str, str]]


class _StrictLoader(yaml.SafeLoader):
    """YAML without surprises: only true/false are booleans, only plain decimals are numbers."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}  # type: ignore[misc]


for _tag, _pattern, _first in (
    ("tag:yaml.org,2002:bool", r"^(?:true|false)$", "tf"),
    ("tag:yaml.org,2002:int", r"^-?(?:0|[1-9][0-9]*)$", "-0123456789"),
    ("tag:yaml.org,2002:float", r"^-?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+]?[0-9]+)?$", "-0123456789"),
    ("tag:yaml.org,2002:timestamp", r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "0123456789"),
    ("tag:yaml.org,2002:null", r"^(?:~|null|)$", "~n\0"),
):
    _StrictLoader.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))
_StrictLoader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^$"), [""])


class _Reading:
    """One pass over a YAML node tree: plain values, the line of every key, and the problems met."""

    def __init__(self, loader: _StrictLoader) -> None:
        self.loader = loader
        self.lines: dict[Key, int] = {}
        self.problems: list[tuple[int, str, str]] = []

    def plain(self, node: yaml.Node, key: Key = ()) -> Any:
        self.lines.setdefault(key, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            result: dict[str, Any] = {}
            for key_node, value_node in node.value:
                name = key_node.value if isinstance(key_node, yaml.ScalarNode) else ""
                line = key_node.start_mark.line + 1
                if not name:
                    self.problems.append((line, dotted(key), "a key must be a plain word"))
                    continue
                if name in result:
                    first = self.lines[(*key, name)]
                    self.problems.append((line, dotted((*key, name)), f"duplicate key, first given on line {first}"))
                    continue
                self.lines[(*key, name)] = line
                result[name] = self.plain(value_node, (*key, name))
            return result
        if isinstance(node, yaml.SequenceNode):
            return tuple(self.plain(item, (*key, index)) for index, item in enumerate(node.value))
        try:
            return self.loader.construct_object(node)
        except (ValueError, yaml.YAMLError) as error:
            self.problems.append((node.start_mark.line + 1, dotted(key), str(error).splitlines()[0]))
            return None


def dotted(key: Key) -> str:
    """A key path as people write it.

    >>> dotted(("sources", 0, "events", 1, "kind"))
    'sources[0].events[1].kind'
    """
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "(whole file)"


_DEEPEST, _MOST_TOKENS, _LONGEST = 40, 10_000, 100_000
"""Levels, tokens and characters of a file: no business needs so many, and reading them takes long."""
_OPENING = (
    yaml.BlockMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.FlowSequenceStartToken,
)
_CLOSING = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)
_ALIAS = "YAML anchors and aliases are not allowed; write the value out"


def _aliases(text: str, name: str) -> list[int]:
    """The lines with an anchor or alias. ConfigError as soon as the text is larger or deeper than a business can be."""
    if len(text) > _LONGEST:
        raise ConfigError(f"{name}:1: more than {_LONGEST:,} characters", "a configuration is shorter")
    lines, depth = [], 0
    for number, token in enumerate(yaml.scan(text, Loader=_StrictLoader)):
        line = token.start_mark.line + 1
        depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
        if depth > _DEEPEST:
            raise ConfigError(f"{name}:{line}: nested deeper than {_DEEPEST} levels", "write it flatter")
        if number > _MOST_TOKENS:
            raise ConfigError(f"{name}:{line}: too much for a configuration", "write it shorter")
        if isinstance(token, yaml.AliasToken | yaml.AnchorToken):
            lines.append(line)
    return lines


def read(text: str, name: str) -> Document:
    """Read the text of a file that holds keys and values; `name` stands for the file in messages.

    Raises
    ------
    ConfigError
        It is not YAML, not a mapping, or has anchors or aliases.
    """
    try:
        if marks := _aliases(text, name):
            raise ConfigError([f"{name}:{line}: {_ALIAS}" for line in marks])
        loader = _StrictLoader(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{name}:{line}: not valid YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}:1: not valid YAML: {error}") from error
    if node is None or not isinstance(node, yaml.MappingNode):
        raise ConfigError(f"{name}:1: the file must hold keys and values, beginning with project:")
    reading = _Reading(loader)
    return Document(reading.plain(node), reading.lines, reading.problems)
