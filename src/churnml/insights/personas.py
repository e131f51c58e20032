"""Personas: five kinds of customer told apart by rules that a stakeholder can read, and the flows between them.

The rules are in the configuration; the first that holds names the customer. A condition on a number that is not
known, or that the data do not allow, does not hold.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from churnml.insights.ledger import MONTH, PREFERS
from churnml.metrics.shares import clustered_ratio, clustered_share
from churnml.outcomes import SILENT, VOCAL

if TYPE_CHECKING:
    from churnml.config import Persona
    from churnml.insights.ledger import Ledger

LEFT_SILENTLY, LEFT_ALOUD, AWAY, NEW = "left silently", "left, having said so", "not active", "new or back"
_SAYS = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "=": np.equal}
_PARTS = re.compile(r"(\w+)\s*(<=|>=|<|>|=)\s*(-?\d+(?:\.\d+)?)")


@dataclass(frozen=True)
class Personas:
    """Customers by persona.

    Attributes
    ----------
    counts : as_of, persona, customers, share (low, high): the customers of each month's snapshot
    flows : since, as_of, before, after, customers: from one month to the next, with who left, went away, or is new
    profile : persona, customers and share (at the last snapshot), mean_value (value_low, value_high), and from earlier
        snapshots left_silently and left_aloud (shares, with silent_low, silent_high)
    rules : persona, rule: in words, in the order in which they are tried
    missing : features that rules name and the data do not allow, with the reason
    """

    counts: pd.DataFrame
    flows: pd.DataFrame
    profile: pd.DataFrame
    rules: pd.DataFrame
    missing: Mapping[str, str]

    def frame(self) -> pd.DataFrame:
        """The profile of each persona."""
        return self.profile


def features_of(rules: Iterable[Persona]) -> tuple[str, ...]:
    """The features that the rules name.

    >>> from churnml.config import Persona
    >>> features_of([Persona(name="quiet", when=("days_since_event > 30", "trend_30d < 0.5"))])
    ('days_since_event', 'trend_30d')
    """
    return tuple(dict.fromkeys(_parsed(condition)[0] for rule in rules for condition in rule.when))


def assign(rows: pd.DataFrame, rules: Sequence[Persona]) -> np.ndarray[Any, np.dtype[np.object_]]:
    """The persona of each row (n,): the name of the first rule all of whose conditions hold."""
    holds = [np.ones(len(rows), dtype=bool) for _ in rules]
    for place, rule in enumerate(rules):
        for condition in rule.when:
            name, sign, number = _parsed(condition)
            holds[place] &= _SAYS[sign](rows[name].to_numpy(dtype=float), number) if name in rows else False
    return np.select(holds, [rule.name for rule in rules], default="other").astype(object)


_FLAG = re.compile(r"1 (?:for|where) (.*)[;,] else 0")
"""How a feature describes itself that says yes or no."""
_WORDS = {"<": "below", "<=": "at most", ">": "above", ">=": "at least", "=": "equal to"}


def rules_in_words(rules: Sequence[Persona], cards: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Each rule as a sentence: persona, rule. `cards` describe features by `name` and `doc`; others are said to lack.

    >>> from churnml.config import Persona
    >>> cards = [{"name": "days_since_event", "doc": "Days since the last event of any kind."}]
    >>> rules_in_words([Persona(name="quiet", when=("days_since_event > 30",))], cards)["rule"].item()
    'days since the last event of any kind: above 30.'
    >>> cards = [{"name": "dark_matter", "doc": "1 for a customer whom service has never heard; else 0."}]
    >>> rules_in_words([Persona(name="dark matter", when=("dark_matter = 1",))], cards)["rule"].item()
    'a customer whom service has never heard.'
    """
    docs = {str(card["name"]): str(card.get("doc", card["name"])).rstrip(".") for card in cards}

    def said(condition: str) -> str:
        name, sign, number = _parsed(condition)
        if name not in docs:
            return f"{name} (which the features lack, so that nobody is told apart by it)"
        if (sign, number) == ("=", 1.0) and (flag := _FLAG.fullmatch(docs[name])):
            return flag[1]
        return f"{docs[name][:1].lower()}{docs[name][1:]}: {_WORDS[sign]} {number:g}"

    texts = ["; and ".join(map(said, rule.when)) or "everyone else" for rule in rules]
    return pd.DataFrame({"persona": [rule.name for rule in rules], "rule": [f"{text}." for text in texts]})


