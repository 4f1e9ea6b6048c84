"""Traces of requests, with OpenTelemetry, for those who ask for them.

Rules:
  * Nothing of it is imported unless an exporter is named.
  * A span holds method, route template and status. Neither path nor message: both may hold DIDs.
  * Whoever asks may pass a trace on, by ``traceparent``. Sampling is set by ``OTEL_TRACES_SAMPLER``.

Spec: OpenTelemetry semantic conventions for HTTP spans; W3C Trace Context.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from ethr_did.errors import InvalidConfiguration, MissingExtra, nearest
from ethr_did.service.route_names import UNNAMED, name_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Traced", "Tracing"]

_EXPORTERS = "opentelemetry_traces_exporter"
_FAULT = 500


class Tracing:
    """Makes spans and exports them.

    Args:
        exporter: name of one that is installed, such as ``otlp_proto_http`` or ``console``.

    Raises:
        MissingExtra: OpenTelemetry is not installed.
        InvalidConfiguration: no exporter of that name is.
    """

    def __init__(self, exporter: str) -> None:
        try:
            from opentelemetry.sdk.resources import SERVICE_NAME, Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as cause:
            raise MissingExtra(
                "tracing needs the extra otel", hint="pip install 'ethr-did[otel]'"
            ) from cause
        self._provider = TracerProvider(resource=Resource.create({SERVICE_NAME: "ethr-did"}))
        self._provider.add_span_processor(BatchSpanProcessor(_exporter(exporter)))

    def around(self, app: ASGIApp) -> ASGIApp:
        """The application, traced."""
        return Traced(app, self._provider.get_tracer("ethr_did.service"))

    def close(self) -> None:
        """Nothing; what is left is exported. Blocks."""
        self._provider.shutdown()


class Traced:
    """An ASGI application around another one.

    Args:
        app: answers requests.
        tracer: of OpenTelemetry.
    """

    def __init__(self, app: ASGIApp, tracer: Any) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, in a span of its own."""
        from opentelemetry.propagate import extract
        from opentelemetry.trace import SpanKind, StatusCode

        carrier = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        with self._tracer.start_as_current_span(
            scope["method"],
            context=extract(carrier),
            kind=SpanKind.SERVER,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:

            async def noted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= _FAULT:
                        span.set_status(StatusCode.ERROR)
                await send(message)

            try:
                await self._app(scope, receive, noted)
            finally:
                span.set_attribute("http.request.method", scope["method"])
                route = name_of(scope)
                if route != UNNAMED:
                    span.update_name(f"{scope['method']} {route}")
                    span.set_attribute("http.route", route)


def _exporter(name: str) -> Any:
    found = {one.name: one for one in entry_points(group=_EXPORTERS)}
    if name not in found:
        raise InvalidConfiguration(
            f"there is no exporter {name} of traces", hint=nearest(name, found)
        )
    return found[name].load()()
