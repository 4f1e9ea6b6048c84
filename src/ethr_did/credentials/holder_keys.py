"""The key that a holder names to an issuer.

Rules:
  * A did:key or a did:jwk, which are keys by themselves; a JWK; or an object with one in
    ``publicKeyJwk``, such as a verification method, or what `ethr-did wallet key new` prints.
  * Public keys only, on the curves of ``keys.py``.
"""

from __future__ import annotations

from collections.abc import Mapping

from ethr_did.core.strict_json import read_json
from ethr_did.credentials.keys import PublicKey
from ethr_did.did_methods.jwk import resolve_jwk
from ethr_did.did_methods.key import resolve_key
from ethr_did.errors import InvalidKey, shown

__all__ = ["read_holder_key"]

_METHODS = {"did:key:": resolve_key, "did:jwk:": resolve_jwk}


def read_holder_key(value: object) -> PublicKey:
    """The key.

    Args:
        value: a DID, or a JSON object, or that as text.

    Raises:
        InvalidKey, InvalidDID, InvalidInput: it is none.

    Example:
        >>> str(read_holder_key("did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"))
        'z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp'
    """
    if isinstance(value, str):
        for prefix, resolve in _METHODS.items():
            if value.startswith(prefix):
                return PublicKey.from_method(resolve(value).verification_method[0])
        value = read_json(value.encode())
    if isinstance(value, Mapping) and "publicKeyJwk" in value:
        value = value["publicKeyJwk"]
    if not isinstance(value, Mapping):
        raise InvalidKey(
            f"not a holder's key: {shown(value, 60)}",
            hint="A did:key:z…, or a public key as a JWK.",
        )
    return PublicKey.from_jwk(value)
