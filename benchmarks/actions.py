"""Whom contacting keeps, in truth: by churnml's saveability, by risk, at random, and by an oracle.

python benchmarks/actions.py                                the three presets, 6,000 customers and 18 months each
python benchmarks/actions.py telecom --customers 3000       a first look

The presets' own programme is too small to learn from, and of a customer who was contacted nobody sees what would have
been without. So arms and outcomes are drawn again, once or more for each assignment, by the hazards that the simulator
knows on that day: who is unhappy leaves with the hazard u exp(t W), t the true effect and W the arm, and everybody with
the preset's constant hazard for reasons of one's own; who had decided before does what he or she did, whatever the
arm. The customers, their features and the models that explain them are those of the simulated company.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from quality import markdown, say
from scipy.special import expit, logit

import churnml
from churnml.datasets import simulator
from churnml.targeting.campaigns import Drawn, Explained, measure
from churnml.targeting.effects import chances, folds
from churnml.targeting.value import save_rate
from churnml.workflows.business import open_business
from churnml.workflows.campaigns import explained
from churnml.workflows.exits import exit_codes
from churnml.workflows.experiments import assignments
from churnml.workflows.rows import labelled
from churnml.workflows.train import classifier

SEED = 20
"""Of the simulations that models are compared on. Frozen, as the presets are."""
SHARES = (0.1, 0.3, 0.5)
"""Of the customers, the best by each order are contacted."""
RISK = "risk"
FEW = 5
"""Bootstrap samples for the Qini curve, which decides nothing here."""


@dataclass(frozen=True)
class Known:
    """Assignments of a simulated company, what it knew on that day, and what only the simulator knows.

    Attributes
    ----------
    rows : customer_id, group_id, as_of, campaign, stratum
    untreated, treated : (n,) the chances of leaving within the horizon without and with a contact
    assumed : the share of contacted leavers assumed to stay until something is known; days : the horizon
    """

    rows: pd.DataFrame
    before: Explained
    untreated: np.ndarray
    treated: np.ndarray
    assumed: float
    days: int

    def at(self, places: np.ndarray) -> Known:
        """The rows at these places."""
        before = Explained(self.before.pushes.iloc[places].reset_index(drop=True), self.before.margin[places])
        rows = self.rows.iloc[places].reset_index(drop=True)
        return replace(self, rows=rows, before=before, untreated=self.untreated[places], treated=self.treated[places])


def main() -> None:
    parser = argparse.ArgumentParser(description="Print whom contacting keeps, by saveability, risk, chance and truth.")
    parser.add_argument("presets", nargs="*", default=list(simulator.PRESETS), metavar="PRESET")
    parser.add_argument("--customers", type=int, default=6_000)
    parser.add_argument("--months", type=int, default=18)
    parser.add_argument("--times", type=int, nargs="+", default=[1, 4, 16], help="draws of each assignment learnt from")
    parser.add_argument("--seeds", type=int, default=20, help="how often all is drawn again")
    options = parser.parse_args()
    with exit_codes(), tempfile.TemporaryDirectory(prefix="churnml-actions-") as folder:
        for name in options.presets:
            known = company(name, options.customers, options.months, Path(folder) / name)
            print(section(name, known, options.times, options.seeds), flush=True)


def company(name: str, customers: int, months: int, folder: Path) -> Known:
    """Simulate a company, explain its assignments as a training run does, and look up their truth."""
    made = churnml.simulate(folder, customers=customers, months=months, seed=SEED, preset=name, progress=say)
    config = churnml.load_config(Path(made["configuration"]))
    with open_business(config, None, say) as business:
        data = labelled(business, None, say)
        assigned = assignments(business, data, None, say)
    if assigned is None:
        raise SystemExit(f"{name}: nobody has been assigned, give more months")
    rows = assigned.compared()
    before = explained(
        assigned, rows["place"].to_numpy(), data, classifier(config, config.model.seed), config, progress=say
    )
    truth = pd.read_parquet(folder / "truth" / "treatments.parquet")
    days = pd.DatetimeIndex(truth["assigned_at"]).normalize()
    told = truth.set_index([truth["customer_id"].astype(str), days])
    told = told.loc[pd.MultiIndex.from_arrays([rows["customer_id"].astype(str), pd.DatetimeIndex(rows["as_of"])])]
    hazard, ratio = told["hazard_untreated"].to_numpy(), np.exp(told["log_hazard_ratio"].to_numpy())
    rule, own = config.snapshots, simulator.preset(name).own_hazard
    horizon = rule.lead_days + rule.horizon_days
    decided = hazard == 0  # no contact changes what they do: it is what they did

    def chance(unhappy: np.ndarray) -> np.ndarray:
        return np.where(decided, rows["left"].to_numpy(dtype=float), -np.expm1(-horizon * (unhappy + own)))

    named = rows[["customer_id", "group_id", "as_of", "campaign", "stratum"]]
    return Known(named, before, chance(hazard), chance(hazard * ratio), save_rate(config), horizon)


def section(name: str, known: Known, times: list[int], seeds: int) -> str:
    """One preset: the orders side by side, each at every share contacted."""
    found = []
    for seed in range(seeds):
        say(f"{name}: drawing again", seed, seeds)
        half = folds(known.rows["group_id"].to_numpy(), 2, seed)
        learn, test = known.at(np.flatnonzero(half == 0)), known.at(np.flatnonzero(half == 1))
        effect = test.untreated - test.treated
        for order, rank in {"the true effect": effect, RISK: test.before.margin, "chance": None}.items():
            found.append({"order": order, "seed": seed, **kept(rank, effect)})
        for number in times:
            basis, leavers, rank = taught(learn, test, number, seed)
            order = f"saveability, {number} {'draw' if number == 1 else 'draws'}"
            found.append({"order": order, "seed": seed, "basis": basis, "leavers": leavers, **kept(rank, effect)})
    effect, lost = known.untreated - known.treated, np.isin(known.untreated, (0, 1))
    intro = (
        f"{len(known.rows):,} assignments of {known.rows['group_id'].nunique():,} customers, half of them to learn "
        f"from. Of 1,000 without a contact {1000 * known.untreated.mean():.0f} leave within {known.days} days; "
        f"contacting all keeps {1000 * effect.mean():.1f} and does harm to {1000 * (effect < 0).mean():.0f}; "
        f"{1000 * lost.mean():.0f} had decided before."
    )
    return "\n\n".join([f"#### {name}", intro, markdown(figures(pd.DataFrame(found)))]) + "\n"


def taught(learn: Known, test: Known, number: int, seed: int) -> tuple[str, int, np.ndarray]:
    """What saveability rests on after `number` draws of each assignment, who had left, and its order of the test."""
    rng = np.random.default_rng([seed, number])
    drawn = learn.at(np.tile(np.arange(len(learn.rows)), number))
    treated = rng.random(len(drawn.rows)) < 0.5
    left = rng.random(len(drawn.rows)) < np.where(treated, drawn.treated, drawn.untreated)
    rows = drawn.rows.assign(treated=treated, left=left)
    usable = rows.assign(usable=True)
    seen = measure(
        Drawn(rows, usable, lambda: drawn.before), learn.assumed, horizon_days=learn.days, seed=seed, draws=FEW
    )
    margin = test.before.margin
    if seen.effects is None:
        share = "one share" if (seen.rate or 0) >= 0 else "one share below 0"
        return share if seen.rate is not None else seen.basis, int(left.sum()), margin
    line = np.polyfit(drawn.before.margin, logit(chances(drawn.before.margin, left)), 1)
    saved = seen.effects.saveability(test.before.pushes, expit(np.polyval(line, margin)))
    return seen.basis, int(left.sum()), saved


def kept(rank: np.ndarray | None, effect: np.ndarray) -> dict[str, float]:
    """Customers kept, and contacted to their harm, per 1,000 of all, if the first are contacted; None: anybody."""
    found = {}
    for share in SHARES:
        if rank is None:
            values = share * effect.mean(), share * (effect < 0).mean()
        else:
            first = effect[np.argsort(-rank, kind="stable")[: round(share * len(effect))]]
            values = first.sum() / len(effect), (first < 0).sum() / len(effect)
        found |= {f"kept {share:.0%}": 1000 * values[0], f"harmed {share:.0%}": 1000 * values[1]}
    return found


def figures(table: pd.DataFrame) -> pd.DataFrame:
    """One row per order: means over the seeds, and between which values nine in ten of them lie."""
    risk = table[table["order"] == RISK].set_index("seed")
    said = []
    for order, part in table.groupby("order", sort=False):
        counts = part["basis"].value_counts()
        from_whom = f"{part['leavers'].mean():,.0f} leavers: " if len(counts) else ""
        row = {"first by": order, "learnt from": from_whom + ", ".join(f"{n} {b}" for b, n in counts.items())}
        row |= {f"kept {share:.0%}": f"{part[f'kept {share:.0%}'].mean():.1f}" for share in SHARES}
        worse = []
        for share in SHARES:
            more = part.set_index("seed")[f"kept {share:.0%}"] - risk[f"kept {share:.0%}"]
            low, high = np.percentile(more, [5, 95])
            row[f"minus risk {share:.0%}"] = "" if order == RISK else f"{more.mean():+.1f} [{low:+.1f}, {high:+.1f}]"
            worse.append(f"{(more < 0).sum()}")
        row["below risk"] = f"{', '.join(worse)} of {len(part)}" if len(counts) else ""
        row |= {f"harmed {share:.0%}": f"{part[f'harmed {share:.0%}'].mean():.0f}" for share in SHARES}
        said.append(row)
    return pd.DataFrame(said)


if __name__ == "__main__":
    sys.exit(main())
