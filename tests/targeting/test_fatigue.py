"""Who has been in a campaign lately, as known then, from the tables of a small shop."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from churnml.config import Fatigue
from churnml.engine import Engine
from churnml.sources import Canonical, build
from churnml.targeting.fatigue import tired

AS_OF = date(2024, 3, 1)
USUAL = (Fatigue(),)


@pytest.fixture
def canonical(shop: Any, engine: Engine, configured: Any) -> Canonical:
    for name in ("never", "treated", "withheld", "long ago", "edge", "told late", "tomorrow", "mailed", "mailed twice"):
        shop.customer(name).event(name, "purchase", "2024-02-20")
    for name, kind, day in (
        *(("treated", "treatment", "2024-02-20"), ("withheld", "treatment_withheld", "2024-02-20")),
        *(("long ago", "treatment", "2024-01-30 23:59"), ("edge", "treatment", "2024-01-31")),
        *(("tomorrow", "treatment", "2024-03-01"), ("mailed", "outreach_sent", "2024-02-25")),
        *(("mailed twice", "outreach_sent", "2024-02-25"), ("mailed twice", "outreach_sent", "2024-02-26")),
    ):
        shop.event(name, kind, day)
    shop.event("told late", "treatment", "2024-02-20", known="2024-03-04")
    return build(configured(), engine, shop.write())


def test_a_contact_and_being_kept_from_one_count_alike_for_thirty_days(canonical: Canonical, engine: Engine) -> None:
    assert tired(canonical, engine, USUAL, AS_OF) == {"treated", "withheld", "edge"}


def test_what_was_recorded_later_counts_from_then_on(canonical: Canonical, engine: Engine) -> None:
    assert "told late" not in tired(canonical, engine, USUAL, date(2024, 3, 4))
    assert "told late" in tired(canonical, engine, USUAL, date(2024, 3, 5))
    assert "told late" in tired(canonical, engine, USUAL, AS_OF, date(2024, 3, 5))
    assert "tomorrow" not in tired(canonical, engine, USUAL, AS_OF, date(2024, 3, 5))


def test_every_rule_counts_its_own_kinds_and_none_lets_everybody_through(canonical: Canonical, engine: Engine) -> None:
    mails = Fatigue(kinds=("outreach_sent",), days=7, at_most=2)
    assert tired(canonical, engine, (mails,), AS_OF) == {"mailed twice"}
    assert tired(canonical, engine, (*USUAL, mails), AS_OF) == {"treated", "withheld", "edge", "mailed twice"}
    both = Fatigue(kinds=("outreach_sent", "treatment"), days=30, at_most=1)
    assert {"mailed", "treated"} <= tired(canonical, engine, (both,), AS_OF)
    assert tired(canonical, engine, (), AS_OF) == frozenset()
