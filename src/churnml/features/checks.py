"""What a declared feature must fulfil, whoever declares it."""

from __future__ import annotations

import re
from typing import Any, get_args

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir

from churnml.contract import EVENTS
from churnml.features.grains import grain
from churnml.features.registry import FITTED, GRAINS, THEMES, Context, Feature, Needs, Worse
from churnml.features.sentences import fault_of_template
from churnml.timeline import CLOCKS

_AGES = dict.fromkeys(("age_days", "age_s", "due_in_s"), "int64")
_SPINE = {"customer_id": "string", "tenure_days": "int64", "days_to_end": "int64"}


def faults(feature: object) -> list[str]:
    """Everything that is wrong with a declaration, in words; empty when nothing is.

    >>> from churnml.features.registry import Feature
    >>> visits = Feature(name="Visits", doc="", unit="", theme="going quiet", sentence="", grain="day", expression=len)
    >>> faults(visits)
    ["name 'Visits' must be small letters, digits and underscores",
     'doc is empty', 'unit is empty', 'sentence is empty']
    """
    if not isinstance(feature, Feature):
        return [f"declare must yield Feature objects, not {type(feature).__name__}"]
    found = []
    if not re.fullmatch(r"[a-z0-9][a-z0-9_]*", str(feature.name)):
        found.append(f"name {feature.name!r} must be small letters, digits and underscores")
    found += [f"{name} is empty" for name in ("doc", "unit", "sentence") if not _is_text(getattr(feature, name))]
    if feature.theme not in THEMES:
        found.append(f"theme {feature.theme!r} is not one of {', '.join(THEMES)}")
    if feature.grain not in (*GRAINS, FITTED):
        found.append(f"grain {feature.grain!r} is not one of {', '.join((*GRAINS, FITTED))}")
    if (feature.fitted is None) == (feature.grain == FITTED):
        found.append(f"fitted and grain {FITTED!r} go together")
    if not callable(feature.expression):
        found.append("expression must be a function")
    if feature.empty is not None and not isinstance(feature.empty, int | float):
        found.append(f"empty must be a number or None, not {feature.empty!r}")
    if feature.worse not in (None, *get_args(Worse)):
        found.append(f"worse must be {' or '.join(map(repr, get_args(Worse)))}, or None, not {feature.worse!r}")
    found += _needs(feature.needs)
    for name in ("sentence", "sentence_low", "sentence_empty"):
        if isinstance(template := getattr(feature, name), str) and (fault := fault_of_template(template)):
            found.append(f"{name}: {fault}")
    return found


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _needs(needs: object) -> list[str]:
    if not isinstance(needs, Needs):
        return [f"needs must be a Needs, not {type(needs).__name__}"]
    return [
        f"needs.{name} must be a tuple of names, such as ('purchase',)"
        for name, value in vars(needs).items()
        if not isinstance(value, tuple) or not all(_is_text(item) for item in value)
    ]


def fault_of_expression(feature: Feature, context: Context) -> str | None:
    """Write a feature's expression over empty tables and say what is wrong with it; whatever it raises is raised."""
    if feature.fitted is not None:
        return None
    if feature.grain == "row":
        table = ibis.table(_SPINE | {used.name: "float64" for used in feature.uses}, name="rows")
    else:
        columns = {name: kind for name, kind in EVENTS.items() if name not in CLOCKS} | _AGES
        table = grain(feature.grain, ibis.table(_SPINE, name="spine"), ibis.table(columns, name="events"), context)
    value: Any = feature.expression(table)
    if not isinstance(value, ir.Value) or not (value.type().is_numeric() or value.type().is_boolean()):
        return "the expression must give a number for each customer"
    if feature.grain != "row" and not value.op().shape.is_scalar():
        return "the expression must be an aggregate over the customer's rows, such as a count, a sum or a minimum"
    if value.op().find(ops.Impure):
        return "the expression uses a clock, chance or code of its own, so that it would not give the same twice"
    return None
