"""The likely reason that is published of customers who then leave silently, beside the one that the simulator planted.

python benchmarks/reasons.py                                  three companies of 6,000 customers of each preset
python benchmarks/reasons.py shop --seeds 1 --customers 2000  a first look
python benchmarks/reasons.py --keep FOLDER                    keeps what was found; another run goes on from there
python benchmarks/reasons.py configs/oulad.yaml               how often the customers' own values contradict a theme

A model is trained on the snapshots before the test, as `churnml train` does it with default parameters, and explains
the customers of the test snapshots. Of those who leave silently because they are unhappy, the planted reason is the
strongest annoyance on the day of the decision. Seed 1 was looked at while the likely reason was defined; the seeds from
2 on were not. Beside it stands what was published before: the theme furthest above its usual push, whether or not the
customer has met anything of it. For scale: what a model says that was taught the planted reasons of those who left
before, from the same features. No company has them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier
from quality import markdown, say

import churnml
from churnml.dataset import Dataset
from churnml.explanation.attribution import attribute
from churnml.explanation.evidence import borne_out, likely_reasons
from churnml.explanation.reasons import reasons
from churnml.explanation.themes import by_theme, usual_pushes
from churnml.model.classifier import SilentDefectionClassifier
from churnml.outcomes import SILENT
from churnml.workflows.business import open_business
from churnml.workflows.exits import exit_codes
from churnml.workflows.rows import labelled, split
from churnml.workflows.train import EXPLAINED_ROWS, classifier

DRAWS = 2000
NOBODY = "none"
"""Nothing stands out."""

PRESETS = ("telecom", "shop", "software")
PUBLISHED = {
    "likely_reason": "the likely reason",
    "furthest": "furthest above its usual push",
    "theme_1": "the strongest theme",
    "taught": "taught the planted reasons",
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Print published reasons beside planted ones.")
    parser.add_argument("presets", nargs="*", default=PRESETS, help="or configurations")
    parser.add_argument("--seeds", type=int, nargs="*", default=[2, 3, 4])
    parser.add_argument("--customers", type=int, default=6_000)
    parser.add_argument("--keep", type=Path, help="a folder for each company's leavers")
    options = parser.parse_args()
    begun, parts = time.perf_counter(), []
    if files := [Path(name) for name in options.presets if name not in PRESETS]:
        with exit_codes():
            print(markdown(pd.concat([night(file) for file in files])))
        return
    with exit_codes():
        for seed in options.seeds:
            for preset in options.presets:
                found = kept(options.keep, preset, seed, options.customers)
                parts.append(found.assign(preset=preset, seed=seed))
                say(preset, seed, max(options.seeds))
    print(section(pd.concat(parts, ignore_index=True)))
    print(f"{options.customers:,} customers each, {(time.perf_counter() - begun) / 60:.0f} minutes")


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

    Columns: customer_id, as_of, what `published` gives, reason and theme (planted; theme is null where nothing annoyed
    noticeably), decided (whether the decision was made before the snapshot), and taught, what a model says that knows
    the themes of those who left before.
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
    said = published(model, learn, gone, config.model.seed)
    told = truth.reindex(gone.keys["customer_id"].astype(str)).reset_index(drop=True)
    decided = pd.to_datetime(told["decided_on"]) < gone.keys["as_of"].reset_index(drop=True)
    facts = {"reason": told["reason"], "theme": told["theme"], "decided": decided}
    facts["taught"] = taught(learn, truth, gone)
    keys = gone.keys[["customer_id", "as_of"]]
    return pd.concat([one.reset_index(drop=True) for one in (keys, said, pd.DataFrame(facts))], axis=1)


def published(model: SilentDefectionClassifier, learn: Dataset, rows: Dataset, seed: int) -> pd.DataFrame:
    """What a night publishes of `rows`, and beside it the theme furthest above its usual push.

    Columns: theme_1 to theme_3, likely_reason, furthest (the usual push is the median over some of `learn`), and
    contradicted (whether no feature that speaks for the furthest theme has a value worse than usual).
    """
    cards, usual = learn.recipe.cards, learn.X.median(numeric_only=True).to_dict()
    found = attribute(model, rows.X)
    values = np.array([pd.to_numeric(rows.X[name], errors="coerce").to_numpy(float) for name in found.features])
    met = borne_out(found.values.T, values, cards, usual)
    some = learn.drawn(EXPLAINED_ROWS, np.random.default_rng(seed))
    pushes = usual_pushes(by_theme(attribute(model, some.X), cards))
    said = reasons(found, rows.X, cards, usual, usual_pushes=pushes).filter(regex="^theme|likely")
    furthest = likely_reasons(by_theme(found, cards), pushes, met | True)
    contradicted = furthest.notna() & ~np.any(
        met.to_numpy() & (furthest.to_numpy()[:, None] == met.columns.to_numpy()), 1
    )
    return said.assign(furthest=furthest.to_numpy(), contradicted=contradicted.to_numpy())


def night(file: Path) -> pd.DataFrame:
    """How many customers of the last test snapshot, and of its tenth at highest risk, have no likely reason.

    Beside it how many of the themes furthest above their usual push their own values contradict.
    """
    config = churnml.load_config(file)
    with open_business(config, None, say) as business:
        learn, test = split(labelled(business, None, say), config)
    last = test.at((test.keys["as_of"] == test.keys["as_of"].max()).to_numpy())
    model = classifier(config, config.model.seed).fit(learn.X, learn.outcome)
    said = published(model, learn, last, config.model.seed)
    risk = pd.Series(model.predict_proba(last.X)[:, list(model.classes_).index(SILENT)]).rank(ascending=False)
    rows = []
    for who, here in (("all", risk > 0), ("the tenth at highest risk", risk <= np.ceil(len(risk) / 10))):
        part = said[here.to_numpy()]
        none = part["furthest"].isna().sum(), part["likely_reason"].isna().sum()
        changed = (part["furthest"].fillna(NOBODY) != part["likely_reason"].fillna(NOBODY)).mean()
        rows.append(
            (config.project, who, *(f"{n:,}" for n in (len(part), part["contradicted"].sum(), *none)), f"{changed:.1%}")
        )
    columns = ["company", "customers", "n", "furthest: contradicted", "furthest: none", "likely reason: none", "differ"]
    return pd.DataFrame(rows, columns=columns)


def taught(learn: Dataset, truth: pd.DataFrame, gone: Dataset) -> np.ndarray:
    """The theme of each row of `gone` by a model of the planted themes of the silent leavers of `learn`."""
    planted = truth.reindex(learn.keys["customer_id"].astype(str))
    known = (
        (learn.outcome == SILENT) & (planted["reason"] == "unhappy").to_numpy() & planted["theme"].notna().to_numpy()
    )
    model = LGBMClassifier(
        n_estimators=150, learning_rate=0.05, num_leaves=7, min_child_samples=5, colsample_bytree=0.3, verbose=-1
    )
    return model.fit(learn.X[known], planted["theme"][known]).predict(gone.X)


def section(found: pd.DataFrame) -> str:
    """How often what is published agrees with the planted reasons, in Markdown."""
    known = found[(found["reason"] == "unhappy") & found["theme"].notna()].reset_index(drop=True)
    rng, rows = np.random.default_rng(1), []
    for name, said in PUBLISHED.items():
        for preset, here in known.groupby("preset", sort=False):
            for when, part in (("all", here), ("not yet decided", here[~here["decided"]])):
                agreed, chance, *kappa = agreement(part[name].fillna(NOBODY), part["theme"], rng)
                each = [agreement(one[name].fillna(NOBODY), one["theme"], rng)[2] for _, one in part.groupby("seed")]
                shown = "{:.2f} [{:.2f}, {:.2f}]".format(*kappa), f"{min(each):.2f} to {max(each):.2f}"
                rows.append((said, preset, when, len(part), f"{agreed:.1%}", f"{chance:.1%}", *shown))
    columns = ["published", "preset", "leavers", "n", "agree", "by chance", "kappa", "kappa, company by company"]
    any_of = [(known[f"theme_{n}"] == known["theme"]).to_numpy() for n in (1, 2, 3)]
    crossed = pd.crosstab(known["likely_reason"].fillna(NOBODY), known["theme"]).reset_index(names="published")
    return "\n\n".join(
        [
            f"{len(found):,} silent leavers, {len(known):,} of them unhappy with a noticeable reason.",
            markdown(pd.DataFrame(rows, columns=columns)),
            f"Their own values contradict {known['contradicted'].mean():.1%} of the themes furthest above their usual "
            f"push, and no likely reason; {known['likely_reason'].isna().mean():.1%} have none.",
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
