"""The command line: thin words around the workflows.

Exit codes: 0 done or nothing to do, 2 configuration or usage, 65 data or model refused, 70 a bug, 75 busy, try again,
130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from churnml.errors import ChurnmlError
from churnml.terminal import records, say, show, show_chapter, show_table, watched
from churnml.workflows.exits import INTERRUPTED, exit_codes, refuse_tomorrow

if TYPE_CHECKING:
    from churnml.config import Config
else:
    Config = object  # a command line that only helps reads no configuration

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


def _load(path: str) -> Config:
    from churnml.config import load_config

    return load_config(Path(path))


ConfigFile = Annotated[
    Config, typer.Argument(metavar="CONFIG", parser=_load, help="The YAML file that describes the business.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for machines, and nothing else.")]
DataRoot = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Where the sources' paths begin, instead of data.root.")
]


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date; write it as 2024-03-01") from None


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a moment; write it as 2024-03-01 or 2024-03-01T06:00") from None
    if moment.tzinfo is not None:
        raise typer.BadParameter("give the wall-clock time in the configured time zone, without an offset")
    return moment


AsOf = Annotated[date, typer.Option("--as-of", metavar="DATE", parser=_day, help="Score as known at the start of it.")]
CheckedAsOf = Annotated[
    date | None,
    typer.Option(
        "--as-of", metavar="DATE", parser=_day, help="The day of the check; what lies after it is in the future."
    ),
]
KnownAt = Annotated[
    datetime | None,
    typer.Option("--known-at", metavar="MOMENT", parser=_moment, help="Use only what was recorded before this."),
]


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


@app.command()
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


@app.command()
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


@app.command()
def check(config: ConfigFile, as_of: CheckedAsOf = None, data: DataRoot = None, as_json: AsJson = False) -> None:
    """Hold the data against the contract; every violation by name and count."""
    from churnml.workflows.check import check as run

    with watched(as_json) as progress:
        result = run(config, as_of=as_of, root=data, progress=progress)
    if as_json:
        show(result.summary(), True)
        result.report.raise_if_refused()
        return
    if result.report.violations:
        show_table(result.report.frame(), "Violations")
    show(result.summary(brief=True), False, title="" if result.report.violations else "No violation")
    if refused := len(result.report.refused):
        raise _Refused(f"the data are refused for {refused} of the violations above; mend, repair or accept each")


@app.command()
def dataset(
    config: ConfigFile,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where dataset.parquet and excluded.parquet go.")],
    known_at: KnownAt = None,
    data: DataRoot = None,
    as_json: AsJson = False,
) -> None:
    """Write the labelled table (keys, features, outcome) and, for every customer left out, the reason."""
    from churnml.workflows.dataset import dataset as run

    with watched(as_json) as progress:
        summary, left_out = run(config, out, known_at=known_at, root=data, progress=progress)
    if not as_json:
        show_table(left_out, "Left out")
        del summary["left_out"]
    show(summary, as_json, title="The data set")


@app.command()
def define(
    config: ConfigFile,
    horizon: Annotated[list[int] | None, typer.Option(min=1, metavar="DAYS", help="Try this horizon; repeat.")] = None,
    active_within: Annotated[
        list[int] | None, typer.Option(min=1, metavar="DAYS", help="Try this for eligible; repeat.")
    ] = None,
    follow: Annotated[int, typer.Option(min=1, metavar="DAYS", help="How long to look for who comes back.")] = 90,
    returning: Annotated[
        float, typer.Option(min=0.001, max=0.999, help="The share of broken silences that is small enough.")
    ] = 0.1,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it, as .svg or .png.")] = None,
    known_at: KnownAt = None,
    data: DataRoot = None,
    as_json: AsJson = False,
) -> None:
    """Show how the choice of days decides who counts as leaving and who comes back, and suggest one."""
    from churnml.workflows.define import define as run
    from churnml.workflows.plots import check_picture, definition_plot

    if out is not None:
        check_picture(out)
    with watched(as_json) as progress:
        lab = run(
            config,
            horizons=horizon or (),
            active_within=active_within or (),
            follow_days=follow,
            returning=returning,
            known_at=known_at,
            root=data,
            progress=progress,
        )
    if out is not None:
        definition_plot(lab, out)
    if as_json:
        show(lab.summary(), True)
        return
    show_table(lab.table(), "What leaving could mean")
    show(
        {"suggested days of silence": lab.suggestion.quiet_days or "none", "why": lab.suggestion.why}
        | {f"({number})": text for number, text in enumerate(lab.remarks, start=1)},
        False,
    )


@app.command()
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


@app.command()
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


@app.command()
def promote(
    config: ConfigFile,
    version: Annotated[str | None, typer.Argument(help="Default: the challenger.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Promote against the rule; this is recorded.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a version the champion, if it has earned it; says why not."""
    from churnml.workflows.promote import promote as run

    show(run(config, version, force=force), as_json, title="Promotion")


