"""did:jwk: the key is in the DID, as a JWK.

Rules:
  1. The DID ends in the base64url of a JSON object, in its one spelling, read strictly.
  2. EC on P-256 or secp256k1, OKP on Ed25519: x (and y) of 32 bytes, on the curve. Nothing else.
  3. A private or symmetric member makes it no DID: "must be rejected by all implementations". No
     error repeats any of the text then or otherwise: it may hold somebody's private key.
  4. ``use`` decides what the key is for: ``sig``, ``enc``, or absent for both. Another value is
     refused.
  5. One verification method, ``#0``; a ``kid`` changes nothing. Further members are kept in it.

Spec: did:jwk method specification; RFC 7517; RFC 7518 section 6; RFC 8037 section 2; RFC 8812
section 3.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ethr_did.core.base64url import decode_base64url
from ethr_did.core.strict_json import read_json
from ethr_did.did_methods.curves import Curve, check_key
from ethr_did.did_methods.documents import SIGNING, build_document
from ethr_did.did_methods.identifiers import identifier_of
from ethr_did.errors import InvalidDID, InvalidInput, InvalidKey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ethr_did.core.document import DIDDocument

__all__ = ["resolve_jwk"]

_JWS_2020: Final = "https://w3id.org/security/suites/jws-2020/v1"

_CURVES: Final = {
    "EC P-256": Curve.P256,
    "EC secp256k1": Curve.SECP256K1,
    "OKP Ed25519": Curve.ED25519,
}
_PRIVATE: Final = frozenset({"d", "dp", "dq", "k", "oth", "p", "priv", "q", "qi"})
"""Of all kinds of keys; RFC 7518 sections 6.2.2, 6.3.2 and 6.4."""

_AGREEMENT = "key_agreement"
_WIDTH = 32


def resolve_jwk(did: str) -> DIDDocument:
    """The document of a did:jwk.

    Raises:
        InvalidDID: it is none, holds a private key, or is of a kind of key that is not used here.

    Example:
        >>> import base64
        >>> jwk = '{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'
        >>> text = base64.urlsafe_b64encode(jwk.encode()).decode().rstrip("=")
        >>> resolve_jwk("did:jwk:" + text).verification_method[0].material["publicKeyJwk"]["kty"]
        'OKP'
    """
    jwk = _read(identifier_of(did, "jwk"))
    if _PRIVATE & set(jwk):
        raise InvalidDID(
            "a did:jwk that holds a private or symmetric key",
            hint="Whoever made it has published a secret: the key must not be used any more.",
        )
    _check_jwk(jwk)
    return build_document(
        did,
        fragment="0",
        kind="JsonWebKey2020",
        material={"publicKeyJwk": jwk},
        context=_JWS_2020,
        purposes=_purposes(jwk),
    )


def _read(text: str) -> dict[str, Any]:
    # Errors are not chained: they repeat what they could not read.
    try:
        jwk = read_json(decode_base64url(text))
    except InvalidInput:
        jwk = None
    if not isinstance(jwk, dict):
        raise InvalidDID(
            "a did:jwk that does not hold a JSON object in base64url",
            hint="Base64url has no padding, and JSON no member twice.",
        )
    return jwk


def _check_jwk(jwk: Mapping[str, Any]) -> None:
    curve = _CURVES.get(f"{jwk.get('kty')} {jwk.get('crv')}")
    if curve is None:
        raise InvalidDID(
            "a did:jwk with a key of a kind that is not used here",
            hint="EC on P-256 or secp256k1, and OKP on Ed25519 are.",
        )
    x = _coordinate(jwk, "x")
    if curve is Curve.ED25519:
        if "y" in jwk:
            raise InvalidDID("a did:jwk with a y, which keys of Ed25519 have not")
        key = x
    else:
        key = b"\x04" + x + _coordinate(jwk, "y")
    try:
        check_key(curve, key)
    except InvalidKey:
        raise InvalidDID(f"a did:jwk whose key is not on {curve.value}") from None


def _purposes(jwk: Mapping[str, Any]) -> tuple[str, ...]:
    """Members of ``DIDDocument`` that refer to the key."""
    if "use" not in jwk:
        return (*SIGNING, _AGREEMENT)
    if jwk["use"] not in ("sig", "enc"):
        raise InvalidDID("a did:jwk whose use is neither sig nor enc")
    return SIGNING if jwk["use"] == "sig" else (_AGREEMENT,)


def _coordinate(jwk: Mapping[str, Any], name: str) -> bytes:
    value = jwk.get(name)
    try:
        data = decode_base64url(value) if isinstance(value, str) else b""
    except InvalidInput:
        data = b""
    if len(data) != _WIDTH:
        raise InvalidDID(f"{name} of a did:jwk is not {_WIDTH} bytes in base64url")
    return data
