"""Campaigns from log to night: a company whose offers are drawn by lot, and keep those whom errors drive out."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from churnml import dataset, load_config, train
from churnml.workflows.campaigns import campaigns
from churnml.workflows.score import score

DAYS, START = 420, pd.Timestamp("2023-01-02")
OFFERS = range(90, 412, 40)
LAST = date(2024, 2, 1)
COMPANY = """
project: offers
sources:
  - {path: customers.csv, customers: {customer_id: id, signed_up_at: since}}
  - path: visits.csv
    events: [{kind: activity, customer_id: id, occurred_at: at, channel: where}]
  - path: errors.csv
    events: [{kind: error, customer_id: id, occurred_at: at}]
  - path: bills.csv
    events: [{kind: purchase, customer_id: id, occurred_at: at, amount: sum}]
  - path: closures.csv
    events: [{kind: closed, customer_id: id, occurred_at: at}]
  - path: offers.csv
    events:
      - kind: {column: arm, map: {offer: treatment, nothing: treatment_withheld}}
        customer_id: id
        occurred_at: at
        campaign_id: campaign
eligible: {active_within_days: 60}
defection: {by: closure}
snapshots: {every: 56 days, horizon_days: 28}
features: {families: [recency, experience, value]}
model: {parameters: {n_estimators: 40}, tuning: {trials: 0}, bootstrap: 50, test_snapshots: 2}
"""


def lived(n: int = 2500, seed: int = 0, by_lot: bool = True, keeps: float = 0.15) -> dict[str, pd.DataFrame]:
    """Customers who visit, meet errors, pay, and close: errors raise the hazard, and an offer takes that away again.

    Of those with an error lately an offer leaves the hazard at `keeps`; of the others it doubles it.
    """
    rng = np.random.default_rng(seed)
    here, recent, offered = np.ones(n, bool), np.zeros(n), np.zeros(n)
    found: dict[str, list[tuple[Any, ...]]] = {name: [] for name in ("visits", "errors", "bills", "closures", "offers")}
    for day in range(DAYS):
        at = START + pd.Timedelta(days=day, hours=12)
        for k in np.flatnonzero(here & (rng.random(n) < 0.15)):
            found["visits"].append((k, at, "app" if k % 3 else "web"))
        met = here & (rng.random(n) < 0.012)
        recent = np.where(met, 21, np.maximum(recent - 1, 0))
        found["errors"] += [(k, at) for k in np.flatnonzero(met)]
        if day % 30 == 0:
            found["bills"] += [(k, at, 20) for k in np.flatnonzero(here)]
        offered = np.maximum(offered - 1, 0)
        if day in OFFERS:
            drawn = np.flatnonzero(here & (rng.random(n) < 0.7))
            treated = rng.random(len(drawn)) < (0.5 if by_lot else np.where(recent[drawn] > 0, 0.9, 0.2))
            offered[drawn[treated]] = 28
            said = np.where(treated, "offer", "nothing")
            found["offers"] += [(k, at, f"R{day}", arm) for k, arm in zip(drawn, said, strict=True)]
        hazard = np.where(recent > 0, 0.012, 0.0012)
        hazard *= np.where(offered > 0, np.where(recent > 0, keeps, 2.0), 1.0)
        gone = here & (rng.random(n) < hazard)
        found["closures"] += [(k, at) for k in np.flatnonzero(gone)]
        here &= ~gone
    columns = {"visits": ["id", "at", "where"], "bills": ["id", "at", "sum"], "offers": ["id", "at", "campaign", "arm"]}
    tables = {name: pd.DataFrame(rows, columns=columns.get(name, ["id", "at"])) for name, rows in found.items()}
    since = START - pd.to_timedelta(rng.integers(1, 400, n), unit="D")
    return tables | {"customers": pd.DataFrame({"id": range(n), "since": since})}


def written(folder: Path, tables: dict[str, pd.DataFrame]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    paths = f"paths: {{models: {folder / 'models'}, published: {folder / 'published'}}}\n"
    (folder / "offers.yaml").write_text(COMPANY + paths)
    return folder / "offers.yaml"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("offers"), lived())


def test_the_effect_is_found_and_whom_offers_keep(company: Path) -> None:
    found = campaigns(company)
    assert found.basis == "estimated", found.why
    assert found.overall.high < 0
    assert found.effects is not None
    assert found.themes["theme"].iloc[0] == "product quality"
    assert found.groups["difference"].iloc[0] < found.groups["difference"].iloc[-1]
    assert len(found.by_campaign) == len(OFFERS) - 1  # of the last the outcome is not known yet
    assert found.follow_up["days"].tolist() == [28, 56, 84]
    first = found.follow_up.iloc[0]
    assert (first["treated"], first["control"]) == (found.overall.treated, found.overall.control)
    assert first["difference"] == pytest.approx(found.overall.difference)
    assert found.left_out.set_index("reason")["assignments"]["outcome not known yet"] > 0


def test_a_night_goes_by_what_was_learnt_and_is_the_same_again(company: Path) -> None:
    notes = train(company).bundle.notes["campaigns"]
    published = score(company, LAST).night
    facts = json.loads((published.folder / "facts.json").read_text())
    scores = published.scores().to_pandas()
    assert notes["basis"] == facts["actions"]["basis"] == "estimated"
    assert facts["actions"]["why"] == notes["why"]
    assert set(scores["saveability_basis"]) == {"estimated"}
    with_errors = scores["theme_1"] == "product quality"
    assert scores[with_errors]["saveability"].mean() > scores[~with_errors]["saveability"].mean()
    assert scores["saveability"].corr(scores["p_silent"] + scores["p_vocal"], method="spearman") < 0.99
    assert set(scores[scores["saveability"] <= 0]["action"].dropna()) <= {"leave alone"}
    assert {"contact", "hold out", "leave alone"} <= set(scores["action"].dropna())
    again = score(company, LAST)
    assert again.unchanged
    assert again.night.scores().to_pandas()["saveability"].tolist() == scores["saveability"].tolist()


def test_offers_to_those_at_risk_are_no_experiment(tmp_path: Path) -> None:
    found = campaigns(written(tmp_path, lived(n=1000, by_lot=False)))
    assert found.basis == "assumed"
    assert "no lot has parted" in found.why


def test_treated_without_a_control_group_tell_nothing(tmp_path: Path) -> None:
    tables = lived(n=300)
    tables["offers"] = tables["offers"][tables["offers"]["arm"] == "offer"]
    found = campaigns(written(tmp_path, tables))
    assert found.basis == "assumed"
    assert found.overall is None
    assert "no randomised control group" in found.why


def test_arms_of_different_campaigns_are_not_compared(tmp_path: Path) -> None:
    tables = lived(n=300)
    offers = tables["offers"]
    tables["offers"] = offers.assign(campaign=offers["campaign"] + offers["arm"])
    found = campaigns(written(tmp_path, tables))
    assert found.overall is None
    assert "no outcome of a customer drawn by lot is known yet" in found.why
    assert found.left_out["reason"].str.contains("without treated or without control group").any()


def test_what_is_recorded_later_and_repeated_changes_nothing(tmp_path: Path) -> None:
    tables = lived(n=200)
    plain = campaigns(written(tmp_path / "a", tables))
    offers = tables["offers"]
    late = offers.tail(1).assign(at=pd.Timestamp("2024-02-24"), campaign="later", id=[0])
    tables["offers"] = pd.concat([offers, offers.iloc[::40], late])
    again = campaigns(written(tmp_path / "b", tables))
    assert again.overall == plain.overall


def test_the_command_shows_what_campaigns_have_changed(tmp_path: Path, cli: Any) -> None:
    company = written(tmp_path, lived(n=200))
    told = cli("campaigns", company, "--json")
    assert told.code == 0, told.err
    assert told.json["saveability"] == "assumed"
    assert [row["days"] for row in told.json["campaigns_followed"]] == [28, 56, 84]
    assert len(told.json["campaigns"]) == len(OFFERS) - 1


def test_the_command_says_in_words_why_nothing_is_estimated(tmp_path: Path, cli: Any) -> None:
    tables = lived(n=200)
    tables["offers"] = tables["offers"][tables["offers"]["arm"] == "offer"]
    shown = cli("campaigns", written(tmp_path, tables))
    assert shown.code == 0
    assert "no randomised control group has been learnt from" in " ".join(shown.out.split())


def test_many_mornings_are_looked_at_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A programme that draws every day needs no query for each day."""
    monkeypatch.setattr("churnml.workflows.experiments.MOST_DAYS", 12)
    asked: list[Any] = []
    build = dataset.build
    monkeypatch.setattr(
        "churnml.workflows.experiments.dataset.build",
        lambda *given, **named: asked.append(given[3]) or build(*given, **named),
    )
    tables = lived(n=200)
    offers = tables["offers"]
    spread = pd.to_timedelta(np.random.default_rng(1).integers(0, 14, len(offers)), unit="D")
    tables["offers"] = offers.assign(at=offers["at"] + spread, campaign="always on")
    found = campaigns(load_config(written(tmp_path, tables)))
    assert len(asked[-1]) <= 30
    assert found.overall is not None
    assert found.overall.treated + found.overall.control > 500
