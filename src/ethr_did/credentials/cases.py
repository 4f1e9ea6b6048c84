"""One credential on its way through verification: the checks that need no answer from outside.

Rules:
  1. Every check is made, unless an earlier one makes it pointless; what was found out stands in the
     report.
  2. Nothing of a credential leads to a question to the outside, but who its issuer is, before its
     signature is verified; and no list or schema is asked for before its issuer is trusted.
  3. The document of today decides about the key. A key that was removed, has expired, or belonged
     to an earlier owner counts only for a credential that the chain shows to have existed while it
     was there: what the issuer says about time is its own word.
  4. A credential is its holder's if it names the holder's DID as its subject, or the holder's key in
     ``cnf``. Where it has ``cnf``, that alone counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ethr_did.core.resolution import format_time
from ethr_did.core.status_answer import Finality, Status, StatusKind
from ethr_did.credentials.claim_paths import find_paths, path_text, value_at
from ethr_did.credentials.credential import Credential
from ethr_did.credentials.did_comparison import is_same_did
from ethr_did.credentials.policy import HolderRule, Policy
from ethr_did.credentials.reading import read_credential
from ethr_did.credentials.report import Check, CheckName, CredentialReport, Outcome, in_order
from ethr_did.credentials.sd_jwt_vc import binding_key, binding_method
from ethr_did.credentials.verification_methods import (
    KeyMissing,
    Purpose,
    WrongPurpose,
    find_key,
)
from ethr_did.errors import InvalidCredential, InvalidInput, shown

if TYPE_CHECKING:
    from ethr_did.chain.networks import Networks
    from ethr_did.credentials.anchoring import Existence
    from ethr_did.credentials.claim_paths import PathPattern
    from ethr_did.credentials.credential import Proof, Raw
    from ethr_did.credentials.keys import PublicKey
    from ethr_did.did_methods.resolved import ResolvedDID

__all__ = ["Case", "KeyFound", "Presenter", "check_key", "is_window_open"]


class Presenter:
    """Who shows a credential, once that is verified."""

    __slots__ = ("holder", "key")

    def __init__(self, *, holder: str | None, key: PublicKey | None) -> None:
        """Somebody.

        Args:
            holder: the DID; None where only the key is known.
            key: that signed; None if the signature is not verified.
        """
        self.holder = holder
        self.key = key


class KeyFound:
    """What a DID document says about a proof: two checks, and the key."""

    __slots__ = ("checks", "is_gone", "key")

    def __init__(
        self, checks: tuple[Check, ...], *, key: PublicKey | None = None, is_gone: bool = False
    ) -> None:
        """What was found.

        Args:
            checks: of key and signature.
            key: that made the proof; None if it is not verified.
            is_gone: whether an earlier document could say otherwise.
        """
        self.checks = checks
        self.key = key
        self.is_gone = is_gone


def check_key(proof: Proof, resolved: ResolvedDID, purpose: Purpose, now: int) -> KeyFound:
    """The checks of key and signature against a document."""
    if resolved.error is not None:
        return KeyFound((Check.of_error(CheckName.KEY, resolved.error), _no_signature()))
    if resolved.document is None:
        return _gone(
            "issuer_deactivated" if purpose is Purpose.ASSERTION else "holder_deactivated",
            f"{shown(resolved.did)} was given up in block {resolved.version_id}",
        )
    try:
        method, key = find_key(resolved.document, proof, purpose, now=now)
    except KeyMissing as error:
        return _gone("key_missing", error.message, error.hint)
    except InvalidCredential as error:
        code = "wrong_purpose" if isinstance(error, WrongPurpose) else "key_unusable"
        return KeyFound((Check.of_error(CheckName.KEY, error, code), _no_signature()))
    found = Check.passed(
        CheckName.KEY,
        f"{method.id} is in the document for {purpose.value}",
        method=method.id,
        algorithm=proof.algorithm.value,
        **_version(resolved),
    )
    try:
        proof.check(key)
    except InvalidCredential as error:
        failed = Check.of_error(CheckName.SIGNATURE, error, "bad_signature")
        return KeyFound((found, failed), is_gone=True)
    signed = Check.passed(CheckName.SIGNATURE, f"made with {key}", key=str(key))
    return KeyFound((found, signed), key=key)


def _gone(code: str, message: str, hint: str = "") -> KeyFound:
    text = f"{message}. {hint}" if hint else message
    check = Check.failed(CheckName.KEY, code, text)
    return KeyFound((check, _no_signature()), is_gone=True)


def _no_signature() -> Check:
    return Check.skipped(CheckName.SIGNATURE, "there is no key to check it with", code="no_key")


def _version(resolved: ResolvedDID) -> dict[str, Any]:
    """Which version of the document it was, as facts."""
    facts: dict[str, Any] = {}
    if resolved.version_id is not None:
        facts["versionId"] = str(resolved.version_id)
    if resolved.read_at is not None:
        facts["readAt"] = resolved.read_at.to_dict()
    return facts


def is_window_open(start: int | None, end: int | None, now: int, leeway: int) -> Check:
    """The check of a window of validity."""
    if start is not None and now + leeway < start:
        return Check.failed(
            CheckName.VALIDITY, "not_yet_valid", f"not valid before {format_time(start)}"
        )
    if end is not None and now - leeway > end:
        return Check.failed(CheckName.VALIDITY, "expired", f"valid until {format_time(end)}")
    until = "without end" if end is None else f"until {format_time(end)}"
    return Check.passed(CheckName.VALIDITY, f"valid {until}")


class Case:
    """One credential, and what was found out about it so far."""

    def __init__(
        self,
        raw: Raw | bytes | Credential | None,
        place: str,
        *,
        policy: Policy,
        networks: Networks,
        now: int,
    ) -> None:
        """A case, read.

        Args:
            raw: the credential; None for one that could not be found in what was given.
            place: where it was, for the report.
            policy: what is demanded.
            networks: that tell which DIDs are the same.
            now: Unix seconds.
        """
        self._networks = networks
        self.place = place
        self.policy = policy
        self.now = now
        self.credential: Credential | None = None
        self.statuses: tuple[Status, ...] = ()
        self.key: PublicKey | None = None
        self.checks: dict[CheckName, Check] = {}
        if raw is not None:
            self._read(raw)

    def note(self, *checks: Check) -> None:
        """Nothing; the checks are part of the report, in the place of earlier ones of that name."""
        for check in checks:
            self.checks[check.name] = check

    def has_passed(self, name: CheckName) -> bool:
        """Whether a check was made, and passed."""
        found = self.checks.get(name)
        return found is not None and found.outcome is Outcome.PASSED

    def is_refused(self, name: CheckName) -> bool:
        """Whether a check was made, and did not pass."""
        found = self.checks.get(name)
        return found is not None and found.outcome in (Outcome.FAILED, Outcome.UNDETERMINED)

    @property
    def is_signed(self) -> bool:
        """Whether the issuer's signature is verified."""
        return self.key is not None

    def report(self) -> CredentialReport:
        """What was found out."""
        checks = in_order(self.checks)
        found = self.credential
        if found is None:
            return CredentialReport(place=self.place, checks=checks)
        return CredentialReport(
            place=self.place,
            checks=checks,
            format=found.format,
            issuer=found.issuer,
            subjects=found.subjects,
            types=found.types,
            claims=found.claims,
            valid_from=found.valid_from,
            valid_until=found.valid_until,
            statuses=self.statuses,
        )

    # -- format ----------------------------------------------------------------------------------

    def _read(self, raw: Raw | bytes | Credential) -> None:
        try:
            found = raw if isinstance(raw, Credential) else read_credential(raw)
            self._check_accepted(found)
        except InvalidInput as error:
            self.note(Check.of_error(CheckName.FORMAT, error, "malformed"))
            return
        self.credential = found

    def _check_accepted(self, found: Credential) -> None:
        algorithm = found.proof.algorithm
        if found.format not in self.policy.formats:
            self.note(
                Check.failed(
                    CheckName.FORMAT,
                    "format_refused",
                    f"credentials of the format {found.format.value} are not accepted here",
                )
            )
        elif algorithm not in self.policy.algorithms:
            self.note(
                Check.failed(
                    CheckName.FORMAT,
                    "algorithm_refused",
                    f"signatures with {algorithm.value} are not accepted here",
                )
            )
        else:
            self.note(Check.passed(CheckName.FORMAT, f"{found.format.value}, {algorithm.value}"))

    # -- key and signature -----------------------------------------------------------------------

    def check_key(self, resolved: ResolvedDID) -> bool:
        """Whether only an earlier document could still say that the signature is good."""
        assert self.credential is not None  # noqa: S101 - only what was read is resolved
        found = check_key(self.credential.proof, resolved, Purpose.ASSERTION, self.now)
        self.note(*found.checks)
        self.key = found.key
        return found.is_gone

    def check_earlier_key(self, existence: Existence, resolved: ResolvedDID) -> None:
        """Nothing; the key is looked for in the document of the block that has seen the credential."""
        assert self.credential is not None  # noqa: S101 - only what was read is resolved
        if resolved.error is not None:
            # Its document of today was there: this is no word about the DID.
            self.leave_open(resolved.error.code, resolved.error.message)
            return
        found = check_key(self.credential.proof, resolved, Purpose.ASSERTION, self.now)
        if found.key is None:
            return  # what today's document says stands
        self.key = found.key
        today = self.checks[CheckName.KEY]
        key, signature = found.checks
        self.note(
            Check.passed(
                CheckName.KEY,
                f"{key.facts['method']} was in the document when the credential existed already, at "
                f"block {existence.block_number}; today: {today.message}",
                **{**key.facts, "existence": existence.to_dict()},
            ),
            signature,
        )

    def leave_open(self, code: str, reason: str) -> None:
        """Nothing; that an earlier key could not be looked for is no word about the signature.

        Args:
            code: of what stood in the way.
            reason: for people.
        """
        key, signature = self.checks[CheckName.KEY], self.checks[CheckName.SIGNATURE]
        if key.outcome is Outcome.UNDETERMINED:
            return  # said already, of another anchor
        today = signature if signature.outcome is Outcome.FAILED else key
        words = f"{today.message}; whether it existed before could not be found out: {reason}"
        self.note(Check.unknown(CheckName.KEY, code, words), _no_signature())

    # -- holder ----------------------------------------------------------------------------------

    def check_holder(self, presenter: Presenter | None) -> None:
        """Nothing; who shows the credential is compared with whom it is for.

        Args:
            presenter: None if nobody presents it.
        """
        if self.credential is None:
            return
        rule = self.policy.holder
        if rule is HolderRule.ANYBODY:
            self.note(Check.skipped(CheckName.HOLDER, "anybody may show it"))
        elif presenter is None:
            words = "it is not presented: nothing shows that whoever gave it is its holder"
            if self.policy.is_presented:
                self.note(Check.failed(CheckName.HOLDER, "not_presented", words))
            else:
                self.note(Check.skipped(CheckName.HOLDER, words, code="not_presented"))
        elif presenter.key is None:
            self.note(
                Check.skipped(
                    CheckName.HOLDER, "who presents it is not verified", code="no_presenter"
                )
            )
        else:
            self._check_presenter(self.credential, presenter, presenter.key)

    def _check_presenter(self, found: Credential, presenter: Presenter, key: PublicKey) -> None:
        try:
            bound = _is_bound(found, presenter, key, self._networks)
        except InvalidCredential as error:
            self.note(Check.of_error(CheckName.HOLDER, error, "holder_mismatch"))
            return
        if bound:
            self.note(Check.passed(CheckName.HOLDER, "presented by whom it was issued to"))
            return
        whom = "a key" if found.confirmation else shown(", ".join(found.subjects) or "nobody")
        self.note(
            Check.failed(
                CheckName.HOLDER,
                "holder_mismatch",
                f"it was issued to {whom}, and is presented by {shown(presenter.holder or str(key))}",
            )
        )

    # -- what it says ----------------------------------------------------------------------------

    def check_contents(self) -> None:
        """Nothing; its time and its claims are looked at."""
        found = self.credential
        if found is None:
            return
        policy = self.policy
        self.note(is_window_open(found.valid_from, found.valid_until, self.now, policy.leeway))
        if policy.max_age is not None:
            self.note(self._age(found, policy.max_age))
        if policy.required:
            self.note(self._required(found))

    def _age(self, found: Credential, most: int) -> Check:
        since = [one for one in (found.issued_at, found.valid_from) if one is not None]
        if not since:
            words = "it does not say when it was issued"
            return Check.unknown(CheckName.AGE, "age_unknown", words)
        if self.now - self.policy.leeway > min(since) + most:
            return Check.failed(CheckName.AGE, "too_old", f"issued {format_time(min(since))}")
        return Check.passed(CheckName.AGE, f"issued {format_time(min(since))}")

    def _required(self, found: Credential) -> Check:
        claims = dict(found.claims)
        missing = [path_text(one) for one in self.policy.required if not _says_yes(claims, one)]
        if missing:
            words = f"not there, not shown, or said not to be so: {', '.join(missing)}"
            return Check.failed(CheckName.CLAIMS, "claims_missing", words)
        return Check.passed(CheckName.CLAIMS, "what is required was shown")

    # -- status ----------------------------------------------------------------------------------

    def check_statuses(self, statuses: tuple[Status, ...]) -> None:
        """Nothing; the answers about its status entries are judged."""
        self.statuses = statuses
        worst = max(statuses, key=lambda status: list(StatusKind).index(status.kind))
        facts: dict[str, Any] = {}
        if worst.read_at is not None:
            facts["readAt"] = worst.read_at.to_dict()
            facts["finality"] = worst.finality.value
        match worst.kind:
            case StatusKind.VALID:
                pending = worst.finality is not Finality.FINAL
                words = f"valid ({worst.finality.value})" if pending else "valid"
                if worst.read_at is None:
                    words = "valid, by a list that its issuer signed"
                self.note(Check.passed(CheckName.STATUS, words, **facts))
            case StatusKind.UNDETERMINED:
                code = worst.reason.code if worst.reason else "status_undetermined"
                words = worst.reason.message if worst.reason else "it could not be found out"
                self.note(Check.unknown(CheckName.STATUS, code, words, **facts))
            case _:
                words = worst.describe()
                if worst.changed_block is not None:
                    words += f", at block {worst.changed_block} or before"
                self.note(
                    Check.failed(CheckName.STATUS, f"status_{worst.kind.value}", words, **facts)
                )


def _says_yes(claims: dict[str, Any], path: PathPattern) -> bool:
    """Whether there is something at a path, and it is not a "no"."""
    try:
        found = find_paths(claims, path)
    except InvalidInput:
        return False
    # By identity: in Python, 0 equals False.
    values = (value_at(claims, one) for one in found)
    return any(value is not None and value is not False for value in values)


def _is_bound(found: Credential, presenter: Presenter, key: PublicKey, networks: Networks) -> bool:
    """Whether a credential is for whoever presents it; rule 4."""
    if found.confirmation is not None:
        method = binding_method(found.confirmation)
        if method is not None:
            whose = method.partition("#")[0]
            return presenter.holder is not None and is_same_did(whose, presenter.holder, networks)
        expected = binding_key(found.confirmation)
        return expected is not None and expected.is_same(key)
    holder = presenter.holder
    # With several subjects, the holder may be one of them; the others are people it is about.
    return holder is not None and any(is_same_did(one, holder, networks) for one in found.subjects)
