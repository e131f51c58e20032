"""The scores of a night as rows of a PostgreSQL table: one transaction, and the same night twice changes nothing."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import pyarrow as pa

from churnml import postgres
from churnml.config import PostgresSink
from churnml.scoring.consent import contactable

KEY = ("as_of", "customer_id")


def write_rows(scores: pa.Table, as_of: date, sink: PostgresSink, withheld: Collection[str]) -> int:
    """Make the table's rows of this night those of the scores, but for who may not be contacted; gives rows touched.

    Readers see the night before or the whole of this one.
    """
    with postgres.connected(sink.url) as connection:
        rows = contactable(scores, withheld)
        return postgres.upsert(connection, sink.table, rows, KEY, within=("as_of", as_of))


def forget(customer: str, sink: PostgresSink) -> int:
    """Remove a customer from every night of the table; gives how many rows went."""
    with postgres.connected(sink.url) as connection:
        return postgres.delete(connection, sink.table, "customer_id", customer)
