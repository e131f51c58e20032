"""Judging a model on the test snapshots, beside baselines and rivals that the same rows have taught."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from churnml.config import Config
from churnml.dataset import Dataset
from churnml.evaluation.evaluate import Evaluation, evaluate
from churnml.evaluation.fairness import Fairness, fairness
from churnml.metrics.profit import Campaign
from churnml.metrics.scorers import three_columns
from churnml.model.baselines import baselines
from churnml.model.classifier import SilentDefectionClassifier
from churnml.model.rivals import rival_chances, rivals
from churnml.model.split import RollingOriginSplit
from churnml.model.training import Fitted, fit_calibrated
from churnml.outcomes import OUTCOMES, SILENT
from churnml.workflows.business import Progress, silently
from churnml.workflows.rows import parts_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

log = logging.getLogger(__name__)

MODEL = "churnml"


@dataclass(frozen=True)
class Judged:
    """A model on rows it has not seen.

    Attributes
    ----------
    fitted : the model that was judged, with what calibrated it
    refits : the models that made its out-of-time predictions, from ever longer histories
    chances : by name, of the model and all others: (n, 3) of the test rows
    evaluation, fairness : its figures
    skipped : why baselines were not possible, by name
    """

    fitted: Fitted[SilentDefectionClassifier]
    refits: Sequence[SilentDefectionClassifier]
    chances: Mapping[str, NDArray[np.float64]]
    evaluation: Evaluation
    fairness: Fairness
    skipped: Mapping[str, str]


def judge(
    learn: Dataset,
    test: Dataset,
    config: Config,
    classifier: SilentDefectionClassifier,
    *,
    splitter: RollingOriginSplit,
    seed: int,
    progress: Progress = silently,
) -> Judged:
    """Fit the classifier, the baselines and the configured rivals on `learn`, and judge all of them on `test`.

    `splitter` gives the origins inside `learn` whose predictions calibrate the classifier and the rivals.
    """
    rows = (learn.X, learn.outcome, learn.as_of)
    simple, named = baselines(learn.X.columns), rivals(config.model.rivals, seed=seed)
    steps = 2 + len(named)
    progress("fitting and judging", 0, steps)
    refits: list[SilentDefectionClassifier] = []
    fitted = fit_calibrated(*rows, classifier=classifier, splitter=splitter, fold=learn.fold, refits=refits)
    chances = {MODEL: fitted.calibration.transform_each(fitted.classifier.predict_proba(test.X), test.as_of)}
    for name, estimator in simple.estimators.items():
        chances[name] = three_columns(estimator.fit(learn.X, learn.outcome), test.X)
    for done, (name, rival) in enumerate(named.items(), start=1):
        progress("fitting and judging", done, steps)
        chances[name] = rival_chances(name, rival, *rows, test.X, test.as_of, splitter=splitter, fold=learn.fold)
    progress("fitting and judging", steps - 1, steps)
    evaluation = evaluate(
        test.outcome,
        chances,
        test.group_id,
        test.voiced,
        test.as_of,
        model=MODEL,
        value=worth(test),
        campaign=campaign(config),
        parts=parts_of(learn, test, config),
        n_bootstrap=config.model.bootstrap,
        seed=seed,
    )
    fair = _fairness(test, chances[MODEL], config.model.bootstrap, seed)
    progress("fitting and judging", steps, steps)
    return Judged(fitted, refits, chances, evaluation, fair, simple.skipped)


def campaign(config: Config) -> Campaign:
    """What it costs to keep customers, as configured."""
    return Campaign(**config.economics.campaign.model_dump(exclude_none=True))


def worth(data: Dataset) -> NDArray[np.float64] | None:
    """What each customer (n,) is worth, 0 or more, nan where that is unknown; None where it is for all."""
    return None if np.isnan(data.value).all() else data.value.clip(min=0)


def _fairness(test: Dataset, chances: NDArray[np.float64], n_bootstrap: int, seed: int) -> Fairness:
    """The model's figures by protected attribute; a warning where there are some and they cannot be judged."""
    p_silent = chances[:, OUTCOMES.index(SILENT)]
    about = (test.protected, test.group_id, test.as_of)
    fair = fairness(test.outcome, p_silent, *about, n_bootstrap=n_bootstrap, seed=seed)
    if fair.skipped and len(test.protected.columns):
        log.warning("fairness is not judged: %s", fair.skipped)
    return fair
