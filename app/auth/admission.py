"""Who may join which room, by token, pipeline and the team that the pipeline belongs to."""

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
class AdmittedClient:
    """A client that may join a room: its user, the pipeline, what it may do, and until when.

    `revision` is that of the `AccessWatch` before its role was looked up; see `Admission.catch_up`.
    """

    user: UserProfile
    pipeline_id: UUID
    scope: Scope
    expires_at: datetime
    revision: int

    def session(self, session_id: SessionId, *, is_hocuspocus: bool = False) -> Session:
        """Begin this client's life in a room."""
        return Session(session_id, self.user, self.scope, self.expires_at, is_hocuspocus)


class Admission:
    """Checks the token and the role of every client that wants to join a room."""

    def __init__(self, directory: Directory, tokens: Verifier, access: AccessWatch) -> None:
        self._directory, self._tokens, self._access = directory, tokens, access

    async def admit(self, token: str, room_name: str) -> AdmittedClient:
        """Check a token for the room of a pipeline.

        Raises Unauthenticated, Forbidden, PipelineNotFound, Overloaded, StoreError.
        """
        # Read before the role is looked up: `catch_up` then notices any change after this line.
        revision = self._access.revision
        claims = await self._tokens.verify(token)
        pipeline_id = _pipeline_id(room_name)
        member = await self._directory.member(claims.user_id, pipeline_id)
        if member is None:
            raise Forbidden
        scope = scope_of(member.role)
        return AdmittedClient(member.user, pipeline_id, scope, claims.expires_at, revision)

    async def catch_up(self, client: AdmittedClient) -> None:
        """Act on what was announced between the admission of a client and its joining a room.

        Raises StoreError.
        """
        await self._access.catch_up(client.user.id, since=client.revision)


def _pipeline_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise PipelineNotFound("no such pipeline: expected its id, a UUID") from error
