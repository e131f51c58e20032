"""Ctrl-C: heeded wherever it comes, and never taken for a bug."""

from __future__ import annotations

import os
import signal
import time

import pytest

from churnml.errors import DataError
from churnml.workflows.exits import exit_codes
from churnml.workflows.interrupts import heeded


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("error", [RuntimeError("Query interrupted"), DataError("the query: INTERRUPT Error")])
def test_an_error_that_it_led_to_is_an_interruption(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left, exit_codes():
        try:
            interrupt()
            time.sleep(5)
        except KeyboardInterrupt:
            raise error from None
    assert left.value.code == 130
    assert capsys.readouterr().err == "churnml: interrupted; nothing half-done was published\n"


@pytest.mark.parametrize("file", ["<frozen importlib._bootstrap>", f"{os.sep}numba{os.sep}core.py"])
def test_it_waits_for_an_import(file: str) -> None:
    space = {"interrupt": interrupt, "sleep": time.sleep, "done": []}
    with heeded() as interruption, pytest.raises(KeyboardInterrupt):
        exec(compile("interrupt()\nsleep(0.2)\ndone.append(1)", file, "exec"), space)
        time.sleep(5)
    assert space["done"] == [1] and interruption.asked
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_it_comes_again_where_it_was_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("churnml.workflows.interrupts.AGAIN_S", 0.1)
    with heeded(), pytest.raises(KeyboardInterrupt):
        try:
            interrupt()
            time.sleep(5)
        except KeyboardInterrupt:
            pass
        time.sleep(5)


def test_where_it_is_ignored_it_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with heeded() as interruption:
            interrupt()
        assert not interruption.asked and signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
