"""Watch the published nights: `python pipelines/monitor.py CONFIG`.

Judges the nights whose outcomes are known by now, looks for drift in the others, writes the page beside the scores and
logs a run. Exit codes: 0 all well, 65 a night is worse than promised or something has drifted beyond the limits (or the
data was refused), 2 configuration, 70 a bug, 75 the model store is out of reach (retry).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from churnml.config import load_config
from churnml.workflows.exits import exit_codes
from churnml.workflows.monitor import monitor


def main() -> None:
    parser = argparse.ArgumentParser(description="Judge published nights by what became of their customers.")
    parser.add_argument("config", type=Path, metavar="CONFIG", help="the YAML file that describes the business")
    options = parser.parse_args()
    with exit_codes():
        result = monitor(load_config(options.config))
        print(json.dumps(result.brief(), indent=2))
        result.require()


if __name__ == "__main__":
    main()
