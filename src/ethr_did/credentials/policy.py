"""What a verifier demands of a credential or presentation.

Rules:
  * What is not said is the stricter choice, but for three things that only the verifier can know:
    whom it trusts, which claims it needs, and how old a credential may be.
  * A presentation is for one verifier and one question: nonce and audience are compared. Without
    something to compare with, the answer is undetermined, unless ``unbound`` gives up on it.
  * Whether a holder must sign follows from the policy and never from what came: who names a nonce or
    an audience waits for a presentation. A thief could take the holder's signature off.
  * A claim that is required says something. Where it is ``null`` or ``false`` it says "no": issuers
    write that an age was not reached, too. What a claim must be, a query says.

Spec: RFC 9901 section 7.3, step 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from ethr_did.core.status_answer import FinalityPolicy
from ethr_did.credentials.credential import CredentialFormat
from ethr_did.credentials.keys import ALGORITHMS, Algorithm
from ethr_did.errors import InvalidOption

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ethr_did.credentials.claim_paths import PathPattern
    from ethr_did.credentials.dcql import Query
    from ethr_did.credentials.trust import TrustPolicy

__all__ = ["LEEWAY", "HolderRule", "Policy"]

LEEWAY: Final = 60
"""Seconds by which clocks may differ."""

MAX_PRESENTATION_AGE: Final = 300
"""Seconds since a holder signed."""


class HolderRule(StrEnum):
    """Who may show a credential."""

    BOUND = "bound"
    """In a presentation: whom it was issued to. Alone: anybody, and the report says so; nobody if a
    nonce or audience is named, unless a query says that no holder need sign."""
    PRESENTED = "presented"
    """Whom it was issued to, in a presentation; alone it is refused."""
    ANYBODY = "anybody"
    """Anybody: tickets, and papers about other people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is demanded.

    Raises:
        InvalidOption: a number that is none, or nothing would be accepted.

    Example:
        >>> Policy(nonce="n-0S6_WzA2Mj", audience="https://shop.example").holder.value
        'bound'
    """

    trust: TrustPolicy | None = None
    """Whose credentials are accepted; None: anybody's, and the report says so."""
    nonce: str | None = None
    """That a presentation must be made for."""
    audience: str | None = None
    """Who a presentation must be made for."""
    unbound: bool = False
    """Whether nonce and audience are not compared. Whoever has seen a presentation can repeat it."""
    holder: HolderRule = HolderRule.BOUND
    required: tuple[PathPattern, ...] = ()
    """Paths of claims that must be there, and neither null nor false."""
    query: Query | None = None
    """The request that a presentation must answer."""
    max_age: int | None = None
    """Seconds since a credential was issued; None: as old as it may be."""
    max_presentation_age: int = MAX_PRESENTATION_AGE
    """Seconds since a holder signed."""
    leeway: int = LEEWAY
    """Seconds by which clocks may differ."""
    algorithms: frozenset[Algorithm] = ALGORITHMS
    formats: frozenset[CredentialFormat] = frozenset(CredentialFormat)
    finality: FinalityPolicy = FinalityPolicy.STRICTEST
    """Which block counts for statuses."""
    require_status: bool = False
    """Whether a credential without a status is refused."""
    schemas: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """JSON Schemas by their id, or by the type of an SD-JWT VC."""
    fetch_schemas: bool = False
    """Whether those that are not here are fetched from where the credential says."""
    require_schema: bool = False
    """Whether a credential is undetermined if its schema is not there, or if it has none."""

    def __post_init__(self) -> None:
        """Raises ``InvalidOption``."""
        for name in ("leeway", "max_presentation_age", "max_age"):
            value = getattr(self, name)
            if value is not None and (type(value) is not int or value < 0):
                raise InvalidOption(f"{name} is {value!r}", hint="Give seconds, 0 or more.")
        for name in ("algorithms", "formats"):
            if not getattr(self, name):
                raise InvalidOption(f"no {name} are accepted", hint="Name one, or leave it out.")
        for name, kind in (("holder", HolderRule), ("finality", FinalityPolicy)):
            # The text of a member is not the member: rules are told apart by identity.
            if not isinstance(getattr(self, name), kind):
                raise InvalidOption(
                    f"{name} is {getattr(self, name)!r}", hint=f"Give a member of {kind.__name__}."
                )

    @property
    def is_presented(self) -> bool:
        """Whether a credential that nobody presents is refused."""
        if self.holder is not HolderRule.BOUND:
            return self.holder is HolderRule.PRESENTED
        is_awaited = self.nonce is not None or self.audience is not None
        # A query says for each credential whether its holder must sign, and is checked for that.
        return is_awaited and self.query is None
