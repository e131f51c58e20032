"""The commands about models: train, compare, promote, describe."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from churnml.cli.options import AsJson, ConfigFile, DataRoot, KnownAt
from churnml.terminal import show, show_table, watched


def train(
    config: ConfigFile,
    known_at: KnownAt = None,
    trials: Annotated[int | None, typer.Option(min=0, help="Trials of the parameter search.")] = None,
    seed: Annotated[int | None, typer.Option(min=0)] = None,
    data: DataRoot = None,
    as_json: AsJson = False,
) -> None:
    """Train, judge on the test snapshots, and log the run; the first sound model becomes the champion."""
    from churnml.workflows.train import train as run

    with watched(as_json) as progress:
        result = run(config, known_at=known_at, trials=trials, seed=seed, root=data, progress=progress)
    if not as_json:
        show_table(result.leaderboard(), "Silent defection on the test snapshots, 95% intervals")
    show(result.summary(), as_json, title="Trained")


def compare(
    config: ConfigFile,
    versions: Annotated[
        list[str] | None,
        typer.Argument(metavar="[VERSION]...", help="The first is the reference. Default: all, against the champion."),
    ] = None,
    ablation: Annotated[
        bool, typer.Option("--ablation", help="Instead: the model without each family of features, before the test.")
    ] = False,
    known_at: KnownAt = None,
    data: DataRoot = None,
    as_json: AsJson = False,
) -> None:
    """Put trained versions side by side on the same test snapshots, with paired differences; or feature families."""
    if ablation:
        if versions:
            raise typer.BadParameter("--ablation trains models of its own; give no versions")
        from churnml.workflows.ablation import ablate

        with watched(as_json) as progress:
            families = ablate(config, known_at=known_at, root=data, progress=progress)
        if as_json:
            show(families.summary(), True)
        else:
            show_table(
                families.table(),
                f"What each family is worth: all features minus without it, on {families.rows:,} rows of the training "
                f"period predicted out of time ({families.origins[0]} to {families.origins[-1]}), no voice before",
            )
        return
    from churnml.workflows.compare import compare as run

    result = run(config, versions or [])
    if as_json:
        show(result.summary(), True)
    else:
        show_table(
            result.table(),
            f"Versions on the {result.rows:,} test rows that all of them share ({result.snapshots[0]} to "
            f"{result.snapshots[-1]}), no voice before",
        )
        show_table(result.difference_table(), f"Differences to version {result.reference}, paired, 95% intervals")
        if len(result.settings):
            show_table(result.settings, "What the versions differ in")


def promote(
    config: ConfigFile,
    version: Annotated[str | None, typer.Argument(help="Default: the challenger.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Promote against the rule; this is recorded.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a version the champion, if it has earned it; says why not."""
    from churnml.workflows.promote import promote as run

    show(run(config, version, force=force), as_json, title="Promotion")


def card(
    config: ConfigFile,
    version: Annotated[str | None, typer.Argument(help="Default: the champion.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Default: print it.")] = None,
) -> None:
    """Print a model's card: data, definition, figures, fairness, limits, lineage (Markdown)."""
    from churnml.workflows.card import card as run

    text = run(config, version)
    if out is None:
        sys.stdout.write(text)
    else:
        from churnml.scoring.durable import write_text

        write_text(out, text)
