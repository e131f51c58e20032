"""Customers under keyed pseudonyms: the same name everywhere, and no way back without the key."""

from __future__ import annotations

import hashlib
import hmac
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churnml.errors import ConfigError
from churnml.pseudonyms import ENVIRONMENT, FILE, Pseudonyms

KEY = b"sixteen bytes or more"


@pytest.fixture(autouse=True)
def no_key_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(max_size=12), max_size=30))
def test_a_name_is_the_hmac_of_the_id_under_the_key(ids: list[str]) -> None:
    names = Pseudonyms(KEY).all(ids)
    assert names == [hmac.new(KEY, one.encode(), hashlib.sha256).hexdigest()[:16] for one in ids]
    assert len(set(names)) == len(set(ids))


def test_another_key_gives_other_names() -> None:
    assert Pseudonyms(KEY).of("42") != Pseudonyms(KEY + b"!").of("42")


def test_a_short_key_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(ENVIRONMENT, "too short")
    with pytest.raises(ConfigError, match="shorter than 16 bytes"):
        Pseudonyms.load(tmp_path)


def test_the_key_file_is_made_once_and_private(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    made = Pseudonyms.load(folder, create=True)
    path = folder / FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_text()) == 64
    assert Pseudonyms.load(folder).of("42") == Pseudonyms.load(folder, create=True).of("42") == made.of("42")
    assert Pseudonyms.load(tmp_path / "others", create=True).of("42") != made.of("42")


def test_without_a_key_nobody_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=ENVIRONMENT):
        Pseudonyms.load(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_environment_comes_first_and_needs_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stored = Pseudonyms.load(tmp_path, create=True)
    monkeypatch.setenv(ENVIRONMENT, KEY.decode())
    given_key = Pseudonyms.load(tmp_path)
    assert given_key.of("42") == Pseudonyms(KEY).of("42") != stored.of("42")
    assert Pseudonyms.load(tmp_path / "none", create=True).of("42") == given_key.of("42")
    assert not (tmp_path / "none").exists()
