"""Keyed pseudonyms: how customers are named wherever their real ids must not stand.

Real ids exist only in scores and sinks. Logs, the model store and reports carry HMAC-SHA256 pseudonyms under a
private key (RFC 2104), so that the same customer has the same name everywhere and nobody without the key can go back.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from churnml.errors import ConfigError

ENVIRONMENT = "CHURNML_KEY"
FILE = "pseudonym.key"


class Pseudonyms:
    """Names customers under a private key.

    >>> names = Pseudonyms(b"a key of at least sixteen bytes")
    >>> names.of("42") == names.of("42") != names.of("43")
    True
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < 16:
            raise ConfigError(f"{ENVIRONMENT}: the key is shorter than 16 bytes", "use a longer one")
        self._key = key

    def of(self, identity: str) -> str:
        """The pseudonym of one id: 16 hexadecimal digits."""
        return hmac.new(self._key, identity.encode(), hashlib.sha256).hexdigest()[:16]

    def all(self, identities: Iterable[str]) -> list[str]:
        """The pseudonyms of many ids, in their order."""
        known: dict[str, str] = {}
        return [known.get(name) or known.setdefault(name, self.of(name)) for name in identities]

    def keyed(self, text: str) -> str:
        """The whole hash of a text under the key: 64 hexadecimal digits."""
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()

    @classmethod
    def load(cls, folder: Path, *, create: bool = False) -> Pseudonyms:
        """The key from the environment variable `CHURNML_KEY`, else from the private key file in `folder`.

        Parameters
        ----------
        folder
            The folder of the model store.
        create
            Make a new private key file (mode 0600) where there is neither.

        Raises
        ------
        ConfigError
            There is no key and none is to be made.
        """
        if given := os.environ.get(ENVIRONMENT):
            return cls(given.encode())
        path = folder / FILE
        if create and not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            try:
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                pass
            else:
                with os.fdopen(descriptor, "w") as stream:
                    stream.write(secrets.token_hex(32))
        if not path.is_file():
            raise ConfigError(
                f"no key for pseudonyms: neither {ENVIRONMENT} nor {path}",
                "set the variable, or train first: training makes the key file",
            )
        return cls(path.read_bytes().strip())


class Suppressed:
    """Customers who were forgotten, known by keyed hashes alone: enough to keep them out, too little to name them.

    The first line of the file is a hash of the key itself, so that a lost key does not let everybody back in unnoticed.

    >>> names = Pseudonyms(b"a key of at least sixteen bytes")
    >>> kept = Suppressed(names).adding("42")
    >>> Suppressed.read(names, kept.text()).among(["41", "42"])
    ['42']
    """

    FILE = "suppressed.txt"

    def __init__(self, names: Pseudonyms, hashes: Iterable[str] = ()) -> None:
        self._names, self.hashes = names, frozenset(hashes)

    def __len__(self) -> int:
        return len(self.hashes)

    def adding(self, identity: str) -> Suppressed:
        """The same with one more customer."""
        return Suppressed(self._names, self.hashes | {self._hash(identity)})

    def among(self, identities: Iterable[str]) -> list[str]:
        """Those of the ids that were forgotten."""
        return [identity for identity in identities if self._hash(identity) in self.hashes]

    def text(self) -> str:
        """The content of the file."""
        return "".join(f"{line}\n" for line in (self._check(), *sorted(self.hashes)))

    @classmethod
    def read(cls, names: Pseudonyms, text: str) -> Suppressed:
        """From the content of a file. ConfigError when it was made with another key, or is damaged."""
        first, *hashes = text.split() or [""]
        kept = cls(names, hashes)
        if first != kept._check() or text != kept.text():
            raise ConfigError(
                f"{cls.FILE}: damaged, or made with another key than this one",
                "without it, forgotten customers would come back: restore the file and the key from a backup",
            )
        return kept

    @classmethod
    def load(cls, models: Path, project: str) -> Suppressed | None:
        """The forgotten customers of a project; None where nobody ever was. The key is needed only then."""
        path = models / project / cls.FILE
        if not path.exists():
            return None
        return cls.read(Pseudonyms.load(models), path.read_text(encoding="ascii", errors="replace"))

    def _hash(self, identity: str) -> str:
        return self._names.keyed(f"suppressed {identity}")

    def _check(self) -> str:
        return self._names.keyed("the key of suppressed customers")
