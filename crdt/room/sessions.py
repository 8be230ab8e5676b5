"""The sessions of a room: how each begins, what its user may do, and how it ends with its token."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from crdt.errors import Forbidden, Unauthenticated
from crdt.protocol.messages import Authenticated, Scope, SyncStep1, TokenWanted
from crdt.updates.state_vector import EMPTY_STATE_VECTOR

from .effects import CloseAfterAcks, Effect, Send, SessionId
from .session import Session

MAX_KEPT_STATE_VECTOR = 64 * 1024
"""Longest state vector that is kept for a session, in bytes; about 8,000 clients."""

TOKEN_REQUEST_LEAD = timedelta(seconds=15)
"""How long before its token expires a client is asked for another one."""

TOKEN_EXPIRED = Unauthenticated("token expired: reconnect with a new one")
ACCESS_WITHDRAWN = Forbidden("access withdrawn: ask an owner of the pipeline's team")


class Sessions:
    """The sessions of one room, by id.

    `sync_step1` returns the message that asks a client for the updates that the room lacks; it is
    given whether the client may write, since only then they would be taken.
    """

    def __init__(self, sync_step1: Callable[[bool], SyncStep1]) -> None:
        self._sessions: dict[SessionId, Session] = {}
        self._sync_step1 = sync_step1

    def __getitem__(self, session_id: SessionId) -> Session:
        return self._sessions[session_id]

    def __contains__(self, session_id: SessionId) -> bool:
        return session_id in self._sessions

    def __iter__(self) -> Iterator[Session]:
        return iter(self._sessions.values())

    def join(self, session: Session) -> list[Effect]:
        """Add a session."""
        self._sessions[session.id] = session
        return [] if session.is_hocuspocus else [self._request_sync(session)]

    def leave(self, session_id: SessionId) -> None:
        """Remove a session, if it is there."""
        self._sessions.pop(session_id, None)

    def note_sync_step1(self, session: Session, state_vector: bytes) -> list[Effect]:
        """Keep the state vector of a client; ask for its own, if its protocol wants that now."""
        kept = state_vector if len(state_vector) <= MAX_KEPT_STATE_VECTOR else EMPTY_STATE_VECTOR
        self._sessions[session.id] = replace(session, state_vector=kept)
        return [self._request_sync(session)] if session.is_hocuspocus else []

    def _request_sync(self, session: Session) -> Effect:
        return Send(session.id, self._sync_step1(session.may_write))

    def expire(self, now: datetime) -> list[Effect]:
        """Close the sessions whose tokens have expired.

        Clients of the Hocuspocus protocol are asked for another token before; y-websocket has no
        message for that, so such a client must reconnect with a new one.
        """
        effects: list[Effect] = []
        for session in list(self):
            if session.has_expired(now):
                effects.append(CloseAfterAcks(session.id, TOKEN_EXPIRED))
            elif session.is_hocuspocus and session.has_expired(now + TOKEN_REQUEST_LEAD):
                effects += self._request_token(session)
        return effects

    def _request_token(self, session: Session) -> list[Effect]:
        if session.is_token_requested:
            return []
        self._sessions[session.id] = replace(session, is_token_requested=True)
        return [Send(session.id, TokenWanted())]

    def renew(self, session_id: SessionId, scope: Scope, expires_at: datetime) -> list[Effect]:
        """Continue a session with another token of the same user; send its client its scope."""
        session = replace(self[session_id], expires_at=expires_at, is_token_requested=False)
        return self._change_scope(session, scope)

    def request_token_again(self, session_id: SessionId) -> None:
        """Let `expire` ask a client once more: the token that it sent could not be checked."""
        self._sessions[session_id] = replace(self[session_id], is_token_requested=False)

    def apply_scopes(self, scopes: Mapping[UUID, Scope | None]) -> list[Effect]:
        """Change the scopes of users; None closes their sessions. Other users keep theirs."""
        effects: list[Effect] = []
        for session in list(self):
            scope = scopes.get(session.user_id, session.scope)
            if scope is None:
                effects.append(CloseAfterAcks(session.id, ACCESS_WITHDRAWN))
            elif scope != session.scope:
                effects += self._change_scope(session, scope)
        return effects

    def _change_scope(self, session: Session, scope: Scope) -> list[Effect]:
        changed = replace(session, scope=scope)
        self._sessions[session.id] = changed
        effects: list[Effect] = [Send(session.id, Authenticated(scope))]
        if changed.may_write and not session.may_write:
            # Edits of this client were refused so far, and its next ones build on them.
            effects.append(self._request_sync(changed))
        return effects
