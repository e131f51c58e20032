from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churnml.errors import DataError
from churnml.insights.silent_share import silent_share


def table(rows):
    return pd.DataFrame(rows, columns=["customer_id", "group_id", "as_of", "outcome", "friction"])


def leavers(silent, vocal, friction=None):
    outcomes = ["silent"] * silent + ["vocal"] * vocal
    return table([(f"c{i}", f"c{i}", "2026-01-01", outcome, friction) for i, outcome in enumerate(outcomes)])


def test_a_customer_seen_leaving_twice_counts_once_at_the_first():
    seen = table(
        [
            ("a", "a", "2026-01-29", "silent", None),
            ("a", "a", "2026-01-01", "vocal", None),
            ("b", "b", "2026-01-01", "silent", None),
            ("c", "c", "2026-01-01", "retained", None),
        ]
    )
    found = silent_share(seen)
    assert (found.overall.leavers, found.overall.silent, found.share) == (2, 1, 0.5)
    assert found.by_snapshot[["as_of", "customers", "retained", "silent", "vocal"]].values.tolist() == [
        ["2026-01-01", 3, 1, 1, 1],
        ["2026-01-29", 1, 0, 1, 0],
    ]


@pytest.mark.parametrize(
    ("silent", "vocal", "verdict"),
    [(70, 30, "below"), (96, 4, "compatible"), (1000, 0, "above"), (9, 1, "too few to say"), (0, 0, "too few to say")],
)
def test_verdict_on_the_common_figure(silent, vocal, verdict):
    found = silent_share(leavers(silent, vocal)) if silent else silent_share(leavers(0, 0))
    assert found.overall.verdict == verdict
    if silent:
        assert 0 <= found.low <= found.share <= found.high <= 1
        assert found.verdict.lower().startswith(verdict[:5])
        assert "96%" in found.verdict


def test_where_no_word_of_anybody_is_on_record_silence_says_nothing():
    """A shop whose complaints are not mapped: that all leavers were silent is no finding."""
    silent = leavers(1000, 0).assign(voiced=False)
    found = silent_share(silent)
    assert (found.share, found.overall.verdict) == (1.0, "nobody spoke")
    assert "is not known: the data has no word of any customer" in found.verdict
    stayed = table([("x", "x", "2026-01-01", "retained", None)]).assign(voiced=True)
    assert silent_share(pd.concat([silent, stayed])).overall.verdict == "above", "one who stayed was heard"
    while_leaving = leavers(1000, 1).assign(voiced=False)
    assert silent_share(while_leaving).overall.verdict == "above"


def test_a_narrow_interval_is_told_with_the_digits_it_takes():
    assert "99.8% to 100.0% never said a word" in silent_share(leavers(2999, 1)).verdict


def test_interval_is_wilsons_for_independent_leavers():
    found = silent_share(leavers(80, 20))
    assert (round(found.low, 4), round(found.high, 4)) == (0.7112, 0.8666)


def test_leavers_of_one_household_count_as_less():
    single = leavers(80, 20)
    households = single.assign(group_id=[f"g{i // 5}" for i in range(100)])
    narrow, wide = silent_share(single), silent_share(households)
    assert wide.share == narrow.share
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    draw = np.random.default_rng(5)
    inside = 0
    for _ in range(200):
        found = silent_share(leavers(silent := int(draw.binomial(60, 0.85)), 60 - silent))
        inside += found.low <= 0.85 <= found.high
    assert inside >= 184


def test_after_friction_is_of_those_known_to_have_met_it():
    met = leavers(50, 50, True)
    calm = leavers(100, 0, False).assign(customer_id=lambda frame: "d" + frame["customer_id"])
    unknown = leavers(7, 0, None).assign(customer_id=lambda frame: "e" + frame["customer_id"])
    found = silent_share(pd.concat([met, calm, unknown]))
    assert found.after_friction is not None
    assert (found.after_friction.leavers, found.after_friction.share) == (100, 0.5)
    assert found.overall.leavers == 207
    assert found.frame()["population"].tolist() == ["everyone who left", "those who left after friction"]


def test_without_friction_data_nothing_is_said_about_it():
    assert silent_share(leavers(30, 10)).after_friction is None
    assert silent_share(leavers(30, 10).drop(columns="friction")).after_friction is None


def test_bad_tables_are_refused():
    with pytest.raises(DataError, match="group_id"):
        silent_share(leavers(2, 1).drop(columns="group_id"))
    with pytest.raises(DataError, match="twice"):
        silent_share(pd.concat([leavers(2, 1), leavers(1, 0)]))
