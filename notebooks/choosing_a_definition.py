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
# # What does leaving mean in your business?
#
# Nobody tells a shop that they will not come back. Somebody has to decide how many quiet days mean that a customer is
# gone, and everything after it, from the share of leavers to the list of whom to call, hangs on this number. Too
# short, and half of the "leavers" are back next month; too long, and the warning comes when it is too late.
#
# This notebook looks at what each choice would lead to, on a simulated shop of which we know who has really left, and
# compares the suggestion with the truth. It needs no network and takes about a minute.

# %%
from pathlib import Path

import pandas as pd

import churnml
from churnml.insights.silences import last_day_believed, silences
from churnml.workflows.business import open_business

# %%
shop = Path("shop")
made = churnml.simulate(shop, preset="shop", customers=800, seed=4, months=15)
config = churnml.load_config(made["configuration"]).with_paths("shop/models", "shop/published")
print("left:     ", config.defection)
print("customers:", config.eligible)
print("horizon:  ", config.snapshots.horizon_days, "days")

# %% [markdown]
# ## When does silence mean leaving?
#
# Take every silence in the books: a day of engagement, and then nothing. Of those that have lasted a week, most are
# broken later: the customer was just not there. Of those that have lasted half a year, hardly any are. Somewhere between lies
# the length from which on silence is a sign.
#
# A silence that is still open when the books end is not a short one. It is looked at only where the books reach far enough
# to see whether it was broken, here within 90 days more.

# %%
lab = churnml.define(config)
lengths = lab.silences[lab.silences["quiet_days"].isin([7, 14, 28, 56, 84, 112, 140])]
lengths.drop(columns="independent").round(3).set_index("quiet_days")

# %%
print(lab.suggestion.why)

# %% [markdown]
# ## What each choice leads to
#
# No model is needed for this table. Each row is a definition: who counts as a customer (active within so many days) and
# how long the silence must last (the horizon). All of them are judged at the same snapshots, so that the differences come
# from the definition and not from the season.
#
# - **left** and **silent**: how many leave, and how many of these without a word.
# - **back**: of those who left by silence, how many were back within 90 days. Each of them would have got a farewell
#   letter for nothing.
# - **same**: leavers shared with the configured definition (the row with a star).
# - **auroc**: how well the quiet days before the snapshot alone tell who leaves. Nothing to be proud of when it is high:
#   the definition is then partly a restatement of the past.

# %%
lab.table()

# %% [markdown]
# ## Was the suggestion right?
#
# In real life nobody knows. The simulator does: it wrote down when each customer really left, long before a shop could
# notice. Of all silences that lasted as long as the suggestion says, how many belong to customers who had truly gone?

# %%
with open_business(config) as business:
    found = silences(business.canonical, business.config, business.engine, business.known_at)
    believed = last_day_believed(business.known_at, business.config)
truth = pd.read_parquet(shop / "truth" / "departures.parquet")
found = found.merge(truth[["customer_id", "left_on"]], on="customer_id", how="left")
followed = found[(pd.Timestamp(believed) - found["began"]).dt.days > lab.suggestion.quiet_days + lab.follow_days]
days_to_leaving = (pd.to_datetime(followed["left_on"]) - followed["began"]).dt.days
lasts = followed["broken_after"].fillna(float("inf"))
closes = followed["closed_after"].fillna(float("inf"))
rows = []
for length in (14, 28, 56, lab.suggestion.quiet_days):
    quiet = (lasts > length) & (closes > length)
    rows.append({"days of silence": length, "silences": quiet.sum(), "really gone": (days_to_leaving[quiet] <= length).mean()})
pd.DataFrame(rows).round(3).set_index("days of silence")

# %% [markdown]
# ## Choosing
#
# The table is there to be argued about. A shorter horizon warns earlier and is wrong more often. What is right depends on
# what is done with the answer: a friendly mail can bear many false alarms, writing off a customer cannot.
#
# Other pairs are looked at by naming them. The answers are the same on every run.

# %%
other = churnml.define(config, horizons=[28, 42, 84], active_within=[42], follow_days=60, returning=0.2)
print(other.suggestion.why)
other.table()

# %% [markdown]
# How many leavers do two definitions share? Where the overlap is small, two people who use them speak of
# different customers.

# %%
other.agreement.round(3)

# %% [markdown]
# Where leaving is a contract that ends, nothing of this is a question: a closure is what it is, and the horizon only says
# how far ahead to look. `churnml define CONFIG --out picture.svg` prints and draws the same on the command line.
