"""Users, teams and the pipelines they own: who there is, and who may do what."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Protocol, TypeAlias
from uuid import UUID

from crdt.pipeline.rows import PipelineRow
from crdt.room.session import UserProfile
from persistence.errors import UnknownSubject

Role: TypeAlias = Literal["owner", "admin", "member", "viewer"]


@dataclass(frozen=True, slots=True)
class NewPipeline:
    """A pipeline about to exist. `first_update` is its document's first and only seed.

    `parent_id` is the pipeline it was forked from, `address` where the author's client is.
    `needs_member` says that `created_by` must be one of the team who may edit, `claim` under which
    claim of a key it is created (`ports/idempotency.py`).
    """

    id: UUID
    team_id: UUID
    created_by: UUID | None
    row: PipelineRow
    first_update: bytes
    created_at: datetime
    parent_id: UUID | None = None
    address: str = ""
    needs_member: bool = False
    claim: UUID | None = None


@dataclass(frozen=True, slots=True)
class User:
    """A person who may hold tokens."""

    id: UUID
    email: str
    name: str


SYSTEM: Final = User(
    UUID("00000000-0000-4000-8000-000000000001"), "system@pipeloom.invalid", "system"
)
"""The author of what the server writes by itself: repairs of documents. `sql/` has the same."""

DEMO_TEAM: Final = "demo/demo"
"""The demo team with its organization: others may have a team `demo`, too."""

DEMO_OWNER: Final = "owner@demo.pipeloom"


DEMO_VIEWER: Final = "viewer@demo.pipeloom"


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo team and its two users: one may edit, one may only watch."""

    team_id: UUID
    owner: User
    viewer: User


@dataclass(frozen=True, slots=True)
class Member:
    """A person in a team."""

    user: UserProfile
    role: Role


class Directory(Protocol):
    """Who there is, and who may do what."""

    async def member(self, user_id: UUID, pipeline_id: UUID) -> Member | None:
        """Find a user in the pipeline's team, None for an outsider. Raises PipelineNotFound."""
        ...

    async def roles(
        self, seats: Collection[tuple[UUID, UUID]]
    ) -> dict[tuple[UUID, UUID], Role | None]:
        """The role of each (user, pipeline), None for outsiders.

        A pipeline that does not exist is not in the answer.
        """
        ...

    async def user_by_email(self, email: str) -> User:
        """Find a user, ignoring case. Raises UnknownSubject."""
        ...

    async def create_pipeline(self, pipeline: NewPipeline) -> int:
        """Create the pipeline's row and its document, seeded once, in one transaction.

        Return the id of that transaction, as `UserDatabase.rows` has it. The document is dirty
        afterwards: a worker fills `steps` and `connections`.
        Raises UnknownSubject when the team, the user or the parent does not exist, NotAllowed when
        the author must be a member and is none any more, TooManyChanges.
        """
        ...


def only_team(slug: str, found: dict[str, UUID]) -> UUID:
    """The only team in `found` (path to id). Raises UnknownSubject for none and for several."""
    match list(found.values()):
        case [team_id]:
            return team_id
        case []:
            raise UnknownSubject(f"no team has the slug {slug}: check it, or create the team")
        case _:
            raise UnknownSubject(f"several teams are called {slug}: say one of {', '.join(found)}")
