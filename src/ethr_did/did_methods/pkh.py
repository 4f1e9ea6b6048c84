"""did:pkh: an account is the DID. Only Ethereum's, ``did:pkh:eip155:<chain>:<address>``.

Rules:
  1. The chain id is decimal, without leading zeros; the address carries the EIP-55 checksum where
     upper and lower case are mixed.
  2. One verification method, ``#blockchainAccountId``, which may do everything but agree on keys.
  3. No contract is asked: whoever owns a contract account signs nothing for this DID.

Spec: did:pkh method specification, "Read (Resolve)", and its test vectors; CAIP-2, CAIP-10.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ethr_did.core.keys import parse_address
from ethr_did.did_methods.documents import build_document
from ethr_did.did_methods.identifiers import identifier_of
from ethr_did.errors import InvalidAddress, InvalidDID, shown

if TYPE_CHECKING:
    from ethr_did.core.document import DIDDocument

__all__ = ["resolve_pkh"]

_ACCOUNT = re.compile(r"eip155:[1-9][0-9]{0,31}:(.*)")
_KIND = "EcdsaSecp256k1RecoveryMethod2020"
_CONTEXT = {
    "blockchainAccountId": "https://w3id.org/security#blockchainAccountId",
    _KIND: f"https://identity.foundation/EcdsaSecp256k1RecoverySignature2020#{_KIND}",
}


def resolve_pkh(did: str) -> DIDDocument:
    """The document of a did:pkh of an Ethereum account.

    Raises:
        InvalidDID: it is none.

    Example:
        >>> document = resolve_pkh("did:pkh:eip155:1:0xb9c5714089478a327f09197987f16f9e5d936e8a")
        >>> document.verification_method[0].material
        {'blockchainAccountId': 'eip155:1:0xb9c5714089478a327f09197987f16f9e5d936e8a'}
    """
    account = identifier_of(did, "pkh")
    found = _ACCOUNT.fullmatch(account)
    if found is None:
        raise InvalidDID(
            f"not the did:pkh of an Ethereum account: {shown(did)}",
            hint="Only did:pkh:eip155:CHAIN:ADDRESS is resolved here.",
        )
    try:
        parse_address(found[1])
    except InvalidAddress as cause:
        raise InvalidDID(f"{cause.message} (in {shown(did)})", hint=cause.hint) from cause
    return build_document(
        did,
        fragment="blockchainAccountId",
        kind=_KIND,
        material={"blockchainAccountId": account},
        context=dict(_CONTEXT),
    )
