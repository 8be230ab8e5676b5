"""Electric's clients in a process of Node.js, and teams for them."""

import fcntl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final
from uuid import UUID, uuid4

from tests.clients.javascript import ROOT, npm
from tests.interop.stock import StockClient, driven
from tests.server import Address, Installation, eventually

ELECTRIC: Final = ROOT / "clients" / "electric"
DRIVER: Final = str(ELECTRIC / "test" / "driver.mjs")

NEW_TEAM: Final = """
    WITH housed AS (INSERT INTO organizations (name, slug) VALUES ('Org', $1) RETURNING id)
    INSERT INTO teams (organization_id, name, slug) SELECT id, 'Team', $1 FROM housed RETURNING id
"""
NEW_USER: Final = "INSERT INTO users (email, name) VALUES ($1, $2) RETURNING id"
JOIN: Final = "INSERT INTO team_members (team_id, user_id, role) VALUES ($1, $2, $3)"
NEW_PIPELINE: Final = "INSERT INTO pipelines (team_id, name) VALUES ($1, $2) RETURNING id"
NEW_STEP: Final = "INSERT INTO steps (pipeline_id, id, name, type) VALUES ($1, $2, $3, 'claude')"
NEW_COMMENT: Final = "INSERT INTO comments (pipeline_id, content) VALUES ($1, $2) RETURNING id"

_numbers = count(1)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Team:
    """A team with one owner, and SQL by which somebody else writes into its tables."""

    id: UUID
    owner: str
    installation: Installation
    sql: Any

    async def token(self) -> str:
        """Make a token of the owner."""
        return await self.installation.token(self.owner)

    async def pipeline(self, name: str) -> str:
        """Make a row of a pipeline, without a document; return its id."""
        return str(await self.sql.fetchval(NEW_PIPELINE, self.id, name))

    async def step(self, pipeline: str, name: str) -> str:
        """Make a row of a step; return its id."""
        step = uuid4()
        await self.sql.execute(NEW_STEP, UUID(pipeline), step, name)
        return str(step)

    async def comment(self, pipeline: str, content: str) -> str:
        """Make a row of a comment; return its id."""
        return str(await self.sql.fetchval(NEW_COMMENT, UUID(pipeline), content))

    async def joined_by(self, email: str, role: str = "member") -> None:
        """Take somebody into the team whom another team has."""
        user = await self.sql.fetchval("SELECT id FROM users WHERE email = $1", email)
        await self.sql.execute(JOIN, self.id, user, role)

    async def left_by(self, email: str) -> None:
        """Take somebody out of the team."""
        await self.sql.execute(
            "DELETE FROM team_members AS m USING users AS u"
            " WHERE m.user_id = u.id AND m.team_id = $1 AND u.email = $2",
            self.id, email,
        )  # fmt: skip


async def new_team(installation: Installation, sql: Any) -> Team:
    """Make a team that has nothing, and its owner."""
    number = next(_numbers)
    email = f"shapes{number}@team.pipeloom"
    team = await sql.fetchval(NEW_TEAM, f"shapes-{number}-{uuid4().hex[:8]}")
    user = await sql.fetchval(NEW_USER, email, f"Owner {number}")
    await sql.execute(JOIN, team, user, "owner")
    return Team(team, email, installation, sql)


@dataclass
class Clients:
    """The clients of one process. What a test opens ends with the test."""

    driver: StockClient
    server: Address
    opened: list[str] = field(default_factory=list)

    async def shape(self, token: str | None, *, table: str, **options: Any) -> "Seen":
        """Open a stream and the shape that it makes."""
        name = self._named("shape")
        await self.driver.shape(name, self._options(token, table, options))
        return Seen(self.driver, name)

    async def hook(self, token: str, *, table: str, **options: Any) -> str:
        """Render a component that uses a shape; return its name."""
        name = self._named("hook")
        await self.driver.hook(name, self._options(token, table, options))
        return name

    async def collection(
        self,
        token: str,
        *,
        table: str,
        rest: str | None = None,
        mode: str = "eager",
        **options: Any,
    ) -> "Collection":
        """Make a collection of TanStack DB; `rest` is the path to which its writes go."""
        name = self._named("collection")
        given = {"syncMode": mode, "shape": self._options(token, table, options)}
        if rest is not None:
            given["rest"] = {"url": self.server.http(rest)}
        await self.driver.collect(name, given)
        return Collection(self.driver, name)

    async def first(self, source: "Collection", **wanted: Any) -> "Collection":
        """Make a live query for the first rows of a collection."""
        name = self._named("query")
        await self.driver.first(name, source.name, wanted)
        return Collection(self.driver, name)

    async def matching(
        self, source: "Collection", expression: list[Any], *order: tuple[str, Any]
    ) -> "Collection":
        """Make a live query for the rows that fulfil an expression; with an order, the first 3."""
        name = self._named("query")
        await self.driver.matching(name, source.name, expression, order)
        return Collection(self.driver, name)

    async def counts(self, source: "Collection", belonging: "Collection", by: str) -> "Collection":
        """Make a live query that counts what belongs to each row of a collection."""
        name = self._named("query")
        await self.driver.counts(name, source.name, belonging.name, by)
        return Collection(self.driver, name)

    async def end(self) -> None:
        """End all that was opened, queries before what they are upon."""
        while self.opened:
            await self.driver.end(self.opened.pop())

    def _named(self, kind: str) -> str:
        self.opened.append(f"{kind} {next(_numbers)}")
        return self.opened[-1]

    def _options(self, token: str | None, table: str, options: dict[str, Any]) -> dict[str, Any]:
        given = dict(options)
        of_stream = {each: given.pop(each) for each in OF_STREAM if each in given}
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        url = self.server.http("/v1/shape")
        return {"url": url, "headers": headers, "params": {"table": table, **given}, **of_stream}


