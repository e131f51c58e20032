from __future__ import annotations

import json
import math

import pytest

from churnml.errors import ConfigError
from churnml.features.registry import Context, Inventory, declare, inventory

ACTIVITY = Inventory({"activity": frozenset({"channel"})}, ("web", "app"))


def test_a_missing_kind_switches_off_with_a_reason():
    off = declare(Context(), ACTIVITY).switched_off
    assert off["cases_365d"] == "needs kind case_opened, which the data does not have"
    assert (
        off["voice_events_90d"] == "needs one of the kinds complaint, cancel_requested, and the data has none of them"
    )


def test_a_missing_column_switches_off_with_a_reason():
    off = declare(Context(), ACTIVITY).switched_off
    assert off["session_seconds_30d"] == "needs column duration_s of activity, which is empty everywhere"


def test_a_missing_setting_switches_off_with_a_reason():
    off = declare(Context(), ACTIVITY).switched_off
    assert off["digital_share_90d"] == "needs digital channels, which the configuration does not name"
    assert "digital_share_90d" not in declare(Context(digital_channels=("web",)), ACTIVITY).switched_off


def test_without_sign_ups_tenure_and_onboarding_are_off():
    data = Inventory(ACTIVITY.kinds, ACTIVITY.channels, frozenset({"customer_id"}))
    off = declare(Context(), data).switched_off
    assert off["tenure_days"] == "needs customers.signed_up_at, which is empty everywhere"
    assert "engagement_first_7d" in off


def test_without_resolutions_no_case_is_called_open():
    data = Inventory({"case_opened": frozenset({"case_id"})})
    declared = declare(Context(), data)
    assert "open_cases" in declared.switched_off
    assert "cases_365d" in {feature.name for feature in declared.features}


def test_a_declared_kind_of_ones_own_gets_recency_frequency_and_channels(history, event):
    context = Context(digital_channels=("web", "app"), dark_channels=("forum",), own_kinds=("loan requested",))
    loans = [
        event("loan requested", age, channel=channel) for age, channel in ((3, "web"), (50, "branch"), (80, "web"))
    ]
    data = history(
        [*loans, event("loan requested", 400, channel="forum"), event("activity", 3, "bob")], {"ann": 500, "bob": 9}
    )
    matrix = data.matrix(context)
    expected = {
        "days_since_loan_requested": (3, None),
        "loan_requested_events_30d": (1, 0),
        "loan_requested_events_90d": (3, 0),
        "loan_requested_channels_365d": (2, 0),
        "loan_requested_digital_share_365d": (2 / 3, None),
        "loan_requested_dark_share_365d": (0, None),
    }
    for name, (ann, bob) in expected.items():
        assert matrix.loc["ann", name] == pytest.approx(ann), name
        assert matrix.loc["bob", name] == bob or (bob is None and math.isnan(matrix.loc["bob", name])), name
    assert matrix.loc["ann", "channel_entropy_90d"] > 0, "its channels are part of the customer's mix"


def test_a_declared_kind_that_the_data_lacks_is_off():
    off = declare(Context(own_kinds=("loan",)), ACTIVITY).switched_off
    assert off["loan_channels_365d"] == "needs kind loan, which the data does not have"


def test_every_channel_up_to_twelve_gets_features():
    data = Inventory({"activity": frozenset({"channel"})}, tuple(f"Room {n}" for n in range(20)))
    names = [feature.name for feature in declare(Context(), data).features]
    assert sum(name.startswith("channel_share_") and name.endswith("_90d") for name in names) == 12
    assert "channel_share_room_0_90d" in names and "channel_share_room_12_90d" not in names


def test_two_channels_with_one_name_are_refused():
    data = Inventory({"activity": frozenset({"channel"})}, ("Web-Shop", "web shop"))
    with pytest.raises(ConfigError, match="channel_share_web_shop_30d"):
        declare(Context(), data)


def test_excluded_features_are_off_but_may_still_be_used():
    declared = declare(Context(), ACTIVITY, exclude=("usual_gap_days",))
    assert declared.switched_off["usual_gap_days"] == "excluded by the configuration"
    assert "overdue_ratio" in {feature.name for feature in declared.features}


def test_only_the_families_asked_for():
    assert {feature.family for feature in declare(Context(), ACTIVITY, ("channels",)).features} == {"channels"}


@pytest.mark.parametrize("options", [{"families": ("recency", "astrology")}, {"exclude": ("no_such_feature",)}])
def test_unknown_names_are_configuration_errors(options):
    with pytest.raises(ConfigError, match=r"astrology|no_such_feature"):
        declare(Context(), ACTIVITY, **options)


def test_inventory_is_read_from_the_data(history, event):
    data = history(
        [
            event("activity", 3, channel="web", quantity=2),
            event("activity", 3, channel="app"),
            event("activity", 4, channel="app"),
            event("outreach_sent", 4, channel="email"),
            event("contact", 4, channel="phone", direction="outbound"),
            event(None, 4),
        ],
        {"ann": 5},
    )
    found = inventory(data.events, data.spine)
    assert set(found.kinds) == {"activity", "outreach_sent", "contact"}
    assert {"channel", "quantity"} <= found.kinds["activity"] and "amount" not in found.kinds["activity"]
    assert found.channels == ("app", "web"), "the company's own messages are nobody's channel"
    assert found.customers == {"customer_id", "tenure_days"}


def test_an_inventory_survives_json():
    found = Inventory({"activity": frozenset({"channel"})}, ("web",), frozenset({"signed_up_at"}))
    assert Inventory.from_json(json.loads(json.dumps(found.to_json()))) == found
