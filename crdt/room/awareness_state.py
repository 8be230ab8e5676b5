"""The awareness state of one client, and the rule by which a newer one replaces it.

A state replaces the known one if its clock is newer, or equal to it and the state null (y-protocols
1.0.7, awareness.js). Three things need more than that:

- The server removes the state of a client whose connection ended, and others are sent that with the
  client's last clock. When the client returns with this very clock, others would ignore it, so its
  state is sent to them with a newer one. Its own clock then lags behind the one that others know.
- A client adopts the newer clock that it reads of itself, and sends its state back with it. That
  echo is no news.
- Nodes send each other clocks that may be ahead of the client's own.
"""

from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from crdt.protocol.awareness_update import MAX_NUMBER, NULL

from .effects import SessionId
from .peer_messages import NodeId

MAX_CLOCKS_AHEAD = 32
"""Most clocks ahead of its client's own that are remembered of one state."""

Owner: TypeAlias = SessionId | NodeId
"""Whose client it is: a session's of this node, or another node's."""


@dataclass(slots=True)
class AwarenessState:
    """What is known of one client.

    `state` is JSON text, "null" once the client is gone. `own_clock` is the clock that its owner
    last sent, `sent_clock` the one that others are sent. `removed_by_server` is whether the server
    removed the state, rather than the client itself: then the client may return with the same
    clock. `clocks_ahead` are the last clocks that were sent ahead of the client's own, each with
    the hash of the state.
    """

    own_clock: int
    state: str
    owner: Owner
    user_id: UUID
    seen_at: float
    sent_clock: int = 0
    removed_by_server: bool = False
    clocks_ahead: tuple[tuple[int, int], ...] = ()

    @property
    def is_present(self) -> bool:
        """Whether the client is here."""
        return self.state != NULL

    @property
    def is_remote(self) -> bool:
        """Whether the client is connected to another node."""
        return isinstance(self.owner, str)

    @property
    def is_local(self) -> bool:
        """Whether the client is here, on this node."""
        return self.is_present and not self.is_remote

    def has_been_seen_as(self, state: str) -> bool:
        """Whether others show this state already.

        A client knows of those whom it does not know that they have clock 0, and takes no state
        with that (awareness.js, `applyAwarenessUpdate`).
        """
        return self.is_present and self.state == state and self.sent_clock > 0

    def remove(self) -> None:
        """Remove the state in the name of the server."""
        self.state, self.removed_by_server = NULL, True

    def send_with(self, clock: int) -> None:
        """Choose the clock that others are sent; its client may send it back as an echo one day.

        Others fail to read a clock above `MAX_NUMBER`: who counted up to that is ignored by them
        from then on, and nobody else suffers.
        """
        self.sent_clock = min(clock, MAX_NUMBER)
        if clock > self.own_clock:
            ahead = (*self.clocks_ahead, (clock, hash(self.state)))
            self.clocks_ahead = ahead[-MAX_CLOCKS_AHEAD:]

    def renew(self, new: "AwarenessState", *, is_announcement: bool) -> None:
        """Note that the client was seen, though it sent nothing new.

        With an announcement, its state moves to the session that sent it.
        """
        if self.owner == new.owner:
            self.own_clock, self.seen_at = max(self.own_clock, new.own_clock), new.seen_at
        elif is_announcement and self.user_id == new.user_id:
            self.owner, self.own_clock, self.seen_at = new.owner, new.own_clock, new.seen_at

    def is_echo(self, new: "AwarenessState") -> bool:
        """Whether the client only sends back what it was sent of itself."""
        is_known = new.own_clock <= self.sent_clock and new.state == self.state
        return is_known or (new.own_clock, hash(new.state)) in self.clocks_ahead

    def must_be_sent_again(self, new: "AwarenessState") -> bool:
        """Whether another node removed a client that is here; if so, choose a newer clock.

        The client's connection to that node ended before the node learned that it had come here.
        """
        if not self.is_local or new.is_present or not new.is_remote:
            return False
        if new.own_clock < self.sent_clock:
            return False
        self.send_with(new.own_clock + 1)
        return True


def is_news(known: AwarenessState, new: AwarenessState, *, is_announcement: bool) -> bool:
    """Whether a state replaces the known one of the same client."""
    if known.removed_by_server and new.is_remote and new.is_present:
        return new.own_clock >= known.own_clock
    if known.owner == new.owner:
        return _is_newer(known, new) and not known.is_echo(new)
    if new.is_remote and not new.is_present:
        # Only the node to which a client is connected may report that it is gone.
        return False
    if is_announcement and new.is_present and (known.removed_by_server or known.is_remote):
        # Others removed this client at this very clock, or know it from another node, whose clocks
        # may be ahead of the client's own.
        return known.is_remote or new.own_clock >= known.own_clock
    # A client that takes another one for gone reports it with the clock that it knows
    # (awareness.js), as Hocuspocus providers do of everybody when they reconnect. Only the client
    # itself counts on.
    return new.own_clock > known.sent_clock


def _is_newer(known: AwarenessState, new: AwarenessState) -> bool:
    """The rule of awareness.js."""
    if new.own_clock == known.own_clock:
        return known.is_present and not new.is_present
    return new.own_clock > known.own_clock
