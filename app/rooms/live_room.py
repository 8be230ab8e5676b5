"""A room with its input and output: the outboxes of its clients, the log and the bus.

The room decides (`crdt/room/room.py`), without I/O, and returns effects; this module executes them.
It executes them in order, and all effects of one decision before the next decision is made:

- An acknowledgement waits for whatever was appended before it. Executed before its own `Append`, it
  would wait for an earlier commit and be sent before its edit is safe.
- A client must receive the updates in the order in which the document took them; otherwise it would
  have to keep some of them pending.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import structlog

from app.bus.base import Bus
from app.clock import Clock
from app.telemetry.metrics import counters
from crdt.document.document import Document
from crdt.document.replacement import Replacement
from crdt.editing.editor import Editor
from crdt.errors import (
    DocumentPoisoned,
    Draining,
    Overloaded,
    SyncError,
    UnusableEdit,
)
from crdt.protocol.messages import ClientMessage, Scope, Stateless
from crdt.room.effects import (
    Append,
    Broadcast,
    CloseAfterAcks,
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
from crdt.room.room import Room
from crdt.room.session import Session
from crdt.updates.inspection import Inspection
from crdt.updates.state_vector import EMPTY_STATE_VECTOR
from persistence.ports.update_log import LoggedUpdate, NewUpdate

from .appends import Appends, Committer
from .client_link import ClientLink
from .coalescing import IMMEDIATE, CoalescingIntervals
from .dear_edits import DearEdits
from .fan_out import LeavingClient
from .integration import Integration, Merger
from .log_position import LogPosition
from .outbox import Outbox
from .peer_link import PeerLink
from .refusals import refusal_of
from .remote_updates import RemoteUpdates
from .room_counters import count_message, refusals_counted

LAST_ACKS_SECONDS = 5.0
"""How long a client that is to be closed waits for its last acknowledgements.

