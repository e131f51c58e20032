"""Saveability from campaigns: learnt where a lot allows it, and said to be assumed where not."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from churnml.targeting.campaigns import ARMS, Drawn, Explained, measure
from churnml.targeting.effects import ThemeEffects, cross_fit, folds
from churnml.targeting.saveability import Estimated

THEMES = ["broken promises", "going quiet", "waiting"]


def drawn(n=20_000, level=-0.5, by_theme=(-0.6, 0.6, 0.0), seed=0, base=-2.0, chosen=False, reached=1.0):
    """An experiment whose effect on the log-odds of leaving is known: by theme, per standard deviation of its push."""
    rng = np.random.default_rng(seed)
    pushes = pd.DataFrame(rng.normal(0, 0.4, (n, 3)), columns=THEMES)
    margin = base + pushes.sum(axis=1).to_numpy()
    treated = rng.random(n) < (expit(margin + 2) if chosen else 0.5)
    effect = level + pushes.to_numpy() / 0.4 @ np.array(by_theme)
    left = rng.random(n) < expit(margin + effect * treated)
    day = pd.to_datetime(np.where(rng.random(n) < 0.5, "2024-03-01", "2024-04-01"))
    rows = pd.DataFrame(
        {"customer_id": [f"c{k}" for k in range(n)], "group_id": rng.integers(0, n, n), "as_of": day, "campaign": "R1",
         "stratum": day.strftime("%F"), "treated": treated, "left": left}
    )  # fmt: skip
    here = ~treated | (rng.random(n) < reached)
    usable = rows[["treated", "stratum", "group_id"]].assign(usable=here)
    found = Drawn(
        rows[here].reset_index(drop=True),
        usable,
        lambda: Explained(pushes[here].reset_index(drop=True), margin[here]),
    )
    truth = expit(margin) - expit(margin + effect)
    return found, pushes, expit(margin), truth


def estimated(found, pushes):
    return Estimated(found.why, found.rate, found.effects, lambda X: pushes.loc[X.index])


def test_whom_a_contact_keeps_is_learnt_and_those_better_left_alone_are_told_apart():
    experiment, pushes, chance, truth = drawn()
    found = measure(experiment, 0.3, horizon_days=42, draws=50)
    assert found.basis == "estimated"
    assert "differs by what drives them" in found.why
    saveability = estimated(found, pushes).of(pushes, chance)
    assert np.corrcoef(saveability, truth)[0, 1] > 0.9
    assert np.polyfit(saveability, truth, 1)[0] == pytest.approx(1, abs=0.25)
    worst = saveability < -0.02
    assert worst.mean() > 0.05
    assert truth[worst].mean() < 0
    assert found.themes["theme"].iloc[0] == "broken promises"
    assert found.themes["theme"].iloc[-1] == "going quiet"
    assert found.qini.low > found.qini.by_risk


def test_what_another_experiment_saw_agrees_with_what_was_learnt():
    """The effects learnt from one half of the customers are borne out by the other half."""
    experiment, *_ = drawn(seed=1)
    found = measure(experiment, 0.3, horizon_days=42, draws=20)
    again, later, risk, _ = drawn(seed=2)
    saveability = estimated(found, later).of(later, risk)
    rows = again.rows
    best, worst = saveability >= np.quantile(saveability, 0.8), saveability <= np.quantile(saveability, 0.2)
    kept = [
        rows[here & ~rows["treated"]]["left"].mean() - rows[here & rows["treated"]]["left"].mean()
        for here in (best, worst)
    ]
    assert kept[0] > 0.05
    assert kept[1] < 0


def test_the_same_effect_for_all_gives_the_same_share_of_leavers():
    experiment, pushes, chance, _ = drawn(n=4000, level=-0.7, by_theme=(0, 0, 0), base=-1.5, seed=3)
    found = measure(experiment, 0.05, horizon_days=42, draws=20)
    assert found.basis == "estimated"
    saveability = estimated(found, pushes).of(pushes, chance)
    assert (saveability > 0).mean() > 0.95


def test_contacts_that_drive_out_give_a_saveability_below_nothing():
    experiment, pushes, chance, _ = drawn(n=6000, level=0.6, by_theme=(0, 0, 0), seed=11)
    found = measure(experiment, 0.3, horizon_days=42, draws=20)
    assert found.basis == "estimated"
    assert (estimated(found, pushes).of(pushes, chance) < 0).mean() > 0.95
    alike = Estimated("", -0.2, None, lambda X: X)
    assert alike.of(pushes, chance).tolist() == (-0.2 * chance).tolist()


def test_an_assumption_that_was_seen_to_be_too_high_is_told():
    experiment, *_ = drawn(n=6000, level=-0.05, by_theme=(0, 0, 0), seed=12)
    found = measure(experiment, 0.5, horizon_days=42, draws=20)
    assert found.basis == "assumed"
    assert "cannot be told from nothing; the 50% assumed would not have given it" in found.why


@pytest.mark.parametrize(
    ("experiment", "said"),
    [
        (drawn(n=400, seed=4)[0], "where 50 of each are needed"),
        (drawn(n=20_000, chosen=True, seed=5)[0], "they differed before the assignment"),
        (drawn(n=20_000, reached=0.7, seed=6)[0], "were customers on the day of the assignment"),
        (drawn(n=1200, level=-0.2, by_theme=(0, 0, 0), seed=7)[0], "which cannot be told from nothing"),
    ],
    ids=["few", "chosen", "reached", "unclear"],
)
def test_until_a_lot_tells_it_is_assumed_and_said_why(experiment, said):
    found = measure(experiment, 0.3, horizon_days=42, draws=20)
    assert found.basis == "assumed"
    assert said in found.why
    assert found.effects is None
    assert found.rate is None
    assert list(found.by_campaign.columns) == ARMS


def test_few_leavers_ask_for_no_explanation():
    experiment, *_ = drawn(n=400, seed=4)

    def never():
        raise AssertionError("models were fitted for an experiment that is too small")

    assert measure(Drawn(experiment.rows, experiment.usable, never), 0.3, horizon_days=42).basis == "assumed"


def test_no_effect_seldom_becomes_a_saveability_of_ones_own():
    """Where contacts change nothing, the effects by theme pass in about one of forty experiments."""
    passed = 0
    for seed in range(60):
        experiment, *_ = drawn(n=1500, level=0, by_theme=(0, 0, 0), seed=seed)
        told = experiment.explain()
        rows = experiment.rows
        fitted = cross_fit(
            told.pushes, told.margin, rows["left"], rows["treated"], rows["stratum"], rows["group_id"],
            folds(rows["group_id"].to_numpy(), 5, seed),
        )  # fmt: skip
        passed += fitted.line.slope_low > 0
    assert passed <= 6


def test_effects_survive_being_saved_and_themes_that_are_missing_push_as_usual():
    experiment, pushes, chance, _ = drawn(n=5000, seed=8)
    effects = measure(experiment, 0.3, horizon_days=42, draws=20).effects
    back = ThemeEffects.restore(effects.state())
    assert back == effects
    assert (back.saveability(pushes, chance) == effects.saveability(pushes, chance)).all()
    assert np.isfinite(back.saveability(pushes.drop(columns="waiting"), chance)).all()


def test_nobody_is_saved_beyond_the_chance_of_leaving():
    experiment, pushes, _, _ = drawn(n=12_000, level=-1, seed=9)
    effects = measure(experiment, 0.3, horizon_days=42, draws=20).effects
    chance = np.linspace(0, 1, len(pushes))
    saveability = effects.saveability(pushes, chance)
    assert (saveability <= chance).all()
    assert (saveability >= chance - 1).all()


def test_a_household_is_in_one_fold():
    dealt = folds(np.array(["a", "b", "a", "c"]), 2, 1)
    assert dealt[0] == dealt[2]
    assert set(dealt) == {0, 1}
