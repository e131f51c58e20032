"""Every configuration that ships with the project is valid and means what the README says of it."""

from __future__ import annotations

from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest

from churnml.config import load_config
from churnml.datasets.simulator import PRESETS

FOLDER = Path(__file__).parent.parent / "configs"


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_shipped_configuration_loads(file: Path) -> None:
    assert load_config(file).project == file.stem


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.yaml")), ids=lambda file: file.stem)
def test_voice_and_engagement_kinds_are_mapped(file: Path) -> None:
    config = load_config(file)
    mapped: set[str] = set()
    for event in (event for source in config.sources for event in source.events):
        mapped |= {event.kind} if isinstance(event.kind, str) else set((event.kind.map or {}).values())
    assert {*config.voice.kinds, *config.engagement_kinds, *config.eligible_kinds, *config.features.friction} <= mapped


def test_the_three_businesses_are_there() -> None:
    assert {"telecom", "shop", "software", "oulad", "online_retail"} <= {file.stem for file in FOLDER.glob("*.yaml")}


def test_oulad_trains_on_february_and_tests_on_october() -> None:
    config = load_config(FOLDER / "oulad.yaml")
    assert (config.data.loader, config.model.test_from) == ("oulad", date(2013, 10, 1))
    assert config.snapshots.horizon_days == 42
    protected = {name for name, a in config.attributes.items() if a.sensitivity == "protected"}
    assert protected == {"gender", "disability", "age_band", "deprivation_band"}


def test_online_retail_leaves_by_inactivity_and_speaks_by_returning() -> None:
    config = load_config(FOLDER / "online_retail.yaml")
    assert (config.defection.by, config.voice.kinds, config.snapshots.horizon_days) == ("inactivity", ("return",), 90)
    assert config.history_starts_on == date(2010, 3, 1)


@pytest.mark.parametrize("name", PRESETS)
def test_what_simulate_writes_is_the_shipped_configuration_but_for_the_place_of_the_data(name: str) -> None:
    written = (files("churnml.datasets.simulator") / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    shipped = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    differing = [old for old, new in zip(written, shipped, strict=True) if old != new]
    assert differing == ["# Where the paths below begin: beside this file.", "data: {root: .}"]
