"""What was pasted into the one field: a DID, a credential, or what a credential says of its status.

Rules:
  * The form decides, as in ``credentials/reading.py``: what begins with ``did:`` is a DID, an object
    that points into a status list is a status entry, everything else is read as a credential.
  * White space inside of a token is what mail programs and terminals put there, and is taken out:
    the signature is over what is left.
  * A status entry does not say whose statuses it means, and must not: that is asked for. So it is
    with a credential that nobody signed: its status can be read, and nothing vouches for the rest.
  * Errors are for the page of whoever pasted it, and for no log: what was pasted may be personal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ethr_did.core.status_entry import entry_from_dict, issuer_of, status_members
from ethr_did.core.strict_json import read_json
from ethr_did.credentials.credential import Presentation
from ethr_did.credentials.jose import MAX_TOKEN
from ethr_did.credentials.reading import read
from ethr_did.errors import InvalidCredential, InvalidInput

if TYPE_CHECKING:
    from ethr_did.credentials.credential import Raw

__all__ = ["Pasted", "PastedCredential", "PastedDID", "PastedStatus", "read_submission"]

MOST_CREDENTIALS: Final = 20
"""Credentials of a presentation; each takes time to check, and room to show."""

_ENTRY_MEMBERS = frozenset(
    ("statusListIndex", "statusListCredential", "status_list", "listId", "revocationKey", "salt")
)
_ENTRY_TYPES = ("EthrStatusRegistry2019",)
"""Types of status entries without any of these members."""

_CLAIMS = ("credentialSubject", "vct", "vc", "proof")
"""Members that a credential has, and a status entry has not."""

_ADDRESS_LENGTHS = (42, 68)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastedDID:
    """A DID or DID URL, unread."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PastedCredential:
    """A credential or presentation that can be read."""

    raw: Raw


@dataclass(frozen=True, slots=True, kw_only=True)
class PastedStatus:
    """Status entries that nobody has signed."""

    members: tuple[object, ...]
    """Each as it stands there."""
    issuer: str | None
    """Whose they are said to be; None if that is not said."""
    is_unsigned: bool = False
    """Whether they were in a credential without a signature."""


Pasted: TypeAlias = PastedDID | PastedCredential | PastedStatus


def read_submission(text: str, issuer: str = "") -> Pasted:
    """What a text is.

    Args:
        text: as it was pasted.
        issuer: DID of the issuer of a status entry; empty where it is not given.

    Raises:
        InvalidInput: it is nothing that this page knows, or breaks a rule of its format.

    Example:
        >>> read_submission(" did:ethr:0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf ").text
        'did:ethr:0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf'
    """
    # Without a mark at its beginning, which some editors write.
    text = text.strip().strip("\ufeff")
    if not text:
        raise InvalidInput("the field was empty", hint="Paste a DID or a credential into it.")
    if text.startswith("did:"):
        return PastedDID(text=text)
    if len(text) > MAX_TOKEN:
        raise InvalidCredential(
            f"{len(text):,} characters are more than any credential that is read here",
            hint=f"At most {MAX_TOKEN:,} are.",
        )
    if not text.startswith(("{", "[", '"')):
        return _token("".join(text.split()))
    return _json(text, issuer.strip())


def _token(text: str) -> PastedCredential:
    if text.startswith("0x") and len(text) in _ADDRESS_LENGTHS:
        raise InvalidInput(
            "this is an address or a public key, not a DID",
            hint="Put its network before it: did:ethr:0x… is on mainnet, did:ethr:sepolia:0x… on "
            "Sepolia.",
        )
    if "." not in text:
        raise InvalidInput(
            "this is neither a DID nor a credential",
            hint="A DID begins with did:, a credential with a brace, or it is a long token with dots "
            "in it.",
        )
    return _credential(text)


def _credential(raw: Raw) -> PastedCredential:
    found = read(raw)
    if isinstance(found, Presentation) and len(found.credentials) > MOST_CREDENTIALS:
        raise InvalidCredential(
            f"there are {len(found.credentials):,} credentials in this presentation; at most "
            f"{MOST_CREDENTIALS} are checked here",
            hint="Paste them one by one.",
        )
    return PastedCredential(raw=raw)


def _json(text: str, issuer: str) -> Pasted:
    try:
        value = read_json(text.encode("utf-8", "replace"))
    except InvalidInput as error:
        # Without how it begins, and not chained: claims may stand there.
        reason = error.message.partition(": ")[0]
    else:
        return _value(value, issuer)
    raise InvalidInput(f"this is {reason}", hint="Was it copied as a whole?")


def _value(value: Any, issuer: str) -> Pasted:
    if isinstance(value, str):
        return _token("".join(value.split()))
    if not isinstance(value, Mapping):
        raise InvalidInput(
            "this is a list, not a credential", hint="Paste the credentials in it one by one."
        )
    if _is_entry(value):
        entry_from_dict(value)  # raises what is wrong with it
        return PastedStatus(members=(value,), issuer=issuer or None)
    if "proof" not in value and (members := status_members(value)):
        return PastedStatus(members=members, issuer=issuer or issuer_of(value), is_unsigned=True)
    if "proof" not in value and ("verificationMethod" in value or "didDocument" in value):
        raise InvalidInput(
            "this is a DID document", hint="Paste the DID in it, to see what the chain says."
        )
    return _credential(value)


def _is_entry(value: Mapping[str, Any]) -> bool:
    if any(name in value for name in _CLAIMS):
        return False
    return not _ENTRY_MEMBERS.isdisjoint(value) or value.get("type") in _ENTRY_TYPES
