"""Verifying credentials and presentations: everything that can be checked, and a report.

Rules:
  1. Each credential of a presentation is verified by itself, and the presentation besides. One of
     them that cannot be read or is not valid makes the whole invalid.
  2. What was not found out is ``undetermined``, never a yes and never a no.
  3. Questions to the outside go out together: one batch for all DIDs, one for all statuses, however
     many credentials there are. In what order, and what has to be true first: see ``cases.py``.

``Verifier`` blocks, ``AsyncVerifier`` is awaited; both drive the same generator of questions.

Spec: VC Data Model 2.0 section 7; Securing VCs using JOSE and COSE section 5; RFC 9901 section 7.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from ethr_did.credentials.credential import statement_digest
from ethr_did.credentials.dcql_response import MAX_PRESENTATIONS, check_response, read_vp_token
from ethr_did.credentials.issuer_checks import judge_issuers
from ethr_did.credentials.policy import Policy
from ethr_did.credentials.questions import (
    AskExistence,
    AsyncOutside,
    Outside,
    Question,
    Resolve,
)
from ethr_did.credentials.report import Check, CheckName, Report, is_no
from ethr_did.credentials.schema_checks import check_schemas
from ethr_did.credentials.showing import Showing, Subject, query_check
from ethr_did.credentials.signed_lists import SignedLists
from ethr_did.credentials.status_asking import ask_statuses
from ethr_did.errors import EthrDIDError, InvalidCredential, InvalidOption
from ethr_did.status.reading import StatusQuestion

if TYPE_CHECKING:
    from ethr_did.chain.networks import Networks
    from ethr_did.credentials.anchoring import Existence, ExistenceProof
    from ethr_did.credentials.cases import Case
    from ethr_did.credentials.credential import Credential, Raw
    from ethr_did.did_methods.resolved import ResolvedDID

__all__ = ["AsyncVerifier", "Subject", "Verifier"]

T = TypeVar("T")

_Steps: TypeAlias = Generator[Question, Any, Any]

_NO_POLICY = Policy()
_MOST_LOOKED_FOR = 256
"""Anchors in one run: a forged credential asks for as many as there are proofs."""


class _Verification:
    """One run over some subjects."""

    def __init__(
        self,
        subjects: Iterable[Subject],
        policy: Policy,
        proofs: Sequence[ExistenceProof],
        *,
        networks: Networks,
        lists: SignedLists,
        now: int,
    ) -> None:
        self.policy = policy
        self.proofs = proofs
        self.networks = networks
        self.lists = lists
        self.now = now
        self.showings = [
            Showing(subject, policy=policy, networks=networks, now=now) for subject in subjects
        ]
        cases = (case for showing in self.showings for case in showing.cases)
        self.cases = [case for case in cases if case.credential is not None]
        """Those that could be read."""

    def steps(self) -> _Steps:
        """Yields questions, is sent their answers; returns a report for each subject."""
        yield from self.checking()
        for showing in self.showings:
            showing.check_query()
        return [showing.report() for showing in self.showings]

    def checking(self) -> _Steps:
        """Yields questions; then every check is made, but for that of a query."""
        documents = yield from self._documents()
        gone = [case for case in self.cases if case.check_key(documents[_of(case).issuer])]
        yield from self._look_back(gone)
        for showing in self.showings:
            showing.check_presentation(documents)
            for case in showing.cases:
                case.check_holder(showing.presenter)
                case.check_contents()
        yield from judge_issuers(self.cases, self.policy.trust, self.now)
        yield from check_schemas(self.cases, self.policy)
        yield from self._ask_statuses(documents)

    # -- documents -------------------------------------------------------------------------------

    def _documents(self) -> _Steps:
        """The documents of all DIDs that matter, each asked for once."""
        issuers = (_of(case).issuer for case in self.cases)
        holders = (showing.holder for showing in self.showings if showing.holder is not None)
        dids = tuple(dict.fromkeys([*issuers, *holders]))
        if not dids:
            return {}
        found = yield Resolve(dids=dids)
        return dict(zip(dids, found, strict=True))

    def _look_back(self, cases: Sequence[Case]) -> _Steps:
        """Credentials whose key is gone: were they there before it went?"""
        wanted = [(case, proof) for case in cases for proof in self.proofs]
        asked, left = wanted[:_MOST_LOOKED_FOR], wanted[_MOST_LOOKED_FOR:]
        for case, _ in left:
            case.leave_open("too_many_proofs", f"only {_MOST_LOOKED_FOR} anchors are looked for")
        if not asked:
            return
        answers: Sequence[Existence | EthrDIDError] = yield AskExistence(
            asked=tuple((_of(case).issuer, proof, _of(case).digest) for case, proof in asked)
        )
        earliest: dict[Case, Existence] = {}
        for (case, _), answer in zip(asked, answers, strict=True):
            if not isinstance(answer, EthrDIDError):
                if case not in earliest or answer.block_number < earliest[case].block_number:
                    earliest[case] = answer
            elif not is_no(answer):
                # That a node did not answer must not look like an answer.
                case.leave_open(answer.code, answer.message)
        for case, existence in earliest.items():
            (resolved,) = yield Resolve(dids=(_of(case).issuer,), version_id=existence.block_number)
            case.check_earlier_key(existence, resolved)

    # -- statuses --------------------------------------------------------------------------------

    def _ask_statuses(self, documents: Mapping[str, ResolvedDID]) -> _Steps:
        asked: list[Case] = []
        for case in self.cases:
            if not _of(case).status:
                case.note(self._without_status())
            elif not case.is_signed or case.is_refused(CheckName.TRUST):
                words = "not asked: it is not shown that a trusted issuer wrote the entry"
                case.note(Check.skipped(CheckName.STATUS, words, code="not_asked"))
            else:
                asked.append(case)
        if not asked:
            return
        questions = [question for case in asked for question in _questions(_of(case))]
        answers = yield from ask_statuses(
            questions,
            self.policy,
            self.lists,
            networks=self.networks,
            documents=documents,
            now=self.now,
        )
        left = iter(answers)
        for case in asked:
            case.check_statuses(tuple(itertools.islice(left, len(_of(case).status))))

    def _without_status(self) -> Check:
        words = "it has none, and cannot be revoked"
        if self.policy.require_status:
            return Check.failed(CheckName.STATUS, "no_status", words)
        return Check.skipped(CheckName.STATUS, words)


def _of(case: Case) -> Credential:
    assert case.credential is not None  # noqa: S101 - only what was read is asked about
    return case.credential


def _questions(found: Credential) -> list[StatusQuestion]:
    """One question for each status entry of a credential."""
    return [
        StatusQuestion(
            entry=entry,  # type: ignore[arg-type]  # whatever it is, the answer says so
            issuer=found.issuer,
            digest=_record_digest(found) if _is_record(entry) else None,
            token=found.token,
        )
        for entry in found.status
    ]


def _record_digest(found: Credential) -> bytes | None:
    """What a record is found by; None if the credential has no canonical form."""
    try:
        return statement_digest(found)
    except InvalidCredential:
        return None  # whoever is asked says that it is not there


def _is_record(entry: object) -> bool:
    return isinstance(entry, Mapping) and entry.get("type") == "EthereumStatusRecordEntry"


class _Response:
    """One run over the answer to a query."""

    def __init__(
        self,
        given: Mapping[str, Sequence[Raw]],
        policy: Policy,
        proofs: Sequence[ExistenceProof],
        *,
        networks: Networks,
        lists: SignedLists,
        now: int,
    ) -> None:
        self.names = [name for name, presentations in given.items() for _ in presentations]
        self.run = _Verification(
            [one for presentations in given.values() for one in presentations],
            policy,
            proofs,
            networks=networks,
            lists=lists,
            now=now,
        )
        self.policy = policy

    def steps(self) -> _Steps:
        """Yields questions, is sent their answers; returns one report."""
        count = sum(len(showing.cases) for showing in self.run.showings)
        if count > MAX_PRESENTATIONS:
            # Each may lead to servers of its own, which its issuer chose.
            words = f"{count} credentials in one answer; at most {MAX_PRESENTATIONS} are looked at"
            return _broken_response(InvalidCredential(words), self.run.now)
        # The query is about all of them together.
        yield from self.run.checking()
        assert self.policy.query is not None  # noqa: S101 - see ``_check_query``
        by_name: dict[str, list[Any]] = {}
        for name, showing in zip(self.names, self.run.showings, strict=True):
            by_name.setdefault(name, []).extend(showing.presented())
        return Report(
            verified_at=self.run.now,
            credentials=(),
            checks=(query_check(check_response(self.policy.query, by_name)),),
            parts=tuple(showing.report() for showing in self.run.showings),
        )


def _broken_response(error: InvalidCredential, now: int) -> Report:
    check = Check.of_error(CheckName.FORMAT, error, "malformed")
    return Report(verified_at=now, credentials=(), checks=(check,))


def _check_query(policy: Policy) -> None:
    if policy.query is None:
        raise InvalidOption(
            "there is no query in the policy", hint="Give the query that was sent to the holder."
        )


# -- the two shells ------------------------------------------------------------------------------


class Verifier:
    """Verifies credentials and presentations, blocking.

    Example:
        >>> from ethr_did.did_methods import DIDResolver
        >>> report = Verifier(Outside(dids=DIDResolver())).verify("e30.e30.")
        >>> report.verdict.value, report.all_checks[0].code
        ('invalid', 'malformed')
    """

    def __init__(
        self,
        outside: Outside,
        *,
        lists: SignedLists | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """A verifier; nothing is asked yet.

        Args:
            outside: answers its questions.
            lists: reads signed status lists, and keeps them; None: one of its own.
            clock: Unix seconds.
        """
        self.outside = outside
        self._lists = SignedLists() if lists is None else lists
        self._clock = clock

    def verify(
        self,
        subject: Subject,
        policy: Policy = _NO_POLICY,
        *,
        proofs: Sequence[ExistenceProof] = (),
    ) -> Report:
        """What was found out about a credential or presentation. Never raises for what is in it.

        Args:
            subject: a token, a JSON object, the bytes of either, or one that was read.
            policy: what is demanded.
            proofs: that it existed earlier, for credentials whose key is gone.
        """
        return self.verify_many([subject], policy, proofs=proofs)[0]

    def verify_many(
        self,
        subjects: Iterable[Subject],
        policy: Policy = _NO_POLICY,
        *,
        proofs: Sequence[ExistenceProof] = (),
    ) -> list[Report]:
        """A report for each, in order; all of them share the questions to the outside.

        Args: as ``verify``.
        """
        run = _Verification(
            subjects,
            policy,
            proofs,
            networks=self.outside.networks,
            lists=self._lists,
            now=int(self._clock()),
        )
        found: list[Report] = self._drive(run.steps())
        return found

    def verify_response(
        self,
        response: bytes | Mapping[str, Any],
        policy: Policy,
        *,
        proofs: Sequence[ExistenceProof] = (),
    ) -> Report:
        """What was found out about the answer to a query.

        Args:
            response: the VP token: an object with the presentations for each credential query.
            policy: what is demanded; with the query.
            proofs: as ``verify``.

        Raises:
            InvalidOption: the policy has no query.

        Spec: OpenID for Verifiable Presentations 1.0, section 8.1.
        """
        _check_query(policy)
        now = int(self._clock())
        try:
            given = read_vp_token(response)
        except InvalidCredential as error:
            return _broken_response(error, now)
        run = _Response(
            given, policy, proofs, networks=self.outside.networks, lists=self._lists, now=now
        )
        found: Report = self._drive(run.steps())
        return found

    def _drive(self, steps: _Steps) -> Any:
        try:
            question = next(steps)
            while True:
                question = steps.send(self.outside.answer(question))
        except StopIteration as done:
            return done.value


class AsyncVerifier:
    """Verifies credentials and presentations, awaited; otherwise as ``Verifier``.

    Between two questions it computes: half a millisecond for a small credential, half a second for
    the largest that is read. ``in_thread`` is for those: what is computed then leaves the event
    loop alone.
    """

    def __init__(
        self,
        outside: AsyncOutside,
        *,
        lists: SignedLists | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """A verifier; arguments as of ``Verifier``."""
        self.outside = outside
        self._lists = SignedLists() if lists is None else lists
        self._clock = clock

    async def verify(
        self,
        subject: Subject,
        policy: Policy = _NO_POLICY,
        *,
        proofs: Sequence[ExistenceProof] = (),
        in_thread: bool = False,
    ) -> Report:
        """As ``Verifier.verify``.

        Args: as ``Verifier.verify``, and
            in_thread: whether it is computed in a thread.
        """
        found = await self.verify_many([subject], policy, proofs=proofs, in_thread=in_thread)
        return found[0]

    async def verify_many(
        self,
        subjects: Iterable[Subject],
        policy: Policy = _NO_POLICY,
        *,
        proofs: Sequence[ExistenceProof] = (),
        in_thread: bool = False,
    ) -> list[Report]:
        """As ``Verifier.verify_many``; ``in_thread`` as for ``verify``."""
        now = int(self._clock())

        def begin() -> _Steps:
            run = _Verification(
                subjects,
                policy,
                proofs,
                networks=self.outside.networks,
                lists=self._lists,
                now=now,
            )
            return run.steps()

        found: list[Report] = await self._drive(begin, in_thread=in_thread)
        return found

    async def verify_response(
        self,
        response: bytes | Mapping[str, Any],
        policy: Policy,
        *,
        proofs: Sequence[ExistenceProof] = (),
        in_thread: bool = False,
    ) -> Report:
        """As ``Verifier.verify_response``; ``in_thread`` as for ``verify``."""
        _check_query(policy)
        now = int(self._clock())

        def begin() -> _Steps:
            given = read_vp_token(response)
            run = _Response(
                given, policy, proofs, networks=self.outside.networks, lists=self._lists, now=now
            )
            return run.steps()

        try:
            found: Report = await self._drive(begin, in_thread=in_thread)
        except InvalidCredential as error:
            return _broken_response(error, now)
        return found

    async def _drive(self, begin: Callable[[], _Steps], *, in_thread: bool) -> Any:
        steps: _Steps | None = None

        def advance(answer: Any) -> tuple[Question | None, Any]:
            nonlocal steps
            try:
                if steps is None:
                    steps = begin()
                return steps.send(answer), None
            except StopIteration as done:  # which no thread can hand over
                return None, done.value

        question, found = await _computed(advance, None, in_thread=in_thread)
        while question is not None:
            answer = await self.outside.answer(question)
            question, found = await _computed(advance, answer, in_thread=in_thread)
        return found


async def _computed(function: Callable[[Any], T], argument: Any, *, in_thread: bool) -> T:
    return await asyncio.to_thread(function, argument) if in_thread else function(argument)
