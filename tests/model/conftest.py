"""A made-up business whose true chances are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest


@dataclass(frozen=True)
class Made:
    X: pd.DataFrame
    y: np.ndarray
    as_of: pd.DatetimeIndex
    groups: np.ndarray
    truth: np.ndarray


def make_business(
    customers: int = 500, snapshots: int = 8, seed: int = 0, silent: float = -1.2, vocal: float = -2.4
) -> Made:
    """Silent leavers: overdue against their own habit (recency alone misleads) and in one region. Vocal: complaints."""
    rng = np.random.default_rng(seed)
    n = customers * snapshots
    usual = np.repeat(rng.lognormal(2.5, 0.8, customers), snapshots)
    overdue = rng.lognormal(-0.3, 0.7, n)
    recency = np.ceil(usual * overdue)
    voice = rng.poisson(0.25, n).astype(float)
    region = np.repeat(rng.choice(["north", "south", "west"], customers), snapshots)
    drop = rng.normal(size=n)
    margin_silent = silent + 1.6 * np.log(overdue) + 0.8 * (region == "south") - 0.6 * drop - 1.5 * (voice > 0)
    margin_vocal = vocal + 1.8 * np.minimum(voice, 2)
    odds = np.exp(np.column_stack([np.zeros(n), margin_silent, margin_vocal]))
    truth = odds / odds.sum(axis=1, keepdims=True)
    y = np.array(["retained", "silent", "vocal"])[(rng.random((n, 1)) > truth.cumsum(axis=1)).sum(axis=1)]
    X = pd.DataFrame(
        {
            "days_since_engagement": recency,
            "usual_gap_days": usual,
            "overdue_ratio": overdue,
            "engagement_90d": np.floor(90 / usual),
            "trend_30d": np.where(rng.random(n) < 0.15, np.nan, drop),
            "voice_events_90d": voice,
            "tenure_days": rng.integers(1, 900, n).astype(float),
            "amount_90d": rng.gamma(2, 40, n),
            "region": pd.Categorical(region),
        }
    )
    dates = pd.date_range("2024-01-01", periods=snapshots, freq="28D")
    groups = np.repeat([f"g{i:05d}" for i in range(customers)], snapshots)
    return Made(X, y, pd.DatetimeIndex(np.tile(dates, customers)), groups, truth)


@pytest.fixture(scope="session")
def business() -> Made:
    return make_business()


@pytest.fixture(scope="session")
def make() -> object:
    return make_business


def draw_label_shifted(n: int, rates: np.ndarray, learnt: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Chances (n, 3) of a model that is right for the base rates `learnt`, and classes (n,) drawn at `rates`."""
    rng = np.random.default_rng(seed)
    middles = np.array([[0.0, 0.0], [1.5, 0.0], [0.0, 2.0]])
    y = rng.choice(3, n, p=rates)
    x = rng.normal(size=(n, 2)) + middles[y]
    likely = np.exp(-0.5 * ((x[:, None] - middles) ** 2).sum(axis=2)) * learnt
    return likely / likely.sum(axis=1, keepdims=True), y


@pytest.fixture(scope="session")
def label_shifted() -> Callable[[int, np.ndarray, np.ndarray, int], tuple[np.ndarray, np.ndarray]]:
    """Rows whose base rates are others than those a model has learnt from, all else being equal."""
    return draw_label_shifted
