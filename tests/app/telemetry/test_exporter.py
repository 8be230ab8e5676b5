"""When spans are exported, and that nothing of it can hold up a process."""

import asyncio
import logging
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import create_server

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import SpanProcessor
from structlog.testing import capture_logs

from app.telemetry import exporter, otel, spans
from app.telemetry.exporter import is_wanted, tracing
from tests.editor import joined
from tests.server import Installation, eventually

HERE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
MAY_END_WITHIN = 9.0
"""Seconds: what draining may take by default, and a bit; with no client it takes much less."""


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    theirs = logging.getLogger("opentelemetry")
    before = theirs.handlers, theirs.propagate
    yield
    theirs.handlers, theirs.propagate = before
    spans.set_tracer(None)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        (HERE, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, False),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:4318"}, False),
        ({**HERE, "OTEL_SDK_DISABLED": "true"}, False),
        ({**HERE, "OTEL_TRACES_EXPORTER": "none"}, False),
        ({**HERE, "OTEL_TRACES_EXPORTER": "otlp"}, True),
    ],
)
def test_an_endpoint_is_what_turns_it_on(environment: Mapping[str, str], expected: bool) -> None:
    assert is_wanted(environment) is expected


def configured(monkeypatch: pytest.MonkeyPatch, **more: str) -> None:
    for name, value in {**HERE, **more}.items():
        monkeypatch.setenv(name, value)


def test_nothing_is_traced_without_an_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    with tracing():
        assert not spans.is_traced()


def test_packages_that_lack_are_told_of_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    configured(monkeypatch)
    monkeypatch.delitem(sys.modules, "app.telemetry.otel")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with capture_logs() as lines, tracing():
        assert not spans.is_traced()
    (line,) = lines
    assert line["event"] == "telemetry.not_installed"
    assert "pipeloom[telemetry]" in line["remedy"]
    assert "exc_info" not in line


def test_another_protocol_than_http_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    configured(monkeypatch, OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
    with capture_logs() as lines, tracing():
        assert not spans.is_traced()
    assert [(line["event"], line["got"]) for line in lines] == [
        ("telemetry.unknown_protocol", "grpc")
    ]


def test_the_end_does_not_wait_for_a_collector_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    configured(monkeypatch)
    monkeypatch.setattr(exporter, "FLUSH_SECONDS", 0.05)
    hanging = Hanging()
    monkeypatch.setattr(otel, "exporting_provider", lambda: otel.provider_with(hanging))
    with tracing():
        assert spans.is_traced()
        began = time.monotonic()
    assert hanging.began.is_set()
    assert time.monotonic() - began < 5
    assert not spans.is_traced()
    hanging.release.set()


class Hanging(SpanProcessor):
    """A processor whose shutdown takes as long as the test wants it to."""

    def __init__(self) -> None:
        self.began, self.release = threading.Event(), threading.Event()

    def shutdown(self) -> None:
        self.began.set()
        self.release.wait()


def test_complaints_are_single_lines_and_few(monkeypatch: pytest.MonkeyPatch) -> None:
    configured(monkeypatch)
    monkeypatch.setattr(otel, "exporting_provider", lambda: otel.provider_with(SpanProcessor()))
    with tracing(), capture_logs() as lines:
        theirs = logging.getLogger("opentelemetry.exporter")
        for _ in range(100):
            theirs.error("away: %s", "refused", exc_info=LookupError())
        theirs.info("chatter")
    assert lines == [
        {"event": "telemetry.export_failed", "error": "away: refused", "log_level": "warning"}
    ]


class Collector:
    """Takes what is exported to it."""

    def __init__(self, port: int) -> None:
        self.endpoint = f"http://127.0.0.1:{port}"
        self.bodies: list[bytes] = []

    @property
    def names(self) -> set[str]:
        """The names of all spans."""
        return {
            span.name
            for body in self.bodies
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        }


@contextmanager
def collecting() -> Iterator[Collector]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector = Collector(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield collector
        server.shutdown()
        thread.join()


def traced(installation: Installation, endpoint: str) -> Installation:
    environment = {**installation.environment, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
    return Installation(installation.database_url, installation.data_dir, environment)


async def visit(installation: Installation, *options: str) -> tuple[int, str]:
    """Serve, ask the API, join and edit; return how the server ended, and the token in use."""
    async with installation.serve(*options) as server:
        token = await installation.token()
        async with httpx.AsyncClient() as client:
            headers = {"Authorization": f"Bearer {token}"}
            url = server.http(f"/api/me?token={token}")
            # Refused: the API takes tokens in headers alone.
            assert (await client.get(url, headers=headers)).status_code == 400
            assert (await client.get(server.http("/api/me"), headers=headers)).status_code == 200
        async with joined(server.room(await installation.demo_pipeline(), token)) as editor:
            await editor.edit(lambda _: editor.notes.update({"one": 1}))
            await editor.until_echoed()
        began = time.monotonic()
        code = await server.program.end(signal.SIGTERM)
        assert time.monotonic() - began < MAY_END_WITHIN
    return code, token


@pytest.mark.parametrize("options", [(), ("--workers", "2")])
async def test_a_server_that_stops_has_told_its_collector_everything_but_tokens(
    installation: Installation, options: tuple[str, ...]
) -> None:
    with collecting() as collector:
        code, token = await visit(traced(installation, collector.endpoint), *options)
    assert code == 0
    expected = {"GET /api/me", "room.join", "room.load", "log.commit", "projection"}
    assert expected - collector.names == set()
    assert [body for body in collector.bodies if token.split(".")[2].encode() in body] == []


async def test_a_worker_tells_of_its_projections(installation: Installation) -> None:
    with collecting() as collector:
        async with (
            installation.serve("--no-worker") as server,
            traced(installation, collector.endpoint).background("worker") as worker,
        ):
            room = server.room(await installation.demo_pipeline(), await installation.token())
            async with joined(room) as editor:
                await editor.edit(lambda _: editor.notes.update({"one": 1}))
                await editor.until_echoed()
            await eventually("tables that are not behind", lambda: is_projected(installation))
            assert await worker.end(signal.SIGTERM) == 0
    assert collector.names >= {"projection"}


async def is_projected(installation: Installation) -> bool:
    async with installation.sql() as sql:
        return bool(await sql.fetchval("SELECT min(seq) > 1 FROM projection_cursors"))


async def test_a_collector_that_is_away_disturbs_nobody(installation: Installation) -> None:
    with create_server(("127.0.0.1", 0)) as taken:
        # It takes connections and never answers.
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
        code, _ = await asyncio.wait_for(visit(traced(installation, endpoint)), 60)
    assert code == 0
    assert "Traceback" not in installation.log_file.read_text()
