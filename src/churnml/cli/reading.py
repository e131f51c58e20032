"""The commands for those who read: one customer, the report, the insights."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from churnml.cli.options import AsJson, ConfigFile, DataRoot, to_day
from churnml.terminal import say, show, show_chapter, watched


def explain(
    config: ConfigFile,
    customer: Annotated[str, typer.Option("--customer", metavar="ID")],
    as_of: Annotated[
        date | None, typer.Option("--as-of", metavar="DATE", parser=to_day, help="Default: the published night.")
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the themes as a waterfall: .svg or .png.")
    ] = None,
    data: DataRoot = None,
    as_json: AsJson = False,
) -> None:
    """Say in sentences why one customer has the score they have."""
    from churnml.report.waterfall import check_file
    from churnml.workflows.explain import explain as run

    if figure is not None:
        check_file(figure)
    with watched(as_json) as progress:
        result = run(config, customer, as_of, root=data, progress=progress)
    if figure is not None:
        result.figure(figure)
    if as_json:
        show(result.summary(), True)
    else:
        say(result.text())


def report(
    config: ConfigFile,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Default: beside the published scores.")] = None,
    with_insights: Annotated[
        bool, typer.Option("--insights", help="Read the data again, and add what the outcomes tell: see insights.")
    ] = False,
    with_quotes: Annotated[
        bool, typer.Option("--quotes", help="Read the data again, and show a few redacted words of customers.")
    ] = False,
    with_names: Annotated[
        bool, typer.Option("--names", help="Name customers by their ids, not by pseudonyms.")
    ] = False,
    data: DataRoot = None,
    as_json: AsJson = False,
) -> None:
    """Write the published night's report: one self-contained HTML file."""
    from churnml.scoring.publish import publication
    from churnml.workflows.insights import insights as find
    from churnml.workflows.quotes import quotes
    from churnml.workflows.report import report as run

    found, said = None, None
    if with_insights or with_quotes:
        as_of = publication(config).verify().as_of
        with watched(as_json) as progress:
            found = find(config, as_of=as_of, root=data, progress=progress) if with_insights else None
            said = quotes(config, as_of=as_of, root=data, progress=progress) if with_quotes else None
    page = run(config, out, found=found, said=said, named=with_names)
    show({"report": str(page)}, as_json, title="The report")


def insights(
    config: ConfigFile,
    as_of: Annotated[
        date | None,
        typer.Option("--as-of", metavar="DATE", parser=to_day, help="As known at the start of it (default: all data)."),
    ] = None,
    data: DataRoot = None,
    as_json: AsJson = False,
) -> None:
    """Say what the outcomes tell: who leaves silently after what, personas, channels, and what drives people out."""
    from churnml.report.chapters import chapters
    from churnml.workflows.insights import insights as run
    from churnml.workflows.insights import plain

    with watched(as_json) as progress:
        found = run(config, as_of=as_of, root=data, progress=progress)
    if as_json:
        show(plain(found), True)
        return
    for chapter in chapters(found):
        show_chapter(chapter)
