"""The figures of the model and its nights: a frame in, an inline SVG out. A figure computes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from churnml.insights.silent_share import COMMON_FIGURE
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
    key,
    locator,
    share_axis,
    shortened,
)
from churnml.report.words import percent


def outcome_mix(frame: pd.DataFrame, name: str) -> Drawing:
    """Stacked bars of the share that left at each snapshot. Columns: as_of, customers, silent, vocal."""
    parts = (("silent", "Left silently", ACCENT), ("vocal", "Left, having said so", SECOND))
    shares = {outcome: (frame[outcome] / frame["customers"]).to_numpy() for outcome, _, _ in parts}

    def draw(axes: Any, width: int) -> None:
        places, floor = np.arange(len(frame)), np.zeros(len(frame))
        for outcome, _, colour in parts:
            axes.bar(places, shares[outcome], 0.82, bottom=floor, color=colour, edgecolor=PAPER, linewidth=0.6)
            floor = floor + shares[outcome]
        axes.set_ylim(0, 1.12 * float(floor.max(initial=0)) or 1.0)
        axes.grid(axis="y")
        share_axis(axes.yaxis, 4)
        axes.set_xlim(-0.6, len(frame) - 0.4)
        date_axis(axes, frame["as_of"], width)
        key(axes, [(label, colour) for _, label, colour in parts], width)

    return drawing(name, draw, lambda width: 260, left=46, right=10, top=40, bottom=34)


def silent_shares(frame: pd.DataFrame, name: str) -> Drawing:
    """The share of leavers who were silent, snapshot by snapshot, beside 96%. Columns: as_of, share, low, high."""
    frame = frame[frame["share"].notna()].reset_index(drop=True)

    def draw(axes: Any, width: int) -> None:
        places = np.arange(len(frame))
        axes.grid(axis="y")
        axes.axhline(COMMON_FIGURE, color=MUTED, linewidth=1.2, dashes=(4, 3))
        axes.annotate(
            f"Dashed: the common {COMMON_FIGURE:.0%}", (1, 1), (0, 6), xycoords="axes fraction",
            textcoords="offset points", ha="right", color=MUTED, size=12.5,
        )  # fmt: skip
        axes.vlines(places, frame["low"], frame["high"], color=ACCENT, linewidth=2)
        axes.plot(places, frame["share"], "o", color=ACCENT, markersize=7, markeredgecolor=PAPER, markeredgewidth=1)
        axes.set_ylim(0, 1.08)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])
        axes.set_xlim(-0.6, len(frame) - 0.4)
        date_axis(axes, frame["as_of"], width)

    return drawing(name, draw, lambda width: 258, left=46, right=10, top=28, bottom=34)


def nights(frame: pd.DataFrame, name: str) -> Drawing:
    """Expected silent leavers, night by night, within what chance alone allows. Columns: as_of, expected, low, high."""

    def draw(axes: Any, width: int) -> None:
        places = np.arange(len(frame))
        axes.grid(axis="y")
        axes.fill_between(places, frame["low"], frame["high"], color=FAINT, linewidth=0)
        axes.plot(places, frame["expected"], color=ACCENT, linewidth=2)
        axes.plot(places[-1:], frame["expected"].tail(1), "o", color=ACCENT, markersize=7, markeredgecolor=PAPER)
        axes.annotate(
            f"{frame['expected'].iloc[-1]:,.0f}", (places[-1], frame["expected"].iloc[-1]), (10, 0),
            textcoords="offset points", va="center", size=12.5,
        )  # fmt: skip
        axes.set_ylim(0, 1.08 * max(1.0, float(frame["high"].max())))
        axes.yaxis.set_major_locator(locator(4, integer=True))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.set_xlim(-0.3, len(frame) - 0.7)
        date_axis(axes, frame["as_of"], width)

    return drawing(name, draw, lambda width: 240, left=46, right=52, top=10, bottom=34)


def calibration(frame: pd.DataFrame, name: str) -> Drawing:
    """Predicted chance against what happened. Columns: predicted, observed, low, high."""

    def draw(axes: Any, width: int) -> None:
        top = min(1.0, 1.06 * float(np.nanmax(frame[["predicted", "observed", "high"]].to_numpy(), initial=0.05)))
        axes.grid(True)
        axes.plot([0, top], [0, top], color=MUTED, linewidth=1.2, dashes=(4, 3))
        axes.vlines(frame["predicted"], frame["low"], frame["high"], color=ACCENT, linewidth=2)
        axes.plot(
            frame["predicted"], frame["observed"], "o", color=ACCENT, markersize=7, markeredgecolor=PAPER,
            markeredgewidth=1,
        )  # fmt: skip
        too_high = float((frame["predicted"] - frame["observed"]).sum()) > 0
        axes.annotate(
            "As predicted", (0.6 * top, 0.6 * top), (-10, 8) if too_high else (10, -8), textcoords="offset points",
            ha="right" if too_high else "left", va="bottom" if too_high else "top", color=MUTED, size=12.5,
        )  # fmt: skip
        axes.set_xlim(0, top * 1.02)
        axes.set_ylim(0, top * 1.02)
        for axis in (axes.xaxis, axes.yaxis):
            share_axis(axis, 5)
        axes.set_xlabel("Predicted chance of leaving silently", loc="left")
        axes.set_title("Share who did", loc="left", color=MUTED, size=12.5, x=-46 / (width - 60))

    return drawing(name, draw, lambda width: min(width, 420), left=46, right=14, top=28, bottom=54)


def lift(frame: pd.DataFrame, order: Sequence[str], name: str) -> Drawing:
    """Lift at some shares of customers, the models in the order given. Columns: model, share, lift, low, high."""
    shares = sorted(frame["share"].unique())
    order = [one for one in order if frame["model"].eq(one).any()]
    model = order[0]
    slots = [(share, one) for share in shares for one in order]

    def draw(axes: Any, width: int) -> None:
        cells = frame.set_index(["share", "model"])
        heights = {slot: -(place + 1.4 * shares.index(slot[0])) for place, slot in enumerate(slots)}
        axes.axvline(1, color=MUTED, linewidth=1.2, dashes=(4, 3))
        axes.grid(axis="x")
        for slot, height in heights.items():
            if slot not in cells.index:
                continue
            row, colour = cells.loc[slot], ACCENT if slot[1] == model else SECOND
            axes.hlines(height, row["low"], row["high"], color=colour, linewidth=2)
            axes.plot(row["lift"], height, "o", color=colour, markersize=7, markeredgecolor=PAPER, markeredgewidth=1)
        axes.set_yticks(list(heights.values()), [shortened(one) for _, one in slots])
        axes.tick_params(axis="y", pad=8)
        for tick, (_, one) in zip(axes.get_yticklabels(), slots, strict=True):
            tick.set_color(INK if one == model else MUTED)
            tick.set_fontweight("bold" if one == model else "normal")
        for share in shares:
            axes.annotate(
                f"Riskiest {percent(share)}", (0, heights[share, order[0]]), (-8, 16),
                xycoords=("axes fraction", "data"), textcoords="offset points", size=12.5, ha="right",
            )  # fmt: skip
        axes.set_xlim(0, 1.04 * float(np.nanmax(frame[["lift", "high"]].to_numpy(), initial=1.2)))
        axes.set_ylim(min(heights.values()) - 0.7, 1.4)
        axes.xaxis.set_major_locator(locator(8 if width == WIDE else 4, integer=True))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0f}×")
        axes.set_xlabel("as many as by chance", loc="left")

    rows = len(slots) + 1.4 * len(shares)
    return drawing(name, draw, lambda width: 60 + int(24 * rows), left=142, right=14, top=6, bottom=54)


def silence(frame: pd.DataFrame, ends: Sequence[str], label: str, name: str) -> Drawing:
    """The expected share of silent leavers by how long customers have been silent; the customers of each step below.

    Columns: customers, expected, low, high, and what was seen before: seen, seen_low, seen_high (nan where nothing
    was). `ends` (one more than there are steps) says where each step begins, and where the last one ends.
    """

    def draw(axes: Any, width: int) -> None:
        places = np.arange(len(frame) + 1)
        room = axes.get_position()
        below = axes.figure.add_axes((room.x0, room.y0, room.width, 0.17 * room.height), facecolor="none")
        axes.set_position((room.x0, room.y0 + 0.33 * room.height, room.width, 0.67 * room.height))
        axes.grid(axis="y")
        axes.fill_between(
            np.repeat(places, 2)[1:-1], np.repeat(frame["low"], 2), np.repeat(frame["high"], 2),
            color=FAINT, linewidth=0,
        )  # fmt: skip
        axes.plot(np.repeat(places, 2)[1:-1], np.repeat(frame["expected"].to_numpy(), 2), color=ACCENT, linewidth=2)
        known = frame["seen"].notna().to_numpy()
        middle = places[:-1] + 0.5
        axes.vlines(middle[known], frame["seen_low"][known], frame["seen_high"][known], color=SECOND, linewidth=1.6)
        axes.plot(
            middle[known], frame["seen"][known], "o", color=SECOND, markersize=6, markeredgecolor=PAPER,
            markeredgewidth=1,
        )  # fmt: skip
        axes.set_ylim(0, min(1.0, 1.08 * float(np.nanmax(frame[["high", "seen_high"]].to_numpy(dtype=float)))))
        share_axis(axes.yaxis, 4)
        axes.set_xlim(0, len(frame))
        axes.tick_params(axis="x", labelbottom=False)
        below.bar(middle, frame["customers"], 0.86, color=SECOND)
        below.set_xlim(0, len(frame))
        most = int(frame["customers"].max())
        below.set_ylim(0, 1.1 * most)
        below.set_yticks([most], [f"{most:,}"])
        step = 1 if width == WIDE else max(1, -(-len(ends) // 8))
        below.set_xticks(places[::step], list(ends)[::step])
        below.set_xlabel(label, loc="left")
        below.tick_params(axis="x", labelcolor=INK)
        entries = [("Expected", ACCENT)] + ([("Seen at the test snapshots", SECOND)] if known.any() else [])
        key(axes, entries, width)
        axes.annotate(
            "Customers", (0, 1), (-46, 8), xycoords=below.transAxes, textcoords="offset points", color=MUTED, size=12
        )

    return drawing(name, draw, lambda width: 350, left=52, right=22, top=30, bottom=58)
