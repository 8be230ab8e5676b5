"""A live document and who is in it: a machine that takes messages and answers effects.

Invariants, in the order in which a frame meets them:

1. An update is applied before anything else happens to it; what cannot be decoded goes nowhere.
2. An update that is news is appended and broadcast as received, never re-encoded.
3. Others get an Update at once; its sender is told when it is durable (`Accepted`). What a client
   answers they get when that is durable, too: it may hold edits of theirs that a server lost with
   its last moments, and y-websocket 4 takes what brings its edits back for an acknowledgement.
4. What a joining client is told of the document is durable too: it may hold that client's own
   unacknowledged edits from an earlier connection.
5. What is known already causes nothing but `Accepted`: the sender may not know that it is safe.
   Each Update and SyncStep2 is answered by exactly one `Accepted` or `Refused`.
6. A SyncStep2 goes to no one but the client whose state vector it was made for.
"""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar, assert_never
from uuid import UUID

from crdt.document.document import EMPTY_STATE_VECTOR, Document
from crdt.editing.editor import Editor
from crdt.errors import (
    DocumentPoisoned,
    Forbidden,
    Overloaded,
    PipelineTooLarge,
    ProtocolError,
    SyncError,
    Unauthenticated,
)
from crdt.protocol.messages import (
    Accepted,
    Authenticated,
    AwarenessUpdate,
    ClientMessage,
    QueryAwareness,
    Refused,
    Scope,
    Stateless,
    SyncStep1,
    SyncStep2,
    TokenWanted,
    Update,
)
from crdt.updates.format import EMPTY_UPDATE, brings_structs
from crdt.updates.inspection import Inspection
from crdt.updates.limits import ACCEPTED

from .awareness import Awareness
from .document_size import DocumentSize
from .effects import (
    Append,
    Broadcast,
    CloseAfterAcks,
    CloseSession,
    Effect,
    Publish,
    Send,
    SendWhenDurable,
    SessionId,
    WhenDurable,
)
from .peer_messages import Committed, NodeId, NodePresence, PeerMessage, PresenceQuery
from .session import Session, UserProfile

T = TypeVar("T")

MAX_STATELESS = 64 * 1024
"""Longest text that a client may tell the others of its room at once, in characters, by default."""

MAX_KEPT_STATE_VECTOR = 64 * 1024
"""Longest state vector that is kept for a session, in bytes; about 8,000 clients."""

NOBODY = b"\x00"

WARNED_BEFORE = timedelta(seconds=15)
"""How long before its token expires a client is asked for another one."""

TOKEN_EXPIRED = Unauthenticated("token expired: reconnect with a new one")
ACCESS_WITHDRAWN = Forbidden("access withdrawn: ask an owner of the pipeline's team")
READ_ONLY = Refused("read-only: a viewer's edits are not taken; ask for the member role")

TOO_LARGE = Refused(str(PipelineTooLarge()))
UNLIMITED = sys.maxsize


def stateless_from(user: UserProfile, payload: str) -> str:
    """Wrap what a client tells the others of its room: the server vouches for who it was."""
    return json.dumps({"from": user.card, "payload": payload}, ensure_ascii=False)


