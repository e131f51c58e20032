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
# # Which model is better, and is it really?
#
# Two models are trained on the same simulated shop, beside rivals and baselines, and compared as they should be: on
# the same customers at the same later dates, with an interval for the difference and not only for each. Then one of them has to
# earn its promotion. On the way the classifier is used as what it is, an estimator of scikit-learn.
#
# It needs no network and takes two to three minutes: four of the nine families of features are enough to show how it goes, and
# intervals come from 100 redraws of the customers, half as many as usual.

# %%
from pathlib import Path

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_validate

import churnml
from churnml.errors import ModelError
from churnml.metrics.scorers import lift_scorer, log_loss_scorer, precision_scorer, profit_scorer
from churnml.model.classifier import SilentDefectionClassifier
from churnml.model.rivals import prepared
from churnml.model.split import RollingOriginSplit

pd.set_option("display.max_colwidth", 120)

# %%
made = churnml.simulate(Path("shop"), preset="shop", customers=500, seed=11, months=14)
config = churnml.load_config(made["configuration"]).with_paths("shop/models", "shop/published")
config = config.changed(features={"families": ["recency", "complaints", "experience", "value"]}, model={"bootstrap": 100})

# %% [markdown]
# ## The labelled table, in scikit-learn's hands
#
# `build_dataset` gives features, outcomes and snapshot dates of every mature snapshot. The splitter tests on a later
# snapshot than it trains on, and leaves out every training row whose outcome was not known by then. A random split would
# mix them, and promise too much.

# %%
data = churnml.build_dataset(config)
rule = config.snapshots
splitter = RollingOriginSplit(3, horizon_days=rule.horizon_days + rule.settle_days, lead_days=rule.lead_days)
days = data.keys["as_of"].dt.date.to_numpy()
for train, test in splitter.split(data.X, groups=data.as_of):
    print(f"learn from {len(train):,} rows up to {days[train].max()}, test on {len(test):,} rows of {days[test].max()}")

# %% [markdown]
# `cross_validate` takes it as `cv`, and the scorers as `scoring`: log loss of the three outcomes, how many times more
# silent leavers are among the first tenth than among all (lift), how many of that tenth leave silently (precision), and
# what a campaign would earn per customer (expected maximum profit). Whatever fits and predicts can be judged so;
# `prepared` fills gaps and encodes categories for estimators that cannot.

# %%
scoring = {
    "minus log loss": log_loss_scorer(),
    "lift": lift_scorer(0.1),
    "precision": precision_scorer(0.1),
    "profit": profit_scorer(),
}
estimators = {
    "silent defection": SilentDefectionClassifier(minimum_positives=20, seed=1),
    "logistic regression": prepared(LogisticRegression(C=0.01)),
}
found = {
    name: cross_validate(estimator, data.X, data.outcome, groups=data.as_of, cv=splitter, scoring=scoring)
    for name, estimator in estimators.items()
}
pd.DataFrame({name: {figure: scores[f"test_{figure}"].mean() for figure in scoring} for name, scores in found.items()}).round(3)

# %% [markdown]
# ## Training
#
# `churnml.train` does all of it: searches parameters inside the training period, judges on snapshots after it, calibrates, audits
# for leaks, fits again on everything, and writes the run into the model store with its tables, figures, model card
# and lineage. Here with two trials, and with a rival that the configuration names: it gets the same rows, folds and
# calibration.

# %%
rival = {"boosting": {"estimator": "sklearn.ensemble.HistGradientBoostingClassifier", "parameters": {"max_iter": 100}}}
first = churnml.train(config.changed(model={"rivals": rival}), trials=2)
first.summary()

# %% [markdown]
# The model beside the rival and the baselines. Each figure has its interval, and intervals overlap; what counts is the
# next table.

# %%
board = first.leaderboard()
board[board["population"] == "no voice before"].drop(columns="population").set_index("model").T

# %% [markdown]
# The model minus each of the others, on the same customers, with whole customers redrawn. An interval that leaves out zero
# is a difference beyond noise.

# %%
differences = first.evaluation.differences
chosen = [("silent", "auroc"), ("silent", "average_precision"), ("all", "log_loss")]
table = differences[differences["population"] == "no voice before"].set_index(["outcome", "metric"]).loc[chosen]
table[["baseline", "value", "low", "high"]].round(4)

# %% [markdown]
# How much did the search add? `gain` is the improvement of the objective on the folds over the parameters to begin with,
# which are the first trial. It is usually small, and that is intended: the defaults should do.

# %%
print(f"{first.tuned.objective.name} improved by {first.tuned.gain:.5f}")
first.tuned.trials.round(4)

# %% [markdown]
# ## By parts, and by lead time
#
# A good figure over everyone can hide a bad one for the newest customers. And a warning that comes the day before is worth
# less than one a month ahead.

# %%
parts = first.evaluation.breakdown
led = parts[(parts["outcome"] == "silent") & (parts["metric"] == "auroc") & (parts["population"] == "no voice before")]
led[led["model"] == "churnml"][["by", "part", "value", "low", "high"]].round(3).reset_index(drop=True)

# %% [markdown]
# ## A second specification
#
# Is all this needed? The second model sees recency, frequency and rhythm only, and none of the other families of features.

# %%
second = churnml.train(config.changed(features={"families": ["recency"]}), trials=0)
second.promotion

# %% [markdown]
# `compare` measures them on the test rows that both share, lists the settings in which they differ, and leaves a run with
# tables and plots of its own.

# %%
compared = churnml.compare(config, [first.version, second.version])
compared.table()

# %%
compared.difference_table()

# %%
compared.settings

# %% [markdown]
# ## Promotion
#
# A refresh of the champion's own specification must not be worse; a new specification must be better beyond noise. Most are
# not, and then nothing changes and the reason is kept.

# %%
try:
    print(churnml.promote(config, second.version))
except ModelError as error:
    print(error)

# %% [markdown]
# ## What is each family of features worth?
#
# The same model without one family at a time, on origins inside the training period: the test snapshots stay closed for what
# is decided by this table. Below zero in log loss means that the family helps.

# %%
ablated = churnml.ablate(config)
ablated.table()

# %% [markdown]
# Everything above lies in the model store, too: runs, trials, tables, figures, and the models under their aliases.

# %%
print("mlflow ui --backend-store-uri", first.store)
