"""Functions compiled by numba once, and kept on disk where there is a place to keep them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile `function` at its first call, without the interpreter's lock.

    The machine code is kept beside the module, or else where numba keeps it for the user (`NUMBA_CACHE_DIR` names
    another folder). Where none of these can be written, as in an installation that is read-only, each process
    compiles for itself, which takes some seconds once.
    """
    try:
        return numba.njit(function, cache=True, nogil=True)  # type: ignore[no-any-return]
    except RuntimeError:  # numba found no folder that it can write to
        return numba.njit(function, nogil=True)  # type: ignore[no-any-return]
