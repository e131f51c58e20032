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
# # Who is about to leave without a word?
#
# Most customers who leave never complain first. A company that counts complaints sees the few who speak; this notebook
# looks for the others. It goes the whole way once, on real data: two years of order lines of a British gift wholesaler, from
# raw tables to a list of customers with a chance of leaving silently, and the reasons, in words.
#
# The data (Chen: Online Retail II, UCI Machine Learning Repository, CC BY 4.0) are fetched from the publisher once, 45
# MB, and kept; or they are read from the folder that `CHURNML_DATA_HOME` names. The rest takes about two minutes. To do the same
# with tables of your own, replace the configuration: the guide (`docs/guide.md`) explains every key of it.

# %%
from datetime import date
from pathlib import Path

import pandas as pd

import churnml

pd.set_option("display.max_colwidth", 100)

# %% [markdown]
# ## The configuration
#
# One YAML file describes one business: where the tables are, which columns mean what, and what counts as leaving and as
# speaking up. This wholesaler has no contracts and no goodbyes: a customer has left who orders nothing for 90 days. Voice
# is a return: goods came back, and the wholesaler was told.

# %%
configs = Path(churnml.__file__).parents[2] / "configs"
config = churnml.load_config(configs / "online_retail.yaml").with_paths("shop/models", "shop/published")
config = config.changed(snapshots={"every": "56 days"})  # every 28 in the file: twice the rows, in twice the time
print("customers:", config.eligible)
print("left:     ", config.defection)
print("voice:    ", config.voice)
print("dates:    ", config.snapshots)

# %% [markdown]
# ## Can the data be trusted?
#
# Everything is mapped to two tables, `customers` and `events`, and held against their contract before anything else
# happens. All problems are reported at once, by name and count, and never with a customer's values.

# %%
checked = churnml.check(config)
print(f"{checked.customers:,} customers, {checked.events:,} events, {len(checked.report.refused)} reasons to refuse them")
checked.report.frame()

# %% [markdown]
# ## What became of them
#
# We look at the business every 56 days. At each of these *snapshots* every customer with an order in the last half-year is one
# row: what was known on that morning (the features), and what happened in the 90 days after it (the outcome). A snapshot
# whose 90 days are not over yet is left out. It has no outcome, and calling its customers "retained" would be a lie.

# %%
data = churnml.build_dataset(config)
print(f"{len(data):,} rows, {data.X.shape[1]} features, {len(data.recipe.switched_off)} features switched off")
rows = data.frame()
pd.crosstab(rows["as_of"].dt.date, rows["outcome"], margins=True)

# %% [markdown]
# Leaving with and leaving without a word are different things, and often have opposite signs: those who complain are in
# touch more than usual, the silent ones less. That is why there are three outcomes and not two.

# %%
rows.groupby("outcome")[["days_since_engagement", "overdue_ratio", "active_days_90d", "voice_events_90d"]].mean().round(2)

# %% [markdown]
# Who was left out, and why:

# %%
data.left_out()

# %% [markdown]
# ## Train
#
# The last snapshots are kept apart for the test, and every training outcome is known before the test begins. The model
# is judged there beside simple baselines: *recency alone* (how long since the last order), *RFM* (recency, frequency,
# money), *BTYD* (the chance of coming again, from how often and how lately they came), the *complaint count* and *has
# voiced*. Then it is fitted again on all rows and put into the model store. `trials=0` skips the search for better
# parameters; leave it out for real work.

# %%
trained = churnml.train(config, trials=0)
trained.summary()

# %% [markdown]
# The figure that leads is the AUROC of the silent outcome among customers **without voice before**. Somebody who has
# just complained cannot leave silently any more, so part of any AUROC over everyone is mere arithmetic.

# %%
board = trained.leaderboard()
board[board["population"] == "no voice before"].drop(columns="population").set_index("model").T

# %% [markdown]
# The model minus each baseline, on the same customers. An interval that does not reach zero is a difference beyond noise.

# %%
differences = trained.evaluation.differences
led = differences.query("population == 'no voice before' and outcome == 'silent' and metric == 'auroc'")
led[["baseline", "value", "low", "high"]].round(3).reset_index(drop=True)

# %% [markdown]
# One more question before anybody trusts a good figure: did the future leak into the features? The audit deletes all
# that was not known yet, then poisons it, and computes the features again. They must not change. What it cannot
# judge, it says.

# %%
audit = trained.audit.frame()
audit.groupby(["gate", "verdict"], sort=False).size().to_frame("lines")

# %% [markdown]
# ## Score a night
#
# The first sound model became the *champion*, and the champion scores. Scores are published whole or not at all; doing the
# same twice does nothing.

# %%
night = date(2011, 12, 9)
scored = churnml.score(config, night)
print(f"{scored.customers} customers, of whom {scored.expected_silent:.0f} are expected to leave silently")

# %%
scores = scored.night.scores().to_pandas().sort_values("p_silent", ascending=False)
scores[["customer_id", "p_silent", "p_vocal", "risk_band", "value_at_risk", "reason_1", "reason_2"]].head(5)

# %%
churnml.score(config, night).unchanged

# %% [markdown]
# ## Why this customer?
#
# The reasons are exact contributions of the features to the model's log-odds (TreeSHAP), each said in words with the
# customer's own numbers. They say what the model saw. They do not say what causes what. Here is, of the customers at high risk,
# the one who is worth most.

# %%
at_risk = scores[scores["risk_band"] == "high"].sort_values("value_at_risk", ascending=False)
dearest = at_risk["customer_id"].iloc[0]
why = churnml.explain(config, dearest, night)
print(*[f"{outcome}: {chance:.0%}" for outcome, chance in why.chances.items()], sep=", ")
print(*why.reasons, sep="\n")

# %%
pd.Series(why.themes, name=why.declared).round(2).to_frame()

# %% [markdown]
# ## For everybody else
#
# One HTML file for those who decide, to be opened in any browser: who leaves silently, why, what it may cost, and how
# far to trust it.

# %%
print("report:      ", churnml.write_report(config))
print("scores:      ", scored.night.folder / "scores.parquet")
print("model store: ", trained.store)
print("to look into it: mlflow ui --backend-store-uri", trained.store)
