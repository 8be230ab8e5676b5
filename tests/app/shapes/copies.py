"""A client of shapes as strict as Electric's own: a copy of the rows, kept by the protocol."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from tests.server import PATIENCE, Address

Parameters = Mapping[str, str]


@asynccontextmanager
async def http(server: Address, token: str | None) -> AsyncIterator[httpx.AsyncClient]:
    """Requests to a server with a token."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        base_url=server.http(""), headers=headers, timeout=PATIENCE, limits=limits
    ) as client:
        yield client


@dataclass
class Copy:
    """What a client holds of a shape. Every answer is checked for what clients need of it."""

    client: httpx.AsyncClient
    table: str
    parameters: Parameters = field(default_factory=dict)
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    handle: str = ""
    offset: str = "-1"
    cursor: str = ""
    txids: set[int] = field(default_factory=set)
    operations: list[str] = field(default_factory=list)
    refetches: int = 0
    schema: dict[str, Any] = field(default_factory=dict)
    snapshots: list[dict[str, Any]] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Where the next answer is."""
        asked = {"table": self.table, "offset": self.offset, **self.parameters}
        if self.handle:
            asked["handle"] = self.handle
        return "/v1/shape?" + urlencode(asked, quote_via=quote)

    async def get(self, more: str = "") -> httpx.Response:
        """Ask for what is next and take it; a 409 empties the copy."""
        answer = await self.client.get(self.address + more)
        self.take(answer, is_live="live=" in more)
        return answer

    def take(self, answer: httpx.Response, *, is_live: bool) -> None:
        """Take an answer."""
        if answer.status_code == 409:
            assert answer.json() == [{"headers": {"control": "must-refetch"}}]
            assert answer.headers["electric-handle"] != self.handle
            self.begin_anew()
            return
        assert answer.status_code == 200, (answer.status_code, answer.text)
        self._check_headers(answer, is_live=is_live)
        messages = json.loads(answer.content)
        for message in messages:
            self.apply(message)
        controls = [message["headers"].get("control") for message in messages]
        is_up_to_date = bool(controls) and controls[-1] == "up-to-date"
        assert ("electric-up-to-date" in answer.headers) == is_up_to_date
        assert "up-to-date" not in controls[:-1]
        if is_up_to_date:
            seen = int(messages[-1]["headers"]["global_last_seen_lsn"])
            assert self.offset == f"{seen}_0"

    def begin_anew(self) -> None:
        """Forget everything, as after a 409."""
        self.rows, self.handle, self.offset, self.cursor = {}, "", "-1", ""
        self.refetches += 1

    def _check_headers(self, answer: httpx.Response, *, is_live: bool) -> None:
        headers = answer.headers
        assert headers["cache-control"] == "private, no-store"
        assert "Authorization" in headers["vary"]
        # A cursor in an answer that is not live has old clients drop it.
        assert ("electric-cursor" in headers) == is_live
        assert ("electric-schema" in headers) == (not is_live)
        self.handle, self.offset = headers["electric-handle"], headers["electric-offset"]
        if is_live:
            assert headers["electric-cursor"] != self.cursor
            self.cursor = headers["electric-cursor"]
        else:
            self.schema = json.loads(headers["electric-schema"])

    def apply(self, message: Mapping[str, Any]) -> None:
        """Apply one message."""
        headers = message["headers"]
        if headers.get("control") == "snapshot-end":
            self.snapshots.append(headers)
        if "operation" not in headers:
            return
        key, value = message["key"], message["value"]
        self.txids.update(headers.get("txids", ()))
        self.operations.append(headers["operation"])
        match headers["operation"]:
            case "insert":
                self.rows[key] = dict(value)
            case "update":
                self.rows.setdefault(key, {}).update(value)
            case "delete":
                self.rows.pop(key, None)

    async def catch_up(self) -> "Copy":
        """Ask until everything is there."""
        while "electric-up-to-date" not in (await self.get()).headers:
            pass
        return self

    async def live(self) -> httpx.Response:
        """Wait for what comes next, by a long poll."""
        return await self.get(f"&live=true&cursor={self.cursor}")

    def values(self, column: str) -> list[Any]:
        """One column of all rows, sorted."""
        return sorted(row[column] for row in self.rows.values())
