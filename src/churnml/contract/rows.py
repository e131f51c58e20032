"""The two clocks of a raw row: the time of each fact it states, and the time at which the row was written.

A row that was written long after its facts may have been changed with hindsight: what is mapped without `recorded_at`
is then seen before it was known. A fact that is dated after its row was written was copied back into it.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ibis

from churnml.contract.report import Violation
from churnml.engine import whole

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from churnml import config as settings
    from churnml.engine import Engine

_ENTERED = (
    "created entered booked found recorded logged inserted ingested loaded uploaded received stored imported extracted "
    "synced known noted typed "
    "erfasst angelegt gebucht verbucht eingetragen gefunden gespeichert geladen importiert erstellt "
    "cree saisi enregistre charge recu creado registrado cargado ingresado recibido "
    "aangemaakt geboekt ingevoerd geregistreerd creato inserito registrato caricato"
)
_UPDATED = (
    "updated modified changed written edited touched mod update modification "
    "geandert aktualisiert bearbeitet geschrieben modifie actualise actualizado modificado gewijzigd bijgewerkt "
    "modificato aggiornato"
)
ENTERED, UPDATED = frozenset(_ENTERED.split()), frozenset(_UPDATED.split())
"""Words in a column's name that say when a row was first, or last, written, in English, German, French, Spanish, Dutch
and Italian, without accents; `written_at` of a source names it."""
WHO = ("left", "closed")
"""Whose rows are compared with the others': all who left, as `defection.by` says, and those with a recorded closure."""
TOLERATED_ROWS = 0.01
"""Up to this share of a column's rows may lie more than a day from the writing of their row."""


@dataclass(frozen=True)
class RowClock:
    """One mapped time column against one clock of its row.

    Attributes
    ----------
    source, column, clock : the source's name, the mapped column, the column that says when the row was written
    updated : whether the clock says when the row was last written (else when it first was)
    rows : rows that have both times
    late : rows written more than a day after the fact (for an updated row: after the latest of all its facts)
    ahead : rows written more than a day before the fact they state
    rows_of_leavers, late_of_leavers : the same counts among customers who left, or closed, whichever tells more
    """

    source: str
    column: str
    clock: str
    updated: bool
    rows: int
    late: int
    ahead: int
    rows_of_leavers: int
    late_of_leavers: int

    def violations(self) -> list[Violation]:
        """What a reader of the contract's report must know: rows beyond what is tolerated, or a tilt to leavers."""
        found = []
        if self.often_late or self.tilted:
            advice = (
                f"the fact may be seen before it was known: map recorded_at, from {self.clock} if nothing else says"
            )
            if self.tilted:
                advice += f"; {self.late_of_leavers:,} of them are rows of customers who left"
            name = f"rows written more than a day after the fact, by {self.clock}"
            found.append(Violation(self.source, self.column, name, self.late, "warn", advice))
        if self.often_ahead:
            advice = "the column was filled back into earlier rows: map the row in which the fact was first written"
            name = f"rows written more than a day before the fact they state, by {self.clock}"
            found.append(Violation(self.source, self.column, name, self.ahead, "warn", advice))
        return found

    @property
    def often_late(self) -> bool:
        """Whether more rows than tolerated were written late."""
        return self.late > TOLERATED_ROWS * self.rows

    @property
    def often_ahead(self) -> bool:
        """Whether more rows than tolerated state what had not happened yet."""
        return self.ahead > TOLERATED_ROWS * self.rows

    @property
    def tilted(self) -> bool:
        """Whether late writing befalls rows of leavers at least twice as often as others, beyond five sigma.

        Then when the row was written tells who leaves, and so may what was written into it.
        """
        others, late = self.rows - self.rows_of_leavers, self.late - self.late_of_leavers
        if not others or not self.rows_of_leavers:
            return False
        often = self.late_of_leavers / self.rows_of_leavers >= 2 * late / others
        return often and self.sigmas > 5

    @property
    def sigmas(self) -> float:
        """By how many standard errors the share of late rows of leavers lies above that of others."""
        others, late = self.rows - self.rows_of_leavers, self.late - self.late_of_leavers
        if not others or not self.rows_of_leavers or not 0 < self.late < self.rows:
            return 0.0
        pooled = self.late / self.rows
        spread = (pooled * (1 - pooled) * (1 / self.rows_of_leavers + 1 / others)) ** 0.5
        return float((self.late_of_leavers / self.rows_of_leavers - late / others) / spread)


