"""Definitions of leaving: held against the labels themselves, hand-made logs, and a company whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from churnml.config import Config
from churnml.engine import Engine
from churnml.insights.definition import Definition, compare, facts, outcomes
from churnml.insights.silences import curve, returns, silences, suggest
from churnml.outcomes import label
from churnml.sources import Canonical, build
from churnml.timeline import observe

KNOWN = date(2024, 12, 1)
SNAPSHOTS = (date(2024, 5, 1), date(2024, 7, 10))


def crowd(shop: Any, customers: int = 60) -> None:
    """Customers with every sort of end: silence, closure, an agreed end, voice here and there, books kept late."""
    draw = np.random.default_rng(3)
    first = date(2024, 1, 1)
    for number in range(customers):
        name, last = f"c{number:02d}", int(draw.integers(60, 330))
        away = range(last // 3, last // 3 + 45) if number % 5 == 2 else range(0)
        shop.customer(name, until=str(first + timedelta(days=last + 30)) if number % 7 == 0 else None)
        for day in np.cumsum(draw.integers(2, 40, size=60)):
            if day < last and day not in away:
                at = first + timedelta(days=int(day))
                shop.event(name, "purchase", f"{at} 09:00", str(at + timedelta(days=int(draw.integers(1, 9)))))
        for day in draw.integers(30, last + 20, size=2):
            at = first + timedelta(days=int(day))
            shop.event(name, "complaint", f"{at} 12:00", channel="forum" if number % 3 == 0 else "web")
        if away:  # comes back
            at = first + timedelta(days=away.start)
            shop.event(name, "closed", str(at), str(at + timedelta(days=30 * (number % 4))))
        if number % 4 == 0:
            at = first + timedelta(days=last)
            shop.event(name, "closed", str(at), str(at + timedelta(days=20 * (number % 3))))


def sources(shop: Any, config: Config, engine: Engine) -> Canonical:
    return build(config, engine, shop.write())


@pytest.mark.parametrize("by", ["closure", "inactivity", "either"])
def test_every_definition_labels_as_the_data_set_does(
    shop: Any, configured: Callable[..., Config], engine: Engine, by: str
) -> None:
    crowd(shop)
    config = configured(
        defection=f"{{by: {by}, of: [purchase]}}", snapshots="{every: 30 days, horizon_days: 30, lead_days: 5}"
    )
    canonical = sources(shop, config, engine)
    found = facts(canonical, config, engine, SNAPSHOTS, KNOWN, 60)
    seen: set[str] = set()
    for definition in (Definition(60, 30), Definition(25, 30), Definition(60, 75)):
        eligible = config.eligible.model_copy(update={"active_within_days": definition.active_within_days})
        rule = config.snapshots.model_copy(update={"horizon_days": definition.horizon_days})
        as_defined = config.model_copy(update={"eligible": eligible, "snapshots": rule})
        expected: dict[tuple[pd.Timestamp, str], str] = {}
        for as_of in SNAPSHOTS:
            spine = observe(canonical, as_defined, as_of).spine
            labels = engine.frame(label(canonical, as_defined, spine, as_of, KNOWN)).dropna(subset="outcome")
            expected |= {(pd.Timestamp(as_of), row.customer_id): row.outcome for row in labels.itertuples()}
        told = found.assign(outcome=outcomes(found, config, definition)).dropna(subset="outcome")
        assert {(row.as_of, row.customer_id): row.outcome for row in told.itertuples()} == expected
        seen |= set(expected.values())
    assert seen == {"retained", "silent", "vocal"}


def test_what_is_recorded_later_changes_nothing(
    shop: Any, configured: Callable[..., Config], engine: Engine, tmp_path: Path
) -> None:
    crowd(shop)
    config = configured()
    known = date(2024, 9, 1)
    before = sources(shop, config, engine)
    told = (silences(before, config, engine, known), facts(before, config, engine, SNAPSHOTS, known, 60))
    shop.facts = [
        fact
        for fact in shop.facts
        if fact["at"] < "2024-09-01" and (fact["known"] is None or fact["known"] < "2024-09-01")
    ]
    shop.event("c01", "purchase", "2024-05-03", "2024-09-01").event("c02", "closed", "2024-05-03", "2024-10-01")
    shop.event("c03", "purchase", "2024-09-01").event("c05", "purchase", "2024-09-20")
    after = sources(shop, config, engine)
    pd.testing.assert_frame_equal(silences(after, config, engine, known), told[0])
    pd.testing.assert_frame_equal(facts(after, config, engine, SNAPSHOTS, known, 60), told[1])


def test_silences_by_hand(shop: Any, configured: Callable[..., Config], engine: Engine) -> None:
    shop.customer("ann").event("ann", "purchase", "2024-01-01").event("ann", "purchase", "2024-01-08 10:00")
    shop.event("ann", "purchase", "2024-01-08 18:00").event("ann", "complaint", "2024-01-20")
    shop.event("ann", "purchase", "2024-02-07")
    shop.customer("bob", until="2024-06-01").event("bob", "purchase", "2024-01-01").event("bob", "closed", "2024-03-01")
    found = silences(sources(shop, configured(), engine), configured(), engine, date(2024, 4, 1))
    rows = found.assign(began=found["began"].dt.strftime("%m-%d")).fillna(-1).drop(columns="group_id")
    assert rows.values.tolist() == [
        ["ann", "01-08", 30.0, -1.0, -1.0],  # a week from the 1st to the 8th is too short to be one
        ["ann", "02-07", -1.0, -1.0, -1.0],  # still open
        ["bob", "01-01", -1.0, 60.0, 152.0],
    ]


def silence(began: str, broken: float | None, closed: float | None = None, ends: float | None = None) -> dict[str, Any]:
    return {"began": began, "broken_after": broken, "closed_after": closed, "ends_after": ends}


def test_a_silence_counts_only_if_it_can_be_followed() -> None:
    until = date(2024, 4, 10)  # 100 days after the new year
    found = pd.DataFrame(
        [
            silence("2024-01-01", 41),  # broken on the first day after 40
            silence("2024-01-01", 60),
            silence("2024-01-01", 61),  # too late to count as broken within 20 more days
            silence("2024-01-01", None),
            silence("2024-01-01", 40),  # does not last 40 days
            silence("2024-01-01", None, closed=30),  # gone, not silent
            silence("2024-01-01", None, closed=45),
            silence("2024-01-01", None, ends=60),  # ends before it is followed to the end
            silence("2024-02-10", None),  # the books reach 60 days from there, 61 are needed
            silence("2024-02-10", 41),
            silence("2024-02-09", 41),
        ]
    )
    found = found.assign(began=pd.to_datetime(found["began"]), customer_id=range(11), group_id=range(11))
    found[["closed_after", "ends_after"]] = found[["closed_after", "ends_after"]].astype(float)
    row = returns(found, until, [40], 20).iloc[0]
    assert (row["silences"], row["returned"]) == (6, 0.5)


def test_the_suggestion_finds_where_breaks_end() -> None:
    """Three customers of ten make one break of 50 days, one leaves; nobody is quiet for longer and comes back."""
    draw = np.random.default_rng(1)
    rows = []
    for number in range(400):
        began = pd.Timestamp("2024-01-01") + pd.Timedelta(days=int(draw.integers(0, 60)))
        gap = {0: np.nan, 1: 50.0, 2: 50.0, 3: 50.0}.get(number % 10, 9.0)
        rows.append({"customer_id": number, "group_id": number, "began": began, "broken_after": gap})
    found = pd.DataFrame(rows).assign(closed_after=np.nan, ends_after=np.nan)
    seen = curve(found, date(2025, 1, 1), 60)
    by_length = seen.set_index("quiet_days")["returned"]
    assert by_length[7] == 0.9 and by_length[14] == by_length[49] == 0.75 and by_length[56] == 0
    assert suggest(seen, 0.1, 60).quiet_days == 56
    assert suggest(seen, 0.8, 60).quiet_days == 14
    assert suggest(curve(found, date(2024, 3, 1), 60), 0.1, 60).quiet_days is None  # nothing can be followed
    hidden = suggest(curve(found, date(2024, 4, 20), 60), 0.1, 60)
    assert hidden.quiet_days is None and "were broken" in hidden.why


def test_who_comes_back_and_who_is_shared(shop: Any, configured: Callable[..., Config], engine: Engine) -> None:
    days = {"stays": ["2024-03-05", "2024-04-15"], "back": ["2024-04-25"], "soon": ["2024-03-20"], "gone": []}
    for name, later in days.items():
        shop.customer(name).event(name, "purchase", "2024-02-20")
        for day in later:
            shop.event(name, "purchase", day)
    shop.event("gone", "complaint", "2024-02-25")
    config = configured()
    found = facts(sources(shop, config, engine), config, engine, [date(2024, 3, 1)], KNOWN, 60)
    about = {"until": KNOWN, "follow_days": 30}
    table, agreement = compare(found, config, [Definition(60, 10), Definition(60, 30)], **about)
    short, usual = table.to_dict(orient="records")
    assert (short["leavers"], usual["leavers"]) == (3, 2) and usual["configured"] and not short["configured"]
    assert (short["followed"], short["back"]) == (3, pytest.approx(1 / 3))  # soon; back comes back too late
    assert (usual["back"], usual["silent"], usual["same_leavers"]) == (0.5, 0.5, 1.0)
    assert short["same_leavers"] == agreement["same_leavers"].item() == pytest.approx(2 / 3)
    late, _ = compare(found, config, [Definition(60, 30)], until=date(2024, 4, 20), follow_days=30)
    assert late["followed"].item() == 0 and np.isnan(late["back"].item())
