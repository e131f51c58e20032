"""Simulated companies whose truth is known: raw tables as a company would have them, and what no company knows.

`simulate` writes one Parquet file per raw table and the folder `truth/`, which nothing but tests and benchmarks should
read. `PRESETS` holds the companies, `TRAPS` the faults that can be switched on. `docs/simulator.md` explains the model.
"""

from churnml.datasets.simulator.presets import PRESETS, Preset, preset
from churnml.datasets.simulator.run import CHUNK, Simulated, simulate
from churnml.datasets.simulator.traps import TRAPS

__all__ = ["CHUNK", "PRESETS", "TRAPS", "Preset", "Simulated", "preset", "simulate"]
