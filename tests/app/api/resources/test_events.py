import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.types import Message, Scope

from app.api.resources import events
from app.auth.access_watch import AccessWatch
from app.main import application, services
from app.settings import Settings
from tests.app.api.house import TOKENS, ApiUser, House, Team, a_pipeline, ask, the_problem

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE = 10.0


class EventSubscriber:
    """A client of an event stream; ASGI by hand, since httpx waits for the end of a body."""

    def __init__(self) -> None:
        self.status = 0
        self.ended = False
        self._text = ""
        self._news = asyncio.Condition()
        self._gone = asyncio.Event()

    async def receive(self) -> Message:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        async with self._news:
            self.status = message.get("status", self.status)
            self._text += message.get("body", b"").decode()
            self.ended |= message["type"] == "http.response.body" and not message.get("more_body")
            self._news.notify_all()

    async def until(self, text: str) -> None:
        """Wait until the stream contains a text."""
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(lambda: text in self._text)

    async def until_the_end(self) -> None:
        """Wait until the server ends the stream."""
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(lambda: self.ended)

    def received(self) -> list[tuple[str, Any]]:
        """The events so far."""
        pieces = [piece for piece in self._text.split("\n\n") if piece.startswith("event: ")]
        lines = [piece.split("\n") for piece in pieces]
        return [(kind[7:], json.loads(data[6:])) for kind, data in lines]

    def hang_up(self) -> None:
        self._gone.set()


@asynccontextmanager
async def listening(
    caller: ApiUser, path: str, ticket: str | None = None
) -> AsyncIterator[EventSubscriber]:
    """An ear at a pipeline, by the caller's token or by a ticket."""
    ear = EventSubscriber()
    messages = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else await ear.receive()

    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "method": "GET",
        "path": f"/api{path}/events",
        "query_string": b"" if ticket is None else f"ticket={ticket}".encode(),
        "headers": [(b"authorization", f"Bearer {caller.token}".encode())] if not ticket else [],
    }
    asking = asyncio.create_task(caller.app(scope, receive, ear.send))
    try:
        await ear.until("\n\n")
        yield ear
    finally:
        ear.hang_up()
        await asking


async def test_comments_are_received_as_they_happen(team: Team) -> None:
    path = await a_pipeline(team)
    async with listening(team.viewer, path) as ear:
        made = await team.member.made(f"{path}/comments", {"content": "Grüße"})
        place = f"{path}/comments/{made['id']}"
        await team.member.patch(place, {"content": "hello"})
        await team.owner.patch(place, {"resolved": True})
        await team.member.delete(place)
        await ear.until("comment.deleted")
    kinds = ["comment.created", "comment.updated", "comment.resolved", "comment.deleted"]
    assert [kind for kind, _ in ear.received()] == kinds
    assert ear.received()[0] == ("comment.created", made)


async def test_only_those_who_may_read_listen(team: Team) -> None:
    path = await a_pipeline(team)
    the_problem(await team.outsider.get(f"{path}/events"), 404)


async def test_a_removed_member_receives_no_more_events(team: Team) -> None:
    path = await a_pipeline(team)
    async with listening(team.viewer, path) as ear, listening(team.admin, path) as other:
        await team.owner.delete(f"{team.path}/members/{team.viewer.id}")
        await ear.until_the_end()
        await team.member.made(f"{path}/comments", {"content": "secret"})
        await other.until("secret")
    assert ear.received() == []


async def test_the_end_of_the_pipeline_is_the_end_of_the_stream(team: Team) -> None:
    path = await a_pipeline(team)
    async with listening(team.viewer, path) as ear:
        await team.owner.delete(path)
        await ear.until_the_end()
    assert ear.received() == [
        ("pipeline.deleted", {"pipeline_id": path.removeprefix("/pipelines/")})
    ]


