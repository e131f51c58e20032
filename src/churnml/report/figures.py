"""The report's figures: a frame in, an inline SVG out. A figure computes nothing.

Every figure is drawn twice, wide and narrow, at the size of its column, so that its letters are as large as the
text beside them on a desk and on a phone. Colours are CSS variables, so that they follow light and dark. The bytes
depend on the frame alone.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from churnml.insights.silent_share import COMMON_FIGURE
from churnml.report.words import percent, short_day

WIDE, NARROW = 680, 328
"""Widths in CSS pixels: the text column, and a phone of 360 pixels less its margins."""

INK, MUTED, RULE, ACCENT, SECOND, FAINT, PAPER = (f"#00000{number}" for number in range(1, 8))
"""Placeholders of one colour each; the drawn SVG has CSS variables in their place."""

_VARIABLES = {
    INK: "ink",
    MUTED: "muted",
    RULE: "rule",
    ACCENT: "accent",
    SECOND: "second",
    FAINT: "faint",
    PAPER: "paper",
}

_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "churnml",
    "text.parse_math": False,
    "font.size": 13,
    "axes.edgecolor": RULE,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 12.5,
    "axes.linewidth": 1,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "grid.color": RULE,
    "grid.linewidth": 1,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 12.5,
    "ytick.labelsize": 12.5,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.major.pad": 8,
    "ytick.major.pad": 6,
    "lines.solid_capstyle": "butt",
}


@dataclass(frozen=True)
class Drawing:
    """One figure at both widths, as SVG text ready to be put into a page."""

    wide: str
    narrow: str


def drivers(frame: pd.DataFrame, name: str) -> Drawing:
    """Bars of each theme's share of all pushes. Columns: theme, share."""
    frame = frame[frame["share"] > 0].head(12)

    def draw(axes: Any, width: int) -> None:
        rows = np.arange(len(frame))[::-1]
        axes.barh(rows, frame["share"], height=0.62, color=ACCENT)
        axes.set_yticks(rows, [theme[:1].upper() + theme[1:] for theme in frame["theme"]])
        axes.tick_params(axis="y", labelcolor=INK, pad=8)
        for row, share in zip(rows, frame["share"], strict=True):
            axes.annotate(percent(share), (share, row), (6, 0), textcoords="offset points", va="center", size=12.5)
        axes.set_xlim(0, float(frame["share"].max()) * 1.02)
        axes.set_ylim(-0.6, len(frame) - 0.4)
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
        axes.axvline(0, color=MUTED, linewidth=1)

    return _drawing(name, draw, lambda width: 16 + 32 * len(frame), left=172, right=52, top=8, bottom=8)


def outcome_mix(frame: pd.DataFrame, name: str) -> Drawing:
    """Stacked bars of the outcomes at each snapshot. Columns: as_of, customers, retained, silent, vocal."""
    parts = (
        ("silent", "Left silently", ACCENT),
        ("vocal", "Left, having said so", SECOND),
        ("retained", "Stayed", FAINT),
    )
    shares = {outcome: (frame[outcome] / frame["customers"]).to_numpy() for outcome, _, _ in parts}

    def draw(axes: Any, width: int) -> None:
        places, floor = np.arange(len(frame)), np.zeros(len(frame))
        for outcome, _, colour in parts:
            axes.bar(places, shares[outcome], 0.82, bottom=floor, color=colour, edgecolor=PAPER, linewidth=0.6)
            floor = floor + shares[outcome]
        axes.set_ylim(0, 1)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])
        axes.set_xlim(-0.6, len(frame) - 0.4)
        _dates(axes, frame["as_of"], width)
        _key(axes, [(label, colour) for _, label, colour in parts], width)

    return _drawing(name, draw, lambda width: 300, left=46, right=10, top=40, bottom=34)


