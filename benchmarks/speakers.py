"""How often simulated customers who would speak up leave unhappy, over those who would not: the `speaker_ratio`.

python benchmarks/speakers.py                              the three presets, 200,000 customers each
python benchmarks/speakers.py telecom --customers 20000    a first look
"""

from __future__ import annotations

import argparse

import numpy as np

from churnml.datasets.simulator import CHUNK, PRESETS, preset
from churnml.datasets.simulator.life import SILENT, VOCAL
from churnml.datasets.simulator.run import Plan, begin, live

SEED = 99


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the ratio on companies half of whose customers would speak.")
    parser.add_argument("presets", nargs="*", default=list(PRESETS), metavar="PRESET")
    parser.add_argument("--customers", type=int, default=200_000)
    options = parser.parse_args()
    for name in options.presets:
        left, all_of_them = counts(name, options.customers)
        share = left / all_of_them
        ratio = share[1] / share[0]
        print(f"{name}: {ratio:.3f}, standard error {ratio * np.sqrt((1 / left).sum()):.3f}", flush=True)


def counts(name: str, customers: int) -> np.ndarray:
    """Unhappy leavers, and customers, of those who would not and those who would speak up (2 x 2)."""
    plan = Plan.of(preset(name, silent_share=0.5, speaker_ratio=1.0), SEED)
    found = np.zeros((2, 2))
    for first in range(0, customers, CHUNK):
        life = begin(plan, first, min(CHUNK, customers - first))
        for day in range(plan.days):
            live(life, day)
        unhappy = np.isin(life.state.manner, (SILENT, VOCAL))
        for speaks in (0, 1):
            group = life.people.speaks == speaks
            found[:, speaks] += (unhappy & group).sum(), group.sum()
    return found


if __name__ == "__main__":
    main()
