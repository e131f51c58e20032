"""The command line: thin words around the workflows.

Exit codes: 0 done or nothing to do, 2 configuration or usage, 65 data or model refused, 70 a bug, 75 busy, try again,
130 interrupted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from churnml.cli.begin import demo, simulate
from churnml.cli.data import audit, check, dataset, define
from churnml.cli.models import card, compare, promote, train
from churnml.cli.nights import assignments, backfill, forget, history, monitor, rollback, score, status, verify
from churnml.cli.reading import explain, insights, report
from churnml.workflows.exits import INTERRUPTED, exit_codes

app = typer.Typer(
    name="churnml",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Predicts [bold]silent defection[/]: customers who leave without ever complaining.\n\n"
    "Begin with [bold]churnml demo[/]. With tables of your own: write a YAML file like those in configs/, then "
    "[bold]check[/], [bold]train[/], [bold]score --as-of DATE[/] and [bold]report[/].",
)

PANELS = {
    "Begin": (demo, simulate),
    "Data": (check, audit, dataset, define),
    "Models": (train, compare, promote, card),
    "Nights": (score, backfill, status, history, verify, monitor, rollback, assignments, forget),
    "Reading": (explain, report, insights),
}
"""The commands in the order of the help."""


def _version(asked: bool) -> None:
    if asked:
        from churnml import __version__

        typer.echo(f"churnml {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which version this is, and leave.")
    ] = False,
) -> None:
    pass


for _panel, _commands in PANELS.items():
    for _command in _commands:
        app.command(rich_help_panel=_panel)(_command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    from typer.exceptions import TyperException

    with exit_codes():
        try:
            result = app(list(arguments) if arguments is not None else None, standalone_mode=False)
        except typer.Exit as stop:
            raise SystemExit(stop.exit_code) from None
        except typer.Abort:
            raise KeyboardInterrupt from None
        except TyperException as error:
            error.show()  # type: ignore[attr-defined]
            raise SystemExit(2) from None
        if result == INTERRUPTED:  # typer catches Ctrl-C and says nothing
            raise KeyboardInterrupt
    raise SystemExit(result if isinstance(result, int) else 0)
