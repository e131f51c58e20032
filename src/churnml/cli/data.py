"""The commands about the data: checks, the labelled table, definitions of leaving, leaks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from churnml.cli.options import AsJson, CheckedAsOf, ConfigFile, DataRoot, KnownAt, Refused
from churnml.terminal import records, show, show_table, watched


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
        raise Refused(f"the data are refused for {refused} of the violations above; mend, repair or accept each")


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
        raise Refused("the leakage audit failed; the table above names the gate and the feature")


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
        show_table(left_out.assign(first=left_out["first"].dt.date, last=left_out["last"].dt.date), "Left out")
        del summary["left_out"]
    show(summary, as_json, title="The data set")


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


def campaigns(config: ConfigFile, known_at: KnownAt = None, data: DataRoot = None, as_json: AsJson = False) -> None:
    """Show what campaigns with a control group have changed, and whether whom a contact keeps can be told."""
    from churnml.workflows.campaigns import campaigns as run

    with watched(as_json) as progress:
        result = run(config, known_at=known_at, root=data, progress=progress)
    if as_json:
        show({**result.summary(), **{name: records(table) for name, table in result.tables().items()}}, True)
        return
    for name, table in result.tables().items():
        show_table(table.round(4), TITLES[name])
    show(result.summary(), False, title="Campaigns")


TITLES = {
    "campaigns": "Who left of the treated and of the control group, with the 95% interval of the difference",
    "campaigns_followed": "Who had left by so many days after the assignment",
    "campaigns_by_fifth": "Expected and seen differences, from those with most to gain on",
    "campaigns_by_theme": "What changes in the effect (log-odds) where a theme pushes one standard deviation more",
    "campaigns_qini": "Customers kept per 100, by the share that is contacted, those with most to gain first",
    "campaigns_left_out": "Assignments left out",
}
