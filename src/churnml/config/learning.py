"""How the model is trained, tuned and judged."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from churnml.config.values import Settings


class Tuning(Settings):
    """The search for parameters: seeded, inside the training folds only. `objective` is what it looks for."""

    objective: Literal["log_loss", "average_precision", "expected_profit"] = "log_loss"
    trials: Annotated[int, Field(ge=0)] = 20
    timeout_s: Annotated[int, Field(ge=1)] | None = None


class Rival(Settings):
    """A scikit-learn classifier to compare the model with: where it is imported from, and its parameters."""

    estimator: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")]
    parameters: dict[str, int | float | str | bool | None] = {}


class Model(Settings):
    """How the model is trained and judged. `test_from` opens the test; without it the last `test_snapshots` do."""

    formulation: Literal["three_class", "one_vs_rest", "chain"] = "chain"
    parameters: dict[str, int | float | str | bool] = {}
    rivals: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Rival] = {}
    tuning: Tuning = Tuning()
    folds: Annotated[int, Field(ge=1)] = 3
    test_from: date | None = None
    test_snapshots: Annotated[int, Field(ge=1)] = 3
    minimum_positives: Annotated[int, Field(ge=2)] = 50
    bootstrap: Annotated[int, Field(ge=50)] = 200
    seed: int = 0

    @model_validator(mode="after")
    def _rivals_have_names_of_their_own(self) -> Self:
        if "churnml" in self.rivals:
            raise ValueError("a rival cannot be called churnml, as the model is")
        return self
