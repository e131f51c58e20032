"""What to do about each customer tonight: contact, hold out, wait, or leave alone.

Everybody who is worth a contact is ranked, the control group among them, and walked down. At each place the customer is
contacted if contacts and budget still allow for it; a member of the control group is held out under the same condition,
and uses nothing up. So whether somebody is contacted or held out depends on the lot alone, and the two can be compared
whatever the budget: those held out are those who would have been contacted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnml.errors import ModelError
from churnml.targeting.value import expected_cost, expected_net_value

CONTACT, HOLD_OUT, WAIT, LEAVE_ALONE = "contact", "hold out", "wait", "leave alone"
ACTIONS = (CONTACT, HOLD_OUT, WAIT, LEAVE_ALONE)
DECIDED = ("expected_net_value", "expected_cost", "action", "action_channel", "held_out", "excluded_because")
NEEDED = (
    *("customer_id", "group_id", "saveability", "p_leave", "value", "channel", "contact_cost", "held_out"),
    "excluded_because",
)


def decide(
    customers: pd.DataFrame, *, incentive_share: float, contacts: int | None = None, budget: float | None = None
) -> pd.DataFrame:
    """Decide for all customers at once; the order of rows changes nothing.

    Parameters
    ----------
    customers : n rows of `NEEDED`: who, and the person or household behind; saveability and chance of leaving; what the
        customer is worth (nan = unknown); through which channel a contact would go, and its cost; whether in the
        control group; and why nothing may be done, null where something may
    incentive_share : the incentive as a share of the customer's value
    contacts : at most so many customers are contacted; None: as many as are worth it
    budget : the contacts' expected cost, incentives included, stays within it; None: whatever they cost. The best are
        then those who bring most for their cost, and a contact that does not fit any more makes room for a cheaper one

    Returns
    -------
    n rows of `DECIDED`, of the same index. `action` is null for the excluded and where the value is unknown; else

    - `leave alone`: a contact is not expected to bring more than it costs, or does harm;
    - `contact`: the best within the limits, and of a household one, the best; ties go by `customer_id`;
    - `hold out`: would be contacted, but for the lot;
    - `wait`: worth a contact, but the limits are reached, or another of the household comes first.

    Raises
    ------
    ModelError
        A column is missing, or a customer is there twice.
    """
    if missing := [name for name in NEEDED if name not in customers]:
        raise ModelError(f"customers to decide on lack {', '.join(missing)}", f"give {', '.join(NEEDED)}")
    if customers["customer_id"].duplicated().any():
        raise ModelError("a customer would be decided on twice", "give one row each")
    about = [customers[name].to_numpy(dtype=np.float64) for name in ("saveability", "p_leave", "value", "contact_cost")]
    saveability, p_leave, value, contact = about
    net = expected_net_value(saveability, p_leave, value, contact, incentive_share)
    cost = expected_cost(saveability, p_leave, value, contact, incentive_share)
    free = customers["excluded_because"].isna().to_numpy()
    with np.errstate(invalid="ignore"):
        worth = free & (net > 0)
    action = np.full(len(customers), None, dtype=object)
    action[free & ~np.isnan(net)] = LEAVE_ALONE
    action[worth] = WAIT
    ranked = _ranked(customers["customer_id"], net, cost if budget is not None else None, worth)
    held_out = customers["held_out"].to_numpy(dtype=bool)
    chosen = _walk(ranked, customers["group_id"].to_numpy(dtype=object), cost, held_out, contacts, budget)
    action[chosen] = np.where(held_out[chosen], HOLD_OUT, CONTACT)
    return pd.DataFrame(
        {
            "expected_net_value": net,
            "expected_cost": cost,
            "action": action,
            "action_channel": customers["channel"],
            "held_out": held_out,
            "excluded_because": customers["excluded_because"],
        },
        index=customers.index,
    )


def _ranked(
    ids: pd.Series, net: NDArray[np.float64], cost: NDArray[np.float64] | None, worth: NDArray[np.bool_]
) -> NDArray[np.intp]:
    """The rows worth a contact, the best first: by net value, or by net value for the cost where there is one."""
    rows = np.flatnonzero(worth)
    gain = net[rows]
    first = gain if cost is None else np.divide(gain, cost[rows], out=np.full(len(rows), np.inf), where=cost[rows] > 0)
    names = np.argsort(np.argsort(ids.to_numpy(dtype=object)[rows].astype(str), kind="stable"), kind="stable")
    return rows[np.lexsort((names, -gain, -first))]


def _walk(
    ranked: NDArray[np.intp],
    groups: NDArray[Any],
    cost: NDArray[np.float64],
    held_out: NDArray[np.bool_],
    contacts: int | None,
    budget: float | None,
) -> NDArray[np.intp]:
    """The rows to contact or to hold out, in the order of the walk."""
    left = np.inf if contacts is None else contacts
    most = np.inf if budget is None else budget
    spent, seen, chosen = 0.0, set(), []
    for row in ranked.tolist():
        if left < 1:
            break
        if groups[row] in seen or spent + cost[row] > most:
            continue
        seen.add(groups[row])
        chosen.append(row)
        if not held_out[row]:
            left -= 1
            spent += float(cost[row])
    return np.array(chosen, dtype=np.intp)
