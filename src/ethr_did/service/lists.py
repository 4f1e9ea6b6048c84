"""``/v1/status/lists/{issuer}/{list_id}``: whole lists on chain, in the forms that others read.

Rules:
  * What is served is a view of the chain: computed here from ``wordsOf`` of the registry, as
    everybody can compute it again. It carries no signature, and says so: this service holds no keys,
    and its word is not the issuer's. Who wants a signed token is told that there is none here.
  * Two forms: a W3C list credential (most significant bit first) and the claims of an IETF Status
    List Token (least significant bit first). A reader who would take an IETF token, and JSON
    otherwise, gets the claims of one as JSON.
  * ``validFrom`` and ``iat`` are the time of the block that was read, and there is no end: nobody
    knows when the issuer will write again. ``ttl`` is for how long the service itself gives the
    answer again. Of the past a list says one second, the one that was asked about: from
    ``validFrom`` to ``validUntil``, which is before ``exp``. "The client MUST reject a response
    unless the requested timestamp is within the valid time" (IETF, section 8.4).
  * ``timestamp`` (W3C) and ``time`` (IETF) are the same question, and each form answers either. For
    a time that no block has reached there is no list yet: 404 (IETF section 8.4), and for the W3C's
    readers a ``STATUS_RETRIEVAL_ERROR``.
  * Reading a list whole tells nobody which entry is of interest.

Spec: Bitstring Status List 1.0, sections 2.2, 3.2 and 3.5; Token Status List, draft 21, sections
5.1, 8.1, 8.2 and 8.4; docs/credential-status.md, "Words".
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter
from starlette.requests import Request  # noqa: TC002 - the framework reads the annotation
from starlette.responses import Response

from ethr_did.core.bitstring import MIN_W3C_ENTRIES
from ethr_did.core.list_documents import DocumentForm, ListTerms, build_document, order_of
from ethr_did.core.resolution import choose_media_type, format_time
from ethr_did.core.status_answer import FinalityPolicy
from ethr_did.core.status_entry import ListEntry
from ethr_did.core.strict_json import write_json
from ethr_did.errors import (
    EthrDIDError,
    InvalidOption,
    InvalidStatusList,
    NotFoundError,
    UnsupportedRepresentation,
)
from ethr_did.service import status_schemas as described
from ethr_did.service.freshness import FOREVER, NEVER, Fresh, Lifetime
from ethr_did.service.problems import problem
from ethr_did.service.status_requests import (
    parameters_of,
    parse_policy,
    parse_seconds,
    parse_stamp,
    place_of_list,
)
from ethr_did.service.statuses import is_settled, refusal
from ethr_did.status.list_shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from ethr_did.core.list_documents import Unsigned
    from ethr_did.core.status_list import ListId
    from ethr_did.service.backends import Backends
    from ethr_did.service.status_requests import Place
    from ethr_did.status.reading import ListStatuses, StatusOptions

__all__ = ["IETF_TYPES", "READ_AT", "W3C_TYPES", "router"]

W3C_TYPES: Final = (
    "application/vc",
    "application/vc+ld+json",
    "application/ld+json",
    "application/json",
)
"""Of a list credential without a signature."""

IETF_TYPES: Final = ("application/statuslist+json", "application/json")
"""Of the claims of a Status List Token without a signature. The first is registered nowhere."""

_SIGNED = ("application/statuslist+jwt", "application/statuslist+cwt", "application/vc+jwt")

READ_AT: Final = "Ethr-Did-Read-At"
"""The header that names the block, as an RFC 9651 dictionary."""

_RETRIEVAL_ERROR = "https://www.w3.org/ns/credentials/status-list#STATUS_RETRIEVAL_ERROR"
_MAX_BITS = 1 << 20
"""What is read of a list is decoded on the event loop: 20 ms for this much."""
_KEPT_BYTES = 32 << 20
_KEPT_SECONDS = 3600
"""For which what never changes is kept in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """Which list, as of when, in which form."""

    place: Place
    form: DocumentForm
    moment: int | None
    """Unix seconds; None: now."""
    policy: FinalityPolicy | None

    @property
    def list_id(self) -> ListId:
        """The list."""
        assert isinstance(self.place.entry, ListEntry)  # noqa: S101 - paths of lists name nothing else
        return self.place.entry.list_id


def router(
    backends: Backends,
    *,
    seconds: float = 4.0,
    base_url: str | None = None,
    max_bits: int = _MAX_BITS,
) -> APIRouter:
    """The endpoint.

    Args:
        backends: what it asks.
        seconds: for which an answer about now may be given again; no longer than a block takes.
        base_url: under which the service is reached, for the ``id`` of lists; None: they are named
            by a URN. What a request calls the service is nothing to go by.
        max_bits: of a list that is served whole.
    """
    lists = _Lists(backends, seconds=seconds, base_url=base_url, max_bits=max_bits)
    made = APIRouter(tags=["status"])
    path = "/v1/status/lists/{issuer}/{list_id}"
    made.add_api_route(
        path,
        lists.answer,
        methods=["GET"],
        summary="A whole list, as the W3C or the IETF has it; not signed",
        operation_id="v1_status_lists_issuer_list_id",
        response_class=Response,
        responses=_RESPONSES,
        openapi_extra={"parameters": _PARAMETERS},
    )
    made.add_api_route(path, lists.answer, methods=["HEAD"], include_in_schema=False)
    return made


