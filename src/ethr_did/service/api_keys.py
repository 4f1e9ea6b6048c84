"""API keys: who asks, without the keys being kept.

Rules:
  * Only the SHA-256 digests are kept. They are compared in constant time, each with all.
  * A key has a name, and the name is what logs and counters show. Two keys may have one name, so
    that a new one can be handed out before the old one is taken away.
  * Keys come from a file that only its owner can read, or from the environment: never from a
    command line, which all users of a machine can see.
  * A key is long enough that nobody guesses it; digests need no salt then.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from ethr_did.chain.secret_files import read_private_file
from ethr_did.errors import InvalidConfiguration, SignerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from starlette.types import Scope

__all__ = ["KEY", "APIKey", "APIKeys", "key_name", "shown_key"]

KEY = "ethr_did.key"
"""Where the scope of a request holds the name of the key that it shows."""

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_KEY = re.compile(r"[A-Za-z0-9._~+/=-]{32,256}")
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_LONGEST_FILE = 1 << 20
_HINT = (
    "One NAME=KEY a line. A key has 32 to 256 letters, digits or . _ ~ + / = -, or is "
    "sha256: and the digest in hex; `openssl rand -hex 32` makes one."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class APIKey:
    """A key, and whose it is."""

    name: str
    digest: bytes = field(repr=False)
    """SHA-256 of the key."""


class APIKeys:
    """The keys that are known."""

    def __init__(self, keys: Iterable[APIKey] = ()) -> None:
        self._keys = tuple(keys)

    def __len__(self) -> int:
        return len(self._keys)

    @classmethod
    def read(cls, *, file: Path | None = None, environment: str | None = None) -> APIKeys:
        """The keys of a file and of the environment.

        Args:
            file: lines ``NAME=KEY``; empty ones, and those that begin with ``#``, are left out.
            environment: the same, with commas or spaces between them.

        Raises:
            InvalidConfiguration: a file others can read, or a line that is none; never shown.
        """
        lines: list[tuple[str, str]] = []
        if file is not None:
            lines += [(f"{file}, line {n}", line) for n, line in enumerate(_lines_of(file), 1)]
        words = re.split(r"[\s,]+", environment or "")
        lines += [(f"ETHR_DID_API_KEYS, part {n}", word) for n, word in enumerate(words, 1)]
        return cls(_parsed(lines))

    def name_of(self, key: bytes) -> str | None:
        """Whose key it is; None: nobody's."""
        digest = sha256(key).digest()
        found = None
        for one in self._keys:
            if hmac.compare_digest(one.digest, digest):
                found = one.name
        return found


def key_name(scope: Scope) -> str | None:
    """Name of the API key that a request shows; None: it shows none."""
    name: str | None = scope.get(KEY)
    return name


def shown_key(headers: Mapping[bytes, bytes]) -> bytes | None:
    """The key that a request shows, as ``X-API-Key`` or ``Authorization: Bearer``.

    Example:
        >>> shown_key({b"authorization": b"Bearer abc"})
        b'abc'
    """
    key = headers.get(b"x-api-key")
    if key is not None or b"authorization" not in headers:
        return key
    scheme, _, credentials = headers[b"authorization"].partition(b" ")
    return credentials.strip() if scheme.lower() == b"bearer" else None


def _lines_of(file: Path) -> list[str]:
    try:
        return read_private_file(file, limit=_LONGEST_FILE).decode("utf-8").splitlines()
    except SignerError as error:
        raise InvalidConfiguration(error.message, hint=error.hint, **error.facts) from error
    except UnicodeDecodeError:
        raise InvalidConfiguration(f"{file} is not UTF-8", path=str(file)) from None


def _parsed(lines: Iterable[tuple[str, str]]) -> Iterator[APIKey]:
    digests: dict[bytes, str] = {}
    for place, line in lines:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, _, key = (part.strip() for part in text.partition("="))
        if not _NAME.fullmatch(name):
            raise InvalidConfiguration(f"{place}: not a name and a key", hint=_HINT)
        if not (_DIGEST.fullmatch(key) or _KEY.fullmatch(key)):
            # What stands before "=" may be a key, too, where somebody has forgotten its name.
            raise InvalidConfiguration(f"{place}: not a key", hint=_HINT)
        digest = _digest_of(key)
        if digest in digests:
            raise InvalidConfiguration(f"{place}: {name} has the same key as {digests[digest]}")
        digests[digest] = name
        yield APIKey(name=name, digest=digest)


def _digest_of(key: str) -> bytes:
    found = _DIGEST.fullmatch(key)
    return bytes.fromhex(found[1]) if found else sha256(key.encode()).digest()
