"""Write docs/features.md, the catalogue of all features, from the registry: `python docs/make_catalogue.py`."""

from __future__ import annotations

from pathlib import Path

from churnml.contract import EVENTS, KINDS
from churnml.features.registry import FAMILIES, Context, Declared, Feature, Inventory, declare

PAGE = Path(__file__).parent / "features.md"
CHANNELS = ("app", "web", "phone", "forum")
INTRODUCTION = """# The features

Every feature that churnml can build, generated from the registry by `python docs/make_catalogue.py`. A company gets
those whose inputs its data have. The others are switched off; training keeps the list with the reasons, and the report
shows it.

Names that hold a channel or a kind of event are made from the data: here from the channels {channels}
and all kinds of the [contract](guide.md#events). At most the twelve most common channels get features of their own.
*Empty* is the value of a customer without any such history; a dash means that the value stays missing, which the
model can use as such. *Worse* is the side of the usual value on which a customer has met what the theme is called by:
only what lies there bears out a [likely reason](guide.md#reasons) or is said as a reason to leave, and only what lies
on the other side as one to stay (but of days since something bad nothing is). With a dash neither side tells.
Attributes of the customers that the configuration declares are features too (theme "about the customer"), unless they
are protected.

{count} features in {families} families.
"""


def everything() -> Declared:
    """All features, as declared for data in which nothing is missing."""
    columns = frozenset(EVENTS)
    inventory = Inventory(dict.fromkeys(sorted(KINDS), columns), CHANNELS)
    return declare(Context(digital_channels=("app", "web"), dark_channels=("forum",)), inventory)


def catalogue() -> str:
    """The whole page."""
    declared = everything()
    assert not declared.switched_off, declared.switched_off
    parts = [
        INTRODUCTION.format(
            channels=", ".join(f"`{channel}`" for channel in CHANNELS),
            count=len(declared.features),
            families=len(FAMILIES),
        )
    ]
    for family in FAMILIES:
        features = [feature for feature in declared.features if feature.family == family]
        head = [
            f"## {family} ({len(features)})",
            "",
            "| feature | what it is | unit | theme | empty | worse |",
            "|---|---|---|---|---|---|",
        ]
        parts.append("\n".join([*head, *(_row(feature) for feature in features)]) + "\n")
    return "\n".join(parts)


def _row(feature: Feature) -> str:
    empty = "-" if feature.empty is None else f"{feature.empty:g}"
    doc = " ".join(feature.doc.split()).replace("|", "\\|")
    return f"| `{feature.name}` | {doc} | {feature.unit} | {feature.theme} | {empty} | {feature.worse or '-'} |"


if __name__ == "__main__":
    PAGE.write_text(catalogue(), encoding="utf-8")
