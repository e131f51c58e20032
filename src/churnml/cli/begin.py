"""The commands that need no data of one's own: a demonstration, and companies to try things on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from churnml.cli.options import AsJson
from churnml.terminal import show, watched


def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where everything goes.")] = Path("demo"),
    customers: Annotated[int, typer.Option(min=200, help="How many customers to simulate.")] = 4000,
    seed: Annotated[int, typer.Option(min=0)] = 7,
    as_json: AsJson = False,
) -> None:
    """Simulate a telecom company, train, score a night and write the report; no network needed."""
    from churnml.workflows.demo import demo as run

    with watched(as_json) as progress:
        result = run(out, customers=customers, seed=seed, progress=progress)
    show(result.summary(), as_json, title="The demo is done")


def simulate(
    out: Annotated[Path, typer.Option(metavar="DIR", help="A new or empty folder.")],
    customers: Annotated[int, typer.Option(min=1)] = 5000,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    months: Annotated[int, typer.Option(min=6, max=60)] = 18,
    preset: Annotated[str, typer.Option(metavar="NAME", help="telecom, shop or software.")] = "telecom",
    silent_share: Annotated[
        float | None, typer.Option(help="Of those who leave unhappy, the share that never complains (default: 0.96).")
    ] = None,
    trap: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Switch on a fault of real data; may be repeated.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes (default: one per core).")] = None,
    as_json: AsJson = False,
) -> None:
    """Write the tables of a simulated company, a configuration for them, and the truth beside them."""
    from churnml.workflows.demo import simulate as run

    with watched(as_json) as progress:
        summary = run(
            out,
            customers=customers,
            seed=seed,
            months=months,
            preset=preset,
            silent_share=silent_share,
            traps=trap or (),
            workers=workers or os.cpu_count() or 1,
            progress=progress,
        )
    show(summary, as_json, title="Simulated")
