"""The figures of the insights: a frame in, an inline SVG out. A figure computes nothing."""

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
    date_axis,
    drawing,
    headroom,
    key,
    locator,
    shortened,
)


def iceberg(frame: pd.DataFrame, name: str) -> Drawing:
    """Leavers after each friction: above the water who had said so, below it who never did.

    Columns: friction, aloud, silent (numbers of leavers), in the order drawn; a phone shows the first three and the
    last, which is that there was none.
    """

    def draw(axes: Any, width: int) -> None:
        shown = frame if width == WIDE or len(frame) <= 4 else pd.concat([frame.head(3), frame.tail(1)])
        places, aloud, silent = np.arange(len(shown)), shown["aloud"].to_numpy(), shown["silent"].to_numpy()
        axes.bar(places, aloud, 0.72, color=SECOND)
        axes.bar(places, -silent, 0.72, color=ACCENT)
        axes.axhline(0, color=MUTED, linewidth=1.4)
        for place, up, down in zip(places, aloud, silent, strict=True):
            for number, end, offset, side in ((up, up, 5, "bottom"), (down, -down, -5, "top")):
                axes.annotate(
                    f"{number:,.0f}",
                    (place, end),
                    (0, offset),
                    textcoords="offset points",
                    ha="center",
                    va=side,
                    size=12,
                )
        deepest, highest = float(silent.max(initial=1)), float(aloud.max(initial=0))
        axes.set_ylim(-1.12 * deepest, highest + 0.14 * (highest + deepest))
        axes.set_xlim(-0.6, len(shown) - 0.4)
        axes.set_xticks(places, [str(friction).replace(" ", "\n", 1) for friction in shown["friction"]])
        axes.tick_params(axis="x", labelcolor=INK)
        axes.yaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
        key(axes, [("Left, having said so", SECOND), ("Left without a word", ACCENT)], width)

    return drawing(name, draw, lambda width: 340, left=46, right=10, top=40, bottom=48)


def channel_launch(frame: pd.DataFrame, name: str) -> Drawing:
    """Contacts by month, those on a new channel by who made them. Columns: month, others, heard, unheard, newcomers."""
    parts = (
        ("others", "Other channels", FAINT),
        ("heard", "New: heard before", SECOND),
        ("unheard", "New: never heard", ACCENT),
        ("newcomers", "New: joined since", MUTED),
    )

    def draw(axes: Any, width: int) -> None:
        places, floor = np.arange(len(frame)), np.zeros(len(frame))
        axes.grid(axis="y")
        for column, _, colour in parts:
            height = frame[column].to_numpy(dtype=float)
            axes.bar(places, height, 0.82, bottom=floor, color=colour, edgecolor=PAPER, linewidth=0.6)
            floor = floor + height
        axes.set_ylim(0, 1.04 * max(1.0, float(floor.max(initial=1))))
        axes.yaxis.set_major_locator(locator(4, integer=True))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.set_xlim(-0.6, len(frame) - 0.4)
        date_axis(axes, frame["month"], width)
        key(axes, [(label, colour) for _, label, colour in parts], width, lines=1 if width == WIDE else 2)

    return drawing(name, draw, lambda width: 320, left=46, right=10, top=headroom, bottom=34)


def flow(frame: pd.DataFrame, name: str) -> Drawing:
    """What became of each persona a month on; the rest is blank. Columns: persona, same, other, silent, aloud."""
    parts = (
        ("silent", "Left silently", ACCENT),
        ("aloud", "Left, having said so", MUTED),
        ("other", "Another kind", SECOND),
        ("same", "The same", FAINT),
    )

    def draw(axes: Any, width: int) -> None:
        rows, floor = np.arange(len(frame))[::-1], np.zeros(len(frame))
        for column, _, colour in parts:
            share = frame[column].to_numpy(dtype=float)
            axes.barh(rows, share, 0.66, left=floor, color=colour, edgecolor=PAPER, linewidth=0.6)
            floor = floor + share
        axes.set_yticks(rows, [shortened(one[:1].upper() + one[1:], 22) for one in frame["persona"]])
        axes.tick_params(axis="y", labelcolor=INK, pad=8)
        axes.set_xlim(0, 1)
        axes.set_xticks([0, 0.5, 1], ["0%", "50%", "100%"])
        axes.set_ylim(-0.6, len(frame) - 0.4)
        axes.spines["bottom"].set_visible(False)
        lines = 1 if width == WIDE else 2
        key(axes, [(label, colour) for _, label, colour in parts], width, lines=lines)
        axes.get_legend().set_bbox_to_anchor((-172 / (width - 198), 1.02))

    return drawing(
        name,
        draw,
        lambda width: 50 + int(headroom(width)) + 34 * len(frame),
        left=172,
        right=26,
        top=headroom,
        bottom=34,
    )
