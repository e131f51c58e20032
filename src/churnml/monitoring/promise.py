"""What the training of a model has promised of its nights: the figures on the test snapshots, which it had not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd

from churnml import timeline
from churnml.evaluation.judge import NO_VOICE
from churnml.outcomes import SILENT

if TYPE_CHECKING:
    from churnml.config import Config
    from churnml.model.bundle import Bundle

Key = tuple[str, str]
FIGURES: tuple[Key, ...] = (
    (SILENT, "auroc"),
    (SILENT, "lift_at_10pct"),
    ("all", "log_loss"),
    (SILENT, "calibration_error"),
)
"""What nights are judged by, among customers without voice before."""
SMALLER = frozenset({"log_loss", "calibration_error"})
"""Metrics of which less is better."""
_DEFINITION = ("timezone", "channels", "eligible", "defection", "voice")
_WINDOW = ("lead_days", "horizon_days")
_Z95 = 1.959963984540054


@dataclass(frozen=True)
class Figure:
    """A figure with its 95% interval."""

    value: float
    low: float
    high: float

    @property
    def sd(self) -> float:
        """The standard error that the interval stands for."""
        return (self.high - self.low) / (2 * _Z95)


@dataclass(frozen=True)
class Promise:
    """One model's promise.

    Attributes
    ----------
    version, digest : which model
    figures : by outcome and metric, as far as the training could tell
    learnt_until : nights before that day lie in what the model has learnt from, and say nothing about it
    scores : how the chances of the test rows were spread, by outcome, of so many `tested` customers
    definition : what leaving meant
    """

    version: str
    digest: str
    figures: Mapping[Key, Figure]
    learnt_until: date
    scores: Mapping[str, Any]
    tested: int
    definition: Mapping[str, Any]

    @classmethod
    def of(cls, bundle: Bundle, version: str, metrics: pd.DataFrame, config: Config) -> Promise:
        """What a bundle says; `metrics` are those of its evaluation, of the model itself."""
        led = metrics[metrics["population"] == NO_VOICE].set_index(["outcome", "metric"])
        known = led[["value", "low", "high"]].astype(float).dropna()
        numbers = dict(zip(known.index, known.to_numpy().tolist(), strict=True))
        figures = {key: Figure(*numbers[key]) for key in FIGURES if key in numbers}
        last = date.fromisoformat(bundle.snapshots[-1])
        return cls(
            version,
            bundle.digest,
            figures,
            timeline.outcome_window(last, config.snapshots).end,
            bundle.notes.get("scores", {}),
            bundle.notes.get("test", {}).get("customers", 0),
            definition(bundle.config),
        )


def definition(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What leaving, voice and the customers to score mean in a configuration's plain values."""
    window = {name: settings["snapshots"][name] for name in _WINDOW}
    return {**{name: settings.get(name) for name in _DEFINITION}, **window}
