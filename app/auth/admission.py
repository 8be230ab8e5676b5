"""Who may enter where: a token, a pipeline, and the team that the pipeline belongs to."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from crdt.errors import Forbidden, PipelineNotFound
from crdt.protocol.messages import Scope
from crdt.room.effects import SessionId
from crdt.room.session import Session, UserProfile
from persistence.ports.directory import Directory

from .access_watch import AccessWatch
from .tokens import Verifier, scope_of


@dataclass(frozen=True, slots=True)
class Visitor:
    """A client that may enter: who it is, where to, what it may do there, and until when.

    `moment` is when its role was looked up; see `Admission.catch_up`.
    """

    user: UserProfile
    pipeline_id: UUID
    scope: Scope
    expires_at: datetime
    moment: int

    def session(self, session_id: SessionId, *, is_hocuspocus: bool = False) -> Session:
        """Begin this client's life in a room."""
        return Session(session_id, self.user, self.scope, self.expires_at, is_hocuspocus)


class Admission:
    """Checks tokens and roles at the door."""

    def __init__(self, directory: Directory, tokens: Verifier, access: AccessWatch) -> None:
        self._directory, self._tokens, self._access = directory, tokens, access

    async def admit(self, token: str, room_name: str) -> Visitor:
        """Check a token for the room of a pipeline.

        Raises Unauthenticated, Forbidden, PipelineNotFound, Overloaded, StoreError.
        """
        # Before the role is looked up: a change after this is heard of, whatever the order.
        moment = self._access.moment
        claims = await self._tokens.verify(token)
        pipeline_id = _pipeline_id(room_name)
        member = await self._directory.member(claims.user_id, pipeline_id)
        if member is None:
            raise Forbidden
        scope = scope_of(member.role)
        return Visitor(member.user, pipeline_id, scope, claims.expires_at, moment)

    async def catch_up(self, visitor: Visitor) -> None:
        """Act on what was announced since a visitor, who has joined, was admitted.

        Raises StoreError.
        """
        await self._access.catch_up(visitor.user.id, since=visitor.moment)


def _pipeline_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise PipelineNotFound("no such pipeline: expected its id, a UUID") from error
