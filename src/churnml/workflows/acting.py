"""What a night recommends: its scores with an action for each customer, and the sums of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from churnml.config import Config
from churnml.dataset import Dataset
from churnml.scoring.consent import NOT_CONTACTABLE, withheld
from churnml.scoring.job import with_actions
from churnml.targeting.control import campaign_id, control_group, period_of
from churnml.targeting.fatigue import IN_A_CAMPAIGN, tired
from churnml.targeting.policy import ACTIONS, CONTACT, decide
from churnml.targeting.reach import reach
from churnml.targeting.value import Saveability, save_rate
from churnml.workflows.business import Business

NOTHING_KNOWN = "no amounts are known; set economics.campaign.customer_value"
NOT_WORTH_IT = "no contact is expected to bring more than it costs"


@dataclass(frozen=True)
class Acted:
    """The scores with their actions, and what a reader is told of them in `facts.json`."""

    scores: pa.Table
    facts: dict[str, Any]


def worth(night: Dataset, config: Config) -> NDArray[np.float64]:
    """What each customer (n,) of a night is worth; where it is not known, what the configuration says, or nan."""
    unknown = config.economics.campaign.customer_value
    return night.value if unknown is None else np.where(np.isnan(night.value), unknown, night.value)


def act(
    business: Business, night: Dataset, scores: pa.Table, saves: Saveability, as_of: date, known_at: datetime
) -> Acted:
    """Decide about every customer of a night: consent first, then fatigue, then what a contact is expected to bring.

    `scores` are those of the customers of `night`, in any order.
    """
    config = business.config
    rule, offer = config.actions, config.economics.campaign
    ids = scores["customer_id"].to_numpy(zero_copy_only=False)
    rows = pd.Index(night.keys["customer_id"]).get_indexer(pd.Index(ids))
    X, groups = night.X.iloc[rows], night.group_id[rows]
    p_leave = scores["p_silent"].to_numpy() + scores["p_vocal"].to_numpy()
    where = reach(X, rule.channels, offer.contact_cost)
    customers = pd.DataFrame(
        {
            "customer_id": ids,
            "group_id": groups,
            "saveability": saves.of(X, p_leave),
            "p_leave": p_leave,
            "value": worth(night, config)[rows],
            "channel": where.channel,
            "contact_cost": where.cost,
            "held_out": control_group(
                groups,
                project=config.project,
                seed=config.model.seed,
                period=period_of(as_of, rule.control_days),
                share=rule.control_share,
            ),
            "excluded_because": _excluded(business, ids, as_of, known_at),
        }
    )
    decided = decide(
        customers,
        incentive_share=offer.incentive_share,
        contacts=rule.contacts_per_night,
        budget=rule.budget_per_night,
    )
    told = with_actions(scores, decided, customers["saveability"], saves.basis)
    return Acted(told, _facts(config, customers, decided, saves, as_of))


def contacts(scores: pa.Table) -> dict[str, Any]:
    """How many customers a night says to contact, and what that is expected to bring; None where it cannot say."""
    if scores["expected_net_value"].null_count == scores.num_rows:
        return {"to_contact": None, "expected_net_value": None}
    chosen = scores.filter(pc.fill_null(pc.equal(scores["action"], CONTACT), False))
    brings = round(float(np.sum(chosen["expected_net_value"].to_numpy())), 2)
    return {"to_contact": chosen.num_rows, "expected_net_value": brings}


def _excluded(business: Business, ids: NDArray[np.object_], as_of: date, known_at: datetime) -> NDArray[np.object_]:
    """Why nothing may be done about each customer (n,), None where something may; what comes first is said."""
    refusing = withheld(business.canonical, business.engine, known_at)
    lately = tired(business.canonical, business.engine, business.config.actions.fatigue, as_of, known_at)
    because = [
        NOT_CONTACTABLE if name in refusing else IN_A_CAMPAIGN if name in lately else None for name in ids.tolist()
    ]
    return np.array(because, dtype=object)


def _facts(
    config: Config, customers: pd.DataFrame, decided: pd.DataFrame, saves: Saveability, as_of: date
) -> dict[str, Any]:
    known = int(customers["value"].notna().sum())
    counts = {action: int((decided["action"] == action).sum()) for action in ACTIONS}
    chosen = (decided["action"] == CONTACT).to_numpy()
    out = decided["excluded_because"].value_counts().sort_index()
    free = bool(decided["action"].notna().any())
    sums = {
        "expected_saved": customers["saveability"].to_numpy()[chosen],
        "cost": decided["expected_cost"].to_numpy()[chosen],
        "net_value": decided["expected_net_value"].to_numpy()[chosen],
    }
    return {
        "basis": saves.basis,
        "why": saves.why,
        "save_rate": save_rate(config),
        "control_share": config.actions.control_share,
        "limited": config.actions.contacts_per_night is not None or config.actions.budget_per_night is not None,
        "campaign_id": campaign_id(config.project, as_of, config.actions.control_days),
        "counts": counts,
        "excluded": {str(why): int(number) for why, number in out.items()},
        **{name: round(float(values.sum()), 2) if known else None for name, values in sums.items()},
        "currency": config.economics.currency,
        "acquisition_cost": config.economics.acquisition_cost,
        "value_known": known,
        "remark": NOTHING_KNOWN if not known else NOT_WORTH_IT if free and not _worth_it(counts) else "",
    }


def _worth_it(counts: dict[str, int]) -> int:
    return sum(counts[action] for action in ACTIONS[:3])
