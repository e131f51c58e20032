"""The oracle: calibrated against what really happened, better than the hazard alone, labelling as churnml does."""

from __future__ import annotations

from datetime import date
from importlib.resources import files
from math import sqrt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from churnml.config import load_config
from churnml.datasets.simulator import PRESETS, Preset, Simulated, futures, preset, simulate
from churnml.datasets.simulator.futures import OUTCOMES, Window, oracle
from churnml.datasets.simulator.life import Life
from churnml.datasets.simulator.run import Plan, begin, live
from churnml.datasets.simulator.tables import customer_ids
from churnml.outcomes import label
from churnml.timeline import observe
from churnml.workflows.business import open_business

SEED, CUSTOMERS, MONTHS, COPIES = 9, 1_200, 5, 50
DAY = date(2023, 3, 15)
NUMBERS = preset("telecom", silent_share=0.6, unhappy_hazard=0.0012)
"""A company that people leave soon, many of them aloud."""


def labels(name: str, made: Simulated, day: date) -> pd.Series:
    """What churnml says became of every customer it labels, from the raw tables and the preset's configuration."""
    file = made.frames["customers"].parent / f"{name}.yaml"
    file.write_text((files("churnml.datasets.simulator") / file.name).read_text(encoding="utf-8"), encoding="utf-8")
    with open_business(load_config(file)) as business:
        spine = observe(business.canonical, business.config, day).spine
        told = business.engine.frame(label(business.canonical, business.config, spine, day, made.end))
    told = told[told["outcome"].notna()]
    return told.set_index(told["customer_id"].astype(str))["outcome"].astype(str)


def window_of(name: str) -> Window:
    config = load_config(Path(str(files("churnml.datasets.simulator") / f"{name}.yaml")))
    rules = config.snapshots
    return Window(rules.horizon_days, config.voice.lookback_days, rules.lead_days)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Of each eligible customer on one day: the oracle's chances, the outcome, yesterday's hazard (0: has left)."""
    made = simulate(CUSTOMERS, SEED, tmp_path_factory.mktemp("oracle"), preset=NUMBERS, months=MONTHS)
    plan = Plan.of(NUMBERS, SEED, months=MONTHS)
    told: list[tuple[int, int]] = []
    chances = oracle(
        plan, CUSTOMERS, [DAY], window_of("telecom"), copies=COPIES, progress=lambda done, of: told.append((done, of))
    )
    assert told == [(CUSTOMERS, CUSTOMERS)]
    hazards = pd.read_parquet(made.truth / "hazards.parquet", filters=[("day", "=", date(2023, 3, 14))])
    hazards = hazards.set_index("customer_id")[["hazard_silent", "hazard_vocal"]]
    frame = chances.set_index("customer_id").join(labels("telecom", made, DAY).rename("outcome"), how="inner")
    return frame.join(hazards).fillna({"hazard_silent": 0, "hazard_vocal": 0})


def test_chances_add_up_and_none_is_certain(known: pd.DataFrame) -> None:
    chances = known[[f"p_{outcome}" for outcome in OUTCOMES]]
    assert np.allclose(chances.sum(axis=1), 1)
    assert chances.gt(0).all(axis=None)
    assert chances.lt(1).all(axis=None)
    assert len(known) > 500
    assert set(known["snapshot"]) == {pd.Timestamp(DAY)}


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_the_oracle_is_calibrated(known: pd.DataFrame, outcome: str) -> None:
    """Over everyone, over the calmer and the more endangered half, and over those who left before the day."""
    hazard = known["hazard_silent"] + known["hazard_vocal"]
    there = hazard > 0
    calm = there & (hazard < hazard[there].median())
    for group in (known, known[calm], known[there & ~calm], known[~there]):
        chance = group[f"p_{outcome}"]
        # Each outcome is one draw, and each chance a share among copies that stands for it.
        error = sqrt((chance * (1 - chance)).sum() * (1 + 1 / COPIES)) + 1e-3 * len(group)
        assert abs((group["outcome"] == outcome).sum() - chance.sum()) < 4 * error
        assert len(group) > 20


def test_the_oracle_would_be_found_out_if_it_were_off_by_a_half(known: pd.DataFrame) -> None:
    for outcome in ("silent", "vocal"):
        wrong = 1.5 * known[f"p_{outcome}"]
        error = sqrt((wrong * (1 - wrong).clip(0)).sum()) + 1e-3 * len(known)
        assert abs((known["outcome"] == outcome).sum() - wrong.sum()) > 2 * error


def test_the_oracle_knows_more_than_the_hazard_of_the_day(known: pd.DataFrame) -> None:
    """It also knows who has made up their mind, and what is still to come of what has happened."""
    for outcome in ("silent", "vocal"):
        really = known["outcome"] == outcome
        assert roc_auc_score(really, known[f"p_{outcome}"]) > roc_auc_score(really, known[f"hazard_{outcome}"]) + 0.02


def test_a_second_look_gives_the_same_chances() -> None:
    plan = Plan.of(NUMBERS, SEED, months=2)
    first, second = (oracle(plan, 40, [date(2023, 1, 20), date(2023, 2, 1)], Window(14, 30), copies=20) for _ in "ab")
    pd.testing.assert_frame_equal(first, second)
    assert first["snapshot"].nunique() == 2


@pytest.mark.parametrize("name", list(PRESETS))
def test_the_oracle_labels_a_future_as_churnml_does(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real future is one of those the oracle looks at: it lives through it and must see what the tables tell."""
    numbers: Preset = preset(name, silent_share=0.5, unhappy_hazard=0.003)
    made = simulate(700, 3, tmp_path, preset=numbers, months=MONTHS)
    plan, day = Plan.of(numbers, 3, months=MONTHS), (DAY - made.start).days
    life = begin(plan, 0, 700)

    def really(life: Life, day: int) -> object:
        """One day as the simulation has it: closures are written down before it."""
        life.close(day)
        return live(life, day)

    for now in range(day):
        really(life, now)
    monkeypatch.setattr(futures, "live", really)
    seen = futures._counts(life, day, window_of(name))
    assert (seen.sum(axis=0) == 1).all()
    outcome = np.array(OUTCOMES)[seen.argmax(axis=0)]
    told = labels(name, made, DAY)
    ours = pd.Series(outcome, index=customer_ids(0, 700).to_pylist()).loc[told.index]
    assert pd.crosstab(ours, told).to_numpy().trace() == len(told), pd.crosstab(ours, told)
    assert told.value_counts().min() > 10
