"""How many connections to PostgreSQL a server and a worker take, as the documentation says."""

import asyncio

import httpx

from tests.editor import joined
from tests.server import Installation

POOLS = {
    "PIPELOOM_POOL_LOG": "3",
    "PIPELOOM_POOL_API": "1",
    "PIPELOOM_POOL_SHAPES": "2",
    "PIPELOOM_POOL_WORKER": "3",
}
MOST = (3 + 1 + 2 + 3) + (3 + 1)
"""The pools of the server and its three listeners, that of the worker and its listener."""

OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


async def test_the_smallest_pools_serve_many_and_take_no_more(installation: Installation) -> None:
    small = Installation(installation.database_url, installation.data_dir, POOLS)
    async with small.serve() as server, small.sql() as sql, httpx.AsyncClient() as client:
        token, pipeline_id = await small.token(), await small.demo_pipeline()
        headers = {"Authorization": f"Bearer {token}"}
        address = server.http(f"/api/pipelines/{pipeline_id}")
        async with joined(server.room(pipeline_id, token)) as editor:
            answers = asyncio.gather(*(client.get(address, headers=headers) for _ in range(20)))
            for number in range(20):
                await editor.edit(lambda _, n=number: editor.notes.update({"n": n}))  # type: ignore[misc]
            await editor.until_echoed()
            taken = await sql.fetchval(OTHERS)
            assert {one.status_code for one in await answers} == {200}
        assert 2 <= taken <= MOST
        assert await server.program.end() == 0
