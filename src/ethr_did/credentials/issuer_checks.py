"""Whether the issuers of credentials are accepted: what has to be asked, and what it means.

Rules: see ``trust.py``. Only credentials whose signature is verified are judged: of the others
nothing shows who their issuer is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ethr_did.credentials.questions import ReadAuthorities, Resolve
from ethr_did.credentials.report import Check, CheckName, Outcome
from ethr_did.credentials.trust import TrustState, judge
from ethr_did.errors import EthrDIDError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from ethr_did.credentials.cases import Case
    from ethr_did.credentials.questions import Question
    from ethr_did.credentials.trust import TrustNeeds, TrustPolicy

__all__ = ["judge_issuers"]


def judge_issuers(
    cases: Iterable[Case], policy: TrustPolicy | None, now: int
) -> Generator[Question, Any, None]:
    """Yields what has to be asked; then each case has its check.

    Args:
        cases: that were read.
        policy: whom the verifier trusts; None: it does not say.
        now: Unix seconds.
    """
    signed = []
    for case in cases:
        if not case.is_signed:
            words = "nothing shows who its issuer is"
            case.note(Check.skipped(CheckName.TRUST, words, code="no_signature"))
        elif policy is None:
            words = "nobody was named whose credentials are accepted"
            case.note(Check.skipped(CheckName.TRUST, words))
        else:
            signed.append(case)
    if policy is None or not signed:
        return
    credentials = [case.credential for case in signed if case.credential is not None]
    state = yield from _find_out(policy.needs(credentials, now=now), now)
    for case, credential in zip(signed, credentials, strict=True):
        verdict = judge(policy, state, credential)
        sources = {"sources": [one.to_dict() for one in verdict.decisions]}
        code = "" if verdict.outcome is Outcome.PASSED else verdict.code
        case.note(
            Check(
                name=CheckName.TRUST,
                outcome=verdict.outcome,
                code=code,
                message=verdict.message,
                facts=sources,
            )
        )


def _find_out(needs: TrustNeeds, now: int) -> Generator[Question, Any, TrustState]:
    state = TrustState(now=now)
    if needs.proofs:
        found = yield Resolve(dids=tuple(one.signer for one in needs.proofs))
        for signed, resolved in zip(needs.proofs, found, strict=True):
            error: EthrDIDError | None = None
            try:
                signed.check_signature(resolved.require_document(), now=now)
            except EthrDIDError as caught:
                error = caught
            state = state.with_proof(signed, error)
    if needs.readings:
        histories = yield ReadAuthorities(readings=needs.readings)
        for reading, answer in zip(needs.readings, histories, strict=True):
            state = state.with_reading(reading, answer)
    return state
