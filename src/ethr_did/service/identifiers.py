"""``/1.0/identifiers/…``: the HTTP(S) binding of DID Resolution.

Rules:
  * This is the path that most requests take, so it is a plain ASGI callable that comes before any
    framework: headers are looked at as bytes, and what is kept goes out as it lies, without a wait.
  * A request that was read once is not read again: the same path, query and header ask the same.
  * GET, HEAD and POST ask; what was posted is not kept by others. ``If-None-Match`` is heeded where
    the answer would be 200.
  * What the binding knows is told by a whole result, what only HTTP knows by a problem.

Spec: DID Resolution v0.3 section 12.1; RFC 9110 sections 9 and 13.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ethr_did.core.resolution import format_time
from ethr_did.errors import EthrDIDError
from ethr_did.service.answers import answer, refusal
from ethr_did.service.bodies import NO_STORE, Bodies, Kept
from ethr_did.service.problems import problem
from ethr_did.service.questions import Question, asked_envelope, body_options, read_question

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

    from ethr_did.service.backends import Backends

__all__ = ["CACHE_BYTES", "METHODS", "PREFIX", "ROUTE", "SECONDS", "Identifiers"]

PREFIX: Final = "/1.0/identifiers/"
METHODS: Final = ("GET", "HEAD", "OPTIONS", "POST")

SECONDS: Final = 12
"""For which others may keep an answer about the newest version: a slot of Ethereum."""
CACHE_BYTES: Final = 64 << 20
"""That kept answers take."""

_PREFIX = PREFIX.encode()
_MOST_BODY: Final = 8192
_MOST_READ: Final = 16_384
"""Requests that are remembered as they were read."""
_LONGEST_READ: Final = 1024
"""Bytes of one of them."""
_LARGE: Final = 100
"""Entries of a document from which on writing it is no work for the event loop."""


_Asked: TypeAlias = "tuple[bytes, bytes, bytes | None]"
"""Path, query and ``Accept`` of a request."""


class _Route:
    """What logs and metrics call the path."""

    path = f"{PREFIX}{{identifier}}"


ROUTE: Final = _Route()
"""What stands in a scope where a framework would name its route."""


class Identifiers:
    """Answers questions about DIDs and DID URLs."""

    def __init__(
        self,
        backends: Backends,
        *,
        max_age: int = SECONDS,
        cache_bytes: int = CACHE_BYTES,
        allows_fresh: bool = False,
        beyond: ASGIApp | None = None,
    ) -> None:
        """An ASGI application.

        Args:
            backends: whom to ask.
            max_age: seconds for which others may keep an answer about the newest version.
            cache_bytes: that kept answers may take here.
            allows_fresh: whether the option ``noCache`` is heeded.
            beyond: answers what is asked about something else; None: nothing does.
        """
        self._backends = backends
        self._watch = backends.watch
        self._clock = backends.clock
        self._max_age = max_age
        self._allows_fresh = allows_fresh
        self._beyond = beyond or _nothing_else
        self._read: OrderedDict[_Asked, Question] = OrderedDict()
        self.bodies = Bodies(cache_bytes)
        """What is kept."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or hands it on."""
        target = _target_of(scope) if scope["type"] == "http" else b""
        if not target.startswith(_PREFIX):  # as it was sent: only so is it clear what comes behind
            await self._beyond(scope, receive, send)
            return
        scope["route"] = ROUTE
        method = scope["method"]
        if method != "GET" and method != "HEAD":  # noqa: PLR1714 - a set would be made each time
            await self._other(scope, receive, send)
            return
        accept = known = None
        for name, value in scope["headers"]:
            if name == b"accept":
                accept = value if accept is None else accept + b"," + value
            elif name == b"if-none-match":
                known = value if known is None else known + b"," + value
        asked = (target, scope["query_string"], accept)
        now = self._clock()
        question = self._read.get(asked)
        kept = None if question is None else self._find(question, now)
        if kept is None:
            kept = await self._ask(asked, question)
        status, headers, body = _sent(kept, known, now)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body if method == "GET" else b""})

    # -- asking

    def _find(self, question: Question, now: float) -> Kept | None:
        """What is kept, if it is still true."""
        kept = self.bodies.find(question.key)
        if kept is None or kept.is_true(question, self._watch, now):
            return kept
        self.bodies.drop(question.key)
        return None

    async def _ask(
        self,
        asked: _Asked,
        question: Question | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Kept:
        """The answer to a request that nothing is kept for, as far as is known yet."""
        path, query, header = _identifier_in(asked[0]), asked[1], asked[2]
        accept = None if header is None else header.decode("latin-1")
        try:
            if question is None:
                question = read_question(
                    path,
                    query,
                    accept,
                    self._backends.networks,
                    body=body,
                    allows_fresh=self._allows_fresh,
                )
                if body is None:
                    self._remember(asked, question)
            return await self._answer(question)
        except EthrDIDError as error:
            return Kept(refusal(error, asked_envelope(accept, path)))

    def _remember(self, asked: _Asked, question: Question) -> None:
        if question.is_fresh or sum(len(part or b"") for part in asked) > _LONGEST_READ:
            return
        if len(self._read) >= _MOST_READ:
            self._read.popitem(last=False)
        self._read[asked] = question

    async def _answer(self, question: Question) -> Kept:
        if not question.is_fresh:
            kept = self._find(question, self._clock())
            if kept is not None:
                return kept
        # Read before it is asked for: a change in between then shows as another version.
        version = self._watch.version(question.network, question.url.did.address)
        if version is None or question.is_fresh:
            return await self._resolve(question, version)
        return await self.bodies.share(
            question.key, version, lambda: self._resolve(question, version)
        )

    async def _resolve(self, question: Question, version: Hashable | None) -> Kept:
        moment = question.version.time
        result = await self._backends.resolver.resolve(
            question.url.did.text,
            version_id=question.version.block_number,
            version_time=None if moment is None else format_time(moment),
        )
        view = result.view
        document = view.document if view else None
        if document and len(document.verification_method) + len(document.service) > _LARGE:
            found = await asyncio.to_thread(answer, question, result)
        else:
            found = answer(question, result)
        final = self._watch.final(question.network)
        kept = Kept(found, question, version=version, final=final, max_age=self._max_age)
        if view is not None and (version is not None or kept.is_final):
            self.bodies.keep(question.key, kept)
        return kept

    # -- other methods

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["method"]:
            case "POST":
                await self._post(scope, receive, send)
            case "OPTIONS":
                await _send_options(send)
            case _:
                await _refuse_method(scope, receive, send)

    async def _post(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        accept = b",".join(value for name, value in scope["headers"] if name == b"accept") or None
        kind = headers.get(b"content-type", b"application/json").partition(b";")[0].strip().lower()
        if kind != b"application/json":
            refused = problem(
                415,
                "unsupported_media_type",
                "options are posted as JSON",
                "Send Content-Type: application/json.",
                headers={"Accept-Post": "application/json"},
            )
            await refused(scope, receive, send)
            return
        data = await _read_body(receive)
        if data is None:
            refused = problem(
                413, "content_too_large", f"options of more than {_MOST_BODY} bytes are not read"
            )
            await refused(scope, receive, send)
            return
        asked = (_target_of(scope), scope["query_string"], accept)
        try:
            options = body_options(data)
        except EthrDIDError as error:
            text = None if accept is None else accept.decode("latin-1")
            kept = Kept(refusal(error, asked_envelope(text, asked[0])))
        else:
            kept = await self._ask(asked, body=options)
        shared = [one for one in kept.headers_at(self._clock()) if one[0] != b"cache-control"]
        told = [*shared, (b"cache-control", NO_STORE)]
        await send({"type": "http.response.start", "status": kept.status, "headers": told})
        await send({"type": "http.response.body", "body": kept.body})


async def _nothing_else(scope: Scope, receive: Receive, send: Send) -> None:
    """What is beyond identifiers where nothing is."""
    if scope["type"] == "http":
        await problem(404, "unknown_path", "there is nothing at this path")(scope, receive, send)


def _sent(
    kept: Kept, known: bytes | None, now: float
) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Status, headers and body for whoever may know the answer already."""
    if known is not None and kept.etag and _names(known, kept.etag):
        return HTTPStatus.NOT_MODIFIED, kept.headers_at(now, unchanged=True), b""
    return kept.status, kept.headers_at(now), kept.body


def _target_of(scope: Scope) -> bytes:
    """The path as it was sent."""
    raw: bytes | None = scope.get("raw_path")
    if raw is None:  # a server need not say; then encoded and plain cannot be told apart
        return str(scope["path"]).encode()
    return raw


def _identifier_in(target: bytes) -> bytes:
    """What stands behind the prefix."""
    return target.removeprefix(_PREFIX)


def _names(known: bytes, etag: bytes) -> bool:
    """Whether ``If-None-Match`` names a weak tag."""
    if known in (etag, b"*"):
        return True
    opaque = etag.removeprefix(b"W/")
    return any(one.strip().removeprefix(b"W/") == opaque for one in known.split(b","))


async def _read_body(receive: Receive) -> bytes | None:
    """What was posted; None where it is too much."""
    data = b""
    while True:
        message = await receive()
        data += bytes(message.get("body", b""))
        if len(data) > _MOST_BODY:
            return None
        if not message.get("more_body", False):
            return data


async def _send_options(send: Send) -> None:
    headers = [(b"allow", ", ".join(METHODS).encode()), (b"accept-post", b"application/json")]
    await send({"type": "http.response.start", "status": HTTPStatus.NO_CONTENT, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _refuse_method(scope: Scope, receive: Receive, send: Send) -> None:
    refused = problem(
        405,
        "method_not_allowed",
        f"this path does not know {scope['method']}",
        "See the Allow header.",
        headers={"Allow": ", ".join(METHODS)},
    )
    await refused(scope, receive, send)
