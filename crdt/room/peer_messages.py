"""The messages that nodes publish to each other about a room that several of them have open.

Any of them may be lost, repeated or late: edits are in the log (`app/rooms/log_position.py` finds
out which are missing), and every node publishes its presence again and again.
"""

from dataclasses import dataclass
from typing import TypeAlias

from crdt.protocol.messages import Stateless

NodeId: TypeAlias = str
"""One server process, from its start to its end."""


@dataclass(frozen=True, slots=True)
class Committed:
    """An update is in the log, with the number `seq`.

    `update` is None if it is too long for the bus: it is to be read from the log. One that was read
    there may be folded: then it has the updates from `folded_from` on. On the bus none is.
    """

    seq: int
    update: bytes | None
    folded_from: int | None = None

    @property
    def first_seq(self) -> int:
        """The number of the first update in it."""
        return self.seq if self.folded_from is None else self.folded_from


@dataclass(frozen=True, slots=True)
class NodePresence:
    """The awareness states of clients of one node, as an awareness update.

    A complete one names every client of the node: those that it does not name are gone.
    """

    node: NodeId
    presence: bytes
    is_complete: bool


@dataclass(frozen=True, slots=True)
class PresenceQuery:
    """A node has opened the room, and asks the others for their `NodePresence`."""

    node: NodeId


PeerMessage: TypeAlias = Committed | NodePresence | PresenceQuery | Stateless
