"""Presence: who is in a room and what they point at. Nothing of it is ever stored.

An entry counts if its clock is newer than the known one, or equal to it and the state null.
Source: y-protocols 1.0.7, awareness.js. Three rules are stricter than there:

- A state belongs to the latest session that had news of its client, or that introduced itself as
  that client: a client that reconnects faster than its old connection ends keeps its presence.
- A client id in use by one user is closed to all others.
- The `user` of a state is whoever the server knows it to be.

A session introduces itself by its first awareness update, if that names one client (y-websocket:
`onopen`). Later ones without news are relays: y-websocket clients send back whatever they hear.
A relay is not looked at: it is as long and as odd as what its author could make others say, and its
sender must not pay for that.
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from crdt.errors import ProtocolError
from crdt.protocol.awareness_update import (
    MAX_CLIENTS_PER_UPDATE,
    MAX_NUMBER,
    NULL,
    Entry,
    checked_state,
    joined,
    read_entries,
    user_of,
    write_entry,
)

from .effects import SessionId
from .peer_messages import NodeId, NodePresence
from .session import UserProfile

EXPIRY = 30.0
"""Seconds without a word after which a client is gone; clients renew every 15 (awareness.js)."""

MAX_CLIENTS_PER_SESSION = 100
"""Most clients that one session may bring in: a browser tab is one."""

MAX_NODE_PRESENCE_BYTES = 1_000_000
"""Most that one node tells the others of a room at once: what every bus carries."""

MAX_EVERYBODY_BYTES = 4 * 1024 * 1024
"""Most that a client is told of a room at once; everybody in a room of 10,000 takes less."""

MAX_RAISED = 32
"""Most clocks remembered that one client was told ahead of its own."""

NODE_SILENCE = 7.0
"""Seconds without a word after which a node is taken for dead; rooms speak every two."""

Owner: TypeAlias = SessionId | NodeId
"""Whose clients are somewhere: a session of this node, or another node."""


@dataclass(slots=True)
class Presence:
    """What is known of one client. `state` is JSON text, "null" once the client is gone.

    `said` is the clock that its owner last said, `clock` the one that others are told: a client
    that returns must be told with a newer clock than that of its removal, though it still counts
    on from its own. `raised` are the last clocks told ahead of its own, with the hash of the state.
    """

    said: int
    state: str
    owner: Owner
    user_id: UUID
    seen_at: float
    clock: int = 0
    withdrawn: bool = False
    raised: tuple[tuple[int, int], ...] = ()

    @property
    def is_here(self) -> bool:
        """Whether the client is present."""
        return self.state != NULL

    @property
    def is_remote(self) -> bool:
        """Whether another node speaks for the client."""
        return isinstance(self.owner, str)

    def tell_with(self, clock: int) -> None:
        """Tell others a clock; its client will say this very state with it one day, as an echo.

        Who has counted up to the largest clock is not heard any more, and nobody else is troubled.
        """
        self.clock = min(clock, MAX_NUMBER)
        if clock > self.said:
            self.raised = (*self.raised, (clock, hash(self.state)))[-MAX_RAISED:]


@dataclass(slots=True)
class _Brought:
    """How many clients a session has brought in, and of how many unknown ones it said good-bye."""

    here: int = 0
    gone: int = 0


class Awareness:
    """The presence states of one room, on this node and others."""

    def __init__(self) -> None:
        self._clients: dict[int, Presence] = {}
        self._brought: dict[SessionId, _Brought] = {}
        self._nodes: dict[NodeId, float] = {}

    def __len__(self) -> int:
        return sum(presence.is_here for presence in self._clients.values())

    def apply(
        self, payload: bytes, session: SessionId, user: UserProfile, now: float
    ) -> bytes | None:
        """Take in an update from a session; return what to relay, None if nothing changed.

        Whatever a state says of its user, it says who `user` is. What clients could not read is
        passed over. Raises ProtocolError, and then nothing is taken in.
        """
        entries = read_entries(payload, MAX_CLIENTS_PER_UPDATE)
        introduction = session not in self._brought and len(entries) == 1
        card = json.dumps(user.card, ensure_ascii=False)
        checked = [
            Entry(each.client, each.clock, checked_state(each.state, card))
            for each in entries
            if each.is_readable and not self._is_relay(each, session, user, introduction)
        ]
        accepted = [
            client
            for client, clock, state in self._counted(session, checked)
            if self._accept(client, Presence(clock, state, session, user.id, now), introduction)
        ]
        return self.encode(accepted) if accepted else None

    def _is_relay(
        self, entry: Entry, session: SessionId, user: UserProfile, introduction: bool
    ) -> bool:
        """Whether this cannot be news, whatever the state."""
        known = self._clients.get(entry.client)
        if known is None or known.owner == session:
            return False
        if known.is_here and known.user_id != user.id:
            return True
        return entry.clock <= known.clock and not introduction

    def _counted(self, session: SessionId, entries: list[Entry]) -> list[Entry]:
        """Count the clients that a session brings in; pass over the gone ones beyond the number.

        Hocuspocus providers say of everybody that they are gone, also to a server that is new.
        """
        brought = self._brought.get(session, _Brought())
        here, gone, kept = brought.here, brought.gone, []
        for each in entries:
            is_unknown = each.client not in self._clients
            here += is_unknown and each.state != NULL
            gone += is_unknown and each.state == NULL
            if not is_unknown or each.state != NULL or gone <= MAX_CLIENTS_PER_SESSION:
                kept.append(each)
        if here > MAX_CLIENTS_PER_SESSION:
            raise ProtocolError(
                f"expected at most {MAX_CLIENTS_PER_SESSION} clients of one connection"
            )
        self._brought[session] = _Brought(here, gone)
        return kept

    def apply_remote(self, node_presence: NodePresence, now: float) -> bytes | None:
        """Take in what another node says of its clients; return what to relay on this node.

        An entry that is of no use is passed over, and the client stays as it was. Raises
        ProtocolError, and then nothing is taken in.
        """
        entries = read_entries(node_presence.presence)
        self._nodes[node_presence.node] = now
        changed = [
            client
            for client, clock, state in (each for each in entries if each.is_readable)
            if (user_id := user_of(state)) is not None
            and self._accept(
                client, Presence(clock, state, node_presence.node, user_id, now), False
            )
        ]
        if node_presence.is_complete:
            named = {each.client for each in entries}
            owned = self._owned_by(node_presence.node)
            changed += self._withdraw(client for client in owned if client not in named)
        return self.encode(changed) if changed else None

    def _accept(self, client: int, new: Presence, introduction: bool) -> bool:
        """Take in one client if that is news."""
        new.clock = new.said
        known = self._clients.get(client)
        if not new.is_here and (known is None or new.is_remote):
            # Who is gone elsewhere, or was never seen here, may come at this very clock.
            new.withdrawn = True
        if known is None:
            self._clients[client] = new
            return new.is_here
        if known.is_here and known.user_id != new.user_id and (new.is_here or not new.is_remote):
            return False
        if not _is_new(known, new, introduction):
            self._see(known, new, introduction)
            return _must_insist(known, new)
        if known.owner == new.owner:
            new.raised = tuple(one for one in known.raised if one[0] > new.said)
        new.tell_with(max(new.said, known.clock + new.is_here))
        self._clients[client] = new
        return True

    def _see(self, known: Presence, new: Presence, introduction: bool) -> None:
        if known.owner == new.owner:
            known.said, known.seen_at = max(known.said, new.said), new.seen_at
        elif introduction and known.user_id == new.user_id:
            known.owner, known.said, known.seen_at = new.owner, new.said, new.seen_at

    def leave(self, session: SessionId) -> bytes | None:
        """Remove what belongs to a session that ended; return what to relay."""
        self._brought.pop(session, None)
        return self._removal(self._withdraw(self._owned_by(session)))

    def expire(self, now: float) -> bytes | None:
        """Remove clients that fell silent and forget those gone for long; return what to relay."""
        silent = [
            client
            for client, presence in self._clients.items()
            if now - presence.seen_at > EXPIRY and not (presence.is_remote and presence.is_here)
        ]
        removed = self._withdraw(silent)
        for client in silent:
            if now - self._clients[client].seen_at > 2 * EXPIRY:
                del self._clients[client]
        return self._removal(removed)

    def expire_nodes(self, now: float) -> bytes | None:
        """Remove the clients of nodes that fell silent; return what to relay on this node."""
        dead = [node for node, heard_at in self._nodes.items() if now - heard_at > NODE_SILENCE]
        removed = []
        for node in dead:
            del self._nodes[node]
            removed += self._withdraw(self._owned_by(node))
        return self._removal(removed)

    def _owned_by(self, owner: Owner) -> list[int]:
        return [client for client, found in self._clients.items() if found.owner == owner]

    def _withdraw(self, clients: Iterable[int]) -> list[int]:
        removed = [client for client in clients if self._clients[client].is_here]
        for client in removed:
            self._clients[client].state = NULL
            self._clients[client].withdrawn = True
        return removed

    def _removal(self, removed: list[int]) -> bytes | None:
        return self.encode(removed) if removed else None

    def present(self) -> list[Presence]:
        """Every client who is here on this node, whoever spoke last at the end."""
        here = (one for one in self._clients.values() if one.is_here and not one.is_remote)
        return sorted(here, key=lambda one: one.seen_at)

    def node_presence(self) -> bytes:
        """Encode everybody who is here on this node, within what every bus carries."""
        return self._fitting(
            (client for client, one in self._clients.items() if one.is_here and not one.is_remote),
            MAX_NODE_PRESENCE_BYTES,
        )

    def encode(self, clients: Iterable[int] | None = None) -> bytes:
        """Encode the named clients, removed ones too; or by default everybody who is here."""
        if clients is None:
            return self._fitting(
                (client for client, one in self._clients.items() if one.is_here),
                MAX_EVERYBODY_BYTES,
            )
        return joined([self._written(client) for client in clients])

    def encode_with_departed(self) -> bytes:
        """Encode everybody, and that those are gone who left a short while ago."""
        return self._fitting(self._clients, MAX_EVERYBODY_BYTES)

    def _written(self, client: int) -> bytes:
        presence = self._clients[client]
        return write_entry(Entry(client, presence.clock, presence.state))

    def _fitting(self, clients: Iterable[int], limit: int) -> bytes:
        """Encode clients; if that takes more than `limit` bytes, without users who say the most."""
        written = {client: self._written(client) for client in clients}
        if sum(map(len, written.values())) <= limit:
            return joined([*written.values()])
        said: Counter[UUID] = Counter()
        for client, entry in written.items():
            said[self._clients[client].user_id] += len(entry)
        kept = []
        for client in sorted(written, key=lambda client: said[self._clients[client].user_id]):
            if (limit := limit - len(written[client])) < 0:
                break
            kept.append(written[client])
        return joined(kept)


def _must_insist(known: Presence, new: Presence) -> bool:
    """Whether a client that is here must be told anew, since another node takes it for gone.

    Its connection there ended when nobody there knew yet that it had come here.
    """
    if known.is_remote or not known.is_here or new.is_here or not new.is_remote:
        return False
    if new.said < known.clock:
        return False
    known.tell_with(new.said + 1)
    return True


def _is_new(known: Presence, new: Presence, introduction: bool) -> bool:
    if known.withdrawn and new.is_remote and new.is_here:
        return new.said >= known.said
    if known.owner == new.owner:
        # A client takes over the newer clocks that others are told, and says so, late perhaps.
        is_echo = new.said <= known.clock and new.state == known.state
        is_echo |= (new.said, hash(new.state)) in known.raised
        return _counts(known.said, known, new) and not is_echo
    if new.is_remote and not new.is_here:
        # Only who speaks for a client may say that it is gone.
        return False
    if introduction and new.is_here and (known.withdrawn or known.is_remote):
        # Others forgot this client at this very clock, or hear of it from elsewhere; and nodes
        # tell each other clocks that may be ahead of its own.
        return known.is_remote or new.said >= known.said
    # Who takes another for gone says so with the clock it knows (awareness.js), as Hocuspocus
    # providers do of everybody when they are back; only the client itself counts on.
    return new.said > known.clock


def _counts(clock: int, known: Presence, new: Presence) -> bool:
    if new.said == clock:
        return known.is_here and not new.is_here
    return new.said > clock
