"""A process whose children are killed, or meet a disk that breaks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent


@dataclass
class Publisher:
    """The process that works in children, each a process of its own: see `publisher.py`."""

    process: subprocess.Popen[str]

    def run(
        self,
        root: Path,
        jobs: list[tuple[str, str]] | None = None,
        *,
        command: list[str] | None = None,
        kill_after: float | None = None,
        **fail: int,
    ) -> tuple[int, int]:
        """How the child ended (a signal is negative), and how many calls that write below `root` it made."""
        order: dict[str, Any] = {"root": str(root), "jobs": jobs} | ({"fail": fail} if fail else {})
        if command is not None:
            order |= {"command": command, "said": str(root.with_name("said.txt"))}
        if kill_after is not None:
            order["kill_after"] = kill_after
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        status, calls = map(int, self._line().split())
        return os.waitstatus_to_exitcode(status), calls

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the publisher is gone"
        return line


@pytest.fixture(scope="session")
def start_publisher(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Start such a process, within a `with`."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("needs Linux and a C compiler")
    library = tmp_path_factory.mktemp("failing") / "failing.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-w", "-o", library, HERE / "failing.c", "-ldl"], check=True)

    @contextmanager
    def start(*arguments: str, **environment: str) -> Iterator[Publisher]:
        known = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "LD_PRELOAD": str(library)} | environment
        process = subprocess.Popen(
            [sys.executable, HERE / "publisher.py", *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=known,
        )  # fmt: skip
        try:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
            yield Publisher(process)
        finally:
            process.kill()
            process.communicate()

    return start
