"""A live document and the clients that are in it, without I/O: messages in, effects out.

Invariants, in the order in which a message meets them:

1. An update is applied before anything else happens with it. One that cannot be decoded has no
   effect but the end of its sender's session.
2. An update that changes the document is appended to the log and broadcast as it was received,
   never encoded again.
3. The update of an Update is broadcast to the other clients at once, and its sender is sent
   `Accepted` when it is durable. The update of a SyncStep2 is broadcast when it is durable, too: it
   may hold edits of those other clients that a server lost when it crashed, and a y-websocket 4
   client takes an update that brings its own edits back for their acknowledgement.
4. What a joining client is sent of the document is durable as well: it may hold that client's own
   unacknowledged edits from an earlier connection.
5. An update that changes nothing has no effect but `Accepted`: its sender may not know that it is
   safe. Each Update and each SyncStep2 is answered by exactly one `Accepted` or `Refused`.
6. A SyncStep2 is sent to no one but the client whose state vector it was made for.
"""

import json
import sys
from collections.abc import Callable
from typing import TypeVar, assert_never
from uuid import UUID

from crdt.document.document import Document
from crdt.document.replacement import Replacement
from crdt.editing.editor import Editor
from crdt.errors import (
    ClientIdReused,
    DocumentPoisoned,
    Overloaded,
    PipelineTooLarge,
    ProtocolError,
    StorageFull,
    SyncError,
)
from crdt.protocol.messages import (
    Accepted,
    AwarenessUpdate,
    ClientMessage,
    QueryAwareness,
    Refused,
    Stateless,
    SyncStep1,
    SyncStep2,
    Update,
)
from crdt.updates.format import EMPTY_UPDATE, has_structs
from crdt.updates.inspection import Inspection, inspect_update
from crdt.updates.limits import ACCEPTED, REPLAYED
from crdt.updates.same_elements import are_same
from crdt.updates.state_vector import read_state_vector

from .awareness import Awareness
from .document_size import DocumentSize
from .effects import (
    Append,
    Broadcast,
    CloseSession,
    Effect,
    Integrate,
    Publish,
    Reload,
    Send,
    SendWhenDurable,
    SessionId,
    WhenDurable,
)
from .peer_messages import Committed, NodeId, NodePresence, PeerMessage, PresenceQuery
from .presence_relay import PresenceRelay
from .session import Session, UserProfile
from .sessions import Sessions

T = TypeVar("T")

MAX_STATELESS = 64 * 1024
"""Longest stateless message of a client, in characters, by default."""

READ_ONLY = Refused("read-only: a viewer's edits are not taken; ask for the member role")
TOO_LARGE = Refused(str(PipelineTooLarge()))
STORAGE_FULL = Refused(str(StorageFull()))
TOO_SLOW = "this client reads too slowly: reconnect"
UNLIMITED = sys.maxsize

MANY_PARTS = 2_000
"""Parts of an edit after which the editor of a document begins anew."""

MAX_STATE_VECTOR_OF_ONE = 21
"""Most bytes of a state vector of one client: three varUints, of which two have up to ten."""


def stateless_from(user: UserProfile, payload: str) -> str:
    """Wrap a stateless message of a client, so that its receivers can trust who sent it."""
    return json.dumps({"from": user.card, "payload": payload}, ensure_ascii=False)


