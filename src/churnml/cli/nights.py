"""The commands of the nightly job: score, look back, watch, take back."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from churnml.cli.options import AsJson, AsOf, ConfigFile, DataRoot, KnownAt, Refused, to_day
from churnml.terminal import records, show, show_table, watched
from churnml.workflows.exits import refuse_tomorrow


def score(
    config: ConfigFile,
    as_of: AsOf,
    known_at: KnownAt = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Do everything but publish, deliver and alert.")] = False,
    data: DataRoot = None,
    as_json: AsJson = False,
) -> None:
    """Score and explain every eligible customer with the champion, publish all or nothing, and deliver it."""
    refuse_tomorrow(as_of)
    from churnml.workflows.score import rehearse
    from churnml.workflows.score import score as run

    with watched(as_json) as progress:
        if dry_run:
            rehearsed = rehearse(config, as_of, known_at=known_at, root=data, progress=progress)
            summary, title = rehearsed.summary(), "Nothing was published"
        else:
            result = run(config, as_of, known_at=known_at, root=data, progress=progress)
            summary, title = result.summary(), "Nothing to do" if result.unchanged else "Published"
    show(summary, as_json, title=title)


def backfill(
    config: ConfigFile,
    first: Annotated[date, typer.Option("--from", metavar="DATE", parser=to_day, help="The first night.")],
    last: Annotated[date, typer.Option("--to", metavar="DATE", parser=to_day, help="The last night.")],
    every: Annotated[int, typer.Option(min=1, metavar="DAYS", help="One night in so many days.")] = 1,
    data: DataRoot = None,
    as_json: AsJson = False,
) -> None:
    """Score many nights, oldest first; those already done are skipped, so that a killed one goes on where it was."""
    refuse_tomorrow(last)
    from churnml.workflows.backfill import backfill as run

    with watched(as_json) as progress:
        result = run(config, first, last, every=every, root=data, progress=progress)
    show(result.summary(), as_json, title="Backfilled")
    if result.refused:
        first_reason = next(iter(result.refused.values()))
        raise Refused(f"{len(result.refused)} nights were refused, the first for: {first_reason}")


def status(
    config: ConfigFile,
    as_of: Annotated[
        date | None, typer.Option("--as-of", metavar="DATE", parser=to_day, help="The night expected (default: today).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say whether last night is good: published, whole, and of the day; leaves with 65 when it is not."""
    from churnml.workflows.nights import status as run

    result = run(config, as_of or date.today())
    show(result.summary(), as_json, title="Good" if result.good else "Not good")
    if not result.good:
        raise Refused("; ".join(result.problems))


def history(
    config: ConfigFile,
    last: Annotated[int, typer.Option(min=1, help="So many nights and runs.")] = 30,
    as_json: AsJson = False,
) -> None:
    """List the published nights and the runs, refused ones too."""
    from churnml.workflows.nights import history as run

    nights, runs = run(config, last)
    if as_json:
        show({"nights": records(nights), "runs": records(runs)}, True)
    else:
        show_table(nights, "Published nights")
        show_table(runs, "Runs")


def verify(config: ConfigFile, as_json: AsJson = False) -> None:
    """Check the published night against its manifest, byte for byte."""
    from churnml.workflows.nights import verify as run

    show(run(config), as_json, title="Verified")


def monitor(
    config: ConfigFile,
    as_of: Annotated[
        date | None,
        typer.Option("--as-of", metavar="DATE", parser=to_day, help="Outcomes as known then (default: all data)."),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Default: beside the published scores.")] = None,
    data: DataRoot = None,
    as_json: AsJson = False,
) -> None:
    """Judge published nights by what became of their customers, and watch for drift; leaves with 65 if not well."""
    from churnml.workflows.monitor import monitor as run

    if as_of is not None:
        refuse_tomorrow(as_of)
    with watched(as_json) as progress:
        result = run(config, as_of=as_of, out=out, root=data, progress=progress)
    show(result.summary() if as_json else result.brief(), as_json, title=result.title)
    result.require()


def assignments(
    config: ConfigFile,
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="A Parquet file, to be mapped as a source.")],
    since: Annotated[
        date | None,
        typer.Option("--since", metavar="DATE", parser=to_day, help="Nights from this day on only (default: all)."),
    ] = None,
    before: Annotated[
        date | None,
        typer.Option("--before", metavar="DATE", parser=to_day, help="Nights before this day only (default: all)."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write whom the published nights said to contact and whom they held out, for the books, until a CRM reports it."""
    from churnml.workflows.assignments import assignments as run

    show(run(config, to, since=since, before=before), as_json, title="Assignments")


def rollback(
    config: ConfigFile,
    night: Annotated[str | None, typer.Argument(metavar="[NIGHT]", help="Default: the one before.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show readers an earlier night; those after it stay withdrawn until newer inputs, or their name here."""
    from churnml.workflows.nights import rollback as run

    show(run(config, night), as_json, title="Rolled back")


def forget(
    config: ConfigFile,
    customer: Annotated[str, typer.Option("--customer", metavar="ID", help="Write - to read it from standard input.")],
    unseen: Annotated[
        bool,
        typer.Option("--unseen", help="Keep out somebody whom no night has had yet."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Republish every night without a person, and never let them back in; only a keyed hash stays."""
    from churnml.workflows.forget import forget as run

    identity = sys.stdin.readline().strip() if customer == "-" else customer
    show(run(config, identity, unseen=unseen), as_json, title="Forgotten")
