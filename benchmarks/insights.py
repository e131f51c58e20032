"""The insights beside the truth of simulated companies: do intervals hold it, do personas find the planted types?

python benchmarks/insights.py                                 ten telecom companies of 6,000 customers, seeds 1 to 10
python benchmarks/insights.py shop --seeds 1 --customers 2000 a first look
python benchmarks/insights.py --keep FOLDER                   keeps each seed's figures; another run goes on from there
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from quality import markdown, say

import churnml
from churnml.config import Config
from churnml.datasets import simulator
from churnml.datasets.simulator.futures import Window, oracle
from churnml.datasets.simulator.run import Plan
from churnml.insights.findings import share_of
from churnml.insights.iceberg import ANY, NONE, SAID_NOTHING, iceberg, what_they_said
from churnml.insights.launch import ChannelLaunch, channel_launches
from churnml.insights.ledger import Ledger, open_ledger
from churnml.insights.personas import assign, features_of
from churnml.workflows.business import open_business
from churnml.workflows.exits import exit_codes

APART = 3
"""Every third snapshot is looked at, so that no two outcome windows overlap."""

DRAWS = 200
"""So often personas are dealt to customers at random."""

DISPLEASED = -0.3
"""Planted as disengaged: who would never complain and is less satisfied than this."""

GOING = "leaving silently"
"""Planted: who has decided to leave and would never complain; as a persona, disengaged and silent."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Print the insights beside the truth of simulated companies.")
    parser.add_argument("preset", nargs="?", default="telecom")
    parser.add_argument("--seeds", type=int, nargs="*", default=list(range(1, 11)))
    parser.add_argument("--customers", type=int, default=6_000)
    parser.add_argument("--copies", type=int, default=40, help="futures of each customer that the oracle looks at")
    parser.add_argument("--keep", type=Path, help="a folder for each seed's figures")
    options = parser.parse_args()
    begun, figures, kinds = time.perf_counter(), [], []
    with exit_codes():
        for seed in options.seeds:
            found, types = kept(options.keep, options.preset, seed, options.customers, options.copies)
            figures.append(found.assign(seed=seed))
            kinds.append(types.assign(seed=seed))
            say(options.preset, seed, max(options.seeds))
    print(section(pd.concat(figures), pd.concat(kinds)))
    print(f"{options.preset}, {options.customers:,} customers, {(time.perf_counter() - begun) / 60:.0f} minutes")


