"""Issuers of credentials for tests: documents that are simply there, requests, lists."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ethr_did.chain.local_signer import Secret
from ethr_did.chain.networks import Network
from ethr_did.core.document import DIDDocument, VerificationMethod
from ethr_did.core.keys import parse_address
from ethr_did.core.status_entry import ContractId
from ethr_did.core.status_list import Purpose
from ethr_did.credentials.credential import CredentialFormat
from ethr_did.credentials.issue_request import IssueRequest
from ethr_did.credentials.issuing import CredentialIssuer
from ethr_did.credentials.keys import KeyKind
from ethr_did.credentials.signing_keys import LocalKey
from ethr_did.credentials.templates import find_template
from ethr_did.did_methods import ResolvedDID
from ethr_did.status.allocation import Allocator
from ethr_did.status.stored import ListForm
from support.triangle import Chance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ethr_did.status.store import StatusStore
    from ethr_did.status.stored import StoredList

NOW = 1_800_000_000
ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
DID = f"did:ethr:dev:{ADDRESS}"
HOLDER = "did:ethr:dev:0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
NETWORK = Network(
    name="dev",
    chain_id=31337,
    did_registry="0x" + "11" * 20,
    status_registry="0x" + "22" * 20,
    anchor_registry="0x" + "33" * 20,
    rpc_url="http://127.0.0.1:1",
)
PERSON = {
    "family_name": "Mustermann-Geheim",
    "given_name": "Erika",
    "birthdate": "1984-08-12",
    "degree": {"type": "BachelorDegree", "name": "Law"},
    "grade": "1.0",
}
PERSONAL = (b"Mustermann-Geheim", b"Erika", b"1984-08-12", HOLDER.encode(), b"70997970C5")
"""What must not be in the database, in any spelling that it was given in."""


def key_of(kind: KeyKind = KeyKind.P256, seed: str = "issuer") -> LocalKey:
    """A key that is the same in every run."""
    return LocalKey(kind, Secret(hashlib.sha256(seed.encode()).digest()))


@dataclass
class Documents:
    """Resolves DIDs to documents that are given; counts how often it is asked."""

    keys: Sequence[LocalKey] = ()
    """Of all DIDs, for assertions."""
    result: ResolvedDID | None = None
    """Instead."""
    asked: list[str] = field(default_factory=list)

    def resolve_many(
        self, dids: Sequence[str], *, version_id: int | None = None
    ) -> list[ResolvedDID]:
        """See ``ResolvesDIDs``."""
        assert version_id is None, "the key has to be there now"
        self.asked += dids
        return [self.result or ResolvedDID(did=did, document=self.document(did)) for did in dids]

    def document(self, did: str) -> DIDDocument:
        """The document of a DID."""
        methods = tuple(
            VerificationMethod(
                id=f"{did}#key-{number}",
                type="Multikey",
                controller=did,
                material={"publicKeyMultibase": key.public.to_multikey()},
            )
            for number, key in enumerate(self.keys, 1)
        )
        return DIDDocument(
            id=did,
            verification_method=methods,
            assertion_method=tuple(one.id for one in methods),
        )


def a_list(
    store: StatusStore,
    *,
    form: ListForm = ListForm.CHAIN,
    purpose: Purpose = Purpose.REVOCATION,
    capacity: int = 2**17,
    seed: str = "a list",
    network: Network = NETWORK,
    address: str = ADDRESS,
) -> StoredList:
    """A list of the issuer's."""
    chain = form is ListForm.CHAIN
    registry = network.status_registry if chain else network.anchor_registry
    return Allocator(store, random=Chance(seed)).create_list(
        contract=ContractId(network.chain_id, parse_address(str(registry))),
        identity=parse_address(address),
        purpose=purpose,
        now=NOW,
        form=form,
        capacity=capacity,
        url="" if chain else "https://lists.example/1",
    )


def an_issuer(store: StatusStore | None = None, **options: Any) -> CredentialIssuer:
    """An issuer whose key is in its document."""
    key = options.pop("key", None) or key_of()
    dids = options.pop("dids", None) or Documents([key])
    usual: dict[str, Any] = {"random": Chance(options.pop("chance", "")), "network": NETWORK}
    did = options.pop("did", DID)
    return CredentialIssuer(did, key, dids, store=store, **{**usual, **options})


def a_request(reference: str | None = "diploma-1", **members: Any) -> IssueRequest:
    """A diploma for a holder with a key."""
    objects = (CredentialFormat.EIP712, CredentialFormat.DATA_INTEGRITY)
    is_object = members.get("format") in objects
    usual: dict[str, Any] = {
        "template": find_template("diploma"),
        "format": CredentialFormat.SD_JWT,
        "claims": PERSON,
        "subject": HOLDER,
        "holder_key": None if is_object else key_of(seed="holder").public,
        "reference": reference,
    }
    return IssueRequest(**{**usual, **members})
