"""A bundle scores the same after a round trip, and a changed one is refused before LightGBM reads it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from churnml.errors import ModelError
from churnml.model.bundle import Bundle
from churnml.model.calibration import Calibration
from churnml.model.classifier import SilentDefectionClassifier
from churnml.model.profile import histogram_shares
from churnml.outcomes import OUTCOMES


@pytest.fixture(scope="module")
def packed(business):
    model = SilentDefectionClassifier("three_class", n_estimators=20).fit(business.X, business.y)
    calibration = Calibration.fit(model.predict_proba(business.X) ** 1.1, business.y, OUTCOMES)
    features = [{"name": "tenure_days", "doc": "Days since sign-up.", "unit": "days", "empty": float("nan")}]
    return Bundle.build(
        model,
        calibration,
        business.X,
        features,
        config={"project": "made"},
        snapshots=("2024-01-01",),
        metrics={"a": 0.1},
    )


def test_save_and_load_score_identically(packed, business, tmp_path):
    loaded = Bundle.load(packed.save(tmp_path / "b"))
    assert np.array_equal(loaded.predict_proba(business.X), packed.predict_proba(business.X))
    assert np.array_equal(loaded.classifier.raw_margin(business.X), packed.classifier.raw_margin(business.X))
    assert loaded.digest == packed.digest
    for name in ("features", "quantiles", "histograms", "config", "snapshots", "metrics", "versions", "calibration"):
        assert getattr(loaded, name) == getattr(packed, name), name


def test_the_same_bundle_gives_the_same_bytes(packed, tmp_path):
    packed.save(tmp_path / "one")
    Bundle.load(tmp_path / "one").save(tmp_path / "two")
    for name in ("model.txt", "manifest.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == ["manifest.json", "model.txt"]


def test_a_fallback_model_survives_the_round_trip(business, tmp_path):
    y = np.where(business.y == "vocal", "retained", business.y)
    model = SilentDefectionClassifier(n_estimators=5).fit(business.X, y)
    bundle = Bundle.build(model, Calibration.identity(OUTCOMES), business.X)
    loaded = Bundle.load(bundle.save(tmp_path))
    assert loaded.classifier.fallback_ == model.fallback_ is not None
    assert np.array_equal(loaded.predict_proba(business.X), bundle.predict_proba(business.X))


def test_a_calibration_that_follows_base_rates_takes_them_from_the_whole_night(packed, business, tmp_path):
    assert packed.on(business.X) is packed
    following = replace(
        Calibration.identity(OUTCOMES), method="label shift", rates=(0.6, 0.3, 0.1), reach=(0.5, 0.5, 0.5)
    )
    bundle = Bundle.load(replace(packed, calibration=following).save(tmp_path))
    assert bundle.calibration == following
    night = business.X[business.y != "retained"].reset_index(drop=True)
    tonight = bundle.on(night)
    raw = bundle.classifier.predict_proba(night)
    assert tonight.calibration == following.on(raw) and any(tonight.calibration.bias)
    assert np.array_equal(tonight.predict_proba(night[:5]), following.on(raw).transform(raw[:5]))
    assert np.array_equal(bundle.predict_proba(night), Calibration.identity(OUTCOMES).transform(raw))
    assert bundle.on(night[:0]) is bundle
    with pytest.raises(ModelError, match="'tenure_days' is missing"):
        bundle.on(night.drop(columns="tenure_days"))


@pytest.mark.parametrize("name", ["model.txt", "manifest.json"])
@pytest.mark.parametrize("damage", ["one byte", "cut", "empty", "gone"])
def test_a_changed_bundle_is_refused(packed, tmp_path, name, damage):
    path = packed.save(tmp_path) / name
    content = bytearray(path.read_bytes())
    if damage == "one byte":
        place = len(content) // 2
        content[place] ^= 1
    elif damage == "cut":
        del content[len(content) // 2 :]
    else:
        content.clear()
    path.unlink() if damage == "gone" else path.write_bytes(content)
    with pytest.raises(ModelError, match=name):
        Bundle.load(tmp_path)


def test_every_byte_of_the_manifest_counts(packed, tmp_path):
    path = packed.save(tmp_path) / "manifest.json"
    content = path.read_bytes()
    for place in np.random.default_rng(0).integers(len(content), size=60):
        changed = bytearray(content)
        changed[place] = (changed[place] + 1) % 128
        path.write_bytes(changed)
        with pytest.raises(ModelError):
            Bundle.load(tmp_path)


def test_a_model_of_another_bundle_is_refused(packed, business, tmp_path):
    other = SilentDefectionClassifier("three_class", n_estimators=3).fit(business.X, business.y)
    packed.save(tmp_path)
    (tmp_path / "model.txt").write_text(other.model_texts_["outcomes"])
    with pytest.raises(ModelError, match=r"model\.txt"):
        Bundle.load(tmp_path)


def test_columns_are_checked_by_name(packed, business):
    X = business.X.head(5)
    names = list(X.columns)
    wrong = {
        "'tenure_days' is missing": X.drop(columns="tenure_days"),
        "'surprise' was not there": X.assign(surprise=1.0),
        "'usual_gap_days' stands where 'days_since_engagement'": X[[names[1], names[0], *names[2:]]],
        "'tenure_days' is a text": X.assign(tenure_days="many"),
        "'region' is a number": X.assign(region=1.0),
    }
    for message, table in wrong.items():
        with pytest.raises(ModelError, match=message):
            packed.predict_proba(table)
    assert packed.predict_proba(X.head(0)).shape == (0, 3)


def test_the_manifest_holds_the_training_rows_shape_and_no_nan(packed, business, tmp_path):
    manifest = json.loads((packed.save(tmp_path) / "manifest.json").read_text(), parse_constant=pytest.fail)
    assert manifest["quantiles"]["tenure_days"][2] == pytest.approx(business.X["tenure_days"].median())
    assert packed.usual["tenure_days"] == pytest.approx(business.X["tenure_days"].median())
    tenure = next(f for f in manifest["features"] if f["name"] == "tenure_days")
    assert tenure["unit"] == "days" and tenure["empty"] is None and tenure["type"] == "number"
    trend = manifest["histograms"]["trend_30d"]
    assert trend["missing"] == pytest.approx(business.X["trend_30d"].isna().mean())
    assert sum(trend["shares"]) == pytest.approx(1)
    assert histogram_shares(business.X["trend_30d"], trend["edges"]) == pytest.approx(trend["shares"])
    assert set(manifest["histograms"]["region"]["edges"]) == {"north", "south", "west"}


@pytest.mark.parametrize(("north", "usual"), [(0.7, "north"), (0.4, None)])
def test_a_category_is_usual_where_most_rows_have_it(business, north, usual):
    region = np.where(np.arange(len(business.X)) < north * len(business.X), "north", "south")
    region[len(business.X) // 2 :: 5] = "west"
    X = business.X.assign(region=pd.Categorical(region))
    bundle = Bundle.build(
        SilentDefectionClassifier(n_estimators=2).fit(X, business.y), Calibration.identity(OUTCOMES), X
    )
    assert bundle.usual.get("region") == usual


def test_a_column_without_any_value_can_be_packed(business, tmp_path):
    X = business.X.assign(tenure_days=np.nan, trend_30d=pd.Series(np.inf, index=business.X.index))
    model = SilentDefectionClassifier(n_estimators=2).fit(X.drop(columns="trend_30d"), business.y)
    bundle = Bundle.build(model, Calibration.identity(OUTCOMES), X.drop(columns="trend_30d"))
    assert Bundle.load(bundle.save(tmp_path)).quantiles["tenure_days"] == [None] * 5
    assert "tenure_days" not in bundle.usual
