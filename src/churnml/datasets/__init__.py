"""Data to try churnml on: a simulated company whose truth is known, and public data sets."""
