"""Verifiers without a chain: blocking and awaited, which must say the same."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from ethr_did.core.keys import Address
from ethr_did.core.status_entry import ContractId
from ethr_did.credentials.anchoring import Existence, ExistenceProof
from ethr_did.credentials.data_model import CONTEXT_1
from ethr_did.credentials.jose import sign_token
from ethr_did.credentials.keys import KeyKind
from ethr_did.credentials.policy import Policy
from ethr_did.credentials.questions import AskExistence, AsyncOutside, Outside, Question
from ethr_did.credentials.report import CheckName, Outcome, Report
from ethr_did.credentials.sd_jwt import SDJWT
from ethr_did.credentials.sd_jwt_vc import add_key_binding
from ethr_did.credentials.verification import AsyncVerifier, Verifier
from support.offline import (
    NOW,
    AsyncDocuments,
    Documents,
    check_of,
    person_sd_jwt,
    somebody,
    vc_jwt,
)
from support.triangle import NONCE, SHOP

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ethr_did.core.status_answer import FinalityPolicy, Status
    from ethr_did.credentials.signing_keys import SigningKey
    from ethr_did.errors import (
        EthrDIDError,
    )
    from ethr_did.status.reading import StatusQuestion
    from support.triangle import Party

ISSUER = somebody("issuer")
HOLDER = somebody("student", KeyKind.SECP256K1)
STRANGER = somebody("stranger", KeyKind.ED25519)
EVERYBODY = (ISSUER, HOLDER, STRANGER)
AT_THE_SHOP = Policy(nonce=NONCE, audience=SHOP)
TOKEN = vc_jwt(ISSUER)
REGISTRY = ContractId(1, Address(bytes(20)))
PROOF = ExistenceProof(registry=REGISTRY, salt=bytes(32))


class Stubs:
    """What the outside is made of, and what it was asked."""

    def __init__(
        self,
        documents: Documents,
        statuses: Sequence[Status] = (),
        existences: Sequence[Existence | EthrDIDError] = (),
    ) -> None:
        self.documents = documents
        self.statuses = statuses
        self.existences = existences
        self.questions: list[StatusQuestion] = []
        self.policies: list[FinalityPolicy] = []

    def read_statuses(
        self, questions: Sequence[StatusQuestion], *, policy: FinalityPolicy
    ) -> list[Status]:
        """See ``StatusReader``."""
        self.questions, self.policies = list(questions), [policy]
        assert len(questions) == len(self.statuses)
        return list(self.statuses)

    def blocking(self) -> Outside:
        return StubbedOutside(self)

    def awaited(self) -> AsyncOutside:
        return _AsyncOutside(self)


class StubbedOutside(Outside):
    def __init__(self, stubs: Stubs) -> None:
        super().__init__(dids=stubs.documents, statuses=stubs)  # type: ignore[arg-type]  # has what is asked
        self._stubs = stubs

    def answer(self, question: Question) -> Sequence[Any]:
        if isinstance(question, AskExistence):
            return self._stubs.existences
        return super().answer(question)


class _AwaitedStatuses:
    def __init__(self, stubs: Stubs) -> None:
        self._stubs = stubs

    async def read_statuses(
        self, questions: Sequence[StatusQuestion], *, policy: FinalityPolicy
    ) -> list[Status]:
        return self._stubs.read_statuses(questions, policy=policy)


class _AsyncOutside(AsyncOutside):
    def __init__(self, stubs: Stubs) -> None:
        super().__init__(dids=AsyncDocuments(stubs.documents), statuses=_AwaitedStatuses(stubs))  # type: ignore[arg-type]  # as above
        self._stubs = stubs

    async def answer(self, question: Question) -> Sequence[Any]:
        if isinstance(question, AskExistence):
            return self._stubs.existences
        return await super().answer(question)


def both(
    stubs: Stubs,
    ask: Callable[[Any], Any],
    now: int,
) -> Any:
    """What both verifiers say; it is the same."""
    found = ask(Verifier(stubs.blocking(), clock=lambda: now))

    async def waited() -> Any:
        return await ask(AsyncVerifier(stubs.awaited(), clock=lambda: now))

    again = asyncio.run(waited())
    one, other = (found, again) if isinstance(found, list) else ([found], [again])
    assert [report.to_dict() for report in one] == [report.to_dict() for report in other]
    return found


def judged(
    subject: Any,
    policy: Policy = AT_THE_SHOP,
    *,
    known: Sequence[Any] = EVERYBODY,
    stubs: Stubs | None = None,
    proofs: Sequence[ExistenceProof] = (),
    now: int = NOW,
) -> Report:
    """What is said about one thing."""
    outside = Stubs(Documents(*known)) if stubs is None else stubs
    found: Report = both(outside, lambda one: one.verify(subject, policy, proofs=proofs), now)
    # A report is JSON, whatever was found out.
    json.dumps(found.to_dict())
    if found.is_valid:
        check_signatures(found)
    return found


def check_signatures(report: Report) -> None:
    """Fails unless all signatures of a valid report were verified."""
    groups = [one.checks for one in report.credentials]
    groups += [report.checks] if report.presentation is not None else []
    groups += [part.checks for part in report.parts]
    groups += [one.checks for part in report.parts for one in part.credentials]
    for checks in groups:
        outcomes = [one.outcome for one in checks if one.name is CheckName.SIGNATURE]
        assert outcomes == [Outcome.PASSED], report.to_dict()


def outcomes(report: Report) -> dict[str, str]:
    """How each check of the only credential ended, with its code."""
    return {
        one.name.value: f"{one.outcome.value} {one.code}".strip()
        for one in report.credentials[0].checks
    }


def faults(report: Report) -> set[tuple[str, str]]:
    """The checks that did not pass, with their codes."""
    bad = (Outcome.FAILED, Outcome.UNDETERMINED)
    return {(one.name.value, one.code) for one in report.all_checks if one.outcome in bad}


def message(report: Report, name: CheckName) -> str:
    return check_of(report, name).message


def bound(credential: str, key: SigningKey = HOLDER.key, *, now: int = NOW, **claims: Any) -> str:
    """An SD-JWT presented to the shop."""
    return add_key_binding(
        SDJWT.parse(credential),
        key,
        algorithm=key.public.algorithms[0],
        nonce=NONCE,
        audience=SHOP,
        now=now,
        **claims,
    )


HELD = person_sd_jwt(ISSUER, cnf={"jwk": HOLDER.key.public.to_jwk()})


def vc_1_1(issuer: Party, **claims: Any) -> str:
    """A credential of the Data Model 1.1, as did-jwt-vc writes it."""
    document = {
        "@context": [CONTEXT_1],
        "type": ["VerifiableCredential"],
        "credentialSubject": {"degree": "Law"},
    }
    given = {"iss": issuer.did, "sub": HOLDER.did, "nbf": NOW, "vc": document, **claims}
    return sign_token({"alg": issuer.algorithm.value, "typ": "JWT"}, given, issuer.key)


def vp_1_1(holder: Party, *credentials: str, **claims: Any) -> str:
    """A presentation of the Data Model 1.1, as did-jwt-vc writes it."""
    document = {
        "@context": [CONTEXT_1],
        "type": ["VerifiablePresentation"],
        "verifiableCredential": list(credentials),
    }
    given = {"iss": holder.did, "nonce": NONCE, "aud": SHOP, "vp": document, **claims}
    return sign_token({"alg": holder.algorithm.value, "typ": "JWT"}, given, holder.key)
