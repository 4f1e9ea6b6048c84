"""Issuers, holders and verifiers without a chain: the documents of all DIDs are at hand."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import rfc8785

from ethr_did.chain.local_signer import LocalSigner
from ethr_did.core.document import DIDDocument, VerificationMethod
from ethr_did.core.keys import format_multibase
from ethr_did.core.resolution import format_time
from ethr_did.credentials.data_model import CONTEXT_2
from ethr_did.credentials.keys import Algorithm, KeyKind, PublicKey
from ethr_did.credentials.questions import AsyncOutside, Outside
from ethr_did.credentials.sd_jwt_vc import sign_sd_jwt_vc
from ethr_did.credentials.signing_keys import AccountKey
from ethr_did.credentials.vc_jwt import sign_vc_jwt
from ethr_did.credentials.verification import AsyncVerifier, Verifier
from ethr_did.credentials.vp_jwt import sign_vp_jwt
from ethr_did.did_methods.resolved import ResolvedDID
from ethr_did.errors import NotFoundError, shown
from support.signed_documents import NOW
from support.signed_documents import document as credential_document
from support.triangle import NONCE, SHOP, VCT, Chance, Party, key_of_kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ethr_did.credentials.credential import Raw
    from ethr_did.credentials.report import Check, CheckName, Report

__all__ = [
    "NOW",
    "AsyncDocuments",
    "Documents",
    "async_verifier",
    "check_of",
    "credential_document",
    "document_of",
    "method_of",
    "person_sd_jwt",
    "presented",
    "proven_presentation",
    "somebody",
    "vc_jwt",
    "verifier",
]


def somebody(name: str, kind: KeyKind = KeyKind.P256, algorithm: Algorithm | None = None) -> Party:
    """A person with one key; the same in every run."""
    did = f"did:example:{name}"
    if kind is KeyKind.ACCOUNT:
        secret = hashlib.sha256(name.encode()).digest()
        key: Any = AccountKey(LocalSigner.from_key(secret))
    else:
        key = key_of_kind(kind, name)
    usual = key.public.algorithms[0]
    return Party(did=did, key=key, method_id=f"{did}#key", algorithm=algorithm or usual)


def method_of(party: Party, **members: Any) -> VerificationMethod:
    """The verification method of a person."""
    key: PublicKey = party.key.public
    given: dict[str, Any] = {
        "id": party.method_id,
        "controller": party.did,
        "type": "Multikey",
        "material": {},
    }
    if key.kind is KeyKind.ACCOUNT:
        given["type"] = "EcdsaSecp256k1RecoveryMethod2020"
        given["material"] = {"blockchainAccountId": f"eip155:1:{key}"}
    else:
        given["material"] = {"publicKeyMultibase": key.to_multikey()}
    return VerificationMethod(**{**given, **members})


def document_of(party: Party, **members: Any) -> DIDDocument:
    """The document of a person, whose key is for assertions and for authentication."""
    given: dict[str, Any] = {
        "id": party.did,
        "verification_method": (method_of(party),),
        "assertion_method": (party.method_id,),
        "authentication": (party.method_id,),
    }
    return DIDDocument(**{**given, **members})


class Documents:
    """Resolves DIDs from what it was given; the others do not exist."""

    def __init__(self, *known: Party | DIDDocument | ResolvedDID) -> None:
        self.asked: list[tuple[tuple[str, ...], int | None]] = []
        self._known: dict[tuple[str, int | None], ResolvedDID] = {}
        for one in known:
            self.put(one)

    def put(
        self, one: Party | DIDDocument | ResolvedDID, *, version_id: int | None = None
    ) -> Documents:
        """The same, with another document: of now, or after a block."""
        document = document_of(one) if isinstance(one, Party) else one
        if isinstance(document, DIDDocument):
            document = ResolvedDID(did=document.id, document=document)
        self._known[document.did, version_id] = document
        return self

    def resolve_many(
        self, dids: Sequence[str], *, version_id: int | None = None
    ) -> list[ResolvedDID]:
        """See ``ResolvesDIDs``."""
        self.asked.append((tuple(dids), version_id))
        return [self._known.get((did, version_id)) or _unknown(did) for did in dids]


def _unknown(did: str) -> ResolvedDID:
    return ResolvedDID(did=did, error=NotFoundError(f"there is no {shown(did)}"))


class AsyncDocuments:
    """The same, awaited."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def resolve_many(
        self, dids: Sequence[str], *, version_id: int | None = None
    ) -> list[ResolvedDID]:
        """See ``AsyncResolvesDIDs``."""
        return self._documents.resolve_many(dids, version_id=version_id)


