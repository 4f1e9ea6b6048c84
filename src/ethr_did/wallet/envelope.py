"""A wallet as it lies on disk: what it takes to open it, and its content, sealed.

::

    {"format": "ethr-did/wallet/1",
     "kdf": {"name": "argon2id", "memory": …, "iterations": …, "lanes": …, "salt": …},
     "cipher": "AES-256-GCM",
     "key": {"nonce": …, "sealed": …},
     "content": {"nonce": …, "sealed": …},
     "digest": …}

Rules:
  1. The password gives a key that seals another, random one, under which the content is sealed.
     So a wrong password and a changed content are told apart.
  2. Everything before a sealed part is authenticated with it: nothing of one file can be put into
     another, and no parameter be exchanged.
  3. The digest, SHA-256 of all before it, is no secret and no protection. It tells damage from a
     wrong password, before any work is done for the password.
  4. There is one way to write an envelope; what is written otherwise is refused, so that no byte of
     a file can be changed unseen.
  5. Nonces are random: 96 bits, for at most 2^32 writes under one key (NIST SP 800-38D, section
     8.3). A new password brings a new key.
  6. The content is padded with spaces before it is sealed. Its length tells how much is in it, to
     an eighth, and not how many keys or credentials.

Spec: NIST SP 800-38D; RFC 9106.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Final, Self, TypeAlias

from ethr_did.chain.local_signer import Secret
from ethr_did.core.base64url import decode_base64url, encode_base64url
from ethr_did.core.strict_json import read_json, write_json
from ethr_did.errors import InvalidInput, WalletError, shown
from ethr_did.wallet.derivation import KEY_LENGTH, SALT_LENGTH, KdfParameters, derive_key

__all__ = ["MAX_CONTENT", "MAX_FILE", "Envelope", "Random"]

Random: TypeAlias = Callable[[int], bytes]
"""Gives so many random bytes: ``secrets.token_bytes``."""

MAX_CONTENT: Final = 32 << 20
"""Bytes of JSON."""
MAX_FILE: Final = 48 << 20
"""Bytes: the content in base64url, and room for the rest."""

_FORMAT = "ethr-did/wallet/1"
_FAMILY = b'{"format":"ethr-did/wallet/'
_CIPHER = "AES-256-GCM"
_KDF = "argon2id"
_NONCE, _TAG, _DIGEST = 12, 16, 32
_BLOCK = 4096
_EIGHTH = 4
"""Bits of a length that may be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sealed:
    """Something encrypted, with its tag."""

    nonce: bytes
    data: bytes = field(repr=False)

    def to_dict(self) -> dict[str, str]:
        return {"nonce": encode_base64url(self.nonce), "sealed": encode_base64url(self.data)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A wallet, sealed.

    Example:
        >>> small = KdfParameters(memory=8, iterations=1, lanes=1)
        >>> made, key = Envelope.create(b"{}", "password", kdf=small, random=lambda n: b"r" * n)
        >>> Envelope.parse(made.to_bytes()).unlock("password").reveal() == key.reveal()
        True
        >>> made.open(key)
        b'{}'
    """

    kdf: KdfParameters
    salt: bytes
    key: _Sealed
    """The content's key, under that of the password."""
    content: _Sealed

    # -- making ----------------------------------------------------------------------------------

    @classmethod
    def create(
        cls, content: bytes, password: str, *, kdf: KdfParameters, random: Random
    ) -> tuple[Self, Secret]:
        """A content under a password, and the key that it was sealed with.

        Args:
            content: JSON.
            password: not empty.
            kdf: what a guess of it costs.
            random: gives random bytes.

        Raises:
            WalletError: the password is none, or the content too long.
        """
        salt, key = random(SALT_LENGTH), Secret(random(KEY_LENGTH))
        outer = derive_key(password, salt, kdf)
        head = _head(kdf, salt)
        sealed = _seal(key.reveal(), under=outer, beside=head, random=random)
        made = cls(kdf=kdf, salt=salt, key=sealed, content=_NOTHING)
        return made.reseal(content, key, random=random), key

    def reseal(self, content: bytes, key: Secret, *, random: Random) -> Self:
        """The same envelope around another content.

        Args:
            content: JSON.
            key: that of the content, from ``create`` or ``unlock``.
            random: gives random bytes.

        Raises:
            WalletError: the content is too long.
        """
        if len(content) > MAX_CONTENT:
            raise WalletError(
                f"the wallet is full: {len(content)} bytes, and {MAX_CONTENT} are the most",
                hint="Remove credentials that are no longer needed.",
            )
        sealed = _seal(_padded(content), under=key, beside=self._before_content(), random=random)
        return replace(self, content=sealed)

    # -- opening ---------------------------------------------------------------------------------

    def unlock(self, password: str) -> Secret:
        """The key of the content.

        Raises:
            WalletError: the password is wrong.
        """
        outer = derive_key(password, self.salt, self.kdf)
        found = _unseal(self.key, under=outer, beside=_head(self.kdf, self.salt))
        if found is None or len(found) != KEY_LENGTH:
            raise WalletError(
                "wrong password",
                hint="Try again. Capital letters, and the layout of the keyboard?",
            )
        return Secret(found)

    def open(self, key: Secret) -> bytes:
        """The content, without what it was padded with.

        Raises:
            WalletError: it was sealed with another key, or changed since.
        """
        found = _unseal(self.content, under=key, beside=self._before_content())
        if found is None:
            raise WalletError(
                "the content of the wallet was changed by something else than this program",
                hint="Restore a backup: `ethr-did wallet restore`. Nothing was overwritten.",
            )
        return found.rstrip(b" ")

    def is_under_the_key_of(self, other: Self) -> bool:
        """Whether one key opens both, as far as can be seen from outside."""
        return (self.salt, self.key) == (other.salt, other.key)

    # -- on disk ---------------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """The envelope as it is written."""
        body = write_json({**self._members(), "content": self.content.to_dict()})[:-1]
        digest = encode_base64url(sha256(body).digest())
        return body + b',"digest":"' + digest.encode() + b'"}\n'

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """The envelope in a file.

        Raises:
            WalletError: it is none, is damaged, was written by a newer version, or would take an
                unreasonable amount of work to open.
        """
        _check_digest(data)
        try:
            members = read_json(data)
            _check_format(members["format"])
            made = cls._from_dict(members)
        except (InvalidInput, KeyError, TypeError) as cause:
            reason = cause.message if isinstance(cause, InvalidInput) else "a member is missing"
            raise WalletError(
                f"the wallet cannot be used: {reason}",
                hint="It was not written by this program. Restore a backup.",
            ) from cause
        if made.to_bytes() != data:
            raise WalletError(
                "the wallet cannot be used: it was written by something else than this program",
                hint="Restore a backup: `ethr-did wallet restore`.",
            )
        return made

    @classmethod
    def _from_dict(cls, members: Mapping[str, Any]) -> Self:
        kdf = members["kdf"]
        if (kdf["name"], members["cipher"]) != (_KDF, _CIPHER):
            raise InvalidInput(f"it needs {shown(kdf['name'])} and {shown(members['cipher'])}")
        return cls(
            kdf=KdfParameters(
                memory=kdf["memory"], iterations=kdf["iterations"], lanes=kdf["lanes"]
            ),
            salt=_bytes(kdf["salt"], SALT_LENGTH),
            key=_sealed(members["key"], KEY_LENGTH + _TAG),
            content=_sealed(members["content"]),
        )

    def _members(self) -> dict[str, Any]:
        return {**_named(self.kdf, self.salt), "key": self.key.to_dict()}

    def _before_content(self) -> bytes:
        return write_json(self._members())


_NOTHING: Final = _Sealed(nonce=b"", data=b"")


def _named(kdf: KdfParameters, salt: bytes) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "kdf": {
            "name": _KDF,
            "memory": kdf.memory,
            "iterations": kdf.iterations,
            "lanes": kdf.lanes,
            "salt": encode_base64url(salt),
        },
        "cipher": _CIPHER,
    }


