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
# # What does a reason mean?
#
# Every customer who is scored gets reasons in words. This notebook takes them apart: where the numbers come from, that they
# add up, how they become sentences, what a theme is good for, and how far a reason may be trusted. The company is simulated, so
# that the true reasons of those who left are known, and the model can be asked how often it was right.
#
# It needs no network and takes about a minute.

# %%
from pathlib import Path

import numpy as np
import pandas as pd

import churnml
from churnml.explanation.attribution import attribute
from churnml.explanation.reasons import keeps, reasons
from churnml.explanation.themes import by_theme, feature_drivers, theme_drivers

pd.set_option("display.max_colwidth", 120)

# %%
made = churnml.simulate(Path("company"), preset="telecom", customers=800, seed=5, months=12)
config = churnml.load_config(made["configuration"]).with_paths("company/models", "company/published")
config = config.changed(snapshots={"every": "42 days"}, model={"bootstrap": 50})  # fewer than usual: it goes faster
data = churnml.build_dataset(config)
trained = churnml.train(config, trials=0)
bundle = trained.bundle

# %% [markdown]
# ## One number, taken apart
#
# A reason belongs to one number: the log-odds of leaving silently against staying, as the model gives it. TreeSHAP
# (Lundberg, Erion & Lee 2018) divides it exactly: a base, the same for everybody, and what each feature adds or takes away.

# %%
cards = data.recipe.cards
X = data.X
explained = attribute(bundle.classifier, X)
print(explained.declared)
print("base:", explained.base[0].round(3), " largest error of the sum:", end=" ")
print(np.abs(explained.base + explained.values.sum(axis=1) - explained.margin).max())

# %% [markdown]
# The customer whom the model is most worried about. Contributions are in log-odds: +0.69 doubles the odds.

# %%
worst = int(explained.margin.argmax())
alone = pd.DataFrame({"value": X.iloc[worst], "contribution": explained.values[worst]}, index=list(explained.features))
alone.reindex(alone["contribution"].abs().sort_values(ascending=False).index).head(8).round(3)

# %% [markdown]
# ## From numbers to sentences
#
# Each feature is declared with a sentence of its own. The customer's number is put into it, and the number that is usual among
# those who stayed. Features that are close relatives speak once, through their theme, and nothing is said that
# pushes the other way: what keeps the customer is a list of its own.

# %%
one = np.arange(len(X)) == worst
this = attribute(bundle.classifier, X[one])
for said in (reasons(this, X[one], cards, bundle.usual), keeps(this, X[one], cards, bundle.usual)):
    print(*said.iloc[0].dropna().astype(str), sep="\n", end="\n\n")

# %% [markdown]
# ## Themes
#
# Two features that say nearly the same share their contribution almost at will: trees take now the one, now the other.
# Their sum is much steadier. That is why every feature has exactly one theme, and contributions are added up by theme.

# %%
theme_drivers(explained, cards).head(6).round(3)[["theme", "share", "towards", "away", "customers_towards", "features"]]

# %% [markdown]
# Which way does a feature push? The direction is a rank correlation of value and contribution, and is only given
# where there is one.

# %%
feature_drivers(explained, X, cards).head(8)[["feature", "theme", "share", "direction"]].round(3)

# %% [markdown]
# A direction is not a shape. Customers in ten groups by days since their last use, and what that feature adds on average:

# %%
column = "days_since_engagement"
shape = pd.DataFrame({"value": X[column], "contribution": explained.values[:, explained.features.index(column)]})
shape.groupby(pd.qcut(shape["value"], 10, duplicates="drop")).agg(["mean", "count"])["contribution"].round(3)

# %% [markdown]
# ## Is it the true reason?
#
# Nobody knows in a real company. Here the simulator wrote down what drove out each customer who left unhappy. We take those
# who left silently, at their last snapshot before, and see whether the theme that pushes hardest is the true one. What
# the model can see is another matter: it also answers "going quiet", which is how leaving looks, not why it happens.

# %%
truth = pd.read_parquet("company/truth/departures.parquet").query("manner == 'silent' and reason == 'unhappy'")
themes = by_theme(explained, cards).assign(customer_id=data.keys["customer_id"], as_of=data.keys["as_of"])
left = themes[data.outcome == "silent"].sort_values("as_of").groupby("customer_id").last().drop(columns="as_of")
left = left[left.index.isin(truth["customer_id"])]
true_theme = truth.set_index("customer_id")["theme"].reindex(left.index)
causes = [theme for theme in left.columns if theme in set(truth["theme"])]
guess = left[causes].idxmax(axis=1)
chance = (true_theme.value_counts(normalize=True) * guess.value_counts(normalize=True)).sum()
print(f"{len(left)} silent leavers; theme that pushes hardest, over all: {left.idxmax(axis=1).value_counts().index[0]}")
print(f"among the themes that can be causes: right for {(guess == true_theme).mean():.0%}, by chance {chance:.0%}")

# %% [markdown]
# That is the honest limit. A contribution says what the model *saw*, and a sentence repeats it. It does not say what would
# happen if the reason were taken away: for that, one has to treat some customers and leave others alone, at random.
