"""``/credentials/verify``, ``/presentations/verify`` and ``/v1/verify``: everything that can be checked.

Rules:
  * Whose credentials are accepted is a matter of the service's configuration. Without it no issuer
    is judged, and the answer says so: "valid" is then valid for who trusts the issuer.
  * Verifying holds no keys and issues nothing: ``/credentials/issue`` and ``/challenges`` are not
    here, and say so.
  * One presentation may lead to many documents, lists and schemas on other servers. All of it
    together has a deadline. What was not found out by then is undetermined.
  * What is computed between two questions takes half a millisecond for a small body and half a
    second for the largest. Large ones are computed in threads, a few at a time.
  * Nothing of a request is kept, and nobody may keep the answer.

Spec: VC API (VCALM) 0.9, "Verify Credential", "Verify Presentation"; see ``verification_requests``
and ``verification_results``.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from fastapi import APIRouter
from starlette.requests import Request  # noqa: TC002 - the framework reads the annotation
from starlette.responses import Response

from ethr_did.core.strict_json import write_json
from ethr_did.credentials.policy import Policy
from ethr_did.errors import EthrDIDError, InvalidOption
from ethr_did.service import verification_schemas as described
from ethr_did.service.discretion import Discretion
from ethr_did.service.problems import problem, problem_of
from ethr_did.service.status_schemas import JSON
from ethr_did.service.verification_requests import (
    Asked,
    Subject,
    UnknownOption,
    read_query,
    read_request,
)
from ethr_did.service.verification_results import http_status, result_of, undetermined_result

if TYPE_CHECKING:
    from collections.abc import Callable

    from ethr_did.credentials.report import Report
    from ethr_did.service.backends import Backends

__all__ = ["VerifyRules", "router"]

T = TypeVar("T")

SMALL: Final = 4096
"""Bytes of a body that takes less than a millisecond at a time."""

MAX_BODY: Final = 6 << 20
"""Bytes of a body. Of what is in it less is read: a token has a mebibyte at most."""

_UNKNOWN_OPTION = "https://www.w3.org/TR/vc-api#UNKNOWN_OPTION_PROVIDED"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRules:
    """How the service verifies."""

    policy: Policy = Policy()  # noqa: RUF009 - immutable
    """What is demanded of everything; requests can demand more."""
    seconds: float = 15.0
    """For one request, with all that has to be fetched."""
    at_once: int = 4
    """Large ones that are computed at the same time."""


def router(backends: Backends, *, rules: VerifyRules = VerifyRules()) -> APIRouter:
    """The endpoints.

    Args:
        backends: what they ask.
        rules: how the service verifies.
    """
    endpoints = _Verifying(backends, rules)
    made = APIRouter(tags=["verification"])
    for path, subject, body in (
        ("/credentials/verify", Subject.CREDENTIAL, described.CREDENTIAL_REQUEST),
        ("/presentations/verify", Subject.PRESENTATION, described.PRESENTATION_REQUEST),
    ):
        made.add_api_route(
            path,
            endpoints.vc_api(subject),
            methods=["POST"],
            summary=f"Verify a {subject.name.lower()}, in the shape of the VC API",
            operation_id=path.strip("/").replace("/", "_"),
            response_class=Response,
            responses=described.RESULTS,
            openapi_extra={"requestBody": described.body(body, JSON)},
        )
    made.add_api_route(
        "/v1/verify",
        endpoints.anything,
        methods=["POST"],
        summary="Verify a credential or presentation of any format",
        operation_id="v1_verify",
        response_class=Response,
        responses=described.REPORTS,
        openapi_extra={
            "parameters": described.OPTIONS,
            "requestBody": described.body(described.ANYTHING, "text/plain"),
        },
    )
    for path in ("/credentials/issue", "/challenges"):
        made.add_api_route(path, _not_here, methods=["POST"], include_in_schema=False)
    return made


async def _not_here() -> Response:
    return problem(
        501,
        "not_implemented",
        "this service verifies; it holds no keys and remembers nothing",
        "Issue with `ethr-did credential issue`; choose challenges yourself, at random.",
    )


class _Verifying:
    """Verifies what comes in, within bounds."""

    def __init__(self, backends: Backends, rules: VerifyRules) -> None:
        self._verifier = backends.verifier
        self._discretion = Discretion(backends.networks)
        self._rules = rules
        self._large = asyncio.Semaphore(rules.at_once)

    def vc_api(self, subject: Subject) -> Callable[[Request], Any]:
        """The endpoint for credentials, or that for presentations."""

        async def verify(request: Request) -> Response:
            return await self._answer(
                request,
                read=lambda body: read_request(body, subject),
                subject=subject,
                write=lambda report, asked: result_of(report, asked, subject.value),
            )

        return verify

    async def anything(self, request: Request) -> Response:
        """The endpoint for the text of a credential or presentation, as it is."""
        items = request.query_params.multi_items()
        return await self._answer(
            request,
            read=lambda body: Asked(subject=body, given=None, options=read_query(items)),
            subject=Subject.EITHER,
            write=lambda report, _: write_json(report.to_dict()),
        )

    async def _answer(
        self,
        request: Request,
        *,
        read: Callable[[bytes], Asked],
        subject: Subject,
        write: Callable[[Report, Asked], bytes],
    ) -> Response:
        body = await request.body()
        if len(body) > MAX_BODY:
            return problem(413, "too_large", f"{len(body)} bytes; at most {MAX_BODY} are read")
        work = _Work(is_large=len(body) > SMALL)
        try:
            async with asyncio.timeout(self._rules.seconds):
                if work.is_large:
                    async with self._large:
                        return await self._verified(work, body, read, subject, write)
                return await self._verified(work, body, read, subject, write)
        except TimeoutError:
            words = f"it was not found out within {self._rules.seconds:g} seconds"
            return _response(503, undetermined_result("deadline", words))
        except UnknownOption as error:
            return problem(400, "unknown_option", error.message, error.hint, type=_UNKNOWN_OPTION)
        except EthrDIDError as error:
            return problem_of(error, status=400)

    async def _verified(
        self,
        work: _Work,
        body: bytes,
        read: Callable[[bytes], Asked],
        subject: Subject,
        write: Callable[[Report, Asked], bytes],
    ) -> Response:
        asked = await work.do(lambda: read(body))
        policy = asked.options.policy(self._rules.policy, subject)
        proofs, verifier = asked.options.proofs, self._verifier
        if asked.is_response:
            report = await verifier.verify_response(
                asked.subject,  # type: ignore[arg-type]  # an object, then
                policy,
                proofs=proofs,
                in_thread=work.is_large,
            )
        else:
            report = await verifier.verify(
                asked.subject, policy, proofs=proofs, in_thread=work.is_large
            )
        if subject is Subject.CREDENTIAL and report.presentation is not None:
            raise InvalidOption("this is a presentation", hint="Use /presentations/verify.")
        content = await work.do(lambda: self._discretion.keep(write(report, asked)))
        return _response(http_status(report), content)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """Where something is computed."""

    is_large: bool

    async def do(self, compute: Callable[[], T]) -> T:
        """The result: at once, or from a thread where it takes long."""
        return await asyncio.to_thread(compute) if self.is_large else compute()


def _response(status: int, content: bytes) -> Response:
    return Response(content, status, {"Content-Type": JSON, "Cache-Control": "no-store"})