def _head(kdf: KdfParameters, salt: bytes) -> bytes:
    return write_json(_named(kdf, salt))


def _check_digest(data: bytes) -> None:
    """Raises unless the file is a whole envelope, as somebody wrote it."""
    body, found, tail = data.rpartition(b',"digest":"')
    digest = encode_base64url(sha256(body).digest()).encode()
    if found and tail == digest + b'"}\n':
        return
    if not data.startswith(_FAMILY):
        raise WalletError(
            f"this is not a wallet: {len(data)} bytes, which begin with {shown(data[:24])}",
            hint="Is it the right file? If it was a wallet, restore a backup: "
            "`ethr-did wallet restore`.",
        )
    raise WalletError(
        f"the wallet is damaged: its {len(data)} bytes are not those that were written",
        hint="Restore a backup: `ethr-did wallet restore`. The file was left as it is.",
    )


def _check_format(found: object) -> None:
    if found != _FORMAT:
        raise WalletError(
            f"the wallet has the format {shown(found)}, which this version does not know",
            hint=f"It knows {_FORMAT}. Use the version of ethr-did that wrote it, or a newer one.",
        )


def _sealed(members: Mapping[str, Any], length: int | None = None) -> _Sealed:
    return _Sealed(nonce=_bytes(members["nonce"], _NONCE), data=_bytes(members["sealed"], length))


def _bytes(text: object, length: int | None) -> bytes:
    if not isinstance(text, str):
        raise InvalidInput(f"not base64url: {shown(text)}")
    data = decode_base64url(text)
    if length is not None and len(data) != length:
        raise InvalidInput(f"{len(data)} bytes where {length} are needed")
    return data


# -- cryptography --------------------------------------------------------------------------------


def _seal(data: bytes, *, under: Secret, beside: bytes, random: Random) -> _Sealed:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = random(_NONCE)
    return _Sealed(nonce=nonce, data=AESGCM(under.reveal()).encrypt(nonce, data, beside))


def _unseal(sealed: _Sealed, *, under: Secret, beside: bytes) -> bytes | None:
    """What was sealed; None if it was something else, or under another key."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(under.reveal()).decrypt(sealed.nonce, sealed.data, beside)
    except InvalidTag:
        return None


def _padded(content: bytes) -> bytes:
    """The content with spaces behind it, up to a length that many contents share."""
    step = max(_BLOCK, 1 << max(0, len(content).bit_length() - _EIGHTH))
    return content + b" " * (-len(content) % step)
