"""Servers that stop and start again: live requests end, and copies begin anew."""

import asyncio

import httpx

from tests.app.shapes.copies import Copy, http
from tests.app.shapes.test_shapes import STEPS, new_step, of, sleeping
from tests.server import VIEWER, Installation, eventually


async def test_a_restart_has_clients_begin_anew(installation: Installation) -> None:
    async with installation.serve() as server:
        pipeline = await installation.demo_pipeline()
        token = await installation.token()
        async with http(server, token) as client:
            copy = await Copy(client, "steps", {**STEPS, **of("pipeline_id", pipeline)}).catch_up()
            before = copy.rows
            polling = asyncio.create_task(client.get(copy.address + "&live=true"))
            streaming = asyncio.create_task(
                client.get(copy.address, params={**dict(httpx.URL(copy.address).params),
                                                 "live": "true", "live_sse": "true"})
            )  # fmt: skip
            await sleeping(client, 2)
            assert await server.program.end() == 0
            # Both end at once, in a way from which clients go on, and nothing breaks.
            answer, events = await asyncio.gather(polling, streaming)
            assert answer.status_code in {200, 503}
            if answer.status_code == 503:
                assert answer.headers["retry-after"] == "1"
            assert events.status_code == 200
    await new_step(installation, pipeline, "meanwhile")  # type: ignore[arg-type]
    async with installation.serve() as server, http(server, token) as client:
        copy.client = client
        assert (await copy.get()).status_code == 409
        await copy.catch_up()
        assert copy.refetches == 1
        assert before.items() < copy.rows.items()
        assert "meanwhile" in copy.values("name")


async def test_a_table_that_changed_while_nobody_looked_is_read_anew(
    installation: Installation,
) -> None:
    """What is forgotten when there are too many shapes is read again for who asks again."""
    limited = Installation(
        installation.database_url,
        installation.data_dir,
        {"PIPELOOM_SHAPES": "2", "PIPELOOM_SHAPES_PER_USER": "2"},
    )
    async with limited.serve() as server, http(server, await limited.token()) as client:
        first = await Copy(client, "teams").catch_up()
        await Copy(client, "users").catch_up()
        await Copy(client, "comments").catch_up()
        assert (await first.get()).status_code == 409
        await first.catch_up()
        # While both are in use there is none for a third.
        second = await Copy(client, "users").catch_up()
        waiting = [asyncio.create_task(copy.live()) for copy in (first, second)]
        await sleeping(client, 2)
        answer = await client.get("/v1/shape?table=comments&offset=-1")
        assert answer.status_code == 429
        assert "PIPELOOM_SHAPES_PER_USER" in answer.json()["message"]
        assert answer.headers["retry-after"] == "1"
        for task in waiting:
            task.cancel()
        await sleeping(client, 0)
        assert (await client.get("/v1/shape?table=comments&offset=-1")).status_code == 200


async def test_clients_may_drop_shapes_where_that_is_allowed(installation: Installation) -> None:
    allowed = Installation(
        installation.database_url, installation.data_dir, {"PIPELOOM_SHAPE_DELETION": "true"}
    )
    async with allowed.serve() as server, http(server, await allowed.token()) as client:
        copy = await Copy(client, "teams").catch_up()
        waiting = asyncio.create_task(copy.live())
        await sleeping(client)
        assert (await client.delete("/v1/shape?table=teams&handle=other")).status_code == 202
        assert not waiting.done()
        assert (await client.delete("/v1/shape?table=teams")).status_code == 202
        assert (await waiting).status_code == 409
        await copy.catch_up()


async def test_live_requests_of_one_user_are_counted(installation: Installation) -> None:
    limited = Installation(
        installation.database_url,
        installation.data_dir,
        {"PIPELOOM_SHAPE_LIVE_PER_USER": "2", "PIPELOOM_SHAPE_LOG_OPERATIONS": "1"},
    )
    async with limited.serve() as server, http(server, await limited.token()) as client:
        pipeline = await limited.demo_pipeline()
        copy = await Copy(client, "steps", {**STEPS, **of("pipeline_id", pipeline)}).catch_up()
        waiting = [
            asyncio.create_task(client.get(copy.address + f"&live=true{more}"))
            for more in ("", "&live_sse=true")
        ]
        await sleeping(client, 2)
        refused = await client.get(copy.address + "&live=true")
        assert refused.status_code == 429
        assert "PIPELOOM_SHAPE_LIVE_PER_USER" in refused.json()["message"]
        # A client that goes leaves no trace.
        waiting[1].cancel()
        await sleeping(client, 1)
        # What is no longer kept has to be fetched anew.
        await new_step(limited, pipeline, "one")  # type: ignore[arg-type]
        assert (await waiting[0]).status_code == 200
        await new_step(limited, pipeline, "two")  # type: ignore[arg-type]
        await Copy(client, "steps", {**STEPS, **of("pipeline_id", pipeline)}).catch_up()
        assert (await copy.get()).status_code == 409
        assert "two" in (await copy.catch_up()).values("name")


async def test_requests_that_come_too_fast_are_refused(installation: Installation) -> None:
    limited = Installation(
        installation.database_url,
        installation.data_dir,
        {"PIPELOOM_SHAPE_RATE": "0.01", "PIPELOOM_SHAPE_BURST": "3"},
    )
    async with limited.serve() as server, http(server, await limited.token()) as client:
        answers = [await client.get("/v1/shape?table=teams&offset=-1") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert "retry-after" in answers[-1].headers
        # What others ask counts for them.
        async with http(server, await limited.token(VIEWER)) as viewer:
            answer = await viewer.get("/v1/shape?table=teams&offset=-1")
        assert answer.status_code == 200


async def test_a_shape_that_nobody_uses_is_forgotten(installation: Installation) -> None:
    limited = Installation(
        installation.database_url, installation.data_dir, {"PIPELOOM_SHAPE_IDLE_SECONDS": "0.01"}
    )
    async with limited.serve() as server, http(server, await limited.token()) as client:
        copy = await Copy(client, "teams").catch_up()

        async def is_forgotten() -> bool:
            return "\npipeloom_shapes 0.0" in (await client.get("/metrics")).text.replace(
                '{process="1"}', ""
            )

        await eventually("no shape", is_forgotten)
        assert (await copy.get()).status_code == 409
        await copy.catch_up()


async def test_rows_that_are_too_large_together_are_no_shape(installation: Installation) -> None:
    limited = Installation(
        installation.database_url, installation.data_dir, {"PIPELOOM_SHAPE_BYTES": "400000"}
    )
    grow = "UPDATE pipelines SET description = repeat('x', $1)"
    async with limited.serve() as server, http(server, await limited.token()) as client:
        copy = await Copy(client, "pipelines").catch_up()
        waiting = asyncio.create_task(copy.live())
        await sleeping(client)
        async with limited.sql() as sql:
            await sql.execute(grow, 200_000)
        assert (await waiting).status_code == 409
        for more in ("", "&subset__where=true"):
            refused = await client.get(f"/v1/shape?table=pipelines&offset=-1{more}")
            assert refused.status_code == 400
            assert "PIPELOOM_SHAPE_BYTES" in refused.json()["errors"]["where"][0]
        # Other shapes go on, also of these rows without what is large.
        names = await Copy(client, "pipelines", {"columns": "id,name"}).catch_up()
        assert names.rows
        async with limited.sql() as sql:
            await sql.execute(grow, 20)
        await copy.catch_up()
