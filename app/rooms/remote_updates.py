"""What comes to a room from elsewhere: messages of other nodes, and updates read from the log."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Protocol
from uuid import UUID

import structlog

from app.clock import Clock
from crdt.errors import PipeloomError, ProtocolError
from crdt.room.effects import Effect
from crdt.room.peer_messages import Committed, PeerMessage
from crdt.room.room import Room
from crdt.updates.inspection import Inspection, inspect_update
from crdt.updates.limits import FOLLOWED
from persistence.ports.update_log import LoggedUpdate

from .inspect_in_thread import CHEAP_BYTES, InspectedCommit, inspect_commit
from .integration import Integration
from .log_position import LogPosition

_logger = structlog.get_logger(__name__)


class Host(Protocol):
    """The live room of a `RemoteUpdates`."""

    pipeline_id: UUID
    dropped: bool

    def execute(self, effects: list[Effect]) -> None:
        """Execute the effects of one decision."""
        ...

    def run(self, decide: Callable[[], list[Effect]]) -> None:
        """Make a decision and execute it; drop the room if that poisons the document."""
        ...

    def report_gap(self) -> None:
        """Have the log read up to what is missing."""
        ...


class RemoteUpdates:
    """Applies what others have committed, in whatever order it comes.

    `position` is how far the document has followed the log. Updates of other nodes that are missing
    are a gap, which the host reports.
    """

    def __init__(
        self, host: Host, room: Room, position: LogPosition, integration: Integration, clock: Clock
    ) -> None:
        self._host, self._room, self._clock = host, room, clock
        self._position, self._integration = position, integration

    def expect(self, seq: int) -> None:
        """Take note that the log has this update: it is read from there unless it comes soon."""
        self._position.expect(seq)
        self.check_gap()

    def check_gap(self) -> None:
        """Report a gap, if there is one."""
        if self._position.has_gap and not self._host.dropped:
            self._host.report_gap()

    def receive(self, message: PeerMessage) -> None:
        """Handle a message of another node.

        The bus may lose, repeat and reorder messages, but the numbers of the log have no gaps. So
        what was lost or cannot be decoded shows as a gap, which the log fills.
        """
        if not isinstance(message, Committed):
            self.apply(message)
        elif not self._position.has(message.seq):
            # An update that was garbled, or too long for the bus and announced by its number alone,
            # is in the log: it is expected from there.
            if message.update is not None and self._apply_committed(message, message.update):
                self._position.note(message.seq)
            else:
                self._position.expect(message.seq)
            self.check_gap()

    def _apply_committed(self, message: Committed, update: bytes) -> bool:
        """Apply an update of the bus; return whether it is here, and need not be read."""
        inspection = None
        if len(update) >= CHEAP_BYTES:
            with suppress(ProtocolError):
                inspection = inspect_update(update, FOLLOWED)
        return not self._is_dear(inspection) and self.apply(message, inspection)

    def _is_dear(self, inspection: Inspection | None) -> bool:
        return inspection is not None and self._room.document.is_dear(inspection, FOLLOWED)

    def apply(self, message: PeerMessage, inspection: Inspection | None = None) -> bool:
        """Let the room handle a message of another node; return whether it could be decoded."""
        now = self._clock.monotonic()
        try:
            self._host.run(lambda: self._room.receive_peer(message, now, inspection))
        except ProtocolError as error:
            _logger.warning(
                "room.peer_message_ignored", pipeline_id=self._host.pipeline_id, error=str(error)
            )
            return False
        return True

    def follow(self, commits: Iterable[InspectedCommit], *, is_all: bool) -> None:
        """Apply updates that were read from the log, since the bus did not bring them.

        `is_all` says that the log had no more of those that were missing.
        """
        for committed, inspection in commits:
            # The log was read while this room waited, or an update before this one poisoned the
            # document: after a panic of the CRDT library nothing may touch it any more.
            if self._host.dropped:
                return
            if not self._position.has_all(committed.first_seq, committed.seq):
                # Its number is noted even if it cannot be decoded: no other reading of the log
                # would decode it, and replay leaves it out as well.
                self.apply(committed, inspection)
                self._position.note_all(committed.first_seq, committed.seq)
        if is_all:
            self._position.forgo()

    async def follow_in_turn(self, commits: Iterable[InspectedCommit], *, is_all: bool) -> bool:
        """Follow updates of the log as by `follow`, but integrate those that are dear elsewhere.

        Returns whether the log was followed to its end: False if it may have gone on meanwhile.
        """
        for committed, inspection in commits:
            is_all &= not await self._integrate(committed, inspection)
            self.follow([(committed, inspection)], is_all=False)
        if is_all:
            self._position.forgo()
        return is_all

    async def follow_to_end(self, updates: Sequence[LoggedUpdate]) -> bool:
        """Apply updates of the log, which then has no others that are missing here.

        Returns False, and applies none, if one of them is dear: `follow_in_turn` integrates that
        elsewhere, which may take longer than the log may be locked.
        """
        commits = [await inspect_commit(update) for update in updates]
        if any(self._is_missing(each) and self._is_dear(found) for each, found in commits):
            return False
        self.follow(commits, is_all=True)
        return True

    async def _integrate(self, committed: Committed, inspection: Inspection | None) -> bool:
        """Integrate an update of the log elsewhere if it is dear; return whether that was tried."""
        if inspection is None or not (self._is_missing(committed) and self._is_dear(inspection)):
            return False
        try:
            finish = partial(self._integrated, committed)
            is_missing = partial(self._is_missing, committed)
            await self._integration.follow(inspection, finish, is_missing)
        except PipeloomError as error:
            # It is in the log, so it is applied at any cost.
            _logger.warning(
                "room.commit_not_integrated", pipeline_id=self._host.pipeline_id, error=str(error)
            )
        return True

    def _is_missing(self, committed: Committed) -> bool:
        is_here = self._position.has_all(committed.first_seq, committed.seq)
        return not (self._host.dropped or is_here)

    def _integrated(self, committed: Committed, is_news: bool) -> None:
        update = committed.update or b""
        self._position.note_all(committed.first_seq, committed.seq)
        self._host.execute(self._room.integrated_peer(update, is_news=is_news))
