"""Whose credentials the service accepts: the sources that its configuration names.

Rules:
  * They are read once, when the service starts: a file that cannot be used keeps it from starting.
  * Without any source nobody is judged, and every report says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ethr_did.credentials.policy import Policy
from ethr_did.credentials.signed_trust_lists import read_signed_trust_list
from ethr_did.credentials.trust import OnChainAuthority, TrustPolicy
from ethr_did.credentials.trust_files import TrustFile
from ethr_did.errors import InvalidFile
from ethr_did.service.credentials import VerifyRules

if TYPE_CHECKING:
    from pathlib import Path

    from ethr_did.chain.networks import Networks
    from ethr_did.credentials.trust import TrustSource
    from ethr_did.service.options import ServiceOptions

__all__ = ["rules_of"]

_MOST: Final = 1 << 20
"""Bytes of a signed list."""


def rules_of(options: ServiceOptions, networks: Networks) -> VerifyRules:
    """How the service verifies.

    Args:
        options: name the sources of trust.
        networks: that are served.

    Raises:
        InvalidFile, InvalidTrustList, InvalidDID, UnknownNetwork: a source cannot be used.
    """
    sources: tuple[TrustSource, ...] = (
        *(TrustFile(path).read() for path in options.trust_lists),
        *(
            read_signed_trust_list(_text_of(path), signer=did, networks=networks)
            for did, path in options.signed_trust_lists.items()
        ),
        *(OnChainAuthority.parse(did) for did in options.authorities),
    )
    trust = TrustPolicy(sources=sources, networks=networks) if sources else None
    return VerifyRules(policy=Policy(trust=trust), seconds=options.verify_seconds)


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MOST).decode("ascii", "replace").strip()
    except OSError as cause:
        raise InvalidFile(
            f"the trust list {path} cannot be read: {cause.strerror or cause}",
            hint="It is named by signed_trust_lists of [service].",
            path=str(path),
        ) from cause
