from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from churnml.evaluation.gaps import Comparison, p_values

PEOPLE, ROWS_EACH = 300, 3
LEVEL = 0.05


def judged(groups: np.ndarray, draw: np.random.Generator, *, missed: float = 0.0, rows: int = ROWS_EACH) -> np.ndarray:
    """The p-values of a company whose people have the same chance and the same outcome in all their rows.

    Those of group 0 have theirs lowered by `missed` in all they are ranked by, without leaving less.
    """
    chance = draw.beta(0.6, 4, len(groups))
    hit = (draw.random(len(groups)) < chance).astype(float)
    p = np.where(groups == 0, chance * (1 - missed), chance)
    listed = (p >= np.quantile(p, 0.9)).astype(float)
    people = np.arange(len(groups)).repeat(rows)
    look = Comparison(hit[people], p[people], listed[people], people)
    return p_values(look.furthest, groups[people], people, seed=int(draw.integers(1000)))


@pytest.mark.parametrize("shares", [(0.25,) * 4, (0.82, 0.1, 0.08), (0.1,) * 10], ids=str)
def test_an_attribute_that_says_nothing_is_found_to_matter_once_in_twenty(shares: tuple[float, ...]) -> None:
    """Whatever the number and the size of its groups, and though each person is there three times."""
    draw, looks = np.random.default_rng(8), 100
    found = [judged(draw.choice(len(shares), PEOPLE, p=shares), draw).min() <= LEVEL for _ in range(looks)]
    assert 0.01 <= np.mean(found) <= 0.11


def test_a_group_whose_leavers_are_missed_is_found() -> None:
    draw = np.random.default_rng(9)
    found = np.array([judged(draw.choice(4, 2000), draw, missed=0.6, rows=1) <= LEVEL for _ in range(20)])
    assert found[:, 1:].any(axis=1).all() and found[:, 3].mean() > 0.8  # calibration, contacts, leavers missed
    assert found[:, 0].mean() < 0.4  # the ranking within each group is as good as before


def test_a_figure_that_is_alike_is_not_taken_for_another_that_differs() -> None:
    """Group 0 leaves half as often, and its chances say so: that alone makes neither ranking nor calibration unfair."""
    draw, found = np.random.default_rng(10), []
    for _ in range(60):
        groups = draw.choice(3, 1500, p=(0.2, 0.4, 0.4))
        p = draw.beta(2, 12, 1500) * np.where(groups == 0, 0.5, 1.0)
        hit, listed = (draw.random(1500) < p).astype(float), (p >= np.quantile(p, 0.9)).astype(float)
        found.append(p_values(Comparison(hit, p, listed, np.arange(1500)).furthest, groups, np.arange(1500)) <= LEVEL)
    ranking, calibration, contacts, _ = np.mean(found, axis=0)
    assert ranking <= 0.1 and calibration <= 0.1 and contacts == 1


def test_the_ranking_of_a_group_is_that_among_its_own_rows() -> None:
    draw = np.random.default_rng(11)
    p, groups = draw.integers(0, 12, 300) / 12, draw.integers(0, 2, 300)
    hit = (draw.random(300) < np.where(groups == 0, p, 1 - p)).astype(float)
    own = [roc_auc_score(hit[groups == each], p[groups == each]) for each in (0, 1)]
    mirrored = np.where(groups == 0, p, 1 - p)
    alike, apart = (Comparison(hit, each, np.zeros(300), np.arange(300)).furthest(groups)[0] for each in (mirrored, p))
    assert own[0] > 0.7 > 0.3 > own[1] and apart > 10 * alike


def test_groups_that_cannot_be_compared_are_not_found_to_differ() -> None:
    one, nobody = np.zeros(40, dtype=np.intp), np.zeros(40)
    look = Comparison(nobody, np.linspace(0, 0.2, 40), nobody, np.arange(40))
    assert p_values(look.furthest, one, np.arange(40)).tolist() == [1.0] * 4
    two = np.arange(40) % 2
    assert p_values(look.furthest, two, np.arange(40))[[0, 2, 3]].tolist() == [1.0] * 3  # nobody left, nobody listed
