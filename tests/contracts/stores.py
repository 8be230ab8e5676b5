"""What the contract suites stand on: a store of either kind with a team, users and a pipeline."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

from crdt.pipeline.rows import ConnectionRow, PipelineRow, RowChanges, StepRow
from persistence.ports.directory import Demo, Directory, NewPipeline, Role, User
from persistence.ports.folding import LogFolding
from persistence.ports.identities import Identities
from persistence.ports.projections import Projections
from persistence.ports.storage import TeamStorage
from persistence.ports.update_log import NewUpdate, UpdateHistory, UpdateLog
from persistence.ports.versions import Versions
from persistence.postgres.folding import PostgresLogFolding
from persistence.postgres.identities import PostgresIdentities
from persistence.postgres.pool import Pool
from persistence.postgres.projections import PostgresProjections
from persistence.postgres.storage import PostgresTeamStorage
from persistence.postgres.update_log import PostgresUpdateLog
from persistence.postgres.versions import PostgresVersions
from tests.directory import WritableDirectory

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class FullDirectory(Directory, Protocol):
    """The port, and the verbs of the twin in memory and of `tests.directory` beyond it."""

    async def delete_pipeline(self, pipeline_id: UUID) -> None: ...
    async def create_organization(self, name: str, slug: str) -> UUID: ...
    async def create_team(self, organization_id: UUID, name: str, slug: str) -> UUID: ...
    async def create_user(self, email: str, name: str) -> User: ...
    async def add_member(self, team_id: UUID, user_id: UUID, role: Role) -> None: ...
    async def remove_member(self, team_id: UUID, user_id: UUID) -> None: ...
    async def team_by_slug(self, slug: str) -> UUID: ...
    async def add_link(
        self,
        team_id: UUID,
        digest: bytes,
        role: Role,
        inviter: UUID,
        *,
        uses: int,
        lasts: timedelta,
    ) -> None: ...
    async def revoke_link(self, digest: bytes) -> None: ...
    async def address_of(self, user_id: UUID) -> str: ...
    async def role_in(self, team_id: UUID, user_id: UUID) -> Role | None: ...
    async def ensure_demo(self) -> Demo: ...


@dataclass
class Stores:
    """One store by its ports."""

    log: UpdateLog
    projections: Projections
    directory: FullDirectory
    versions: Versions
    folding: LogFolding
    storage: TeamStorage
    identities: Identities
    team_id: UUID = field(init=False)
    author: User = field(init=False)

    @property
    def update_history(self) -> UpdateHistory:
        """Both logs tell it."""
        return self.log  # type: ignore[return-value]

    async def prepare(self) -> None:
        organization = await self.directory.create_organization("Looms", "looms")
        self.team_id = await self.directory.create_team(organization, "Weavers", "weavers")
        self.author = await self.directory.create_user("ada@example.org", "Ada")

    async def new_pipeline(self, number: int = 1) -> UUID:
        """Create pipeline `number`; its log holds the update b"seed"."""
        pipeline = self.unborn_pipeline(number)
        await self.directory.create_pipeline(pipeline)
        return pipeline.id

    def unborn_pipeline(self, number: int = 1) -> NewPipeline:
        return NewPipeline(an_id(number), self.team_id, self.author.id, a_pipeline(), b"seed", NOON)

    def update(self, pipeline_id: UUID, payload: bytes = b"edit") -> NewUpdate:
        return NewUpdate(pipeline_id, self.author.id, payload, NOON)

    async def project(self, changes: RowChanges, cursor: int) -> None:
        """Apply changes to the only dirty pipeline."""
        async with self.projections.claim() as claim:
            assert claim is not None
            await claim.apply(changes, cursor)


def stores_on(pool: Pool) -> Stores:
    """The stores of PostgreSQL."""
    return Stores(
        PostgresUpdateLog(pool),
        PostgresProjections(pool),
        WritableDirectory(pool),
        PostgresVersions(pool),
        PostgresLogFolding(pool),
        PostgresTeamStorage(pool),
        PostgresIdentities(pool),
    )


def an_id(number: int) -> UUID:
    return UUID(int=number)


def a_pipeline(name: str = "Loom", **fields: object) -> PipelineRow:
    values: dict[str, object] = {
        "description": None,
        "yaml_version": "v2",
        "status": "draft",
        "config": {},
        "defaults": {},
        "authentication": {},
        "tags": (),
        "is_template": False,
    }
    return PipelineRow(name, **(values | fields))  # type: ignore[arg-type]


def a_step(number: int, name: str | None = None, **fields: object) -> StepRow:
    values: dict[str, object] = {
        "type": "claude",
        "declared_type": None,
        "enabled": True,
        "config": {},
        "position_x": 1.5,
        "position_y": -2.0,
        "width": 200.0,
        "height": 100.0,
        "parent_step_id": None,
        "slot": "steps",
        "order_index": number,
    }
    return StepRow(an_id(number), name or f"step {number}", **(values | fields))  # type: ignore[arg-type]


def a_connection(number: int, source: int, target: int, **fields: object) -> ConnectionRow:
    values: dict[str, object] = {
        "from_output": "output",
        "to_input": "input",
        "path_data": None,
    }
    return ConnectionRow(an_id(number), an_id(source), an_id(target), **(values | fields))  # type: ignore[arg-type]
