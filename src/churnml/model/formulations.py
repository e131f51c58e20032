"""How the outcomes are put to boosters, and how what these say becomes chances and margins.

A formulation is three things: what each booster tells apart, how the boosters' answers become one row of chances, and
the margins (sums of raw scores, in log-odds) that explanations add up to.

- `three_class`: one booster, all outcomes at once (softmax).
- `one_vs_rest`: a booster for each way to leave, against everybody else.
- `chain`: a booster for leaving, and one that learns silence from the leavers alone; their chances multiply.

Where an outcome is too rare to learn from, every formulation falls back to one booster for leaving, whose chance is
divided by the outcomes' shares in training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from churnml.errors import ModelError
from churnml.outcomes import OUTCOMES

Floats = NDArray[np.float64]

FORMULATIONS = ("three_class", "one_vs_rest", "chain")
LEAST_LEFT = 0.01
"""What `one_vs_rest` leaves to staying, before dividing, where its boosters claim more than all the rest together."""

SILENT_MARGIN = "log-odds of leaving silently against staying"
DEFECTION_MARGIN = "log-odds of leaving against staying"


@dataclass(frozen=True)
class Part:
    """What one booster tells apart: groups of classes, by number. Rows of a class in no group are not shown to it.

    Two groups are one raw score, the log-odds of the second; more are a raw score each.

    >>> Part("silence", ((2,), (1,))).target(np.array([0, 1, 2])).tolist()
    [-1, 1, 0]
    """

    name: str
    groups: tuple[tuple[int, ...], ...]

    @property
    def leaving(self) -> bool:
        """Whether it tells those who stay, class 0, from others."""
        return any(0 in group for group in self.groups)

    def target(self, code: NDArray[np.intp]) -> NDArray[np.intp]:
        """The group of each row (n,) of a class, -1 for none."""
        result = np.full(len(code), -1, dtype=np.intp)
        for number, group in enumerate(self.groups):
            result[np.isin(code, group)] = number
        return result

    def chances(self, raw: Floats) -> Floats:
        """The chance of each group (n, groups) from raw scores (n, 1 or groups)."""
        if len(self.groups) == 2:
            second = 1 / (1 + np.exp(-raw[:, 0]))
            return np.column_stack([1 - second, second])
        odds = np.exp(raw - raw.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class Margin:
    """A weighted sum of raw scores, in log-odds: `weights` has a number for each raw score of the parts it needs."""

    name: str
    said: str
    weights: Mapping[str, tuple[float, ...]]

    def of(self, scores: Mapping[str, Floats]) -> Floats:
        """The sum over the second axis of each part's scores, (n, scores) or (n, scores, features)."""
        terms = [
            weight * scores[part][:, column]
            for part, weights in self.weights.items()
            for column, weight in enumerate(weights)
            if weight
        ]
        return np.asarray(sum(terms[1:], start=terms[0]))


@dataclass(frozen=True)
class Formulation:
    """Boosters to train, and what their raw scores mean; the first of `margins` is the one that reasons explain."""

    parts: tuple[Part, ...]
    margins: tuple[Margin, ...]
    combine: Callable[[Sequence[Floats]], Floats]

    def chances(self, raw: Mapping[str, Floats]) -> Floats:
        """Chances (n, classes), rows summing to 1, from each part's raw scores."""
        return self.combine([part.chances(raw[part.name]) for part in self.parts])

    def margin(self, name: str | None = None) -> Margin:
        """A margin by its name; the declared one without.

        Raises
        ------
        ModelError
            There is none of that name.
        """
        found = {margin.name: margin for margin in self.margins}
        if name is None:
            return self.margins[0]
        if name not in found:
            raise ModelError(f"the model has no margin {name!r}", f"it has {', '.join(found)}")
        return found[name]


