"""A stand-in for Electric that answers as it does, and fails for whatever a proxy must never send.

It speaks HTTP itself, so that it sees the bytes of each request. Its rows come from a function.
"""

import asyncio
import json
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final
from urllib.parse import parse_qsl

import asyncpg  # type: ignore[import-untyped]

from app.shapes.tables import TABLES
from tests.server import eventually

SECRET: Final = "the secret of Electric, which nobody else may see"

NAMES: Final = frozenset(
    {"table", "columns", "where", "replica", "log", "offset", "handle", "live", "live_sse"}
    | {"cursor", "secret"}
)
"""Every parameter that a proxy may send."""

OF_SUBSETS: Final = frozenset({"where", "order_by", "limit", "offset"})

HEADERS: Final = frozenset(
    {"host", "accept", "accept-encoding", "connection", "user-agent", "if-none-match"}
    | {"content-type", "content-length"}
)
"""Every header that a proxy may send: nothing of the client's but what it knows already."""

LONGEST_LINE: Final = 10_000
"""Bytes of the first line of a request that Electric's server takes."""

Row = Mapping[str, str | None]


async def rows_of(sql: Any, asked: Mapping[str, str]) -> list[Row]:
    """The rows of a shape by SQL, as one who sees everything."""
    names = [name.strip('"') for name in asked["columns"].split(",")]
    columns = ", ".join(f'"{name}"::text' for name in names)
    found = await sql.fetch(f"SELECT {columns} FROM {asked['table']} WHERE {asked['where']}")
    return [dict(zip(names, row, strict=True)) for row in found]


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it arrived."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def asked(self) -> dict[str, str]:
        """The parameters of the query, each of which is there once."""
        pairs = parse_qsl(
            self.target.partition("?")[2], keep_blank_values=True, strict_parsing=True
        )
        found = dict(pairs)
        assert len(found) == len(pairs), f"twice: {pairs}"
        return found


@dataclass(slots=True)
class _Shape:
    handle: str
    rows: dict[str, Row] = field(default_factory=dict)
    log: list[tuple[int, bytes]] = field(default_factory=list)