def row_clocks(table: ir.Table, source: settings.Source, gone: ir.Table, engine: Engine) -> list[RowClock]:
    """Compare every time column that a source maps without `recorded_at` with the clocks of its rows.

    Parameters
    ----------
    table : the raw table of the source
    gone : `customer_id` of everybody who left, `closed` whether by a recorded closure
    """
    mapped = [event for event in source.events if _column(event.occurred_at) in table.columns]
    facts = sorted({_column(event.occurred_at) for event in mapped if event.recorded_at is None})
    clocks = _clocks(table, source)
    customer = next((name for event in mapped if (name := _column(event.customer_id)) in table.columns), None)
    if not facts or not clocks or customer is None:
        return []
    every = sorted({_column(event.occurred_at) for event in mapped})
    times = table.select(
        who=table[customer].cast("string"),
        **{f"fact_{every.index(name)}": _moment(table[name]) for name in every},
        **{f"clock_{number}": _moment(table[name]) for number, name in enumerate(clocks)},
    )
    left = gone.select(who=gone.customer_id, left=True, closed=gone.closed)
    rows = times.left_join(left, "who").drop("who_right")
    rows = rows.mutate(
        left=rows.left.fill_null(False), closed=rows.closed.fill_null(False), latest=_latest(rows, len(every))
    )
    day = ibis.interval(days=1)
    counts: dict[str, Any] = {}
    for number, name in enumerate(facts):
        fact = rows[f"fact_{every.index(name)}"]
        for other, (_, updated) in enumerate(clocks.items()):
            clock = rows[f"clock_{other}"]
            both = fact.notnull() & clock.notnull()
            late = both & (clock > fact + day) & ((fact == rows.latest) if updated else ibis.literal(True))
            key = f"_{number}_{other}"
            counts |= {
                f"rows{key}": both.sum(),
                f"late{key}": late.sum(),
                f"ahead{key}": (both & (fact > clock + day)).sum() if updated else ibis.literal(0),
            }
            for who in WHO:
                counts |= {f"{who}{key}": (both & rows[who]).sum(), f"late_{who}{key}": (late & rows[who]).sum()}
    row = engine.frame(rows.aggregate(**counts)).iloc[0]
    found = []
    for number, name in enumerate(facts):
        for other, (clock, updated) in enumerate(clocks.items()):
            told = [
                [whole(row[f"{what}_{number}_{other}"]) for what in ("rows", "late", "ahead", who, f"late_{who}")]
                for who in WHO
            ]
            found.append(max((RowClock(source.label, name, clock, updated, *each) for each in told), key=_sigmas))
    return found


def _sigmas(clock: RowClock) -> float:
    return clock.sigmas


def _clocks(table: ir.Table, source: settings.Source) -> dict[str, bool]:
    """The columns that say when a row was written, and whether that is the last time."""
    used = {_column(event.occurred_at) for event in source.events}
    if source.customers is not None:
        used |= {_column(each) for each in (source.customers.signed_up_at, source.customers.closed_at) if each}
    found = {} if source.written_at is None else {source.written_at: True}
    for name, kind in table.schema().items():
        if name in used or name in found or not (kind.is_timestamp() or kind.is_date() or kind.is_string()):
            continue
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
        words = set(re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", plain).lower()))
        if words & (ENTERED | UPDATED):
            found[name] = bool(words & UPDATED)
    return found


def _latest(rows: ir.Table, number: int) -> Any:
    """The latest fact of each row; nulls count as the distant past, so that the greatest is a fact."""
    past = ibis.literal("0001-01-01").cast("timestamp")
    facts = [ibis.coalesce(rows[f"fact_{place}"], past) for place in range(number)]
    return ibis.greatest(*facts) if number > 1 else facts[0]  # Spark's takes two at least


def _column(given: Any) -> str:
    return str(getattr(given, "column", "") or "")


def _moment(column: Any) -> Any:
    return column.try_cast("timestamp") if column.type().is_string() else column.cast("timestamp")
