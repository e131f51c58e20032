"""The nightly job: gates, scores, and their publication, whole or not at all."""
