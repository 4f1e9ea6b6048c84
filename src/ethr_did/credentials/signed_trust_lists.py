"""Lists of trusted issuers that somebody signed, so that they may come from anywhere.

Rules:
  1. A JWT of the type ``trust-list+jwt``. Its claims are ``iss``, ``iat``, ``exp`` and
     ``trustList``, all four, and no others. The list is good until ``exp``, or its own earlier end:
     whoever serves it could hold a newer one back, and not for longer than that.
  2. Whose list it must be is the verifier's decision, and no claim's: ``iss`` is compared with it.
  3. ``kid`` is a verification method of ``iss``, listed there for ``assertionMethod``.
  4. A list that was read is not verified; ``check_signature`` of it says so.

Spec: RFC 7519 sections 4.1 and 5.1; RFC 8725 section 3.11 (explicit typing).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from ethr_did.credentials.credential import method_of
from ethr_did.credentials.did_comparison import is_same_did
from ethr_did.credentials.jose import Token, parse_token, sign_token
from ethr_did.credentials.trust_lists import TrustList, trust_list_from_dict
from ethr_did.credentials.vc_jwt import TokenProof, claim_window
from ethr_did.credentials.verification_methods import Purpose, find_key
from ethr_did.errors import InvalidCredential, InvalidTrustList, InvalidValidity, shown

if TYPE_CHECKING:
    from ethr_did.chain.networks import Networks
    from ethr_did.core.document import DIDDocument
    from ethr_did.credentials.keys import Algorithm
    from ethr_did.credentials.signing_keys import SigningKey

__all__ = ["TOKEN_TYPE", "SignedTrustList", "read_signed_trust_list", "sign_trust_list"]

TOKEN_TYPE: Final = "trust-list+jwt"  # noqa: S105 - no secret

_CLAIMS = frozenset({"iss", "iat", "exp", "trustList"})
_LARGEST = 253_402_300_800
"""The first second of the year 10000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedTrustList:
    """A list of somebody, and the proof that it is theirs."""

    trust_list: TrustList
    """Its end is that of the token, if that comes first."""
    signer: str
    """The DID that signed, as it stands there."""
    issued_at: int
    """Unix seconds, by the signer's own word."""
    proof: TokenProof

    @property
    def digest(self) -> bytes:
        """SHA-256 of the token: what a verifier keeps results by."""
        return sha256(self.proof.token.text.encode()).digest()

    @property
    def label(self) -> str:
        """Its name, and whose it is."""
        return f"{self.trust_list.label} of {self.signer}"

    def check_signature(self, document: DIDDocument, *, now: int | None = None) -> None:
        """Nothing; the list is that of its signer.

        Args:
            document: of the signer's DID, as it is now.
            now: as for ``find_key``.

        Raises:
            InvalidCredential: it was changed, or the key is not, or not any more, one that makes
                assertions.
        """
        if document.id != self.signer:
            raise InvalidCredential(
                f"the document is that of {shown(document.id)}, not of {shown(self.signer)}"
            )
        _, key = find_key(document, self.proof, Purpose.ASSERTION, now=now)
        self.proof.check(key)


def sign_trust_list(
    trust_list: TrustList,
    key: SigningKey,
    *,
    algorithm: Algorithm,
    method_id: str,
    issued_at: int,
    expires_at: int,
) -> str:
    """The list as a signed token.

    Args:
        trust_list: with its issuer.
        key: the issuer's.
        algorithm: of the verification method.
        method_id: of the issuer's document, a DID URL or ``#fragment``.
        issued_at: Unix seconds.
        expires_at: Unix seconds of the first moment that is too late.

    Raises:
        InvalidTrustList: it names no issuer, or is too long.
        InvalidCredential: the method is not its issuer's.
        InvalidValidity: it would end before it begins.
        SignerError: it was not signed.
    """
    if trust_list.issuer is None:
        raise InvalidTrustList(
            "a list that names no issuer cannot be signed", hint="Say whose list it is."
        )
    if not 0 <= issued_at < expires_at < _LARGEST:
        raise InvalidValidity(
            f"a list from {issued_at} until {expires_at} is never good",
            hint="Let it end after it begins.",
        )
    kid = method_of(method_id, trust_list.issuer)
    header = {"alg": algorithm.value, "typ": TOKEN_TYPE, "kid": kid}
    claims = {
        "iss": trust_list.issuer,
        "iat": issued_at,
        "exp": expires_at,
        "trustList": trust_list.to_dict(),
    }
    try:
        return sign_token(header, claims, key)
    except InvalidCredential as cause:
        raise InvalidTrustList(f"the list cannot be signed: {cause.message}") from cause


def read_signed_trust_list(text: str, *, signer: str, networks: Networks) -> SignedTrustList:
    """The list in a token; its signature is not verified.

    Args:
        text: the token.
        signer: the DID whose list it must be.
        networks: that names and chain ids of a did:ethr stand for.

    Raises:
        InvalidTrustList: it is no such token, or not that DID's.
    """
    try:
        return _read(parse_token(text), signer, networks)
    except InvalidCredential as cause:
        raise InvalidTrustList(
            f"not a signed trust list: {cause.message}", hint=cause.hint
        ) from cause


def _read(token: Token, signer: str, networks: Networks) -> SignedTrustList:
    if token.type != TOKEN_TYPE:
        raise InvalidCredential(f"typ of the token is {shown(token.type)}, not {TOKEN_TYPE}")
    if set(token.claims) != _CLAIMS:
        odd = sorted(set(token.claims) ^ _CLAIMS)
        raise InvalidCredential(f"claims that are missing or not known: {shown(odd)}")
    issuer = token.claims["iss"]
    if not isinstance(issuer, str) or not is_same_did(issuer, signer, networks):
        raise InvalidTrustList(
            f"the list is that of {shown(issuer)}, not of {shown(signer)}",
            hint="Whose list you believe is your own decision; name the right one.",
        )
    _, last, issued_at = claim_window(token.claims)
    if last is None or issued_at is None or issued_at > last:
        raise InvalidCredential("the token ends before it begins")
    inner = trust_list_from_dict(token.claims["trustList"])
    if inner.issuer != issuer:
        raise InvalidTrustList(
            f"the list says it is that of {shown(inner.issuer)}, its token {shown(issuer)}"
        )
    end = last if inner.valid_until is None else min(last, inner.valid_until)
    return SignedTrustList(
        trust_list=replace(inner, valid_until=end),
        signer=issuer,
        issued_at=issued_at,
        proof=TokenProof(token=token, method_id=method_of(token.kid, issuer)),
    )
