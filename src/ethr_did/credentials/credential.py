"""A credential that was read: the same value for every format, its proof not verified yet.

Rules:
  * ``claims`` are what the issuer's proof covers and the holder discloses, nothing else.
  * The issuer is a DID. Whoever signed is one of its verification methods: a proof that names a
    method of another DID is refused where it is read.
  * Reading asks nobody. Whatever needs a DID document, the chain or a clock is
    ``verification.py``'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from ethr_did.errors import InvalidCredential, InvalidInput, shown

if TYPE_CHECKING:
    from ethr_did.credentials.keys import Algorithm, PublicKey

__all__ = [
    "Credential",
    "CredentialFormat",
    "Presentation",
    "PresentationFormat",
    "Proof",
    "Raw",
    "method_of",
    "statement_digest",
]

Raw: TypeAlias = str | Mapping[str, Any]
"""A credential as it travels: a token, or a JSON object with its proof in it."""


class CredentialFormat(StrEnum):
    """How a credential is written and secured."""

    VC_JWT = "vc+jwt"
    """VC Data Model 2.0 as a JWT (VC-JOSE-COSE)."""
    VC_JWT_1 = "jwt_vc"
    """VC Data Model 1.1 as a JWT, as did-jwt-vc writes it; read, never written."""
    SD_JWT = "dc+sd-jwt"
    """SD-JWT VC (RFC 9901)."""
    EIP712 = "EthereumEip712Signature2021"
    DATA_INTEGRITY = "DataIntegrityProof"
    """eddsa-jcs-2022 and ecdsa-jcs-2019."""


class PresentationFormat(StrEnum):
    """How a presentation is written and secured."""

    VP_JWT = "vp+jwt"
    VP_JWT_1 = "jwt_vp"
    """Of the Data Model 1.1; read, never written."""
    SD_JWT_KB = "dc+sd-jwt+kb"
    """An SD-JWT with a key binding JWT: one credential, presented."""
    DATA_INTEGRITY = "DataIntegrityProof"
    """A JSON object with a proof in it; read, never written."""


class Proof(Protocol):
    """What shows who signed."""

    @property
    def algorithm(self) -> Algorithm:
        """How."""

    @property
    def method_id(self) -> str | None:
        """The verification method, as a DID URL; None where the format leaves it open (1.1)."""

    def check(self, key: PublicKey) -> None:
        """Nothing; it was made with the key.

        Raises:
            InvalidCredential: it was not.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What a credential says, and the proof of who says it."""

    format: CredentialFormat
    raw: Raw = field(repr=False)
    """As it was received."""
    claims: Mapping[str, Any] = field(repr=False)
    """The document of a VC; the processed claims of an SD-JWT."""
    issuer: str
    """A DID."""
    subjects: tuple[str, ...] = ()
    """Their ids; those without one are not here."""
    types: tuple[str, ...]
    """``type`` of a VC, ``vct`` of an SD-JWT."""
    valid_from: int | None = None
    """First good Unix second; None if it is not said."""
    valid_until: int | None = None
    """The last good one."""
    issued_at: int | None = None
    """Unix seconds of the signature, by the issuer's own word."""
    status: tuple[object, ...] = ()
    """Entries as they stand there, unread."""
    schemas: tuple[object, ...] = ()
    """``credentialSchema`` entries as they stand there, unread."""
    confirmation: Mapping[str, Any] | None = None
    """``cnf``: the key of the holder."""
    proof: Proof = field(repr=False)
    statement: Mapping[str, Any] | None = field(default=None, repr=False)
    """What the issuer signed, where that is not ``claims``: with digests of what may be hidden."""
    secured: bytes = field(repr=False)
    """What the issuer gave out, without what the holder adds: the same bytes for every reader."""

    @property
    def digest(self) -> bytes:
        """SHA-256 of ``secured``: what anchors of existence are about."""
        return sha256(self.secured).digest()

    @property
    def token(self) -> str | None:
        """The token, of a format that is one; without disclosures."""
        return self.raw.partition("~")[0] if isinstance(self.raw, str) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """What a holder shows, and the proof that it is the holder who does."""

    format: PresentationFormat
    holder: str | None
    """A DID; None where only a key is known, as for an SD-JWT."""
    credentials: tuple[Raw, ...] = field(repr=False)
    nonce: str | None
    audience: tuple[str, ...]
    issued_at: int | None
    """Unix seconds, by the holder's own word."""
    valid_from: int | None = None
    valid_until: int | None = None
    """The last good Unix second."""
    proof: Proof = field(repr=False)


def statement_digest(credential: Credential) -> bytes:
    """SHA-256 over what a credential says, without its signature: what status records are about.

    Unlike ``Credential.digest`` it is known before the credential is signed, since the salt of the
    record stands in the credential.

    Raises:
        InvalidCredential: it has no canonical form.

    Spec: RFC 8785; docs/credential-status.md, "Records".
    """
    from ethr_did.credentials.canonical_json import canonical_json

    said = credential.claims if credential.statement is None else credential.statement
    try:
        return sha256(canonical_json(said)).digest()
    except InvalidInput as cause:
        raise InvalidCredential(f"the credential: {cause.message}", hint=cause.hint) from cause


def method_of(kid: object, did: str, *, member: str = "kid") -> str:
    """The verification method that a ``kid`` names, as a DID URL of that DID.

    Args:
        kid: what stands there.
        did: whose it must be.
        member: where it stands, for the error.

    Raises:
        InvalidCredential: it names none, or one of another DID.
    """
    if not isinstance(kid, str) or "#" not in kid:
        raise InvalidCredential(
            f"{member} {shown(kid)} names no verification method",
            hint="It must be a DID URL with a fragment, such as did:ethr:…#controller.",
        )
    whose, _, fragment = kid.partition("#")
    if whose not in ("", did) or not fragment:
        raise InvalidCredential(f"{member} {shown(kid)} is not a key of {shown(did)}")
    return f"{did}#{fragment}"
