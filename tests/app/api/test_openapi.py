"""Requests of every kind that the OpenAPI document allows, and some that it does not.

The server must answer each as its document says, never with 5xx, and must show nobody anything of
a team that is not theirs: every text of the foreign team contains a marker.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.auth.tokens import Tokens
from persistence.ports.directory import Role, User
from persistence.postgres.pool import open_pool
from tests.app.conftest import SECRET
from tests.conftest import a_database
from tests.directory import WritableDirectory
from tests.rounds import SEED, SOAK, in_turn, rounds
from tests.server import Installation, Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHECKED = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)
MARKER = "onlyforthosewhoareintheteam"
EXAMPLES = rounds(6, few=1)
"""Requests per operation, user, and kind: as documented, and not."""

ENDLESS = ("GET", "/pipelines/{pipeline_id}/events")
DESTRUCTIVE = {
    ("DELETE", "/teams/{team_id}"),
    ("DELETE", "/teams/{team_id}/members/{user_id}"),
    ("PATCH", "/teams/{team_id}/members/{user_id}"),
    ("DELETE", "/teams/{team_id}/invitations/{invitation_id}"),
    ("DELETE", "/pipelines/{pipeline_id}"),
    ("DELETE", "/pipelines/{pipeline_id}/steps/{step_id}"),
    ("DELETE", "/pipelines/{pipeline_id}/connections/{connection_id}"),
    ("DELETE", "/pipelines/{pipeline_id}/comments/{comment_id}"),
    ("DELETE", "/templates/{template_id}"),
}
"""They run last, so that the others find what there is to find."""

CASES = settings(
    max_examples=EXAMPLES,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@dataclass
class Client:
    """A user over the network."""

    base: str
    user: User
    token: str = field(init=False)

    def __post_init__(self) -> None:
        expiry = timedelta(hours=1)
        self.token = Tokens(SECRET).issue(self.user, expiry, datetime.now(UTC))

    @property
    def headers(self) -> Mapping[str, str]:
        return {"authorization": f"Bearer {self.token}"}

    def made(self, path: str, body: Any, key: str = "id") -> Any:
        """POST what must succeed; return the id of what was made."""
        answer = requests.post(f"{self.base}{path}", json=body, headers=self.headers, timeout=30)
        assert answer.status_code == 201, answer.text
        return answer.json()[key]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def installation(
    postgres_server: str, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Installation]:
    async with a_database(postgres_server, template_database) as dsn:
        data_dir: Path = tmp_path_factory.mktemp("openapi") / "data"
        environment = {"PIPELOOM_JWT_SECRET": SECRET, "PIPELOOM_API_BURST": "1000000"}
        yield Installation(dsn, data_dir, environment)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(installation: Installation) -> AsyncIterator[Server]:
    async with installation.serve() as server:
        yield server


async def a_client(installation: Installation, server: Server, name: str, role: Role) -> Client:
    """A user in a team of that name."""
    pool = await open_pool(installation.database_url)
    directory = WritableDirectory(pool)
    user = await directory.create_user(f"{name}@example.org", name)
    organization = await directory.create_organization(name, name.lower())
    team = await directory.create_team(organization, name, name.lower())
    owner = await directory.create_user(f"owner-{name}@example.org", f"owner {name}")
    await directory.add_member(team, owner.id, "owner")
    await directory.add_member(team, user.id, role)
    await pool.close()
    return Client(server.http("/api"), user)


def furnished(client: Client, name: str) -> dict[str, Any]:
    """Fill a team with one of everything; return ids by the names of path parameters."""
    (team,) = requests.get(f"{client.base}/teams", headers=client.headers, timeout=30).json()[
        "items"
    ]
    pipeline = client.made("/pipelines", {"team_id": team["id"], "name": name, "tags": [name]})
    path = f"/pipelines/{pipeline}"
    one, other = (
        client.made(
            f"{path}/steps", {"name": f"{name} {n}", "type": "claude", "config": {"prompt": name}}
        )
        for n in range(2)
    )
    ends = {"from_step_id": one, "to_step_id": other, "from_output": name}
    template = {"pipeline_id": pipeline, "name": name, "category": name}
    return {
        "organization_id": team["organization_id"],
        "team_id": team["id"],
        "user_id": str(client.user.id),
        "pipeline_id": pipeline,
        "step_id": one,
        "connection_id": client.made(f"{path}/connections", ends),
        "comment_id": client.made(f"{path}/comments", {"content": name}),
        "number": client.made(f"{path}/versions", {"name": name}, "version_number"),
        "template_id": client.made("/templates", template),
    }


@dataclass
class Campaign:
    """Requests on behalf of one user, who knows some ids."""

    client: Client
    ids: Mapping[str, Any]
    statuses: Counter[int] = field(default_factory=Counter)

    def run(self, operation: Any, mode: GenerationMode, number: int = 0) -> None:
        """Try one operation with what a generator makes of its document.

        Mistakes are about known ids or about made up ones, by its number; in a soak about both.
        """
        named = {name: one for name, one in self.ids.items() if f"{{{name}}}" in operation.path}
        ways = ({}, named) if named else ({},)
        if mode is GenerationMode.NEGATIVE and not SOAK:
            ways = (in_turn(ways, number),)
        for ids in ways:
            strategy = operation.as_strategy(generation_mode=mode, path_parameters=ids or None)
            seed(SEED)(CASES(given(case=strategy)(self._try)))()

    def _try(self, case: Any) -> None:
        answer = case.call(base_url=self.client.base, headers=dict(self.client.headers))
        self.statuses[answer.status_code] += 1
        # A file is a text by the document, as clients take it; the checks would read what is in it.
        is_file = "application/yaml" in str(answer.headers.get("content-type"))
        checks = [one for one in CHECKED if not (is_file and one is response_schema_conformance)]
        case.validate_response(answer, checks=checks)
        assert MARKER not in answer.text.lower(), "something of another team"


def everything(schema: Any) -> list[Any]:
    """Every operation but the endless one, those that destroy last."""
    operations = [one.ok() for one in schema.get_all_operations()]
    named = {(one.method.upper(), one.path): one for one in operations}
    del named[ENDLESS]
    return [named[key] for key in sorted(named, key=lambda key: (key in DESTRUCTIVE, key))]


async def test_whatever_the_document_allows_is_answered_as_documented(
    installation: Installation, server: Server
) -> None:
    print(f"seed {SEED}")
    foreign = await a_client(installation, server, MARKER, "member")
    member = await a_client(installation, server, "member", "member")
    outsider = await a_client(installation, server, "outsider", "member")
    theirs = await asyncio.to_thread(furnished, foreign, MARKER)
    mine = await asyncio.to_thread(furnished, member, "mine")
    campaigns = {
        "member": Campaign(member, mine),
        "outsider": Campaign(outsider, theirs),
    }
    schema = schemathesis.openapi.from_url(server.http("/api/openapi.json"))
    for number, (operation, name) in enumerate(product(everything(schema), campaigns)):
        await asyncio.to_thread(campaigns[name].run, operation, GenerationMode.POSITIVE)
        # Of each operation, one of the two users makes mistakes; in a soak both do.
        if SOAK or in_turn((True, False), number + number // 2):
            await asyncio.to_thread(campaigns[name].run, operation, GenerationMode.NEGATIVE, number)
    for name, campaign in campaigns.items():
        figures = ", ".join(f"{status}: {n}" for status, n in sorted(campaign.statuses.items()))
        print(f"{name}: {campaign.statuses.total()} requests; {figures}")
        assert campaign.statuses[200] > EXAMPLES * {"member": 16, "outsider": 3}[name]