@dataclass(slots=True)
class Planned:
    """An answer that is given in the place of the usual one, once."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[bytes, ...] = ()
    is_cut: bool = False


class MockElectric:
    """One server; `rows` are those of a table's shape, by its parameters."""

    def __init__(self, rows: Callable[[Mapping[str, str]], Awaitable[list[Row]]]) -> None:
        self._rows = rows
        self._shapes: dict[tuple[str | None, ...], _Shape] = {}
        self._numbers = count(1)
        self.received: list[Received] = []
        self.complaints: list[str] = []
        """What a proxy must not have done; empty if all is well."""
        self.planned: list[Planned] = []
        self.is_starting = False
        self.held = asyncio.Event()
        """Live requests wait until it is set, or for rows."""
        self.poll_seconds = 20.0
        self.waiting = 0
        """Live requests that wait."""
        self.open = 0
        """Connections that are being answered."""
        self.address = ""

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Answer one request, and close the connection."""
        self.open += 1
        try:
            received = await _read(reader)
            await self._answer(received, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except AssertionError as error:
            self.complaints.append(str(error))
            await _send(writer, 418, {}, [b"this must not be asked"])
        finally:
            writer.close()
            self.open -= 1

    async def _answer(self, received: Received, reader: StreamReader, to: StreamWriter) -> None:
        if received.target == "/v1/health":
            await _send(to, 202 if self.is_starting else 200, {}, [b'{"status":"active"}'])
            return
        _check(received)
        self.received.append(received)
        if self.planned:
            plan = self.planned.pop(0)
            await _send(to, plan.status, plan.headers, list(plan.parts), is_cut=plan.is_cut)
            return
        asked = received.asked
        try:
            shape = await self._shape(asked)
        except asyncpg.DataError as error:
            problem = {"message": "Invalid request", "errors": {"where": [str(error)]}}
            await _send(to, 400, {}, [json.dumps(problem).encode()])
            return
        if asked.get("handle", shape.handle) != shape.handle:
            headers = {"electric-handle": shape.handle}
            await _send(to, 409, headers, [b'[{"headers":{"control":"must-refetch"}}]'])
        elif received.body:
            await self._subset(shape, asked, to)
        elif "live_sse" in asked:
            await self._stream(shape, asked, reader, to)
        else:
            await self._log(shape, asked, to)

    async def _shape(self, asked: Mapping[str, str]) -> _Shape:
        key = tuple(asked.get(name) for name in ("table", "columns", "where", "replica", "log"))
        if key not in self._shapes:
            number = next(self._numbers)
            self._shapes[key] = _Shape(f"{1000 + number}-{number}")
        shape = self._shapes[key]
        await self._refresh(shape, asked)
        return shape

    async def _refresh(self, shape: _Shape, asked: Mapping[str, str]) -> None:
        """Compare the rows with those of before, and note the changes in the log."""
        table = TABLES[asked["table"].removeprefix("public.")]
        found = {
            "/".join(str(row[name]) for name in table.key): row for row in await self._rows(asked)
        }
        if not shape.rows and not shape.log and not found:
            return
        for key in [*shape.rows.keys() - found.keys(), *found]:
            before, now = shape.rows.get(key), found.get(key)
            if before == now:
                continue
            kind = "insert" if before is None else "delete" if now is None else "update"
            value = {name: before[name] for name in table.key} if now is None and before else now
            message = {
                "key": f'"public"."{table.name}"/"{key}"',
                "value": value,
                "headers": {"operation": kind, "relation": ["public", table.name]},
            }
            shape.log.append((next(self._numbers), json.dumps(message).encode()))
        shape.rows = found

    def _head(self, shape: _Shape, asked: Mapping[str, str], last: int) -> dict[str, str]:
        headers = {
            "content-type": "application/json",
            "cache-control": "public, max-age=604800",
            "electric-handle": shape.handle,
            "electric-offset": f"{last}_0",
            "electric-internal": "of no client's business",
            "etag": f'"{shape.handle}:{asked["offset"]}:{last}_0"',
            "server": "Cowboy",
            "set-cookie": "of=Electric",
        }
        if "live" in asked:
            return {**headers, "electric-cursor": str(next(self._numbers))}
        table = TABLES[asked["table"].removeprefix("public.")]
        names = asked["columns"].replace('"', "").split(",")
        types = {name: {"type": getattr(table.column(name), "type", "")} for name in names}
        return {**headers, "electric-schema": json.dumps(types)}

    async def _log(self, shape: _Shape, asked: Mapping[str, str], to: StreamWriter) -> None:
        since = _position(asked["offset"], shape)
        if "live" in asked:
            await self._wait(shape, asked, since)
        last = max([since, *(at for at, _ in shape.log)])
        messages = [message for at, message in shape.log if at > since]
        headers = self._head(shape, asked, last)
        if asked["offset"] != "-1":
            headers["electric-up-to-date"] = ""
            messages.append(_up_to_date(last))
        await _send(to, 200, headers, [b"[", b",".join(messages), b"]"])

    async def _wait(self, shape: _Shape, asked: Mapping[str, str], since: int) -> None:
        """Wait for news, or for the end of the time of a request."""
        self.waiting += 1
        try:
            async with asyncio.timeout(self.poll_seconds):
                while not self.held.is_set() and all(at <= since for at, _ in shape.log):
                    await asyncio.sleep(0.01)
                    await self._refresh(shape, asked)
        except TimeoutError:
            pass
        finally:
            self.waiting -= 1

    async def _stream(
        self, shape: _Shape, asked: Mapping[str, str], reader: StreamReader, to: StreamWriter
    ) -> None:
        since = _position(asked["offset"], shape)
        headers = {**self._head(shape, asked, since), "content-type": "text/event-stream"}
        to.write(_head_of(200, headers) + _chunk(b": keep-alive\n\n"))
        gone = asyncio.ensure_future(_end_of(reader))
        try:
            while not gone.done():
                await self._wait(shape, asked, since)
                for at, message in [one for one in shape.log if one[0] > since]:
                    since = at
                    to.write(_chunk(b"data: " + message + b"\n\n"))
                    to.write(_chunk(b"data: " + _up_to_date(at) + b"\n\n"))
                await to.drain()
                if self.held.is_set():
                    break
        finally:
            gone.cancel()
        to.write(_chunk(b""))

    async def _subset(self, shape: _Shape, asked: Mapping[str, str], to: StreamWriter) -> None:
        metadata = {"xmin": "1", "xmax": "2", "xip_list": [], "snapshot_mark": 1}
        rows = [
            {"key": key, "value": row, "headers": {"operation": "insert"}}
            for key, row in shape.rows.items()
        ]
        answer = json.dumps({"metadata": {**metadata, "database_lsn": "7"}, "data": rows})
        headers = {**self._head(shape, asked, 0), "electric-snapshot": "true"}
        await _send(to, 200, headers, [answer.encode()])


@asynccontextmanager
async def a_mock(
    rows: Callable[[Mapping[str, str]], Awaitable[list[Row]]],
) -> AsyncIterator[MockElectric]:
    """Serve on a free port; nothing that it complains of may have happened at the end."""
    mock = MockElectric(rows)
    server = await asyncio.start_server(mock.serve, "127.0.0.1", 0)
    mock.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield mock
    finally:
        mock.held.set()
        server.close()
        await until(lambda: mock.open == 0)
    assert mock.complaints == [], mock.complaints


async def _end_of(reader: StreamReader) -> None:
    """Return when the other side has gone."""
    with suppress(ConnectionError):
        await reader.read()


def _check(received: Received) -> None:
    """Fail for what a proxy must never send."""
    path, _, query = received.target.partition("?")
    assert path == "/v1/shape", f"an address of the client's: {received.target}"
    assert received.headers.keys() <= HEADERS, f"headers of the client's: {received.headers}"
    assert received.method == ("POST" if received.body else "GET"), received.method
    asked = received.asked
    assert asked.keys() <= NAMES, f"parameters of the client's: {asked}"
    assert asked["secret"] == SECRET, "without the secret"
    _check_shape(asked, query)
    if received.body:
        _check_body(json.loads(received.body))


def _check_shape(asked: Mapping[str, str], query: str) -> None:
    schema, _, name = asked["table"].partition(".")
    assert schema == "public", asked["table"]
    table = TABLES[name]
    columns = [column.strip('"') for column in asked["columns"].split(",")]
    assert all(table.column(column) for column in columns), f"columns: {columns}"
    assert set(table.key) <= set(columns), f"without its key: {columns}"
    assert "select" not in asked["where"].lower(), f"a subquery: {asked['where']}"
    assert asked["replica"] in {"default", "full"}, query
    assert asked["log"] in {"full", "changes_only"}, query
    assert ("handle" in asked) == (asked["offset"] not in {"-1", "now"}), query
    assert "~" not in asked.get("handle", ""), query


def _check_body(body: Any) -> None:
    assert body.keys() == {"subset"}, f"a body of the client's: {body}"
    assert body["subset"].keys() <= OF_SUBSETS, f"a subset of the client's: {body}"
    assert "where" in body["subset"], body


def _position(offset: str, shape: _Shape) -> int:
    if offset == "-1":
        return 0
    if offset == "now":
        return max([0, *(at for at, _ in shape.log)])
    return int(offset.partition("_")[0])


def _up_to_date(last: int) -> bytes:
    headers = {"control": "up-to-date", "global_last_seen_lsn": str(last)}
    return json.dumps({"headers": headers}).encode()


async def _read(reader: StreamReader) -> Received:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").strip().split("\r\n")
    assert len(first) <= LONGEST_LINE, f"a line of {len(first)} bytes"
    method, target, _ = first.split(" ")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, target, headers, body)


async def _send(
    writer: StreamWriter,
    status: int,
    headers: Mapping[str, str],
    parts: list[bytes],
    *,
    is_cut: bool = False,
) -> None:
    writer.write(_head_of(status, headers))
    for part in filter(None, parts):
        writer.write(_chunk(part))
        await writer.drain()
    writer.write(b"" if is_cut else _chunk(b""))


def _head_of(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Said", "transfer-encoding: chunked", "connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def _chunk(part: bytes) -> bytes:
    return f"{len(part):x}\r\n".encode() + part + b"\r\n"


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    await eventually("what a test waits for", lambda: asyncio.sleep(0, condition()))
