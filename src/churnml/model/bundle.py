"""A trained model in a folder: LightGBM's text and `manifest.json` (everything else). No pickle.

One booster is `model.txt`; where the formulation has several, each is `model_<part>.txt`. The same bundle always gives
the same bytes. All files are verified before LightGBM reads a byte of a model, because an edited model text can hang or
abort the process.
"""

from __future__ import annotations

import hashlib
import json
import math
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import sklearn
from numpy.typing import ArrayLike, NDArray

from churnml import __version__
from churnml.errors import ModelError
from churnml.model.calibration import Calibration
from churnml.model.classifier import SilentDefectionClassifier
from churnml.model.profile import QUANTILES, feature_type, profile

MANIFEST_FILE = "manifest.json"
FORMAT = 3
_ONE_BOOSTER = 2
"""The format before there were several boosters; still read."""
_ADVICE = "take the bundle from the model store again, or train anew"
BATCH_ROWS = 50_000
"""So many customers are scored at once."""
_PLAIN_FIELDS = (
    *("features", "fitted", "quantiles", "histograms", "config", "config_digest", "snapshots", "known_at"),
    *("sources", "metrics", "versions", "notes"),
)


@dataclass(frozen=True)
class Bundle:
    """Everything a night needs to score: the model, its calibration, and what its inputs looked like in training.

    Attributes
    ----------
    features : one plain dict per column of X, in order: `name`, `type` (`number` or `category`), and whatever the
        registry says of it (`doc`, `unit`, `theme`, `family`, `sentence`, ...)
    fitted : what features with fitted state have learnt from the training rows, by name
    quantiles, histograms : what the training rows looked like, see `Profile`
    config, config_digest, snapshots, known_at, sources : what it was trained on; `sources` maps file to sha256
    metrics, versions, notes : plain values
    """

    classifier: SilentDefectionClassifier
    calibration: Calibration
    features: tuple[dict[str, Any], ...]
    quantiles: dict[str, list[float | None]]
    histograms: dict[str, dict[str, Any]]
    fitted: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    config_digest: str = ""
    snapshots: tuple[str, ...] = ()
    known_at: str = ""
    sources: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def build(
        cls,
        classifier: SilentDefectionClassifier,
        calibration: Calibration,
        X: pd.DataFrame,
        features: Sequence[Mapping[str, Any]] = (),
        *,
        as_of: ArrayLike | None = None,
        began: date | None = None,
        **about: Any,
    ) -> Bundle:
        """Pack a fitted classifier with its calibration and what the training rows `X` (n, f) looked like.

        The rows are of the snapshots `as_of` (n,), and the log began on the day `began`: see `profile`.
        `features` describes columns (a `name` and anything plain); columns without a description get name and type
        only. `about` fills the other fields of `Bundle`.
        """
        described = {str(feature["name"]): dict(feature) for feature in features}
        names = [str(name) for name in X.columns]
        columns = [{**described.get(name, {}), "name": name, "type": feature_type(X[name])} for name in names]
        looks = profile(X, as_of, began)
        values = {
            "features": tuple(columns),
            "quantiles": looks.quantiles,
            "histograms": looks.histograms,
            "versions": versions(),
            **about,
        }
        unknown = sorted(set(about) - set(_PLAIN_FIELDS))
        if unknown:
            raise ModelError(f"a bundle has no field {unknown[0]!r}")
        plain = _plain({name: values.get(name) for name in _PLAIN_FIELDS if name in values})
        for name in ("features", "snapshots"):
            if name in plain:
                plain[name] = tuple(plain[name])
        return cls(classifier, calibration, **plain)

    @classmethod
    def load(cls, folder: str | Path) -> Bundle:
        """Read a bundle that `Bundle.save` wrote.

        Raises
        ------
        ModelError
            A file is missing or unreadable, or its sha256 is not the recorded one. LightGBM has then read nothing.
        """
        folder = Path(folder)
        written = _read(folder, MANIFEST_FILE)
        try:
            manifest = json.loads(written)
        except ValueError as error:
            raise ModelError(f"{folder}: {MANIFEST_FILE} cannot be read: {error}", _ADVICE) from error
        if not isinstance(manifest, dict) or manifest.get("format") not in (_ONE_BOOSTER, FORMAT):
            raise ModelError(f"{folder}: {MANIFEST_FILE} is not of bundle format {FORMAT}", _ADVICE)
        digest = manifest.pop("digest", None)
        if digest != _digest(manifest) or written != _json({**manifest, "digest": digest}):
            raise ModelError(f"{folder}: {MANIFEST_FILE} was changed since it was written", _ADVICE)
        if manifest["format"] == _ONE_BOOSTER:
            part = "outcomes" if manifest["classifier"]["split"] is None else "defection"
            manifest["models"] = {part: manifest["model_sha256"]}
        texts = {}
        for part, file in _files(manifest["models"]).items():
            text = _read(folder, file)
            if manifest["models"][part] != hashlib.sha256(text).hexdigest():
                raise ModelError(f"{folder}: {file} was changed since it was written (sha256 differs)", _ADVICE)
            texts[part] = text.decode()
        fields = {name: manifest[name] for name in _PLAIN_FIELDS}
        return cls(
            SilentDefectionClassifier.restore(manifest["classifier"], texts),
            Calibration.restore(manifest["calibration"]),
            **{**fields, "features": tuple(fields["features"]), "snapshots": tuple(fields["snapshots"])},
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """The outcomes, in the order of the columns of `predict_proba`."""
        return tuple(self.classifier.classes_.tolist())

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that `predict_proba` expects, in order."""
        return tuple(feature["name"] for feature in self.features)

    @property
    def medians(self) -> dict[str, float]:
        """The median of each number feature among the training rows that have a value; one that none has is absent."""
        middle = QUANTILES.index(0.5)
        return {name: value for name, values in self.quantiles.items() if (value := values[middle]) is not None}

    @property
    def usual(self) -> dict[str, float | str]:
        """The median of each number feature among the training rows; what a sentence calls usual.

        It is nan where most of the rows have no value: then having none is what is usual. Of a category, the one that
        most of the rows have; one without such a category is not there.
        """
        rare = {name for name, about in self.histograms.items() if about["missing"] > 0.5}
        known = {name: float("nan") if name in rare else value for name, value in self.medians.items()}
        return {**known, **{feature["name"]: most for feature in self.features if (most := self._most(feature))}}

    def _most(self, feature: Mapping[str, Any]) -> str | None:
        """The category that more than half of the training rows have."""
        about = self.histograms.get(feature["name"])
        if feature["type"] != "category" or about is None:
            return None
        present = 1 - about["missing"]
        shares = zip(about["edges"], about["shares"], strict=True)
        return next((str(edge) for edge, share in shares if share * present > 0.5), None)

    @property
    def usual_pushes(self) -> dict[str, float]:
        """What each theme usually adds to the declared margin; empty in a bundle of an earlier version."""
        return dict(self.notes.get("usual_pushes", {}))

    @property
    def digest(self) -> str:
        """sha256 of the manifest, which holds the boosters' own: two bundles with one digest score alike."""
        return _digest(self._manifest())

    def predict_proba(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Calibrated chances (n, 3) in the order of `classes`.

        Raises
        ------
        ModelError
            A column is missing, too many, out of order or of the wrong type; the message names it.
        """
        self.check(X)
        if not len(X):
            return np.empty((0, len(self.classes)))
        return self.calibration.transform(self.classifier.predict_proba(X))

    def on(self, X: pd.DataFrame) -> Bundle:
        """The bundle for one whole night, whose features are X (n, f), all of them.

        It is this one, unless its calibration follows the base rates of each night (see `Calibration.on`).

        Raises
        ------
        ModelError
            X does not fit, as in `predict_proba`.
        """
        if not self.calibration.rates or not len(X):
            return self
        self.check(X)
        batches = range(0, len(X), BATCH_ROWS)
        raw = np.concatenate([self.classifier.predict_proba(X.iloc[at : at + BATCH_ROWS]) for at in batches])
        return replace(self, calibration=self.calibration.on(raw))

    def check(self, X: pd.DataFrame) -> None:
        """Raise a ModelError that names the first column of X that differs from training."""
        given, expected = [str(name) for name in X.columns], list(self.columns)
        advice = "build the features with the configuration that the model was trained with"
        if missing := [name for name in expected if name not in given]:
            raise ModelError(f"feature {missing[0]!r} is missing ({len(missing)} in all)", advice)
        if extra := [name for name in given if name not in expected]:
            raise ModelError(f"feature {extra[0]!r} was not there in training ({len(extra)} in all)", advice)
        for place, (name, wanted) in enumerate(zip(given, expected, strict=True)):
            if name != wanted:
                raise ModelError(f"feature {name!r} stands where {wanted!r} is expected (column {place})", advice)
        for feature in self.features:
            name, kind = feature["name"], feature["type"]
            if (found := feature_type(X[name])) != kind:
                raise ModelError(f"feature {name!r} is a {found} ({X[name].dtype}), the model expects a {kind}", advice)

    def save(self, folder: str | Path) -> Path:
        """Write the boosters' texts and `manifest.json` into `folder` (made if needed); gives the folder."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        manifest = self._manifest()
        for part, file in _files(manifest["models"]).items():
            (folder / file).write_bytes(self.classifier.model_texts_[part].encode())
        (folder / MANIFEST_FILE).write_bytes(_json({**manifest, "digest": _digest(manifest)}))
        return folder

    def _manifest(self) -> dict[str, Any]:
        manifest: dict[str, Any] = _plain(
            {
                "format": FORMAT,
                "models": {
                    part: hashlib.sha256(text.encode()).hexdigest()
                    for part, text in self.classifier.model_texts_.items()
                },
                "classifier": self.classifier.state(),
                "calibration": self.calibration.state(),
                **{name: getattr(self, name) for name in _PLAIN_FIELDS},
            }
        )
        return manifest


def versions() -> dict[str, str]:
    """The versions of what trains and scores."""
    return {
        "churnml": __version__,
        "lightgbm": lightgbm.__version__,
        "numpy": np.__version__,
        "pandas": pd.__version__,
        "python": platform.python_version(),
        "scikit-learn": sklearn.__version__,
    }


def _files(parts: Iterable[str]) -> dict[str, str]:
    """The file of each booster, by part of the formulation."""
    names = list(parts)
    return {name: "model.txt" if len(names) == 1 else f"model_{name}.txt" for name in names}


def _read(folder: Path, file: str) -> bytes:
    try:
        return (folder / file).read_bytes()
    except FileNotFoundError:
        raise ModelError(f"{folder}: no model bundle, {file} is missing", _ADVICE) from None
    except OSError as error:
        raise ModelError(f"{folder}: {file} cannot be read: {error}", _ADVICE) from error


def _plain(value: Any) -> Any:
    """The value as JSON holds it: lists for tuples, null for what is not a finite number."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset | np.ndarray):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return [_plain(item) for item in items]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int | bool):
        return value
    return str(value)


def _json(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, sort_keys=True, indent=1, allow_nan=False, ensure_ascii=False) + "\n").encode()


def _digest(manifest: dict[str, Any]) -> str:
    return hashlib.sha256(_json(manifest)).hexdigest()
