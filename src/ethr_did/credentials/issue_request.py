"""What an issuer is asked for: a credential of a kind, about somebody, for a holder, for a time.

Rules:
  1. A credential is bound to its holder, unless it is asked for one that anybody may show. A VC is
     bound to the DID of its subject, or as a JWT to a key in ``cnf``; an SD-JWT VC to a key in
     ``cnf``, given itself or as a verification method of the holder's DID.
  2. The holder's key is a public one, and no bare account: a verifier could not check with it.
  3. The window of validity begins before it ends, and does not end before it was issued. It always
     ends: what is wrong today should not be good for ever.
  4. The request is one value: the same value asks for the same credential.

Spec: RFC 7800 section 3; SD-JWT VC section 3.2.2.2; VC Data Model 2.0 sections 4.9 and 4.11.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final

from ethr_did.credentials.credential import CredentialFormat
from ethr_did.credentials.data_model import check_did
from ethr_did.credentials.keys import KeyKind, PublicKey
from ethr_did.credentials.templates import MAX_VALID_DAYS, Template
from ethr_did.errors import InvalidCredential, InvalidKey, InvalidOption, InvalidValidity, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ISSUED_FORMATS", "IssueRequest", "day_of"]

ISSUED_FORMATS: Final = (
    CredentialFormat.VC_JWT,
    CredentialFormat.SD_JWT,
    CredentialFormat.EIP712,
    CredentialFormat.DATA_INTEGRITY,
)
"""Those that are written; the others are only read."""

_DAY = 86_400
_LONGEST = MAX_VALID_DAYS * _DAY


def day_of(seconds: int) -> date:
    """The calendar day of a time, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).date()


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueRequest:
    """A credential that is asked for.

    Raises:
        InvalidOption, InvalidCredential, InvalidKey: it breaks rule 1 or 2.

    Example:
        >>> from ethr_did.credentials.templates import find_template
        >>> request = IssueRequest(template=find_template("age"), format=CredentialFormat.VC_JWT,
        ...     claims={"birthdate": "1990-01-01"}, subject="did:example:1")
        >>> request.window(1_800_000_000)
        (1800000000, 1807776000)
    """

    template: Template
    format: CredentialFormat
    claims: Mapping[str, Any] = field(repr=False)
    """About the subject, as the template has them."""
    reference: str | None = None
    """A label of the issuer's, of one credential; None for a random one. No personal data."""
    subject: str | None = field(default=None, repr=False)
    """The DID that it is about and bound to; with a fragment, a verification method of it."""
    holder_key: PublicKey | None = field(default=None, repr=False)
    """The key that it is bound to."""
    bearer: bool = False
    """Whether anybody may show it."""
    valid_from: int | None = None
    """Unix seconds; None: when it is issued."""
    valid_until: int | None = None
    """Unix seconds, the last good one; None: as long as ``valid_days``."""
    valid_days: int | None = None
    """Days from its beginning; None: as the template has it."""

    def __post_init__(self) -> None:
        """Raises ``InvalidInput`` where format and holder do not go together."""
        if self.format not in ISSUED_FORMATS:
            raise InvalidOption(f"credentials of the format {self.format.value} are read only")
        if self.subject is not None:
            _check_subject(self.subject)
        if self.holder_key is not None and self.holder_key.kind is KeyKind.ACCOUNT:
            raise InvalidKey(
                "a credential is bound to a key, and of an account no key is known",
                hint="Ask the holder for a public key as a JWK.",
            )
        self._check_holder()

    def _check_holder(self) -> None:
        if self.bearer:
            if self.holder_key is not None or self.method is not None:
                raise InvalidOption("a credential that anybody may show is bound to no key")
        elif self.format is CredentialFormat.SD_JWT:
            if (self.holder_key is None) == (self.method is None):
                raise InvalidOption(
                    "an SD-JWT is bound to one key of its holder",
                    hint="Give the key as a JWK, or the subject as a DID with the fragment of a "
                    "verification method; or say that anybody may show it.",
                )
        elif self.format is CredentialFormat.VC_JWT:
            if self.subject is None and self.holder_key is None:
                raise _unbound("Give the DID of the subject, or the key of the holder")
        elif self.subject is None or self.holder_key is not None:
            raise _unbound("Give the DID of the subject, and no key")

    @property
    def subject_did(self) -> str | None:
        """The DID of the subject, without a fragment."""
        return None if self.subject is None else self.subject.partition("#")[0]

    @property
    def method(self) -> str | None:
        """The verification method of the holder; None if none is named."""
        return self.subject if self.subject is not None and "#" in self.subject else None

    @property
    def type(self) -> str:
        """What kind of credential it is, as it says itself."""
        if self.format is CredentialFormat.SD_JWT:
            return self.template.vct
        return self.template.types[0]

    def window(self, issued_at: int) -> tuple[int, int]:
        """The first and the last second of its validity.

        Args:
            issued_at: Unix seconds.

        Raises:
            InvalidValidity: it breaks rule 3.
        """
        start = issued_at if self.valid_from is None else self.valid_from
        end = self.valid_until
        if end is None:
            days = self.valid_days or self.template.valid_days
            if days is None:
                raise InvalidValidity(
                    "it is not said how long the credential is valid", hint="Say for how many days."
                )
            end = start + days * _DAY
        if not 0 <= start <= end or end < issued_at or end - issued_at > _LONGEST:
            raise InvalidValidity(
                f"a credential cannot be valid from {shown(start)} until {shown(end)}, in seconds, "
                f"if it is issued at {issued_at}",
                hint=f"It must end after it begins, after now, and within {MAX_VALID_DAYS:,} days.",
            )
        return start, end

    def prepare(self, issued_at: int) -> dict[str, Any]:
        """The claims to sign, checked and completed.

        Args:
            issued_at: Unix seconds; its day in UTC is the day of issuance.

        Raises:
            InvalidClaims: they are not as the template has them; all faults are named.
        """
        return self.template.prepare(self.claims, day=day_of(issued_at))

    @property
    def content(self) -> bytes:
        """All that is asked for, as bytes: the same for the same credential.

        Raises:
            InvalidCredential: the claims are no JSON.
        """
        members = {
            "template": self.template.to_dict(),
            "format": self.format.value,
            "claims": dict(self.claims),
            "subject": self.subject,
            "bearer": self.bearer,
            "holderKey": None if self.holder_key is None else self.holder_key.to_jwk(),
            "validFrom": self.valid_from,
            "validUntil": self.valid_until,
            "validDays": self.valid_days,
        }
        try:
            return json.dumps(members, sort_keys=True, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError):
            pass  # not chained: the error may hold a claim
        raise InvalidCredential("the claims are no JSON")


def _check_subject(subject: str) -> None:
    try:
        check_did(subject.partition("#")[0], "the subject")
    except InvalidCredential:
        pass  # the error shows what may be somebody's name
    else:
        return
    raise InvalidCredential("the subject is not a DID", hint="Such as did:ethr:0x… or did:key:z….")


def _unbound(hint: str) -> InvalidOption:
    return InvalidOption(
        "a credential is bound to its holder", hint=f"{hint}; or say that anybody may show it."
    )
