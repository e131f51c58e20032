"""The model: a scikit-learn classifier over LightGBM, its calibration, tuning, baselines and bundle."""
