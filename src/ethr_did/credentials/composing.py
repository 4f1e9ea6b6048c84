"""What is signed: the document of a VC, or the claims of an SD-JWT VC, from a request and its record.

Rules:
  1. Everything follows from the request, the time of issuance and the status entry: composed again,
     it is the same.
  2. A VC names the context of undefined terms last: the claims of templates are in no context, and
     without it a reader that processes JSON-LD would lose them.
  3. The status of a VC is its ``credentialStatus``. In an SD-JWT VC a Token Status List is the claim
     ``status``, as its draft has it; the other forms are the claim ``credentialStatus``, because
     ``status`` is kept for mechanisms that are registered. A VC has no place for a Token Status
     List.
  4. ``exp`` is the first second that is too late. A VC-JWT has the registered claims beside what
     the data model says: did-jwt, among others, reads no ``validUntil``.

Spec: VC Data Model 2.0 section 4; SD-JWT VC section 3.2.2; Token Status List section 6.1; RFC 7519
section 4.1; VC JSON Schema section 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ethr_did.core.resolution import format_time
from ethr_did.core.status_entry import TokenEntry
from ethr_did.credentials.credential import CredentialFormat
from ethr_did.credentials.data_model import CONTEXT_2, CREDENTIAL_TYPE
from ethr_did.errors import InvalidOption

if TYPE_CHECKING:
    from ethr_did.core.status_entry import BitstringEntry, ListEntry
    from ethr_did.credentials.issue_request import IssueRequest

__all__ = ["UNDEFINED_TERMS", "check_entry_form", "compose"]

UNDEFINED_TERMS: Final = "https://www.w3.org/ns/credentials/undefined-terms/v2"
"""The context for terms that no other context defines; the last one of a credential."""


def compose(
    request: IssueRequest,
    *,
    issuer: str,
    issued_at: int,
    entry: ListEntry | BitstringEntry | TokenEntry | None,
) -> dict[str, Any]:
    """The document of a VC, or the claims of an SD-JWT VC with nothing hidden yet.

    Args:
        request: what was asked for.
        issuer: a DID.
        issued_at: Unix seconds.
        entry: of its status; None without.

    Raises:
        InvalidClaims, InvalidValidity: the request cannot be fulfilled at that time.
        InvalidOption: the form of the entry does not go with the format.
    """
    if entry is not None:
        check_entry_form(request.format, is_token=isinstance(entry, TokenEntry))
    claims = request.prepare(issued_at)
    window = request.window(issued_at)
    if request.format is CredentialFormat.SD_JWT:
        return _payload(request, claims, window, issuer=issuer, issued_at=issued_at, entry=entry)
    document = _document(request, claims, window, issuer=issuer)
    if request.format is CredentialFormat.VC_JWT:
        document |= _registered_claims(window, issuer=issuer, issued_at=issued_at)
        if request.holder_key is not None:
            document["cnf"] = _confirmation(request)
    if entry is not None:
        document["credentialStatus"] = entry.to_dict()
    return document


def check_entry_form(format_: CredentialFormat, *, is_token: bool) -> None:
    """Raises ``InvalidOption`` for a Token Status List and a VC."""
    if is_token and format_ is not CredentialFormat.SD_JWT:
        raise InvalidOption(
            f"a credential of the format {format_.value} has no place for an IETF status list",
            hint="Choose a list on chain or a w3c list, or issue an SD-JWT.",
        )


def _document(
    request: IssueRequest, claims: dict[str, Any], window: tuple[int, int], *, issuer: str
) -> dict[str, Any]:
    template, subject = request.template, request.subject_did
    document: dict[str, Any] = {
        "@context": [CONTEXT_2, *template.contexts, UNDEFINED_TERMS],
        "type": [CREDENTIAL_TYPE, *template.types],
        "issuer": issuer,
        "validFrom": format_time(window[0]),
        "validUntil": format_time(window[1]),
        "credentialSubject": {**({} if subject is None else {"id": subject}), **claims},
    }
    if template.schema_id is not None:
        document["credentialSchema"] = {"id": template.schema_id, "type": "JsonSchema"}
    return document


def _payload(
    request: IssueRequest,
    claims: dict[str, Any],
    window: tuple[int, int],
    *,
    issuer: str,
    issued_at: int,
    entry: ListEntry | BitstringEntry | TokenEntry | None,
) -> dict[str, Any]:
    payload: dict[str, Any] = {
        **_registered_claims(window, issuer=issuer, issued_at=issued_at),
        "vct": request.template.vct,
    }
    if request.subject_did is not None:
        payload["sub"] = request.subject_did
    if not request.bearer:
        payload["cnf"] = _confirmation(request)
    if entry is not None:
        name = "status" if isinstance(entry, TokenEntry) else "credentialStatus"
        payload[name] = entry.to_dict()
    return {**payload, **claims}


def _registered_claims(
    window: tuple[int, int], *, issuer: str, issued_at: int
) -> dict[str, int | str]:
    """What every JWT library looks at, those that know nothing of credentials included."""
    return {"iss": issuer, "iat": issued_at, "nbf": window[0], "exp": window[1] + 1}


def _confirmation(request: IssueRequest) -> dict[str, Any]:
    """Spec: RFC 7800 sections 3.2 and 3.4."""
    if request.holder_key is not None:
        return {"jwk": request.holder_key.to_jwk()}
    return {"kid": request.method}
