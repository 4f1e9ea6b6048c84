"""Traces, without persons."""

from __future__ import annotations

import sys

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from ethr_did.errors import InvalidConfiguration, MissingExtra
from ethr_did.service.problems import HANDLERS
from ethr_did.service.tracing import Traced, Tracing

DID = "did:ethr:dev:0xb9c5714089478a327f09197987f16f9e5d936e8a"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_a_span_holds_route_and_status_and_nothing_of_what_was_asked() -> None:
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    app = FastAPI(exception_handlers=dict(HANDLERS))  # type: ignore[arg-type]  # by kinds

    @app.get("/dids/{did}")
    async def did(did: str) -> str:
        if did == "fault":
            raise ZeroDivisionError(DID)
        return did

    traced = Traced(app, provider.get_tracer("test"))
    transport = httpx.ASGITransport(app=traced, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        await client.get(f"/dids/{DID}?x={DID}", headers={"traceparent": PARENT})
        await client.get("/dids/fault")
        await client.get(f"/nothing/{DID}")
    good, fault, nothing = spans.get_finished_spans()
    assert (good.name, good.kind) == ("GET /dids/{did}", SpanKind.SERVER)
    assert dict(good.attributes or {}) == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": "/dids/{did}",
    }
    assert good.context is not None
    assert format(good.context.trace_id, "032x") == PARENT[3:35]
    assert fault.status.status_code is StatusCode.ERROR
    assert nothing.name == "GET"
    assert DID not in "".join(span.to_json() for span in (good, fault, nothing))


def test_an_exporter_is_one_that_is_installed() -> None:
    Tracing("console").close()
    with pytest.raises(
        InvalidConfiguration, match="there is no exporter consol of traces"
    ) as caught:
        Tracing("consol")
    assert caught.value.hint == "Did you mean console?"


def test_without_opentelemetry_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(MissingExtra) as caught:
        Tracing("console")
    assert "ethr-did[otel]" in caught.value.hint
