"""How a night ended: noted in the journal, and told to somebody when it was refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime

from churnml.config import Config
from churnml.errors import ChurnmlError
from churnml.scoring.durable import refusal
from churnml.scoring.journal import FAILED, PUBLISHED, REFUSED, UNCHANGED, Entry, note
from churnml.scoring.publish import publication
from churnml.workflows import exits
from churnml.workflows.deliver import alert
from churnml.workflows.logs import place_of
from churnml.workflows.night import Scored

REFUSAL = 65


@dataclass
class Ending:
    """What a run came to, while it runs: nothing yet."""

    scored: Scored | None = None

    def well(self, scored: Scored) -> Scored:
        """It came to this."""
        self.scored = scored
        return scored


@contextmanager
def noted(config: Config, as_of: date) -> Iterator[Ending]:
    """Note how the block ends; run the configured alert when the night was refused."""
    begun = time.monotonic()
    ending = Ending()

    def write(state: str, code: int, reason: str = "") -> None:
        done = ending.scored
        entry = Entry(
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            as_of=as_of.isoformat(),
            state=state,
            exit_code=code,
            night=done.night.name if done else "",
            reason=reason,
            warnings=len(done.warnings) if done else 0,
            customers=done.customers if done else 0,
            seconds=round(time.monotonic() - begun, 1),
        )
        note(publication(config).root, entry)

    try:
        yield ending
    except ChurnmlError as error:
        write(REFUSED if error.exit_code == REFUSAL else FAILED, error.exit_code, str(error))
        if error.exit_code == REFUSAL:
            alert(config, as_of, error.exit_code, str(error))
        raise
    except KeyboardInterrupt:
        write(FAILED, exits.INTERRUPTED, "interrupted")
        raise
    except Exception as error:
        told = refusal(error)
        write(FAILED, *((told.exit_code, str(told)) if told else (exits.BUG, place_of(error))))
        raise
    write(UNCHANGED if ending.scored and ending.scored.unchanged else PUBLISHED, 0)