_PARAMETERS = [
    described.ISSUER,
    described.LIST_ID,
    described.parameter(
        "timestamp",
        "query",
        "The list as it was then (W3C); not with `time`.",
        {"type": "string", "format": "date-time"},
    ),
    described.parameter(
        "time",
        "query",
        "The list as it was then, in Unix seconds (IETF); not with `timestamp`.",
        {"type": "integer", "minimum": 0, "maximum": 2**53 - 1},
    ),
    described.parameter(
        "form",
        "query",
        "Which form `application/json` is; without it, what else is accepted decides.",
        {"type": "string", "enum": [one.value for one in DocumentForm]},
    ),
    described.POLICY,
]
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: described.described(
        "A view of the chain. It carries no signature.",
        {"type": "object"},
        *W3C_TYPES,
        IETF_TYPES[0],
        ETag="Of these bytes.",
        Cache_Control="Immutable only for a time that is final.",
        Ethr_Did_Read_At="The block at which it was read.",
    ),
    304: {"description": "It has not changed."},
    **described.problems(400, 404, 406, 503),
}


class _Lists:
    """Reads lists, makes their documents, and keeps the bytes for a while."""

    def __init__(
        self, backends: Backends, *, seconds: float, base_url: str | None, max_bits: int
    ) -> None:
        self._backends = backends
        self._seconds = seconds
        self._base_url = None if base_url is None else base_url.rstrip("/")
        self._max_bits = max_bits
        self._kept: Shelf[Hashable, Fresh] = Shelf(_KEPT_BYTES)
        self._made: dict[Hashable, asyncio.Task[Fresh]] = {}
        """Under way: whoever asks the same meanwhile waits for it."""

    async def answer(self, request: Request) -> Response:
        """The list."""
        try:
            media_type, wish = self._wish(request)
            found = await self._found(wish)
        except UnsupportedRepresentation as error:
            return _not_acceptable(error, request)
        except NotFoundError as error:
            return problem(404, error.code, error.message, error.hint, statusError=_RETRIEVAL_ERROR)
        except EthrDIDError as error:
            return refusal(error)
        return replace(found, media_type=media_type).response(request)

    def _wish(self, request: Request) -> tuple[str, _Wish]:
        given = parameters_of(request, "timestamp", "time", "form", "policy")
        place = place_of_list(request, self._backends.networks)
        form = _form(given.get("form"), request.headers.get("accept"))
        wish = _Wish(
            place=place,
            form=form,
            moment=_moment(given),
            policy=parse_policy(given.get("policy")),
        )
        media_type = choose_media_type(
            request.headers.get("accept"), W3C_TYPES if form is DocumentForm.W3C else IETF_TYPES
        )
        self._check_size(wish)
        return media_type, wish

    def _check_size(self, wish: _Wish) -> None:
        list_id = wish.list_id
        if list_id.capacity * list_id.bits > self._max_bits:
            raise InvalidStatusList(
                f"the list has {list_id.capacity} entries; lists of at most {self._max_bits} bits"
                " are served whole",
                hint="Ask for the entries that you need.",
            )
        if wish.form is DocumentForm.W3C and list_id.capacity < MIN_W3C_ENTRIES:
            raise UnsupportedRepresentation(
                f"the list has {list_id.capacity} entries, and W3C lists have {MIN_W3C_ENTRIES} or"
                " more",
                hint=f"Accept {IETF_TYPES[0]}.",
            )

    # -- bytes -----------------------------------------------------------------------------------

    async def _found(self, wish: _Wish) -> Fresh:
        now = self._backends.clock()
        if wish.moment is not None and (found := self._kept.find(wish, now)) is not None:
            return found
        version = self._version(wish)
        key = (wish, version)
        if version is not None and (found := self._kept.find(key, now)) is not None:
            return found
        task = self._made.get(key)
        if task is None:
            task = self._made[key] = asyncio.create_task(self._make(wish))
            task.add_done_callback(lambda done: self._land(key, done))
        made = await asyncio.shield(task)
        if made.lifetime.immutable:
            self._kept.put(wish, made, size=len(made.content), until=now + _KEPT_SECONDS)
        elif version is not None and version == self._version(wish):
            self._kept.put(key, made, size=len(made.content), until=now + self._seconds)
        return made

    def _land(self, key: Hashable, task: asyncio.Task[Fresh]) -> None:
        self._made.pop(key, None)
        if not task.cancelled():
            task.exception()  # looked at: nobody may be there any more to see it

    def _version(self, wish: _Wish) -> Hashable | None:
        issuer = wish.place.issuer
        network = self._backends.networks.find(issuer.network)
        return self._backends.watch.version(network, issuer.address)

    async def _make(self, wish: _Wish) -> Fresh:
        found, is_final = await self._read(wish)
        content = await asyncio.to_thread(self._written, wish, found)
        now = Lifetime(int(self._seconds)) if self._seconds >= 1 else NEVER
        return Fresh.of(
            content,
            lifetime=FOREVER if is_final else now,
            headers={"Vary": "Accept", READ_AT: _read_at(found)},
        )

    async def _read(self, wish: _Wish) -> tuple[ListStatuses, bool]:
        """The list, and whether it can never be another one."""
        options: StatusOptions = {"at_time": wish.moment, "policy": wish.policy}
        order = order_of(wish.form)
        reader, issuer = self._backends.statuses, wish.place.issuer
        if wish.moment is not None and wish.policy is not FinalityPolicy.LATEST:
            final: StatusOptions = {**options, "policy": FinalityPolicy.FINALIZED}
            found = await reader.read_list(wish.list_id, issuer, order=order, **final)
            if is_settled(options, found.read_at):
                return found, True
        return await reader.read_list(wish.list_id, issuer, order=order, **options), False

    def _written(self, wish: _Wish, found: ListStatuses) -> bytes:
        start = found.read_at.timestamp if wish.moment is None else wish.moment
        terms = ListTerms(
            url=self._url(wish.place),
            issuer=wish.place.issuer.text,
            valid_from=start,
            valid_until=wish.moment,
            purpose=wish.list_id.purpose,
            ttl=max(1, math.ceil(self._seconds)) if wish.moment is None else None,
        )
        return write_json(_told(build_document(found.statuses, terms, wish.form), wish, found))

    def _url(self, place: Place) -> str:
        assert isinstance(place.entry, ListEntry)  # noqa: S101 - see ``_Wish``
        entry = place.entry
        if self._base_url is not None:
            return f"{self._base_url}/v1/status/lists/{place.issuer.text}/{entry.list_id.text}"
        identity = "0x" + place.issuer.address.hex()
        return f"urn:ethr-did:list:{entry.registry.text}:{identity}:{entry.list_id.text}"