The acknowledgements wait for commits, and nobody knows when a PostgreSQL that is away comes back.
"""

ENTRIES_AT_ONCE = 100
"""Steps or connections that are read while the event loop waits: some one millisecond."""

_logger = structlog.get_logger(__name__)

T = TypeVar("T")


class LiveRoom:
    """An open room on this node. It runs on the event loop, where nothing can interleave with it.

    `seq` is the number of the last update in the document that was loaded; `on_gap` is called when
    updates of other nodes are missing between that and a later one, to have them read from the log.

    A room is `frozen` while the server drains: it takes no messages any more, but still sends
    acknowledgements. It is `dropped` when it must never be used again. `empty_since` is the
    monotonic time, in seconds, since which a room without clients has been unused.
    """

    def __init__(
        self,
        pipeline_id: UUID,
        room: Room,
        committer: Committer,
        bus: Bus,
        clock: Clock,
        *,
        seq: int = 0,
        on_gap: Callable[["LiveRoom"], None] = lambda _: None,
        intervals: CoalescingIntervals = IMMEDIATE,
        merger: Merger | None = None,
    ) -> None:
        self.pipeline_id, self.position = pipeline_id, LogPosition(seq)
        self.dropped = self.frozen = False
        self.empty_since = clock.monotonic()
        self._room, self._clock, self._on_gap = room, clock, on_gap
        self._appends = Appends(committer, self._publish_committed, self._refuse)
        self._clients = ClientLink(self._appends, intervals)
        self._catching_up: set[SessionId] = set()
        self.integration = Integration(room.document, merger or Merger(), clock)
        self._uses = 0
        self._dear_edits = DearEdits(self, room, self.integration)
        self.held = self._dear_edits.held
        # For what is looked up with each message.
        self._waiting, self._here = self.held.waiting, self._clients.outboxes
        self.remote = RemoteUpdates(self, room, self.position, self.integration, clock)
        self._peers = PeerLink(bus, pipeline_id, room.node, self.remote.receive, intervals.presence)
        # This comes last: the bus may deliver messages at once, and they need all of the above.
        self._peers.open()

    @property
    def seq(self) -> int:
        """The document has all updates of the log up to this number."""
        return self.position.seq

    @property
    def version(self) -> int:
        """A number that changes with every change of the document."""
        return self._room.document.version

    @property
    def document_bytes(self) -> int:
        """How large the document is at most, encoded."""
        return self._room.document_bytes

    def note_storage(self, *, is_full: bool) -> None:
        """Take note whether the team of this pipeline stores as much as it may."""
        self._room.is_storage_full = is_full

    @property
    def is_idle(self) -> bool:
        """Whether no client is here, nobody uses the room and nothing waits for a commit."""
        return not self._clients and not self._uses and self.is_durable

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep the room loaded: an edit is computed that can be merged only into this document."""
        self._uses += 1
        try:
            yield
        finally:
            self._uses -= 1
            self.empty_since = self._clock.monotonic()

    @property
    def is_durable(self) -> bool:
        """Whether the log has committed or refused everything that was appended here."""
        return self._appends.are_decided

    async def settled(self, seconds: float) -> None:
        """Wait until the log has committed or refused everything that was appended here.

        Raises Overloaded after `seconds`.
        """
        if not await self._appends.settled(seconds):
            raise Overloaded("the update log cannot keep up: try again later")

    def join(self, session: Session, outbox: Outbox) -> None:
        """Add a client, until its token expires."""
        self._clients.add(session.id, outbox)
        outbox.refill = lambda: self._catch_up(session.id)
        self.execute(self._room.join(session))

    def _catch_up(self, session: SessionId) -> bool:
        """Send a slow client a diff in place of the messages dropped for it; see `Outbox.refill`.

        Returns False if such a diff is waiting already.
        """
        if session in self._catching_up:
            return False
        counters.resyncs += 1
        if (outbox := self._clients.get(session)) is not None:
            self.run(lambda: self._room.catch_up(session, outbox.limit))
            self._note_catching_up(session)
        return True

    def _note_catching_up(self, session: SessionId) -> None:
        # The diff waits for the last commit, and one diff per client is enough. This callback was
        # registered after the diff's, so the client stops catching up after the diff is sent.
        if not self.is_durable:
            self._catching_up.add(session)
            self._appends.when_decided(lambda _: self._catching_up.discard(session))

    def receive_message(
        self, session: SessionId, message: ClientMessage, inspection: Inspection | None = None
    ) -> None:
        """Handle a message from a client that joined and has not left; a frozen room ignores it.

        `inspection` is that of the message's update, if a thread inspected it before. Nothing is
        raised: what is wrong with the message closes its client, and a poisoned document the room.
        """
        if session in self._waiting:
            self.held.keep(session, message, inspection)
        elif session in self._here and not self.frozen:
            count_message(message)
            now = self._clock.monotonic()
            try:
                self.execute(self._room.handle(session, message, now, inspection))
            except DocumentPoisoned as error:
                # The author is closed first, and with another code than the others: with theirs, it
                # would reconnect, send the same edit again, and poison every room to come.
                self.close(session, UnusableEdit())
                self._drop_poisoned(error)

    async def released(self, session: SessionId, pause: float) -> float:
        """Wait until no dear update of a client is integrated any more, then return the pause.

        Its connection reads nothing until then, so that no more of it has to be kept.
        """
        return await self.held.released(session, pause)

    def execute_edit(
        self, user_id: UUID | None, change: Callable[[Editor], T], *, is_deletion: bool = False
    ) -> T:
        """Execute an edit of the server, in a user's name; see `Room.apply_edit`.

        Only a decision may do that, while the end of the log is locked
        (`persistence/decision_rounds.py`). The edit is in the document when this returns, and sent
        to others when it is stored.

        What `change` raises goes to the caller, and the document is untouched then. Raises Draining
        if the room takes no edits any more, Overloaded if this one cannot be stored or the document
        is poisoned, and PipelineTooLarge if it would add to a document that is too large.
        """
        now = self._clock.monotonic()
        return self._edit(
            lambda: self._room.apply_edit(user_id, change, now, is_deletion=is_deletion)
        )

    def prepare_edit(self) -> bool:
        """Read some of what `execute_edit` may have to look at; return whether more is left."""
        return not self.dropped and self._room.editor.prepare(ENTRIES_AT_ONCE)

    def execute_merge(
        self, user_id: UUID | None, edit: Inspection, replacement: Replacement | None = None
    ) -> None:
        """Merge an edit that the server made on a copy. Raises what `execute_edit` raises."""
        now = self._clock.monotonic()
        self._edit(lambda: (None, self._room.apply_merge(user_id, edit, now, replacement)))

    def require_capacity(self, edits: Iterable[Inspection]) -> None:
        """Raise PipelineTooLarge if `execute_merge` would refuse an edit for its size."""
        now = self._clock.monotonic()
        with refusals_counted():
            for edit in edits:
                self._room.require_capacity(edit, now)

    def _edit(self, decide: Callable[[], tuple[T, list[Effect]]]) -> T:
        if self.dropped or self.frozen:
            raise Draining
        # An edit counts as a visit, so that a script which makes many finds the room loaded.
        if not self._clients:
            self.empty_since = self._clock.monotonic()
        try:
            with refusals_counted():
                result, effects = decide()
        except DocumentPoisoned as error:
            self._drop_poisoned(error)
            raise Overloaded("the document is being reloaded: try again") from error
        self.execute(effects)
        # The committer refuses an append at once if too much is waiting.
        self._appends.check()
        return result

    async def committed(self, seconds: float) -> int:
        """Wait until everything appended so far is committed; return the last update's number.

        Raises Overloaded if the log refused it (this room was dropped then, and the edit is undone)
        and Draining if the server stops. Raises StoreUnavailable after `seconds`: the edit is in
        the live document then, and is stored as soon as PostgreSQL is back.
        """
        seq = await self._appends.committed(seconds)
        return self.position.seq if seq is None else seq

    def when_durable(self, task: Callable[[], None]) -> None:
        """Call a task once everything appended so far is committed; never, if it is refused."""
        self._appends.when_durable(task)

    def read(self, reader: Callable[[Document], T]) -> T:
        """Read the document at once; the event loop waits meanwhile, so `reader` must be short."""
        return reader(self._room.document)

    def begin_measuring_depth(self) -> list[bytes] | None:
        """See `Document.begin_measuring_depth`; None if the room must not be used any more."""
        return None if self.dropped else self._room.document.begin_measuring_depth()

    def tighten_depth(self, depth: int) -> None:
        """See `Document.tighten_depth`."""
        self._room.document.tighten_depth(depth)

    def copy(self) -> bytes:
        """Encode the document, to make a copy of it elsewhere."""
        # As for whoever joins: it may be at hand.
        return self._room.document.diff(EMPTY_STATE_VECTOR)

    def renew(self, session: SessionId, scope: Scope, expires_at: datetime) -> None:
        """Replace a client's token by another one; see `Sessions.renew`."""
        if session in self._clients:
            self.execute(self._room.sessions.renew(session, scope, expires_at))

    def request_token_again(self, session: SessionId) -> None:
        """Ask a client for its token once more; see `Sessions.request_token_again`."""
        if session in self._clients:
            self._room.sessions.request_token_again(session)

    def leave(self, session: SessionId) -> None:
        """Remove a client, if it is here; the time until the room is unloaded starts anew."""
        self.held.forget(session)
        if self._clients.remove(session) is not None:
            self.execute(self._room.leave(session))
        self.empty_since = self._clock.monotonic()

    def tick(self) -> None:
        """Do what is due by the clock.

        Presence and tokens expire, the presence of the others is published to the other nodes, and
        leaving clients that have waited too long are closed.
        """
        now = self._clock.monotonic()
        self.execute(self._room.tick(now))
        self.execute(self._room.sessions.expire(self._clock.now()))
        self._clients.close_overdue(now)

    @property
    def users(self) -> set[UUID]:
        """The users who have a session on this node."""
        return {session.user_id for session in self._room.sessions}

    def presence(self) -> dict[UUID, str]:
        """Return the users who are here with their latest presence as JSON; see `Hub.presence`."""
        silent = dict.fromkeys(self.users, "null")
        return silent | {one.user_id: one.state for one in self._room.awareness.local_states()}

    def apply_scopes(self, scopes: Mapping[UUID, Scope | None]) -> None:
        """Give users another scope without closing them, or none; see `Sessions.apply_scopes`."""
        self.execute(self._room.sessions.apply_scopes(scopes))

    async def follow_to_end(self, updates: Sequence[LoggedUpdate]) -> bool:
        """See `RemoteUpdates.follow_to_end`."""
        return await self.remote.follow_to_end(updates)

    def report_gap(self) -> None:
        """Have the log read up to what is missing."""
        self._on_gap(self)

    def deliver(self, message: Stateless) -> None:
        """Send a message to the clients here, as if another node had published it."""
        if not self.dropped:
            self.remote.apply(message)

    def freeze(self) -> None:
        """Take no messages and no edits from now on; acknowledgements are still sent."""
        self.frozen = True
        self._clients.stop_broadcasts()

    def drop(self, error: SyncError) -> None:
        """Close all clients with an error. The room must not be used any more.

        The next visit loads the document anew, after the log has decided about all appends.
        """
        if self.dropped:
            return
        # This comes first: whatever the closing of clients sets off, no effect of it is executed.
        self.dropped = True
        self._dear_edits.close()
        self._peers.close()
        self._clients.close(error)

    def release(self) -> None:
        """Free the document of a dropped room, unless an edit of it is still computed."""
        if not self._uses:
            self._room.release()

    def run(self, decide: Callable[[], list[Effect]]) -> None:
        """Make a decision and execute it; drop the room if that poisons the document."""
        try:
            self.execute(decide())
        except DocumentPoisoned as error:
            self._drop_poisoned(error)

    def _drop_poisoned(self, error: DocumentPoisoned) -> None:
        _logger.error("room.poisoned", pipeline_id=self.pipeline_id, error=str(error))
        self.reload()

    def reload(self) -> None:
        """Drop the room; its clients connect again, and the document is loaded from the log."""
        self.drop(Overloaded("the document is being reloaded: reconnect"))

    @property
    def lacks_stand_in(self) -> bool:
        """Whether the document is damaged, and would go on if it were loaded anew."""
        is_behind = self.position.has_gap or not self.is_durable
        return not (self.dropped or is_behind) and self._room.document.lacks_stand_in

    def execute(self, effects: list[Effect]) -> None:
        """Execute the effects of one decision in their order; see the top of this module."""
        for effect in effects:
            # An effect before this one may have dropped the room: a refused append, for one.
            if self.dropped:
                return
            self.EXECUTORS[type(effect)](self, effect)

    def _send(self, effect: Send) -> None:
        self._clients.put(effect.session, effect.message)

    def _send_when_durable(self, effect: SendWhenDurable) -> None:
        self._clients.put_when_durable(effect.session, effect.message)

    def _broadcast(self, effect: Broadcast) -> None:
        self._clients.broadcast(effect.message, effect.exclude)

    def _publish(self, effect: Publish) -> None:
        self._peers.publish(effect.message)

    def _execute_when_durable(self, effect: WhenDurable) -> None:
        self._appends.when_durable(lambda: self.execute([effect.effect]))

    def _reload(self, _: Reload) -> None:
        self._appends.when_durable(self.reload)

    def _integrate(self, effect: Integrate) -> None:
        self._dear_edits.begin(effect)

    def _append(self, effect: Append) -> None:
        update = NewUpdate(self.pipeline_id, effect.user_id, effect.update, self._clock.now())
        self._appends.append(update)

    def _refuse(self, error: BaseException) -> SyncError:
        """Drop the room, because the log has refused an update that the document contains.

        A CRDT cannot take an update back, and a client that sends it again would be answered that
        it is known, and so safe. So the document is given up, and the clients reconnect to one that
        is loaded from the log (docs/adr/0005-a-room-ahead-of-the-log-is-dropped.md).
        """
        refusal = Draining() if self.frozen else refusal_of(error, self.pipeline_id)
        self.drop(refusal)
        return refusal

    def _publish_committed(self, seq: int, payload: bytes) -> None:
        """Publish an update to the other nodes, which need its number to notice what is missing.

        It has no number before its commit (docs/adr/0007-published-when-committed.md).
        """
        self.position.note(seq)
        if self.position.has_gap:
            self.remote.check_gap()
        self._peers.publish_committed(seq, payload)

    def _close_session(self, effect: CloseSession) -> None:
        self.close(effect.session, effect.error)

    def close(self, session: SessionId, error: SyncError) -> None:
        """Remove a client, and close it with an error."""
        outbox = self._clients.get(session)
        self.leave(session)
        if outbox is not None:
            outbox.close(error)

    def _close_after_acks(self, effect: CloseAfterAcks) -> None:
        outbox = self._clients.get(effect.session)
        self.leave(effect.session)
        if outbox is not None:
            deadline = self._clock.monotonic() + LAST_ACKS_SECONDS
            leaving = LeavingClient(outbox, effect.error, deadline)
            self._clients.close_after_acks(effect.session, leaving)

    EXECUTORS: ClassVar[dict[type[Effect], Callable[["LiveRoom", Any], None]]] = {
        Send: _send,
        SendWhenDurable: _send_when_durable,
        Broadcast: _broadcast,
        Append: _append,
        Publish: _publish,
        WhenDurable: _execute_when_durable,
        CloseSession: _close_session,
        CloseAfterAcks: _close_after_acks,
        Reload: _reload,
        Integrate: _integrate,
    }
    """What executes each kind of effect: looked up and not matched, since they are very many."""