@app.command()
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


@app.command()
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


@app.command()
def backfill(
    config: ConfigFile,
    first: Annotated[date, typer.Option("--from", metavar="DATE", parser=_day, help="The first night.")],
    last: Annotated[date, typer.Option("--to", metavar="DATE", parser=_day, help="The last night.")],
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
        raise _Refused(f"{len(result.refused)} nights were refused, the first for: {first_reason}")


@app.command()
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


@app.command()
def status(
    config: ConfigFile,
    as_of: Annotated[
        date | None, typer.Option("--as-of", metavar="DATE", parser=_day, help="The night expected (default: today).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say whether last night is good: published, whole, and of the day; leaves with 65 when it is not."""
    from churnml.workflows.nights import status as run

    result = run(config, as_of or date.today())
    show(result.summary(), as_json, title="Good" if result.good else "Not good")
    if not result.good:
        raise _Refused("; ".join(result.problems))


@app.command()
def monitor(
    config: ConfigFile,
    as_of: Annotated[
        date | None,
        typer.Option("--as-of", metavar="DATE", parser=_day, help="Outcomes as known then (default: all data)."),
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
    show(result.summary() if as_json else result.brief(), as_json, title="Well" if result.found.well else "Not well")
    result.require()


@app.command()
def rollback(
    config: ConfigFile,
    night: Annotated[str | None, typer.Argument(metavar="[NIGHT]", help="Default: the one before.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show readers an earlier night; those after it stay withdrawn until newer inputs, or their name here."""
    from churnml.workflows.nights import rollback as run

    show(run(config, night), as_json, title="Rolled back")


@app.command()
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


@app.command()
def explain(
    config: ConfigFile,
    customer: Annotated[str, typer.Option("--customer", metavar="ID")],
    as_of: Annotated[
        date | None, typer.Option("--as-of", metavar="DATE", parser=_day, help="Default: the published night.")
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


@app.command()
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


@app.command()
def insights(
    config: ConfigFile,
    as_of: Annotated[
        date | None,
        typer.Option("--as-of", metavar="DATE", parser=_day, help="As known at the start of it (default: all data)."),
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


@app.command()
def audit(config: ConfigFile, data: DataRoot = None, as_json: AsJson = False) -> None:
    """Try to make the future leak in, look for facts written with hindsight, and name the feature or column."""
    from churnml.workflows.audit import audit_config as run

    with watched(as_json) as progress:
        result = run(config, root=data, progress=progress)
    if as_json:
        show({"passed": result.passed, "gates": records(result.frame())}, True)
    else:
        show_table(result.frame().drop(columns="passed"), "Leakage audit")
    if not result.passed:
        raise _Refused("the leakage audit failed; the table above names the gate and the feature")


@app.command()
def verify(config: ConfigFile, as_json: AsJson = False) -> None:
    """Check the published night against its manifest, byte for byte."""
    from churnml.workflows.nights import verify as run

    show(run(config), as_json, title="Verified")


class _Refused(ChurnmlError):
    exit_code = 65


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
