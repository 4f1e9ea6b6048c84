"""Sources of trust as commands are given them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ethr_did.cli.status.subjects import read_bytes
from ethr_did.cli.trust.editing import open_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ethr_did.credentials.trust import TrustSource
    from ethr_did.credentials.trust_lists import TrustList
    from ethr_did.settings import Settings

__all__ = ["default_list", "open_sources"]


def open_sources(
    files: Sequence[Path],
    signed: Sequence[tuple[Path, str]],
    authorities: Sequence[str],
    settings: Settings,
) -> tuple[TrustSource, ...]:
    """The sources that are named.

    Args:
        files: lists of the user's own.
        signed: signed lists, each with the DID that it must be of.
        authorities: DIDs whose accreditations count.
        settings: with the networks.

    Raises:
        InvalidFile, InvalidTrustList, InvalidDID: one cannot be used.
    """
    from ethr_did.credentials.signed_trust_lists import read_signed_trust_list
    from ethr_did.credentials.trust import OnChainAuthority

    table = settings.table()
    tokens = [
        read_signed_trust_list(
            read_bytes(path).decode("ascii", "replace").strip(), signer=did, networks=table
        )
        for path, did in signed
    ]
    return (
        *(open_file(file, settings).read() for file in files),
        *tokens,
        *(OnChainAuthority.parse(did) for did in authorities),
    )


def default_list(settings: Settings) -> TrustList | None:
    """The list in the user's state folder; None if there is none."""
    own = open_file(None, settings)
    return own.read() if own.path.exists() else None
