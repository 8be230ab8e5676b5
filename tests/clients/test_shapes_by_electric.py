"""Electric's own client, and a server that has Electric behind it: it notices nothing."""

from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg  # type: ignore[import-untyped]
import pytest
import pytest_asyncio

from tests.app.shapes.mock_electric import SECRET, a_mock, rows_of
from tests.clients.shapes import Clients, Team, electric_clients, new_team, statuses
from tests.clients.test_shapes import (  # noqa: F401 - the same, but for what is behind the address
    of,
    test_a_deleted_pipeline_leaves_and_comes_back,
    test_a_foreign_handle_opens_nothing,
    test_a_key_of_several_columns,
    test_a_shape_follows_whoever_writes,
    test_a_stream_goes_on_where_another_one_ended,
    test_everything_goes_with_its_pipeline,
    test_rows_leave_who_leaves_the_team,
    test_what_is_no_shape_is_said,
)
from tests.server import Installation

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def behind_electric(shapes_installation: Installation) -> AsyncIterator[Clients]:
    """Clients that ask a server which asks a stand-in for Electric."""
    url = shapes_installation.database_url
    async with (
        asyncpg.create_pool(url, min_size=1) as sql,
        a_mock(lambda asked: rows_of(sql, asked)) as mock,
    ):
        behind = {"ELECTRIC_URL": mock.address, "ELECTRIC_SECRET": SECRET}
        async with (
            replace(shapes_installation, environment=behind).serve() as server,
            electric_clients(server) as running,
        ):
            yield running


@pytest_asyncio.fixture(loop_scope="session")
async def clients(behind_electric: Clients) -> AsyncIterator[Clients]:
    """The clients, none of which is left from another test."""
    yield behind_electric
    await behind_electric.end()


async def test_members_who_come_back_need_no_second_attempt(clients: Clients, team: Team) -> None:
    """Electric has the same shape for them again, whose handle the client has given up."""
    guest = await new_team(team.installation, team.sql)
    await team.pipeline("first")
    await team.joined_by(guest.owner)
    shape = await clients.shape(await guest.token(), **of(team))
    await shape.names("first")
    for _ in range(3):
        await shape.live()
        await team.left_by(guest.owner)
        await shape.names()
        await shape.live()
        await team.joined_by(guest.owner)
        await shape.names("first")
    seen = await shape.look()
    assert seen["errors"] == []
    assert statuses(seen).count(409) == 6
    beginnings = [request for request in seen["requests"] if request["offset"] == "-1"]
    assert len(beginnings) == 7, "no answer had to be asked for twice"
