"""What is in a wallet, as a value: keys, credentials, and how often it was written.

Rules:
  1. A change gives another value; nothing is changed in place. What a change needs is looked for in
     the value that it is made to, which may hold what another process added meanwhile.
  2. The number of writes only grows. A file with a smaller one was put back to an older state.
  3. Everything is counted and bounded before it goes in, so that what was written can be read.
  4. What was sealed was written here; where it cannot be read nevertheless, another version wrote
     it, and nothing of it is guessed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from ethr_did.chain.local_signer import Secret
from ethr_did.core.base64url import decode_base64url, encode_base64url
from ethr_did.core.strict_json import read_json, write_json
from ethr_did.credentials.keys import KeyKind, PublicKey
from ethr_did.errors import InvalidInput, NotFoundError, WalletError, shown
from ethr_did.wallet.held import HeldCredential, check_anchors, ids_of, is_same
from ethr_did.wallet.keys import StoredKey, WalletKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["MAX_CREDENTIALS", "MAX_KEYS", "Contents"]

T = TypeVar("T", WalletKey, HeldCredential)

MAX_KEYS: Final = 10_000
MAX_CREDENTIALS: Final = 10_000

_FORMAT = "ethr-did/wallet-content/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """Keys and credentials."""

    generation: int = 1
    """How often it was written."""
    keys: tuple[StoredKey, ...] = ()
    """In the order in which they came."""
    credentials: tuple[HeldCredential, ...] = ()
    """In the order in which they came."""

    # -- questions -------------------------------------------------------------------------------

    def key(self, wanted: str) -> StoredKey:
        """The key of that id, or of the one that begins so, or of that label.

        Raises:
            NotFoundError: there is none, or more than one.
        """
        found = _find([one.key for one in self.keys], wanted, "key")
        return next(one for one in self.keys if one.key is found)

    def credential(self, wanted: str) -> HeldCredential:
        """The credential of that id, or of the one that begins so, or of that label.

        Raises:
            NotFoundError: there is none, or more than one.
        """
        return _find(self.credentials, wanted, "credential")

    def same_as(self, raw: str) -> HeldCredential | None:
        """The credential that is the same as this one; None if there is none."""
        ids = ids_of(raw)
        return next(
            (one for one in self.credentials if one.id in ids and is_same(one.raw, raw)), None
        )

    # -- changes ---------------------------------------------------------------------------------

    def with_key(self, stored: StoredKey) -> Self:
        """With one more key.

        Raises:
            WalletError: it is there already, or there are too many.
        """
        held = next((one.key for one in self.keys if one.key.id == stored.key.id), None)
        if held is not None:
            raise WalletError(
                f"the wallet holds that key already: {held.id} {shown(held.label)}",
                hint="Use it as it is.",
                key_id=held.id,
            )
        _check_room(len(self.keys), MAX_KEYS, "keys")
        return replace(self, keys=(*self.keys, stored))

    def with_credential(self, new: HeldCredential) -> Self:
        """With one more credential, which is not there yet.

        Raises:
            WalletError: there are too many.
        """
        _check_room(len(self.credentials), MAX_CREDENTIALS, "credentials")
        return replace(self, credentials=(*self.credentials, new))

    def with_anchors(
        self, credential: HeldCredential, anchors: Sequence[Mapping[str, Any]]
    ) -> Self:
        """With more proofs of a credential's existence.

        Raises:
            InvalidInput: too many of them, or no JSON objects.
        """
        changed = replace(credential, anchors=check_anchors((*credential.anchors, *anchors)))
        return replace(
            self,
            credentials=tuple(changed if one is credential else one for one in self.credentials),
        )

    def without(self, credential: HeldCredential) -> Self:
        """Without a credential."""
        return replace(
            self, credentials=tuple(one for one in self.credentials if one is not credential)
        )

    # -- as JSON ---------------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """The contents as JSON, keys in the clear: to be sealed at once."""
        return write_json(
            {
                "format": _FORMAT,
                "generation": self.generation,
                "keys": [_key_to_dict(one) for one in self.keys],
                "credentials": [_credential_to_dict(one) for one in self.credentials],
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The contents that ``to_bytes`` wrote.

        Raises:
            WalletError: it did not.
        """
        try:
            members = read_json(data)
            if members["format"] != _FORMAT:
                raise InvalidInput(f"format {shown(members['format'])}")
            return cls(
                generation=int(members["generation"]),
                keys=tuple(_key_from_dict(one) for one in members["keys"]),
                credentials=tuple(_credential_from_dict(one) for one in members["credentials"]),
            )
        except (InvalidInput, KeyError, TypeError, ValueError):
            # Not chained: the error may hold what is in the wallet.
            pass
        raise WalletError(
            "what is in the wallet was written by another version of ethr-did",
            hint="Use that version, or a newer one. Nothing was overwritten.",
        )


def _check_room(count: int, most: int, what: str) -> None:
    if count >= most:
        raise WalletError(
            f"the wallet holds {count} {what}, and {most} are the most",
            hint="Make another wallet: `ethr-did wallet init --wallet FILE`.",
        )


def _find(among: Iterable[T], wanted: str, what: str) -> T:
    """The one that is meant: an exact id first, then beginnings of ids and whole labels."""
    held = tuple(among)
    found = [one for one in held if one.id == wanted] or [
        one for one in held if wanted and (one.id.startswith(wanted) or one.label == wanted)
    ]
    if len(found) == 1:
        return found[0]
    count = "more than one" if found else "no"
    ids = f" {', '.join(one.id for one in found[:5])}." if found else ""
    raise NotFoundError(
        f"the wallet holds {count} {what} {shown(wanted)}",
        hint=f"Name one by its id.{ids}",
        wanted=wanted,
    )


def _key_to_dict(stored: StoredKey) -> dict[str, Any]:
    key = stored.key
    return {
        "kind": key.kind.value,
        "public": encode_base64url(key.public.data),
        "secret": encode_base64url(stored.secret.reveal()),
        "label": key.label,
        "createdAt": key.created_at,
        "importedFrom": key.imported_from,
    }


def _key_from_dict(members: Mapping[str, Any]) -> StoredKey:
    public = PublicKey(KeyKind(members["kind"]), decode_base64url(members["public"]))
    return StoredKey(
        key=WalletKey(
            label=str(members["label"]),
            public=public,
            created_at=int(members["createdAt"]),
            imported_from=str(members["importedFrom"]),
        ),
        secret=Secret(decode_base64url(members["secret"])),
    )


def _credential_to_dict(held: HeldCredential) -> dict[str, Any]:
    # The proofs as text: their depth is not added to that of the whole.
    return {**held.to_dict(), "anchors": [write_json(one).decode() for one in held.anchors]}


def _credential_from_dict(members: Mapping[str, Any]) -> HeldCredential:
    key_id = members["keyId"]
    return HeldCredential(
        id=str(members["id"]),
        label=str(members["label"]),
        format=str(members["format"]),
        raw=str(members["raw"]),
        key_id=None if key_id is None else str(key_id),
        added_at=int(members["addedAt"]),
        issuer=str(members["issuer"]),
        types=tuple(str(one) for one in members["types"]),
        anchors=tuple(read_json(text.encode()) for text in members["anchors"]),
    )