def verifier(*known: Any, now: int = NOW, **outside: Any) -> Verifier:
    """A verifier to whom some people are known."""
    documents = known[0] if known and isinstance(known[0], Documents) else Documents(*known)
    return Verifier(Outside(dids=documents, **outside), clock=lambda: now)


def async_verifier(*known: Any, now: int = NOW, **outside: Any) -> AsyncVerifier:
    """The same, awaited."""
    documents = known[0] if known and isinstance(known[0], Documents) else Documents(*known)
    return AsyncVerifier(AsyncOutside(dids=AsyncDocuments(documents), **outside), clock=lambda: now)


def check_of(report: Report, name: CheckName) -> Check:
    """The one check of that name."""
    (found,) = [check for check in report.all_checks if check.name is name]
    return found


# -- credentials and presentations ---------------------------------------------------------------


def vc_jwt(issuer: Party, **members: Any) -> str:
    """A degree of ``did:example:student`` as a JWT."""
    document = credential_document(issuer.did, **members)
    return sign_vc_jwt(document, issuer.key, **issuer.signing)


def presented(holder: Party, *credentials: Raw, **options: Any) -> str:
    """Credentials presented to the shop."""
    options = {"nonce": NONCE, "audience": SHOP, "now": NOW, **options}
    return sign_vp_jwt(credentials, holder.key, holder=holder.did, **holder.signing, **options)


def proven_presentation(
    holder: Party,
    *credentials: Raw,
    members: Mapping[str, Any] | None = None,
    **of_proof: Any,
) -> dict[str, Any]:
    """Credentials presented to the shop, as an object with a proof in it; None leaves one out.

    Args:
        holder: whose key signs: Ed25519 or P-256.
        credentials: each as it was issued.
        members: of the document, in place of the usual ones.
        of_proof: members of the proof, in place of the usual ones.
    """
    presentation = {
        "@context": [CONTEXT_2],
        "type": ["VerifiablePresentation"],
        "holder": holder.did,
        "verifiableCredential": [
            one if not isinstance(one, str) else _enveloped(one) for one in credentials
        ],
        **(members or {}),
    }
    suites = {KeyKind.ED25519: "eddsa-jcs-2022", KeyKind.P256: "ecdsa-jcs-2019"}
    proof = {
        "type": "DataIntegrityProof",
        "cryptosuite": suites[holder.key.public.kind],
        "created": format_time(NOW),
        "verificationMethod": holder.method_id,
        "proofPurpose": "authentication",
        "challenge": NONCE,
        "domain": SHOP,
        **of_proof,
    }
    presentation = {name: value for name, value in presentation.items() if value is not None}
    proof = {name: value for name, value in proof.items() if value is not None}
    # As section 3.3 of both suites has it, without the code that is tested.
    hashes = (hashlib.sha256(rfc8785.dumps(one)).digest() for one in (proof, presentation))
    signature = holder.key.sign(holder.algorithm, b"".join(hashes))
    return {**presentation, "proof": {**proof, "proofValue": format_multibase(signature)}}


def _enveloped(token: str) -> dict[str, Any]:
    media = "dc+sd-jwt" if "~" in token else "vc+jwt"
    return {
        "@context": CONTEXT_2,
        "type": "EnvelopedVerifiableCredential",
        "id": f"data:application/{media},{token}",
    }


def person_sd_jwt(issuer: Party, hidden: Sequence[Any] = (("name",),), **claims: Any) -> str:
    """A person's credential as an SD-JWT, with all its disclosures."""
    given = {
        "iss": issuer.did,
        "vct": VCT,
        "iat": NOW,
        "name": "Erika",
        "age_equal_or_over": {"18": True},
        **claims,
    }
    return sign_sd_jwt_vc(
        given, issuer.key, **issuer.signing, hidden=hidden, random=Chance(issuer.did)
    )
