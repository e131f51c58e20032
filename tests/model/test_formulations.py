"""What every formulation keeps: chances of the outcomes, bytes, bundles, explanations, serving, and a fallback."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

from churnml.config import Model
from churnml.errors import ModelError
from churnml.explanation.attribution import attribute
from churnml.metrics.scores import auroc, log_loss
from churnml.model.bundle import Bundle
from churnml.model.calibration import Calibration
from churnml.model.classifier import SilentDefectionClassifier
from churnml.model.formulations import DEFECTION_MARGIN, FORMULATIONS, LEAST_LEFT, SILENT_MARGIN, formulate
from churnml.outcomes import OUTCOMES

PARTS = {"three_class": ["outcomes"], "one_vs_rest": ["silent", "vocal"], "chain": ["defection", "silence"]}
DECLARED = {
    "three_class": SILENT_MARGIN,
    "one_vs_rest": "log-odds of leaving silently against all else",
    "chain": DEFECTION_MARGIN,
}


@pytest.fixture(scope="module", params=FORMULATIONS)
def fitted(request, business):
    model = SilentDefectionClassifier(request.param, n_estimators=60, learning_rate=0.1, num_threads=1)
    return model.fit(business.X, business.y)


@pytest.fixture(scope="module")
def packed(fitted, business):
    return Bundle.build(fitted, Calibration.identity(OUTCOMES), business.X)


def test_the_configuration_accepts_every_formulation():
    assert [Model(formulation=name).formulation for name in FORMULATIONS] == list(FORMULATIONS)


def test_finds_the_known_signal_on_new_customers(fitted, make):
    new = make(customers=200, seed=99)
    p = fitted.predict_proba(new.X)
    assert list(fitted.boosters_) == PARTS[fitted.formulation] and fitted.fallback_ is None
    assert (p > 0).all() and np.allclose(p.sum(axis=1), 1)
    code = np.searchsorted(np.array(OUTCOMES), new.y)
    prior = np.tile(np.bincount(code) / len(code), (len(code), 1))
    assert log_loss(code, p) < log_loss(code, prior) - 0.1
    for column, outcome in enumerate(OUTCOMES):
        assert auroc(new.y == outcome, p[:, column]) > 0.5 + 0.8 * (auroc(new.y == outcome, new.truth[:, column]) - 0.5)


def test_the_same_seed_gives_the_same_bytes(fitted, business):
    assert clone(fitted).fit(business.X, business.y).model_texts_ == fitted.model_texts_


def test_chances_are_what_the_boosters_say(fitted, business):
    p, raw = fitted.predict_proba(business.X), fitted.raw_scores(business.X)
    chance = {name: 1 / (1 + np.exp(-scores[:, -1])) for name, scores in raw.items()}
    if fitted.formulation == "one_vs_rest":
        agree = chance["silent"] + chance["vocal"] <= 1 - LEAST_LEFT
        assert agree.any() and np.allclose(p[agree, 1], chance["silent"][agree])
        assert np.allclose(p[agree, 2], chance["vocal"][agree])
    elif fitted.formulation == "chain":
        assert np.allclose(p[:, 0], 1 - chance["defection"])
        assert np.allclose(p[:, 1] / p[:, 1:].sum(axis=1), chance["silence"])
    else:
        assert np.allclose(np.log(p[:, 1] / p[:, 0]), raw["outcomes"][:, 1] - raw["outcomes"][:, 0])


def test_silence_is_learnt_from_leavers_alone(business):
    model = SilentDefectionClassifier("chain", n_estimators=10, num_threads=1)
    moved = business.X.assign(tenure_days=np.where(business.y == "retained", 1e6, business.X["tenure_days"]))
    texts = [clone(model).fit(X, business.y).model_texts_ for X in (business.X, moved)]
    assert texts[0]["silence"] == texts[1]["silence"] and texts[0]["defection"] != texts[1]["defection"]


@given(raw=st.lists(st.tuples(*[st.floats(-40, 40)] * 3), min_size=1, max_size=20), name=st.sampled_from(FORMULATIONS))
def test_any_scores_give_chances(raw, name):
    scores = np.array(raw)
    formulation = formulate(name, OUTCOMES)
    width = {part.name: len(part.groups) if len(part.groups) > 2 else 1 for part in formulation.parts}
    given_scores = {part: scores[:, :columns] + number for number, (part, columns) in enumerate(width.items())}
    p = formulation.chances(given_scores)
    assert p.shape == (len(raw), 3) and (p >= 0).all() and np.allclose(p.sum(axis=1), 1)
    if name == "one_vs_rest":
        assert (p[:, 0] >= LEAST_LEFT / 2.01).all()


def test_save_and_load_score_and_explain_identically(packed, business, tmp_path):
    loaded = Bundle.load(packed.save(tmp_path / "one"))
    assert loaded.digest == packed.digest and loaded.classifier.formulation == packed.classifier.formulation
    assert np.array_equal(loaded.predict_proba(business.X), packed.predict_proba(business.X))
    one, two = (attribute(bundle.classifier, business.X.head(50)) for bundle in (loaded, packed))
    assert np.array_equal(one.values, two.values) and one.declared == two.declared
    loaded.save(tmp_path / "two")
    files = [{path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "two")]
    assert files[0] == files[1] and len(files[0]) == 1 + len(packed.classifier.boosters_)


def test_one_changed_byte_of_any_file_is_refused_before_lightgbm_reads(packed, tmp_path, monkeypatch):
    for path in packed.save(tmp_path).iterdir():
        content = path.read_bytes()
        changed = bytearray(content)
        changed[len(content) // 3] ^= 1
        path.write_bytes(changed)
        with monkeypatch.context() as patched:
            patched.setattr("lightgbm.Booster", lambda **_: pytest.fail("LightGBM has read a changed model"))
            with pytest.raises(ModelError, match=path.name):
                Bundle.load(tmp_path)
        path.write_bytes(content)
    assert Bundle.load(tmp_path).digest == packed.digest


def test_models_that_changed_places_are_refused(packed, tmp_path):
    names = [path.name for path in packed.save(tmp_path).iterdir() if path.name != "manifest.json"]
    if len(names) == 2:
        first, second = ((tmp_path / name).read_bytes() for name in names)
        (tmp_path / names[0]).write_bytes(second)
        (tmp_path / names[1]).write_bytes(first)
        with pytest.raises(ModelError, match=r"model_\w+\.txt"):
            Bundle.load(tmp_path)


@pytest.mark.parametrize("vocal", [True, False])
def test_a_bundle_of_the_format_with_one_booster_is_still_read(business, tmp_path, vocal):
    y = business.y if vocal else np.where(business.y == "vocal", "retained", business.y)
    model = SilentDefectionClassifier("three_class", n_estimators=5).fit(business.X, y)
    bundle = Bundle.build(model, Calibration.identity(OUTCOMES), business.X)
    path = bundle.save(tmp_path) / "manifest.json"
    manifest = json.loads(path.read_text())
    (sha256,) = manifest.pop("models").values()
    manifest |= {"format": 2, "model_sha256": sha256}
    del manifest["digest"]
    manifest["digest"] = hashlib.sha256(written(manifest)).hexdigest()
    path.write_bytes(written(manifest))
    assert np.array_equal(Bundle.load(tmp_path).predict_proba(business.X), bundle.predict_proba(business.X))


def written(manifest):
    return (json.dumps(manifest, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode()


def test_contributions_add_up_to_every_margin(fitted, business):
    X = business.X.head(300)
    assert attribute(fitted, X).declared == DECLARED[fitted.formulation]
    assert np.array_equal(attribute(fitted, X).margin, fitted.raw_margin(X))
    for margin in fitted.formulation_.margins:
        found = attribute(fitted, X, margin=margin.name, chunk_rows=128)
        assert found.declared == margin.said
        assert np.allclose(found.base + found.values.sum(axis=1), fitted.raw_margin(X, margin.name), rtol=0, atol=1e-9)
    with pytest.raises(ModelError, match="no margin 'regret'"):
        attribute(fitted, X, margin="regret")


def test_the_chain_explains_leaving_and_silence_apart(business):
    model = SilentDefectionClassifier("chain", n_estimators=150, learning_rate=0.1, num_threads=1)
    model.fit(business.X, business.y)
    p = model.predict_proba(business.X)
    assert np.allclose(model.raw_margin(business.X), np.log(p[:, 1:].sum(axis=1) / p[:, 0]))
    assert np.allclose(model.raw_margin(business.X, "silence"), np.log(p[:, 1] / p[:, 2]))
    strength = attribute(model, business.X.head(500), margin="silence").frame().abs().mean()
    assert strength.idxmax() == "voice_events_90d"  # who has spoken before speaks when leaving


@pytest.mark.parametrize("name", FORMULATIONS)
@pytest.mark.parametrize("vocal_left", [0, 20])
def test_a_rare_outcome_makes_every_formulation_fall_back_alike(business, name, vocal_left):
    keep = (business.y != "vocal") | (np.cumsum(business.y == "vocal") <= vocal_left)
    models = [
        SilentDefectionClassifier(which, n_estimators=10, num_threads=1).fit(business.X[keep], business.y[keep])
        for which in ("three_class", name)
    ]
    assert models[1].fallback_ is not None and list(models[1].boosters_) == ["defection"]
    assert np.array_equal(models[0].predict_proba(business.X), models[1].predict_proba(business.X))
    assert attribute(models[1], business.X.head(20)).declared == DEFECTION_MARGIN


@pytest.mark.parametrize("name", FORMULATIONS)
def test_an_outcome_that_was_never_met_falls_back_even_if_none_are_needed(business, name):
    y = np.where(business.y == "vocal", "retained", business.y)
    model = SilentDefectionClassifier(name, n_estimators=3, minimum_positives=0).fit(business.X, y)
    assert model.fallback_ is not None and (model.predict_proba(business.X) > 0).all()


def test_mlflow_serves_the_bundle(packed, business, tmp_path):
    import mlflow.pyfunc

    mlflow.pyfunc.save_model(
        tmp_path / "model",
        loader_module="churnml.scoring.pyfunc",
        data_path=str(packed.save(tmp_path / "bundle")),
        pip_requirements=["lightgbm"],
    )
    served = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    X = business.X.head(40)
    as_text = X.assign(region=X["region"].astype(str), trend_30d=pd.Series([None] * 40, dtype=object))
    told = served.predict(as_text[as_text.columns[::-1]])
    assert list(told.columns) == ["p_retained", "p_silent", "p_vocal"]
    assert np.array_equal(told.to_numpy(), packed.predict_proba(X.assign(trend_30d=np.nan)))
    assert not [path for path in (tmp_path / "model").rglob("*") if path.suffix in (".pkl", ".pickle")]
    with pytest.raises(ModelError, match="tenure_days"):
        served.predict(X.drop(columns="tenure_days"))
