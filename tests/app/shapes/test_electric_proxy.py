"""Electric behind our address, as a stand-in sees it that fails for what it must not be asked."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID, uuid4

import pytest
import structlog

from app.shapes.answers import (
    Answer,
    Caller,
    DeletionNotAllowed,
    Interrupted,
    MustRefetch,
    Sent,
    TooManyShapes,
)
from app.shapes.electric_client import ElectricClient, electric_connections
from app.shapes.electric_proxy import ElectricAway, ElectricProxy
from app.shapes.electric_query import Handles
from app.shapes.errors import InvalidShape
from app.shapes.parameters import RequestLimits, parse_request
from crdt.errors import Draining, Unauthenticated
from persistence.errors import StoreUnavailable
from persistence.ports.shapes import (
    Access,
    Announced,
    Position,
    QueryTooSlow,
    RowQuery,
    RowsChanged,
    RowsRead,
    StoredRow,
)
from tests.app.fakes import HeldClock
from tests.app.shapes.mock_electric import SECRET, MockElectric, Planned, Row, a_mock, until

ADA, TEAM, OTHER, PIPELINE = uuid4(), uuid4(), uuid4(), uuid4()


class World:
    """Who is in which team, which pipelines there are, and the rows of a table."""

    def __init__(self) -> None:
        self.teams: dict[UUID, set[UUID]] = {ADA: {TEAM}}
        self.pipelines = {PIPELINE: TEAM, uuid4(): OTHER}
        self.rows: list[Row] = [{"id": str(PIPELINE), "team_id": str(TEAM), "name": "Loom"}]
        self.announced = asyncio.Queue[Announced | None]()
        self.is_away = False
        self.joined_at = HeldClock().now()

    def leave_and_return(self) -> None:
        """Ada is out of her team for a moment."""
        self.joined_at += timedelta(seconds=1)

    async def access(self, users: Collection[UUID], pipelines: Collection[UUID]) -> Access:
        if self.is_away:
            raise StoreUnavailable("away")
        teams = {user: frozenset(self.teams.get(user, ())) for user in users}
        there = {one: self.pipelines[one] for one in pipelines if one in self.pipelines}
        joined = {(user, team): self.joined_at for user in users for team in teams[user]}
        return Access(teams, there, joined)

    async def read(self, queries: Sequence[RowQuery]) -> RowsRead:
        assert {query.table for query in queries} <= {"pipelines", "users", "organizations"}
        teams = set().union(*self.teams.values())
        ids = sorted(str(one) for one, team in self.pipelines.items() if team in teams)
        return RowsRead(
            Position(1, 2, (), 3), [[StoredRow(1, (one,)) for one in ids]] * len(queries)
        )

    async def mark(self, text: str) -> None:
        raise AssertionError

    async def wait(self, timeout: float) -> Announced | None:  # noqa: ASYNC109
        return await self.announced.get()

    def announce(self, table: str, *, moved: bool = True) -> None:
        ids = frozenset({str(uuid4())})
        change = RowsChanged(table, 1, ids, None, ids if moved else frozenset())
        self.announced.put_nowait(Announced([change]))

    async def served(self, asked: Mapping[str, str]) -> list[Row]:
        names = [name.strip('"') for name in asked["columns"].split(",")]
        return [{name: row.get(name) for name in names} for row in self.rows]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def mock(world: World) -> AsyncIterator[MockElectric]:
    async with a_mock(world.served) as made:
        yield made


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
async def proxy(mock: MockElectric, world: World, clock: HeldClock) -> AsyncIterator[ElectricProxy]:
    numbers = count(1)
    async with electric_connections() as connections:
        made = ElectricProxy(
            ElectricClient(mock.address, SECRET, connections),
            world,
            world,
            clock,
            Handles(SECRET),
            nonce=lambda: f"n{next(numbers)}",
            most_live=2,
        )
        running = asyncio.create_task(made.run())
        yield made
        running.cancel()


Ask = Callable[..., Awaitable[Answer]]


@pytest.fixture
def ask(proxy: ElectricProxy, clock: HeldClock) -> Ask:
    async def asked(
        table: str = "pipelines", body: bytes | None = None, query: str = "", **said: str
    ) -> Answer:
        given = {"table": table, "offset": "-1", **said}
        text = query or urlencode(given)
        request = parse_request(text.encode(), body, RequestLimits())
        expires_at = clock.now().replace(year=9999)
        headers = {"cookie": "of=Ada", "authorization": "Bearer Ada's", "x-evil": "1"}
        return await proxy.answer(request, Caller(ADA, expires_at, Sent(headers=headers)))

    return asked


async def whole(answer: Answer) -> bytes:
    if isinstance(answer.body, bytes):
        return answer.body
    return b"".join([part async for part in answer.body])


async def began(ask: Ask, **said: str) -> dict[str, str]:
    """What a client says next, after it has everything."""
    answer = await ask(**said)
    assert answer.status == 200
    await whole(answer)
    return {
        "offset": answer.headers["electric-offset"],
        "handle": answer.headers["electric-handle"],
    }


async def waiting(mock: MockElectric, number: int = 1) -> None:
    await until(lambda: mock.waiting >= number)


async def test_rows_come_as_electric_has_them_and_its_headers_for_clients_alone(
    ask: Ask, mock: MockElectric
) -> None:
    answer = await ask(log="full")
    (row,) = json.loads(await whole(answer))
    assert row["value"]["name"] == "Loom"
    assert answer.headers.keys() == {
        "electric-handle", "electric-offset", "electric-schema", "etag", "content-type",
        "cache-control", "vary",
    }  # fmt: skip
    assert answer.headers["cache-control"] == "private, no-store"
    (received,) = mock.received
    assert f"'{TEAM}'" in received.asked["where"]
    assert str(OTHER) not in received.target


async def test_the_log_goes_on_where_it_was(ask: Ask, world: World, mock: MockElectric) -> None:
    position = await began(ask)
    answer = await ask(**position)
    assert "electric-up-to-date" in answer.headers
    assert answer.headers["electric-handle"] == position["handle"]
    live = asyncio.create_task(ask(**position, live="true", cursor=""))
    await waiting(mock)
    world.rows = [{**world.rows[0], "name": "Loom 2"}]
    answer = await live
    assert json.loads(await whole(answer))[0]["headers"]["operation"] == "update"
    assert answer.headers["electric-cursor"].isdigit()
    assert "electric-schema" not in answer.headers


async def test_who_begins_anew_gets_a_handle_that_was_never_given(ask: Ask) -> None:
    handles = {(await began(ask))["handle"] for _ in range(3)}
    assert len(handles) == 3


@pytest.mark.parametrize(
    ("table", "query"),
    [
        ("steps", "where=pipeline_id IN (SELECT id FROM pipelines)"),
        ("steps", "where=1=1) OR (1=1"),
        ("steps", "where=1=1 --"),
        ("steps", "where=pg_read_file('x') = 'y'"),
        ("users", "columns=id,preferences"),
        ("audit_log", ""),
        ("../../v1/health", ""),
        ("steps&table=users", ""),
        ("steps", "table=users"),
        ("steps", "secret=x&secret=y&api_secret=z&table=users"),
        ("steps", "source_id=1&source_id=2"),
        ("steps", "%74able=users"),
        ("steps", "columns=*"),
    ],
)
async def test_what_is_not_allowed_never_reaches_electric(
    ask: Ask, mock: MockElectric, table: str, query: str
) -> None:
    with pytest.raises(InvalidShape):
        await ask(query=f"table={quote(table, safe='&=')}&offset=-1&{quote(query, safe='&=%')}")
    assert mock.received == []


async def test_what_a_client_says_of_other_things_is_left_out(ask: Ask, mock: MockElectric) -> None:
    query = (
        "table=pipelines&offset=-1&secret=mine&cache-buster=1&expired_handle=2&queryable_columns=x"
    )
    await ask(query=query)
    (received,) = mock.received
    assert received.asked["secret"] == SECRET
    assert "cookie" not in received.headers


@pytest.mark.parametrize(
    "body",
    [
        {"table": "users"},
        {"columns": "preferences"},
        {"subset": {"where": "true"}, "where": "true"},
        {"secret": "x"},
        {"offset": "-1", "handle": "x"},
        {"live": True, "limit": 1},
        [],
        "where",
    ],
)
async def test_no_body_is_passed_on(ask: Ask, mock: MockElectric, body: Any) -> None:
    with pytest.raises(InvalidShape):
        await ask(body=json.dumps(body).encode())
    assert mock.received == []


async def test_a_subset_is_asked_for_in_our_words(ask: Ask, mock: MockElectric) -> None:
    for said in ({"body": b"{}"}, {"query": "table=pipelines&offset=-1&subset__where="}):
        answer = await ask(**said)
        assert json.loads(await whole(answer))["data"][0]["value"]["name"] == "Loom"
        assert answer.headers["electric-handle"]
        assert json.loads(mock.received[-1].body) == {"subset": {"where": '"id" IS NOT NULL'}}


async def test_steps_are_those_of_pipelines_that_the_user_sees(
    ask: Ask, world: World, mock: MockElectric
) -> None:
    world.rows = []
    await ask(table="steps")
    assert mock.received[0].asked["where"] == f"\"pipeline_id\" IN ('{PIPELINE}')"
    del world.pipelines[PIPELINE]
    await ask(table="steps")
    assert mock.received[1].asked["where"] == '"pipeline_id" IS NULL'


async def test_too_many_pipelines_are_a_clear_answer(ask: Ask, world: World) -> None:
    world.pipelines = {uuid4(): TEAM for _ in range(290)}
    with pytest.raises(InvalidShape, match="one pipeline"):
        await ask(table="steps")


async def test_a_handle_of_another_shape_opens_nothing(ask: Ask, mock: MockElectric) -> None:
    of_steps = await began(ask, table="steps")
    asked = len(mock.received)
    with pytest.raises(MustRefetch):
        await ask(**of_steps)
    with pytest.raises(MustRefetch):
        await ask(**{**of_steps, "handle": "1001-1"})
    assert len(mock.received) == asked


async def test_who_leaves_has_to_begin_anew(ask: Ask, world: World) -> None:
    position = await began(ask)
    world.teams[ADA] = {OTHER}
    with pytest.raises(MustRefetch):
        await ask(**position)
    world.teams[ADA] = {TEAM}
    again = await began(ask)
    assert again["handle"] != position["handle"]


@pytest.mark.parametrize(
    "of", [{}, {"table": "steps"}, {"table": "steps", "where": f"pipeline_id = '{PIPELINE}'"}]
)
async def test_who_was_away_between_two_requests_has_to_begin_anew(
    ask: Ask, world: World, mock: MockElectric, of: dict[str, str]
) -> None:
    world.rows = []
    position = await began(ask, **of)
    world.leave_and_return()
    asked = len(mock.received)
    with pytest.raises(MustRefetch):
        await ask(**of, **position)
    assert len(mock.received) == asked
    again = await began(ask, **of)
    assert (await ask(**of, **again)).status == 200


async def test_who_was_away_while_they_waited_has_to_begin_anew(
    ask: Ask, world: World, mock: MockElectric
) -> None:
    position = await began(ask)
    live = asyncio.create_task(ask(**position, live="true"))
    await waiting(mock)
    world.leave_and_return()
    world.rows = [{**world.rows[0], "name": "secret"}]
    with pytest.raises(MustRefetch):
        await live


async def test_a_row_that_comes_after_somebody_left_is_not_sent(
    ask: Ask, world: World, mock: MockElectric
) -> None:
    position = await began(ask)
    live = asyncio.create_task(ask(**position, live="true"))
    await waiting(mock)
    world.teams[ADA] = set()
    world.rows = [{**world.rows[0], "name": "secret"}]
    with pytest.raises(MustRefetch):
        await live


async def test_who_waits_is_told_when_they_may_see_less(
    ask: Ask, world: World, mock: MockElectric
) -> None:
    position = await began(ask)
    live = asyncio.create_task(ask(**position, live="true"))
    await waiting(mock)
    world.announce("steps")
    world.announce("pipelines", moved=False)
    world.announce("team_members")
    world.teams[ADA] = set()
    with pytest.raises(MustRefetch):
        await live


async def test_a_change_of_somebody_else_s_access_wakes_and_ends_nothing(
    ask: Ask, world: World, mock: MockElectric
) -> None:
    position = await began(ask)
    live = asyncio.create_task(ask(**position, live="true"))
    await waiting(mock)
    world.announce("team_members")
    world.announced.put_nowait(None)
    await until(world.announced.empty)
    mock.held.set()
    assert (await live).status == 200


async def test_events_come_one_by_one_and_end_when_the_user_leaves(
    ask: Ask, world: World, mock: MockElectric
) -> None:
    position = await began(ask)
    answer = await ask(**position, live="true", live_sse="true")
    assert not isinstance(answer.body, bytes)
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["x-accel-buffering"] == "no"
    assert await anext(answer.body) == b": keep-alive\n\n"
    world.rows = [{**world.rows[0], "name": "Loom 2"}]
    assert b"Loom 2" in await anext(answer.body)
    assert b"up-to-date" in await anext(answer.body)
    world.teams[ADA] = set()
    world.rows = [{**world.rows[0], "name": "secret"}]
    assert [part async for part in answer.body] == []


async def test_events_end_with_the_token(ask: Ask, clock: HeldClock, mock: MockElectric) -> None:
    position = await began(ask)
    answer = await ask(**position, live="true", live_sse="true")
    assert not isinstance(answer.body, bytes)
    await anext(answer.body)
    clock.seconds = 8000 * 366 * 86400.0
    mock.held.set()
    assert [part async for part in answer.body] == []


async def test_a_poll_ends_with_the_token(
    ask: Ask, proxy: ElectricProxy, clock: HeldClock, mock: MockElectric
) -> None:
    position = await began(ask)
    query = urlencode({"table": "pipelines", **position, "live": "true"})
    request = parse_request(query.encode(), None, RequestLimits())
    soon = clock.now() + timedelta(seconds=0.05)
    with pytest.raises(Unauthenticated, match="expired"):
        await proxy.answer(request, Caller(ADA, soon))
    mock.held.set()
    await whole(await ask(**position, live="true"))


async def test_a_user_has_so_many_live_requests(ask: Ask, mock: MockElectric) -> None:
    position = await began(ask)
    live = [asyncio.create_task(ask(**position, live="true")) for _ in range(2)]
    await waiting(mock, 2)
    with pytest.raises(TooManyShapes):
        await ask(**position, live="true")
    live[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await live[0]
    mock.held.set()
    answers = [await live[1], await ask(**position, live="true")]
    for answer in answers:
        await whole(answer)
    for _ in range(2):
        answer = await ask(**position, live="true")
        assert not isinstance(answer.body, bytes)
        await answer.body.aclose()


@pytest.mark.parametrize(
    ("plan", "status", "retry"),
    [
        (Planned(503, {"retry-after": "7"}), 503, "7"),
        (Planned(503, {"retry-after": "soon\t"}), 503, "5"),
        (Planned(429), 503, "5"),
        (Planned(401, {}, (SECRET.encode(),)), 503, "5"),
        (Planned(500, {}, (b"Elixir.Trace",)), 503, "5"),
        (Planned(302, {"location": "http://169.254.169.254/"}), 503, "5"),
        (Planned(200, {}, (b"<html>",)), 503, "5"),
        (Planned(200, {"electric-handle": "a b"}, (b"[]",)), 503, "5"),
    ],
)
async def test_what_is_wrong_with_electric_is_an_outage_to_clients(
    ask: Ask, mock: MockElectric, plan: Planned, status: int, retry: str
) -> None:
    mock.planned = [replace(plan), replace(plan)]
    with structlog.testing.capture_logs() as logged:
        answer = await ask()
        await ask()
    assert (answer.status, answer.headers["retry-after"]) == (status, retry)
    assert json.loads(await whole(answer)) == {"message": "shapes are away: try again later"}
    assert {line["event"] for line in logged} <= {"electric.away", "electric.refused"}
    assert len([line for line in logged if line["event"] == "electric.away"]) <= 1
    assert SECRET not in str(logged)


async def test_what_electric_does_not_understand_is_passed_on(ask: Ask, mock: MockElectric) -> None:
    said = b'{"message":"Invalid request","errors":{"where":["unknown function"]}}'
    mock.planned = [Planned(400, {"set-cookie": "x"}, (said,)), Planned(400, {}, (b"x" * 99_999,))]
    answer = await ask()
    assert (answer.status, await whole(answer)) == (400, said)
    assert answer.headers.keys() == {"content-type", "cache-control", "vary"}
    assert len(await whole(await ask())) <= 64 * 1024


async def test_a_shape_that_electric_has_no_longer_is_begun_anew(
    ask: Ask, mock: MockElectric
) -> None:
    position = await began(ask)
    mock.planned = [Planned(409, {"electric-handle": "77-7"}), Planned(409)]
    for expected in ("77-7.n", "n"):
        with pytest.raises(MustRefetch) as refetch:
            await ask(**position)
        assert str(refetch.value.handle).startswith(expected)


async def test_a_condition_of_the_client_stands_beside_who_sees_what(
    ask: Ask, mock: MockElectric
) -> None:
    await ask(where="name = $1 OR true", params='{"1": "x\') OR (1=1"}')
    seen, _, asked = mock.received[0].asked["where"].partition(" AND ((")
    assert seen == f'("team_id" IN (\'{TEAM}\') AND "deleted_at" IS NULL)'
    assert asked == "(\"name\" = 'x'') OR (1=1') OR TRUE))"


async def test_an_answer_that_breaks_off_is_no_whole_answer(ask: Ask, mock: MockElectric) -> None:
    mock.planned = [Planned(200, {"electric-handle": "1-1"}, (b"[", b"{"), is_cut=True)]
    answer = await ask()
    with pytest.raises(Interrupted):
        await whole(answer)


async def test_whoever_has_it_already_gets_no_rows(
    proxy: ElectricProxy, mock: MockElectric
) -> None:
    request = parse_request(b"table=pipelines&offset=-1", None, RequestLimits())
    sent = Sent(headers={"if-none-match": '"1:2"'})
    who = Caller(ADA, HeldClock().now(), sent)
    mock.planned = [Planned(304, {"etag": '"1:2"'})]
    answer = await proxy.answer(request, who)
    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["etag"] == '"1:2"'
    assert mock.received[0].headers["if-none-match"] == '"1:2"'


async def test_without_postgresql_nobody_gets_anything(ask: Ask, world: World) -> None:
    position = await began(ask)
    world.is_away = True
    with pytest.raises(StoreUnavailable):
        await ask(**position)


async def test_a_list_of_ours_that_takes_too_long_is_no_fault_of_the_client(
    ask: Ask, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read(_: object) -> RowsRead:
        raise QueryTooSlow("so long")

    monkeypatch.setattr(world, "read", read)
    with pytest.raises(StoreUnavailable):
        await ask(table="steps")


async def test_electric_that_is_away_is_an_answer(world: World, clock: HeldClock) -> None:
    async with electric_connections() as connections:
        nowhere = ElectricClient("http://127.0.0.1:1", SECRET, connections)
        made = ElectricProxy(
            nowhere, world, world, clock, Handles(SECRET), nonce=lambda: "n", most_live=1
        )
        request = parse_request(b"table=pipelines&offset=-1", None, RequestLimits())
        answer = await made.answer(request, Caller(ADA, clock.now()))
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
        assert not made.is_ready
        with pytest.raises(ElectricAway):
            await made.check()


async def test_ready_is_who_answers_200(mock: MockElectric) -> None:
    async with electric_connections() as connections:
        electric = ElectricClient(f"{mock.address}/", SECRET, connections)
        assert await electric.is_well()
        mock.is_starting = True
        assert not await electric.is_well()


async def test_draining_ends_what_waits_and_refuses_the_rest(
    ask: Ask, proxy: ElectricProxy, mock: MockElectric
) -> None:
    position = await began(ask)
    live = asyncio.create_task(ask(**position, live="true"))
    await waiting(mock)
    proxy.close()
    with pytest.raises(Draining):
        await live
    with pytest.raises(Draining):
        await ask()


async def test_nobody_drops_a_shape_of_all(proxy: ElectricProxy, clock: HeldClock) -> None:
    request = parse_request(b"table=pipelines&offset=-1", None, RequestLimits())
    with pytest.raises(DeletionNotAllowed):
        await proxy.drop(request.definition, None, Caller(ADA, clock.now()))
