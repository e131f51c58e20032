"""Fetches a file over the network, whole or not at all."""

from __future__ import annotations

import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from churnml.errors import DataError

Progress = Callable[[int, int], None]
"""Called with what is done and what there is to do; 0 to do means that the size is unknown."""

_PIECE = 1 << 20
_ADVICE = "check the network and try again, or set CHURNML_DATA_HOME to a folder that holds the data"


def fetch(url: str, path: Path, progress: Progress, timeout_s: float = 60) -> str:
    """Stream `url` to `path` and return its sha256; nothing is left behind if the transfer breaks off.

    Raises
    ------
    DataError
        The address cannot be reached or answers with an error, or the transfer ends early.
    """
    digest = hashlib.sha256()
    request = urllib.request.Request(url, headers={"User-Agent": "churnml"})
    done = 0
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer, path.open("wb") as target:
            total = int(answer.headers.get("Content-Length") or 0)
            while piece := answer.read(_PIECE):
                target.write(piece)
                digest.update(piece)
                done += len(piece)
                progress(done, total)
        if done < total:
            raise DataError(f"{url}: the download broke off after {done:,} of {total:,} bytes", _ADVICE)
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        path.unlink(missing_ok=True)
        reason = f"{error.code} {error.reason}" if isinstance(error, urllib.error.HTTPError) else error
        raise DataError(f"{url}: cannot be fetched: {getattr(reason, 'reason', reason)}", _ADVICE) from error
    except DataError:
        path.unlink(missing_ok=True)
        raise
    return digest.hexdigest()
