"""Train, judge and register a model: `python pipelines/train.py CONFIG`.

In a container: `docker run -v /srv/churn:/work -w /work IMAGE python pipelines/train.py shop.yaml`. The summary goes to
standard output as JSON; the exit codes are those of the command line (see docs/guide.md).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from churnml.config import load_config
from churnml.workflows.exits import exit_codes
from churnml.workflows.train import train


def main() -> None:
    parser = argparse.ArgumentParser(description="Train, judge on the test snapshots, and register the model.")
    parser.add_argument("config", type=Path, metavar="CONFIG", help="the YAML file that describes the business")
    parser.add_argument("--trials", type=int, metavar="N", help="trials of the parameter search (default: configured)")
    options = parser.parse_args()
    with exit_codes():
        result = train(load_config(options.config), trials=options.trials)
        print(json.dumps(result.summary(), indent=2))


if __name__ == "__main__":
    main()