def _moment(given: Mapping[str, Any]) -> int | None:
    """Unix seconds of the time that is asked about; None: now."""
    if "timestamp" not in given:
        return parse_seconds(given["time"], "time") if "time" in given else None
    if "time" in given:
        raise InvalidOption("timestamp and time are both given", hint="They ask the same.")
    return parse_stamp(given["timestamp"], "timestamp")


def _form(named: object, accept: str | None) -> DocumentForm:
    """The form that is meant: named, or that of what else is accepted."""
    forms = [one.value for one in DocumentForm]
    if named is not None:
        if named not in forms:
            raise InvalidOption("not a form of lists", hint=f"Known: {', '.join(forms)}.")
        return DocumentForm(str(named))
    is_ietf = accept is not None and "application/statuslist+" in accept.lower()
    return DocumentForm.IETF if is_ietf else DocumentForm.W3C


def _told(document: Unsigned, wish: _Wish, found: ListStatuses) -> dict[str, Any]:
    """The claims, and what they are: nobody may take them for the issuer's."""
    claims = dict(document.claims)
    if document.form is DocumentForm.IETF:
        return {**claims, "view": _view(wish, found)}
    # Not at the end: who looks fleetingly sees it.
    kinds = {name: claims.pop(name) for name in ("@context", "id", "type")}
    return {**kinds, "description": _words(wish, found), **claims}


def _view(wish: _Wish, found: ListStatuses) -> dict[str, Any]:
    entry = wish.place.entry
    members: dict[str, Any] = {
        "signed": False,
        "registry": entry.registry.text,
        "listId": wish.list_id.text,
        "readAt": found.read_at.to_dict(),
        "finality": found.finality.value,
        "issuerDeactivatedBlock": found.issuer_deactivated,
    }
    return {name: value for name, value in members.items() if value is not None}


def _words(wish: _Wish, found: ListStatuses) -> str:
    at = found.read_at
    words = (
        f"Not signed: a view of list {wish.list_id.text} in the contract"
        f" {wish.place.entry.registry.text}, read at block {at.number} (0x{at.hash.hex()})."
    )
    if wish.moment is not None:
        words += f" As it was at {format_time(wish.moment)}."
    if found.issuer_deactivated is not None:
        words += f" The issuer gave up its identity in block {found.issuer_deactivated}."
    return words + " Finality: " + found.finality.value + "."


def _read_at(found: ListStatuses) -> str:
    at = found.read_at
    return f'chain={at.chain_id}, block={at.number}, time={at.timestamp}, hash="0x{at.hash.hex()}"'


def _not_acceptable(error: UnsupportedRepresentation, request: Request) -> Response:
    accept = (request.headers.get("accept") or "").lower()
    if any(one in accept for one in _SIGNED):
        return problem(
            406,
            "not_signed",
            "a signed list is accepted, and there is none here: this service holds no keys of"
            " issuers, and serves views of the chain",
            f"Accept {IETF_TYPES[0]} or {W3C_TYPES[0]}; a token that the issuer signed is where the"
            " issuer publishes it.",
        )
    return problem(406, error.code, error.message, error.hint)
