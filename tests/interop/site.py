"""Running servers and who comes to them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final
from uuid import UUID

import httpx
import jwt

from tests.interop.providers import Page, Provider, Socket, a_page
from tests.interop.servers import Arrangement, Servers, serving
from tests.server import OWNER, PATIENCE, VIEWER, Address, Installation, eventually

SECRET: Final = "a secret of the tests, long enough for HS256"
MAX_DOCUMENTS: Final = 10
ENVIRONMENT: Final = {
    "PIPELOOM_JWT_SECRET": SECRET,
    "PIPELOOM_MAX_DOCUMENTS": str(MAX_DOCUMENTS),
    "PIPELOOM_UNAUTHENTICATED_MESSAGES": "60",
    "PIPELOOM_UNAUTHENTICATED_BYTES": "50000",
}
LIMITS: Final = httpx.Limits(max_keepalive_connections=0)
"""Connections that are kept do not outlive the servers, which a test may end."""

AN_HOUR: Final = timedelta(hours=1)
HEAD: Final = "SELECT head_seq FROM pipeline_documents WHERE pipeline_id = $1"
UNCOMMITTED: Final = (
    "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"
)
"""How many transactions wait for the row of a document; see `Site.uncommitted`."""

_numbers = count(1)


@dataclass
class Member:
    """A user of the demo team."""

    id: UUID
    team: UUID
    installation: Installation

    def token(self, lives: timedelta = AN_HOUR) -> str:
        """Make a token of theirs."""
        claims = {"sub": str(self.id), "exp": datetime.now(UTC) + lives}
        return jwt.encode(claims, SECRET, "HS256")

    async def becomes(self, role: str) -> None:
        """Give them another role."""
        async with self.installation.sql() as sql:
            await sql.execute(
                "UPDATE team_members SET role = $3 WHERE team_id = $1 AND user_id = $2",
                self.team, self.id, role,
            )  # fmt: skip

    async def leaves(self) -> None:
        """Take them out of the team."""
        async with self.installation.sql() as sql:
            await sql.execute(
                "DELETE FROM team_members WHERE team_id = $1 AND user_id = $2", self.team, self.id
            )


@dataclass
class Site:
    """Running servers, their people, and a page to look at them.

    `address` is what clients are given: of several servers, each connection gets the next.
    """

    installation: Installation
    servers: Servers
    address: Address
    http: httpx.AsyncClient
    page: Page
    team: UUID
    owner: Member
    viewer: Member

    async def new_pipeline(self) -> str:
        """Make a pipeline that is empty but for its name; return its id."""
        # Not through the balancer: the connections of a test are those of its clients.
        wanted = {"team_id": str(self.team), "name": f"pipeline {next(_numbers)}"}
        return await self.create(self.servers.nodes[0], "/api/pipelines", wanted)

    async def create(self, at: Address, path: str, wanted: dict[str, Any]) -> str:
        """Make something over REST as the owner; return its id."""
        headers = {"Authorization": f"Bearer {self.owner.token()}"}
        made = await self.http.post(at.http(path), json=wanted, headers=headers)
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    async def new_member(self, role: str) -> Member:
        """Make a user who has a role in the team."""
        async with self.installation.sql() as sql:
            user = await sql.fetchval(
                "INSERT INTO users (email, name) VALUES ($1, 'New') RETURNING id",
                f"new{next(_numbers)}@demo.pipeloom",
            )
            await sql.execute("INSERT INTO team_members VALUES ($1, $2, $3)", self.team, user, role)
        return Member(user, self.team, self.installation)

    async def socket(self, version: str, at: Address | None = None) -> Socket:
        """Open a socket by a version of the provider, at `address` unless told where."""
        return await self.page.socket(version, (at or self.address).collab)

    async def open(
        self, version: str, document: str, who: Member, at: Address | None = None, **options: Any
    ) -> Provider:
        """Open a document on a socket of its own."""
        return await (await self.socket(version, at)).provide(document, who.token(), **options)

    async def head(self, document: str) -> int:
        """How many updates of a document the log holds."""
        async with self.installation.sql() as sql:
            return int(await sql.fetchval(HEAD, document))

    @asynccontextmanager
    async def locked(self, statement: str, *args: object) -> AsyncIterator[Any]:
        """Hold a lock in the database while the block runs."""
        async with self.installation.sql() as sql, sql.transaction():
            await sql.execute(statement, *args)
            yield sql

    def uncommitted(self, document: str) -> Any:
        """Let nothing be committed to a document while the block runs."""
        return self.locked(
            "SELECT 1 FROM pipeline_documents WHERE pipeline_id = $1 FOR UPDATE", document
        )

    async def until_waiting(self, query: str, *args: object, times: int = 1) -> None:
        """Wait until servers wait for a lock that is held."""
        async with self.installation.sql() as sql:

            async def waits() -> bool:
                return bool(await sql.fetchval(query, *args) >= times)

            await eventually("somebody who waits for the lock", waits)


@asynccontextmanager
async def a_site(arrangement: Arrangement, installation: Installation) -> AsyncIterator[Site]:
    """Start the servers of an installation, and end them after the block."""
    async with (
        serving(arrangement, installation) as (servers, address),
        httpx.AsyncClient(limits=LIMITS, timeout=PATIENCE) as http,
        a_page() as page,
    ):
        owner, viewer = await _demo_members(installation)
        yield Site(installation, servers, address, http, page, owner.team, owner, viewer)


async def _demo_members(installation: Installation) -> list[Member]:
    async with installation.sql() as sql:
        team = await sql.fetchval("SELECT id FROM teams WHERE slug = 'demo'")
        found = "SELECT id FROM users WHERE email = $1"
        return [
            Member(await sql.fetchval(found, email), team, installation)
            for email in (OWNER, VIEWER)
        ]
