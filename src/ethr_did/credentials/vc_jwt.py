"""Credentials as JWTs: of the Data Model 2.0 written and read, of 1.1 read.

Rules:
  1. 2.0: the payload is the credential itself; claims ``vc`` and ``vp`` are refused. ``typ`` is
     ``vc+jwt``. Where ``iss``, ``sub`` or ``jti`` are there, they say what issuer, subject and id
     say.
  2. 2.0: ``kid`` is there and names one verification method of the issuer.
  3. 1.1: the credential is the claim ``vc``; ``iss``, ``sub``, ``nbf``, ``exp`` and ``jti`` belong
     into it, and what stands there twice is the same. ``kid`` may be missing, a high s is taken:
     did-jwt writes such tokens.
  4. A status may stand in the credential, as ``credentialStatus``, and be a claim of the token,
     ``status``. Every one that is there counts.
  5. ``nbf`` and ``exp`` narrow the window of validity; they never widen it. ``exp`` is the first
     second that is too late.

Spec: Securing VCs using JOSE and COSE, sections 3.1.1 and 3.3; VC Data Model 1.1 section 6.3.1;
RFC 7519 section 4.1; Token Status List, draft 21, section 6.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ethr_did.credentials.credential import Credential, CredentialFormat, method_of
from ethr_did.credentials.data_model import (
    MAX_SUBJECTS,
    DataModel,
    claim_status,
    listed,
    read_data_model,
)
from ethr_did.credentials.jose import MAX_TOKEN, Token, check_signature, parse_token, sign_token
from ethr_did.errors import InvalidCredential, shown

if TYPE_CHECKING:
    from ethr_did.credentials.keys import Algorithm, PublicKey
    from ethr_did.credentials.signing_keys import SigningKey

__all__ = [
    "TokenProof",
    "claim_window",
    "credential_in_token",
    "read_vc_jwt",
    "sign_vc_jwt",
]

VC_TYPE = "vc+jwt"
_LARGEST = 1 << 53


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenProof:
    """The signature of a token."""

    token: Token = field(repr=False)
    method_id: str | None
    any_s: bool = False
    """Whether a high s will do."""

    @property
    def algorithm(self) -> Algorithm:
        """See ``Proof``."""
        return self.token.algorithm

    def check(self, key: PublicKey) -> None:
        """See ``Proof``."""
        check_signature(self.token, key, any_s=self.any_s)


def sign_vc_jwt(
    document: Mapping[str, Any],
    key: SigningKey,
    *,
    algorithm: Algorithm,
    method_id: str,
    most: int = MAX_TOKEN,
) -> str:
    """The credential as a JWT.

    Args:
        document: of the Data Model 2.0.
        key: the issuer's.
        algorithm: of the verification method.
        method_id: of the issuer's document, a DID URL.
        most: characters that the token may have.

    Raises:
        InvalidCredential: it is no such document, or the method is not its issuer's.
        SignerError: it was not signed.
    """
    model = read_data_model(document)
    if model.version == 1:
        raise InvalidCredential("credentials of the Data Model 1.1 are read, and not issued")
    header = {"alg": algorithm.value, "typ": VC_TYPE, "kid": method_of(method_id, model.issuer)}
    text = sign_token(header, document, key, most=most)
    # So that nothing is given out that is not read again.
    _read_2(parse_token(text, most=most))
    return text


def read_vc_jwt(text: str) -> Credential:
    """The credential in a JWT; its signature is not verified.

    Raises:
        InvalidCredential: it breaks a rule.
    """
    return credential_in_token(parse_token(text))


def credential_in_token(token: Token) -> Credential:
    """The credential in a token that was read already; otherwise as ``read_vc_jwt``."""
    return _read_1(token) if "vc" in token.claims else _read_2(token)


def _read_2(token: Token) -> Credential:
    if token.type != VC_TYPE:
        raise InvalidCredential(f"typ of the token is {shown(token.type)}, not {VC_TYPE}")
    for name in ("vc", "vp"):
        if name in token.claims:
            raise InvalidCredential(f"the claim {name} has no place in a credential of 2.0")
    document = token.claims
    model = read_data_model(document)
    if model.version == 1:
        raise InvalidCredential("a credential of the Data Model 1.1 stands in the claim vc")
    _check_same(document, "iss", model.issuer)
    _check_same(document, "jti", document.get("id"))
    if "sub" in document:
        _check_same(document, "sub", model.subjects[0] if len(model.subjects) == 1 else None)
    return _credential(
        token,
        model,
        document,
        CredentialFormat.VC_JWT,
        TokenProof(token=token, method_id=method_of(token.kid, model.issuer)),
    )


def _read_1(token: Token) -> Credential:
    vc = token.claims["vc"]
    if not isinstance(vc, Mapping):
        raise InvalidCredential("the claim vc is not an object")
    if token.type not in (None, "jwt"):
        raise InvalidCredential(f"typ of the token is {shown(token.type)}, not JWT")
    document = _document_of(vc, token.claims)
    model = read_data_model(document)
    if model.version != 1:
        raise InvalidCredential("a credential of the Data Model 2.0 does not stand in a claim vc")
    method = None if token.kid is None else method_of(token.kid, model.issuer)
    return _credential(
        token,
        model,
        document,
        CredentialFormat.VC_JWT_1,
        TokenProof(token=token, method_id=method, any_s=True),
    )


def _document_of(vc: Mapping[str, Any], claims: Mapping[str, Any]) -> dict[str, Any]:
    """The credential with the claims of the token put into it."""
    document = dict(vc)
    issuer = document.get("issuer")
    if isinstance(issuer, Mapping):
        _check_same(claims, "iss", issuer.get("id"))
    else:
        _merge(document, "issuer", claims, "iss")
    _merge(document, "id", claims, "jti")
    _merge_subject(document, claims)
    if "issuanceDate" not in document and "nbf" in claims:
        document["issuanceDate"] = _date(claims, "nbf")
    return document


def _merge_subject(document: dict[str, Any], claims: Mapping[str, Any]) -> None:
    subjects = listed(document, "credentialSubject", most=MAX_SUBJECTS)
    if len(subjects) != 1:
        _check_same(claims, "sub", None)  # which one of them would it be?
    elif "sub" in claims and isinstance(subjects[0], Mapping):
        merged = dict(subjects[0])
        _merge(merged, "id", claims, "sub")
        document["credentialSubject"] = merged


def _merge(document: dict[str, Any], name: str, claims: Mapping[str, Any], claim: str) -> None:
    if claim not in claims:
        return
    if name in document and document[name] != claims[claim]:
        raise InvalidCredential(f"{claim} is {shown(claims[claim])}, {name} is another")
    document[name] = claims[claim]


def _check_same(claims: Mapping[str, Any], claim: str, expected: object) -> None:
    if claim in claims and claims[claim] != expected:
        raise InvalidCredential(
            f"{claim} is {shown(claims[claim])}, and the credential says {shown(expected)}"
        )


def _date(claims: Mapping[str, Any], name: str) -> str:
    from ethr_did.core.resolution import format_time

    return format_time(math.ceil(_number(claims, name)))


def _credential(
    token: Token,
    model: DataModel,
    document: Mapping[str, Any],
    format_: CredentialFormat,
    proof: TokenProof,
) -> Credential:
    start, end, issued = claim_window(token.claims)
    confirmation = token.claims.get("cnf")
    if confirmation is not None and not isinstance(confirmation, Mapping):
        raise InvalidCredential("the claim cnf is not an object")
    return Credential(
        format=format_,
        raw=token.text,
        claims=document,
        issuer=model.issuer,
        subjects=model.subjects,
        types=model.types,
        valid_from=max((one for one in (start, model.valid_from) if one is not None), default=None),
        valid_until=min((one for one in (end, model.valid_until) if one is not None), default=None),
        issued_at=issued,
        status=model.status if document is token.claims else claim_status(token.claims),
        schemas=model.schemas,
        confirmation=confirmation,
        proof=proof,
        secured=token.text.encode(),
    )


def claim_window(claims: Mapping[str, Any]) -> tuple[int | None, int | None, int | None]:
    """First and last good second, and second of the signature, by ``nbf``, ``exp`` and ``iat``.

    Raises:
        InvalidCredential: one of them is no number.
    """
    start = math.ceil(_number(claims, "nbf")) if "nbf" in claims else None
    end = math.ceil(_number(claims, "exp")) - 1 if "exp" in claims else None
    issued = math.floor(_number(claims, "iat")) if "iat" in claims else None
    return start, end, issued


def _number(claims: Mapping[str, Any], name: str) -> int | float:
    value = claims[name]
    if type(value) not in (int, float) or not 0 <= value < _LARGEST:
        raise InvalidCredential(f"{name} is not a number of seconds: {shown(value)}")
    return value  # type: ignore[no-any-return]  # a number by then
