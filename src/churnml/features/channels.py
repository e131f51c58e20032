"""Channels: which ones the customer uses, how the mix drifts, and whether the company can hear them there."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import ibis
import ibis.expr.types as ir

from churnml.features.expressions import count, flag, monitored, of, ratio, rows_of, within
from churnml.features.registry import CHANNEL_LIMIT, Context, Feature, Inventory, Needs, safe
from churnml.features.sentences import YES_OR_NO, noun, nouns, plain, plural

channel = partial(
    Feature, family="channels", grain="channel", theme="channel mismatch", needs=Needs(columns=("channel",))
)


def declare(context: Context, inventory: Inventory) -> Iterator[Feature]:
    """Declare the features of the family."""
    yield from _each(inventory)
    yield from _mix()
    yield from _preferred()
    yield from _seen(context)
    yield from _own_kinds(context)


def _each(inventory: Inventory) -> Iterator[Feature]:
    for name in inventory.channels[:CHANNEL_LIMIT]:
        said = plain(name)
        for window in (30, 90):
            yield channel(
                name=f"channel_share_{safe(name)}_{window}d", unit="share",
                doc=f"Share of the customer's events of the last {window} days that are on channel {said}.",
                sentence=f"{{value:share}} of the events of the last {window} days on channel {said}"
                "[; typical is {usual:share}]",
                sentence_empty=f"No event on any channel in the last {window} days",
                expression=lambda t, name=name, n=f"n_{window}": ratio(
                    t[n].sum(where=t.channel == name).fill_null(0), t[n].sum()
                ),
            )  # fmt: skip
        yield channel(
            name=f"days_since_channel_{safe(name)}", unit="days",
            doc=f"Days since the customer last used channel {said}.",
            sentence=f"Channel {said} not used for {{value:days}}[; typical is {{usual:days}}]",
            sentence_low=f"Channel {said} used {{value:days}} ago[; typical is {{usual:days}}]",
            sentence_empty=f"Channel {said} never used",
            expression=lambda t, name=name: t.last_days.min(where=t.channel == name),
        )  # fmt: skip
        yield channel(
            name=f"prefers_channel_{safe(name)}", unit=YES_OR_NO,
            doc=f"1 where channel {said} is the one the customer used most in the last 365 days, else 0.",
            sentence=f"Prefers channel {said}",
            sentence_low=f"Does not prefer channel {said}",
            sentence_empty="No preferred channel: none used in the last 365 days",
            expression=lambda t, name=name: (count(t, t.preferred) > 0).ifelse(
                flag(count(t, t.preferred, t.channel == name) > 0), ibis.null("float64")
            ),
        )  # fmt: skip


def _mix() -> Iterator[Feature]:
    yield channel(
        name="channels_used_90d", unit="channels", empty=0.0,
        doc="Number of different channels used in the last 90 days.",
        sentence="{value:count channel} used in the last 90 days[; typical is {usual}]",
        expression=lambda t: count(t, t.n_90 > 0),
    )  # fmt: skip
    yield channel(
        name="channel_entropy_90d", unit="bits",
        doc="How evenly the events of the last 90 days spread over channels: Shannon's entropy, 0 for one channel.",
        sentence="Spread over channels in the last 90 days: {value}, where 0 is a single one[; typical is {usual}]",
        sentence_empty="No event on any channel in the last 90 days",
        expression=lambda t: t.bits_90.sum(),
    )  # fmt: skip
    yield channel(
        name="channel_concentration_90d", unit="share",
        doc="Share of the events of the last 90 days that are on the customer's most used channel of that time.",
        sentence="{value:share} of the events of the last 90 days on a single channel[; typical is {usual:share}]",
        sentence_empty="No event on any channel in the last 90 days",
        expression=lambda t: t.share_90.max(),
    )  # fmt: skip
    yield channel(
        name="channel_drift_90d", unit="score",
        doc="How far the mix of channels of the last 30 days has moved from that of the 150 days before: "
        "Jensen-Shannon divergence to base 2, 0 for the same mix and 1 for no channel in common.",
        sentence="The mix of channels has moved by {value:share} of the most it could[; typical is {usual:share}]",
        sentence_empty="No channels to compare in the last 30 days and before",
        expression=lambda t: t.divergence.sum(),
    )  # fmt: skip
    yield channel(
        name="new_channels_30d", unit="channels",
        doc="Number of channels used in the last 30 days for the first time.",
        sentence="{value:count channel} taken up in the last 30 days[; typical is {usual}]",
        sentence_empty="No channel used before the last 30 days",
        expression=lambda t: count(t, (t.first_days <= 30).fill_null(False)) + _history(t),
    )  # fmt: skip
    yield channel(
        name="abandoned_channels_30d", unit="channels", empty=0.0,
        doc="Number of channels used in the 150 days before, and no more in the last 30.",
        sentence="{value:count channel} given up in the last 30 days[; typical is {usual}]",
        expression=lambda t: count(t, t.n_before > 0, t.n_30 == 0),
    )  # fmt: skip


def _own_kinds(context: Context) -> Iterator[Feature]:
    """For the kinds of event that the configuration declares, what the channels tell of them."""
    for kind in context.own_kinds:
        what, needs = plural(noun(kind)), Needs((kind,), columns=("channel",))

        def mine(t: ir.Table, kind: str = kind) -> Any:
            return of(t, (kind,)) & within(t, 365) & t.channel.notnull()

        yield channel(
            name=f"{safe(kind)}_channels_365d", unit="channels", grain="event", needs=needs, empty=0.0,
            doc=f"Number of different channels of the {what} of the last 365 days.",
            sentence=f"{{value:count channel}} of {what} in the last 365 days[; typical is {{usual}}]",
            expression=lambda t, mine=mine: t.channel.nunique(where=mine(t)),
        )  # fmt: skip
        for part, said, names in (
            ("digital", "digital channels", context.digital_channels),
            ("dark", "channels that the company does not monitor", context.dark_channels),
        ):
            yield channel(
                name=f"{safe(kind)}_{part}_share_365d", unit="share", grain="event",
                needs=Needs((kind,), columns=("channel",), settings=(f"{part}_channels",)),
                doc=f"Share of the {what} of the last 365 days that are on {said}.",
                sentence=f"{{value:share}} of the {what} of the last 365 days on {said}[; typical is {{usual:share}}]",
                sentence_empty=f"No channel is known of {what} in the last 365 days",
                expression=lambda t, mine=mine, names=names: ratio(
                    count(t, mine(t), t.channel.isin(names).fill_null(False)), count(t, mine(t))
                ),
            )  # fmt: skip


def _history(table: object) -> object:
    """0 where the customer used any channel before the last 30 days, else null."""
    first = table.first_days.max()  # type: ignore[attr-defined]
    return (first > 30).ifelse(0, None)


def _preferred() -> Iterator[Feature]:
    yield channel(
        name="days_since_preferred_channel", unit="days",
        doc="Days since the customer last used the channel they used most in the last 365 days.",
        sentence="The customer's preferred channel not used for {value:days}[; typical is {usual:days}]",
        sentence_low="The customer's preferred channel used {value:days} ago[; typical is {usual:days}]",
        sentence_empty="No preferred channel: none used in the last 365 days",
        expression=lambda t: t.last_days.min(where=t.preferred),
    )  # fmt: skip
    yield channel(
        name="preferred_channel_share_90d", unit="share",
        doc="Share of the events of the last 90 days on the channel the customer used most in the last 365 days.",
        sentence="{value:share} of the events of the last 90 days on the customer's preferred channel"
        "[; typical is {usual:share}]",
        sentence_empty="No event on any channel in the last 90 days",
        expression=lambda t: t.share_90.max(where=t.preferred),
    )  # fmt: skip
    yield channel(
        name="outreach_off_preferred_share_90d", unit="share",
        needs=Needs(("outreach_sent",), columns=("channel",)),
        doc="Share of the messages sent in the last 90 days on another channel than the customer's preferred one.",
        sentence="{value:share} of the messages of the last 90 days were sent on another channel than the customer's "
        "preferred one[; typical is {usual:share}]",
        sentence_empty="No message sent in the last 90 days",
        expression=lambda t: ratio(t.sent_90.sum(where=~t.preferred).fill_null(0), t.sent_90.sum()),
    )  # fmt: skip


def _seen(context: Context) -> Iterator[Feature]:
    for name, what, channels, setting in (
        ("digital_share_90d", "digital channels", context.digital_channels, "digital_channels"),
        ("dark_share_90d", "channels that the company does not monitor", context.dark_channels, "dark_channels"),
    ):
        yield channel(
            name=name, unit="share", needs=Needs(columns=("channel",), settings=(setting,)),
            doc=f"Share of the customer's events of the last 90 days that are on {what}.",
            sentence=f"{{value:share}} of the events of the last 90 days on {what}[; typical is {{usual:share}}]",
            sentence_empty="No event on any channel in the last 90 days",
            expression=lambda t, channels=channels: ratio(
                t.n_90.sum(where=t.channel.isin(channels)).fill_null(0), t.n_90.sum()
            ),
        )  # fmt: skip
    service = nouns(context.service_kinds)
    yield channel(
        name="dark_matter", unit=YES_OR_NO, grain=rows_of(context.service_kinds, context), empty=1.0,
        needs=Needs(context.service_kinds),
        theme="unheard feedback",
        doc="1 for a customer whom service has never heard, as far as the books go back: "
        f"no {service} on any monitored channel; else 0.",
        sentence="Service has not heard from this customer, as far as the books go back",
        sentence_low="Service has heard from this customer before",
        expression=lambda t: flag(
            count(t, of(t, context.service_kinds), monitored(t, context.dark_channels)) == 0
        ),
    )  # fmt: skip
