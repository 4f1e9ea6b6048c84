"""The rule book of fetching: what is asked for, from where, and which answers are taken.

Rules:
  1. Every URL, the given one and those of redirects, keeps the rules of ``targets.py``, and its
     host those of ``addresses.py``. A redirect leads to https, whatever else is allowed.
  2. A name is resolved once. One forbidden address among the answers refuses all of them. What is
     connected to is an address that was checked, never the name again.
  3. Where an address takes no connection the next one is asked; after that there is no second try.
  4. One deadline for everything together, and limits on bytes and redirects.

A fetch is a generator of steps; it opens nothing itself.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urljoin

from ethr_did.chain.masking import mask_url
from ethr_did.errors import FetchError, InvalidOption, shown
from ethr_did.fetching.addresses import forbidden_kind, parse_ip_address
from ethr_did.fetching.conversation import Conversation, Head, Receive
from ethr_did.fetching.failures import (
    bad_redirect,
    broken,
    forbidden_address,
    timed_out,
    unconnected,
    unresolved,
)
from ethr_did.fetching.targets import Target, is_written_as_url, parse_target

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from ethr_did.fetching.addresses import IPAddress

__all__ = [
    "Connect",
    "FetchRules",
    "Fetched",
    "Receive",
    "Resolve",
    "Step",
    "failure_of",
    "fetch_steps",
]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ACCEPT = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,1022}[\x21-\x7e])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRules:
    """What may be fetched, and how much of it.

    Raises:
        InvalidOption: a limit that is none.
    """

    allow_private: bool = False
    """Also from loopback, private and shared addresses. Link-local ones are never allowed."""
    allow_http: bool = False
    """Also without TLS: anybody on the way may then read and change the document."""
    timeout: float = 10.0
    """Seconds for everything: names, connections, redirects, the whole body."""
    connect_timeout: float = 3.0
    """Seconds for one address to take a connection, TLS included; then the next is tried."""
    most_bytes: int = 16 << 20
    """Longest body."""
    most_redirects: int = 3
    """Redirects in a row."""
    ca_file: Path | None = None
    """Certificates (PEM) of the authorities to trust, in place of the system's."""

    def __post_init__(self) -> None:
        for name in ("timeout", "connect_timeout"):
            seconds = getattr(self, name)
            if not (math.isfinite(seconds) and seconds > 0):
                hint = "Give a number of seconds above 0."
                raise InvalidOption(f"{name} is {seconds!r}", hint=hint, option=name)
        for name in ("most_bytes", "most_redirects"):
            if getattr(self, name) < 0:
                words = f"{name} is {getattr(self, name)!r}"
                raise InvalidOption(words, hint="Give 0 or more.", option=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A document that was fetched."""

    url: str
    """Where it came from in the end, without a fragment."""
    content: bytes = field(repr=False)
    """The very bytes that were sent."""
    media_type: str | None = None
    """``Content-Type`` without parameters, in lower case."""
    max_age: int | None = None
    """Seconds that it may be kept, by ``Cache-Control`` and ``Age``; None if nothing was said."""
    etag: str | None = None
    """The entity tag, quotes included."""
    redirects: tuple[str, ...] = ()
    """The URLs that led there, in order; empty if there was no redirect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolve:
    """Asks for the addresses of the target's host: strings."""

    target: Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """Asks to close what is open, connect, and send that: nothing comes of it.

    With TLS if the target's scheme is https, to the target's host as the certificate names it.
    """

    target: Target
    address: str
    data: bytes


Step: TypeAlias = Resolve | Connect | Receive


def fetch_steps(
    url: str, *, accept: str, most: int | None, rules: FetchRules
) -> Generator[Step, Any, Fetched]:
    """A fetch in steps: yields what is to be done, is sent what came of it, returns the document.

    Args:
        url: where the document is said to be.
        accept: the media types to ask for.
        most: longest body in bytes; never more than the rules allow.
        rules: what is allowed.

    Raises:
        FetchError: for everything that fails, also one that is thrown in.
        InvalidOption: ``accept`` cannot be sent.
    """
    if not _ACCEPT.fullmatch(accept):
        raise InvalidOption(f"{shown(accept)} cannot be an Accept header", hint="Name media types.")
    limit = rules.most_bytes if most is None else min(most, rules.most_bytes)
    target = parse_target(url, allow_http=rules.allow_http)
    visited: list[str] = []
    while True:
        addresses = yield from _addresses(target, rules)
        talk = Conversation(target, accept=accept)
        yield from _connected(target, addresses, talk.request)
        head = yield from talk.head()
        if head.status not in _REDIRECTS:
            break
        visited.append(target.url)
        target = _redirected(target, head, len(visited), rules)
    content = yield from talk.body(head, limit=limit)
    return Fetched(
        url=target.url,
        content=content,
        media_type=head.media_type,
        max_age=head.max_age,
        etag=head.etag,
        redirects=tuple(visited),
    )


def failure_of(step: Step, error: BaseException, *, rules: FetchRules, late: bool) -> FetchError:
    """The error for a step that failed below: in the name service, the network, or TLS.

    Args:
        step: what was being done.
        error: what was raised.
        rules: name the limit.
        late: whether the deadline has passed; it is to blame then, whatever was raised.
    """
    if late:
        return timed_out(step.target, rules.timeout)
    if isinstance(step, Resolve):
        return unresolved(step.target)
    if isinstance(step, Connect):
        return unconnected(step.target, error)
    return broken(step.target, error=error)


def _addresses(target: Target, rules: FetchRules) -> Generator[Step, Any, list[IPAddress]]:
    """The addresses of the host, all of them allowed; at least one."""
    if target.address is not None:
        found = [target.address]
    else:
        answers: Sequence[str] = yield Resolve(target=target)
        try:
            found = [parse_ip_address(text) for text in answers]
        except ValueError:
            found = []
    if not found:
        raise unresolved(target)
    for address in found:
        kind = forbidden_kind(address, allow_private=rules.allow_private)
        if kind is not None:
            raise forbidden_address(target, kind)
    return found


def _connected(
    target: Target, addresses: Sequence[IPAddress], data: bytes
) -> Generator[Step, Any, None]:
    """Connects to the first address that takes a connection."""
    *others, last = addresses
    for address in others:
        try:
            yield Connect(target=target, address=str(address), data=data)
        except FetchError as error:
            if error.facts.get("reason") != "unreachable":
                raise
        else:
            return
    yield Connect(target=target, address=str(last), data=data)


def _redirected(target: Target, head: Head, count: int, rules: FetchRules) -> Target:
    """Where a redirect leads."""
    if count > rules.most_redirects:
        words = f"redirects more than {rules.most_redirects} times"
        hint = "Ask whoever serves it for the final URL, or raise most_redirects."
        raise bad_redirect(target, words, hint)
    places = head.values("location")
    if len(places) != 1 or not is_written_as_url(places[0]):
        raise bad_redirect(target, "redirects to no URL")
    try:
        url = urljoin(target.url, places[0])
    except ValueError:  # such as unbalanced brackets
        raise bad_redirect(target, "redirects to no URL") from None
    if not url.lower().startswith("https:"):
        raise bad_redirect(target, f"redirects to {mask_url(url)}, which is not https")
    return parse_target(url)
