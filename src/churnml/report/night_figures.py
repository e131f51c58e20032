"""The figures of watched nights: a frame in, an inline SVG out. A figure computes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from churnml.report.drawing import (
    ACCENT,
    FAINT,
    INK,
    MUTED,
    PAPER,
    SECOND,
    WIDE,
    Drawing,
    drawing,
    locator,
)
from churnml.report.words import percent, short_day


def by_night(frame: pd.DataFrame, name: str, *, digits: int = 2) -> Drawing:
    """One metric night by night beside the promise.

    Columns: as_of; value, low, high (nan while the outcome is not known); estimate; promised, promised_low,
    promised_high; worse and withdrawn (true or false). Nights stand at their days.
    """

    def draw(axes: Any, width: int) -> None:
        days = _days(frame)
        axes.grid(axis="y")
        axes.fill_between(
            _edges(days), *(_stepped(frame[side]) for side in ("promised_low", "promised_high")),
            color=FAINT, alpha=0.55, linewidth=0, step=None,
        )  # fmt: skip
        axes.plot(_edges(days), _stepped(frame["promised"]), color=MUTED, linewidth=1.2, dashes=(4, 3))
        known = frame["value"].notna().to_numpy()
        waiting = ~known & frame["estimate"].notna().to_numpy()
        axes.plot(days[waiting], frame["estimate"][waiting], "o", color=PAPER, markersize=6, markeredgecolor=SECOND,
                  markeredgewidth=1.5)  # fmt: skip
        for bad, colour in ((False, SECOND), (True, ACCENT)):
            rows = known & (frame["worse"].to_numpy(dtype=bool) == bad)
            part = frame[rows]
            axes.vlines(days[rows], part["low"], part["high"], color=colour, linewidth=2)
            axes.plot(days[rows], part["value"], "o", color=colour, markersize=7, markeredgecolor=PAPER,
                      markeredgewidth=1)  # fmt: skip
        numbers = frame[["value", "low", "high", "estimate", "promised_low", "promised_high"]].to_numpy(dtype=float)
        low, high = float(np.nanmin(numbers)), float(np.nanmax(numbers))
        room = 0.06 * (high - low or 1)
        axes.set_ylim(low - room, high + room)
        axes.yaxis.set_major_locator(locator(5))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:.{digits}f}")
        _calendar(axes, frame["as_of"], width)
        _marks(axes, width, _entries(frame))

    return drawing(name, draw, lambda width: 290 if width == WIDE else 310, left=46, right=10, top=_TOP, bottom=34)


def expected_and_seen(frame: pd.DataFrame, name: str) -> Drawing:
    """Of each judged night's customers, who left silently and who was expected to. Columns: as_of, seen, expected."""

    def draw(axes: Any, width: int) -> None:
        days = _days(frame)
        axes.grid(axis="y")
        axes.plot(days, frame["expected"], color=MUTED, linewidth=1.4, dashes=(4, 3))
        axes.plot(days, frame["seen"], "o-", color=SECOND, linewidth=1.4, markersize=6, markeredgecolor=PAPER,
                  markeredgewidth=1)  # fmt: skip
        axes.set_ylim(0, 1.15 * max(0.01, float(frame[["seen", "expected"]].to_numpy().max())))
        axes.yaxis.set_major_locator(locator(4))
        axes.yaxis.set_major_formatter(lambda value, _: percent(value))
        _calendar(axes, frame["as_of"], width)
        _marks(axes, width, [("Left silently", "o", SECOND, SECOND), ("Expected", "--", MUTED, MUTED)])

    return drawing(name, draw, lambda width: 230, left=46, right=10, top=36, bottom=34)


