"""The page of a published night that says what to do: and of one of an earlier version, which does not."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from churnml.config import Config, load_config
from churnml.scoring.night import Run
from churnml.scoring.publish import publication
from churnml.workflows.report import report
from churnml.workflows.score import FACTS_FILE

TOLD = {"basis": "assumed", "why": "for a reason", "save_rate": 0.3, "control_share": 0.1, "value_known": 800}


@pytest.fixture(scope="module")
def configured(company: Any, cli: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A night of its own."""
    config: Path = company.configure(tmp_path_factory.mktemp("actions"))
    scored = cli("score", config, "--as-of", company.as_of, "--json")
    assert scored.code == 0, scored.err
    return load_config(config)


def republished(config: Config, folder: Path, *, acted: bool) -> tuple[Config, pd.DataFrame]:
    """The night published once more elsewhere, with actions or without."""
    night = publication(config).verify()
    scores = night.scores().to_pandas()
    nothing: dict[str, Any] = {"action": None, "expected_net_value": np.nan, "saveability": np.nan, "held_out": None}
    scores = scores.assign(**nothing)
    facts = json.loads((night.folder / FACTS_FILE).read_bytes())
    facts.pop("actions", None)
    if acted:
        saved = 0.3 * (scores["p_silent"] + scores["p_vocal"])
        net = saved * scores["value_at_risk"].fillna(0) / scores["p_silent"] - 3
        action = pd.Series(np.where(net > 0, "contact", "leave alone"), dtype=object)
        action = action.where(scores["excluded_because"].isna(), None)
        scores = scores.assign(action=action, expected_net_value=net, saveability=saved, held_out=False)
        scores["action_channel"] = "live_chat"
        facts["actions"] = TOLD | {"cost": 3.0 * int((action == "contact").sum())}
    elsewhere = config.with_paths(config.paths.models, str(folder))
    place = publication(elsewhere)
    table = pa.Table.from_pandas(scores, schema=night.scores().schema, preserve_index=False)
    with place.lock():
        place.publish(table, Run.of(night.manifest()), {FACTS_FILE: json.dumps(facts).encode()})
    return elsewhere, scores


def test_whom_the_night_says_to_contact_is_on_the_list_and_on_the_first_screen(
    configured: Config, tmp_path: Path
) -> None:
    config, scores = republished(configured, tmp_path, acted=True)
    page = report(config, named=True).read_text(encoding="utf-8")
    chosen = scores[scores["action"] == "contact"]
    link = re.search(r'href="data:text/csv;charset=utf-8;base64,([^"]+)"', page)
    assert link is not None and len(chosen)
    rows = list(csv.DictReader(io.StringIO(base64.b64decode(link[1]).decode())))
    best = chosen.sort_values(["expected_net_value", "customer_id"], ascending=[False, True]).head(500)
    assert [row["customer"] for row in rows] == best["customer_id"].tolist()
    assert {row["channel"] for row in rows} == {"live_chat"}
    assert f"Contact {len(chosen)} customers, through live chat. Expected net value: €" in page
    assert report(config, named=True).read_text(encoding="utf-8") == page


def test_a_night_of_an_earlier_version_still_has_its_page(configured: Config, tmp_path: Path) -> None:
    config, _ = republished(configured, tmp_path, acted=False)
    page = report(config, named=True).read_text(encoding="utf-8")
    assert "This night was scored by an earlier version, which recommended nothing." in page
    assert "Save the call list" in page and 'scope="col">Action<' not in page
