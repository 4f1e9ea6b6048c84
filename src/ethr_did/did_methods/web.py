"""did:web: the document is a file on a web server whose name is in the DID.

Rules:
  1. The DID names a host, never an IP address, and perhaps a port, whose colon is written ``%3A``.
  2. Without a path the document is at ``/.well-known/did.json``, with one at ``/path/did.json``.
  3. The path consists of names: none is empty, ``.`` or ``..``, and none hides a slash, a backslash,
     a percent sign or a control character behind percent-encoding: servers decode them differently.
  4. What is served is what the host says only as long as it comes from that host and port. A
     redirect within it is followed; one that leads, or led, elsewhere is refused.
  5. The document must keep the rules of ``documents.py``.
  6. 404 and 410 are "no such DID": that is how one is deactivated. Whatever else fails is "could not
     be found out".

Names are resolved by the system, without DNS over HTTPS, which the specification recommends: that is
a matter of how the system is set up. Whoever serves the document learns when it is asked for.

Spec: did:web method specification (W3C CCG), "Method-specific identifier" and "Read (Resolve)".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_to_bytes

from ethr_did.did_methods.documents import read_document, read_object
from ethr_did.did_methods.identifiers import identifier_of
from ethr_did.errors import EthrDIDError, FetchError, InvalidDID, NotFoundError, shown
from ethr_did.fetching.targets import parse_target

if TYPE_CHECKING:
    from ethr_did.core.document import DIDDocument
    from ethr_did.fetching import Fetched

__all__ = ["ACCEPT", "GONE", "not_found", "read_web", "web_url"]

ACCEPT: Final = (
    "application/did, application/did+ld+json, application/did+json, application/json;q=0.9, "
    "*/*;q=0.1"
)
"""Most servers know nothing of DIDs, and serve the file in any case."""

GONE: Final = 410
_ABSENT: Final = (404, GONE)

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*")
_ADDRESS = re.compile(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9a-fA-F]*)")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_LAST_PORT = 65535
_COLON = re.compile(r"%3[Aa]")
_HIDDEN = frozenset(b"/\\%") | frozenset(range(0x20)) | {0x7F}


def web_url(did: str) -> str:
    """Where the document of a did:web is.

    Raises:
        InvalidDID: it is none, or breaks a rule of the module.

    Example:
        >>> web_url("did:web:example.com%3A3000:user:alice")
        'https://example.com:3000/user/alice/did.json'
    """
    host, *names = identifier_of(did, "web").split(":")
    name, *port = _COLON.split(host)
    if not _HOST.fullmatch(name) or _ADDRESS.fullmatch(name):
        raise InvalidDID(
            f"a did:web without a host name: {shown(did)}",
            hint="After did:web: comes the name of a host; an IP address is none.",
        )
    if len(port) > 1 or not all(map(_is_port, port)):
        raise InvalidDID(f"a did:web whose port is none: {shown(did)}")
    for text in names:
        _check_name(text, did)
    authority = ":".join([name.lower(), *port])
    return f"https://{authority}/{'/'.join(names or ['.well-known'])}/did.json"


def _is_port(text: str) -> bool:
    return _PORT.fullmatch(text) is not None and int(text) <= _LAST_PORT


def _check_name(text: str, did: str) -> None:
    data = unquote_to_bytes(text)
    if data in (b"", b".", b"..") or _HIDDEN & set(data):
        raise InvalidDID(
            f"a did:web with {shown(text)} in its path: {shown(did)}",
            hint="Servers would not agree on which file that is.",
        )


def read_web(did: str, outcome: Fetched | EthrDIDError) -> DIDDocument:
    """The document of a did:web in what came of fetching it.

    Args:
        did: whose it must be.
        outcome: what was fetched, or why nothing was.

    Raises:
        NotFoundError: there is no such DID, or no longer.
        FetchError: that could not be found out.
        InvalidDocument: what is served is not its document.
    """
    if isinstance(outcome, EthrDIDError):
        if outcome.facts.get("status") in _ABSENT:
            raise not_found(did, outcome.message, outcome.hint) from outcome
        raise outcome
    _check_origin(did, outcome)
    data = read_object(outcome.content, f"the document of {shown(did)}")
    return read_document(data, did)


def not_found(did: str, reason: str, hint: str = "") -> NotFoundError:
    """That there is no such DID, as an error."""
    return NotFoundError(f"there is no {shown(did)}: {reason}", hint=hint)


def _check_origin(did: str, fetched: Fetched) -> None:
    expected = parse_target(web_url(did))
    for url in (*fetched.redirects, fetched.url):
        found = parse_target(url)
        if (found.host, found.port) != (expected.host, expected.port):
            raise FetchError(
                f"{expected.shown} leads to another host, {found.netloc}, which does not speak for "
                f"{shown(did)}",
                hint="Ask its owner to serve the document where the DID says that it is.",
                url=expected.shown,
                reason="redirect",
            )
