"""A few redacted words of customers, for the report."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from churnml.config import Config
from churnml.insights.quotes import Quotes
from churnml.insights.quotes import quotes as choose
from churnml.workflows.business import Progress, open_business, silently, takes_path


@takes_path
def quotes(config: Config, *, as_of: date, root: Path | None = None, progress: Progress = silently) -> Quotes:
    """Read what customers wrote in the year before `as_of`, and choose a few texts to show, redacted.

    Raises
    ------
    DataError
        The data is missing.
    ContractError
        The data breaks the contract.
    """
    with open_business(config, root, progress) as business:
        progress("reading what customers wrote", 0, 1)
        found = choose(business.canonical, config, business.engine, as_of)
        progress("reading what customers wrote", 1, 1)
    return found
