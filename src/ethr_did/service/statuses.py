"""``/v1/status``: statuses of credentials, one or many, now or in the past.

Rules:
  * "Undetermined" is an answer, with its reason, and HTTP says 200. Only the request itself can be
    wrong. An entry that is broken is for its own answer to say: it spoils no other.
  * Paths name an entry or a record under the contracts that are configured; whatever a credential
    carries goes in a body. A list is better asked for whole: then nobody learns which entry is of
    interest (see ``lists.py``).
  * An answer about a fixed block or time is for ever once the last finalised block is behind it.
  * Long bodies are read and written in a thread. Questions are asked in groups, so that none keeps
    the event loop from others for long; each answer names the block that it was read at.

Spec: docs/credential-status.md; docs/status-guide.md, "What the answer means".
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, TypeVar

from fastapi import APIRouter
from starlette.requests import Request  # noqa: TC002 - the framework reads the annotation
from starlette.responses import Response

from ethr_did.core.status_answer import FinalityPolicy, StatusKind
from ethr_did.core.strict_json import write_json
from ethr_did.errors import ChainError, EthrDIDError, InvalidConfiguration, UnknownNetwork
from ethr_did.service import status_schemas as described
from ethr_did.service.discretion import Discretion
from ethr_did.service.freshness import FOREVER, NEVER, Fresh, Lifetime
from ethr_did.service.problems import problem_of
from ethr_did.service.status_requests import (
    MAX_QUESTIONS,
    parameters_of,
    parse_when,
    place_of_list,
    place_of_record,
    read_batch,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ethr_did.core.status_answer import Moment, Status
    from ethr_did.service.backends import Backends
    from ethr_did.service.status_requests import Place, StatusBatch
    from ethr_did.status.reading import StatusOptions

    FindPlace = Callable[[Request, Any], Place]

__all__ = ["is_settled", "refusal", "router"]

T = TypeVar("T")

SMALL: Final = 4096
"""Bytes of a body that takes less than a millisecond to read."""

_AT_ONCE: Final = 32
"""Questions of one reading: what is computed for them takes a few milliseconds."""

_WHEN = ("atBlock", "atTime", "policy", "exactSince", "times")


def router(backends: Backends, *, seconds: float = 4.0, most: int = MAX_QUESTIONS) -> APIRouter:
    """The endpoints.

    Args:
        backends: what they ask.
        seconds: for which an answer about now may be given again; no longer than a block takes.
        most: questions in one request.
    """
    statuses = _Statuses(backends, seconds=seconds, most=most)
    made = APIRouter(tags=["status"])
    made.add_api_route(
        "/v1/status",
        statuses.batch,
        methods=["POST"],
        summary="Many statuses, of every kind",
        response_class=Response,
        responses={
            200: described.described("One answer for each question.", described.BATCH_ANSWER),
            **described.problems(400),
        },
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {described.JSON: {"schema": described.BATCH}},
            }
        },
    )
    for kind, path, parts, find in (
        ("an entry", "/v1/status/lists/{issuer}/{list_id}/{index}", _OF_ENTRY, place_of_list),
        ("a record", "/v1/status/records/{issuer}/{key}", _OF_RECORD, place_of_record),
    ):
        _add_get(
            made,
            path,
            statuses.single(find),
            summary=f"The status of {kind}",
            responses=_STATUS_200,
            parameters=[*parts, *_QUERY],
        )
        _add_get(
            made,
            f"{path}/history",
            statuses.history(find),
            summary=f"The changes of {kind}",
            responses=_HISTORY_200,
            parameters=parts,
        )
    return made


_QUERY = [
    described.AT_BLOCK,
    described.AT_TIME,
    described.POLICY,
    described.EXACT_SINCE,
    described.TIMES,
]
_OF_ENTRY = [described.ISSUER, described.LIST_ID, described.INDEX]
_OF_RECORD = [described.ISSUER, described.KEY]
_STATUS_200 = {
    200: described.described(
        "The answer; `undetermined` is one.",
        described.STATUS_AT,
        ETag="Of these bytes.",
        Cache_Control="Immutable only for a block or time that is final.",
    ),
    304: {"description": "It has not changed."},
    **described.problems(400, 404),
}
_HISTORY_200 = {
    200: described.described(
        "Every change, oldest first.", described.HISTORY, ETag="Of these bytes."
    ),
    304: {"description": "It has not changed."},
    **described.problems(400, 404, 503),
}


def _add_get(
    made: APIRouter,
    path: str,
    endpoint: Any,
    *,
    summary: str,
    responses: dict[Any, Any],
    parameters: list[dict[str, Any]],
) -> None:
    made.add_api_route(
        path,
        endpoint,
        methods=["GET"],
        summary=summary,
        operation_id=path.strip("/").replace("/", "_").translate({123: None, 125: None}),
        response_class=Response,
        responses=responses,
        openapi_extra={"parameters": parameters},
    )
    made.add_api_route(path, endpoint, methods=["HEAD"], include_in_schema=False)


class _Statuses:
    """Asks the reader, and says what it said."""

    def __init__(self, backends: Backends, *, seconds: float, most: int) -> None:
        self._networks = backends.networks
        self._reader = backends.statuses
        self._discretion = Discretion(backends.networks)
        self._now = Lifetime(int(seconds))
        self._most = most

    async def batch(self, request: Request) -> Response:
        """One answer for each question, in their order."""
        body = await request.body()
        is_small = len(body) <= SMALL
        try:
            asked = await _run(is_small, lambda: read_batch(body, most=self._most))
            found = await self._answers(asked)
        except EthrDIDError as error:
            return refusal(error)
        content = await _run(
            is_small, lambda: self._json({"answers": [status.to_dict() for status in found]})
        )
        return Response(
            content, headers={"Content-Type": described.JSON, "Cache-Control": NEVER.text}
        )

    async def _answers(self, asked: StatusBatch) -> list[Status]:
        """The answers, in groups: between them the event loop gets to others."""
        questions = asked.questions
        groups = [questions[at : at + _AT_ONCE] for at in range(0, len(questions), _AT_ONCE)]
        found = await asyncio.gather(
            *(self._reader.read_statuses(group, **asked.options) for group in groups)
        )
        return [status for group in found for status in group]

    def single(self, find: FindPlace) -> Callable[[Request], Any]:
        """The endpoint for one entry or record."""

        async def answer(request: Request) -> Response:
            try:
                options = parse_when(parameters_of(request, *_WHEN))
                place = find(request, self._networks)
                status, is_final = await self._read(place, options)
            except EthrDIDError as error:
                return refusal(error)
            content = self._json({**place.to_dict(), **status.to_dict()})
            known = FOREVER if is_final else self._now
            lifetime = NEVER if status.kind is StatusKind.UNDETERMINED else known
            return Fresh.of(content, lifetime=lifetime).response(request)

        return answer

    def history(self, find: FindPlace) -> Callable[[Request], Any]:
        """The endpoint for all changes of one entry or record."""

        async def answer(request: Request) -> Response:
            try:
                parameters_of(request)
                place = find(request, self._networks)
                found = await self._reader.read_history(place.entry, place.issuer)
            except EthrDIDError as error:
                return refusal(error)
            told = {
                **place.to_dict(),
                "changes": [change.to_dict() for change in found.changes],
                "readAt": found.read_at.to_dict(),
            }
            if found.final_block is not None:
                told["finalBlock"] = found.final_block
            return Fresh.of(self._json(told), lifetime=self._now).response(request)

        return answer

    async def _read(self, place: Place, options: StatusOptions) -> tuple[Status, bool]:
        """The status, and whether it can never be another one."""
        if _may_be_settled(options):
            final: StatusOptions = {**options, "policy": FinalityPolicy.FINALIZED}
            status = await self._reader.read_status(place.entry, place.issuer, **final)
            if status.kind is not StatusKind.UNDETERMINED and is_settled(options, status.read_at):
                return status, True
        return await self._reader.read_status(place.entry, place.issuer, **options), False

    def _json(self, value: Any) -> bytes:
        return self._discretion.keep(write_json(value))


def _may_be_settled(options: StatusOptions) -> bool:
    """Whether the past is asked about, and nobody chose to do without the last finalised block."""
    asked = options.get("at_block") is not None or options.get("at_time") is not None
    return asked and options.get("policy") is not FinalityPolicy.LATEST


def is_settled(options: StatusOptions, final: Moment | None) -> bool:
    """Whether no reorganisation can change the answer any more.

    Args:
        options: with the block or time that is asked about.
        final: the last finalised block; None: not known.
    """
    if final is None:
        return False
    block, moment = options.get("at_block"), options.get("at_time")
    if block is not None:
        return block <= final.number
    # Blocks after it may have the same time on some chains.
    return moment is not None and moment < final.timestamp


def refusal(error: EthrDIDError) -> Response:
    """The response to a request that cannot be answered."""
    if isinstance(error, (UnknownNetwork, InvalidConfiguration)):
        # It may well be there on a service that knows the network.
        return problem_of(error, status=404)
    return problem_of(error, status=503 if isinstance(error, ChainError) else None)


async def _run(is_small: bool, compute: Callable[[], T]) -> T:  # noqa: FBT001 - read aloud it is clear
    return compute() if is_small else await asyncio.to_thread(compute)
