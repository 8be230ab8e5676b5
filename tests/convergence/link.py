"""One connection through a slow network: first in, first out, both ways, until it is cut.

The server sees it as an `Outbox`. Frames wait here until the play delivers them.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, Protocol, TypeAlias
from uuid import UUID

from app.rooms.live_room import LiveRoom
from app.rooms.outbox import FrameBatch
from crdt.errors import SyncError
from crdt.protocol.messages import Message
from crdt.protocol.y_websocket import decode, encode
from crdt.room.effects import SessionId


class HangUp:
    """The last thing that the server reads from a connection."""


HANG_UP: Final = HangUp()

Watch: TypeAlias = Callable[["Link", Message], None]
"""Told of every message at the moment at which the server sends it."""


class Peer(Protocol):
    """The client's end."""

    @property
    def user_id(self) -> UUID: ...

    def take(self, frame: bytes) -> None:
        """Take a frame of the server."""
        ...

    def disconnected(self) -> None:
        """Learn that the connection has ended."""
        ...


class Link:
    """One connection. `pace` says how often it gets its turn, relative to others."""

    def __init__(self, peer: Peer, pipeline_id: UUID, pace: float, watch: Watch) -> None:
        self.peer, self.pipeline_id, self.pace = peer, pipeline_id, pace
        self.up: deque[bytes | HangUp] = deque()
        self.down: deque[bytes | SyncError] = deque()
        self.is_over = False
        self.encode: Callable[[Message], bytes] = self._encode
        self.limit: int | None = None
        self._watch = watch
        self._is_cut = self._is_closing = False
        self._room: LiveRoom | None = None
        self._session: SessionId = 0

    def put(self, frame: bytes) -> None:
        """See `Outbox.put`."""
        if not self._is_cut and not self._is_closing:
            self.down.append(frame)

    answer = put

    def offer(self, batch: FrameBatch) -> None:
        """See `Outbox.offer`."""
        for frame in batch.payloads:
            self.put(frame)

    def reserve(self, size: int) -> None:
        """See `Outbox.reserve`: there is room for everything."""

    def refill(self) -> bool:
        """See `Outbox.refill`: nothing is ever let go."""
        return True

    def close(self, error: SyncError) -> None:
        """See `Outbox.close`."""
        if not self._is_closing:
            self._is_closing = True
            self.down.append(error)

    def entered(self, room: LiveRoom, session: SessionId) -> None:
        """Begin to hand what the client says to a room that the session is about to join."""
        self._room, self._session = room, session

    def cut(self, survivors: int) -> None:
        """End it at the client's side; all on the way is lost but so many frames to the server."""
        self.down.clear()
        while len(self.up) > survivors:
            self.up.pop()
        self.hang_up()
        self.peer.disconnected()

    def hang_up(self) -> None:
        """End it at the client's side; the server learns of it after all frames sent before."""
        self._is_cut = True
        self.up.append(HANG_UP)

    def die(self) -> None:
        """End it at both sides at once."""
        self.is_over = True
        if not self._is_cut:
            self._is_cut = True
            self.peer.disconnected()

    @property
    def can_deliver_up(self) -> bool:
        """Whether the server has something to read."""
        return bool(self.up) and not self.is_over and (self._room is not None or self._is_closing)

    @property
    def can_deliver_down(self) -> bool:
        """Whether the client has something to read."""
        return bool(self.down) and not self._is_cut

    def deliver_up(self) -> None:
        """Let the server read one frame."""
        frame = self.up.popleft()
        if isinstance(frame, HangUp):
            self._leave()
        elif self._room is not None and not self._is_closing:
            self._receive(self._room, frame)

    def deliver_down(self) -> None:
        """Let the client read one frame."""
        frame = self.down.popleft()
        if isinstance(frame, bytes):
            self.peer.take(frame)
        else:
            self._leave()
            self.peer.disconnected()

    def _receive(self, room: LiveRoom, frame: bytes) -> None:
        try:
            room.receive_message(self._session, decode(frame))
        except SyncError as error:
            self.close(error)
            room.leave(self._session)

    def _leave(self) -> None:
        self.is_over = self._is_cut = True
        if self._room is not None:
            self._room.leave(self._session)

    def _encode(self, message: Message) -> bytes:
        self._watch(self, message)
        return encode(message)
