"""A request signed in its format, read again and verified before anybody gets it.

Rules:
  1. A format takes the keys that its readers take; that is known before anything is recorded.
  2. What was signed is read as a verifier reads it, and its signature verified: a signer elsewhere
     may use another key, or be damaged.
  3. The salts of an SD-JWT follow from the seed of its record: signed again, it is the same.

Spec: see the modules of the formats.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any, Final, cast

from ethr_did.credentials.composing import compose
from ethr_did.credentials.credential import CredentialFormat
from ethr_did.credentials.keys import KeyKind
from ethr_did.errors import InvalidCredential, InvalidOption, SignerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ethr_did.core.status_entry import BitstringEntry, ListEntry, TokenEntry
    from ethr_did.credentials.credential import Raw
    from ethr_did.credentials.issue_request import IssueRequest
    from ethr_did.credentials.issuer_keys import SigningMethod
    from ethr_did.credentials.keys import PublicKey
    from ethr_did.credentials.signing_keys import SigningKey, TypedDataKey

__all__ = ["Stream", "check_key_kind", "sign_request"]

_KINDS: Final = {
    CredentialFormat.EIP712: (KeyKind.SECP256K1, KeyKind.ACCOUNT),
    CredentialFormat.DATA_INTEGRITY: (KeyKind.ED25519, KeyKind.P256),
}
"""The keys that formats are signed with; the others take any."""

_BLOCK = 32


def check_key_kind(format_: CredentialFormat, key: PublicKey) -> None:
    """Raises ``InvalidOption`` unless a format is signed with keys of that kind."""
    kinds = _KINDS.get(format_)
    if kinds is not None and key.kind not in kinds:
        raise InvalidOption(
            f"a {key.kind.value} key does not sign {format_.value}",
            hint=f"Keys for that are of the kinds {' and '.join(kind.value for kind in kinds)}.",
        )


def sign_request(
    request: IssueRequest,
    key: SigningKey,
    method: SigningMethod,
    *,
    issued_at: int,
    entry: ListEntry | BitstringEntry | TokenEntry | None,
    random: Callable[[int], bytes],
) -> tuple[Raw, bytes]:
    """The credential, and its digest.

    Args:
        request: what was asked for.
        key: the issuer's.
        method: that is signed for.
        issued_at: Unix seconds.
        entry: of its status; None without.
        random: as many secret random bytes as it is asked for.

    Raises:
        InvalidClaims, InvalidValidity, InvalidOption, InvalidCredential: the request cannot be
            fulfilled.
        SignerError: it was not signed, or not with the key.
    """
    from ethr_did.credentials.reading import read_credential

    composed = compose(request, issuer=method.issuer, issued_at=issued_at, entry=entry)
    raw = _sign(request, composed, key, method=method, issued_at=issued_at, random=random)
    credential = read_credential(raw)
    try:
        credential.proof.check(method.key)
    except InvalidCredential as cause:
        raise SignerError(
            "what was signed does not fit the key",
            hint="The signer has used another key, or is damaged. Nothing was given out.",
        ) from cause
    return raw, credential.digest


def _sign(
    request: IssueRequest,
    composed: dict[str, Any],
    key: SigningKey,
    *,
    method: SigningMethod,
    issued_at: int,
    random: Callable[[int], bytes],
) -> Raw:
    from ethr_did.credentials.data_integrity import sign_data_integrity
    from ethr_did.credentials.eip712 import sign_eip712
    from ethr_did.credentials.sd_jwt_vc import sign_sd_jwt_vc
    from ethr_did.credentials.vc_jwt import sign_vc_jwt

    match request.format:
        case CredentialFormat.SD_JWT:
            return sign_sd_jwt_vc(
                composed,
                key,
                algorithm=method.algorithm,
                method_id=method.id,
                hidden=request.template.hidden(composed),
                random=random,
            )
        case CredentialFormat.EIP712:
            typed = cast("TypedDataKey", key)
            return sign_eip712(composed, typed, method_id=method.id, now=issued_at)
        case CredentialFormat.DATA_INTEGRITY:
            return sign_data_integrity(composed, key, method_id=method.id, now=issued_at)
    return sign_vc_jwt(composed, key, algorithm=method.algorithm, method_id=method.id)


class Stream:
    """Random bytes that follow from a secret seed.

    Example:
        >>> one, other = Stream(bytes(32)), Stream(bytes(32))
        >>> one(16) == other(16) != one(16)
        True
    """

    def __init__(self, seed: bytes) -> None:
        """A stream.

        Args:
            seed: 32 secret random bytes.
        """
        self._seed = seed
        self._count = 0

    def __call__(self, length: int) -> bytes:
        """As many bytes as are asked for, other ones each time."""
        self._count += 1
        blocks = (
            hmac.digest(self._seed, b"ethr-did/salt/1 %d/%d" % (self._count, part), "sha256")
            for part in range(-(-length // _BLOCK))
        )
        return b"".join(blocks)[:length]
