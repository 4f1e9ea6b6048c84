"""Disclosures: single claims of an SD-JWT, each with the salt that hides it.

Rules:
  * A disclosure is base64url without padding, of a JSON array: salt and value for an element of an
    array, salt, name and value for a member of an object.
  * Its digest is that of its text as it was given. Nothing is written again to be hashed, so
    whoever changes a character makes it a disclosure of nothing.
  * Text that decodes to the same bytes as another text is refused: unused bits are zero.
  * No claim is called ``_sd``, ``_sd_alg`` or ``...``. The RFC forbids the first and the last; it
    has ``_sd_alg`` at the top of the payload only, and never disclosed.
  * Salts have at least 128 random bits. Digests are of SHA-2: nothing shorter, nothing else.
  * Neither salt nor value is in an error or a representation.

Spec: RFC 9901, sections 4.1.1, 4.2, 7.1, 9.3 and 9.4.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Self

from ethr_did.core.base64url import decode_base64url, encode_base64url
from ethr_did.core.strict_json import read_json, write_json
from ethr_did.errors import InvalidCredential, InvalidInput, nearest, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "ALGORITHM_NAME",
    "DIGESTS_NAME",
    "MAX_DISCLOSURE",
    "PLACEHOLDER_NAME",
    "RESERVED_NAMES",
    "SALT_LENGTH",
    "Disclosure",
    "HashName",
    "read_disclosure",
]

DIGESTS_NAME: Final = "_sd"
"""The member with the digests of members that may be hidden."""

PLACEHOLDER_NAME: Final = "..."
"""The one member of an object that stands for an element that may be hidden."""

ALGORITHM_NAME: Final = "_sd_alg"
"""The member of the payload that names the hash function."""

RESERVED_NAMES: Final = frozenset((DIGESTS_NAME, PLACEHOLDER_NAME, ALGORITHM_NAME))
"""What no claim may be called."""

MAX_DISCLOSURE: Final = 1 << 18
"""Most characters of one disclosure; a portrait has its place."""

SALT_LENGTH: Final = 16
"""Fewest random bytes of a salt."""

_ELEMENT_PARTS = 2
_MEMBER_PARTS = 3


class HashName(Enum):
    """The hash functions that are accepted.

    Spec: RFC 9901, section 4.1.1; IANA, Named Information Hash Algorithm Registry.
    """

    SHA_256 = "sha-256"
    SHA_384 = "sha-384"
    SHA_512 = "sha-512"

    @property
    def digest(self) -> Callable[[bytes], str]:
        """The function that makes digests: in base64url, as they stand in an SD-JWT.

        Example:
            >>> HashName.SHA_256.digest(b"WyI2cU1RdlJMNWhhaiIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0")
            'uutlBuYeMDyjLLTpf6Jxi7yNkEF35jdyWMn9U7b_RYY'
        """
        return _DIGESTS[self]

    @classmethod
    def of(cls, payload: Mapping[str, Any]) -> HashName:
        """The hash function of an SD-JWT with that payload.

        Raises:
            InvalidCredential: the payload names one that is not accepted.

        Spec: RFC 9901, sections 4.1.1, and 7.1 step 2.4.
        """
        name = payload.get(ALGORITHM_NAME, cls.SHA_256.value)
        found = _NAMES.get(name) if isinstance(name, str) else None
        if found is None:
            raise InvalidCredential(
                f"{ALGORITHM_NAME} is not known: {shown(name)}",
                hint=nearest(name if isinstance(name, str) else "", _NAMES),
            )
        return found


def _digests(hash_of: Callable[[bytes], Any]) -> Callable[[bytes], str]:
    def digest(data: bytes) -> str:
        return encode_base64url(hash_of(data).digest())

    return digest


_NAMES = {name.value: name for name in HashName}
_DIGESTS: dict[HashName, Callable[[bytes], str]] = {
    HashName.SHA_256: _digests(hashlib.sha256),
    HashName.SHA_384: _digests(hashlib.sha384),
    HashName.SHA_512: _digests(hashlib.sha512),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """One claim, with its salt.

    Two are equal if their texts are.
    """

    encoded: str = field(repr=False)
    """The text, as it stands in an SD-JWT."""
    salt: str = field(repr=False, compare=False)
    name: str | None = field(compare=False)
    """Of the member; None for an element of an array."""
    value: Any = field(repr=False, compare=False)
    """The claim. Digests in it stand for more that may be hidden."""

    @classmethod
    def parse(cls, encoded: str) -> Self:
        """The disclosure in a text.

        Raises:
            InvalidCredential: it is none.

        Spec: RFC 9901, sections 4.2.1 and 4.2.2.

        Example:
            >>> made = Disclosure.parse("WyJsa2x4RjVqTVlsR1RQVW92TU5JdkNBIiwgIkZSIl0")
            >>> made.name, made.value
            (None, 'FR')
        """
        salt, name, value = read_disclosure(encoded)
        return cls(encoded=encoded, salt=salt, name=name, value=value)

    @classmethod
    def build(
        cls,
        value: Any,
        *,
        salt: bytes,
        name: str | None = None,
        write: Callable[[Any], bytes] = write_json,
    ) -> Self:
        """A new disclosure, for issuers.

        Args:
            value: JSON.
            salt: at least ``SALT_LENGTH`` secret random bytes, used for nothing else.
            name: of a member; None for an element of an array.
            write: how JSON is written. Any way is good: nobody writes it again.

        Raises:
            InvalidCredential: the name is reserved, the value cannot be written as JSON, or is too
                long.
            InvalidInput: the salt is too short.

        Spec: RFC 9901, sections 4.2.1, 4.2.2 and 9.3.

        Example:
            >>> Disclosure.build("1990-01-01", salt=bytes(16), name="birthdate").encoded
            'WyJBQUFBQUFBQUFBQUFBQUFBQUFBQUFBIiwiYmlydGhkYXRlIiwiMTk5MC0wMS0wMSJd'
        """
        if len(salt) < SALT_LENGTH:
            raise InvalidInput(f"a salt has {SALT_LENGTH} bytes or more, not {len(salt)}")
        if name in RESERVED_NAMES:
            raise InvalidCredential(f"a disclosure may not be called {name}")
        text = encode_base64url(salt)
        parts = [text, value] if name is None else [text, name, value]
        encoded = encode_base64url(_written(parts, write))
        if len(encoded) > MAX_DISCLOSURE:
            raise InvalidCredential(
                f"a disclosure has {len(encoded)} characters, more than the {MAX_DISCLOSURE} that"
                " are read"
            )
        return cls(encoded=encoded, salt=text, name=name, value=value)

    def digest(self, hash_name: HashName = HashName.SHA_256) -> str:
        """What stands in the SD-JWT for the claim.

        Spec: RFC 9901, section 4.2.3.
        """
        return hash_name.digest(self.encoded.encode("ascii"))


def read_disclosure(encoded: str) -> tuple[str, str | None, Any]:
    """Salt, name and value of a disclosure; the name is None for an element of an array.

    Raises:
        InvalidCredential: it is no disclosure.
    """
    parts = _array(encoded)
    if len(parts) == _MEMBER_PARTS:
        salt, name, value = parts
        if not isinstance(name, str):
            raise InvalidCredential("the name in a disclosure is not a text")
        if name in RESERVED_NAMES:
            raise InvalidCredential(f"a disclosure may not be called {name}")
    elif len(parts) == _ELEMENT_PARTS:
        name = None
        salt, value = parts
    else:
        raise InvalidCredential(f"a disclosure has {len(parts)} parts, not two or three")
    if not isinstance(salt, str):
        raise InvalidCredential("the salt of a disclosure is not a text")
    return salt, name, value


def _array(encoded: str) -> list[Any]:
    """What is in a disclosure."""
    if len(encoded) > MAX_DISCLOSURE:
        raise InvalidCredential(
            f"a disclosure has {len(encoded)} characters, not at most {MAX_DISCLOSURE}"
        )
    try:
        value = read_json(decode_base64url(encoded))
    except InvalidInput:
        value = None
    # Not chained, and nothing is shown: there are salt and claim in the text.
    if not isinstance(value, list):
        raise InvalidCredential("a disclosure is not a JSON array in base64url")
    return value


def _written(value: Any, write: Callable[[Any], bytes]) -> bytes:
    try:
        return write(value)
    except (RecursionError, TypeError, ValueError):
        # Not chained: the error may hold the claim.
        pass
    raise InvalidCredential("a claim cannot be written as JSON")
