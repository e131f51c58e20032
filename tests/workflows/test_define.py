"""`churnml define` on a simulated shop whose truth is known, and on definitions to which parts of it do not apply."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from churnml.config import load_config
from churnml.insights.silences import last_day_believed, silences
from churnml.workflows.business import open_business


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory, cli: Callable[..., Any]) -> Path:
    folder = tmp_path_factory.mktemp("define")
    made = cli("simulate", "--preset", "shop", "--customers", 500, "--months", 15, "--seed", 4, "--out", folder)
    assert made.code == 0, made.err
    return folder


@pytest.fixture(scope="module")
def lab(simulated: Path, cli: Callable[..., Any]) -> Any:
    told = cli("define", simulated / "shop.yaml", "--out", simulated / "lab.svg", "--json")
    assert told.code == 0, told.err
    return told.json


def test_a_longer_silence_is_a_surer_sign(lab: Any) -> None:
    rows = [row for row in lab["definitions"] if row["active_within_days"] == 60]
    assert [row["horizon_days"] for row in rows] == sorted({row["horizon_days"] for row in rows}) and len(rows) >= 4
    shares = [row["left"] for row in rows]
    gained = 0.002  # a longer window also sees closures that a shorter one does not
    assert all(after < before + gained for before, after in pairwise(shares)) and shares[0] > shares[-1] + 0.05
    assert rows[0]["back"] > rows[-1]["back"] + 0.1
    (configured,) = [row for row in lab["definitions"] if row["configured"]]
    assert configured["horizon_days"] == 60 and configured["same_leavers"] == 1.0
    assert all(0 < row["same_leavers"] < 1 for row in rows if not row["configured"])


def test_the_suggestion_is_what_the_truth_says(lab: Any, simulated: Path) -> None:
    """Of those given up at the suggested length, those who have not really left are about as few as was asked for."""
    days = lab["suggested_days"]
    assert days is not None and f"lasted {days} days" in lab["why"]
    by_length = {row["quiet_days"]: row for row in lab["silences"]}
    assert by_length[days]["returned"] < 0.1 <= by_length[days - 7]["returned"]
    with open_business(load_config(simulated / "shop.yaml")) as business:
        found = silences(business.canonical, business.config, business.engine, business.known_at)
        until = last_day_believed(business.known_at, business.config)
    truth = pd.read_parquet(simulated / "truth" / "departures.parquet")
    found = found.merge(truth[["customer_id", "left_on"]], on="customer_id", how="left").fillna(
        {"closed_after": np.inf}
    )
    lasts = found["broken_after"].fillna(np.inf)
    reach = (pd.Timestamp(until) - found["began"]).dt.days

    def really(length: int) -> float:
        """Of the silences that lasted so long and are followed, the share whose customer has really left by then."""
        lasted = found[(lasts > length) & (found["closed_after"] > length) & (reach > length + lab["follow_days"])]
        gone = (pd.to_datetime(lasted["left_on"]) - lasted["began"]).dt.days <= length
        assert lasted[gone]["broken_after"].isna().all()  # who has left does not come back
        return float(gone.mean())

    assert really(days) == pytest.approx(1 - by_length[days]["returned"], abs=0.05)
    assert really(28) == pytest.approx(1 - by_length[28]["returned"], abs=0.1) and really(28) < 0.3


def test_the_picture_is_drawn_the_same_again(lab: Any, simulated: Path, cli: Callable[..., Any]) -> None:
    first = (simulated / "lab.svg").read_bytes()
    assert cli("define", simulated / "shop.yaml", "--out", simulated / "again.svg", "--json").json == lab
    assert first.startswith(b"<?xml") and (simulated / "again.svg").read_bytes() == first


def test_a_closure_is_not_decided_by_quiet_days(simulated: Path, cli: Callable[..., Any]) -> None:
    text = (simulated / "shop.yaml").read_text(encoding="utf-8")
    assert "defection: {by: either" in text
    (simulated / "closure.yaml").write_text(text.replace("defection: {by: either", "defection: {by: closure"))
    told = cli("define", simulated / "closure.yaml", "--horizon", 30, "--active-within", 30, "--json")
    assert told.code == 0, told.err
    assert told.json["suggested_days"] is None and "closure" in told.json["why"]
    assert [(row["active_within_days"], row["horizon_days"]) for row in told.json["definitions"]] == [
        *((30, 30), (30, 60), (60, 30), (60, 60)),
    ]
    assert all(row["back"] is None and row["followed"] == 0 for row in told.json["definitions"])
    assert any("closure" in remark for remark in told.json["remarks"])
    read = cli("define", simulated / "closure.yaml", "--horizon", 30)
    assert read.code == 0 and "What leaving could mean" in read.out and "none" in read.out


def test_where_no_leaver_spoke_by_any_definition_it_asks_whether_complaints_are_mapped(
    lab: Any, simulated: Path, cli: Callable[..., Any]
) -> None:
    assert not any("complaints are not mapped" in remark for remark in lab["remarks"])
    text = (simulated / "shop.yaml").read_text(encoding="utf-8")
    (simulated / "unheard.yaml").write_text(
        re.sub("(?m)^voice: .*", "voice: {kinds: [telegram]}\nkinds: [telegram]", text)
    )
    told = cli("define", simulated / "unheard.yaml", "--horizon", 30, "--active-within", 30, "--json")
    assert told.code == 0, told.err
    assert told.json["remarks"][-1].endswith("complaints are not mapped (voice.kinds: telegram).")
