"""One thing that is verified: a credential alone, or a presentation with those in it.

Rules:
  1. A presentation is its holder's: signed with a key for ``authentication`` of the holder's DID, or
     with the key in ``cnf`` of an SD-JWT. A key in ``cnf`` counts once the issuer, who put it
     there, has been verified.
  2. It is for one verifier and one question, and of now; see ``policy.py``.
  3. Where there is a query, what was shown must answer it: no more can be wrong with the answer than
     that something is missing, or is not what was asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from ethr_did.credentials.cases import Case, Presenter, check_key, is_window_open
from ethr_did.credentials.credential import (
    Credential,
    CredentialFormat,
    Presentation,
    PresentationFormat,
    Raw,
)
from ethr_did.credentials.dcql_response import Presented, check_credentials
from ethr_did.credentials.reading import read
from ethr_did.credentials.report import Check, CheckName, Outcome, Report, in_order
from ethr_did.credentials.sd_jwt_vc import SDJWTVC, binding_key
from ethr_did.credentials.verification_methods import Purpose
from ethr_did.errors import InvalidCredential, InvalidInput, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ethr_did.chain.networks import Networks
    from ethr_did.credentials.dcql_response import ResponseFault
    from ethr_did.credentials.keys import PublicKey
    from ethr_did.credentials.policy import Policy
    from ethr_did.did_methods.resolved import ResolvedDID

__all__ = ["Showing", "Subject", "query_check"]

Subject: TypeAlias = Raw | bytes | Credential | Presentation
"""What may be verified: a token, a JSON object, the bytes of either, or one that was read."""


class Showing:
    """A subject on its way through verification."""

    def __init__(self, subject: Subject, *, policy: Policy, networks: Networks, now: int) -> None:
        """A subject, read.

        Args:
            subject: to be verified.
            policy: what is demanded.
            networks: that tell which DIDs are the same.
            now: Unix seconds.
        """
        self.policy = policy
        self.now = now
        self.presentation: Presentation | None = None
        self.checks: dict[CheckName, Check] = {}
        """Of the presentation."""
        self.key: PublicKey | None = None
        """The holder's, once it is verified."""
        self._networks = networks
        self.cases = self._opened(subject)

    @property
    def holder(self) -> str | None:
        """The DID of who presents; None if nobody does, or only a key is known."""
        return None if self.presentation is None else self.presentation.holder

    @property
    def presenter(self) -> Presenter | None:
        """Who presents, once that is verified; None if nobody does."""
        if self.presentation is None:
            return None
        return Presenter(holder=self.presentation.holder, key=self.key)

    def report(self) -> Report:
        """What was found out."""
        return Report(
            verified_at=self.now,
            credentials=tuple(case.report() for case in self.cases),
            presentation=None if self.presentation is None else self.presentation.format,
            holder=self.holder,
            checks=in_order(self.checks),
        )

    # -- reading ---------------------------------------------------------------------------------

    def _opened(self, subject: Subject) -> list[Case]:
        try:
            known = isinstance(subject, (Credential, Presentation))
            found = subject if known else read(subject)  # type: ignore[arg-type]  # raw, then
            if isinstance(found, SDJWTVC):
                self.presentation = found.presentation
                found = found.credential
            if isinstance(found, Presentation):
                _check_inside(found)
        except InvalidInput as error:
            broken = self._case(None, "credential")
            broken.note(Check.of_error(CheckName.FORMAT, error, "malformed"))
            return [broken]
        if isinstance(found, Presentation):
            self.presentation = found
            return [
                self._case(raw, f"credential {number}")
                for number, raw in enumerate(found.credentials, start=1)
            ]
        return [self._case(found, "credential")]  # type: ignore[arg-type]  # a credential, then

    def _case(self, raw: Raw | Credential | None, place: str) -> Case:
        return Case(raw, place, policy=self.policy, networks=self._networks, now=self.now)

    # -- the presentation ------------------------------------------------------------------------

    def check_presentation(self, documents: Mapping[str, ResolvedDID]) -> None:
        """Nothing; who presents is looked at, for whom and when.

        Args:
            documents: of the holder's DID, if there is one.
        """
        found = self.presentation
        if found is None:
            return
        self._note(self._accepted(found))
        if found.holder is None:
            self._note(self._bound_key(found))
        else:
            document = documents[found.holder]
            looked = check_key(found.proof, document, Purpose.AUTHENTICATION, self.now)
            self._note(*looked.checks)
            self.key = looked.key
        self._note(
            self._compared(CheckName.NONCE, found.nonce, self.policy.nonce),
            self._audience(found),
            self._fresh(found),
        )

    def _accepted(self, found: Presentation) -> Check:
        name, formats = CheckName.FORMAT, self.policy.formats
        is_old = found.format is PresentationFormat.VP_JWT_1
        if is_old and CredentialFormat.VC_JWT_1 not in formats:
            # It is signed by the laxer rules of that version.
            words = f"presentations of the format {found.format.value} are not accepted here"
            return Check.failed(name, "format_refused", words)
        if found.proof.algorithm not in self.policy.algorithms:
            words = f"signatures with {found.proof.algorithm.value} are not accepted here"
            return Check.failed(name, "algorithm_refused", words)
        return Check.passed(name, found.format.value)

    def _bound_key(self, found: Presentation) -> Check:
        """Key binding with a key that the credential itself holds."""
        case = self.cases[0]
        confirmation = None if case.credential is None else case.credential.confirmation
        try:
            key = None if confirmation is None else binding_key(confirmation)
            if key is None:
                raise InvalidCredential("the credential holds no key that it could be bound to")
            found.proof.check(key)
        except InvalidCredential as error:
            return Check.of_error(CheckName.SIGNATURE, error, "bad_signature")
        if not case.is_signed:
            words = "the issuer's signature, which vouches for the key, is not verified"
            return Check.skipped(CheckName.SIGNATURE, words, code="no_key")
        self.key = key
        return Check.passed(CheckName.SIGNATURE, f"made with {key}, the key in cnf")

    def _compared(self, name: CheckName, given: str | None, expected: str | None) -> Check:
        if self.policy.unbound:
            return Check.skipped(name, "not compared: whoever saw it can repeat it")
        if expected is None:
            words = f"there is nothing to compare the {name.value} with"
            return Check.unknown(name, f"{name.value}_unknown", words)
        if given != expected:
            words = f"it is {shown(given)}, not {shown(expected)}"
            return Check.failed(name, f"{name.value}_mismatch", words)
        return Check.passed(name, f"it is {shown(given)}")

    def _audience(self, found: Presentation) -> Check:
        expected = self.policy.audience
        # Among several, ours will do: RFC 7519 section 4.1.3.
        given = expected if expected in found.audience else ", ".join(found.audience) or None
        return self._compared(CheckName.AUDIENCE, given, expected)

    def _fresh(self, found: Presentation) -> Check:
        policy, name = self.policy, CheckName.VALIDITY
        window = is_window_open(found.valid_from, found.valid_until, self.now, policy.leeway)
        if window.outcome is not Outcome.PASSED or policy.unbound:
            return window
        if found.issued_at is None:
            if found.valid_until is not None or found.format is PresentationFormat.VP_JWT_1:
                # The nonce, which is compared, says that it is of now.
                return window
            return Check.failed(name, "age_unknown", "it does not say when it was made")
        if self.now - policy.leeway > found.issued_at + policy.max_presentation_age:
            return Check.failed(name, "presentation_too_old", "it was made too long ago")
        if found.issued_at > self.now + policy.leeway:
            return Check.failed(name, "not_yet_valid", "it was made in the future")
        return window

    def _note(self, *checks: Check) -> None:
        self.checks |= {check.name: check for check in checks}

    # -- the query -------------------------------------------------------------------------------

    def presented(self) -> list[Presented]:
        """The credentials that could be read, as a query sees them."""
        return [
            Presented(credential=case.credential, is_bound=case.has_passed(CheckName.HOLDER))
            for case in self.cases
            if case.credential is not None
        ]

    def check_query(self) -> None:
        """Nothing; what was shown is compared with the query of the policy, if there is one."""
        if self.policy.query is not None:
            self._note(query_check(check_credentials(self.policy.query, self.presented())))


def _check_inside(found: Presentation) -> None:
    """Raises unless a presentation holds something, and each of it once.

    Raises:
        InvalidCredential: there is nothing, or an SD-JWT with key binding of its own.
    """
    if not found.credentials:
        raise InvalidCredential("the presentation holds no credential")
    if found.format is PresentationFormat.SD_JWT_KB:
        return  # the key binding is what presents it
    if any(isinstance(one, str) and "~" in one and one[-1] != "~" for one in found.credentials):
        raise InvalidCredential(
            "an SD-JWT in the presentation has key binding of its own, which nobody would check",
            hint="The presentation takes its place: leave it off.",
        )


def query_check(faults: Iterable[ResponseFault]) -> Check:
    """The check of what was shown against a query."""
    found = list(faults)
    if not found:
        return Check.passed(CheckName.QUERY, "it answers the query")
    words = "; ".join(fault.message for fault in found)
    return Check.failed(CheckName.QUERY, found[0].code, words)
