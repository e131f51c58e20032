from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from churnml.explanation.shapes import PARTS, SHAPES
from churnml.insights.quotes import Quotes, choose
from churnml.insights.silence_curve import silence_curve, silence_seen
from churnml.insights.silent_share import silent_share
from churnml.report import nights
from churnml.report.actions import actions
from churnml.report.call_list import call_list
from churnml.report.campaigns import campaigns
from churnml.report.data import ReportData, Trust, headline

MODELS = {"churnml": 0.06, "recency only": 0.0, "RFM logistic": 0.03, "has voiced": -0.18}

REASONS = (
    "No purchase for 84 days; usually every 12 days.",
    "3 open cases; usually no open cases.",
    "41% of contacts through a channel the company does not watch; usually 4%.",
    "First reply after 3 days; usually 5 hours.",
    "Did 1 of 5 onboarding steps; usually 4 of 5.",
)


def make_outcomes(seed=3, snapshots=10, customers=700):
    draw = np.random.default_rng(seed)
    rows = []
    for number in range(snapshots):
        as_of = pd.Timestamp(2025, 4, 1) + pd.Timedelta(days=28 * number)
        outcome = draw.choice(["retained", "silent", "vocal"], customers, p=[0.84, 0.125, 0.035])
        ids = [f"c{value}" for value in draw.choice(20_000, customers, replace=False)]
        rows.append(
            pd.DataFrame(
                {
                    "customer_id": ids,
                    "group_id": ids,
                    "as_of": as_of,
                    "outcome": outcome,
                    "friction": draw.random(customers) < 0.3,
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


def make_evaluation():
    metrics, differences, lift = [], [], []
    for model, gain in MODELS.items():
        for population, outcome, metric, value, width in (
            ("everyone", "all", "log_loss", 0.52 - gain, 0.012),
            ("everyone", "all", "brier", 0.27 - gain / 2, 0.008),
            ("everyone", "silent", "auroc", 0.79 + gain, 0.013),
            ("everyone", "vocal", "auroc", 0.74 + gain, 0.03),
            ("no voice before", "silent", "auroc", 0.76 + gain, 0.014),
            ("no voice before", "silent", "average_precision", 0.38 + gain, 0.02),
            ("no voice before", "silent", "calibration_error", 0.04 - gain / 3, 0.006),
        ):
            row = {"model": model, "population": population, "outcome": outcome, "metric": metric, "value": value}
            metrics.append(row | {"low": value - width, "high": value + width, "n": 2100, "positives": 270})
            if model != "churnml":
                ahead = 0.06 - gain
                differences.append(
                    row
                    | {"model": "churnml", "baseline": model, "value": ahead, "low": ahead - 0.02, "high": ahead + 0.02}
                )
        for share, base in ((0.01, 5.2), (0.05, 3.9), (0.1, 3.1)):
            found = base * (1 + 3 * gain)
            for population in ("everyone", "no voice before"):
                row = {"model": model, "population": population, "share": share, "lift": found}
                lift.append(row | {"low": found - 1.6 * (0.3 - share), "high": found + 1.6 * (0.3 - share)})
    predicted = np.array([0.01, 0.025, 0.04, 0.06, 0.085, 0.12, 0.17, 0.24, 0.35, 0.58])
    calibration = pd.DataFrame(
        {
            "model": "churnml",
            "population": "no voice before",
            "outcome": "silent",
            "bin": range(10),
            "predicted": predicted,
            "observed": predicted * 0.93 + 0.012,
            "low": np.clip(predicted * 0.93 - 0.02, 0, None),
            "high": predicted * 0.93 + 0.05,
            "n": 210,
        }
    )
    return pd.DataFrame(metrics), pd.DataFrame(differences), calibration, pd.DataFrame(lift)


KINDS = ("disengaged and silent", "content")


def make_night(seed=1, customers=900) -> pd.DataFrame:
    """One row per customer, as a night's scores have them."""
    draw = np.random.default_rng(seed)
    p = draw.beta(0.7, 5, customers)
    return pd.DataFrame(
        {
            "customer_id": [f"c{number}" for number in draw.choice(1000, customers, replace=False)],
            "p_silent": p,
            "risk_band": np.select([p >= 0.5, p >= 0.2], ["high", "medium"], "low"),
            "value_at_risk": np.where(draw.random(customers) < 0.9, p * draw.lognormal(5, 1, customers), np.nan),
            "persona": draw.choice(KINDS, customers),
            "theme_1": draw.choice(["going quiet", "waiting", "rough start"], customers, p=[0.6, 0.3, 0.1]),
            "likely_reason": draw.choice(["waiting", "rough start", None], customers, p=[0.5, 0.3, 0.2]),
            "excluded_because": np.where(draw.random(customers) < 0.1, "not contactable", None),
        }
    )


def make_acted(seed=4, customers=900, *, basis="estimated", contacts=60) -> pd.DataFrame:
    """A night that says what to do: some are harmed by a contact, some are held out, some have to wait."""
    night, draw = make_night(seed, customers), np.random.default_rng(seed)
    p_vocal = 0.2 * (1 - night["p_silent"])
    p = night["p_silent"] + p_vocal
    saved = p * (0.3 if basis == "assumed" else draw.normal(0.12, 0.12, customers))
    value = night["value_at_risk"] / night["p_silent"]
    net = saved * value - 6
    held, free = draw.random(customers) < 0.1, night["excluded_because"].isna()
    action = pd.Series(np.where(net > 0, "wait", "leave alone"), dtype=object).where(free & net.notna(), None)
    first = net[action == "wait"].sort_values(ascending=False).index
    action[[row for row in first if not held[row]][:contacts]] = "contact"
    reached = net[action == "contact"].min()
    action[(action == "wait") & held & (net >= reached)] = "hold out"
    return night.assign(
        p_vocal=p_vocal, saveability=saved, expected_net_value=net, action=action, held_out=held,
        action_channel=draw.choice(["app", "live_chat", None], customers, p=[0.6, 0.3, 0.1]), saveability_basis=basis,
    )  # fmt: skip


def make_facts(night: pd.DataFrame, **changes) -> dict[str, object]:
    """What a night tells of its actions."""
    basis = night["saveability_basis"].iloc[0]
    return {"basis": basis, "why": f"{basis} for a reason", "save_rate": 0.3, "control_share": 0.1,
            "cost": 6.0 * int((night["action"] == "contact").sum()), "value_known": 800} | changes  # fmt: skip


def make_campaigns(**changes) -> dict[str, object]:
    """What a training run tells of earlier campaigns, before it is packed."""
    effect = {"treated": 1040.0, "control": 260.0, "left_treated": 0.081, "left_control": 0.104, "difference": -0.023,
              "low": -0.041, "high": -0.005}  # fmt: skip
    share = np.arange(21) / 20
    kept = 2.31 * share + 2.17 * share * (1 - share)
    return {
        "basis": "estimated",
        "why": "1,300 assignments were enough",
        "overall": effect | {"assignments": 1300, "saved_share": 0.22, "saved_low": 0.05, "saved_high": 0.39},
        "by_campaign": pd.DataFrame(
            [effect | {"campaign": name, "first": f"2025-0{month}-01", "last": f"2025-0{month}-28", "treated": 260.0,
                       "control": 65.0, "difference": difference, "low": difference - 0.05, "high": difference + 0.05}
             for month, (name, difference) in
             enumerate((("spring", -0.05), ("early_summer_call", 0.01), (None, -0.02)), 3)]
        ),
        "follow_up": pd.DataFrame([effect | {"days": days} for days in (30, 60, 90)]),
        "groups": pd.DataFrame(
            {"fifth": range(1, 6), "customers": 260, "expected": [-0.07, -0.04, -0.02, -0.01, 0.02],
             "difference": [-0.08, -0.03, -0.02, 0.01, 0.03]}
        ).assign(low=lambda frame: frame["difference"] - 0.03, high=lambda frame: frame["difference"] + 0.03),
        "themes": pd.DataFrame({"theme": ["waiting", "rough start", "going quiet"], "change": [-0.2, -0.01, 0.12]}),
        "qini": {"value": 0.37, "low": 0.1, "high": 0.6, "by_risk": 0.12},
        "qini_curve": pd.DataFrame(
            {"share": share, "kept": kept, "low": kept - 0.613 * share, "high": kept + 0.613 * share,
             "by_risk": 2.31 * share + 0.71 * share * (1 - share), "at_random": 2.31 * share}
        ),
        "left_out": pd.DataFrame({"reason": ["the outcome is not known yet"], "assignments": [120]}),
    } | changes  # fmt: skip


def make_people(night: pd.DataFrame, customers: int) -> pd.DataFrame:
    """The first to contact, with the columns of `riskiest`."""
    chosen = night[night["action"] == "contact"].sort_values("expected_net_value", ascending=False).head(customers)
    return chosen.assign(
        customer=[f"{number:012x}" for number in range(len(chosen))],
        value=chosen["value_at_risk"] / chosen["p_silent"],
        channel=chosen["action_channel"],
        contactable=True,
        keep_1=None,
        **{f"reason_{rank + 1}": REASONS[rank] if rank < 2 else None for rank in range(5)},
    )


def make_report(**changes) -> ReportData:
    """A report like a real one; any field may be replaced."""
    draw = np.random.default_rng(7)
    p = np.sort(draw.beta(0.7, 5, 5120))[::-1]
    value = np.where(draw.random(5120) < 0.9, draw.lognormal(5, 1, 5120).round(2), np.nan)
    band = np.select([p >= 0.5, p >= 0.2], ["high", "medium"], "low")
    bands = pd.DataFrame({"risk_band": band, "p": p, "value_at_risk": p * value}).groupby("risk_band", sort=False)
    riskiest = pd.DataFrame(
        {
            "customer": [f"{draw.integers(0, 16**12):012x}" for _ in range(40)],
            "p_silent": p[:40],
            "p_vocal": (1 - p[:40]) / 8,
            "value": value[:40],
            "risk_band": band[:40],
        }
    )
    riskiest = riskiest.assign(
        persona=draw.choice(KINDS, 40), channel=[None, "app"] * 20, contactable=np.arange(40) % 7 != 3
    )
    riskiest["value_at_risk"] = riskiest["value"] * riskiest["p_silent"]
    riskiest["theme_1"] = draw.choice(["going quiet", "waiting"], 40)
    riskiest["likely_reason"] = ["waiting", "product quality", None, "rough start"] * 10
    riskiest["keep_1"] = ["Active on 12 days of the last 30; typical is 9 days", None] * 20
    riskiest["action"] = [*["contact", "hold out", "wait"] * 6, *["leave alone"] * 21, None]
    riskiest.loc[~riskiest["contactable"], "action"] = None
    riskiest["saveability"], riskiest["expected_net_value"] = 0.1, riskiest["value"] / 10
    riskiest["excluded_because"] = np.where(riskiest["contactable"], None, "not contactable")
    for rank in range(5):
        riskiest[f"reason_{rank + 1}"] = [
            REASONS[(row * 2 + rank) % 5] if rank < 2 + row % 4 else None for row in range(40)
        ]
    themes = pd.DataFrame(
        {
            "theme": [
                "going quiet",
                "channel mismatch",
                "unresolved problems",
                "waiting",
                "rough start",
                "value and contract",
                "about the customer",
            ],
            "strength": [0.62, 0.21, 0.17, 0.12, 0.1, 0.05, 0.02],
            "towards": [0.3, 0.1, 0.09, 0.06, 0.05, 0.02, 0.01],
            "away": [0.32, 0.11, 0.08, 0.06, 0.05, 0.03, 0.01],
            "customers_towards": [0.41, 0.44, 0.29, 0.33, 0.27, 0.5, 0.48],
            "features": [18, 11, 7, 5, 6, 2, 1],
        }
    ).assign(share=lambda frame: frame["strength"] / frame["strength"].sum())
    features = pd.DataFrame(
        {
            "feature": ["days_since_engagement", "channel_drift_90d", "open_cases"],
            "doc": ["Days since the last activity or purchase.", "How much the mix of channels moved.", "Cases open."],
            "theme": ["going quiet", "channel mismatch", "unresolved problems"],
            "unit": ["days", "score", "events"],
            "strength": [0.4, 0.1, 0.09],
            "share": [0.3, 0.08, 0.07],
            "correlation": [0.9, 0.1, float("nan")],
            "direction": ["higher, more likely to leave", "no single direction", "no single direction"],
        }
    )
    metrics, differences, calibration, lift = make_evaluation()
    night = make_night()
    before = make_night(seed=2)
    acted = make_acted()
    people = make_people(acted, 60)
    fields = {
        "project": "corner_shop",
        "as_of": date(2026, 3, 1),
        "lead_days": 0,
        "horizon_days": 90,
        "currency": "EUR",
        "leaving": "no activity or purchase for 90 days, or closing the account",
        "voice": "a complaint or a request to cancel, on any channel the company watches",
        "model_version": "7",
        "run_id": "9f2c41d07be3a8e5",
        "headline": headline(p, value),
        "bands": bands.agg(
            customers=("p", "size"), expected=("p", "sum"), value_at_risk=("value_at_risk", "sum")
        ).reset_index(),
        "riskiest": riskiest,
        "theme_drivers": themes,
        "feature_drivers": features,
        "declared_margin": "log-odds of leaving silently against staying",
        "silent_share": silent_share(make_outcomes()),
        "metrics": metrics,
        "differences": differences,
        "calibration": calibration,
        "lift": lift,
        "model": "churnml",
        "trust": make_trust(),
        "focus": nights.focus(night),
        "personas": nights.personas(night, KINDS, before),
        "trend": nights.trend(
            (date(2026, 2, 1) + timedelta(days=day), "7", draw.beta(0.7, 5, 900)) for day in range(0, 28, 2)
        ),
        "changes": nights.changes(night, before, date(2026, 2, 28), other_model=False),
        "rules": pd.DataFrame({"persona": KINDS, "rule": ["days since the last visit above 30.", "everyone else."]}),
        "calls": call_list(people),
        "scores_file": "nights/2026-03-01-9f2c41d07be3/scores.parquet",
        "value_days": 365,
        "quotes": make_quotes(),
        "silence": make_silence(),
        "engagement": "activity or purchase",
        "actions": actions(acted, make_facts(acted)),
        "campaigns": campaigns(make_campaigns(), lambda frame: frame),
        "first": people.head(10),
        **make_drivers(),
    }
    return ReportData(**(fields | changes))


def make_drivers() -> dict[str, pd.DataFrame]:
    """What a training run says of its model's drivers."""
    themes = ["going quiet", "channel mismatch", "unresolved problems", "waiting", "rough start"]
    steps = [
        ("days_since_engagement", "Days since the last activity or purchase.", "going quiet", "days"),
        ("open_cases", "Cases open.", "unresolved problems", "events"),
    ]
    shapes = [
        (*about, step, None, float(3 * step), float(3 * step + 2), float(3 * step + 1), 400 - 40 * step,
         0.4 * step - 0.8, 0.4 * step - 1.0, 0.4 * step - 0.5)
        for about in steps
        for step in range(6)
    ] + [(*steps[1], 6, "no value", None, None, None, 80, -0.2, -0.4, 0.0)]  # fmt: skip
    return {
        "theme_stability": pd.DataFrame(
            {"theme": themes, "low": [0.36, 0.1, 0.09, 0.07, 0.05], "high": [0.56, 0.2, 0.17, 0.12, 0.11],
             "first": [1.0, 0.97, 0.7, 0.3, 0.03], "retrainings": 9}
        ),
        "feature_stability": pd.DataFrame(
            {"feature": ["days_since_engagement", "open_cases"], "low": [0.2, 0.05], "high": [0.4, 0.09],
             "first": [1.0, 0.4], "retrainings": 9}
        ),
        "driver_shapes": pd.DataFrame(shapes, columns=SHAPES),
        "theme_parts": pd.DataFrame(
            [(by, part, 200, theme, push) for by, parts in (("kind of customer", KINDS), ("plan", ("basic", "premium")))
             for part in parts for theme, push in zip(themes, (0.6, -0.2, 0.1, 0.0, -0.1), strict=True)],
            columns=PARTS,
        ),
    }  # fmt: skip


def make_silence(seed=9, customers=3000) -> pd.DataFrame:
    """Risk by silence, expected and seen."""
    draw = np.random.default_rng(seed)
    X = pd.DataFrame({"days_since_engagement": draw.integers(1, 120, customers).astype(float)})
    X["overdue_ratio"] = X["days_since_engagement"] / draw.choice([5.0, 10.0, 30.0], customers)
    p = np.clip(0.02 + X["days_since_engagement"] / 300, 0, 0.9)
    outcome = np.where(draw.random(customers) < p, "silent", "retained")
    seen = silence_seen(X, outcome, np.arange(customers)).drop(columns="rows")
    return silence_curve(X, p).merge(seen, on=["scale", "step"], how="left")


def make_quotes(text="I was told the bill was wrong and nobody called me back") -> Quotes:
    texts = [f"{text} number {'one' if row % 2 else 'two'}" for row in range(60)]
    found = pd.DataFrame({"customer_id": [f"c{row}" for row in range(60)], "kind": "complaint", "text": texts})
    return choose(found.assign(channel=["email", "forum"] * 30), ["forum"])


def make_trust(**changes) -> Trust:
    fields = {
        "formulation": "three_class",
        "fallback": None,
        "training_rows": 48_210,
        "training_customers": 6_903,
        "training_outcomes": {"retained": 40_500, "silent": 6_010, "vocal": 1_700},
        "training_first": date(2024, 6, 1),
        "training_last": date(2025, 8, 1),
        "test_snapshots": tuple(date(2025, 9, 1) + timedelta(days=28 * step) for step in range(3)),
        "test_rows": 9_800,
        "test_outcomes": {"silent": 1_230, "vocal": 340},
        "switched_off": pd.DataFrame(
            {
                "feature": ["median_reply_s_90d", "open_cases"],
                "why": ["needs kind case_responded, which the data does not have", "needs kind case_opened"],
            }
        ),
        "excluded": pd.DataFrame({"reason": "had already left", "customers": [212]}),
        "repairs": pd.DataFrame(
            {
                "table": ["events"],
                "column": ["customer_id"],
                "name": ["row without a customer"],
                "count": [1204],
                "advice": ["dropped by rows_without_customer"],
            }
        ),
    }
    return Trust(**(fields | changes))


@pytest.fixture(scope="session")
def build_report():
    return make_report


@pytest.fixture(scope="session")
def build_trust():
    return make_trust


@pytest.fixture(scope="session", name="make_acted")
def _make_acted():
    return make_acted


@pytest.fixture(scope="session", name="make_facts")
def _make_facts():
    return make_facts


@pytest.fixture(scope="session", name="make_campaigns")
def _make_campaigns():
    return make_campaigns


@pytest.fixture(scope="session", name="make_night")
def _make_night():
    return make_night