def drift_by_night(frame: pd.DataFrame, limit: float, name: str) -> Drawing:
    """How far the chances of each night have moved. Columns: as_of, psi, beyond (true or false)."""

    def draw(axes: Any, width: int) -> None:
        days, beyond = _days(frame), frame["beyond"].to_numpy(dtype=bool)
        axes.grid(axis="y")
        for bad, colour in ((False, SECOND), (True, ACCENT)):
            rows = beyond == bad
            axes.vlines(days[rows], 0, frame["psi"][rows], color=colour, linewidth=4 if width == WIDE else 3)
        axes.axhline(limit, color=MUTED, linewidth=1.2, dashes=(4, 3))
        axes.annotate(
            f"Limit {limit:g}", (0, limit), (0, 6), xycoords=("axes fraction", "data"),
            textcoords="offset points", ha="left", color=MUTED, size=12.5,
        )  # fmt: skip
        axes.set_ylim(0, 1.2 * max(limit * 1.2, float(frame["psi"].max())))
        axes.yaxis.set_major_locator(locator(4))
        _calendar(axes, frame["as_of"], width)

    return drawing(name, draw, lambda width: 200, left=46, right=10, top=10, bottom=34)


_TOP = 62


def _entries(frame: pd.DataFrame) -> list[tuple[str, str, str, str]]:
    """The marks that are there to be explained: label, mark, edge, face."""
    known = frame["value"].notna()
    bad = frame["worse"].astype(bool)
    entries = [("Promised, with its interval", "--", MUTED, FAINT)]
    if (known & ~bad).any():
        entries.append(("As promised", "o", PAPER, SECOND))
    if (known & bad).any():
        entries.append(("Worse beyond noise", "o", PAPER, ACCENT))
    if (~known & frame["estimate"].notna()).any():
        entries.append(("Only estimated", "o", SECOND, PAPER))
    return entries


def _marks(axes: Any, width: int, entries: list[tuple[str, str, str, str]]) -> None:
    """A key above the axes, in as many lines as it takes."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=edge, linewidth=1.4, dashes=(4, 3))
        if mark == "--"
        else Line2D([], [], marker="o", linestyle="", color=face, markersize=7, markeredgecolor=edge,
                    markeredgewidth=1.5 if edge == SECOND else 1)
        for _, mark, edge, face in entries
    ]  # fmt: skip
    axes.legend(
        handles=handles,
        labels=[label for label, *_ in entries],
        loc="lower left",
        bbox_to_anchor=(-46 / (width - 56), 1.02),
        ncols=2,
        frameon=False,
        borderpad=0,
        borderaxespad=0,
        handletextpad=0.4,
        columnspacing=1.4 if width == WIDE else 0.6,
        labelcolor=INK,
        fontsize=12.5 if width == WIDE else 11,
    )


def _days(frame: pd.DataFrame) -> np.ndarray[Any, Any]:
    """Each night's day, as a number on the axis."""
    stamps = pd.to_datetime(frame["as_of"]).to_numpy(dtype="datetime64[D]")
    return stamps.astype("int64").astype(float)


def _edges(days: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Half a day to either side of each night, so that a band reaches over single nights as well."""
    return np.ravel(np.column_stack([days - 0.5, days + 0.5]))


def _stepped(values: pd.Series) -> np.ndarray[Any, Any]:
    return np.repeat(values.to_numpy(dtype=float), 2)


def _calendar(axes: Any, dates: pd.Series, width: int) -> None:
    """Days along the axis, as many as there is room for."""
    days = _days(dates.to_frame("as_of"))
    first, last = float(days.min()), float(days.max())
    number = max(2, min((width - 56) // 92, int(last - first) + 1))
    places = np.unique(np.round(np.linspace(first, last, number)))
    axes.set_xlim(first - 0.02 * (last - first) - 1, last + 0.02 * (last - first) + 1)
    axes.set_xticks(places, [short_day(pd.Timestamp(int(place), unit="D")) for place in places])
    labels = axes.get_xticklabels()
    if len(labels) > 1:
        labels[0].set_ha("left")
        labels[-1].set_ha("right")
