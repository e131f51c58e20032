"""Features of a user's own: a Python file named in the configuration declares them, as the built-in families do."""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from churnml.errors import ChurnmlError, ConfigError
from churnml.features.checks import fault_of_expression, faults
from churnml.features.fitted import Fitted
from churnml.features.registry import CUSTOM, Context, Feature, Inventory, every_feature


@dataclass(frozen=True)
class CustomFeatures:
    """A user's file: its name in the configuration, where it lies, the hash of its text, and its `declare`."""

    name: str
    path: Path
    sha256: str
    function: Callable[[Context, Inventory], Iterable[Feature]]

    @classmethod
    def load(cls, name: str, folder: Path) -> CustomFeatures:
        """Run the file `name`, relative to `folder`.

        Raises
        ------
        ConfigError
            The file is missing, is no Python, fails when it is run, or has no `declare`; with file and line.
        """
        path = folder / name
        try:
            source = path.read_bytes()
        except OSError as error:
            reason = "no such file" if isinstance(error, FileNotFoundError) else str(error)
            raise ConfigError(
                f"features.custom: {path}: {reason}", "give a path relative to the configuration"
            ) from None
        module = ModuleType(f"churnml_custom_{path.stem}")
        module.__file__ = str(path)
        try:
            exec(compile(source, str(path), "exec"), module.__dict__)
        except SyntaxError as error:
            raise ConfigError(f"{path}:{error.lineno}: {error.msg}") from None
        except Exception as error:
            raise ConfigError(_where(error, path)) from error
        function = getattr(module, "declare", None)
        if not callable(function):
            raise ConfigError(f"{path}:1: there is no function declare(context, inventory) that yields features")
        return cls(name, path, hashlib.sha256(source).hexdigest(), function)

    def declare(self, context: Context, inventory: Inventory) -> Iterator[Feature]:
        """The declared features, checked, all of family `custom`; what their functions raise later is said alike.

        Raises
        ------
        ConfigError
            Everything that is wrong with any of them, each with file and line.
        """
        problems: list[str] = []
        found: list[Feature] = []
        guarded: dict[int, tuple[Fitted, Fitted]] = {}
        try:
            declared = iter(self.function(context, inventory))
            for feature in declared:
                line = _line(declared, feature)
                wrong = faults(feature)
                if not wrong:
                    wrong = list(self._wrong_expressions(feature, context))
                name = f"feature {feature.name}: " if isinstance(feature, Feature) else ""
                problems += [
                    text if text.startswith(str(self.path)) else f"{self.path}:{line}: {name}{text}" for text in wrong
                ]
                if not wrong:
                    found.append(replace(self._guarded(feature, guarded), family=CUSTOM))
        except Exception as error:
            problems.append(_where(error, self.path))
        if problems:
            raise ConfigError(problems)
        yield from found

    def _guarded(self, feature: Feature, known: dict[int, tuple[Fitted, Fitted]]) -> Feature:
        """The feature with functions of which every exception names file and line; one Fitted stays one."""

        def guard(function: Any, about: str) -> Any:
            def call(*arguments: Any) -> Any:
                try:
                    return function(*arguments)
                except ChurnmlError:
                    raise
                except Exception as error:
                    code = getattr(function, "__code__", None)
                    raise ConfigError(_where(error, self.path, f"{about}: ", code)) from error

            return call if function is not None else None

        about = f"feature {feature.name}"
        fitted = feature.fitted
        if fitted is not None and id(fitted) not in known:
            parts = {
                name: guard(getattr(fitted, name), f"{about}: {name}") for name in ("fit", "apply", "records", "read")
            }
            uses = tuple(self._guarded(used, known) for used in fitted.uses)
            known[id(fitted)] = fitted, replace(fitted, uses=uses, **parts)
        return replace(
            feature,
            expression=guard(feature.expression, about),
            uses=tuple(self._guarded(used, known) for used in feature.uses),
            fitted=None if fitted is None else known[id(fitted)][1],
        )

    def _wrong_expressions(self, feature: Feature, context: Context) -> Iterator[str]:
        inputs = feature.fitted.uses if feature.fitted is not None else ()
        for item in every_feature((*inputs, feature)):
            try:
                fault = fault_of_expression(item, context)
            except Exception as error:
                yield _where(error, self.path, f"feature {item.name}: ", getattr(item.expression, "__code__", None))
            else:
                if fault:
                    yield fault if item is feature else f"it uses {item.name}: {fault}"


def _line(declared: Any, feature: object) -> int:
    """Where a feature is declared: where the generator stands, else where the feature's expression is written."""
    frame = getattr(declared, "gi_frame", None)
    code = getattr(getattr(feature, "expression", None), "__code__", None)
    return int(frame.f_lineno if frame is not None else code.co_firstlineno if code is not None else 1)


def _where(error: Exception, path: Path, about: str = "", code: Any = None) -> str:
    """An error as `file:line: what`, with the last line of the user's own file that led to it."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    line = lines[-1] if lines else code.co_firstlineno if code is not None else 1
    said = str(error).strip().splitlines()
    return f"{path}:{line}: {about}{type(error).__name__}: {said[0] if said else 'no message'}"
