"""What became of the customers that a night has scored, with the eyes of that night."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

import pandas as pd

from churnml.outcomes import is_voice, label
from churnml.timeline import is_mature, observe

if TYPE_CHECKING:
    from churnml import config as settings
    from churnml.engine import Engine
    from churnml.sources import Canonical


def followed(
    parts: Sequence[Canonical],
    config: settings.Config,
    engine: Engine,
    as_of: date,
    known_at: datetime,
    labels_known_at: date,
) -> pd.DataFrame:
    """Each customer who was eligible at (as_of, known_at), by the same spine, voice and labels as in training.

    Parameters
    ----------
    parts : the canonical tables, whole or in parts of the customers (`dataset.parted`)
    labels_known_at : outcomes are told as known at its start

    Returns
    -------
    DataFrame
        Indexed by `customer_id`: `group_id`, `voiced` (in the lookback before the night), and `outcome`, which is null
        for who must not be labelled, and for everybody while the night is not mature.
    """
    mature = is_mature(as_of, config.snapshots, labels_known_at)
    found = []
    for part in parts:
        view = observe(part, config, as_of, known_at, hold=lambda spine: engine.materialise(spine, "watched_spine"))
        lately = (view.events.age_days <= config.voice.lookback_days) & is_voice(view.events, config)
        spoke = view.events.filter(lately).select("customer_id").distinct()
        people = engine.frame(view.spine.select("customer_id", "group_id")).set_index("customer_id")
        people["voiced"] = people.index.isin(engine.frame(spoke)["customer_id"])
        people["outcome"] = None
        if mature:
            told = engine.frame(label(part, config, view.spine, as_of, labels_known_at)).set_index("customer_id")
            people["outcome"] = told["outcome"].reindex(people.index)
        found.append(people)
    whole: pd.DataFrame = pd.concat(found) if len(found) > 1 else found[0]
    return whole
