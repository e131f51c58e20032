"""How every figure is drawn: an inline SVG in the page's own colours and letters.

Every figure is drawn twice, wide and narrow, at the size of its column, so that its letters are as large as the
text beside them on a desk and on a phone. Colours are CSS variables, so that they follow light and dark. The bytes
depend on the frame alone.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from churnml.report.words import short_day

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


def drawing(
    name: str,
    draw: Callable[[Any, int], None],
    height: Callable[[int], int],
    *,
    left: float,
    right: float,
    top: float | Callable[[int], float],
    bottom: float,
) -> Drawing:
    """Draw at both widths; margins are in CSS pixels, that at the top may depend on the width."""
    texts = []
    for width, suffix in ((WIDE, "w"), (NARROW, "n")):
        tall, above = height(width), top(width) if callable(top) else top
        with _canvas(width, tall) as (figure, axes):
            axes.set_position(
                (left / width, bottom / tall, (width - left - right) / width, (tall - above - bottom) / tall)
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


def date_axis(axes: Any, dates: pd.Series, width: int) -> None:
    """Label as many of the snapshots below the axis as there is room for."""
    room = max(1, (width - 56) // 78)
    step = max(1, -(-len(dates) // room))
    places = np.arange(0, len(dates), step)
    axes.set_xticks(places, [short_day(dates.iloc[place]) for place in places])


def share_axis(axis: Any, ticks: int) -> None:
    """Label an axis with about so many shares: no two of them alike, however close they are."""
    axis.set_major_locator(locator(ticks))
    axis.set_major_formatter(lambda value, _: f"{100 * value:.6g}%")


def key(axes: Any, entries: list[tuple[str, str]], width: int, lines: int = 1) -> None:
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


def shortened(name: str, letters: int = 18) -> str:
    """A name cut to so many letters."""
    return name if len(name) <= letters else f"{name[: letters - 1]}…"


def locator(ticks: int, *, integer: bool = False) -> Any:
    """What places about so many ticks on an axis."""
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(ticks, integer=integer)


def labelled(drawing: Drawing, label: str) -> str:
    """Both widths as the content of one image with an accessible name; the style sheet shows the one that fits."""
    return (
        f'<div class="drawing" role="img" aria-label="{escape(label)}">'
        f'<div class="wide">{drawing.wide}</div><div class="narrow">{drawing.narrow}</div></div>'
    )


def headroom(width: int) -> float:
    """Room for a key of one line on a desk, of two on a phone."""
    return 34 if width == WIDE else 58