def kept(keep: Path | None, name: str, seed: int, customers: int, copies: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What `one` gives, from an earlier run if its figures were kept."""
    files = [keep / f"{name}_{customers}_{copies}_{seed}_{part}.json" for part in ("figures", "kinds")] if keep else []
    if files and all(file.is_file() for file in files):
        figures, kinds = (pd.read_json(file, orient="table") for file in files)
        return figures, kinds
    with tempfile.TemporaryDirectory(prefix="churnml-insights-") as folder:
        made = one(name, seed, customers, copies, Path(folder) / "company")
    for file, frame in zip(files, made, strict=False):
        file.parent.mkdir(parents=True, exist_ok=True)
        frame.reset_index(drop=True).to_json(file, orient="table", index=False, double_precision=15)
    return made


def one(name: str, seed: int, customers: int, copies: int, folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One company: figures with their intervals and the truth; personas with the planted types."""
    made = churnml.simulate(folder, customers=customers, seed=seed, preset=name, progress=say)
    config = churnml.load_config(Path(made["configuration"]))
    truth = pd.read_parquet(folder / "truth" / "customers.parquet").set_index("customer_id")
    with open_business(config, None, say) as business:
        snapshots = business.snapshots()[::-1][::APART][:4][::-1]
        ledger = open_ledger(
            business.canonical,
            config,
            business.engine,
            snapshots,
            business.known_at,
            features=features_of(config.personas),
        )
        launches = channel_launches(business.canonical, config, business.engine, business.known_at)
        events, people = business.canonical.events, business.canonical.customers
        contacts = business.engine.frame(
            events.filter(events.kind == "contact")
            .join(people.select("customer_id", "signed_up_at"), "customer_id")
            .select("customer_id", "channel", "occurred_at", "signed_up_at")
        )
    chances = known_chances(name, seed, config, ledger, customers, copies)
    figures = [*silent(ledger, chances), *cells(ledger, chances)]
    figures += [row for launch in launches.launches for row in revealed(launch, contacts, truth)]
    columns = ["insight", "figure", "value", "low", "high", "truth"]
    return pd.DataFrame(figures, columns=columns), planted(ledger, config, truth, folder / "truth")


def known_chances(name: str, seed: int, config: Config, ledger: Ledger, customers: int, copies: int) -> pd.DataFrame:
    """What the oracle says of each labelled row: the chances of leaving silently and aloud."""
    rules = config.snapshots
    days = [stamp.date() for stamp in sorted(ledger.rows["as_of"].unique())]
    window = Window(rules.horizon_days, config.voice.lookback_days, rules.lead_days)
    plan = Plan.of(simulator.preset(name), seed)
    told = oracle(plan, customers, days, window, copies=copies, progress=lambda n, of: say("oracle", n, of))
    told = told.assign(as_of=pd.to_datetime(told["snapshot"]), customer_id=told["customer_id"].astype(str))
    rows = ledger.rows[["customer_id", "as_of"]].astype({"customer_id": str})
    return rows.merge(told, on=["customer_id", "as_of"], how="left")[["p_silent", "p_vocal"]]


def silent(ledger: Ledger, chances: pd.DataFrame) -> list[tuple[object, ...]]:
    """The silent share of all who left, and of those who left after friction."""
    found, met = share_of(ledger), ledger.met.any(axis=1).to_numpy()
    rows = []
    for name, share, which in (
        ("of all who left", found.overall, np.ones(len(chances), dtype=bool)),
        ("of those who left after friction", found.after_friction, met),
    ):
        if share is not None:
            rows.append(("silent share", name, share.share, share.low, share.high, ratio(chances[which])))
    return rows


def ratio(chances: pd.DataFrame) -> float:
    """The share of the silent among the leavers expected."""
    return float(chances["p_silent"].sum() / chances.to_numpy().sum())


def cells(ledger: Ledger, chances: pd.DataFrame) -> list[tuple[object, ...]]:
    """Every cell of the iceberg with leavers enough: who left, and who of them silently."""
    said = what_they_said(ledger.rows).to_numpy()
    anything = ledger.met.any(axis=1)
    rows = []
    for row in iceberg(ledger).frame().itertuples():
        met = {ANY: anything, NONE: ~anything}.get(row.friction, ledger.met.get(row.friction)).to_numpy()
        which = met & (said == row.said) if row.friction != NONE else met
        mine = chances[which]
        label = f"{row.friction}, {row.said}" if row.friction != NONE else NONE
        if row.leavers >= 5:
            left = float(mine.to_numpy().sum() / len(mine))
            rows.append(("iceberg", f"{label}: left", row.left, row.left_low, row.left_high, left))
        if row.leavers >= 30 and (row.said == SAID_NOTHING or row.friction == NONE):
            rows.append(("iceberg", f"{label}: silent", row.silent, row.silent_low, row.silent_high, ratio(mine)))
    return rows


def revealed(launch: ChannelLaunch, contacts: pd.DataFrame, truth: pd.DataFrame) -> list[tuple[object, ...]]:
    """Contacts of the new channel from customers who never contact service otherwise, as only the simulator knows."""
    new = contacts[(contacts["channel"] == launch.channel) & (contacts["occurred_at"] >= pd.Timestamp(launch.opened))]
    earlier = new["customer_id"].map(truth["dark_matter"] & truth["adopts_new_channel"]).to_numpy(dtype=bool)
    before = ~(pd.to_datetime(new["signed_up_at"]) >= pd.Timestamp(launch.opened)).to_numpy()
    row = launch.figure("contacts", "revealed")
    share = float((earlier & before).sum() / len(new))
    return [("channel launch", "revealed share of contacts", row["share"], row["share_low"], row["share_high"], share)]


def planted(ledger: Ledger, config: Config, truth: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Persona and planted type of each customer at the last labelled snapshot: counts."""
    as_of = ledger.rows["as_of"].max()
    rows = ledger.rows[ledger.rows["as_of"] == as_of]
    hazards = pd.read_parquet(folder / "hazards.parquet", filters=[("day", "=", (as_of - pd.Timedelta(days=1)).date())])
    satisfaction = pd.Series(hazards["satisfaction"].to_numpy(), index=hazards["customer_id"].astype(str))
    who = rows["customer_id"].astype(str)
    known, felt = truth.loc[who], who.map(satisfaction).fillna(-np.inf).to_numpy()
    decided = np.isinf(felt)
    speaks, dark = known["speaks"].to_numpy(), known["dark_matter"].to_numpy()
    kind = np.select(
        [speaks & (felt < 0), decided & (known["manner"] == "silent").to_numpy(), felt < DISPLEASED, dark],
        ["vocal", GOING, "disengaged and silent", "dark matter"],
        "content",
    )
    return pd.DataFrame({"persona": assign(rows, config.personas), "planted": kind}).value_counts().reset_index()


def section(figures: pd.DataFrame, kinds: pd.DataFrame) -> str:
    """The tables: how often intervals hold the truth, and personas against planted types."""
    figures = figures.assign(
        holds=(figures["low"] <= figures["truth"]) & (figures["truth"] <= figures["high"]),
        width=figures["high"] - figures["low"],
        error=figures["value"] - figures["truth"],
    )
    table = (
        figures.groupby(["insight", "figure"], sort=False)
        .agg(seeds=("seed", "nunique"), held=("holds", "sum"), truth=("truth", "mean"), measured=("value", "mean"),
             bias=("error", "mean"), width=("width", "mean"))
        .reset_index()
    )  # fmt: skip
    shown = table.assign(**{name: table[name].map("{:.3f}".format) for name in ("truth", "measured", "bias", "width")})
    counts = kinds.groupby(["persona", "planted"])["count"].sum().unstack(fill_value=0)
    agreement = [kappa(part) for _, part in kinds.groupby("seed")]
    by_chance = max(shuffled(part) for _, part in kinds.groupby("seed"))
    by_type = counts / counts.sum() / (counts.sum(axis=1) / counts.to_numpy().sum()).to_numpy()[:, None]
    lifts = by_type.map("{:.2f}".format).reset_index()
    return "\n\n".join(
        [
            markdown(shown),
            f"Personas against planted types: Cohen's kappa {np.mean(agreement):.3f} on average, {min(agreement):.3f} "
            f"at least, {max(agreement):.3f} at most; the same personas dealt at random reach {by_chance:.3f} once in "
            "a hundred deals. How many times as often as by chance each persona is given to each planted type:",
            markdown(lifts),
        ]
    )


def kappa(kinds: pd.DataFrame) -> float:
    """Cohen's kappa of personas (the vocal ones together) and planted types."""
    named = kinds["persona"].where(~kinds["persona"].str.contains("vocal"), "vocal")
    planted = kinds["planted"].replace(GOING, "disengaged and silent")
    weights, hit = kinds["count"], named == planted
    agreed = float(weights[hit].sum() / weights.sum())
    shares = (weights.groupby(named).sum() / weights.sum(), weights.groupby(planted).sum() / weights.sum())
    chance = float((shares[0] * shares[1]).sum())
    return (agreed - chance) / (1 - chance)


def shuffled(kinds: pd.DataFrame) -> float:
    """The kappa that one in a hundred ways of dealing the same personas to these customers at random exceeds."""
    draw, many = np.random.default_rng(1), kinds["count"].to_numpy()
    each = {name: np.repeat(kinds[name].to_numpy(), many) for name in ("persona", "planted")}
    found = []
    for _ in range(DRAWS):
        pairs = pd.DataFrame({"persona": draw.permutation(each["persona"]), "planted": each["planted"]})
        found.append(kappa(pairs.value_counts().reset_index()))
    return float(np.quantile(found, 0.99))


if __name__ == "__main__":
    main()
