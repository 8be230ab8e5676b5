"""How a real server stops: red first, then everybody away, and always in time."""

import asyncio
import signal
import time
from dataclasses import replace
from typing import Any
from uuid import uuid4

import asyncpg  # type: ignore[import-untyped]
import httpx
import pytest

from app.settings import Settings
from sql import migrations
from tests.app.test_cli import add_step
from tests.editor import joined
from tests.server import Installation, Server, eventually

HOLD_UP_MIGRATIONS = """
    -- One that seems to be missing, or nobody would wait.
    DELETE FROM schema_migrations WHERE name = (SELECT max(name) FROM schema_migrations);
    SELECT pg_advisory_lock(hashtextextended('pipeloom migrations', 0))
"""
LET_MIGRATIONS_GO = """
    INSERT INTO schema_migrations (name) VALUES ('{}');
    SELECT pg_advisory_unlock_all()
"""
IS_HELD_UP = """
SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""

BESIDES_DRAINING = 10 - Settings.model_fields["drain_timeout"].default
"""Seconds that an end may take besides the drain: by default, both together take ten at most."""


async def is_red(server: Server) -> bool:
    async with httpx.AsyncClient() as client:
        answer = await client.get(server.http("/readyz"))
    return answer.status_code == 503 and answer.json()["checks"]["server"] == "draining"


async def test_it_is_red_while_it_still_serves(installation: Installation) -> None:
    patient = Installation(
        installation.database_url, installation.data_dir, {"PIPELOOM_DRAIN_DELAY": "3"}
    )
    async with patient.serve() as server:
        room = server.room(await patient.demo_pipeline(), await patient.token())
        async with joined(room) as editor:
            ending = asyncio.create_task(server.program.end(signal.SIGTERM))
            await eventually("a red light", lambda: is_red(server))
            late = str(uuid4())
            await add_step(editor, late)
            await editor.until_echoed()
            async with joined(room) as newcomer:
                assert late in newcomer.steps
            assert await editor.close_code() == (1012, "server is restarting: reconnect")
        assert await ending == 0


async def test_a_signal_that_comes_while_it_starts_is_heard(
    installation: Installation,
) -> None:
    async with installation.sql() as sql:
        await sql.execute(HOLD_UP_MIGRATIONS)
        async with installation.background("serve", "--port", "0") as program:

            async def waits() -> bool:
                return bool(await sql.fetchval(IS_HELD_UP))

            await eventually("a server that is starting", waits)
            program.send_signal(signal.SIGTERM)
            await sql.execute(LET_MIGRATIONS_GO.format(max(migrations())))
            assert await program.ended() == 0
    assert program.lines == [], "it never was ready"


async def is_locked(sql: Any) -> bool:
    """Lock what a commit and a projection need, unless somebody holds any of it.

    Whoever waited would hold one and want the other, as the worker does, which asks for it by
    another connection: no deadlock that PostgreSQL could see, but one of half a minute.
    """
    try:
        async with sql.transaction():
            await sql.execute("LOCK TABLE pipeline_updates, projection_cursors NOWAIT")
    except asyncpg.LockNotAvailableError:
        return False
    return True


@pytest.mark.timed
async def test_it_ends_in_time_though_nothing_can_be_committed(installation: Installation) -> None:
    hurried = replace(installation, environment={"PIPELOOM_DRAIN_TIMEOUT": "1"})
    async with hurried.serve() as server, installation.sql() as sql:
        room = server.room(await installation.demo_pipeline(), await installation.token())
        async with joined(room) as editor, sql.transaction():
            await eventually("a moment for the locks", lambda: is_locked(sql))
            await add_step(editor, str(uuid4()))
            begun = time.monotonic()
            assert await server.program.end() == 0
            assert time.monotonic() - begun < 1 + BESIDES_DRAINING
            assert (await editor.close_code())[0] == 1012
            assert editor.unechoed, "what was not committed was not acknowledged"
