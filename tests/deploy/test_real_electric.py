"""Electric itself behind a server, where Docker answers: the stand-in says only what we believe."""

import asyncio
import json
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.shapes.tables import TABLES
from persistence.postgres.pool import connect
from tests.app.shapes.copies import http
from tests.conftest import Tell
from tests.deploy.docker import Containers, containers, why_not
from tests.server import OWNER, PATIENCE, VIEWER, Installation, eventually

PASSWORD, SECRET = secrets.token_hex(16), secrets.token_hex(32)
LEAVE = "DELETE FROM team_members WHERE user_id = (SELECT id FROM users WHERE email = $1)"


async def prepared(docker: Containers, data_dir: Path) -> Installation:
    """An installation on a PostgreSQL as docker-compose.yml has it, made ready for Electric."""
    place = docker.run(
        "postgres", 5432, "-c", "wal_level=logical", POSTGRES_PASSWORD=PASSWORD,
        POSTGRES_USER="pipeloom", POSTGRES_DB="pipeloom",
    )  # fmt: skip
    url = f"postgresql://pipeloom:{PASSWORD}@{place}/pipeloom"

    async def answers() -> bool:
        try:
            await (await connect(url)).close()
        except Exception:
            return False
        return True

    await eventually("PostgreSQL", answers, within=120)
    made = Installation(url, data_dir, {"PIPELOOM_JWT_SECRET": secrets.token_hex(32)})
    await made.result("migrate")
    async with made.sql() as sql:
        await sql.execute(f"CREATE ROLE electric LOGIN REPLICATION PASSWORD '{PASSWORD}'")
    await made.result("electric", "setup", "electric")
    return made


async def electric(docker: Containers) -> str:
    """Start Electric; return where it is when it is ready."""
    place = docker.run(
        "electric", 3000, ELECTRIC_SECRET=SECRET, ELECTRIC_MANUAL_TABLE_PUBLISHING="true",
        ELECTRIC_USAGE_REPORTING="false",
        DATABASE_URL=f"postgresql://electric:{PASSWORD}@postgres:5432/pipeloom?sslmode=disable",
    )  # fmt: skip
    async with httpx.AsyncClient() as client:

        async def is_ready() -> bool:
            try:
                return (await client.get(f"http://{place}/v1/health")).status_code == 200
            except httpx.HTTPError:
                return False

        await eventually("Electric", is_ready, within=120)
    return f"http://{place}"


class Reader:
    """A client of one shape: what it has, and where it goes on."""

    def __init__(self, client: httpx.AsyncClient, **asked: str) -> None:
        self._client, self._asked = client, asked
        self.rows: dict[str, dict[str, Any]] = {}
        self._position = {"offset": "-1"}
        self.was_sent_back = 0

    async def read(self, **more: str) -> httpx.Response:
        params = {**self._asked, **self._position, **more}
        answer = await self._client.get("/v1/shape", params=params)
        if answer.status_code == 409:
            self.rows, self._position = {}, {"offset": "-1"}
            self.was_sent_back += 1
            return answer
        assert answer.status_code == 200, answer.text
        headers = answer.headers
        self._position = {
            "offset": headers["electric-offset"],
            "handle": headers["electric-handle"],
        }
        for message in json.loads(answer.content):
            match message["headers"].get("operation"):
                case "insert" | "update":
                    self.rows.setdefault(message["key"], {}).update(message["value"])
                case "delete":
                    del self.rows[message["key"]]
        return answer

    async def read_all(self) -> "Reader":
        while "electric-up-to-date" not in (await self.read()).headers:
            pass
        return self


async def test_the_tables_are_shapes_of_electric(tell: Tell, tmp_path: Path) -> None:
    if (reason := why_not("postgres", "electric")) is not None:
        tell(f"tests/deploy/test_real_electric.py did not run: {reason}")
        pytest.skip(reason)
    with containers() as docker:
        ours = await prepared(docker, tmp_path / "data")
        behind = {"ELECTRIC_URL": await electric(docker), "ELECTRIC_SECRET": SECRET}
        serving = replace(ours, environment={**ours.environment, **behind})
        async with serving.serve("--demo") as server:
            async with http(server, await serving.token(OWNER)) as owner:
                await every_table_is_there(serving, owner)
                await a_subset_is_asked_for(owner)
            async with http(server, await serving.token(VIEWER)) as viewer:
                await rows_come_and_go(serving, viewer)
            await serving.result("delete", await serving.demo_pipeline())
        await all_is_taken_back(docker, serving)


async def every_table_is_there(serving: Installation, owner: httpx.AsyncClient) -> None:
    async with serving.sql() as sql:
        for name in TABLES:
            reader = await Reader(owner, table=name).read_all()
            count = await sql.fetchval(f"SELECT count(*) FROM {name}")
            # One user is the server itself, whom nobody sees.
            assert len(reader.rows) == count - (name == "users"), name


async def a_subset_is_asked_for(owner: httpx.AsyncClient) -> None:
    address = "/v1/shape?table=steps&offset=-1"
    body = {"where": "name LIKE '%'", "order_by": "name", "limit": 1}
    assert len((await owner.post(address, json=body)).json()["data"]) == 1
    for bad in ({"table": "users"}, {"subset": {"where": "true"}, "where": "true"}):
        assert (await owner.post(address, json=bad)).status_code == 400


async def rows_come_and_go(serving: Installation, viewer: httpx.AsyncClient) -> None:
    pipeline = json.dumps([await serving.demo_pipeline()])
    condition = {"where": "pipeline_id = $1 AND name LIKE '%'", "params": pipeline}
    steps = await Reader(viewer, table="steps", **condition).read_all()
    assert steps.rows
    async with serving.sql() as sql, asyncio.timeout(PATIENCE):
        await sql.execute("UPDATE steps SET name = name || '!'")
        while not all(row["name"].endswith("!") for row in steps.rows.values()):
            await steps.read(live="true", cursor="")
        waiting = asyncio.create_task(steps.read(live="true", cursor=""))
        await sql.execute(LEAVE, VIEWER)
        await waiting
    assert steps.was_sent_back == 1
    assert (await steps.read_all()).rows == {}


async def all_is_taken_back(docker: Containers, serving: Installation) -> None:
    assert (await serving.run("electric", "remove")).code == 1, "while Electric is connected"
    docker.stop("electric")
    await eventually("a slot that nobody follows", lambda: _removed(serving))
    async with serving.sql() as sql:
        assert await sql.fetchval("SELECT count(*) FROM pg_replication_slots") == 0


async def _removed(installation: Installation) -> bool:
    return (await installation.run("electric", "remove")).code == 0
