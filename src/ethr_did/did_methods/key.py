"""did:key: the key is in the DID, as a Multikey.

Rules:
  1. secp256k1 (compressed), P-256 (compressed) and Ed25519, in base58btc. Each is shown to be on
     its curve.
  2. One verification method of the type ``Multikey``; its fragment is the Multikey itself.
  3. No ``keyAgreement``: the X25519 key that one may derive from an Ed25519 key is left out, as the
     specification does unless ``enableEncryptionKeyDerivation`` is set. Nothing is encrypted here.
  4. No version part (``did:key:1.1:z…``): the grammar has none, though the algorithm speaks of it.

Spec: The did:key Method v0.9 (W3C CCG), "did:key Identifier Syntax", "Document Creation Algorithm";
W3C Controlled Identifiers section 2.2.2 (Multikey).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ethr_did.core.document import MULTIKEY_V1
from ethr_did.core.keys import ED25519_PUB, P256_PUB, SECP256K1_PUB, parse_multibase
from ethr_did.did_methods.curves import Curve, check_key
from ethr_did.did_methods.documents import build_document
from ethr_did.did_methods.identifiers import identifier_of
from ethr_did.errors import InvalidDID, InvalidKey, shown

if TYPE_CHECKING:
    from ethr_did.core.document import DIDDocument

__all__ = ["resolve_key"]

_KINDS: Final = {
    SECP256K1_PUB: (Curve.SECP256K1, 33),
    P256_PUB: (Curve.P256, 33),
    ED25519_PUB: (Curve.ED25519, 32),
}
"""Multicodec prefixes (varint): the curve, and the bytes of a key."""

_PREFIX = 2


def resolve_key(did: str) -> DIDDocument:
    """The document of a did:key.

    Raises:
        InvalidDID: it is none, or of a kind of key that is not used here.

    Example:
        >>> document = resolve_key("did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK")
        >>> document.assertion_method[0].partition("#")[2]
        'z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK'
    """
    multikey = identifier_of(did, "key")
    try:
        _check_multikey(multikey)
    except InvalidKey as cause:
        raise InvalidDID(f"{cause.message} (in {shown(did)})", hint=cause.hint) from cause
    return build_document(
        did,
        fragment=multikey,
        kind="Multikey",
        material={"publicKeyMultibase": multikey},
        context=MULTIKEY_V1,
    )


def _check_multikey(text: str) -> None:
    data = parse_multibase(text)
    prefix, key = data[:_PREFIX], data[_PREFIX:]
    if prefix not in _KINDS:
        raise InvalidKey(
            f"not a key of a kind that is used here: multicodec 0x{prefix.hex()}",
            hint="secp256k1, P-256 and Ed25519 are.",
        )
    curve, length = _KINDS[prefix]
    if len(key) != length:
        raise InvalidKey(f"a key of {curve.value} has {length} bytes here, not {len(key)}")
    check_key(curve, key)
