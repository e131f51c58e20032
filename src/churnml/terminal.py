"""What the command line shows: results for people or for machines, and progress while a step runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from churnml.workflows.business import Progress

GAP = 2
"""Between the columns of a table."""


def show(values: dict[str, Any], as_json: bool, title: str = "") -> None:
    """Plain values, one a line, under a title; or, for machines, one JSON object and nothing else."""
    if as_json:
        sys.stdout.write(json.dumps(values, indent=2, sort_keys=True, default=str, allow_nan=False) + "\n")
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        title=title or None, title_justify="left", title_style="bold", show_header=False, box=None, pad_edge=False
    )
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in values.items():
        table.add_row(name.replace("_", " "), escape(_words(value)))
    Console(soft_wrap=False).print(table)


def _words(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_words(each)}" for name, each in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def show_table(frame: Any, title: str) -> None:
    """A data frame under a title; no single word is cut off, however narrow the terminal."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, GAP, 0, 0))
    columns = []
    for name in frame.columns:
        cells = ["" if value is None or value != value else _words(value) for value in frame[name]]
        one_word = not any(" " in cell for cell in cells)  # such as a night's name: never cut off
        head = str(name).replace("_", " ")
        table.add_column(
            head,
            justify="right" if frame[name].dtype.kind in "if" else "left",
            no_wrap=one_word,
            min_width=len(head) if one_word else 24,
        )
        columns.append([escape(cell) for cell in cells])
    for row in zip(*columns, strict=True):
        table.add_row(*row)
    console = Console()
    least = console.measure(table, options=console.options.update(max_width=1000)).minimum
    Console(width=max(console.width, least)).print(table)


def show_chapter(chapter: Any) -> None:
    """An insight as a heading, sentences, and tables, in which no word is cut off, however narrow the terminal."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    console.print(f"[bold]{escape(chapter.title)}[/]", highlight=False)
    for text in chapter.sentences:
        console.print(escape(text), highlight=False)
    for one in chapter.tables:
        table = Table(title=escape(one.caption), title_justify="left", title_style="dim", box=None, pad_edge=False)
        shown = [(column.head, *(row[place] for row in one.rows)) for place, column in enumerate(one.columns)]
        widths = _widths(shown, console.width - GAP * (len(shown) - 1))
        for column, width in zip(one.columns, widths, strict=True):
            table.add_column(escape(column.head), justify="right" if column.number else "left", width=width)
        for row in one.rows:
            table.add_row(*map(escape, row))
        Console(width=max(console.width, sum(widths) + GAP * len(widths))).print(table)
    console.print()


def _widths(columns: list[tuple[str, ...]], room: int) -> list[int]:
    """How wide each column of texts is: its longest word at least, and as much of its longest text as there is room."""
    least = [max(len(word) for text in column for word in text.split() or [""]) for column in columns]
    wished = [max(map(len, column)) - width for column, width in zip(columns, least, strict=True)]
    share = min(1.0, max(0, room - sum(least)) / max(1, sum(wished)))
    return [width + int(share * more) for width, more in zip(least, wished, strict=True)]


def records(frame: Any) -> list[dict[str, Any]]:
    """The rows of a data frame as plain values, for JSON."""
    rows: list[dict[str, Any]] = json.loads(frame.to_json(orient="records", date_format="iso"))
    return rows


def say(text: str) -> None:
    """A line of text, with rich's marks."""
    from rich.console import Console

    Console().print(text, highlight=False)


@contextmanager
def watched(quiet: bool) -> Iterator[Progress]:
    """Progress bars on standard error while a step runs; none for machines or where nobody looks."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=console, disable=quiet or not console.is_terminal) as bars:
        tasks: dict[str, Any] = {}

        def progress(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=total)
            bars.update(tasks[step], completed=done, total=total)

        yield progress