async def test_a_stream_ends_with_its_token(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    path = await a_pipeline(team)
    # The server grants a few seconds of leeway, which have passed but for a moment.
    soon = datetime.now(UTC) - timedelta(seconds=4)
    team.viewer.token = TOKENS.issue(team.viewer.user, timedelta(0), soon)
    async with listening(team.viewer, path) as ear:
        await ear.until_the_end()


async def test_silence_is_broken_by_comments(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "PING_SECONDS", 0.01)
    path = await a_pipeline(team)
    async with listening(team.viewer, path) as ear:
        await ear.until(": ping\n\n: ping\n\n")
        await team.member.made(f"{path}/comments", {"content": "after silence"})
        await ear.until("after silence")


async def test_who_hangs_up_is_forgotten(house: House, team: Team) -> None:
    path = await a_pipeline(team)
    async with listening(team.viewer, path):
        assert house.made.events.seats()
    assert house.made.events.seats() == set()


async def test_head_ends_where_a_stream_would_not(house: House, team: Team) -> None:
    path = await a_pipeline(team)
    async with asyncio.timeout(PATIENCE):
        answer = await team.viewer.ask("HEAD", f"{path}/events")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert house.made.events.seats() == set()


async def test_one_user_has_so_many_streams_and_no_more(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MAX_STREAMS", 1)
    path = await a_pipeline(team)
    async with listening(team.viewer, path), listening(team.member, path):
        answer = await team.viewer.get(f"{path}/events")
    the_problem(answer, 429)
    assert answer.headers["retry-after"] == "10"


async def test_streams_asked_for_at_once_are_counted_before_they_begin(
    house: House, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MAX_STREAMS", 2)
    path = await a_pipeline(team)
    asked = [team.viewer.ask("HEAD", f"{path}/events") for _ in range(2)]
    beginning, may_begin = asyncio.Semaphore(0), asyncio.Event()

    async def held(*_: object, **__: object) -> None:
        beginning.release()
        await may_begin.wait()

    monkeypatch.setattr(AccessWatch, "catch_up", held)
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(one) for one in asked]
        for _ in asked:
            await beginning.acquire()
        the_problem(await team.viewer.get(f"{path}/events"), 429)
        may_begin.set()
    assert [one.result().status_code for one in waiting] == [200, 200]
    assert house.made.events.count(team.viewer.id) == 0


async def test_a_ticket_stands_for_a_token_that_cannot_be_sent(house: House, team: Team) -> None:
    path = await a_pipeline(team)
    got = (await team.viewer.post(f"{path}/events/ticket")).json()
    assert datetime.fromisoformat(got["expires_at"]) > datetime.now(UTC)
    async with listening(team.viewer, path, got["ticket"]) as ear:
        assert ear.status == 200
        await team.member.made(f"{path}/comments", {"content": "So."})
        await ear.until("comment.created")
    again = await ask(house.app, "GET", f"{path}/events", params={"ticket": got["ticket"]})
    assert "ticket" in the_problem(again, 401)["detail"]


async def test_a_ticket_opens_nothing_to_who_may_not_be_there_any_more(
    house: House, team: Team
) -> None:
    path = await a_pipeline(team)
    ticket = (await team.viewer.post(f"{path}/events/ticket")).json()["ticket"]
    await team.owner.delete(f"{team.path}/members/{team.viewer.id}")
    the_problem(await ask(house.app, "GET", f"{path}/events", params={"ticket": ticket}), 404)


async def test_a_stream_opened_by_a_ticket_ends_with_the_token_behind_it(
    house: House, team: Team
) -> None:
    path = await a_pipeline(team)
    soon = TOKENS.issue(team.viewer.user, timedelta(seconds=-4), datetime.now(UTC))
    got = await ask(house.app, "POST", f"{path}/events/ticket", soon)
    async with listening(team.viewer, path, got.json()["ticket"]) as ear:
        await ear.until_the_end()


async def test_a_ticket_is_good_at_every_server_and_once_at_all_of_them(
    house: House, team: Team
) -> None:
    path = await a_pipeline(team)
    ticket = (await team.viewer.post(f"{path}/events/ticket")).json()["ticket"]
    async with services(Settings(), TOKENS, house.dsn) as other:
        there = replace(team.viewer, app=application(other))
        async with listening(there, path, ticket) as ear:
            assert ear.status == 200
        await other.drain()
    again = await ask(house.app, "GET", f"{path}/events", params={"ticket": ticket})
    the_problem(again, 401)
