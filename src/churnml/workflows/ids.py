"""An id that no customer has, and how one is written that differs from it in form alone.

Messages end up in logs, which hold no customer's id: the form is told, and never the id.
"""

from __future__ import annotations

from collections.abc import Iterable


def written_otherwise(typed: str, ids: Iterable[str]) -> str:
    """How an id is written that differs from the typed one in leading zeros, capitals or spaces alone; empty without.

    >>> written_otherwise("28471", ["0028471", "31"])
    'with 2 zeros in front'
    >>> written_otherwise("0ab-7 ", ["AB-7"]), written_otherwise("32", ["31"])
    ('without zeros in front, with other capitals, with other spaces', '')
    """
    wanted = _without_zeros(typed)[0].casefold()
    alike = min((each for each in ids if each != typed and _without_zeros(each)[0].casefold() == wanted), default=None)
    if alike is None:
        return ""
    (given, before), (there, zeros) = _without_zeros(typed), _without_zeros(alike)
    said = []
    if zeros != before:
        said.append(f"with {zeros} zero{'s' * (zeros > 1)} in front" if zeros else "without zeros in front")
    if given != there:
        said.append("with other capitals")
    if len(typed) - len(given) - before != len(alike) - len(there) - zeros or not said:
        said.append("with other spaces")
    return ", ".join(said)


def _without_zeros(text: str) -> tuple[str, int]:
    """An id without spaces and leading zeros, and how many those are."""
    whole = "".join(text.split())
    bare = whole.lstrip("0")
    return bare, len(whole) - len(bare)
