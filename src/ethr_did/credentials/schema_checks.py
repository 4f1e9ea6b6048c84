"""Whether credentials are as their schemas have them.

Rules:
  1. A schema is named by the credential (``credentialSchema`` of the type ``JsonSchema``) or belongs
     to the type of an SD-JWT VC. One that the verifier has counts before one that is fetched.
  2. It is fetched only if the policy allows that, and only for a credential whose signature is
     verified and whose issuer is not refused: its address is the issuer's word.
  3. With ``digestSRI`` the fetched schema must be the one that the issuer meant.
  4. A schema that is not there, or cannot be used, is neither a yes nor a no. It matters only if the
     policy requires schemas.
  5. Of an SD-JWT VC the disclosed claims are checked: what a schema requires must then be shown.

Spec: VC Data Model 2.0 section 4.11; VC JSON Schema sections 2 and 4; Subresource Integrity.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from ethr_did.core.strict_json import read_json
from ethr_did.credentials.credential import CredentialFormat
from ethr_did.credentials.questions import Fetch
from ethr_did.credentials.report import Check, CheckName, Outcome
from ethr_did.credentials.schema import MAX_SCHEMA, Schema
from ethr_did.errors import FetchError, InvalidInput, shown

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from ethr_did.credentials.cases import Case
    from ethr_did.credentials.credential import Credential
    from ethr_did.credentials.policy import Policy
    from ethr_did.credentials.questions import Question
    from ethr_did.fetching import Fetched

__all__ = ["check_schemas"]

SCHEMA_TYPE: Final = "JsonSchema"
_BADNESS = (Outcome.PASSED, Outcome.SKIPPED, Outcome.UNDETERMINED, Outcome.FAILED)
_ACCEPT = "application/schema+json, application/json;q=0.9"


def check_schemas(cases: Iterable[Case], policy: Policy) -> Generator[Question, Any, None]:
    """Yields what has to be fetched; then each case has its check.

    Args:
        cases: that were read.
        policy: with the schemas that the verifier has.
    """
    open_: list[Case] = []
    for case in cases:
        found = case.credential
        if found is None:
            continue
        if not _named(found, policy):
            case.note(_missing(policy, "it names no schema", "no_schema"))
        elif not case.is_signed or case.is_refused(CheckName.TRUST):
            words = "not looked at: it is not shown that a trusted issuer wrote it"
            case.note(Check.skipped(CheckName.SCHEMA, words, code="not_asked"))
        else:
            open_.append(case)
    wanted = list(dict.fromkeys(url for case in open_ for url in _to_fetch(case, policy)))
    answers: dict[str, Fetched | FetchError] = {}
    if wanted:
        fetched = yield Fetch(urls=tuple(wanted), accept=_ACCEPT, most=MAX_SCHEMA)
        answers = dict(zip(wanted, fetched, strict=True))
    for case in open_:
        case.note(_judge(case, policy, answers))


def _missing(policy: Policy, words: str, code: str) -> Check:
    if policy.require_schema:
        return Check.unknown(CheckName.SCHEMA, code, words)
    return Check.skipped(CheckName.SCHEMA, words, code=code)


def _named(found: Credential, policy: Policy) -> list[tuple[str, Mapping[str, Any]]]:
    """Id and entry of each schema that a credential is to be checked with."""
    named = [
        (entry["id"], entry)
        for entry in found.schemas
        if isinstance(entry, Mapping) and isinstance(entry.get("id"), str)
    ]
    if found.format is CredentialFormat.SD_JWT:
        named += [(kind, {"type": SCHEMA_TYPE}) for kind in found.types if kind in policy.schemas]
    return named


def _to_fetch(case: Case, policy: Policy) -> list[str]:
    if case.credential is None or not policy.fetch_schemas:
        return []
    return [
        id_
        for id_, entry in _named(case.credential, policy)
        if id_ not in policy.schemas and entry.get("type") == SCHEMA_TYPE
    ]


def _judge(case: Case, policy: Policy, answers: Mapping[str, Fetched | FetchError]) -> Check:
    """The worst that its schemas say: one that is not there hides no other."""
    found = case.credential
    assert found is not None  # noqa: S101 - only what was read is judged
    named = _named(found, policy)
    # Each once: a stranger may name one thirty times, and checking takes up to a second.
    checks = [_judge_by(found, id_, entry, policy, answers) for id_, entry in dict(named).items()]
    if len(named) < len(found.schemas):
        checks.append(_missing(policy, "one of its schemas has no id", "schema_unusable"))
    return max(checks, key=lambda check: _BADNESS.index(check.outcome))


def _judge_by(
    found: Credential,
    id_: str,
    entry: Mapping[str, Any],
    policy: Policy,
    answers: Mapping[str, Fetched | FetchError],
) -> Check:
    try:
        content = _content(id_, entry, policy, answers)
        if content is None:
            return _missing(policy, f"the schema {shown(id_)} is not here", "schema_missing")
        faults = Schema.read(content).faults(dict(found.claims))
    except (InvalidInput, FetchError) as error:
        return Check.unknown(CheckName.SCHEMA, "schema_unusable", error.message)
    if faults:
        words = "; ".join(map(str, faults[:10]))
        return Check.failed(CheckName.SCHEMA, "schema_mismatch", words, schema=id_)
    return Check.passed(CheckName.SCHEMA, "as its schema has it")


def _content(
    id_: str,
    entry: Mapping[str, Any],
    policy: Policy,
    answers: Mapping[str, Fetched | FetchError],
) -> object:
    """The schema; None if it is not there."""
    if id_ in policy.schemas:
        return dict(policy.schemas[id_])
    if entry.get("type") != SCHEMA_TYPE:
        raise InvalidInput(f"schemas of the type {shown(entry.get('type'))} are not used here")
    answer = answers.get(id_)
    if answer is None:
        return None
    if isinstance(answer, FetchError):
        raise answer
    _check_integrity(answer.content, entry.get("digestSRI"))
    return read_json(answer.content)


def _check_integrity(content: bytes, stated: object) -> None:
    """Raises unless the bytes are those that the issuer meant, if it says so."""
    if stated is None:
        return
    name, _, digest = stated.partition("-") if isinstance(stated, str) else ("", "", "")
    if name not in ("sha256", "sha384", "sha512"):
        raise InvalidInput(f"digestSRI is no digest that is known: {shown(stated)}")
    found = base64.b64encode(hashlib.new(name, content).digest()).decode()
    if digest != found:
        raise InvalidInput("what was fetched is not the schema that the issuer meant")
