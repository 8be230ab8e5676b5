"""Electric's clients behind a balancer of two servers, of which one has the shapes."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from tests.balancer import balancing
from tests.clients.shapes import Clients, Seen, Team, electric_clients, new_team, statuses
from tests.conftest import a_database
from tests.server import Installation, Server

pytestmark = pytest.mark.asyncio(loop_scope="session")


@dataclass(frozen=True)
class Pair:
    """Two servers of one installation, and clients that a balancer sends to either."""

    installation: Installation
    servers: tuple[Server, Server]
    clients: Clients
    team: Team


@pytest_asyncio.fixture(loop_scope="session")
async def pair(postgres_server: str, template_database: str, tmp_path: Path) -> AsyncIterator[Pair]:
    async with a_database(postgres_server, template_database) as dsn:
        installation = Installation(dsn, tmp_path / "data")
        async with (
            installation.sql() as sql,
            installation.serve() as one,
            installation.serve() as two,
            balancing([one.port, two.port]) as balancer,
            electric_clients(balancer.address) as clients,
        ):
            yield Pair(installation, (one, two), clients, await new_team(installation, sql))
            await clients.end()


async def shapes_of(clients: Clients, team: Team) -> list[Seen]:
    """Shapes that differ, so that each has a connection of its own: the balancer sees these."""
    token = await team.token()
    columns = (["id", "name"], ["id", "name", "status"], ["id", "name", "tags"])
    return [
        await clients.shape(
            token,
            table="pipelines",
            where="team_id = $1",
            params=[str(team.id)],
            columns=some,
            liveSse=sse,
            backoffOptions={"initialDelay": 50, "maxDelay": 200, "multiplier": 1.3},
        )
        for some in columns
        for sse in (False, True)
    ]


async def holder_of(installation: Installation, servers: list[Server]) -> Server:
    """The server that has the shapes: it says so among its metrics."""
    for server in servers:
        async with httpx.AsyncClient() as client:
            page = (await client.get(server.http("/metrics"))).text
        lines = [line for line in page.splitlines() if line.startswith("pipeloom_shape_lease")]
        if any(line.endswith(" 1.0") for line in lines):
            return server
    raise AssertionError(f"expected one of the servers to have the shapes: {installation}")


async def test_clients_get_through_and_survive_the_server_that_has_the_shapes(pair: Pair) -> None:
    team = pair.team
    await team.pipeline("first")
    shapes = await shapes_of(pair.clients, team)
    await asyncio.gather(*(shape.names("first") for shape in shapes))
    await team.pipeline("second")
    await asyncio.gather(*(shape.names("first", "second") for shape in shapes))
    for shape in shapes:
        assert set(statuses(await shape.look())) <= {200, None}
    await (await holder_of(pair.installation, [*pair.servers])).program.kill()
    await team.pipeline("third")
    await asyncio.gather(*(shape.names("first", "second", "third") for shape in shapes))
    for shape in shapes:
        seen = await shape.look()
        # It began anew once, and no loop was noticed.
        assert statuses(seen).count(409) == 1
        assert seen["errors"] == []


async def test_writes_at_any_server_are_awaited_at_any(pair: Pair) -> None:
    token = await pair.team.token()
    async with httpx.AsyncClient() as http:
        made = await http.post(
            pair.servers[0].http("/api/pipelines"),
            json={"team_id": str(pair.team.id), "name": "Loom"},
            headers={"Authorization": f"Bearer {token}"},
        )
    document = made.json()["id"]
    steps = await pair.clients.collection(
        token,
        table="steps",
        rest=f"/api/pipelines/{document}/steps",
        where="pipeline_id = $1",
        params=[document],
    )
    await steps.names()
    keys = [str(uuid4()) for _ in range(4)]
    for number, key in enumerate(keys):
        row = {"id": key, "name": f"step {number}", "type": "claude"}
        await steps.insert({**row, "position_x": 0, "position_y": 0})
        await steps.update(key, name=f"renamed {number}")
    await steps.names(*(f"renamed {number}" for number in range(4)))
    for key in keys:
        await steps.delete(key)
    await steps.names()
