"""Evaluation: how far to trust a model, and which of two to trust more."""
