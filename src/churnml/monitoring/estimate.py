"""What a night's figures are likely to be, before anybody knows what became of its customers.

Confidence-based performance estimation (CBPE; Kivimäki, Białek, Kuberski & Nurminen, "Performance Estimation in Binary
Classification Using Calibrated Confidence", arXiv:2505.05295, 2025; NannyML's documentation for the ranking): each
customer counts as left with the chance that the model gave, so that the expected figure needs no outcome. It holds only
while the chances are right. It sees that a night has become easier or harder to rank; it cannot see that leaving itself
has changed, which is why a night is judged later all the same. A calibration error cannot be estimated so: it is
assumed to be none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from churnml.metrics.scores import SMALLEST, Ranking
from churnml.outcomes import OUTCOMES, SILENT

Key = tuple[str, str]


def estimate(chances: NDArray[np.float64]) -> dict[Key, float]:
    """The expected log loss over all outcomes, and AUROC and lift at 10% of the silent one, by outcome and metric.

    Parameters
    ----------
    chances : (n, 3) calibrated, in the order of `OUTCOMES`; without rows, or with one chance for all, figures are nan

    >>> sure = estimate(np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))
    >>> sure["silent", "auroc"], round(sure["all", "log_loss"], 6)
    (1.0, 0.0)
    """
    given = np.clip(chances, SMALLEST, 1.0)
    losses = -(chances * np.log(given)).sum(axis=1)
    silent = chances[:, OUTCOMES.index(SILENT)]
    curve = Ranking(silent, silent).curve()
    return {
        ("all", "log_loss"): float(losses.sum()) / len(losses) if len(losses) else float("nan"),
        (SILENT, "auroc"): curve.auroc(),
        (SILENT, "lift_at_10pct"): curve.lift_at(0.1),
    }
