"""From a password to a key: Argon2id, with its work bounded before any of it is done.

Rules:
  1. The work factors stand in the file. They are checked first: a file could ask for any amount of
     memory and time.
  2. A password is its characters, not the bytes that a keyboard makes of them: Unicode form NFC.
  3. An empty password protects nothing and is refused.

Spec: RFC 9106; RFC 8265 section 4.2 (NFC of passwords).
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final

from ethr_did.chain.local_signer import Secret
from ethr_did.errors import InvalidInput, WalletError, shown

__all__ = ["KEY_LENGTH", "SALT_LENGTH", "KdfParameters", "derive_key"]

KEY_LENGTH: Final = 32
"""Bytes."""
SALT_LENGTH: Final = 16
"""Bytes; RFC 9106 section 3.1 recommends them."""

_LEAST_PER_LANE = 8
"""KiB; RFC 9106 section 3.1."""
_MAX_MEMORY = 1 << 20
"""KiB: a gibibyte."""
_MAX_ITERATIONS = 32
_MAX_LANES = 16
_MAX_WORK = 4 << 20
"""KiB times iterations: some twenty seconds."""
_MAX_PASSWORD = 4096
"""Bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KdfParameters:
    """What one guess of the password costs. The usual ones take about a second.

    Raises:
        InvalidInput: nobody would wait for them, or Argon2 does not know them.

    Example:
        >>> KdfParameters().memory
        262144
    """

    memory: int = 256 * 1024
    """KiB; lower it for tests only."""
    iterations: int = 3
    """Passes over the memory."""
    lanes: int = 4
    """How many processors work side by side."""

    def __post_init__(self) -> None:
        """Raises for what is out of bounds."""
        for name, most in (
            ("memory", _MAX_MEMORY),
            ("iterations", _MAX_ITERATIONS),
            ("lanes", _MAX_LANES),
        ):
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= most:
                raise InvalidInput(f"{name} of Argon2id is not from 1 to {most}: {shown(value)}")
        if self.memory < _LEAST_PER_LANE * self.lanes:
            raise InvalidInput(
                f"Argon2id needs {_LEAST_PER_LANE} KiB for each of {self.lanes} lanes, not "
                f"{self.memory} in all"
            )
        if self.memory * self.iterations > _MAX_WORK:
            raise InvalidInput(
                f"{self.iterations} passes over {self.memory} KiB are an unreasonable amount of work"
            )


def derive_key(password: str, salt: bytes, kdf: KdfParameters) -> Secret:
    """The key that a password stands for.

    Args:
        password: not empty.
        salt: random, ``SALT_LENGTH`` bytes.
        kdf: what it costs.

    Raises:
        WalletError: the password is none, or there is not the memory for it.
    """
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    argon = Argon2id(
        salt=salt,
        length=KEY_LENGTH,
        iterations=kdf.iterations,
        lanes=kdf.lanes,
        memory_cost=kdf.memory,
    )
    material = _material(password)
    try:
        return Secret(argon.derive(material))
    except MemoryError as cause:
        raise WalletError(
            f"there is not enough memory: {kdf.memory // 1024} MiB are needed for the password",
            hint="End other programs, or use a machine with more memory. `ethr-did wallet password "
            "--memory MIB` there makes it less.",
        ) from cause


def _material(password: str) -> bytes:
    if not password:
        raise WalletError(
            "an empty password would leave the wallet unprotected", hint="Choose a password."
        )
    try:
        material = unicodedata.normalize("NFC", password).encode("utf-8")
    except UnicodeEncodeError:
        # Not chained: the error holds the password.
        material = b""
    if not 0 < len(material) <= _MAX_PASSWORD:
        raise WalletError(
            f"the password is not text of at most {_MAX_PASSWORD} bytes in UTF-8",
            hint="Is it a file of another kind?",
        )
    return material
