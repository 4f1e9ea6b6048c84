"""Which key of a wallet a credential is bound to.

Rules:
  1. ``cnf`` says it with a JWK, or with a verification method of a DID. A credential without one is
     bound to the DID of its subject.
  2. Nobody is asked. What follows from the DID alone is known: did:key, did:jwk, did:pkh, and of
     did:ethr the account that it began with. Another key of a DID must be named by the holder.
  3. Where several keys would do, the first of the wallet is taken.

Spec: RFC 7800 section 3; SD-JWT VC, draft 19, section 3.2.2.2; VC Data Model 2.0 section 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ethr_did.core.did import EthrDID
from ethr_did.credentials.keys import KeyKind, PublicKey
from ethr_did.did_methods.jwk import resolve_jwk
from ethr_did.did_methods.key import resolve_key
from ethr_did.did_methods.pkh import resolve_pkh
from ethr_did.errors import EthrDIDError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ethr_did.core.document import DIDDocument
    from ethr_did.credentials.credential import Credential
    from ethr_did.wallet.keys import WalletKey

__all__ = ["bound_key"]

_COMPUTED: Mapping[str, Callable[[str], DIDDocument]] = {
    "jwk": resolve_jwk,
    "key": resolve_key,
    "pkh": resolve_pkh,
}


def bound_key(credential: Credential, keys: Iterable[WalletKey]) -> WalletKey | None:
    """The key that a credential is bound to; None if none of them is known to be.

    Args:
        credential: whose holder is looked for.
        keys: those of the wallet.
    """
    wanted = list(_keys_of(credential))
    return next((key for key in keys if any(key.public.is_same(one) for one in wanted)), None)


def _keys_of(credential: Credential) -> Iterator[PublicKey]:
    confirmation = credential.confirmation
    if confirmation is None:
        for subject in credential.subjects:
            yield from _keys_of_did(subject)
        return
    if "jwk" in confirmation:
        try:
            yield PublicKey.from_jwk(confirmation["jwk"])
        except EthrDIDError:
            return  # of a kind that no wallet holds
    kid = confirmation.get("kid")
    if isinstance(kid, str):
        did, _, fragment = kid.partition("#")
        yield from _keys_of_did(did, method_id=f"{did}#{fragment}")


def _keys_of_did(did: str, method_id: str | None = None) -> Iterator[PublicKey]:
    """The keys that follow from a DID; of one method, if that is named."""
    try:
        if did.startswith("did:ethr:"):
            if method_id in (None, f"{did}#controller", f"{did}#controllerKey"):
                yield PublicKey(KeyKind.ACCOUNT, EthrDID.parse(did).address)
            return
        compute = _COMPUTED.get(did[4:].partition(":")[0])
        if compute is None:
            return
        for method in compute(did).verification_method:
            if method_id in (None, method.id):
                yield PublicKey.from_method(method)
    except EthrDIDError:
        return  # no such DID, or a key of a kind that no wallet holds
