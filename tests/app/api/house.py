"""Users and teams that send requests to the API."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, get_args
from uuid import UUID, uuid4

import asyncpg  # type: ignore[import-untyped]
import httpx
from starlette.applications import Starlette

from app.auth.tokens import Tokens
from app.http import ProblemCode
from app.main import Services
from persistence.ports.directory import Role, User
from tests.directory import WritableDirectory

TOKENS = Tokens("a secret of the tests, long enough for HS256")

ROLES: tuple[Role, ...] = ("owner", "admin", "member", "viewer")

_NUMBERS = count(1)


@dataclass
class ApiUser:
    """A user, and the requests that this user makes."""

    user: User
    app: Starlette
    token: str = field(init=False)

    def __post_init__(self) -> None:
        self.token = TOKENS.issue(self.user, timedelta(hours=1), datetime.now(UTC))

    @property
    def id(self) -> str:
        return str(self.user.id)

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Make a request; `path` is below /api."""
        return await ask(self.app, method, path, self.token, **options)

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.ask("GET", path, **options)

    async def post(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return await self.ask("POST", path, json=json, **options)

    async def patch(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return await self.ask("PATCH", path, json=json, **options)

    async def delete(self, path: str, **options: Any) -> httpx.Response:
        return await self.ask("DELETE", path, **options)

    async def read(self, path: str, **options: Any) -> Any:
        """GET what must be there."""
        return the_json(await self.get(path, **options))

    async def made(self, path: str, json: Any = None, **options: Any) -> Any:
        """POST what must succeed, and find it where it is said to be."""
        answer = await self.post(path, json, **options)
        assert answer.status_code == 201, (answer.status_code, answer.text)
        location = re.fullmatch(r"/api(/\S+)", answer.headers["location"])
        assert location is not None
        assert (await self.get(location[1])).status_code == 200
        return answer.json()


@dataclass
class Team:
    """A team with one user in every role, and somebody who is not in it."""

    id: str
    organization_id: str
    people: Mapping[str, ApiUser]

    def __getattr__(self, role: str) -> ApiUser:
        if role.startswith("_"):
            raise AttributeError(role)
        return self.people[role]

    @property
    def path(self) -> str:
        return f"/teams/{self.id}"


@dataclass
class House:
    """The server and its database."""

    made: Services
    app: Starlette
    dsn: str

    @property
    def directory(self) -> WritableDirectory:
        """The directory of the server, with the verbs that fill it."""
        return WritableDirectory(self.made.directory._pool)

    async def a_user(self, name: str = "somebody") -> ApiUser:
        """A user who is in no team."""
        email = f"{name}-{next(_NUMBERS)}@example.org"
        return ApiUser(await self.directory.create_user(email, name.title()), self.app)

    async def a_team(self) -> Team:
        """A team with its people; the outsider owns another team in another organization."""
        people = {role: await self.a_user(role) for role in (*ROLES, "outsider")}
        organization, team = await self._an_empty_team()
        for role in ROLES:
            await self.directory.add_member(team, people[role].user.id, role)
        _, elsewhere = await self._an_empty_team()
        await self.directory.add_member(elsewhere, people["outsider"].user.id, "owner")
        return Team(str(team), str(organization), people)

    async def _an_empty_team(self) -> tuple[UUID, UUID]:
        name = f"team-{next(_NUMBERS)}"
        organization = await self.directory.create_organization(name, name)
        return organization, await self.directory.create_team(organization, name, name)

    async def sql(self, statement: str, *args: object) -> Any:
        """Run SQL as the owner of the tables; return the rows."""
        connection = await asyncpg.connect(self.dsn)
        try:
            return await connection.fetch(statement, *args)
        finally:
            await connection.close()


async def ask(
    app: Starlette, method: str, path: str, token: str | None = None, **options: Any
) -> httpx.Response:
    """Make a request without a network; `path` is below /api."""
    headers = {**options.pop("headers", {})}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.request(method, f"/api{path}", headers=headers, **options)


def the_json(answer: httpx.Response) -> Any:
    """The body of an answer that must be good."""
    assert answer.status_code == 200, (answer.status_code, answer.text)
    return answer.json()


def the_problem(answer: httpx.Response, status: int) -> Any:
    """The problem document of an answer that must be a refusal."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert (document["status"], document["type"]) == (status, "about:blank")
    assert document["code"] in get_args(ProblemCode)
    assert document["detail"]
    return document


def an_id() -> str:
    """An id that nothing has."""
    return str(uuid4())


async def all_items(caller: ApiUser, path: str, limit: int, **filters: Any) -> list[Any]:
    """Every item of a list, page by page."""
    items: list[Any] = []
    params: dict[str, Any] = {**filters, "limit": limit}
    while True:
        page = await caller.read(path, params=params)
        assert len(page["items"]) <= limit
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        params["cursor"] = page["next_cursor"]


async def a_pipeline(team: Team, name: str = "a pipeline", **settings: Any) -> str:
    """Create a pipeline as the team's member; return its path."""
    wanted = {"team_id": team.id, "name": name, **settings}
    if "yaml" in settings:
        del wanted["name"]
    made = await team.member.made("/pipelines", wanted)
    return f"/pipelines/{made['id']}"


async def a_step(team: Team, pipeline: str, name: str, **fields: Any) -> str:
    """Add a step as the team's member; return its id."""
    made = await team.member.made(f"{pipeline}/steps", {"name": name, "type": "claude", **fields})
    step_id: str = made["id"]
    return step_id
