"""Models side by side on the same rows, and whether a challenger may take the champion's place."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import pandas as pd
from numpy.typing import ArrayLike

from churnml.errors import ModelError
from churnml.evaluation.evaluate import difference_rows
from churnml.evaluation.judge import NO_VOICE, POPULATIONS, Rows, replicate
from churnml.metrics.scores import ClusterBootstrap
from churnml.outcomes import SILENT

AUROC_MARGIN = 0.005
CALIBRATION_MARGIN = 0.01


def compare(
    y: ArrayLike,
    probabilities: Mapping[str, ArrayLike],
    group_ids: ArrayLike,
    voiced: ArrayLike,
    *,
    n_bootstrap: int = 200,
    seed: int = 0,
) -> pd.DataFrame:
    """Paired differences between every two models: those given first minus those given later.

    Parameters are those of `evaluate`.

    Returns
    -------
    DataFrame with model, baseline (the model subtracted), population, outcome, metric, value, low, high, n, positives

    Raises
    ------
    ModelError
        Fewer than two models, no rows, wrong shapes, missing chances or unknown outcomes.
    """
    rows = Rows.of(y, group_ids, voiced)
    tables = rows.checked(probabilities)
    if len(tables) < 2:
        raise ModelError("a comparison needs two models or more")
    bootstrap = ClusterBootstrap(rows.group_ids, n_bootstrap, seed)
    result = []
    for population in POPULATIONS:
        judged = replicate(rows, tables, population, bootstrap)
        sizes = rows.sizes(population)
        for first, second in combinations(judged, 2):
            about = {"model": first, "baseline": second, "population": population}
            result += [{**about, **row} for row in difference_rows(judged[first], judged[second], sizes)]
    return pd.DataFrame(result)


@dataclass(frozen=True)
class Verdict:
    """Whether the challenger may become champion, and why in one sentence."""

    promote: bool
    why: str


def promotion_verdict(
    y: ArrayLike,
    champion: ArrayLike,
    challenger: ArrayLike,
    group_ids: ArrayLike,
    voiced: ArrayLike,
    *,
    refresh: bool,
    n_bootstrap: int = 200,
    seed: int = 0,
) -> Verdict:
    """Judge champion and challenger, chances (n, 3) each, on the same unseen rows.

    The figure is the AUROC of the silent outcome among customers without voice before. A refresh (the champion's
    specification on newer data) must not be worse: the 95% interval of its difference lies above -0.005. A new
    specification must be better beyond noise: the interval lies above 0. Either must be as well calibrated: the
    interval of the difference in calibration error lies below +0.01.
    """
    models = {"challenger": challenger, "champion": champion}
    table = compare(y, models, group_ids, voiced, n_bootstrap=n_bootstrap, seed=seed)
    silent = table[(table["population"] == NO_VOICE) & (table["outcome"] == SILENT)].set_index("metric")
    figures = {column: silent[column].astype(float).to_dict() for column in ("value", "low", "high")}
    value, low, high = (figures[column]["auroc"] for column in ("value", "low", "high"))
    error, worst = (figures[column]["calibration_error"] for column in ("value", "high"))
    said = f"AUROC of silent defection {value:+.4f} against the champion (95% interval {low:+.4f} to {high:+.4f})"
    if math.isnan(low):
        return Verdict(False, "the test rows without voice before do not hold both silent leavers and others")
    bound = -AUROC_MARGIN if refresh else 0.0
    if not low > bound:
        need = f"a refresh must not be worse: above {bound:+.3f}" if refresh else "a new specification must be better"
        return Verdict(False, f"{said}; {need}")
    calibration = f"calibration error {error:+.4f} (at most {worst:+.4f})"
    if not worst < CALIBRATION_MARGIN:
        return Verdict(False, f"{said}, but {calibration}; it must stay below {CALIBRATION_MARGIN:+.3f}")
    return Verdict(True, f"{said}, {calibration}")
