"""What every page is drawn with: one style sheet, one way to show figures and tables, every text escaped."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from churnml.report import tables, words
from churnml.report.drawing import Drawing, labelled


@dataclass(frozen=True)
class Figure:
    """A figure with its title, its subtitle, and the table behind it."""

    title: str
    subtitle: str
    image: Markup
    table: tables.Table


def drawn(title: str, subtitle: str, drawing: Drawing, summary: str, table: tables.Table) -> Figure:
    """A drawing as a figure; `summary` says in words what it shows."""
    return Figure(title, subtitle, Markup(labelled(drawing, f"{title}. {summary}")), table)


def page(template: str, **values: Any) -> str:
    """A template of this package as one self-contained page; the same values give the same bytes."""
    folder = files("churnml.report") / "templates"
    names = (template, "base.html", "macros.html", "style.css", "table.js")
    sources = {name: (folder / name).read_text(encoding="utf-8") for name in names}
    environment = Environment(
        loader=DictLoader(sources), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    style, script = Markup(sources["style.css"]), Markup(sources["table.js"])
    return environment.get_template(template).render(style=style, script=script, words=words, **values)
