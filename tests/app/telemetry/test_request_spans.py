"""What a span tells of a request, and what it keeps to itself."""

import json
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from app.telemetry.correlation import Correlation
from app.telemetry.request_spans import RequestSpans
from tests.app.telemetry.test_otel import TRACE, TRACEPARENT

TOKEN = "eyJ.a-token.sig"


class Streaming:
    """What a stream sees of the spans while it goes on."""

    def __init__(self, exported: InMemorySpanExporter) -> None:
        self._exported, self.spans_before_its_end = exported, 0

    async def answer(self, _: Request) -> Response:
        async def lines() -> Any:
            yield "data: 1\n\n"
            self.spans_before_its_end = len(self._exported.get_finished_spans())

        return StreamingResponse(lines(), media_type="text/event-stream")


async def answer(request: Request) -> Response:
    return PlainTextResponse("", int(request.query_params.get("status", "200")))


async def broken(_: Request) -> Response:
    raise LookupError(TOKEN)


async def asked(path: str, streaming: Streaming | None = None) -> None:
    routes = [Route(each, answer) for each in ("/some/path", "/healthz", "/readyz", "/metrics")]
    routes.append(Route("/broken", broken))
    if streaming is not None:
        routes.append(Route("/stream", streaming.answer))
    application = Starlette(
        routes=routes, middleware=[Middleware(Correlation), Middleware(RequestSpans)]
    )
    transport = httpx.ASGITransport(application, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        headers = {"Authorization": f"Bearer {TOKEN}", "X-Request-ID": "abc-1", "Cookie": TOKEN}
        await client.get(path, headers=headers | TRACEPARENT)


def told(exported: InMemorySpanExporter) -> dict[str, Any]:
    (span,) = exported.get_finished_spans()
    found: dict[str, Any] = json.loads(span.to_json())
    assert TOKEN not in json.dumps(found)
    return found


async def test_it_tells_what_was_asked_and_answered(exported: InMemorySpanExporter) -> None:
    await asked(f"/some/path?token={TOKEN}")
    span = told(exported)
    assert span["context"]["trace_id"] == f"0x{TRACE}"
    assert span["attributes"] == {
        "http.request.method": "GET",
        "url.path": "/some/path",
        "pipeloom.request_id": "abc-1",
        "http.response.status_code": 200,
    }


@pytest.mark.parametrize(
    ("path", "error"), [("/some/path?status=503", "503"), ("/broken", "LookupError")]
)
async def test_failures_of_the_server_are_errors(
    exported: InMemorySpanExporter, path: str, error: str
) -> None:
    await asked(path)
    span = told(exported)
    assert span["status"]["status_code"] == "ERROR"
    assert span["attributes"]["error.type"] == error


async def test_refusals_are_not(exported: InMemorySpanExporter) -> None:
    await asked("/some/path?status=404")
    assert told(exported)["status"]["status_code"] == "UNSET"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_what_machines_ask_all_the_time_is_not_traced(
    exported: InMemorySpanExporter, path: str
) -> None:
    await asked(path)
    assert exported.get_finished_spans() == ()


async def test_a_stream_is_told_of_when_it_begins(exported: InMemorySpanExporter) -> None:
    streaming = Streaming(exported)
    await asked("/stream", streaming)
    assert streaming.spans_before_its_end == 1
    assert told(exported)["attributes"]["http.response.status_code"] == 200