def silent_shares(frame: pd.DataFrame, name: str) -> Drawing:
    """The share of leavers who were silent, snapshot by snapshot, beside 96%. Columns: as_of, share, low, high."""
    frame = frame[frame["share"].notna()].reset_index(drop=True)

    def draw(axes: Any, width: int) -> None:
        places = np.arange(len(frame))
        axes.grid(axis="y")
        axes.axhline(COMMON_FIGURE, color=MUTED, linewidth=1.2, dashes=(4, 3))
        axes.annotate(
            f"The common {COMMON_FIGURE:.0%}", (1, COMMON_FIGURE), (0, 7), xycoords=("axes fraction", "data"),
            textcoords="offset points", ha="right", color=MUTED, size=12.5,
        )  # fmt: skip
        axes.vlines(places, frame["low"], frame["high"], color=ACCENT, linewidth=2)
        axes.plot(places, frame["share"], "o", color=ACCENT, markersize=7, markeredgecolor=PAPER, markeredgewidth=1)
        axes.set_ylim(0, 1.08)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])
        axes.set_xlim(-0.6, len(frame) - 0.4)
        _dates(axes, frame["as_of"], width)

    return _drawing(name, draw, lambda width: 240, left=46, right=10, top=10, bottom=34)


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
        axes.yaxis.set_major_locator(_locator(4, integer=True))
        axes.set_xlim(-0.3, len(frame) - 0.7)
        _dates(axes, frame["as_of"], width)

    return _drawing(name, draw, lambda width: 240, left=46, right=52, top=10, bottom=34)


def iceberg(frame: pd.DataFrame, name: str) -> Drawing:
    """Leavers after each friction: above the water who had said so, below it who never did.

    Columns: friction, aloud, silent (numbers of leavers), in the order drawn; a phone shows the first four.
    """

    def draw(axes: Any, width: int) -> None:
        shown = frame if width == WIDE else frame.head(4)
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
        _key(axes, [("Left, having said so", SECOND), ("Left without a word", ACCENT)], width)

    return _drawing(name, draw, lambda width: 340, left=46, right=10, top=40, bottom=48)


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
        axes.yaxis.set_major_locator(_locator(4, integer=True))
        axes.set_xlim(-0.6, len(frame) - 0.4)
        _dates(axes, frame["month"], width)
        _key(axes, [(label, colour) for _, label, colour in parts], width, lines=1 if width == WIDE else 2)

    return _drawing(name, draw, lambda width: 320, left=46, right=10, top=58, bottom=34)


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
        axes.set_yticks(rows, [_shortened(one[:1].upper() + one[1:], 22) for one in frame["persona"]])
        axes.tick_params(axis="y", labelcolor=INK, pad=8)
        axes.set_xlim(0, 1)
        axes.set_xticks([0, 0.5, 1], ["0%", "50%", "100%"])
        axes.set_ylim(-0.6, len(frame) - 0.4)
        axes.spines["bottom"].set_visible(False)
        lines = 1 if width == WIDE else 2
        _key(axes, [(label, colour) for _, label, colour in parts], width, lines=lines)
        axes.get_legend().set_bbox_to_anchor((-172 / (width - 198), 1.02))

    return _drawing(name, draw, lambda width: 124 + 34 * len(frame), left=172, right=26, top=74, bottom=34)


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
        axes.annotate(
            "As predicted",
            (0.6 * top, 0.6 * top),
            (10, -8),
            textcoords="offset points",
            va="top",
            color=MUTED,
            size=12.5,
        )
        axes.set_xlim(0, top * 1.02)
        axes.set_ylim(0, top * 1.02)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(_locator(5))
            axis.set_major_formatter(lambda value, _: percent(value))
        axes.set_xlabel("Predicted chance of leaving silently", loc="left")
        axes.set_title("Share who did", loc="left", color=MUTED, size=12.5, x=-46 / (width - 60))

    return _drawing(name, draw, lambda width: min(width, 420), left=46, right=14, top=28, bottom=54)


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
        axes.set_yticks(list(heights.values()), [_shortened(one) for _, one in slots])
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
        axes.xaxis.set_major_locator(_locator(8 if width == WIDE else 4, integer=True))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0f}×")
        axes.set_xlabel("as many as by chance", loc="left")

    rows = len(slots) + 1.4 * len(shares)
    return _drawing(name, draw, lambda width: 60 + int(24 * rows), left=142, right=14, top=6, bottom=54)


