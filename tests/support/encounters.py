"""Issuers, holders and verifiers of ours, and npm's credential libraries, on one chain."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Self

from ethr_did.chain.local_signer import Secret
from ethr_did.core.base64url import decode_base64url, encode_base64url
from ethr_did.core.resolution import format_time
from ethr_did.credentials.policy import Policy
from ethr_did.credentials.signing_keys import LocalKey
from ethr_did.fetching import Fetched
from support.peers import PeerRefusal
from support.triangle import DIPLOMA

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalAccount
    from ethr_did.credentials.keys import KeyKind
    from ethr_did.credentials.report import CredentialReport, Report
    from ethr_did.credentials.verification import Subject
    from support.peers import Meeting, Peer
    from support.triangle import Triangle

CONTEXT_1 = "https://www.w3.org/2018/credentials/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Encounter:
    """Both sides; the peer knows no more of the chain than its URL."""

    triangle: Triangle
    peer: Peer
    meeting: Meeting

    def ask(self, task: str, **question: Any) -> Any:
        """What the peer answers, at the chain's time."""
        known = {"network": self.meeting.question, "now": self.triangle.now}
        return self.peer.ask(task, **{**known, **question})

    def refusal(self, task: str, **question: Any) -> str:
        """What the peer says no with."""
        try:
            answer = self.ask(task, **question)
        except PeerRefusal as error:
            return str(error)
        raise AssertionError(f"the peer accepted it: {answer}")

    def verified(self, subject: Subject, policy: Policy | None = None) -> Report:
        """What our verifier says."""
        return self.triangle.verifier().verify(subject, policy or Policy())

    def documents(self, *dids: str) -> dict[str, Any]:
        """What our resolver says, for peers who are to use that."""
        resolver = self.triangle.resolver()
        return {did: resolver.resolve(did).to_dict() for did in dids}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """A key that both sides have."""

    key: LocalKey
    secret: dict[str, str]
    """As a private JWK."""

    @classmethod
    def of(cls, kind: KeyKind, seed: str) -> Self:
        """The same in every run."""
        secret = sha256(seed.encode()).digest()
        key = LocalKey(kind, Secret(secret))
        return cls(key=key, secret={**key.public.to_jwk(), "d": encode_base64url(secret)})

    @property
    def jwk(self) -> dict[str, str]:
        """The public one."""
        return self.key.public.to_jwk()


def one(report: Report) -> CredentialReport:
    """What is said about the only credential."""
    (found,) = report.credentials
    return found


def codes(report: Report) -> set[str]:
    """Of all checks."""
    return {check.code for check in report.all_checks if check.code}


def diploma(issuer: str, holder: str, *, now: int) -> dict[str, Any]:
    """A credential of the Data Model 1.1."""
    return {
        "@context": [CONTEXT_1],
        "id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
        "type": ["VerifiableCredential", DIPLOMA],
        "issuer": issuer,
        "issuanceDate": format_time(now - 10),
        "expirationDate": format_time(now + 86_400),
        "credentialSubject": {"id": holder, "degree": "Law", "honours": True},
    }


def as_peer(account: LocalAccount) -> dict[str, str]:
    """Who somebody is, and the key, as the peer wants to know it."""
    return {"identifier": account.address, "key": f"0x{account.key.hex()}"}


def header_of(token: str) -> dict[str, Any]:
    """The header of a token."""
    header: dict[str, Any] = json.loads(decode_base64url(token.partition(".")[0]))
    return header


def tampered(token: str, **claims: Any) -> str:
    """The token with other claims under the same signature."""
    header, payload, signature = token.split(".")
    changed = {**json.loads(decode_base64url(payload)), **claims}
    return f"{header}.{encode_base64url(json.dumps(changed).encode())}.{signature}"


@dataclass(frozen=True, slots=True)
class Shelf:
    """A web server with one document: a ``Fetches``."""

    content: str

    def fetch(self, url: str, *, accept: str, most: int | None = None) -> Fetched:
        """The document, whatever the URL."""
        content = self.content.encode()
        assert most is None or len(content) <= most
        return Fetched(url=url, content=content, media_type=accept.partition(",")[0])
