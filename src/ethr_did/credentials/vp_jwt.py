"""Presentations as JWTs: of the Data Model 2.0 written and read, of 1.1 read.

Rules:
  1. 2.0: ``typ`` is ``vp+jwt``; the claims are the document, see ``presented_documents``.
  2. 1.1: the presentation is the claim ``vp``, the holder is ``iss``, and nobody else.
  3. The holder is a DID, and ``kid`` one of its verification methods; 1.1 may leave the latter out.
  4. Nonce and audience tie it to one verifier and one question. What is missing is a matter of the
     policy, and by default a fault.

Spec: VC Data Model 2.0 section 4.13; Securing VCs using JOSE and COSE, section 3.1.2; VC Data Model
1.1 section 6.3.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from ethr_did.credentials.credential import Presentation, PresentationFormat, Raw, method_of
from ethr_did.credentials.data_model import CONTEXT_1, CONTEXT_2, check_did
from ethr_did.credentials.jose import Token, parse_token, sign_token
from ethr_did.credentials.presented_documents import (
    ENVELOPED_TYPE,
    MAX_CREDENTIALS,
    PRESENTATION_TYPE,
    audience_of,
    check_presentation,
    holder_in,
    presented_credentials,
)
from ethr_did.credentials.vc_jwt import TokenProof, claim_window
from ethr_did.errors import InvalidCredential, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ethr_did.credentials.keys import Algorithm
    from ethr_did.credentials.signing_keys import SigningKey

__all__ = ["presentation_in_token", "read_vp_jwt", "sign_vp_jwt"]

VP_TYPE: Final = "vp+jwt"

DEFAULT_LIFETIME: Final = 300
"""Seconds for which a presentation is good."""


def sign_vp_jwt(
    credentials: Sequence[Raw],
    key: SigningKey,
    *,
    algorithm: Algorithm,
    method_id: str,
    holder: str,
    nonce: str,
    audience: str,
    now: int,
    lifetime: int = DEFAULT_LIFETIME,
) -> str:
    """Credentials, presented to one verifier.

    Args:
        credentials: each as it was issued.
        key: the holder's.
        algorithm: of the verification method.
        method_id: of the holder's document, a DID URL.
        holder: a DID.
        nonce: that the verifier chose.
        audience: who the verifier is.
        now: Unix seconds.
        lifetime: seconds for which it is good.

    Raises:
        InvalidCredential: no nonce or audience, no or too many credentials.
        SignerError: it was not signed.
    """
    if not nonce or not audience:
        raise InvalidCredential(
            "a presentation names a nonce and an audience",
            hint="The verifier chooses the nonce; the audience is the verifier.",
        )
    if not 0 < len(credentials) <= MAX_CREDENTIALS:
        raise InvalidCredential(f"a presentation has 1 to {MAX_CREDENTIALS} credentials")
    claims = {
        "@context": [CONTEXT_2],
        "type": [PRESENTATION_TYPE],
        "holder": check_did(holder, "holder"),
        "verifiableCredential": [_enveloped(one) for one in credentials],
        "iss": holder,
        "aud": audience,
        "nonce": nonce,
        "iat": now,
        "exp": now + lifetime,
    }
    header = {"alg": algorithm.value, "typ": VP_TYPE, "kid": method_of(method_id, holder)}
    return sign_token(header, claims, key)


def _enveloped(raw: Raw) -> Mapping[str, Any]:
    if not isinstance(raw, str):
        return raw
    media = "dc+sd-jwt" if "~" in raw else _media_of_jwt(raw)
    return {
        "@context": CONTEXT_2,
        "type": ENVELOPED_TYPE,
        "id": f"data:application/{media},{raw}",
    }


def _media_of_jwt(text: str) -> str:
    """A token of the Data Model 1.1 is no ``vc+jwt``, which is 2.0 by its registration."""
    try:
        is_old = "vc" in parse_token(text).claims
    except InvalidCredential:
        return "vc+jwt"  # what it is, whoever verifies it will say
    return "jwt" if is_old else "vc+jwt"


def read_vp_jwt(text: str) -> Presentation:
    """The presentation in a JWT; its signature is not verified, its credentials are not read.

    Raises:
        InvalidCredential: it breaks a rule.
    """
    return presentation_in_token(parse_token(text))


def presentation_in_token(token: Token) -> Presentation:
    """The presentation in a token that was read already; otherwise as ``read_vp_jwt``."""
    return _read_1(token) if "vp" in token.claims else _read_2(token)


def _read_2(token: Token) -> Presentation:
    claims = token.claims
    if token.type != VP_TYPE:
        raise InvalidCredential(f"typ of the token is {shown(token.type)}, not {VP_TYPE}")
    if "vc" in claims:
        raise InvalidCredential("the claim vc has no place in a presentation")
    check_presentation(claims, CONTEXT_2)
    holder = check_did(holder_in(claims), "holder")
    if claims.get("iss", holder) != holder:
        raise InvalidCredential(f"iss is {shown(claims['iss'])}, the holder is {shown(holder)}")
    proof = TokenProof(token=token, method_id=method_of(token.kid, holder))
    return _presentation(token, PresentationFormat.VP_JWT, holder, claims, proof)


def _read_1(token: Token) -> Presentation:
    vp = token.claims["vp"]
    if not isinstance(vp, Mapping):
        raise InvalidCredential("the claim vp is not an object")
    if token.type not in (None, "jwt"):
        raise InvalidCredential(f"typ of the token is {shown(token.type)}, not JWT")
    check_presentation(vp, CONTEXT_1)
    holder = check_did(token.claims.get("iss"), "iss")
    if holder_in(vp) not in (None, holder):
        raise InvalidCredential(f"iss is {shown(holder)}, holder is {shown(vp['holder'])}")
    method = None if token.kid is None else method_of(token.kid, holder)
    proof = TokenProof(token=token, method_id=method, any_s=True)
    return _presentation(token, PresentationFormat.VP_JWT_1, holder, vp, proof)


def _presentation(
    token: Token,
    format_: PresentationFormat,
    holder: str,
    document: Mapping[str, Any],
    proof: TokenProof,
) -> Presentation:
    claims = token.claims
    nonce = claims.get("nonce")
    if nonce is not None and (not isinstance(nonce, str) or not nonce):
        raise InvalidCredential(f"nonce is not a text: {shown(nonce)}")
    start, end, issued = claim_window(claims)
    return Presentation(
        format=format_,
        holder=holder,
        credentials=presented_credentials(document),
        nonce=nonce,
        audience=audience_of(claims.get("aud"), "aud"),
        issued_at=issued,
        valid_from=start,
        valid_until=end,
        proof=proof,
    )
