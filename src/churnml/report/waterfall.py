"""The waterfall of one customer: from the usual margin to the customer's own, theme by theme, as a file of its own.

Its colours are those of the report on white paper. The bytes depend on the values alone.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

from churnml.errors import ConfigError
from churnml.report.palette import BLUE, INK, MUTED, RED, RULE

FORMATS = (".svg", ".png")
_WIDTH, _ROW, _MARGIN = 7.2, 0.34, 1.35
_SMALL = 0.005
"""A theme that moves the margin by less is drawn with the other small ones, on one line."""


def check_file(path: Path) -> Path:
    """The path, if a figure can be written to it.

    >>> check_file(Path("why.svg")).name
    'why.svg'

    Raises
    ------
    ConfigError
        Its ending is neither .svg nor .png.
    """
    if path.suffix.lower() not in FORMATS:
        raise ConfigError(f"--figure {path.name}: figures are written as {' or '.join(FORMATS)}", "change the ending")
    return path


def signed(value: float) -> str:
    """A step as it is written: with its sign, unless it is nothing.

    >>> signed(0.5), signed(-0.5), signed(-0.001)
    ('+0.50', '−0.50', '0.00')
    """
    return "0.00" if abs(value) < _SMALL else f"{value:+.2f}".replace("-", "−")


def steps(themes: Mapping[str, float]) -> list[tuple[str, float]]:
    """The themes in the order of their strength; those too small to see are added up in a last one.

    >>> steps({"waiting": 0.001, "going quiet": 0.5, "rough start": -0.7, "product quality": 0.002})
    [('rough start', -0.7), ('going quiet', 0.5), ('all others', 0.003)]
    """
    ordered = sorted(themes.items(), key=lambda item: (-abs(item[1]), item[0]))
    shown = [item for item in ordered if abs(item[1]) >= _SMALL]
    rest = [value for _, value in ordered if abs(value) < _SMALL]
    return [*shown, ("all others", sum(rest))] if any(rest) else shown


def waterfall(themes: Mapping[str, float], base: float, declared: str, path: Path) -> Path:
    """Draw `base` plus each theme's contribution (log-odds) up to the margin, into an .svg or .png file."""
    import matplotlib
    from matplotlib.figure import Figure

    check_file(path)
    drawn = steps(themes)
    places = range(len(drawn))
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({"svg.hashsalt": "churnml", "text.parse_math": False, "font.size": 10})
        figure = Figure(figsize=(_WIDTH, _MARGIN + _ROW * len(drawn)), dpi=200, facecolor="white", layout="constrained")
        axes = figure.add_subplot()
        start, ends = base, [base]
        for place, (_, value) in zip(places, drawn, strict=True):
            end = start + value
            axes.barh(place, value, left=start, height=0.62, color=RED if value > 0 else BLUE)
            axes.plot([end, end], [place, place + 1 if place + 1 < len(drawn) else place + 0.5], color=MUTED, lw=0.8)
            axes.annotate(
                signed(value), (max(start, end), place), (5, 0), textcoords="offset points", va="center", color=INK
            )
            ends.append(start := end)
        room = 0.12 * (max(ends) - min(ends) or 1.0)
        axes.set_xlim(min(ends) - room / 3, max(ends) + room)
        axes.set_ylim(len(drawn) - 0.5, -0.6)
        axes.axvline(base, color=MUTED, lw=0.8, dashes=(4, 3), zorder=0)
        axes.set_yticks(places, [name[:1].upper() + name[1:] for name, _ in drawn])
        axes.tick_params(length=0, labelcolor=INK)
        axes.grid(axis="x", color=RULE, lw=0.6)
        axes.set_axisbelow(True)
        axes.spines[:].set_visible(False)
        axes.set_title(
            f"From {signed(base)}, the mean of all, to {signed(start)}",
            loc="left",
            fontsize=12,
            color=INK,
            fontweight="bold",
        )
        axes.set_xlabel(f"{declared[:1].upper()}{declared[1:]}; red speaks for leaving, blue for staying", color=MUTED)
        buffer = io.BytesIO()
        kind = path.suffix.lower().removeprefix(".")
        nameless = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
        figure.savefig(buffer, format=kind, metadata=nameless)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(buffer.getvalue())
    return path
