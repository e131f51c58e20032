"""Ctrl-C that is neither lost nor taken for something else.

Python raises KeyboardInterrupt wherever its main thread happens to be. Inside the import of a compiled module, or while
one is compiled, that may end the process or be swallowed; inside a query the engine turns it into an error of its own.
So an interruption waits until these are over, comes again where it was swallowed, and is remembered, so that an error
that it led to can be told from a bug.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SOON_S, AGAIN_S = 0.05, 3.0
"""After so long an import is looked at again; and after so long, cleaning up included, a job should have ended."""
NOT_INSIDE = ("<frozen importlib._bootstrap>", f"{os.sep}llvmlite{os.sep}", f"{os.sep}numba{os.sep}")
"""Parts of the paths of code that must not be interrupted."""


class Interruption:
    """What is done on SIGINT; `asked` tells whether one came."""

    def __init__(self) -> None:
        self.asked = False
        self._timer: threading.Timer | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Raise KeyboardInterrupt, or wait where it would be lost."""
        self.asked = True
        if _busy(frame):
            self._again(SOON_S)
            return
        self._again(AGAIN_S)
        raise KeyboardInterrupt

    def over(self) -> None:
        """No more."""
        if self._timer is not None:
            self._timer.cancel()

    def _again(self, seconds: float) -> None:
        self.over()
        self._timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
        self._timer.daemon = True
        self._timer.start()


@contextmanager
def heeded() -> Iterator[Interruption]:
    """Heed SIGINT meanwhile, where it is not ignored or handled by somebody else."""
    interruption = Interruption()
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield interruption
        return
    signal.signal(signal.SIGINT, interruption)
    try:
        yield interruption
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        interruption.over()


def _busy(frame: FrameType | None) -> bool:
    while frame is not None:
        if any(part in frame.f_code.co_filename for part in NOT_INSIDE):
            return True
        frame = frame.f_back
    return False
