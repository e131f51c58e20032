# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---
# %% [markdown]
# # Is it too good to be true?
#
# A model that looks excellent in the test and fails in March has usually seen the future. It rarely looks like the future: a
# column that is overwritten when somebody leaves, a letter that goes out because somebody has left, a time that was filled
# in afterwards. This notebook makes two such leaks on purpose, sees what they do to a model, and lets the audit find them.
#
# It needs no network and takes one to two minutes: two of the nine families of features are enough to show it, and intervals
# come from 100 redraws of the customers, half as many as usual.

# %%
from pathlib import Path

import pandas as pd

import churnml

pd.set_option("display.max_colwidth", 160)

# %% [markdown]
# ## Two companies, the same but for two columns
#
# The same simulated software company twice, from the same seed. In the second, `credit_score` is written anew when somebody
# leaves, as a nightly job of another department might do it, and a mail with the purpose "win-back" goes to people who are
# leaving before the closure is on the books.

# %%
honest = churnml.simulate(Path("honest"), preset="software", customers=400, seed=3, months=12)
leaky = churnml.simulate(
    Path("leaky"),
    preset="software",
    customers=400,
    seed=3,
    months=12,
    traps=["leaking_attribute", "winback_before_closure"],
)
quick = {"features": {"families": ["recency", "outreach"]}, "model": {"bootstrap": 100}}
configs = {
    name: churnml.load_config(made["configuration"]).with_paths(f"{name}/models", f"{name}/published").changed(**quick)
    for name, made in (("honest", honest), ("leaky", leaky))
}

# %% [markdown]
# Nothing is wrong with either by the contract: types, keys, dates and order are as they should be. A leak is no
# malformed row.

# %%
{name: len(churnml.check(config).report.refused) for name, config in configs.items()}

# %% [markdown]
# ## What a leak does to a model
#
# Both are trained and tested in the same way, on later snapshots. Who looks at the figures alone prefers the second.

# %%
trained = {name: churnml.train(config, trials=0) for name, config in configs.items()}
figures = pd.concat({name: each.leaderboard().query("model == 'churnml'") for name, each in trained.items()})
figures.droplevel(1).query("population == 'no voice before'").drop(columns=["model", "population"]).T

# %% [markdown]
# What the second one learnt from:

# %%
drivers = pd.DataFrame(
    {name: each.drivers().head(5)["feature"].tolist() for name, each in trained.items()},
    index=range(1, 6),
)
drivers

# %% [markdown]
# Every training runs the audit, and a model that fails it does not become the champion, whatever its figures.

# %%
{name: each.promotion for name, each in trained.items()}

# %% [markdown]
# ## What the audit asks
#
# Gates decide, and name the feature or the column:
#
# - **The future deleted.** All rows that lie after a snapshot are removed, and the features computed again. Then the rows
#   that had happened but were not yet known. Nothing may change.
# - **The future poisoned.** They are replaced by absurd ones. Nothing may change either.
# - **Features that know too much.** No single feature but the declared recency ones separates leavers from the others
#   almost alone. Recency is excepted because inactivity is what the label is made of; that is why recency alone is a rival
#   that the model has to beat.
# - **Hindsight.** Attributes whose values only leavers have, acts of the company that knew, times that were filled in later.
#
# The first two are about code, and pass in both companies: no feature looks past its snapshot. The leak is in the data.

# %%
found = trained["leaky"].audit.frame()
found[found["verdict"] == "fail"].drop(columns="passed")

# %%
found.groupby(["gate", "verdict"], sort=False).size().to_frame("lines")

# %% [markdown]
# Beside the gates there is information: what a model learns from shuffled labels (nothing, if all is well), and how much better
# a random split would have looked than the split by time. The gap is what one would have promised too much.

# %%
shown = trained["honest"].audit.frame()
shown[shown["verdict"] == "information"][["gate", "detail"]]

# %% [markdown]
# ## What to do about it
#
# A column that is overwritten is not mapped until it comes with a clock of its own, as `attribute_changed` events. A letter
# that is sent because of a departure is left out of the mapping with `where`, or the kind is excluded. In the
# configuration, `accept` takes a finding as known, in the words of the table; it stays in the table, marked as accepted.
#
# The honest company has nothing to hide. `churnml.audit(config)`, or `churnml audit CONFIG`, asks the same without a training.

# %%
trained["honest"].audit.passed