OF_STREAM: Final = ("log", "liveSse", "offset", "handle", "subsetMethod", "backoffOptions")
"""What is an option of `ShapeStream`; everything else is a parameter of the shape."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A stream, its messages, and the shape that it makes."""

    driver: StockClient
    name: str

    async def look(self) -> Any:
        """Everything that there is to see."""
        return await self.driver.look(self.name)

    async def until(self, what: str, **wanted: Any) -> Any:
        """Wait until what there is to see has these values; return all of it."""

        async def has() -> Any:
            seen = await self.look()
            return seen if wanted.items() <= seen.items() else None

        return await eventually(what, has)

    async def live(self) -> Any:
        """Wait until the stream has what there is, and has begun to ask for what comes."""

        async def has() -> Any:
            seen = await self.look()
            return seen if seen["requests"] and "live" in seen["requests"][-1] else None

        return await eventually("a live request", has)

    async def names(self, *wanted: str, by: str = "name") -> list[Row]:
        """Wait until the rows are those of these names, and no others; return them."""
        last: list[str] = []

        async def has() -> Any:
            nonlocal last
            rows = (await self.look())["rows"]
            last = sorted(str(row.get(by)) for row in rows)
            return (rows,) if last == sorted(wanted) else None

        try:
            return (await eventually("", has))[0]  # type: ignore[no-any-return]
        except AssertionError:
            seen = await self.look()
            raise AssertionError(f"expected {sorted(wanted)}, got {last}: {_brief(seen)}") from None

    async def changes(self, *wanted: str) -> list[Row]:
        """Wait until the stream has brought these operations, in this order; return them."""

        async def has() -> Any:
            changes = await self.driver.changes(self.name)
            operations = [change["headers"]["operation"] for change in changes]
            return (changes,) if operations == list(wanted) else None

        return (await eventually(f"changes {wanted}", has))[0]  # type: ignore[no-any-return]

    async def failed(self) -> Any:
        """Wait until the stream has been told that it may not go on."""

        async def has() -> Any:
            seen = await self.look()
            return seen if seen["errors"] else None

        return await eventually("an error", has)


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection of TanStack DB, or a live query."""

    driver: StockClient
    name: str

    async def look(self) -> Any:
        """Everything that there is to see."""
        return await self.driver.rows(self.name)

    async def names(self, *wanted: str, by: str = "name") -> list[Row]:
        """Wait until it is ready and its rows are those of these names; return them."""
        seen: Any = None

        async def has() -> Any:
            nonlocal seen
            seen = await self.look()
            same = sorted(str(row.get(by)) for row in seen["rows"]) == sorted(wanted)
            return (seen["rows"],) if same and seen["status"] == "ready" else None

        try:
            return (await eventually("", has))[0]  # type: ignore[no-any-return]
        except AssertionError:
            raise AssertionError(f"expected {sorted(wanted)}, got {_brief(seen)}") from None

    async def insert(self, row: Row) -> Any:
        """Insert a row; wait until the server has it and the shape has brought it."""
        return await self.driver.insert(self.name, row)

    async def update(self, key: str, **changes: Any) -> Any:
        """Change a row; wait as for an insertion."""
        return await self.driver.update(self.name, key, changes)

    async def delete(self, key: str) -> Any:
        """Delete a row; wait as for an insertion."""
        return await self.driver.delete(self.name, key)


def statuses(seen: Any) -> Sequence[int | None]:
    """Return how the requests of a stream were answered, in order; None: not yet."""
    return [request["status"] for request in seen["requests"]]


def _brief(seen: Any) -> Any:
    requests = [
        {name: each.get(name) for name in ("status", "offset", "live", "handle")}
        for each in seen["requests"][-8:]
    ]
    return {**seen, "messages": seen.get("messages", [])[-8:], "requests": requests}


def install() -> None:
    """Install the packages of package-lock.json, unless they are there."""
    with (ELECTRIC / ".installing").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (ELECTRIC / "node_modules").is_dir():
            npm("ci", cwd=ELECTRIC)


@asynccontextmanager
async def electric_clients(server: Address) -> AsyncIterator[Clients]:
    """Clients that ask a server."""
    install()
    async with driven(DRIVER) as driver:
        yield Clients(driver, server)