def _drawing(
    name: str,
    draw: Callable[[Any, int], None],
    height: Callable[[int], int],
    *,
    left: float,
    right: float,
    top: float,
    bottom: float,
) -> Drawing:
    """Draw at both widths; margins are in CSS pixels."""
    texts = []
    for width, suffix in ((WIDE, "w"), (NARROW, "n")):
        tall = height(width)
        with _canvas(width, tall) as (figure, axes):
            axes.set_position(
                (left / width, bottom / tall, (width - left - right) / width, (tall - top - bottom) / tall)
            )
            draw(axes, width)
            texts.append(_inline(figure, f"{name}-{suffix}"))
    return Drawing(*texts)


@contextmanager
def _canvas(width: int, height: int) -> Iterator[tuple[Any, Any]]:
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        figure = Figure(figsize=(width / 72, height / 72), facecolor="none")
        yield figure, figure.add_subplot(facecolor="none")


def _inline(figure: Any, prefix: str) -> str:
    """The figure as an SVG element without style, metadata, or ids that clash with other figures on the page."""
    buffer = io.BytesIO()
    figure.savefig(
        buffer, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
    )
    text = buffer.getvalue().decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*|<style.*?</style>\s*|<!--.*?-->\s*", "", text, flags=re.DOTALL)
    used = set(re.findall(r"(?:xlink:href=\"|url\()#([^\")]+)", text))
    text = re.sub(r' id="([^"]+)"', lambda found: f' id="{prefix}-{found[1]}"' if found[1] in used else "", text)
    text = re.sub(r"(xlink:href=\"|url\()#", rf"\g<1>#{prefix}-", text).replace("xlink:href", "href")
    text = re.sub(r"font: ((?:bold |\d+ )?[\d.]+px)[^;\"]*", r"font: \1 var(--sans)", text)
    for placeholder, variable in _VARIABLES.items():
        text = text.replace(placeholder, f"var(--{variable})")
    box = re.search(r'viewBox="[^"]+"', text)
    assert box is not None
    text = re.sub(r"<svg[^>]*>", f'<svg {box[0]} aria-hidden="true" focusable="false">', text, count=1)
    return re.sub(r"\s*\n\s*", "\n", text).strip()


def _dates(axes: Any, dates: pd.Series, width: int) -> None:
    """Label as many of the snapshots below the axis as there is room for."""
    room = max(1, (width - 56) // 78)
    step = max(1, -(-len(dates) // room))
    places = np.arange(0, len(dates), step)
    axes.set_xticks(places, [short_day(dates.iloc[place]) for place in places])


def _key(axes: Any, entries: list[tuple[str, str]], width: int, lines: int = 1) -> None:
    """A key above the axes."""
    from matplotlib.lines import Line2D

    axes.legend(
        handles=[Line2D([], [], marker="s", linestyle="", color=colour, markersize=9) for _, colour in entries],
        labels=[label for label, _ in entries],
        loc="lower left",
        bbox_to_anchor=(-46 / (width - 56), 1.02),
        ncols=-(-len(entries) // lines),
        frameon=False,
        borderpad=0,
        borderaxespad=0,
        handletextpad=0.2,
        columnspacing=1.0 if width == WIDE else 0.2,
        fontsize=12.5 if width == WIDE else 11.5,
    )


def _shortened(name: str, letters: int = 18) -> str:
    return name if len(name) <= letters else f"{name[: letters - 1]}…"


def _locator(ticks: int, *, integer: bool = False) -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(ticks, integer=integer)


def labelled(drawing: Drawing, label: str) -> str:
    """Both widths as the content of one image with an accessible name; the style sheet shows the one that fits."""
    return (
        f'<div class="drawing" role="img" aria-label="{escape(label)}">'
        f'<div class="wide">{drawing.wide}</div><div class="narrow">{drawing.narrow}</div></div>'
    )