class Room:
    """One open pipeline. Nothing here waits, so nothing interleaves.

    Whoever calls a method must carry out the effects it returns, in order, before calling another.
    """

    def __init__(
        self,
        document: Document,
        node: NodeId = "",
        size: DocumentSize | None = None,
        max_stateless: int = MAX_STATELESS,
    ) -> None:
        self.document, self.node = document, node
        self._size, self._max_stateless = size or DocumentSize(UNLIMITED), max_stateless
        self.awareness = Awareness()
        self._published_presence = NOBODY
        self.sessions: dict[SessionId, Session] = {}
        self._editor: Editor | None = None

    def join(self, session: Session) -> list[Effect]:
        """Let a client in: ask what it has and tell it who is here."""
        self.sessions[session.id] = session
        effects = [] if session.is_asked_back else [self._ask(session)]
        if len(self.awareness):
            effects.append(Send(session.id, AwarenessUpdate(self.awareness.encode())))
        return effects

    def _ask(self, session: Session) -> Effect:
        return Send(session.id, SyncStep1(self.document.state_vector()))

    def handle(
        self,
        session_id: SessionId,
        message: ClientMessage,
        now: float,
        inspection: Inspection | None = None,
    ) -> list[Effect]:
        """Handle a message from a client. A SyncError closes that session alone.

        `inspection` is that of the message's update, if it was inspected before (in a thread);
        without it, the update is inspected here. Raises DocumentPoisoned, when a change broke off
        in the middle: the caller must then drop this room and load the document anew.
        """
        try:
            return self._receive(self.sessions[session_id], message, now, inspection)
        except SyncError as error:
            return [CloseSession(session_id, error)]

    def _receive(
        self, session: Session, message: ClientMessage, now: float, inspection: Inspection | None
    ) -> list[Effect]:
        match message:
            case SyncStep1(state_vector):
                return self._receive_sync_step1(session, state_vector)
            case SyncStep2(update):
                return self._receive_sync_step2(session, update, now, inspection)
            case Update(update):
                told = Broadcast(Update(update), exclude=session.id)
                return self._receive_edit(session, update, now, told, inspection)
            case AwarenessUpdate(payload):
                return self._receive_awareness(session, payload, now)
            case QueryAwareness():
                return [Send(session.id, AwarenessUpdate(self.awareness.encode()))]
            case Stateless(payload):
                return self._receive_stateless(session, payload)
        assert_never(message)

    def _receive_sync_step1(self, session: Session, state_vector: bytes) -> list[Effect]:
        asked_back = [self._ask(session)] if session.is_asked_back else []
        lacking = self._lacking(session.id, self.document.diff(state_vector))
        known = state_vector if len(state_vector) <= MAX_KEPT_STATE_VECTOR else EMPTY_STATE_VECTOR
        self.sessions[session.id] = replace(session, state_vector=known)
        return [*asked_back, *lacking]

    def _lacking(self, session_id: SessionId, diff: bytes) -> list[Effect]:
        waiting = (SendWhenDurable(session_id, Update(each)) for each in self.document.waiting())
        return [SendWhenDurable(session_id, SyncStep2(diff)), *waiting]

    def catch_up(self, session_id: SessionId, limit: int | None) -> list[Effect]:
        """Replace all updates and presence that a client too slow for them has missed.

        The client is sent away if what it lacks takes more than `limit` bytes: back with a newer
        state vector, it will lack less.
        """
        diff = self.document.diff(self.sessions[session_id].state_vector)
        if limit is not None and len(diff) > limit:
            return [CloseSession(session_id, Overloaded("this client reads too slowly: reconnect"))]
        presence = AwarenessUpdate(self.awareness.encode_with_removed())
        return [*self._lacking(session_id, diff), Send(session_id, presence)]

    def _receive_sync_step2(
        self, session: Session, update: bytes, now: float, inspection: Inspection | None
    ) -> list[Effect]:
        if update == EMPTY_UPDATE or self.document.contains(inspection or update, ACCEPTED):
            return [SendWhenDurable(session.id, Accepted(b""))]
        told = Broadcast(Update(update), exclude=session.id)
        return self._receive_edit(session, update, now, WhenDurable(told), inspection)

    def _receive_edit(
        self,
        session: Session,
        update: bytes,
        now: float,
        told: Broadcast | WhenDurable,
        inspection: Inspection | None,
    ) -> list[Effect]:
        if not session.may_write:
            return [Send(session.id, READ_ONLY)]
        if self._is_too_much(update, now):
            return [Send(session.id, TOO_LARGE)]
        accepted = SendWhenDurable(session.id, Accepted(update))
        if not self.document.apply(inspection or update, ACCEPTED):
            return [accepted]
        self._size.add(update)
        if isinstance(told, Broadcast):
            return [told, Append(update, session.user_id), accepted]
        return [Append(update, session.user_id), told, accepted]

    def _is_too_much(self, update: bytes, now: float) -> bool:
        return self._size.is_beyond(self.document, now) and brings_structs(update)

    def _receive_awareness(self, session: Session, payload: bytes, now: float) -> list[Effect]:
        relayed = self.awareness.apply(payload, session.id, session.user, now)
        return self._relay_presence(relayed)

    def _receive_stateless(self, session: Session, payload: str) -> list[Effect]:
        if (size := len(payload)) > (limit := self._max_stateless):
            raise ProtocolError(f"expected a stateless message up to {limit}, got {size}")
        told = Stateless(stateless_from(session.user, payload))
        return [Broadcast(told), Publish(told)]

    def receive_peer(
        self, message: PeerMessage, now: float, inspection: Inspection | None = None
    ) -> list[Effect]:
        """Handle a message from another node.

        `inspection` is that of a committed update, if it was inspected before. Raises
        ProtocolError for bytes that cannot be decoded, and DocumentPoisoned as `handle` does.
        """
        match message:
            case Committed(_, update):
                return [] if update is None else self._receive_committed(update, inspection)
            case NodePresence():
                return _show(self.awareness.apply_remote(message, now))
            case PresenceQuery():
                return [
                    Publish(
                        NodePresence(self.node, self.awareness.encode_local(), is_complete=True)
                    )
                ]
            case Stateless():
                return [Broadcast(message)]
        assert_never(message)

    def _receive_committed(self, update: bytes, inspection: Inspection | None) -> list[Effect]:
        self._size.add(update)
        return [Broadcast(Update(update))] if self.document.apply(inspection or update) else []

    @property
    def editor(self) -> Editor:
        """What the server edits the document with; made when first asked for."""
        if self._editor is None:
            self._editor = Editor(self.document)
        return self._editor

    def apply_edit(
        self,
        user_id: UUID | None,
        change: Callable[[Editor], T],
        now: float,
        *,
        is_deletion: bool = False,
    ) -> tuple[T, list[Effect]]:
        """Let the server itself edit, in a user's name: one transaction, at most one update.

        Returns what `change` returned. What it raises goes to the caller; if it had changed
        something by then, DocumentPoisoned is raised from it, since nobody else knows of that.
        Raises PipelineTooLarge if there is no room for anything but a deletion.
        """
        # Before the change: afterwards it could not be taken back.
        if not is_deletion and self._size.is_beyond(self.document, now):
            raise PipelineTooLarge
        updates: list[bytes] = []
        try:
            with self.document.transact() as updates:
                result = change(self.editor)
        except Exception as error:
            if updates:
                raise DocumentPoisoned(f"an edit failed halfway: {error}") from error
            raise
        return result, [
            effect for update in updates for effect in self._relay_edit(update, user_id)
        ]

    def apply_merge(self, user_id: UUID | None, edit: Inspection, now: float) -> list[Effect]:
        """Take an edit that the server made, in a user's name, on a copy of the document.

        Raises MalformedUpdate, and PipelineTooLarge as `require_capacity` does.
        """
        self.require_capacity(edit, now)
        return self._relay_edit(edit.update, user_id) if self.document.apply(edit) else []

    def require_capacity(self, edit: Inspection, now: float) -> None:
        """Raise PipelineTooLarge if an edit adds something to a document that is too large."""
        if self._is_too_much(edit.update, now):
            raise PipelineTooLarge

    def leave(self, session_id: SessionId) -> list[Effect]:
        """Forget a client whose connection ended, and its presence with it."""
        self.sessions.pop(session_id, None)
        return self._relay_presence(self.awareness.leave(session_id))

    def tick(self, now: float) -> list[Effect]:
        """Let time pass: clients and nodes that fell silent lose their presence."""
        told = [
            *self._relay_presence(self.awareness.expire(now)),
            *_show(self.awareness.expire_nodes(now)),
        ]
        return [*told, *self._publish_node_presence()]

    def _publish_node_presence(self) -> list[Effect]:
        """Tell the other nodes everybody who is here; once more after the last has gone."""
        node_presence, told = self.awareness.encode_local(), self._published_presence
        self._published_presence = node_presence
        if node_presence == told == NOBODY:
            return []
        return [Publish(NodePresence(self.node, node_presence, is_complete=True))]

    def expire(self, now: datetime) -> list[Effect]:
        """Let the time of day pass: sessions end with their tokens.

        Who can be asked for another token is asked before; y-websocket has no message for that, so
        a new connection must bring it.
        """
        effects: list[Effect] = []
        for session in self.sessions.values():
            if session.has_expired(now):
                effects.append(CloseAfterAcks(session.id, TOKEN_EXPIRED))
            elif session.is_asked_back and session.has_expired(now + WARNED_BEFORE):
                effects += self._warn(session)
        return effects

    def _warn(self, session: Session) -> list[Effect]:
        if session.was_warned:
            return []
        self.sessions[session.id] = replace(session, was_warned=True)
        return [Send(session.id, TokenWanted())]

    def renew(self, session_id: SessionId, scope: Scope, expires_at: datetime) -> list[Effect]:
        """Let a session go on with another token of the same user, and tell it what it may do."""
        session = replace(self.sessions[session_id], expires_at=expires_at, was_warned=False)
        return self._rescope(session, scope)

    def ask_again(self, session_id: SessionId) -> None:
        """Forget that a session was warned: the token that it brought could not be checked."""
        self.sessions[session_id] = replace(self.sessions[session_id], was_warned=False)

    def review(self, scopes: Mapping[UUID, Scope | None]) -> list[Effect]:
        """Give users another scope in place; None ends their sessions. Others stay as they are."""
        effects: list[Effect] = []
        for session in self.sessions.values():
            scope = scopes.get(session.user_id, session.scope)
            if scope is None:
                effects.append(CloseAfterAcks(session.id, ACCESS_WITHDRAWN))
            elif scope != session.scope:
                effects += self._rescope(session, scope)
        return effects

    def _rescope(self, session: Session, scope: Scope) -> list[Effect]:
        """Let a session go on within a scope.

        Who may write from now on is asked what it has: later edits build on those refused before.
        """
        self.sessions[session.id] = rescoped = replace(session, scope=scope)
        told = Send(session.id, Authenticated(scope))
        is_raised = rescoped.may_write and not session.may_write
        return [told, self._ask(rescoped)] if is_raised else [told]

    def _relay_presence(self, presence: bytes | None) -> list[Effect]:
        """Show presence to everybody here, and tell the other nodes."""
        if presence is None:
            return []
        return [*_show(presence), Publish(NodePresence(self.node, presence, is_complete=False))]

    def _relay_edit(self, update: bytes, user_id: UUID | None) -> list[Effect]:
        self._size.add(update)
        # After the commit: an edit that is refused goes with its room, and has no author who would
        # bring it back, so whoever had seen it would be left alone with it.
        return [
            Append(update, user_id),
            WhenDurable(Broadcast(Update(update))),
        ]


def _show(presence: bytes | None) -> list[Effect]:
    if presence is None:
        return []
    # The sender gets its own presence back: y-websocket clients take silence for a dead line.
    return [Broadcast(AwarenessUpdate(presence))]
