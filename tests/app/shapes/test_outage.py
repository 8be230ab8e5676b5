"""PostgreSQL away: nothing that may be wrong is sent, and afterwards nothing is missing."""

import asyncio
from dataclasses import replace

from tests.app.shapes.copies import Copy, http
from tests.app.shapes.test_shapes import STEPS, new_step, of, sleeping
from tests.database_gate import gated
from tests.server import Installation, eventually


async def test_copies_go_on_where_they_were(installation: Installation) -> None:
    async with gated(installation.database_url) as gate:
        behind = replace(installation, database_url=gate.dsn)
        async with behind.serve("--no-worker") as server:
            pipeline = await installation.demo_pipeline()
            async with http(server, await installation.token()) as client:
                parameters = {**STEPS, **of("pipeline_id", pipeline)}
                copy = await Copy(client, "steps", parameters).catch_up()
                waiting = asyncio.create_task(client.get(copy.address + "&live=true"))
                await sleeping(client)
                gate.shut()
                refused = await client.get(copy.address)
                assert refused.status_code == 503
                assert refused.headers["retry-after"] == "1"
                await new_step(installation, pipeline, "meanwhile")  # type: ignore[arg-type]
                gate.open()

                async def answers() -> bool:
                    return (await client.get(copy.address)).status_code == 200

                await eventually("an answer", answers)
                await copy.catch_up()
                assert "meanwhile" in copy.values("name")
                assert (await waiting).status_code in {200, 503}
