"""Issuers without a chain, who sign status lists and credentials that refer to them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ethr_did.core.bitstring import Bitstring
from ethr_did.core.list_documents import (
    DocumentForm,
    ListTerms,
    Unsigned,
    build_document,
    order_of,
)
from ethr_did.core.status_entry import BitstringEntry, TokenEntry
from ethr_did.core.status_list import Purpose
from ethr_did.credentials.data_model import CONTEXT_2
from ethr_did.credentials.keys import KeyKind
from ethr_did.credentials.list_signing import ListSigner
from ethr_did.credentials.questions import AsyncOutside, Outside
from ethr_did.credentials.sd_jwt_vc import sign_sd_jwt_vc
from ethr_did.credentials.vc_jwt import sign_vc_jwt
from ethr_did.credentials.verification import AsyncVerifier, Verifier
from ethr_did.did_methods import AsyncDIDResolver, DIDResolver
from support.did_web import AsyncWeb, Web
from support.triangle import VCT, Chance, Party, key_of_kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ethr_did.core.status_answer import Status
    from ethr_did.credentials.credential import Raw
    from ethr_did.credentials.list_signing import Envelope
    from ethr_did.credentials.policy import Policy
    from ethr_did.credentials.report import Report

NOW = 1_767_225_600
DAY = 86_400
URL = "https://lists.example/1"
ENTRIES = 131_072
W3C, IETF = DocumentForm.W3C, DocumentForm.IETF


def key_party(kind: KeyKind, seed: str = "issuer") -> Party:
    """Somebody with a did:key."""
    key = key_of_kind(kind, seed)
    multikey = key.public.to_multikey()
    did = f"did:key:{multikey}"
    return Party(
        did=did, key=key, method_id=f"{did}#{multikey}", algorithm=key.public.algorithms[0]
    )


def web_party(
    web: Web,
    name: str = "university.example",
    *,
    purposes: tuple[str, ...] = ("assertionMethod",),
    kind: KeyKind = KeyKind.P256,
    seed: str = "",
) -> Party:
    """Somebody with a did:web, whose only key is for these purposes."""
    did, key = f"did:web:{name}", key_of_kind(kind, name + seed)
    method = {
        "id": f"{did}#key-1",
        "type": "JsonWebKey",
        "controller": did,
        "publicKeyJwk": key.public.to_jwk(),
    }
    document = {
        "@context": ["https://www.w3.org/ns/did/v1"],
        "id": did,
        "verificationMethod": [method],
        **{purpose: [method["id"]] for purpose in purposes},
    }
    web.serve(f"https://{name}/.well-known/did.json", document)
    return Party(did=did, key=key, method_id=f"{did}#key-1", algorithm=key.public.algorithms[0])


def unsigned(
    issuer: str,
    form: DocumentForm = W3C,
    values: Mapping[int, int] | None = None,
    *,
    bits: int = 1,
    entries: int = ENTRIES,
    **terms: Any,
) -> Unsigned:
    """The document of a list; everything is valid that is not said otherwise."""
    statuses = Bitstring.of_values(values or {}, bits=bits, capacity=entries, order=order_of(form))
    made = {
        "url": URL,
        "issuer": issuer,
        "valid_from": NOW - 60,
        "valid_until": NOW + DAY,
        "ttl": 900,
        **terms,
    }
    return build_document(statuses, ListTerms(**made), form)


def signed(issuer: Party, document: Unsigned, envelope: Envelope | None = None) -> bytes:
    """The document, as its issuer signs it."""
    signer = ListSigner(key=issuer.key, **issuer.signing)
    return (signer if envelope is None else replace(signer, envelope=envelope))(document).content


def spoiled(document: Unsigned, **claims: Any) -> Unsigned:
    """A document with other claims; None leaves one out."""
    found = {**document.claims, **claims}
    return replace(document, claims={k: v for k, v in found.items() if v is not None})


def w3c_entry(index: int = 7, url: str = URL, **members: Any) -> dict[str, Any]:
    """An entry of a W3C list, as it stands in a credential."""
    members = {"purpose": Purpose.REVOCATION, **members}
    return BitstringEntry(list_url=url, index=index, **members).to_dict()


def ietf_entry(index: int = 7, url: str = URL) -> dict[str, Any]:
    """An entry of an IETF list, as it stands in a credential."""
    return TokenEntry(uri=url, index=index).to_dict()


def credential(issuer: Party, *entries: Mapping[str, Any]) -> str:
    """A credential with those status entries; with one of an IETF list it is an SD-JWT."""
    if any("type" not in one for one in entries):
        (status,) = entries
        claims = {"iss": issuer.did, "vct": VCT, "degree": "Law", "status": dict(status)}
        return sign_sd_jwt_vc(
            claims, issuer.key, **issuer.signing, hidden=(("degree",),), random=Chance()
        )
    document = {
        "@context": [CONTEXT_2],
        "type": ["VerifiableCredential"],
        "issuer": issuer.did,
        "credentialSubject": {"degree": "Law"},
        "credentialStatus": [dict(one) for one in entries],
    }
    return sign_vc_jwt(document, issuer.key, **issuer.signing)


@dataclass(kw_only=True)
class Reading:
    """Verifiers at a place where the lists are served."""

    web: Web = field(default_factory=Web)
    now: int = NOW

    def verifier(self, **options: Any) -> Verifier:
        """A new one."""
        outside = Outside(dids=DIDResolver(fetcher=self.web), fetcher=self.web)
        return Verifier(outside, clock=lambda: self.now, **options)

    def async_verifier(self, web: AsyncWeb, **options: Any) -> AsyncVerifier:
        """A new one, awaited."""
        outside = AsyncOutside(dids=AsyncDIDResolver(fetcher=web), fetcher=web)
        return AsyncVerifier(outside, clock=lambda: self.now, **options)

    def verify(self, raw: Raw, *policy: Policy, verifier: Verifier | None = None) -> Report:
        """What a verifier says of a credential."""
        return (verifier or self.verifier()).verify(raw, *policy)

    def status(self, raw: Raw, *policy: Policy, verifier: Verifier | None = None) -> Status:
        """The one status of a credential."""
        (found,) = self.verify(raw, *policy, verifier=verifier).credentials
        (status,) = found.statuses
        return status
