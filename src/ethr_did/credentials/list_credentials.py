"""Signed status lists, read: whose they are, what they say, and the proof that is to be verified.

Rules:
  1. A W3C list is a credential of the Data Model 2.0: a JWT with ``typ: vc+jwt``, or a JSON object
     with its proof. An IETF list is a JWT with ``typ: statuslist+jwt``.
  2. The list names its issuer, a DID; ``kid`` or ``verificationMethod`` one method of it. An IETF
     list that names no issuer is that of the DID in ``kid``.
  3. It says its own address: else any list of its issuer could stand in its place.
  4. ``nbf``, ``exp`` and the end of a proof narrow its time, as for every credential.
  5. It has no status of its own, since nobody here would follow it.
  6. What is read is what the proof covers. Nothing is verified here.

StatusList2021 and lists in the claim ``vc`` of a JWT (Data Model 1.1) are not read.

Spec: Bitstring Status List 1.0, section 2.2; Securing VCs using JOSE and COSE, section 3.1.1; Token
Status List, draft 21, section 5.1; RFC 8725, section 3.11.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from ethr_did.core.list_checks import document_of_claims
from ethr_did.core.list_documents import JWT_TYPES, DocumentForm, StatusError, list_error
from ethr_did.core.status_entry import status_members
from ethr_did.core.strict_json import read_json
from ethr_did.credentials.credential import CredentialFormat, method_of
from ethr_did.credentials.data_model import check_did
from ethr_did.credentials.jose import parse_token
from ethr_did.credentials.reading import read_credential
from ethr_did.credentials.vc_jwt import TokenProof, claim_window, credential_in_token
from ethr_did.errors import InvalidCredential, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ethr_did.core.list_checks import ListDocument
    from ethr_did.credentials.credential import Credential, Proof
    from ethr_did.credentials.jose import Token

__all__ = ["MAX_LIST_TOKEN", "SignedList", "read_signed_list"]

MAX_LIST_TOKEN: Final = 4 << 20
"""Bytes of the longest signed list: 18 million entries of one bit, if nothing can be compressed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedList:
    """A list and its proof; nothing is verified."""

    signer: str
    """The DID whose list it says it is."""
    document: ListDocument
    proof: Proof


def read_signed_list(content: bytes, form: DocumentForm) -> SignedList:
    """The list in a document.

    Args:
        content: as it was served: a token, or a JSON object with its proof.
        form: of which standard it must be.

    Raises:
        InvalidInput: it is no such list, or breaks a rule.
    """
    data = content.strip()
    found = _read_w3c(data) if form is DocumentForm.W3C else _read_ietf(data)
    if found.document.url is None:
        raise list_error(
            StatusError.VERIFICATION,
            "the list does not say where it is served",
            hint="Without an anchor it could be any list of its issuer.",
        )
    return found


def _read_w3c(data: bytes) -> SignedList:
    credential = _credential(data)
    _check_without_status(credential.claims)
    document = document_of_claims(credential.claims, DocumentForm.W3C, is_signed=True)
    return SignedList(
        signer=credential.issuer,
        document=replace(
            document, valid_from=credential.valid_from, valid_until=credential.valid_until
        ),
        proof=credential.proof,
    )


def _credential(data: bytes) -> Credential:
    if _is_object(data):
        return read_credential(read_json(data))
    credential = credential_in_token(_token(data))
    if credential.format is not CredentialFormat.VC_JWT:
        raise InvalidCredential("it is a credential of the Data Model 1.1")
    return credential


def _read_ietf(data: bytes) -> SignedList:
    if _is_object(data):
        raise InvalidCredential("it is not signed", hint="Nothing shows whose list it is.")
    token, expected = _token(data), JWT_TYPES[DocumentForm.IETF]
    if token.type != expected:
        raise InvalidCredential(f"typ of the token is {shown(token.type)}, not {expected}")
    _check_without_status(token.claims)
    document = document_of_claims(token.claims, DocumentForm.IETF, is_signed=True)
    signer = check_did(document.issuer or (token.kid or "").partition("#")[0], "issuer")
    start, _, _ = claim_window(token.claims)
    if start is not None:
        document = replace(document, valid_from=max(start, document.valid_from or 0))
    return SignedList(
        signer=signer,
        document=replace(document, issuer=signer),
        proof=TokenProof(token=token, method_id=method_of(token.kid, signer)),
    )


def _is_object(data: bytes) -> bool:
    return data.startswith(b"{")


def _token(data: bytes) -> Token:
    return parse_token(data.decode("ascii", "replace"), most=MAX_LIST_TOKEN)


def _check_without_status(claims: Mapping[str, Any]) -> None:
    if status_members(claims):
        raise InvalidCredential("it has a status of its own, which nobody here follows")
