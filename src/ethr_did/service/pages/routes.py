"""The two requests of the page: GET looks up an identity, POST reads what was pasted.

Rules:
  * One field for everything. A form without JavaScript has one method: it is POST, so that no
    credential is ever in a URL, a log or a cache. A DID that was posted is answered with the way to
    its own address, which can be linked to.
  * Nothing is changed, set or kept, and nobody is logged in: a request that another site forges does
    nothing that this site could not do itself, so there is no token against it.
  * Reading and writing pages takes milliseconds where there is much to show, so a thread does it.
    Large credentials are computed in threads as well, a few at a time, and have the deadline that
    ``credentials.py`` gives them; whom the service trusts is the same here as there.
  * Bodies are bounded while they are read.

Spec: RFC 9110 section 15.4.4; DID Resolution section 4.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote, urlencode

from starlette.routing import Route

from ethr_did.core.did import DIDURL, MAX_LENGTH
from ethr_did.core.resolution import format_time, parse_version
from ethr_did.credentials.jose import MAX_TOKEN
from ethr_did.errors import EthrDIDError, InvalidDID, InvalidInput
from ethr_did.service.credentials import SMALL, VerifyRules
from ethr_did.service.pages.identities import IdentityView
from ethr_did.service.pages.moments import ReadBlock
from ethr_did.service.pages.rendering import STYLESHEET_PATH, address, page, redirection, stylesheet
from ethr_did.service.pages.reports import POLICY, ReportView
from ethr_did.service.pages.statuses import StatusView
from ethr_did.service.pages.submissions import (
    PastedCredential,
    PastedDID,
    PastedStatus,
    read_submission,
)
from ethr_did.service.pages.texts import harmless
from ethr_did.service.pages.timeline import Timeline
from ethr_did.service.pages.troubles import Trouble
from ethr_did.status.reading import StatusQuestion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from ethr_did.core.erc1056 import Event
    from ethr_did.core.resolution import ReadAt, ResolutionResult
    from ethr_did.core.status_answer import Status
    from ethr_did.credentials.report import Report
    from ethr_did.resolver import History
    from ethr_did.service.backends import Backends

__all__ = ["MAX_BODY", "routes"]

MAX_BODY: Final = 3 * MAX_TOKEN + 65_536
"""Bytes of a form: percent-encoding writes a byte as three."""

_MOST_FIELDS: Final = 8
_MOST_KEPT: Final = 100_000
"""Characters of what was pasted that come back in the field."""
_FORM = "application/x-www-form-urlencoded"


def routes(backends: Backends, *, rules: VerifyRules | None = None) -> list[BaseRoute]:
    """The routes of the page: ``/``, and its stylesheet.

    Args:
        backends: what is asked.
        rules: how the service verifies; None: as it does by itself.
    """
    front = _Front(backends, rules or VerifyRules())
    return [
        Route("/", front.look_up, methods=["GET"], name="page", include_in_schema=False),
        Route("/", front.check, methods=["POST"], name="page_check", include_in_schema=False),
        Route(STYLESHEET_PATH, _stylesheet, name="page_stylesheet", include_in_schema=False),
    ]


async def _stylesheet(request: Request) -> Response:
    _ = request
    return stylesheet()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """What a GET asks for."""

    text: str
    """A DID or DID URL."""
    version_id: str | None = None
    version_time: str | None = None
    skip: int = 0

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> _Question:
        """The question in a query; empty fields of a form are not asked for."""
        skip = parameters.get("skip", "")
        return cls(
            text=parameters.get("did", "").strip(),
            version_id=parameters.get("versionId", "").strip() or None,
            version_time=_with_zone(parameters.get("versionTime", "").strip()) or None,
            skip=int(skip) if skip.isascii() and skip.isdigit() and len(skip) < 9 else 0,  # noqa: PLR2004
        )

    @property
    def names_version(self) -> bool:
        """Whether a version was chosen beside the DID."""
        return self.version_id is not None or self.version_time is not None

    def parse(self) -> DIDURL:
        """The DID URL; raises what is wrong with it or with the version."""
        if len(self.text) > MAX_LENGTH:
            raise InvalidDID(
                f"{len(self.text):,} characters are more than any DID has",
                hint=f"At most {MAX_LENGTH:,} are read.",
            )
        url = DIDURL.parse(self.text)
        parse_version(url.parameters, self.version_id, self.version_time)
        return url


def _with_zone(text: str) -> str:
    """A time as forms send it, ``2026-01-31T23:59`` with seconds or without, in UTC."""
    if len(text) == len("2026-01-31T23:59") and "T" in text:
        text += ":00"
    return f"{text}Z" if len(text) == len("2026-01-31T23:59:59") else text


class _Front:
    """Answers both requests."""

    def __init__(self, backends: Backends, rules: VerifyRules) -> None:
        self._backends = backends
        self._policy = replace(POLICY, trust=rules.policy.trust)
        self._seconds = rules.seconds
        self._large = asyncio.Semaphore(rules.at_once)

    # -- identities ------------------------------------------------------------------------------

    async def look_up(self, request: Request) -> Response:
        """The page of a DID; without one the page with nothing but the field."""
        question = _Question.of(request.query_params)
        if not question.text:
            return page("home.html", networks=self._served(), text="")
        try:
            url = question.parse()
            result, history = await asyncio.gather(self._resolve(question), self._history(question))
            if result.error is not None:
                raise result.error
        except EthrDIDError as error:
            return _told(
                Trouble.of(error, self._served()),
                text=question.text,
                kept=True,
                versions=question if question.names_version else None,
            )
        return await asyncio.to_thread(self._identity, question, url, result, history)

    async def _resolve(self, question: _Question) -> ResolutionResult:
        return await self._backends.resolver.resolve(
            question.text, version_id=question.version_id, version_time=question.version_time
        )

    async def _history(self, question: _Question) -> History | EthrDIDError:
        try:
            return await self._backends.resolver.history(question.text)
        except EthrDIDError as error:
            return error

    def _identity(
        self,
        question: _Question,
        url: DIDURL,
        result: ResolutionResult,
        history: History | EthrDIDError,
    ) -> Response:
        failed = history if isinstance(history, EthrDIDError) else None
        events: Sequence[Event] = ()
        if not isinstance(history, EthrDIDError):
            events = [entry.event for entry in history]
        now = int(self._backends.clock())
        view = IdentityView.of(url.did, result, events, now)
        read_at = result.read_at
        assert read_at is not None  # noqa: S101 - there is no error
        version = parse_version(url.parameters, question.version_id, question.version_time)
        return page(
            "identity.html",
            # As the binding of DID Resolution has it.
            status=410 if view.deactivated else 200,
            text=question.text,
            identity=view,
            fragment=url.fragment,
            version=version,
            version_time="" if version.time is None else format_time(version.time),
            timeline=Timeline.of(url.did.address, events, question.skip),
            history_trouble=None if failed is None else Trouble.of(failed),
            blocks=[self._block(url, read_at, now)],
            json_address=_json_address(url.did.text, question),
        )

    def _block(self, url: DIDURL, at: ReadAt, now: int) -> ReadBlock:
        return ReadBlock(
            network=self._backends.networks.find(url.did.network).name,
            chain_id=at.chain_id,
            number=at.block_number,
            hash=at.block_hash,
            timestamp=at.block_timestamp,
            now=now,
            blocks_behind=at.blocks_behind,
        )

    # -- credentials -----------------------------------------------------------------------------

    async def check(self, request: Request) -> Response:
        """The way to a DID's page, the report on a credential, or the status of an entry."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
            return _refused(415, "This is not the form of the page", "Use the form below.")
        body = await _read(request)
        if body is None:
            return _refused(
                413,
                "That is too long",
                f"At most {MAX_TOKEN:,} characters are read; no credential is longer.",
            )
        text = ""
        try:
            fields = await asyncio.to_thread(_fields, body)
            text = fields.get("text", "")
            pasted = await asyncio.to_thread(read_submission, text, fields.get("issuer", ""))
        except EthrDIDError as error:
            return _told(Trouble.of(error, self._served()), text=text, kept=False)
        match pasted:
            case PastedDID():
                return _to_identity(pasted.text)
            case PastedCredential():
                return await self._report(pasted, text)
            case PastedStatus():  # pragma: no branch - there is no other
                return await self._statuses(pasted, text)

    async def _report(self, pasted: PastedCredential, text: str) -> Response:
        try:
            async with asyncio.timeout(self._seconds):
                report = await self._verified(pasted, is_large=len(text) > SMALL)
        except TimeoutError:
            return _told(_unfinished(self._seconds), text=text, kept=False)

        def write() -> Response:
            view = ReportView.of(report, self._backends.networks)
            return page(
                "report.html",
                kept=False,
                text=_kept(text),
                report=view,
                blocks=view.blocks,
            )

        return await asyncio.to_thread(write)

    async def _verified(self, pasted: PastedCredential, *, is_large: bool) -> Report:
        verifier = self._backends.verifier
        if not is_large:
            return await verifier.verify(pasted.raw, self._policy)
        async with self._large:
            return await verifier.verify(pasted.raw, self._policy, in_thread=True)

    async def _statuses(self, pasted: PastedStatus, text: str) -> Response:
        if pasted.issuer is None:
            return page("issuer.html", kept=False, text=text, issuer="")
        questions = [
            StatusQuestion(entry=member, issuer=pasted.issuer)  # type: ignore[arg-type]  # unread
            for member in pasted.members
        ]
        found: list[Status] = await self._backends.statuses.read_statuses(questions, times=True)
        now = int(self._backends.clock())
        views = [
            StatusView.of(number, status, self._backends.networks, now)
            for number, status in enumerate(found, start=1)
        ]
        blocks = {
            (view.block.chain_id, view.block.number): view.block for view in views if view.block
        }
        return page(
            "status.html",
            kept=False,
            text=_kept(text),
            statuses=views,
            issuer=harmless(pasted.issuer),
            is_unsigned=pasted.is_unsigned,
            blocks=list(blocks.values()),
        )

    # -- what both need --------------------------------------------------------------------------

    def _served(self) -> list[str]:
        """Names of the networks that have a node or an index."""
        return [
            network.name
            for network in self._backends.networks
            if network.rpc_urls or network.provider is not None or network.source is not None
        ]


