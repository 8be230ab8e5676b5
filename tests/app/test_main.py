import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest

from app.auth.tokens import Tokens
from app.http import PROBLEM
from app.main import ANY_METHOD, Services, application, ensure_demo, greeting, services
from app.settings import Settings
from crdt.protocol.messages import SyncStep1, SyncStep2, Update
from persistence.errors import SchemaOutdated
from persistence.ports.directory import DEMO_OWNER
from persistence.postgres.pool import Pool
from persistence.postgres.update_log import PostgresUpdateLog
from tests.app.fakes import Replica, turns
from tests.app.wire import Wire
from tests.directory import WritableDirectory

TOKENS = Tokens("a secret that is long enough for HS256")


@pytest.fixture
async def demo(database_url: str) -> UUID:
    pipeline_id = await ensure_demo(database_url)
    assert pipeline_id is not None
    return pipeline_id


@pytest.fixture
async def made(database_url: str, demo: UUID) -> AsyncIterator[Services]:
    async with services(Settings(drain_timeout=2), TOKENS, database_url) as running:
        yield running


async def steps_in(pool: Pool, pipeline_id: UUID) -> int:
    return len(await pool.fetch("stored_steps", pipeline_id))


async def a_wire(pool: Pool, pipeline_id: UUID) -> Wire:
    """The demo owner's line to a pipeline."""
    owner = await WritableDirectory(pool).user_by_email(DEMO_OWNER)
    token = TOKENS.issue(owner, timedelta(hours=1), datetime.now(UTC))
    return Wire(query=f"token={token}", path_params={"pipeline_id": str(pipeline_id)})


async def test_every_part_of_a_running_server_is_checked(made: Services) -> None:
    async with a_client(made) as client:
        answer = await client.get("/readyz")
    parts = ("server", "postgresql", "commits", "bus")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "checks": dict.fromkeys(parts, "ok")}


@pytest.mark.parametrize(
    "path", ["/", "/api/me", "/api/openapi.json", "/api/docs", "/healthz", "/metrics", "/none"]
)
async def test_every_answer_is_taken_for_what_it_is_and_nothing_else(
    made: Services, path: str
) -> None:
    async with a_client(made) as client:
        answer = await client.get(path)
        rebound = await client.get(path, headers={"host": "evil.example"})
    for each in (answer, rebound):
        assert each.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in each.headers["content-security-policy"]
    assert (rebound.status_code == 421) == (path != "/healthz")


@pytest.mark.parametrize("method", ANY_METHOD)
async def test_any_other_path_asks_for_a_token_whatever_the_method(
    made: Services, method: str
) -> None:
    async with a_client(made) as client:
        answer = await client.request(method, "/api/pipelines")
    assert (answer.status_code, answer.headers["content-type"]) == (401, PROBLEM)


async def test_draining_commits_acknowledges_and_then_sends_everybody_away(
    made: Services, pool: Pool, demo: UUID
) -> None:
    wire = await a_wire(pool, demo)
    visit = asyncio.create_task(made.endpoints.y_websocket(wire.websocket))
    await wire.until_frames(1)
    update = Replica(client_id=1).set("description", "edited")
    wire.say(Update(update))
    wire.say(SyncStep1(b"\x00"))
    await turns()
    await made.drain()
    await visit
    assert [type(message) for message in wire.received] == [SyncStep1, Update, SyncStep2]
    assert [code for code, _ in wire.closes] == [1012]
    assert (await PostgresUpdateLog(pool).since(demo, 1))[-1].payload == update


async def test_a_draining_server_lets_nobody_in(made: Services, pool: Pool, demo: UUID) -> None:
    await made.drain()
    wire = await a_wire(pool, demo)
    await made.endpoints.y_websocket(wire.websocket)
    assert ([code for code, _ in wire.closes], wire.frames) == ([1012], [])
    async with a_client(made) as client:
        answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["server"]) == (503, "draining")


async def test_a_visitor_who_leaves_is_not_waited_for(
    made: Services, pool: Pool, demo: UUID
) -> None:
    wire = await a_wire(pool, demo)
    visit = asyncio.create_task(made.endpoints.y_websocket(wire.websocket))
    await wire.until_frames(1)
    assert not made.endpoints.idle.is_set()
    wire.hang_up()
    await visit
    assert made.endpoints.idle.is_set()


async def test_the_demo_is_made_once_with_its_tables_filled(
    database_url: str, pool: Pool, demo: UUID
) -> None:
    assert await steps_in(pool, demo) >= 3
    assert await ensure_demo(database_url) == demo


async def test_an_installation_in_use_gets_no_demo(database_url: str, pool: Pool) -> None:
    await WritableDirectory(pool).create_user("ada@example.org", "Ada")
    assert await ensure_demo(database_url) is None


async def test_a_demo_that_was_deleted_does_not_come_back(
    database_url: str, pool: Pool, demo: UUID
) -> None:
    await WritableDirectory(pool).delete_pipeline(demo)
    assert await ensure_demo(database_url) is None


@pytest.mark.parametrize(
    ("settings", "has_link"),
    [
        (Settings(), True),
        (Settings(jwt_secret="chosen by an operator, for everybody"), False),
        (Settings(jwks_url="https://issuer.example/keys"), False),
    ],
)
async def test_only_an_installation_of_one_s_own_prints_a_link_with_a_token(
    database_url: str, demo: UUID, settings: Settings, has_link: bool
) -> None:
    text = await greeting(settings, TOKENS, database_url)
    found = re.search(rf"open +http://{{address}}/pipelines/{demo}#token=(\S+)\n", text)
    assert (found is not None) is has_link
    if found:
        claims = await TOKENS.verify(found[1])
        assert claims.renewable_until is not None


async def test_it_does_not_run_on_a_database_that_was_not_migrated(empty_database_url: str) -> None:
    with pytest.raises(SchemaOutdated):
        async with services(Settings(), TOKENS, empty_database_url):
            pass


def a_client(made: Services) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(application(made))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")
