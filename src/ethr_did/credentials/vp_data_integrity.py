"""Presentations as JSON documents with a Data Integrity proof in them; read, never written.

Rules:
  1. The proof is for ``authentication``, over canonical JSON, as that of a credential is for
     ``assertionMethod``: one made for the other is refused.
  2. The holder is a DID, and the verification method is of it. Where ``holder`` is left out, whose
     method it is presents.
  3. ``challenge`` is the nonce, ``domain`` the audience, ``created`` when it was made, ``expires``
     the last good second. What is missing is a matter of the policy, and by default a fault.

Spec: VC Data Model 2.0 section 4.13; Verifiable Credential Data Integrity 1.0 section 2.1; VC API,
"Verify Presentation".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ethr_did.credentials.credential import Presentation, PresentationFormat
from ethr_did.credentials.data_integrity import read_integrity_proof
from ethr_did.credentials.data_model import CONTEXT_1, CONTEXT_2, check_did
from ethr_did.credentials.presented_documents import (
    audience_of,
    check_presentation,
    holder_in,
    presented_credentials,
)
from ethr_did.credentials.proofs import check_method
from ethr_did.credentials.verification_methods import Purpose
from ethr_did.errors import InvalidCredential, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["read_vp_data_integrity"]

_MAX_CHALLENGE = 4096


def read_vp_data_integrity(signed: Mapping[str, Any]) -> Presentation:
    """The presentation; its proof is not verified, its credentials are not read.

    Args:
        signed: the document with its proof.

    Raises:
        InvalidCredential: it breaks a rule.
    """
    parts, proof = read_integrity_proof(signed, Purpose.AUTHENTICATION)
    check_presentation(parts.document, CONTEXT_2, CONTEXT_1)
    holder = _holder(parts.document, parts.method)
    check_method(parts.method, holder)
    return Presentation(
        format=PresentationFormat.DATA_INTEGRITY,
        holder=holder,
        credentials=presented_credentials(parts.document),
        nonce=_challenge(parts.proof.get("challenge")),
        audience=audience_of(parts.proof.get("domain"), "domain"),
        issued_at=parts.created,
        valid_until=parts.expires,
        proof=proof,
    )


def _holder(document: Mapping[str, Any], method: str) -> str:
    named = holder_in(document)
    if named is None and "holder" not in document:
        return check_did(method.partition("#")[0], "verificationMethod")
    return check_did(named, "holder")


def _challenge(value: object) -> str | None:
    if value is not None and (not isinstance(value, str) or not 0 < len(value) <= _MAX_CHALLENGE):
        raise InvalidCredential(f"challenge is not a text: {shown(value)}")
    return value
