"""How nights are scored, guarded, delivered and watched."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from churnml.config.values import Days, PositiveDays, Settings, Share


class Gates(Settings):
    """From where on a night is warned of, and from where on it is refused; null switches a refusal off.

    `volume` is the share by which a volume has fallen, `missing` the share of customers who have lost a feature's
    value, `unseen` the share with a category that training never saw, `drift` a population stability index.
    `features_refuse` is the share of the features warned of for `missing` or `drift` that refuses the night.
    """

    volume_warn: Share = 0.5
    volume_refuse: Share | None = 0.8
    missing_warn: Share = 0.2
    unseen_warn: Share = 0.05
    unseen_refuse: Share | None = 0.5
    drift_warn: Annotated[float, Field(gt=0)] = 0.25
    scores_drift_refuse: Annotated[float, Field(gt=0)] | None = 1.5
    features_refuse: Share | None = 0.5


class CsvSink(Settings):
    """A call list for a CRM: whom the night says to contact, of these risk bands (default: of all), the best first.

    Where the night cannot say, as nothing is known of what customers are worth: who may be contacted, of these bands
    (default: high and medium), the riskiest first.
    """

    path: Annotated[str, Field(pattern=r"\.csv$")]
    risk_bands: tuple[Literal["high", "medium", "low"], ...] | None = None
    columns: tuple[str, ...] = (
        *("customer_id", "as_of", "p_silent", "risk_band", "reason_1", "reason_2", "reason_3"),
        *("action_channel", "expected_net_value"),
    )
    separator: Literal[",", ";", "\t"] = ","


class PostgresSink(Settings):
    """A table in PostgreSQL; `url` names the environment variable that holds the address, for it has a password."""

    url: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
    table: Annotated[str, Field(pattern=r"^([a-z_][a-z0-9_]{0,62}\.)?[a-z_][a-z0-9_]{0,62}$")]


class Sinks(Settings):
    """Where a night goes besides the published Parquet file."""

    csv: CsvSink | None = None
    postgres: PostgresSink | None = None


class Monitor(Settings):
    """When published nights are called bad; see `churnml.monitoring`.

    At most so many `nights` are judged, the newest whose outcomes are known, and as many watched that wait for theirs.
    A night's AUROC may fall short of the promise by `auroc`, its calibration error exceed it by `calibration_error`,
    its log loss and its lift be worse by these shares of the promise. Chances may drift by a PSI of `scores_drift`,
    and `features_drifted` is the share of features that may have moved beyond `gates.drift_warn`.
    """

    nights: Annotated[int, Field(ge=1)] = 30
    auroc: Share = 0.02
    calibration_error: Share = 0.02
    log_loss: Share = 0.1
    lift: Share = 0.2
    scores_drift: Annotated[float, Field(gt=0)] = 0.25
    features_drifted: Share = 0.3


class Scoring(Settings):
    """The nightly job. A customer is at high or medium risk from these chances of leaving silently on.

    Nights older than `keep_days` before the newest are removed (default: none). `alert` is a command, word by word,
    that is run when a night is refused.
    """

    freshness_days: Days = 7
    high_risk: Share = 0.5
    medium_risk: Share = 0.2
    reasons: Annotated[int, Field(ge=1, le=5)] = 5
    gates: Gates = Gates()
    monitor: Monitor = Monitor()
    keep_days: PositiveDays | None = None
    alert: tuple[str, ...] = ()
    sinks: Sinks = Sinks()

    @model_validator(mode="after")
    def _bands_in_order(self) -> Self:
        if self.medium_risk > self.high_risk:
            raise ValueError("medium_risk is above high_risk")
        return self
