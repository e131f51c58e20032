"""Score and publish one night: `python pipelines/score_nightly.py CONFIG --as-of 2024-03-01`.

In a container: `docker run -v /srv/churn:/work -w /work IMAGE python pipelines/score_nightly.py shop.yaml --as-of ...`.
It may be killed and run again at any time. Exit codes: 0 published or nothing to do, 2 configuration, 65 data or model
refused (do not retry), 70 a bug, 75 busy (retry).
"""

from __future__ import annotations

import argparse
import json
from datetime import date
from pathlib import Path

from churnml.config import load_config
from churnml.workflows.exits import exit_codes, refuse_tomorrow
from churnml.workflows.score import score


def main() -> None:
    parser = argparse.ArgumentParser(description="Score and explain every eligible customer, and publish the night.")
    parser.add_argument("config", type=Path, metavar="CONFIG", help="the YAML file that describes the business")
    parser.add_argument("--as-of", type=date.fromisoformat, required=True, metavar="DATE", help="the night to score")
    options = parser.parse_args()
    with exit_codes():
        refuse_tomorrow(options.as_of)
        result = score(load_config(options.config), options.as_of)
        print(json.dumps(result.summary(), indent=2))


if __name__ == "__main__":
    main()
