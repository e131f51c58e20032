"""The model: a scikit-learn classifier over LightGBM, its calibration, tuning, baselines and bundle."""

import os

# Threads of the OpenMP library that LightGBM loads spin while they wait for one another. Where other processes want the
# cores too, that costs more than it saves: 136 s instead of 8 s for one model on two busy cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