class Room:
    """One open pipeline. No method waits, so no two of them interleave.

    The caller of a method must execute the effects that it returns, in order, before it calls
    another one. `sessions` has the effects of tokens and scopes. While `is_storage_full`, the team
    of the pipeline stores as much as it may, and what adds to the document is refused. If it
    `may_defer`, updates that are dear become an `Integrate`.
    """

    def __init__(
        self,
        document: Document,
        node: NodeId = "",
        size: DocumentSize | None = None,
        max_stateless: int = MAX_STATELESS,
        *,
        may_defer: bool = False,
    ) -> None:
        self.document, self.node, self._may_defer = document, node, may_defer
        self._size, self._max_stateless = size or DocumentSize(UNLIMITED), max_stateless
        self.awareness = Awareness()
        self._presence = PresenceRelay(self.awareness, node)
        self.sessions = Sessions(self._question)
        self._editor: Editor | None = None
        self.is_storage_full = False
        self._doubtful: dict[SessionId, int] = {}

    def _question(self, may_write: bool) -> SyncStep1:
        vector = self.document.wanted_from() if may_write else self.document.state_vector()
        return SyncStep1(vector)

    def join(self, session: Session) -> list[Effect]:
        """Add a client: ask it for the updates that are missing here, and send it who is here."""
        effects = self.sessions.join(session)
        if len(self.awareness):
            effects.append(self._send_awareness(session))
        return effects

    def _send_awareness(self, session: Session) -> Effect:
        return Send(session.id, AwarenessUpdate(self.awareness.encode()))

    def leave(self, session_id: SessionId) -> list[Effect]:
        """Remove a client whose connection ended, and its awareness state."""
        self.sessions.leave(session_id)
        self._doubtful.pop(session_id, None)
        return self._presence.leave(session_id)

    def tick(self, now: float) -> list[Effect]:
        """Remove the awareness states that have expired, and publish the others to other nodes."""
        return self._presence.tick(now)

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
        # Nearly every message is one, and a match asks for what it is several times.
        if isinstance(message, Update):
            broadcast = Broadcast(message, exclude=session.id)
            return self._receive_edit(session, message.update, now, broadcast, inspection)
        match message:
            case SyncStep1(state_vector):
                return self._receive_sync_step1(session, state_vector)
            case SyncStep2(update):
                return self._receive_sync_step2(session, update, now, inspection)
            case AwarenessUpdate(payload):
                return self._presence.receive(session, payload, now)
            case QueryAwareness():
                return [self._send_awareness(session)]
            case Stateless(payload):
                return self._receive_stateless(session, payload)
        assert_never(message)

    def _receive_sync_step1(self, session: Session, state_vector: bytes) -> list[Effect]:
        # Before anything is kept: this raises ProtocolError for what is no state vector.
        diff = self.document.diff(state_vector)
        requested = self.sessions.note_sync_step1(session, state_vector)
        if session.may_write and (client := self._doubtful_client(state_vector)) is not None:
            self._doubtful[session.id] = client
            question = SyncStep1(self.document.state_vector_without(client))
            requested = [Send(session.id, question)]
        return [*requested, *self._send_diff(session.id, diff)]

    def _doubtful_client(self, state_vector: bytes) -> int | None:
        """Return the client id of a replica that nobody else has written in, if it is known here.

        Its client either was cut off at its first sync, or has begun anew under an id that it used
        before. What it is asked for then shows which.
        """
        if len(state_vector) > MAX_STATE_VECTOR_OF_ONE:
            return None
        state = read_state_vector(state_vector)
        client = next(iter(state), 0)
        is_doubtful = len(state) == 1 and state[client] and self.document.clock_of(client)
        return client if is_doubtful else None

    def _check_doubtful(self, session: Session, found: Inspection) -> None:
        """Compare what a doubtful client has with what the document has. Raises ClientIdReused."""
        client = self._doubtful.get(session.id)
        structs = found.structs.get(client) if client is not None else None
        if client is None or not structs or structs[0].clock >= self.document.clock_of(client):
            return
        known = self.document.diff(self.document.state_vector_without(client))
        if not are_same((found.update, structs), known, client):
            raise ClientIdReused(
                f"client id {client} was used in this document before: let Yjs choose it, reload"
            )
        del self._doubtful[session.id]

    def _send_diff(self, session_id: SessionId, diff: bytes) -> list[Effect]:
        # The diff holds no pending structs, so those follow in updates of their own.
        pending = (SendWhenDurable(session_id, Update(each)) for each in self.document.waiting())
        return [SendWhenDurable(session_id, SyncStep2(diff)), *pending]

    @property
    def document_bytes(self) -> int:
        """How large the document is at most, encoded."""
        return self._size.bound

    def catch_up(self, session_id: SessionId, limit: int | None) -> list[Effect]:
        """Send a client, in one diff, all updates and awareness that were dropped for it.

        Closes the session if that takes more than `limit` bytes: the client reconnects with a
        newer state vector and will miss less.
        """
        diff = self.document.diff(self.sessions[session_id].state_vector)
        if limit is not None and len(diff) > limit:
            return [CloseSession(session_id, Overloaded(TOO_SLOW))]
        awareness = AwarenessUpdate(self.awareness.encode_with_removed())
        return [*self._send_diff(session_id, diff), Send(session_id, awareness)]

    def _receive_sync_step2(
        self, session: Session, update: bytes, now: float, inspection: Inspection | None
    ) -> list[Effect]:
        if update == EMPTY_UPDATE or self.document.contains(inspection or update, ACCEPTED):
            return [SendWhenDurable(session.id, Accepted(b""))]
        broadcast = Broadcast(Update(update), exclude=session.id)
        return self._receive_edit(session, update, now, WhenDurable(broadcast), inspection)

    def _receive_edit(
        self,
        session: Session,
        update: bytes,
        now: float,
        broadcast: Broadcast | WhenDurable,
        inspection: Inspection | None,
    ) -> list[Effect]:
        if not session.may_write:
            return [Send(session.id, READ_ONLY)]
        if self._has_no_room_for(update, now):
            return [Send(session.id, STORAGE_FULL if self.is_storage_full else TOO_LARGE)]
        if self._doubtful:
            inspection = inspection or inspect_update(update, ACCEPTED)
            self._check_doubtful(session, inspection)
        if self._may_defer:
            inspection = inspection or inspect_update(update, ACCEPTED)
            if self.document.is_dear(inspection, ACCEPTED):
                return [Integrate(session.id, session.user_id, update, inspection, broadcast)]
        if self.document.is_damaged:
            return self._edit_damaged(session, inspection or update, update, broadcast)
        accepted = SendWhenDurable(session.id, Accepted(update))
        if not self.document.apply(inspection or update, ACCEPTED):
            return [accepted]
        self._size.add(update)
        return _edit_effects(broadcast, Append(update, session.user_id), accepted)

    def _edit_damaged(
        self,
        session: Session,
        found: bytes | Inspection,
        update: bytes,
        broadcast: Broadcast | WhenDurable,
    ) -> list[Effect]:
        """Apply an edit to a document that has a stand-in for what is lost; it may bring that."""
        accepted = SendWhenDurable(session.id, Accepted(update))
        is_mended = self.document.is_mended_by(found)
        is_news = self.document.apply(found, ACCEPTED)
        if not is_news and not is_mended:
            return [accepted]
        self._size.add(update)
        append = Append(self.document.without_stand_in(update), session.user_id)
        if is_mended:
            return [append, accepted, Reload()]
        return _edit_effects(broadcast, append, accepted)

    def integrated(self, edit: Integrate, *, is_news: bool) -> list[Effect]:
        """Return the effects of an edit that was integrated elsewhere, and is in the document now.

        They are those that it would have had if it had been applied in its turn.
        """
        accepted = SendWhenDurable(edit.session, Accepted(edit.update))
        if not is_news:
            return [accepted]
        self._size.add(edit.update)
        return _edit_effects(edit.broadcast, Append(edit.update, edit.user_id), accepted)

    def _has_no_room_for(self, update: bytes, now: float) -> bool:
        """Whether there is no room for an update; for one that only deletes there always is."""
        return self._is_full(now) and has_structs(update)

    def _is_full(self, now: float) -> bool:
        return self.is_storage_full or self._size.is_beyond(self.document, now)

    def _too_large(self) -> PipelineTooLarge:
        return StorageFull() if self.is_storage_full else PipelineTooLarge()

    def _receive_stateless(self, session: Session, payload: str) -> list[Effect]:
        if (size := len(payload)) > (limit := self._max_stateless):
            raise ProtocolError(f"expected a stateless message up to {limit}, got {size}")
        message = Stateless(stateless_from(session.user, payload))
        return [Broadcast(message), Publish(message)]

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
                return self._presence.receive_peer(message, now)
            case PresenceQuery():
                return self._presence.answer_query()
            case Stateless():
                return [Broadcast(message)]
        assert_never(message)

    def _receive_committed(self, update: bytes, inspection: Inspection | None) -> list[Effect]:
        self._size.add(update)
        if self.document.is_damaged and self._is_mended_by(update):
            return [Reload()]
        return [Broadcast(Update(update))] if self.document.apply(inspection or update) else []

    def integrated_peer(self, update: bytes, *, is_news: bool) -> list[Effect]:
        """Return the effects of a committed update that was integrated elsewhere: `integrated`."""
        self._size.add(update)
        return [Broadcast(Update(update))] if is_news else []

    def _is_mended_by(self, update: bytes) -> bool:
        """Whether a committed update is a reason to load a damaged document anew."""
        # Whoever decides about a damaged log appends an empty one (`log_repair.py`).
        return update == EMPTY_UPDATE or self.document.is_mended_by(update)

    def release(self) -> None:
        """Free the document: nothing is done with this room any more."""
        self._editor = None
        self.document.release()

    @property
    def editor(self) -> Editor:
        """What the server edits the document with; made when it is needed, and kept."""
        if self._editor is None or not self._editor.is_current:
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
        """Apply an edit of the server, in the name of a user: one transaction, at most one update.

        Returns what `change` returned, and the effects. Raises PipelineTooLarge if the document is
        too large for anything but a deletion, and what `change` raises; but DocumentPoisoned, from
        that, if `change` had changed something by then: no client and no log knows of it.
        """
        # Before the change: afterwards it could not be undone.
        if not is_deletion and self._is_full(now):
            raise self._too_large()
        updates: list[bytes] = []
        try:
            with self.document.transact() as updates:
                result = change(self.editor)
        except Exception as error:
            if updates:
                raise DocumentPoisoned(f"an edit failed halfway: {error}") from error
            raise
        return result, [
            effect for update in updates for effect in self._append_then_broadcast(update, user_id)
        ]

    def apply_merge(
        self,
        user_id: UUID | None,
        edit: Inspection,
        now: float,
        replacement: Replacement | None = None,
    ) -> list[Effect]:
        """Apply an edit that the server made, in the name of a user, on a copy of the document.

        If there is a `replacement`, which has the edit, it takes the place of the document. Raises
        MalformedUpdate, and PipelineTooLarge as `require_capacity` does.
        """
        self.require_capacity(edit, now)
        if edit.parts > MANY_PARTS:
            # It would be notified of each change, and has to look at most of the document anyway.
            self._editor = None
        if replacement is not None:
            replacement.take_place(edit, REPLAYED)
        elif not self.document.apply(edit):
            return []
        return self._append_then_broadcast(edit.update, user_id)

    def require_capacity(self, edit: Inspection, now: float) -> None:
        """Raise PipelineTooLarge if an edit adds something to a document that is too large."""
        if self._has_no_room_for(edit.update, now):
            raise self._too_large()

    def _append_then_broadcast(self, update: bytes, user_id: UUID | None) -> list[Effect]:
        self._size.add(update)
        # Broadcast after the commit: if the log refuses the edit, it is lost with this room, and no
        # client brings it back; so a client that had received it would be alone with it.
        return [Append(update, user_id), WhenDurable(Broadcast(Update(update)))]


def _edit_effects(
    broadcast: Broadcast | WhenDurable, append: Append, accepted: SendWhenDurable
) -> list[Effect]:
    if isinstance(broadcast, Broadcast):
        # Before the append: others need not wait for it.
        return [broadcast, append, accepted]
    return [append, broadcast, accepted]
