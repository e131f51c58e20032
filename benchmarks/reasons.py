"""The published top theme of customers who then leave silently, beside the reason that the simulator planted.

python benchmarks/reasons.py                                  five telecom companies of 6,000 customers, seeds 1 to 5
python benchmarks/reasons.py shop --seeds 1 --customers 2000  a first look
python benchmarks/reasons.py --keep FOLDER                    keeps each seed's leavers; another run goes on from there

A model is trained on the snapshots before the test, as `churnml train` does it with default parameters, and explains
the customers of the test snapshots. Of those who leave silently because they are unhappy, the planted reason is the
strongest annoyance on the day of the decision.
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
from churnml.datasets.simulator.life import THEMES as PLANTED
from churnml.explanation.attribution import attribute
from churnml.explanation.reasons import reasons
from churnml.explanation.themes import by_theme, likely_reasons
from churnml.outcomes import SILENT
from churnml.workflows.business import open_business
from churnml.workflows.exits import exit_codes
from churnml.workflows.rows import labelled, split
from churnml.workflows.train import classifier

DRAWS = 2000
NOBODY = "none"
"""No theme pushes towards leaving."""

LIKELY = "likely reason: the strongest theme that is no sign"


def main() -> None:
    parser = argparse.ArgumentParser(description="Print published themes beside planted reasons.")
    parser.add_argument("preset", nargs="?", default="telecom")
    parser.add_argument("--seeds", type=int, nargs="*", default=list(range(1, 6)))
    parser.add_argument("--customers", type=int, default=6_000)
    parser.add_argument("--keep", type=Path, help="a folder for each seed's leavers")
    options = parser.parse_args()
    begun, parts = time.perf_counter(), []
    with exit_codes():
        for seed in options.seeds:
            parts.append(kept(options.keep, options.preset, seed, options.customers).assign(seed=seed))
            say(options.preset, seed, max(options.seeds))
    print(section(pd.concat(parts, ignore_index=True)))
    print(f"{options.preset}, {options.customers:,} customers, {(time.perf_counter() - begun) / 60:.0f} minutes")


def kept(keep: Path | None, name: str, seed: int, customers: int) -> pd.DataFrame:
    """What `leavers` gives, from an earlier run if it was kept."""
    file = None if keep is None else keep / f"{name}_{customers}_{seed}_leavers.parquet"
    if file is not None and file.is_file():
        return pd.read_parquet(file)
    with tempfile.TemporaryDirectory(prefix="churnml-reasons-") as folder:
        found = leavers(name, seed, customers, Path(folder) / "company")
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        found.to_parquet(file)
    return found


def leavers(name: str, seed: int, customers: int, folder: Path) -> pd.DataFrame:
    """Each customer of the test snapshots who leaves silently, at the first of them: what was published, and the truth.

    Columns: customer_id, as_of, theme_1 to theme_3 (published), `push THEME` (log-odds), reason and theme (planted;
    theme is null where nothing annoyed noticeably) and decided (whether the decision was made before the snapshot).
    """
    made = churnml.simulate(folder, customers=customers, seed=seed, preset=name, progress=say)
    config = churnml.load_config(Path(made["configuration"]))
    truth = pd.read_parquet(folder / "truth" / "departures.parquet").set_index("customer_id")
    with open_business(config, None, say) as business:
        learn, test = split(labelled(business, None, say), config)
    model = classifier(config, config.model.seed).fit(learn.X, learn.outcome)
    who = np.flatnonzero(test.outcome == SILENT)
    left = test.keys.iloc[who].drop_duplicates("customer_id")
    gone = test.at(np.isin(np.arange(len(test)), left.index))
    attribution, cards = attribute(model, gone.X), test.recipe.cards
    usual = learn.X.median(numeric_only=True).to_dict()
    said = reasons(attribution, gone.X, cards, usual)
    pushes = by_theme(attribution, cards).add_prefix("push ")
    told = truth.reindex(gone.keys["customer_id"].astype(str)).reset_index(drop=True)
    decided = pd.to_datetime(told["decided_on"]) < gone.keys["as_of"]
    facts = {"reason": told["reason"], "theme": told["theme"], "decided": decided}
    named = said[["theme_1", "theme_2", "theme_3"]].reset_index(drop=True)
    return pd.concat([gone.keys[["customer_id", "as_of"]], named, pushes, pd.DataFrame(facts)], axis=1)


def section(found: pd.DataFrame) -> str:
    """How often the themes agree with the planted reasons, in Markdown."""
    known = found[(found["reason"] == "unhappy") & found["theme"].notna()].reset_index(drop=True)
    pushes = known[[name for name in known if name.startswith("push ")]].rename(columns=lambda name: name[5:])
    planted = [theme for theme in pushes if theme in PLANTED]
    ways = {
        "theme_1, as published": known["theme_1"].fillna(NOBODY),
        LIKELY: likely_reasons(pushes).fillna(NOBODY),
        "the strongest of those that the simulator plants": likely_reasons(pushes[planted]).fillna(NOBODY),
    }
    rng, rows = np.random.default_rng(1), []
    for when, which in (("all", known["theme"].notna()), ("not yet decided", ~known["decided"])):
        for name, published in ways.items():
            rows.append((name, when, int(which.sum()), *agreement(published[which], known.loc[which, "theme"], rng)))
    any_of = [(known[f"theme_{n}"] == known["theme"]).to_numpy() for n in (1, 2, 3)]
    columns = ["named", "leavers", "n", "agree", "by chance", "kappa", "low", "high"]
    table = pd.DataFrame(rows, columns=columns).map(lambda v: f"{v:.3f}" if isinstance(v, float) else v)
    crossed = pd.crosstab(ways[LIKELY], known["theme"]).reset_index(names="published")
    return "\n\n".join(
        [
            f"{len(found):,} silent leavers, {len(known):,} of them unhappy with a noticeable reason.",
            markdown(table),
            f"The planted reason is among the three published themes of {np.any(any_of, axis=0).mean():.1%}.",
            markdown(crossed),
            markdown(known["theme_1"].value_counts().rename("customers").reset_index()),
        ]
    )


def agreement(
    published: pd.Series, planted: pd.Series, rng: np.random.Generator
) -> tuple[float, float, float, float, float]:
    """The share that agrees, the same with shuffled reasons, and Cohen's kappa with its 95% bootstrap interval."""
    names = sorted({*published, *planted})
    first, second = (pd.Categorical(one, categories=names).codes for one in (published, planted))

    def measured(rows: np.ndarray) -> tuple[float, float, float]:
        a, b = first[rows], second[rows]
        agreed = float((a == b).mean())
        chance = float(
            (np.bincount(a, minlength=len(names)) * np.bincount(b, minlength=len(names))).sum() / len(a) ** 2
        )
        return agreed, chance, (agreed - chance) / (1 - chance)

    n = len(published)
    drawn = [measured(rng.integers(0, n, n))[2] for _ in range(DRAWS)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return (*measured(np.arange(n)), float(low), float(high))


if __name__ == "__main__":
    main()
