"""A gate on the whole: a model that ranks next to perfectly, far better than recency does, has seen the answer.

Single features and single acts have gates of their own. A leak may also be spread over several columns, or come by a
way that no gate knows; then the ranking gives it away.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from churnml.evaluation.findings import Audit, Finding
from churnml.evaluation.information import ROWS, small_model_scores
from churnml.evaluation.leakage import strengths
from churnml.metrics.scores import ClusterBootstrap, Ranking, interval
from churnml.outcomes import SILENT

if TYPE_CHECKING:
    from churnml.dataset import Dataset

HONEST = "no model is too good to be honest"
SUSPICIOUS_AUROC = 0.95
"""An AUROC above this is suspicious: hardly an oracle that knows the minds of simulated customers has it ..."""
ABOVE_RECENCY = 0.10
"""... unless recency alone comes so close to it."""
REPLICATES = 200
NAMED = 3


def too_good(learn: Dataset, test: Dataset, recency: Collection[str], seed: int = 0) -> Audit:
    """Fail where a small model ranks silent leavers of later snapshots too well, among customers without voice before.

    Parameters
    ----------
    learn, test : rows before and after; at most 20,000 of each are used
    recency : the declared recency features. What they alone reach may be had honestly.

    Both limits hold for the lower ends of 95% intervals, from customers redrawn. The strongest features are named.
    """
    rng = np.random.default_rng(seed)
    learn, test = (part.drawn(ROWS, rng) for part in (learn, test))
    silent_before = ~test.voiced
    silent = test.outcome[silent_before] == SILENT
    known = [name for name in learn.X.columns if name in recency]
    scores = [small_model_scores(learn, test, names) for names in (list(learn.X.columns), known) if names]
    if len(scores) < 2 or any(score is None for score in scores) or silent.all() or not silent.any():
        return Audit((Finding(HONEST, True, None, "there is too little to tell"),))
    rankings = [Ranking(silent, score[silent_before]) for score in scores if score is not None]
    whole, alone = (ranking.curve().auroc() for ranking in rankings)
    redrawn = ClusterBootstrap(test.group_id[silent_before].astype(str), REPLICATES, seed)
    replicates = np.array([[ranking.curve(weight).auroc() for ranking in rankings] for weight in redrawn])
    low, high = interval(replicates[:, 0])
    above, _ = interval(replicates[:, 0] - replicates[:, 1])
    detail = (
        f"AUROC of silent {whole:.3f} [{low:.3f}, {high:.3f}] by time, by the recency features alone {alone:.3f}; the "
        f"limits are {SUSPICIOUS_AUROC} and {ABOVE_RECENCY} above these"
    )
    if low <= SUSPICIOUS_AUROC or above <= ABOVE_RECENCY:
        return Audit((Finding(HONEST, True, None, detail),))
    strength = strengths(test.X.drop(columns=known), test.outcome, test.group_id)
    strongest = sorted(strength, key=lambda name: -strength[name])[:NAMED]
    advice = "look how these came into the books, and when; leave out what was written or sent because somebody left"
    return Audit((Finding(HONEST, False, ", ".join(strongest), f"{detail}. The strongest are named; {advice}"),))
