"""The figures of what moves the model's answer: a frame in, an inline SVG out. A figure computes nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from textwrap import wrap
from typing import Any

import numpy as np
import pandas as pd

from churnml.report.drawing import ACCENT, INK, MUTED, PAPER, SECOND, WIDE, Drawing, drawing, shortened
from churnml.report.tables import records
from churnml.report.words import percent, times

ROW, HEAD, LINE, FOOT = 19, 16, 15, 40
"""Heights in a panel, in CSS pixels: of a step, of the room above the title, of a line of it, of the axis below."""
LETTERS, LABEL = 44, 17
"""So many letters of a title fit into a line, so many of a step's name beside the panel."""


def drivers(frame: pd.DataFrame, name: str) -> Drawing:
    """Bars of each theme's share of all pushes. Columns: theme, share, low, high (nan where not known)."""
    frame = frame[frame["share"] > 0].head(12)

    def draw(axes: Any, width: int) -> None:
        rows = np.arange(len(frame))[::-1]
        ends = np.fmax(frame["share"], frame["high"])
        axes.barh(rows, frame["share"], height=0.62, color=ACCENT)
        axes.hlines(rows, frame["low"], frame["high"], color=INK, linewidth=1.6)
        axes.set_yticks(rows, [theme[:1].upper() + theme[1:] for theme in frame["theme"]])
        axes.tick_params(axis="y", labelcolor=INK, pad=8)
        for row, share, end in zip(rows, frame["share"], ends, strict=True):
            axes.annotate(percent(share), (end, row), (6, 0), textcoords="offset points", va="center", size=12.5)
        axes.set_xlim(0, float(ends.max()) * 1.02)
        axes.set_ylim(-0.6, len(frame) - 0.4)
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
        axes.axvline(0, color=MUTED, linewidth=1)

    return drawing(name, draw, lambda width: 16 + 32 * len(frame), left=172, right=52, top=8, bottom=8)


def shapes(panels: Sequence[tuple[str, pd.DataFrame]], name: str) -> Drawing:
    """How the odds of leaving move with a value: a panel per signal, two beside each other where there is room.

    Each panel: its title, and a frame of the steps from low to high with step (its label), odds, low, high (times those
    of the average customer). A phone shows the first four.
    """

    def shown(width: int) -> list[list[tuple[str, pd.DataFrame]]]:
        columns = 2 if width == WIDE else 1
        chosen = list(panels) if width == WIDE else list(panels)[:4]
        return [chosen[place : place + columns] for place in range(0, len(chosen), columns)]

    def head(row: list[tuple[str, pd.DataFrame]]) -> int:
        return HEAD + LINE * max(len(wrap(title, LETTERS)) for title, _ in row)

    def heights(width: int) -> list[int]:
        return [head(row) + FOOT + ROW * max(len(frame) for _, frame in row) for row in shown(width)]

    def draw(axes: Any, width: int) -> None:
        axes.set_axis_off()
        figure, tall, top = axes.figure, sum(heights(width)), 0
        for row, height in zip(shown(width), heights(width), strict=True):
            each = width / (2 if width == WIDE else 1)
            for place, (title, frame) in enumerate(row):
                own, left = ROW * len(frame), place * each + 108
                box = (
                    left,
                    tall - top - head(row) - own,
                    each - 108 - (22 if place == 0 and width == WIDE else 12),
                    own,
                )
                panel = figure.add_axes(
                    (box[0] / width, box[1] / tall, box[2] / width, box[3] / tall), facecolor="none"
                )
                _panel(panel, title, frame, offset=place * each / width, width=width)
            top += height

    return drawing(name, draw, lambda width: sum(heights(width)), left=0, right=0, top=0, bottom=0)


def _panel(axes: Any, title: str, frame: pd.DataFrame, *, offset: float, width: int) -> None:
    rows = np.arange(len(frame))[::-1]
    axes.set_xscale("log", base=2)
    axes.axvline(1, color=MUTED, linewidth=1.2, dashes=(4, 3))
    axes.grid(axis="x")
    for place, row in zip(rows, records(frame), strict=True):
        colour = ACCENT if row.odds > 1 else SECOND
        axes.hlines(place, row.low, row.high, color=colour, linewidth=2)
        axes.plot(row.odds, place, "o", color=colour, markersize=7, markeredgecolor=PAPER, markeredgewidth=1)
    reach = max(1.0, float(np.abs(np.log2(frame[["low", "high", "odds"]].to_numpy())).max()))
    step = max(1, math.ceil(reach / 2))
    ticks = [2.0**power for power in range(-2 * step, 2 * step + 1, step)]
    axes.set_xlim(2 ** (-1.08 * reach), 2 ** (1.08 * reach))
    ticks = [tick for tick in ticks if abs(math.log2(tick)) <= 1.08 * reach]
    axes.set_xticks(ticks, [times(tick) for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_yticks(rows, [shortened(step, LABEL) for step in frame["step"]])
    axes.set_ylim(-0.6, len(frame) - 0.4)
    axes.tick_params(axis="y", labelcolor=INK, pad=8, labelsize=12)
    axes.annotate(
        "\n".join(wrap(title, LETTERS)), (offset, 1), (0, 8),
        xycoords=("figure fraction", "axes fraction"), textcoords="offset points",
        ha="left", va="bottom", size=12.5, weight="bold",
    )  # fmt: skip
