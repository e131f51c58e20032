"""The channel of a contact: the preferred one as far as contacts go out there, and what it costs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from churnml.targeting.reach import reach

X = pd.DataFrame(
    {
        "prefers_channel_in_app_chat": [1.0, 0.0, np.nan, np.nan, 0.0],
        "prefers_channel_forum": [0.0, 1.0, np.nan, np.nan, 0.0],
        "prefers_channel_phone": [0.0, 0.0, np.nan, np.nan, 1.0],
        "channel_share_in_app_chat_90d": [0.9, 0.2, np.nan, 0.5, 0.0],
        "channel_share_in_app_chat_30d": [0.9, 0.0, np.nan, 0.5, 0.0],
        "channel_share_phone_90d": [0.1, 0.3, np.nan, 0.5, 1.0],
        "channel_share_phone_30d": [0.1, 0.0, np.nan, 0.6, 1.0],
    }
)


def test_the_preferred_channel_or_else_the_one_used_lately_or_else_the_cheapest() -> None:
    found = reach(X, {"In-app chat": 0.5, "phone": 4.0, "letter": 0.2}, 9.0)
    assert found.channel.tolist() == ["In-app chat", "phone", "letter", "phone", "phone"]
    assert found.cost.tolist() == [0.5, 4.0, 0.2, 4.0, 4.0]


def test_names_are_the_same_whatever_their_capitals_and_underscores() -> None:
    for name in ("in_app_chat", "IN APP CHAT", "In-App_Chat"):
        assert reach(X, {name: 1.0, "letter": 0.0}, 9.0).channel[0] == name


def test_without_channels_it_is_the_preferred_one_at_one_cost() -> None:
    found = reach(X, {}, 9.0)
    assert found.channel.tolist() == ["in app chat", "forum", None, None, "phone"] and set(found.cost) == {9.0}


def test_without_features_it_is_the_cheapest_and_by_name_among_equals() -> None:
    blind = pd.DataFrame(index=range(3))
    assert reach(blind, {"post": 1.0, "mail": 1.0, "visit": 5.0}, 9.0).channel.tolist() == ["mail"] * 3
    assert reach(blind, {}, 9.0).channel.tolist() == [None] * 3
    assert len(reach(blind.iloc[:0], {"post": 1.0}, 9.0).cost) == 0
