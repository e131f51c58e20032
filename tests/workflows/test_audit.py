"""What the audit holds models against."""

from __future__ import annotations

from collections.abc import Callable

from churnml.config import Config
from churnml.contract import EVENTS
from churnml.features.recipe import Recipe
from churnml.features.registry import Inventory
from churnml.workflows.audit import recency_of_engagement


def test_only_the_recency_of_engagement_may_know_the_outcome(configured: Callable[..., Config]) -> None:
    """A mail sent because somebody left would be its own yardstick."""
    found = Inventory(dict.fromkeys(("purchase", "outreach_sent", "contact"), frozenset(EVENTS)), ("web",))
    recipe = Recipe.of(configured(features="{families: [recency, value]}"), found)
    names = recency_of_engagement(recipe)
    assert {"days_since_engagement", "engagement_30d", "overdue_ratio"} <= names
    others = {"days_since_outreach_sent", "outreach_sent_events_30d", "days_since_contact", "amount_30d"}
    assert others <= set(recipe.columns) and not others & names
