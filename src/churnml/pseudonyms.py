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