def _told(
    trouble: Trouble, *, text: str, kept: bool, versions: _Question | None = None
) -> Response:
    return page(
        "trouble.html",
        status=trouble.status,
        kept=kept,
        text=_kept(text),
        trouble=trouble,
        versions=versions,
    )


def _refused(status: int, title: str, advice: str) -> Response:
    trouble = Trouble(
        status=status, title=title, what="Nothing of it was read.", meaning="", next=advice, code=""
    )
    return _told(trouble, text="", kept=False)


def _unfinished(seconds: float) -> Trouble:
    return Trouble(
        status=503,
        title="It was not found out in time",
        what=f"Not everything that this credential names answered within {seconds:g} seconds.",
        meaning="This says nothing about the credential, neither good nor bad.",
        next="Try again later.",
        code="deadline",
    )


async def _read(request: Request) -> bytes | None:
    """The body; None if it is longer than any form."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            return None
    return bytes(body)


def _fields(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError as cause:
        raise InvalidInput(
            "these are more fields than the form has", hint="Use the form of the page."
        ) from cause
    return dict(pairs)


def _kept(text: str) -> str:
    """What goes back into the field."""
    return text if len(text) <= _MOST_KEPT else ""


def _to_identity(text: str) -> Response:
    if len(text) > MAX_LENGTH:
        error = InvalidDID(
            f"{len(text):,} characters are more than any DID has",
            hint=f"At most {MAX_LENGTH:,} are read.",
        )
        return _told(Trouble.of(error), text=text, kept=False)
    return redirection(address(text))


def _json_address(did: str, question: _Question) -> str:
    """The same answer for programs."""
    asked = {"versionId": question.version_id, "versionTime": question.version_time}
    given = urlencode({name: value for name, value in asked.items() if value}, safe=":")
    return f"./1.0/identifiers/{quote(did, safe=':')}" + (f"?{given}" if given else "")
