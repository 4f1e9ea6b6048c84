"""Credentials and presentations of any format: which it is, and what it says.

Rules:
  * The form decides, not a name beside it: an object has its proof inside, and is a presentation
    where its ``type`` says so; a token with a tilde is an SD-JWT, one with ``vp+jwt`` or a claim
    ``vp`` is a presentation.
  * Nothing is verified here, and nobody is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from ethr_did.core.strict_json import read_json
from ethr_did.credentials.credential import Credential, Presentation, Raw
from ethr_did.credentials.data_integrity import read_data_integrity
from ethr_did.credentials.eip712 import EIP712_TYPE, read_eip712
from ethr_did.credentials.jose import MAX_TOKEN, parse_token
from ethr_did.credentials.presented_documents import PRESENTATION_TYPE, types_of
from ethr_did.credentials.sd_jwt_vc import SDJWTVC, read_sd_jwt_vc
from ethr_did.credentials.vc_jwt import credential_in_token
from ethr_did.credentials.vp_data_integrity import read_vp_data_integrity
from ethr_did.credentials.vp_jwt import VP_TYPE, presentation_in_token
from ethr_did.errors import InvalidCredential, InvalidInput

if TYPE_CHECKING:
    from typing import Any

__all__ = ["Readable", "read", "read_credential", "read_presentation", "read_raw"]

Readable: TypeAlias = Credential | SDJWTVC | Presentation


def read(raw: Raw | bytes) -> Readable:
    """What was given, read: a credential, an SD-JWT VC with or without key binding, a presentation.

    Raises:
        InvalidCredential: it is none of them, or breaks a rule of its format.
    """
    value = read_raw(raw)
    if not isinstance(value, str):
        return _read_object(value)
    if "~" in value:
        return read_sd_jwt_vc(value)
    token = parse_token(value)
    if token.type == VP_TYPE or "vp" in token.claims:
        return presentation_in_token(token)
    return credential_in_token(token)


def read_credential(raw: Raw | bytes) -> Credential:
    """The credential, whatever its format; of an SD-JWT with what is disclosed.

    Raises:
        InvalidCredential: as ``read``, or it is a presentation.
    """
    found = read(raw)
    if isinstance(found, Presentation):
        raise InvalidCredential("this is a presentation, not a credential")
    return found.credential if isinstance(found, SDJWTVC) else found


def read_presentation(raw: Raw | bytes) -> Presentation:
    """The presentation, whatever its format.

    Raises:
        InvalidCredential: as ``read``, or it is a credential that nobody presents.
    """
    found = read(raw)
    presented = found.presentation if isinstance(found, SDJWTVC) else found
    if not isinstance(presented, Presentation):
        raise InvalidCredential(
            "this is a credential, not a presentation", hint="No holder has signed for it."
        )
    return presented


def read_raw(raw: Raw | bytes) -> Raw:
    """A token without what stands around it, or a JSON object.

    Raises:
        InvalidCredential: it is neither.
    """
    if isinstance(raw, Mapping):
        return raw
    data = raw.encode("utf-8", "replace") if isinstance(raw, str) else raw
    if len(data) > MAX_TOKEN:
        raise InvalidCredential(f"{len(data)} bytes are more than any credential that is read")
    data = data.strip()
    if not data.startswith((b"{", b'"')):
        return data.decode("ascii", "replace")
    try:
        value: Raw = read_json(data)  # a text or an object: so it begins
    except InvalidInput as cause:
        # Without how it begins, and not chained: claims may stand there.
        reason = cause.message.partition(": ")[0]
    else:
        return value
    raise InvalidCredential(f"the credential is {reason}")


def _read_object(document: Mapping[str, Any]) -> Credential | Presentation:
    is_presentation = PRESENTATION_TYPE in types_of(document)
    proof = document.get("proof")
    if proof is None:
        hint = "Anybody could have written it. Ask its issuer."
        if "@context" not in document:
            hint = "Is it a credential? An answer is verified with its query, a batch line by line."
        what = "presentation" if is_presentation else "credential"
        raise InvalidCredential(f"the {what} has no proof", hint=hint)
    if is_presentation:
        return read_vp_data_integrity(document)
    kind = proof.get("type") if isinstance(proof, Mapping) else None
    return read_eip712(document) if kind == EIP712_TYPE else read_data_integrity(document)
