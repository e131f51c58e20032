"""What the documents say is what the code does."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer.main
import yaml
from pydantic import BaseModel

import churnml
from churnml.cli import app
from churnml.config import Attribute, Config, CustomerMapping, EventMapping, Source, parse_config
from churnml.contract import CUSTOMERS, EVENTS, KINDS
from churnml.errors import ChurnmlError
from churnml.features.custom import CustomFeatures
from churnml.features.fitted import Material, columns, fit
from churnml.features.registry import GRAINS, Context, Inventory, declare
from churnml.scoring.sinks import SCORES
from churnml.workflows.exits import BUG, INTERRUPTED

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
GUIDE = (DOCS / "guide.md").read_text()
WHOLE, *PARTS = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
PROSE = re.sub(r"```.*?```", "", GUIDE, flags=re.DOTALL)
CODE = set(re.findall(r"[A-Za-z_]\w*", " ".join([*re.findall(r"`([^`]+)`", PROSE), WHOLE, *PARTS])))
SECTIONS = [field.annotation for field in Config.model_fields.values()]
PAGES = sorted([*DOCS.rglob("*.md"), *(ROOT / name for name in ("CHANGELOG.md", "models/README.md"))])


def test_the_catalogue_is_what_the_registry_gives() -> None:
    generator = runpy.run_path(str(DOCS / "make_catalogue.py"))
    assert (DOCS / "features.md").read_text() == generator["catalogue"](), "run python docs/make_catalogue.py"


def test_the_whole_configuration_of_the_guide_works(tmp_path: Path) -> None:
    day = pd.Timestamp("2024-01-02")
    pd.DataFrame({"account": ["a"], "opened_on": [day], "closed_on": [pd.NaT]}).to_parquet(
        tmp_path / "accounts.parquet"
    )
    orders = {"account": ["a"], "ordered_at": [day], "channel": ["web"], "total": [9.5]}
    pd.DataFrame(orders).to_parquet(tmp_path / "orders.parquet")
    tickets = {"account": ["a"], "received_at": [day], "entered_at": [day], "channel": ["email"]}
    pd.DataFrame(tickets).to_csv(tmp_path / "tickets.csv", index=False)
    (tmp_path / "shop.yaml").write_text(WHOLE)
    checked = churnml.check(churnml.load_config(tmp_path / "shop.yaml"))
    assert checked.report.violations == ()
    assert checked.kinds == {"complaint": 1, "purchase": 1}


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.split(":")[0])
def test_every_example_of_the_guide_is_a_valid_part(part: str) -> None:
    config = yaml.safe_load(WHOLE) | yaml.safe_load(part)
    parse_config(yaml.safe_dump(config, sort_keys=False))


def test_the_file_of_custom_features_of_the_guide_works(tmp_path: Path) -> None:
    (file,) = re.findall(r"```python\n(# shop_features\.py\n.*?)```", GUIDE, re.DOTALL)
    (tmp_path / "shop_features.py").write_text(file)
    own = CustomFeatures.load("shop_features.py", tmp_path)
    data = Inventory({"purchase": frozenset({"amount"})})
    features = declare(Context(), data, ("recency",), custom=[own.declare]).features[-2:]
    assert [feature.name for feature in features] == ["small_purchases_90d", "small_purchases_to_usual"]
    values = pd.DataFrame({"small_purchases_90d": [1.0, 3.0]})
    rows = Material(np.arange(2), np.full(2, np.datetime64("2024-01-01")), values)
    assert columns(features, fit(features, rows), rows)["small_purchases_to_usual"].tolist() == [0.5, 1.5]


def test_the_guide_explains_every_key() -> None:
    models = [Config, Source, CustomerMapping, EventMapping, Attribute]
    models += [kind for kind in SECTIONS if isinstance(kind, type) and issubclass(kind, BaseModel)]
    keys = {name for model in models for name in model.model_fields}
    assert keys - CODE == set()


@pytest.mark.parametrize(
    "names",
    [KINDS, set(GRAINS), set(EVENTS), set(CUSTOMERS), set(churnml.__all__) - {"load_config"}],
    ids=lambda n: str(len(n)),
)
def test_the_guide_knows_every_name(names: set[str]) -> None:
    assert set(names) - CODE == set()


def test_the_guide_lists_every_column_of_the_scores() -> None:
    listed = set(re.findall(r"`(\w+)`", GUIDE.split("## The scores")[1].split("## How outcomes")[0]))
    listed |= {"reason_2", "reason_3", "reason_4", "theme_2"}  # written as reason_1 ... reason_5
    assert set(SCORES.names) <= listed


def test_the_guide_lists_every_command_and_no_other() -> None:
    command: Any = typer.main.get_command(app)
    listed = set(re.findall(r"^\| `churnml (\w+)", GUIDE, re.MULTILINE))
    assert listed == set(command.commands)


def test_the_guide_knows_every_option() -> None:
    command: Any = typer.main.get_command(app)
    options = {
        (name, option)
        for name, each in command.commands.items()
        for parameter in each.params
        for option in parameter.opts
        if option.startswith("--")
    }
    assert len(options) > 50
    assert {(name, option) for name, option in options if option not in GUIDE} == set()


def test_the_guide_lists_every_exit_code() -> None:
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", GUIDE, re.MULTILINE)}
    assert listed == {0, BUG, INTERRUPTED, *_codes(ChurnmlError)}


def _codes(error: type[ChurnmlError]) -> set[int]:
    return {error.exit_code}.union(*(_codes(child) for child in error.__subclasses__()))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text()
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (page.parent / target).exists(), target
    for file in re.findall(r"`((?:configs|pipelines|notebooks|benchmarks|docs)/[\w./]+)`", text):
        assert (ROOT / file).exists(), file


def test_decisions_are_numbered_in_order() -> None:
    pages = sorted((DOCS / "adr").glob("*.md"))
    for number, page in enumerate(pages, start=1):
        assert page.name.startswith(f"{number:04}-")
        assert page.read_text().startswith(f"# {number}. ")
        assert "\nStatus: " in page.read_text()
