"""What a night recommends: with the defaults, with limits, and where nothing is known of worth."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

SHIPPED = "channels: {app: 0.05, email: 0.05, phone: 4}, contacts_per_night: 100, control_share: 0.1"
WORTH_IT = "value_days: 365, campaign: {incentive_share: 0.01, contact_cost: 0.5}, acquisition_cost: 90}"


def scores_of(night: Any) -> pd.DataFrame:
    return pd.read_parquet(night["scores"]).set_index("customer_id")


def facts_of(night: Any) -> Any:
    return json.loads((Path(night["scores"]).parent / "facts.json").read_text())["actions"]


@pytest.fixture(scope="module")
def limited(company: Any, cli: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The company's night where contacts are cheap and few, and a third is in the control group."""
    folder = tmp_path_factory.mktemp("limited")
    acts = "channels: {App: 0.5, phone: 2}, contacts_per_night: 20, budget_per_night: 30, control_share: 0.3"
    config = company.configure(folder, {"value_days: 365}": WORTH_IT, SHIPPED: acts})
    scored = cli("score", config, "--as-of", company.as_of, "--json")
    assert scored.code == 0, scored.err
    return scored.json | {"config": config}


def test_every_customer_has_an_action_or_a_reason_why_not(company: Any, night: Any) -> None:
    scores = scores_of(night)
    p_leave = scores["p_silent"] + scores["p_vocal"]
    np.testing.assert_allclose(scores["saveability"], 0.3 * p_leave)
    assert (scores["saveability_basis"] == "assumed").all()
    assert 0.04 < scores["held_out"].mean() < 0.17
    known = scores["value_at_risk"].notna()
    assert (scores["expected_net_value"].notna() == known).all()
    assert (scores["action"].notna() == (known & scores["excluded_because"].isna())).all()
    assert ((scores["expected_net_value"] <= 0) == (scores["action"] == "leave alone"))[scores["action"].notna()].all()
    homes = pd.read_parquet(company.folder / "data" / "customers.parquet").set_index("customer_id")["household_id"]
    assert (scores["held_out"].groupby(homes.reindex(scores.index)).nunique() == 1).all()
    told = facts_of(night)
    assert (told["basis"], told["save_rate"], told["control_share"]) == ("assumed", pytest.approx(0.3), 0.1)
    assert told["counts"] == {name: int((scores["action"] == name).sum()) for name in told["counts"]}
    assert sum(told["counts"].values()) + sum(told["excluded"].values()) == len(scores)
    assert night["to_contact"] == told["counts"]["contact"]


def test_who_was_in_the_simulated_campaign_lately_is_left_in_peace(company: Any, night: Any) -> None:
    scores = scores_of(night)
    treatments = pd.read_parquet(company.folder / "data" / "treatments.parquet")
    since = pd.Timestamp(company.as_of) - treatments["assigned_at"]
    lately = set(treatments.loc[since <= pd.Timedelta(days=30), "customer_id"]) & set(scores.index)
    assert len(lately) > 20
    why = scores.loc[sorted(lately), "excluded_because"]
    assert why.notna().all() and (why == "in a campaign lately").mean() > 0.8
    assert set(scores["excluded_because"].dropna()) == {"in a campaign lately", "not contactable"}


def test_limits_and_channels_need_no_training_and_change_no_chance(company: Any, night: Any, limited: Any) -> None:
    before, scores = scores_of(night), scores_of(limited)
    same = ["p_silent", "p_vocal", "risk_band", "reason_1", "saveability", "excluded_because", "model_version"]
    pd.testing.assert_frame_equal(scores[same], before[same])
    assert limited["night"] != night["night"]
    told, chosen = facts_of(limited), scores[scores["action"] == "contact"]
    assert 5 < len(chosen) == told["counts"]["contact"] == limited["to_contact"] <= 20 and told["counts"]["wait"] > 0
    assert 0 < told["cost"] <= 30 and told["acquisition_cost"] == 90
    assert told["net_value"] == limited["expected_net_value"] == round(chosen["expected_net_value"].sum(), 2)
    assert told["expected_saved"] == pytest.approx(chosen["saveability"].sum(), abs=0.006)
    assert (chosen["expected_net_value"] > 0).all() and not chosen["held_out"].any()
    assert told["counts"]["hold out"] > 0 and scores.loc[scores["action"] == "hold out", "held_out"].all()
    assert set(scores["action_channel"]) == {"App"}  # without features of channels, where it is cheapest


def test_the_same_night_elsewhere_has_the_same_bytes(
    company: Any, limited: Any, cli: Callable[..., Any], tmp_path: Path
) -> None:
    text = limited["config"].read_text()
    published = str(Path(limited["scores"]).parents[3])
    (tmp_path / "again.yaml").write_text(text.replace(f"published: {published}", f"published: {tmp_path / 'p'}"))
    again = cli("score", tmp_path / "again.yaml", "--as-of", company.as_of, "--json").json
    first, second = (scores_of(night).drop(columns="run_id") for night in (limited, again))
    pd.testing.assert_frame_equal(first, second)
    assert facts_of(again) == facts_of(limited)


def test_the_report_and_the_assignments_follow_the_actions(
    limited: Any, cli: Callable[..., Any], tmp_path: Path
) -> None:
    scores = scores_of(limited)
    page = cli("report", limited["config"], "--names", "--out", tmp_path / "page.html")
    assert page.code == 0, page.err
    text = (tmp_path / "page.html").read_text()
    chosen = scores[scores["action"] == "contact"].sort_values("expected_net_value", ascending=False)
    assert f"Contact {len(chosen)} customers" in text
    cards = text.split('<ol class="people">')[1].split("</ol>")[0]
    shown = [name for name in scores.index if f">{name}<" in cards]
    assert set(shown) == set(chosen.index[:10])
    told = cli("assignments", limited["config"], "--to", tmp_path / "a.parquet", "--json").json
    assert (told["treated"], told["control"]) == (len(chosen), (scores["action"] == "hold out").sum())


def test_where_nothing_is_known_of_worth_risk_decides_and_the_night_says_why(
    company: Any, cli: Callable[..., Any], tmp_path: Path
) -> None:
    sink = f"scoring: {{sinks: {{csv: {{path: {tmp_path / 'calls.csv'}}}}}, "
    lacking = {"value_kinds: [purchase]": "value_kinds: [activity]", "scoring: {": sink}
    config = company.configure(tmp_path, lacking)
    told = cli("score", config, "--as-of", company.as_of, "--json")
    assert told.code == 0, told.err
    scores, facts = scores_of(told.json), facts_of(told.json)
    assert scores["action"].isna().all() and scores["expected_net_value"].isna().all()
    assert scores["saveability"].notna().all() and scores["held_out"].any()
    assert facts["remark"] == "no amounts are known; set economics.campaign.customer_value"
    assert facts["value_known"] == 0 and facts["net_value"] is None and told.json["to_contact"] is None
    with (tmp_path / "calls.csv").open(newline="") as file:
        listed = [row["customer_id"] for row in csv.DictReader(file)]
    risky = scores[scores["risk_band"].isin(["high", "medium"]) & scores["excluded_because"].isna()]
    assert listed == list(risky.sort_values("p_silent", ascending=False).index) and listed
    worth = {"value_days: 365}": WORTH_IT.replace("contact_cost: 0.5", "contact_cost: 0.5, customer_value: 100")}
    known = company.configure(tmp_path / "known", lacking | worth)
    told = cli("score", known, "--as-of", company.as_of, "--dry-run", "--json")
    assert told.code == 0 and told.json["to_contact"] > 0 and told.json["expected_net_value"] > 0
