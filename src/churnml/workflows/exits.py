"""How a job ends: with an exit code, and one line on standard error when it failed.

The command line and the files in pipelines/ end their jobs here, so that a scheduler reads the same from both.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import NoReturn

from churnml.errors import ChurnmlError, ConfigError
from churnml.scoring.durable import refusal
from churnml.workflows import logs
from churnml.workflows.interrupts import heeded

BUG, INTERRUPTED = 70, 130


@contextmanager
def exit_codes() -> Iterator[None]:
    """Leave the process with the exit code of whatever goes wrong inside, said on standard error without a traceback.

    Of a bug only the type and the place are said, because its text may hold a customer's values; with `CHURNML_DEBUG`
    in the environment, it keeps its traceback. A disk that is full and a place that may not be written are no bugs.

    Raises
    ------
    SystemExit
        A `ChurnmlError` gives its own `exit_code`, an interruption 130, anything else 70.
    """
    with heeded() as interruption:
        try:
            logs.configure()
            yield
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(0) from None
        except (KeyboardInterrupt, Exception) as error:
            if interruption.asked or isinstance(error, KeyboardInterrupt):
                _fail(KeyboardInterrupt(), "interrupted; nothing half-done was published", INTERRUPTED)
            if isinstance(told := refusal(error) or error, ChurnmlError):
                _fail(told, str(told), told.exit_code)
            if os.environ.get("CHURNML_DEBUG"):
                raise
            place = logs.place_of(error)
            _fail(error, f"a bug: {place}; set CHURNML_DEBUG=1 for the whole story, and report it", BUG)
        else:
            logs.ended(None, 0, "ended well")


def refuse_tomorrow(as_of: date) -> None:
    """Refuse a date that has not begun: the one place that looks at the clock, and only to refuse.

    Raises
    ------
    ConfigError
        The day lies in the future.
    """
    if as_of > date.today():
        raise ConfigError(f"--as-of {as_of}: this day lies in the future", "nothing is known at its start yet")


def _fail(error: BaseException, message: str, code: int) -> NoReturn:
    logs.ended(error, code, message)
    if logs.prose():
        sys.stderr.write(f"churnml: {message}\n")
    raise SystemExit(code)
