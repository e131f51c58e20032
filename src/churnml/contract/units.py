"""Numbers of a wrong unit: seconds that are milliseconds, all along or from one month on, euros that become cents."""

from __future__ import annotations

from collections.abc import Iterator
from math import log
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from churnml.contract.report import Violation

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from churnml.engine import Engine

NUMBERS = ("amount", "quantity", "duration_s", "wait_s")
FACTORS = (10, 60, 100, 1000, 3600)
NEAR = 1.33
"""The typical size must jump by one of `FACTORS`, or by its inverse, to within this factor."""
STEADY = 2.0
"""On either side of the jump no month's typical size may lie further than this factor from the side's own."""
FEWEST_VALUES = 30
"""Months with fewer values are not judged."""
BRIEF = ("activity", "contact", "contact_abandoned")
LONGEST = 6 * 3600
"""No visit and no talk typically lasts longer: such durations are no seconds."""


def unit_checks(events: ir.Table, engine: Engine) -> Iterator[Violation]:
    """Numbers of a kind, on one channel, whose typical size jumps between two months and stays there.

    The typical size is the geometric mean of the positive values of a month, so a few huge values do not matter. The
    month in which the unit changes may be mixed, and is left out of the comparison.
    """
    months = events.mutate(month=events.occurred_at.truncate("M"))
    sizes: dict[str, Any] = {}
    for name in NUMBERS:
        value = months[name].cast("float64")
        positive = (value > 0).fill_null(False)
        sizes |= {
            f"{name}_values": positive.sum(),
            f"{name}_size": positive.ifelse(value, None).ln().mean(),
        }
    table = engine.frame(months.group_by("kind", "channel", "month").aggregate(**sizes)).sort_values("month")
    yield from _endless(table)
    for name in NUMBERS:
        jumps: dict[tuple[str, float, pd.Timestamp], int] = {}
        for (kind, _), part in table.groupby(["kind", "channel"], dropna=False):
            part = part[part[f"{name}_values"] >= FEWEST_VALUES]
            found = jump(part[f"{name}_size"].to_numpy(dtype=np.float64))
            if found is not None:
                place, factor = found
                key = (str(kind), factor, pd.Timestamp(part["month"].iloc[place]))
                jumps[key] = jumps.get(key, 0) + int(part[f"{name}_values"].iloc[place:].sum())
        for (kind, factor, month), count in sorted(jumps.items()):
            times = f"{factor:.0f} times larger" if factor > 1 else f"{1 / factor:.0f} times smaller"
            yield Violation(
                "events", f"{kind}.{name}", "values after a change of unit", count, "refuse",
                f"about {times} from {month:%Y-%m} on; bring them to one unit in a query",
            )  # fmt: skip


def _endless(table: pd.DataFrame) -> Iterator[Violation]:
    """Visits and talks that would last for hours; `table` has the sizes by kind, channel and month."""
    for kind, part in table[table["kind"].isin(BRIEF)].groupby("kind"):
        part = part[part["duration_s_values"] > 0]
        values = part["duration_s_values"].sum()
        if values < FEWEST_VALUES:
            continue
        typical = float(np.exp(np.average(part["duration_s_size"], weights=part["duration_s_values"])))
        if typical > LONGEST:
            yield Violation(
                "events", f"{kind}.duration_s", "durations of a wrong unit", int(values), "warn",
                f"typical is {typical:,.0f} seconds, {typical / 3600:,.0f} hours; of milliseconds, divide by 1000 in a "
                "query",
            )  # fmt: skip


def jump(sizes: np.ndarray) -> tuple[int, float] | None:
    """Where the logarithms of monthly sizes jump by a change of unit, and by which of the factors.

    The place is the first month in which the new unit is seen. At least two months must lie before it.

    >>> jump(np.log([300.0, 310.0, 295.0, 301000.0, 299000.0]))
    (3, 1000)
    >>> jump(np.log([300.0, 310.0, 9000.0, 301000.0, 299000.0]))  # changed within the third month
    (2, 1000)
    >>> jump(np.log([300.0, 400.0, 800.0, 1600.0, 3200.0])) is None  # growth is no change of unit
    True
    """
    for mixed in (0, 1):
        best: tuple[float, int, float] | None = None
        for place in range(2, len(sizes) - mixed):
            before, after = sizes[:place], sizes[place + mixed :]
            low, high = float(np.median(before)), float(np.median(after))
            if max(np.abs(before - low).max(), np.abs(after - high).max()) > log(STEADY):
                continue
            if mixed and not min(low, high) < sizes[place] < max(low, high):
                continue
            for factor in (*FACTORS, *(1 / each for each in FACTORS)):
                off = abs(high - low - log(factor))
                if off <= log(NEAR) and (best is None or off < best[0]):
                    best = (off, place, factor)
        if best is not None:
            return best[1], best[2]
    return None
