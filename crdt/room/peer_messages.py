"""What nodes tell each other of a room that several of them have open.

Any of it may be lost, repeated or late: edits are in the log (`app/rooms/log_position.py` finds out
what is missing), and presence is told again and again.
"""

from dataclasses import dataclass
from typing import TypeAlias

from crdt.protocol.messages import Stateless

NodeId: TypeAlias = str
"""One server process, from its start to its end."""


@dataclass(frozen=True, slots=True)
class Committed:
    """An update is in the log, as number `seq`.

    None stands for an update too long for the bus: the log has it.
    """

    seq: int
    update: bytes | None


@dataclass(frozen=True, slots=True)
class NodePresence:
    """Presence of the clients of one node, as an awareness update.

    A complete one names all of them: whoever is not in it is gone.
    """

    node: NodeId
    presence: bytes
    is_complete: bool


@dataclass(frozen=True, slots=True)
class PresenceQuery:
    """A node has opened the room and asks the others for their rosters."""

    node: NodeId


PeerMessage: TypeAlias = Committed | NodePresence | PresenceQuery | Stateless
