"""Write the tables of the presets' numbers into docs/simulator.md: `python docs/make_presets.py`."""

from __future__ import annotations

import ast
import inspect
from dataclasses import fields
from pathlib import Path

from churnml.datasets.simulator import presets

PAGE = Path(__file__).parent / "simulator.md"
BEGINS, ENDS = "<!-- numbers: python docs/make_presets.py -->", "<!-- end of the numbers -->"


def page() -> str:
    """The whole page, its tables as the presets are now."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGINS)
    return "\n".join([before + BEGINS, "", *_numbers(), "", *_shocks(), "", ENDS + rest.split(ENDS)[1]])


def _numbers() -> list[str]:
    meanings, companies = _meanings("Preset"), presets.PRESETS
    rows = [f"| number | {' | '.join(companies)} | meaning |", f"|---|{'---|' * len(companies)}---|"]
    for field in fields(presets.Preset):
        if field.name not in ("name", "shocks"):
            values = " | ".join(_written(getattr(preset, field.name)) for preset in companies.values())
            rows.append(f"| `{field.name}` | {values} | {meanings[field.name]} |")
    return rows


def _shocks() -> list[str]:
    companies = presets.PRESETS
    rows = [f"| `shocks` | {' | '.join(companies)} |", f"|---|{'---|' * len(companies)}"]
    for field in fields(presets.Shocks):
        values = " | ".join(_written(getattr(preset.shocks, field.name)) for preset in companies.values())
        rows.append(f"| `{field.name}` | {values} |")
    return rows


def _meanings(name: str) -> dict[str, str]:
    """What the code says below each field of a class."""
    body = next(c for c in ast.parse(inspect.getsource(presets)).body if isinstance(c, ast.ClassDef) and c.name == name)
    return {
        field.target.id: " ".join(said.value.value.split())
        for field, said in zip(body.body, body.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(said, ast.Expr)
        and isinstance(said.value, ast.Constant)
        and isinstance(said.value.value, str)
    }


def _written(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
