"""The figures of actions and campaigns: a frame in, an inline SVG out. A figure computes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from churnml.report.actions import Group
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
    headroom,
    key,
    locator,
    share_axis,
    shortened,
)
from churnml.report.words import money


def by_band(frame: pd.DataFrame, name: str) -> Drawing:
    """What to do by risk, as shares; the rest is blank. Columns: risk_band, contact, hold out, wait, leave alone."""
    parts = (
        ("contact", "Contact", ACCENT),
        ("hold out", "Hold out", MUTED),
        ("wait", "Wait", SECOND),
        ("leave alone", "Leave alone", FAINT),
    )

    def draw(axes: Any, width: int) -> None:
        rows, floor = np.arange(len(frame))[::-1], np.zeros(len(frame))
        for column, _, colour in parts:
            share = frame[column].to_numpy(dtype=float)
            axes.barh(rows, share, 0.66, left=floor, color=colour, edgecolor=PAPER, linewidth=0.6)
            floor = floor + share
        axes.set_yticks(rows, [shortened(str(one)[:1].upper() + str(one)[1:], 10) for one in frame["risk_band"]])
        axes.tick_params(axis="y", labelcolor=INK, pad=8)
        axes.set_xlim(0, 1)
        axes.set_xticks([0, 0.5, 1], ["0%", "50%", "100%"])
        axes.set_ylim(-0.6, len(frame) - 0.4)
        axes.spines["bottom"].set_visible(False)
        key(axes, [(label, colour) for _, label, colour in parts], width, lines=1 if width == WIDE else 2)
        axes.get_legend().set_bbox_to_anchor((-76 / (width - 102), 1.02))

    return drawing(
        name,
        draw,
        lambda width: 50 + int(headroom(width)) + 34 * len(frame),
        left=76,
        right=26,
        top=headroom,
        bottom=34,
    )


def worth(frame: pd.DataFrame, tonight: Group, currency: str, name: str) -> Drawing:
    """Net value by number of contacts, and where tonight's stand. Columns: customers, best, by_risk."""

    def draw(axes: Any, width: int) -> None:
        axes.grid(axis="y")
        axes.axhline(0, color=MUTED, linewidth=1.2)
        axes.plot(frame["customers"], frame["by_risk"], color=SECOND, linewidth=2)
        axes.plot(frame["customers"], frame["best"], color=ACCENT, linewidth=2)
        axes.plot([tonight.customers], [tonight.net_value], "o", color=ACCENT, markersize=8, markeredgecolor=PAPER)
        top = max(float(frame["best"].max()), tonight.net_value)
        bottom = min(0.0, float(frame[["best", "by_risk"]].to_numpy().min()))
        axes.set_ylim(max(bottom, -0.6 * top) - 0.03 * top, 1.08 * top)
        axes.set_xlim(0, float(frame["customers"].max()))
        axes.yaxis.set_major_locator(locator(5))
        axes.yaxis.set_major_formatter(lambda value, _: money(round(value, 6) + 0.0, currency).removesuffix(".00"))
        axes.xaxis.set_major_locator(locator(6 if width == WIDE else 4, integer=True))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.set_xlabel("Customers contacted", loc="left")
        key(axes, [("Most worthwhile first", ACCENT), ("Riskiest first", SECOND)], width)
        axes.get_legend().set_bbox_to_anchor((-80 / (width - 106), 1.02))

    return drawing(name, draw, lambda width: 290, left=80, right=26, top=34, bottom=54)


def effects(frame: pd.DataFrame, name: str) -> Drawing:
    """Effects with their intervals, one below the other, beside no effect at all.

    Columns: label, difference, low, high, and expected (nan where nothing was expected); in shares of customers.
    """

    def draw(axes: Any, width: int) -> None:
        rows = np.arange(len(frame))[::-1]
        axes.grid(axis="x")
        axes.axvline(0, color=MUTED, linewidth=1.2, dashes=(4, 3))
        axes.hlines(rows, frame["low"], frame["high"], color=ACCENT, linewidth=2)
        axes.plot(frame["difference"], rows, "o", color=ACCENT, markersize=7, markeredgecolor=PAPER, markeredgewidth=1)
        known = frame["expected"].notna().to_numpy()
        if known.any():
            axes.plot(frame["expected"][known], rows[known], "D", color=PAPER, markersize=6, markeredgecolor=SECOND,
                      markeredgewidth=1.5)  # fmt: skip
            key(axes, [("Seen", ACCENT), ("Expected", SECOND)], width)
            axes.get_legend().set_bbox_to_anchor((-142 / (width - 168), 1.02))
        axes.set_yticks(rows, [shortened(str(one), 19) for one in frame["label"]])
        axes.tick_params(axis="y", labelcolor=INK, pad=8)
        numbers = frame[["low", "high", "difference", "expected"]].to_numpy(dtype=float)
        low, high = min(0.0, float(np.nanmin(numbers))), max(0.0, float(np.nanmax(numbers)))
        room = 0.06 * (high - low or 0.01)
        axes.set_xlim(low - room, high + room)
        axes.set_ylim(-0.7, len(frame) - 0.3)
        axes.xaxis.set_major_locator(locator(6 if width == WIDE else 3))
        axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:+.3g}".replace("-", "−").replace("+0", "0"))
        axes.set_xlabel("Percentage points", loc="left")
        axes.spines["bottom"].set_visible(False)

    top = 34 if frame["expected"].notna().any() else 6
    return drawing(name, draw, lambda width: 62 + top + 30 * len(frame), left=142, right=26, top=top, bottom=54)


def qini(frame: pd.DataFrame, name: str) -> Drawing:
    """Customers kept per 100 by the share that is contacted. Columns: share, kept, low, high, by_risk, at_random."""

    def draw(axes: Any, width: int) -> None:
        axes.grid(axis="y")
        axes.axhline(0, color=MUTED, linewidth=1.2)
        axes.fill_between(frame["share"], frame["low"], frame["high"], color=FAINT, alpha=0.55, linewidth=0)
        axes.plot(frame["share"], frame["at_random"], color=MUTED, linewidth=1.2, dashes=(4, 3))
        axes.plot(frame["share"], frame["by_risk"], color=SECOND, linewidth=2)
        axes.plot(frame["share"], frame["kept"], color=ACCENT, linewidth=2)
        axes.set_xlim(0, 1)
        share_axis(axes.xaxis, 5)
        axes.yaxis.set_major_locator(locator(5))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}".replace("-", "−"))
        axes.set_xlabel("Share of customers contacted", loc="left")
        key(axes, [("Most to gain first", ACCENT), ("Riskiest first", SECOND), ("By lot", MUTED)], width)

    return drawing(name, draw, lambda width: 290, left=46, right=26, top=34, bottom=54)
