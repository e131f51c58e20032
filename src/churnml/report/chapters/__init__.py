"""The insights in words: for each a heading, what was found in a sentence or two, and tables.

The command line prints them, and the page shows them.
"""

from __future__ import annotations

from churnml.insights.findings import Insights
from churnml.report.chapters.chapter import Chapter
from churnml.report.chapters.hearing import blind_spot, launches, unheard
from churnml.report.chapters.kinds import onboarding, personas
from churnml.report.chapters.leaving import answers, friction, silent
from churnml.report.chapters.scorecard import ways

__all__ = ["Chapter", "chapters"]


def chapters(found: Insights) -> tuple[Chapter, ...]:
    """All insights in the order in which they are told."""
    return (
        silent(found),
        friction(found),
        answers(found),
        unheard(found),
        launches(found),
        blind_spot(found),
        onboarding(found),
        personas(found),
        ways(found),
    )