def preferred_channel(rows: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.object_]]:
    """The channel that each customer (n,) used most within a year, as the features name it; None where there is none.

    >>> preferred_channel(pd.DataFrame({"prefers_channel_app": [1.0, 0.0], "prefers_channel_web": [0.0, 0.0]})).tolist()
    ['app', None]
    """
    chosen = np.full(len(rows), None, dtype=object)
    for name in [str(name) for name in rows if str(name).startswith(PREFERS)]:
        chosen[rows[name].to_numpy(dtype=float) == 1] = name.removeprefix(PREFERS).replace("_", " ")
    return chosen


def _parsed(condition: str) -> tuple[str, str, float]:
    name, sign, number = _PARTS.fullmatch(condition.strip()).groups()  # type: ignore[union-attr]
    return name, sign, float(number)


def personas(ledger: Ledger, rules: Sequence[Persona]) -> Personas:
    """Name every customer at snapshots a month apart, and follow them from one to the next."""
    both = ledger.everything
    months = _monthly(both["as_of"])
    both = both[both["as_of"].isin(months)]
    both = both.assign(persona=assign(both, rules))
    names = [rule.name for rule in rules]
    past = ledger.rows.assign(persona=assign(ledger.rows, rules))
    missing = {name: why for name in features_of(rules) if (why := ledger.lacks(name))}
    return Personas(
        counts=_counts(both, names),
        flows=_flows(both, months),
        profile=_profile(ledger.today.assign(persona=assign(ledger.today, rules)), past, names),
        rules=rules_in_words(rules, ledger.cards),
        missing=missing,
    )


def _monthly(stamps: pd.Series) -> list[pd.Timestamp]:
    """The last snapshot, and those a month or more apart before it."""
    found: list[pd.Timestamp] = []
    for stamp in sorted(stamps.unique(), reverse=True):
        if not found or (found[-1] - stamp).days >= MONTH:
            found.append(pd.Timestamp(stamp))
    return found[::-1]


def _counts(both: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    rows = []
    for as_of, part in both.groupby("as_of", sort=True):
        for name in names:
            share = clustered_share(part["persona"] == name, part["group_id"])
            rows.append((as_of, name, share.hits, share.share, share.low, share.high))
    return pd.DataFrame(rows, columns=["as_of", "persona", "customers", "share", "low", "high"])


def _flows(both: pd.DataFrame, months: Sequence[pd.Timestamp]) -> pd.DataFrame:
    parts = []
    for since, as_of in itertools.pairwise(months):
        first = both.loc[both["as_of"] == since, ["customer_id", "persona", "outcome"]]
        then = both.loc[both["as_of"] == as_of, ["customer_id", "persona"]]
        joined = first.merge(then, on="customer_id", how="outer", suffixes=("_before", "_after"))
        gone = joined["outcome"].map({SILENT: LEFT_SILENTLY, VOCAL: LEFT_ALOUD}).fillna(AWAY)
        before, after = joined["persona_before"].fillna(NEW), joined["persona_after"].fillna(gone)
        counted = pd.DataFrame({"before": before, "after": after}).value_counts().rename("customers").reset_index()
        parts.append(counted.sort_values(["before", "after"]).assign(since=since, as_of=as_of))
    columns = ["since", "as_of", "before", "after", "customers"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _profile(today: pd.DataFrame, past: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    rows = []
    for name in names:
        now, then = today[today["persona"] == name], past[past["persona"] == name]
        known = now[now["value"].notna()]
        mean = clustered_ratio(known["value"], np.ones(len(known)), known["group_id"])
        silent = clustered_share(then["outcome"] == SILENT, then["group_id"])
        aloud = clustered_share(then["outcome"] == VOCAL, then["group_id"])
        rows.append(
            (
                name,
                len(now),
                len(now) / max(1, len(today)),
                mean.ratio,
                mean.low,
                mean.high,
                silent.share,
                silent.low,
                silent.high,
                aloud.share,
            )
        )
    columns = ["persona", "customers", "share", "mean_value", "value_low", "value_high", "left_silently", "silent_low"]
    return pd.DataFrame(rows, columns=[*columns, "silent_high", "left_aloud"])
