"""Which features speak: of the themes that push a customer, strongest first, the strongest feature worth saying.

The loop over customers is compiled: by whole arrays the same choice would read hundreds of columns many times over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from churnml.explanation.compiled import compiled
from churnml.explanation.moments import NEARLY, moment_rules
from churnml.explanation.sides import none_speaks, value_speaks, worse_sides
from churnml.features.registry import FeatureCard

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

SAME_AS_USUAL = 0.05
"""A value within this share of the usual one is not worth a sentence."""


class Manners(NamedTuple):
    """When each feature is worth a sentence, of which moment it tells, and the features of each theme.

    `members` are the places of the features, theme after theme; those of theme t begin at `first[t]`. `usual` is nan
    where any value is worth saying; `middle` is then what those have who have any, else the same. `speaks` and
    `says_none` (features, 2) say whether a value, and whether a missing one, may speak for leaving, and for staying.
    `worse` (features, 2) is 1 where a higher value is the worse one, -1 where a lower one is, 0 where neither is.
    `source`, `since` and `scale` are those of `moments.moment_rules`.
    """

    members: Places
    first: Places
    usual: Floats
    middle: Floats
    speaks: NDArray[np.bool_]
    says_none: NDArray[np.bool_]
    worse: Floats
    source: Places
    since: Floats
    scale: Floats


def manners(
    cards: Sequence[FeatureCard],
    theme_of: Sequence[str],
    themes: Sequence[str],
    usual: Sequence[float | None],
    medians: Mapping[str, float],
) -> Manners:
    """What `choose` needs to know of features, in their order. `medians` are of those who have any, by name."""
    members = [np.flatnonzero(np.array(theme_of, dtype=object) == theme) for theme in themes]
    common = np.array([np.nan if each is None else each for each in usual], dtype=np.float64)
    none_is_usual = np.array([each is not None and np.isnan(each) for each in usual], dtype=bool)
    among = np.array([medians.get(card.name, np.nan) for card in cards], dtype=np.float64)
    says_none = np.array([none_speaks(card) for card in cards], dtype=bool).reshape(-1, 2)
    return Manners(
        members=np.concatenate([np.zeros(0, dtype=np.int64), *members]),
        first=np.cumsum([0, *map(len, members)]),
        usual=common,
        middle=np.where(np.isnan(common), among, common),
        speaks=np.array([value_speaks(card) for card in cards], dtype=bool).reshape(-1, 2),
        says_none=says_none & ~none_is_usual[:, np.newaxis],
        worse=np.array([worse_sides(card) for card in cards], dtype=np.float64).reshape(-1, 2),
        **moment_rules(cards, usual),
    )


@compiled
def choose(
    manners: Manners,
    columns: Floats,
    pushes: Floats,
    sign: float,
    strength: Floats,
    order: Places,
    told: Floats,
    theme: Places,
    speaker: Places,
    moments: Floats,
) -> None:
    """Fill `theme`, `speaker` and `moments` (rows, ranks) with the themes that speak, their features and moments.

    `columns` and `pushes` are (features, rows): the values (of a category 0 where most have it, else 1, or nan where it
    is missing), and what each adds to the margin; `sign` is 1 to speak for leaving, -1 against it. `strength` (rows,
    themes) is how much a theme pushes that way, `order` (rows, themes) the themes from the strongest; `told` (rows, m)
    are days ago that are not to be spoken of again.
    """
    rows, ranks = speaker.shape
    for row in range(rows):
        spoken = 0
        for chosen in order[row]:
            if spoken == ranks or not strength[row, chosen] > 0:
                break
            strongest, best, best_when = 0.0, -1, np.nan
            for member in range(manners.first[chosen], manners.first[chosen + 1]):
                place = manners.members[member]
                push = sign * pushes[place, row]
                if push > strongest and _worth_saying(manners, place, columns[place, row], sign):
                    when = _moment(manners, place, columns, row)
                    if not (_near(when, moments[row, :spoken]) or _near(abs(when), told[row])):
                        strongest, best, best_when = push, place, when
            if best >= 0:
                theme[row, spoken], speaker[row, spoken], moments[row, spoken] = chosen, best, best_when
                spoken += 1


@compiled
def _worth_saying(manners: Manners, place: int, value: float, sign: float) -> bool:
    usual, middle, side = manners.usual[place], manners.middle[place], 0 if sign > 0 else 1
    if np.isnan(value):
        return manners.says_none[place, side]  # type: ignore[no-any-return]
    if not manners.speaks[place, side]:
        return False
    news = sign * manners.worse[place, side]
    beyond, margin = news * (value - middle), SAME_AS_USUAL * max(abs(value), abs(middle))
    if beyond < 0 or (news > 0 and value <= 0):
        return False  # good news is no reason to leave, and bad news none to stay; nor is nothing at all of either
    # Where most have none, to be as good as the others who have is no merit.
    if side == 1 and news != 0 and np.isnan(usual):
        return beyond > margin  # type: ignore[no-any-return]
    return np.isnan(usual) or abs(value - usual) > SAME_AS_USUAL * max(abs(value), abs(usual))  # type: ignore[no-any-return]


@compiled
def _moment(manners: Manners, place: int, columns: Floats, row: int) -> float:
    """How many days ago it was that a feature tells of: positive for a silence, negative for what happened lately."""
    if manners.source[place] < 0:
        return np.nan
    days = columns[manners.source[place], row] * manners.scale[place]
    return days if days >= manners.since[place] else -days  # type: ignore[no-any-return]


@compiled
def _near(moment: float, told: Floats) -> bool:
    near = False
    for one in told:
        near |= abs(moment - one) <= NEARLY * max(abs(moment), abs(one))
    return near