def formulate(name: str, classes: Sequence[object], split: float | None = None) -> Formulation:
    """The formulation of this name over classes, of which the first stands for staying.

    Two classes are one booster in any formulation. With `split`, the fallback: leaving against staying, and that share
    of the leavers silent.

    Raises
    ------
    ModelError
        There is no such formulation.

    >>> [part.name for part in formulate("chain", OUTCOMES).parts]
    ['defection', 'silence']
    """
    makers = {"three_class": _three_class, "one_vs_rest": _one_vs_rest, "chain": _chain}
    if name not in makers:
        raise ModelError(f"formulation {name!r} is not known", f"use {', '.join(FORMULATIONS)}")
    labels = [str(label) for label in classes]
    if split is not None:
        return _defection(split)
    return _two_class(labels) if len(labels) == 2 else makers[name](labels)


def _three_class(labels: list[str]) -> Formulation:
    part = Part("outcomes", tuple((number,) for number in range(len(labels))))
    margins = []
    for number, label in enumerate(labels[1:], start=1):
        weights = [-1.0] + [0.0] * (len(labels) - 1)
        weights[number] = 1.0
        margins.append(Margin(label, f"log-odds of {_say(label)} against {_say(labels[0])}", {part.name: (*weights,)}))
    return Formulation((part,), (*margins,), lambda chances: chances[0])


def _two_class(labels: list[str]) -> Formulation:
    said = f"log-odds of {_say(labels[1])} against {_say(labels[0])}"
    return Formulation(
        (Part("outcomes", ((0,), (1,))),),
        (Margin(labels[1], said, {"outcomes": (1.0,)}),),
        lambda chances: chances[0],
    )


def _one_vs_rest(labels: list[str]) -> Formulation:
    numbers = range(len(labels))
    parts = [Part(labels[c], (tuple(i for i in numbers if i != c), (c,))) for c in numbers[1:]]
    margins = [Margin(p.name, f"log-odds of {_say(p.name)} against all else", {p.name: (1.0,)}) for p in parts]
    return Formulation((*parts,), (*margins,), _left_over)


def _left_over(chances: Sequence[Floats]) -> Floats:
    """Each booster's chance as it is, and what they leave over for staying.

    Each is a chance in its own right, learnt against everybody else. Where they leave room for staying they need no
    correction, and dividing them by a sum would only bend them. Where they leave less than `LEAST_LEFT`, they
    contradict each other: staying keeps that much, and all are divided by their sum.
    """
    given = np.column_stack([each[:, 1] for each in chances])
    left = np.maximum(1 - given.sum(axis=1), LEAST_LEFT)
    together = np.column_stack([left, given])
    return np.asarray(together / together.sum(axis=1, keepdims=True))


def _chain(labels: list[str]) -> Formulation:
    leaving = tuple(range(1, len(labels)))
    order = tuple(reversed(leaving)) if len(leaving) == 2 else leaving  # of two, the score is that of silence
    first, second = Part("defection", ((0,), leaving)), Part("silence", tuple((number,) for number in order))
    margins = [Margin(first.name, DEFECTION_MARGIN, {first.name: (1.0,)})]
    if len(order) == 2:
        margins.append(Margin(second.name, "log-odds of silence among those who leave", {second.name: (1.0,)}))
    places = [order.index(number) for number in leaving]

    def combine(chances: Sequence[Floats]) -> Floats:
        left, among = chances
        return np.column_stack([left[:, 0], left[:, 1:] * among[:, places]])

    return Formulation((first, second), (*margins,), combine)


def _defection(split: float) -> Formulation:
    part = Part("defection", ((0,), (1, 2)))
    shares = np.array([split, 1 - split])
    return Formulation(
        (part,),
        (Margin(part.name, DEFECTION_MARGIN, {part.name: (1.0,)}),),
        lambda chances: np.column_stack([chances[0][:, 0], chances[0][:, 1:] * shares]),
    )


def _say(label: str) -> str:
    return dict(zip(OUTCOMES, ("staying", "leaving silently", "leaving vocally"), strict=True)).get(label, label)
