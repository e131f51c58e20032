from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churnml.features.registry import FeatureCard
from churnml.model.classifier import SilentDefectionClassifier

CARDS = (
    FeatureCard(
        name="days_since_engagement",
        doc="Days since the customer was last active.",
        unit="days",
        theme="going quiet",
        family="recency",
        sentence="No sign of life for {value}[; usually {usual}].",
    ),
    FeatureCard(
        name="active_days_90d",
        doc="Days with any activity in the last 90 days.",
        unit="days",
        theme="going quiet",
        family="recency",
        sentence="Active on {value} of the last 90[; usually {usual}].",
    ),
    FeatureCard(
        name="open_cases",
        doc="Cases that are open now.",
        unit="events",
        theme="unresolved problems",
        family="complaints",
        sentence="{value:count open case}[; usually {usual:count open case}].",
        sentence_empty="Never opened a case.",
        worse="higher",
    ),
    FeatureCard(
        name="tenure_days",
        doc="Days since sign-up.",
        unit="days",
        theme="value and contract",
        family="value",
        sentence="Signed up {value} ago[; usually {usual}].",
        worse="lower",
    ),
    FeatureCard(
        name="plan",
        doc="The plan at sign-up.",
        unit="category",
        theme="about the customer",
        family="attributes",
        sentence="Signed up on the plan {value}.",
        type="category",
    ),
)


def make_customers(rows: int, seed: int = 1) -> tuple[pd.DataFrame, np.ndarray]:
    draw = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "days_since_engagement": draw.integers(1, 90, rows).astype(float),
            "active_days_90d": draw.integers(0, 60, rows).astype(float),
            "open_cases": draw.poisson(0.7, rows).astype(float),
            "tenure_days": draw.integers(1, 900, rows).astype(float),
            "plan": pd.Categorical(draw.choice(["basic", "gold", "team"], rows)),
        }
    )
    silent = 0.06 * X["days_since_engagement"] - 0.05 * X["active_days_90d"] + 0.8 * (X["plan"] == "basic") - 2
    vocal = 1.1 * X["open_cases"] - 2
    odds = np.exp(np.column_stack([np.zeros(rows), silent, vocal]))
    chances = odds / odds.sum(axis=1, keepdims=True)
    picked = (draw.random(rows)[:, None] > chances.cumsum(axis=1)).sum(axis=1)
    X.loc[draw.random(rows) < 0.15, "open_cases"] = np.nan
    X.loc[draw.random(rows) < 0.15, "tenure_days"] = np.nan
    return X, np.array(["retained", "silent", "vocal"])[picked]


@pytest.fixture(scope="session")
def cards() -> tuple[FeatureCard, ...]:
    return CARDS


@pytest.fixture(scope="session")
def customers() -> pd.DataFrame:
    return make_customers(700, seed=2)[0]


@pytest.fixture(scope="session")
def classifier() -> SilentDefectionClassifier:
    X, y = make_customers(3000)
    return SilentDefectionClassifier("three_class", n_estimators=40, learning_rate=0.1, num_threads=1).fit(X, y)


@pytest.fixture(scope="session")
def fallback_classifier() -> SilentDefectionClassifier:
    X, y = make_customers(1500)
    y = np.where(y == "vocal", "retained", y)
    return SilentDefectionClassifier(n_estimators=20, learning_rate=0.1, num_threads=1).fit(X, y)


@pytest.fixture(scope="session")
def usual(customers: pd.DataFrame) -> dict[str, float]:
    return {str(name): float(value) for name, value in customers.drop(columns="plan").median().items()}
