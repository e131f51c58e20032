"""Forgets a customer: out of every published night and sink, and never let in again."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from churnml.config import Config
from churnml.errors import ConfigError, DataError
from churnml.pseudonyms import Pseudonyms, Suppressed
from churnml.scoring.durable import replace_text, writing
from churnml.scoring.exports import forget_row
from churnml.scoring.publish import publication
from churnml.tracking import Tracker
from churnml.workflows.ids import written_otherwise
from churnml.workflows.logs import stage

log = logging.getLogger(__name__)
PATIENCE_S = 600


def forget(config: Config, customer: str, *, unseen: bool = False) -> dict[str, Any]:
    """Republish every night without the customer, and keep a keyed hash so that no later run brings them back.

    The hash is written first: killed anywhere, the next run knows already, and calling this again ends the work. What
    was made from the person's rows (the report, the call list, rows in PostgreSQL, pseudonymous test predictions in the
    model store) is removed or made again. The model itself holds no rows. The id is neither logged nor given back.

    An id that is nowhere is most likely mistyped: it is refused and its hash taken back, unless `unseen` says that
    somebody is meant whom no night has had yet.

    Raises
    ------
    ConfigError
        No id is given, or there is no key.
    DataError
        Nothing has the customer; or it cannot be said who is in a damaged night, and all others are done.
    LockError
        A run is under way, or PostgreSQL or the model store is out of reach.
    """
    if not customer:
        raise ConfigError("--customer: no id is given", "give the id as the scores write it")
    models = Path(config.paths.models)
    names = Pseudonyms.load(models, create=True)
    place = publication(config)
    with place.lock(wait_s=PATIENCE_S), stage(log, "forget") as event:
        before = Suppressed.load(models, config.project) or Suppressed(names)
        _keep(before.adding(customer), models / config.project)
        changed, damaged = [], []
        place.clean()
        for night in place.nights():
            try:
                if (fresh := place.republish_without(night, {customer})) is not None:
                    changed.append(fresh.name)
            except DataError:
                damaged.append(night.name)
        told: dict[str, Any] = {"nights_republished": changed} | _sinks(config, customer)
        told["test_predictions_removed"] = Tracker(None, models, config.project).forget(names.of(customer))
        event["nights"] = len(changed)
        known = bool(before.among([customer]))
        if not (known or unseen or damaged or _found(config, told)):
            _keep(before, models / config.project)
            ids = {
                each for night in place.nights() for each in night.scores(["customer_id"])["customer_id"].to_pylist()
            }
            said = written_otherwise(customer, ids)
            raise DataError(
                "--customer: no night, sink or test prediction has this id, so nobody was forgotten",
                f"the same id {said} is there; for somebody whom no night has had yet, add --unseen"
                if said
                else "check how the scores write it; for somebody whom no night has had yet, add --unseen",
            )
        (place.root / "report.html").unlink(missing_ok=True)
        told |= {"report": "removed; run churnml report", "forgotten_before": known}
    if damaged:
        raise DataError(
            f"{len(damaged)} damaged nights may still hold the customer: {', '.join(damaged)}",
            f"remove their folders under {place.root / 'nights'}, then run this again",
        )
    return told


def _keep(suppressed: Suppressed, home: Path) -> None:
    with writing(home):
        home.mkdir(parents=True, exist_ok=True)
        if len(suppressed):
            replace_text(home / Suppressed.FILE, suppressed.text())
        else:
            (home / Suppressed.FILE).unlink(missing_ok=True)


def _found(config: Config, told: dict[str, Any]) -> bool:
    """Whether anything had the customer; a call list without a column of ids was removed without telling."""
    csv = config.scoring.sinks.csv
    silent = {"call_list_rows_removed"} if csv is not None and "customer_id" not in csv.columns else set()
    return any(value for name, value in told.items() if name not in silent)


def _sinks(config: Config, customer: str) -> dict[str, Any]:
    sinks, told = config.scoring.sinks, {}
    if sinks.csv is not None:
        told["call_list_rows_removed"] = forget_row(sinks.csv, customer)
    if sinks.postgres is not None:
        from churnml.scoring.warehouse import forget as forget_rows

        told["postgres_rows_removed"] = forget_rows(customer, sinks.postgres)
    return told
