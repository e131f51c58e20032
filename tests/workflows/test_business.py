"""What every job begins with: a configuration, or the path of one."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import churnml
from churnml.errors import ConfigError
from churnml.workflows.business import open_business

CONFIG = """
project: shop
sources:
  - path: log.csv
    customers: {customer_id: id, signed_up_at: first_event}
    events: [{kind: purchase, occurred_at: at, customer_id: id}]
eligible: {active_within_days: 30}
defection: {by: inactivity, of: [purchase]}
voice: {kinds: [purchase]}
snapshots: {every: 30 days, horizon_days: 30}
features: {families: [value]}
"""
JOBS = sorted({*churnml.__all__} - {"load_config", "simulate"})


def test_a_path_is_as_good_as_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(CONFIG)
    days = [f"2024-{month:02d}-{day:02d}" for month in range(1, 8) for day in (3, 17)]
    rows = [f"{who},{day}" for who in "ab" for day in days if who == "a" or day < "2024-05"]
    (tmp_path / "log.csv").write_text("\n".join(["id,at", *rows]))
    whole = churnml.build_dataset(churnml.load_config(path)).frame()
    assert set(whole["customer_id"]) == {"a", "b"}
    for given in (path, str(path)):
        assert churnml.build_dataset(given).frame().equals(whole)
    assert churnml.build_dataset(config=path, root=tmp_path).frame().equals(whole)


@pytest.mark.parametrize("name", JOBS)
def test_every_job_says_what_it_wants_in_place_of_a_configuration(name: str, tmp_path: Path) -> None:
    job = getattr(churnml, name)
    with pytest.raises(ConfigError, match=r"the configuration is a dict; give what churnml\.load_config gives"):
        job({})
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: no such configuration file"):
        job(tmp_path / "nowhere.yaml")


def test_snapshots_begin_with_what_makes_customers_eligible_not_with_any_kind(tmp_path: Path) -> None:
    """Campaigns, say, may be on record for years before the first order: nobody can be on the list then."""
    days = [f"2024-{month:02d}-{day:02d}" for month in range(1, 8) for day in (3, 17)]
    (tmp_path / "log.csv").write_text("\n".join(["id,at", *(f"a,{day}" for day in days)]))
    (tmp_path / "mail.csv").write_text("\n".join(["id,at", *(f"a,{year}-05-01" for year in range(2015, 2024))]))
    mail = "  - {path: mail.csv, events: [{kind: outreach_sent, occurred_at: at, customer_id: id}]}\n"
    path = tmp_path / "shop.yaml"
    for text in (CONFIG, CONFIG.replace("sources:\n", f"sources:\n{mail}")):
        path.write_text(text)
        with open_business(churnml.load_config(path)) as business:
            assert business.snapshots()[0] == date(2024, 2, 19), "the first order and the days of activity come before"
            assert business.first_day.year == (2015 if mail in text else 2024)
