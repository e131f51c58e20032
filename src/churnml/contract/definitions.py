"""Whether the words of the configuration are found in the books: kinds of event, and names of channels."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING

from churnml.contract.report import Violation

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd

    from churnml import config as settings
    from churnml.engine import Engine

COMMON = 0.01
"""A channel with this share of the events may be the one that is meant, ..."""
ALIKE = 0.85
"""... if its name is so much like the one given (difflib's ratio)."""


def definition_checks(
    events: ir.Table, engine: Engine, config: settings.Config, kinds: Collection[str]
) -> Iterator[Violation]:
    """Kinds that do not exist, definitions of which the books hold no event, and channels of another name.

    `kinds` are those of the contract and the configuration's own.
    """
    met = engine.frame(events.group_by("kind", "channel").aggregate(events=events.count()))
    there = set(met["kind"].dropna())
    if unknown := list(_unknown(config, kinds)):
        yield from unknown
        return
    by_closure = config.defection.by == "closure"
    for missing, column, name, advice in (
        (by_closure and "closed" not in there, "closed", "closures",
         "defection.by is closure: nobody ever leaves; map closed_at, or events of kind closed"),
        (not by_closure and there.isdisjoint(config.defection.of), "kind", "events of the kinds under defection.of",
         f"map {', '.join(config.defection.of)}: everybody looks gone"),
        (bool(config.eligible.of) and there.isdisjoint(config.eligible.of), "kind",
         "events of the kinds under eligible.of", f"map {', '.join(config.eligible.of)}: nobody is eligible"),
    ):  # fmt: skip
        if missing:
            yield Violation("events", column, name, 0, "refuse", advice)
    yield from _other_channels(config, met.groupby("channel")["events"].sum())


def _unknown(config: settings.Config, kinds: Collection[str]) -> Iterator[Violation]:
    named = {
        "defection.of": config.defection.of,
        "eligible.of": config.eligible.of,
        "voice.kinds": config.voice.kinds,
        "features.friction": config.features.friction,
        "economics.value_kinds": config.economics.value_kinds,
        "actions.fatigue": [kind for rule in config.actions.fatigue for kind in rule.kinds],
    }
    for place, given in named.items():
        if wrong := sorted(set(given) - set(kinds)):
            near = get_close_matches(wrong[0], sorted(kinds), 1)
            advice = f"{f'did you mean {near[0]}? ' if near else ''}declare kinds of your own under kinds"
            name = f"kinds under {place} that do not exist ({', '.join(wrong)})"
            yield Violation("events", "kind", name, len(wrong), "refuse", advice)


def _other_channels(config: settings.Config, events: pd.Series) -> Iterator[Violation]:
    """Channels that no event has, where a common one that is in no list is called nearly so; `events` by channel."""
    listed = {"channels.digital": config.channels.digital, "channels.dark": config.channels.dark}
    free = [name for name in events.index if not any(name in names for names in listed.values())]
    same = {_plain(name): name for name in free}
    others = {name.casefold(): name for name in free if events[name] >= COMMON * events.sum()}
    for place, names in listed.items():
        near = {
            name: [same[_plain(name)]] if _plain(name) in same
            else [others[each] for each in get_close_matches(name.casefold(), others, 1, ALIKE)]
            for name in names if name not in events.index
        }  # fmt: skip
        if wrong := sorted(name for name in near if near[name]):
            name = f"channels under {place} that no event has ({', '.join(wrong)})"
            meant = near[wrong[0]][0]
            yield Violation("events", "channel", name, len(wrong), "warn", f"did you mean {meant}?")


def _plain(name: str) -> str:
    """A name but for capitals, spaces and punctuation: `App Store` and `app_store` are one, however rare."""
    return re.sub(r"[\W_]", "", name.casefold())
