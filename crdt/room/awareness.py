"""The awareness states of a room: who is here and what they point at. None of it is ever stored.

Three rules are stricter than those of y-protocols (`awareness_state` has the rule of the clocks):

- A state belongs to the latest session that had news of its client, or that announced itself as
  that client: a client that reconnects faster than its old connection ends keeps its state.
- A client id in use by one user is closed to all others.
- The `user` of a state is whoever the server knows it to be.

A session announces its client by its first awareness update, if that names one client (y-websocket:
`onopen`). Later updates without news are relays: y-websocket clients send back every update that
they receive. The state in a relay is not even parsed: its size and form are up to the author, and
the session that sends it back must not be closed for them.
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from crdt.errors import ProtocolError
from crdt.protocol.awareness_update import (
    MAX_CLIENTS_PER_UPDATE,
    NULL,
    Entry,
    checked_state,
    join_entries,
    read_entries,
    user_id_of,
    write_entry,
)

from .awareness_state import AwarenessState, Owner, is_news
from .effects import SessionId
from .peer_messages import NodeId, NodePresence
from .session import UserProfile

EXPIRY = 30.0
"""Seconds without an update after which a client is removed; clients renew every 15 (awareness.js:
`outdatedTimeout`)."""

RENEWAL_SECONDS = 5.0
"""For how long presence that only renews is gathered; whoever looks every two seconds sends it
after at most 7.

Clients renew 15 to 18 s after the last time, and others remove a state that they have not received
for 30. Presence of another node is published every two seconds and gathered there once more, so
that 18 + 2 + 7 s are the longest that anybody waits.
"""

NODE_EXPIRY = 7.0
"""Seconds without a message after which the clients of a node are removed; nodes publish their
presence every two."""

MAX_CLIENTS_PER_SESSION = 100
"""Most clients that one session may add: a browser tab is one."""

MAX_NODE_PRESENCE_BYTES = 1_000_000
"""Most that one node publishes of a room at once: every bus carries a message of that size."""

MAX_AWARENESS_BYTES = 4 * 1024 * 1024
"""Most that a client is sent of a room at once; everybody in a room of 10,000 takes less."""


@dataclass(slots=True)
class _AddedClients:
    """How many clients a session added: present ones, and unknown ones that it called gone."""

    present: int = 0
    gone: int = 0


class Awareness:
    """The awareness states of one room, on this node and others."""

    def __init__(self) -> None:
        self._clients: dict[int, AwarenessState] = {}
        self._added: dict[SessionId, _AddedClients] = {}
        self._nodes: dict[NodeId, float] = {}
        self._renewed: set[int] = set()
        self._renewed_since = 0.0

    def __len__(self) -> int:
        return sum(each.is_present for each in self._clients.values())

    def apply(
        self, payload: bytes, session: SessionId, user: UserProfile, now: float
    ) -> bytes | None:
        """Apply an update of a session; return what to relay, None if nothing changed.

        What only renews a state is gathered for `renewals`. Whatever a state claims of its user, it
        is relayed with `user`. Entries whose numbers clients could not read are ignored. Raises
        ProtocolError, and then nothing is applied.
        """
        entries = read_entries(payload, MAX_CLIENTS_PER_UPDATE)
        is_announcement = session not in self._added and len(entries) == 1
        card = json.dumps(user.card, ensure_ascii=False)
        checked = [
            Entry(each.client, each.clock, checked_state(each.state, card))
            for each in entries
            if each.is_readable and not self._is_relay(each, session, user, is_announcement)
        ]
        changed = [
            client
            for client, clock, state in self._within_limit(session, checked)
            if self._accept(
                client, AwarenessState(clock, state, session, user.id, now), is_announcement
            )
        ]
        return self._encode_changed(changed)

    def _is_relay(
        self, entry: Entry, session: SessionId, user: UserProfile, is_announcement: bool
    ) -> bool:
        """Whether this cannot be news, whatever the state."""
        known = self._clients.get(entry.client)
        if known is None or known.owner == session:
            return False
        if known.is_present and known.user_id != user.id:
            return True
        return entry.clock <= known.sent_clock and not is_announcement

    def _within_limit(self, session: SessionId, entries: list[Entry]) -> list[Entry]:
        """Count the clients that a session adds; leave out the gone ones beyond the limit.

        Raises ProtocolError if too many are present. The gone ones are no offence: Hocuspocus
        providers report everybody as gone when they reconnect, also to a server that just started.
        """
        added = self._added.get(session, _AddedClients())
        present, gone, kept = added.present, added.gone, []
        for each in entries:
            is_unknown = each.client not in self._clients
            present += is_unknown and each.state != NULL
            gone += is_unknown and each.state == NULL
            if not is_unknown or each.state != NULL or gone <= MAX_CLIENTS_PER_SESSION:
                kept.append(each)
        if present > MAX_CLIENTS_PER_SESSION:
            raise ProtocolError(
                f"expected at most {MAX_CLIENTS_PER_SESSION} clients of one connection"
            )
        self._added[session] = _AddedClients(present, gone)
        return kept

    def apply_remote(self, node_presence: NodePresence, now: float) -> bytes | None:
        """Apply what another node published of its clients; return what to relay on this node.

        An entry that cannot be used is ignored, and the client stays as it was. Raises
        ProtocolError, and then nothing is applied.
        """
        entries = read_entries(node_presence.presence)
        node = node_presence.node
        self._nodes[node] = now
        changed = [
            client
            for client, clock, state in (each for each in entries if each.is_readable)
            if (user_id := user_id_of(state)) is not None
            and self._accept(client, AwarenessState(clock, state, node, user_id, now), False)
        ]
        if node_presence.is_complete:
            named = {each.client for each in entries}
            changed += self._remove(one for one in self._owned_by(node) if one not in named)
        return self._encode_changed(changed)

    def _accept(self, client: int, new: AwarenessState, is_announcement: bool) -> bool:
        """Take the state of one client if it is news; return whether it is to be relayed."""
        new.sent_clock = new.own_clock
        known = self._clients.get(client)
        if not new.is_present and (known is None or new.is_remote):
            # A client that is gone elsewhere, or was never here, may come with this very clock.
            new.removed_by_server = True
        if known is None:
            self._clients[client] = new
            return new.is_present
        if _is_of_another_user(known, new):
            return False
        if not is_news(known, new, is_announcement=is_announcement):
            known.renew(new, is_announcement=is_announcement)
            return known.must_be_sent_again(new)
        is_renewal = known.owner == new.owner and known.has_been_seen_as(new.state)
        self._replace(client, known, new)
        if is_renewal:
            self._gather(client, new.seen_at)
        return not is_renewal

    def _gather(self, client: int, now: float) -> None:
        if not self._renewed:
            self._renewed_since = now
        self._renewed.add(client)

    def renewals(self, now: float) -> bytes | None:
        """Return the states that were renewed a while ago, to relay; None if none is due yet."""
        if not self._renewed or now - self._renewed_since < RENEWAL_SECONDS:
            return None
        renewed, self._renewed = self._renewed, set()
        return self._encode_changed([one for one in renewed if one in self._clients])

    def _replace(self, client: int, known: AwarenessState, new: AwarenessState) -> None:
        if known.owner == new.owner:
            new.clocks_ahead = tuple(one for one in known.clocks_ahead if one[0] > new.own_clock)
        new.send_with(max(new.own_clock, known.sent_clock + new.is_present))
        self._clients[client] = new

    def leave(self, session: SessionId) -> bytes | None:
        """Remove the clients of a session that ended; return what to relay."""
        self._added.pop(session, None)
        return self._encode_changed(self._remove(self._owned_by(session)))

    def expire(self, now: float) -> bytes | None:
        """Remove clients that sent nothing for `EXPIRY`; return what to relay.

        After twice that time they are forgotten, clock and all.
        """
        expired = [
            client
            for client, each in self._clients.items()
            if now - each.seen_at > EXPIRY and not (each.is_remote and each.is_present)
        ]
        # Encoded before any is forgotten: a process that was suspended for a minute finds clients
        # that are due for both.
        removed = self._encode_changed(self._remove(expired))
        for client in expired:
            if now - self._clients[client].seen_at > 2 * EXPIRY:
                del self._clients[client]
        return removed

    def expire_nodes(self, now: float) -> bytes | None:
        """Remove the clients of nodes that published nothing for `NODE_EXPIRY`.

        Returns what to relay on this node.
        """
        expired = [node for node, seen_at in self._nodes.items() if now - seen_at > NODE_EXPIRY]
        removed = []
        for node in expired:
            del self._nodes[node]
            removed += self._remove(self._owned_by(node))
        return self._encode_changed(removed)

    def _owned_by(self, owner: Owner) -> list[int]:
        return [client for client, each in self._clients.items() if each.owner == owner]

    def _remove(self, clients: Iterable[int]) -> list[int]:
        removed = [client for client in clients if self._clients[client].is_present]
        for client in removed:
            self._clients[client].remove()
        return removed

    def local_states(self) -> list[AwarenessState]:
        """The states of the clients on this node, the one seen last at the end."""
        local = (each for each in self._clients.values() if each.is_local)
        return sorted(local, key=lambda each: each.seen_at)

    def encode(self) -> bytes:
        """Encode every client that is here."""
        here = (client for client, each in self._clients.items() if each.is_present)
        return self._encode_within(here, MAX_AWARENESS_BYTES)

    def encode_local(self) -> bytes:
        """Encode every client that is here on this node, as other nodes are sent it."""
        local = (client for client, each in self._clients.items() if each.is_local)
        return self._encode_within(local, MAX_NODE_PRESENCE_BYTES)

    def encode_with_removed(self) -> bytes:
        """Encode every client that is here, and the removal of those who left a while ago."""
        return self._encode_within(self._clients, MAX_AWARENESS_BYTES)

    def _encode_changed(self, clients: list[int]) -> bytes | None:
        self._renewed.difference_update(clients)
        return join_entries([self._entry(client) for client in clients]) if clients else None

    def _entry(self, client: int) -> bytes:
        found = self._clients[client]
        return write_entry(Entry(client, found.sent_clock, found.state))

    def _encode_within(self, clients: Iterable[int], limit: int) -> bytes:
        """Encode clients; leave out those of the users with the most bytes if `limit` asks for it.

        So nobody can keep others from being seen by sending much presence.
        """
        entries = {client: self._entry(client) for client in clients}
        if sum(map(len, entries.values())) <= limit:
            return join_entries([*entries.values()])
        sizes: Counter[UUID] = Counter()
        for client, entry in entries.items():
            sizes[self._clients[client].user_id] += len(entry)
        kept = []
        for client in sorted(entries, key=lambda client: sizes[self._clients[client].user_id]):
            if (limit := limit - len(entries[client])) < 0:
                break
            kept.append(entries[client])
        return join_entries(kept)


def _is_of_another_user(known: AwarenessState, new: AwarenessState) -> bool:
    # A client that is gone on another node has no user there (`user_id_of`).
    is_removal_elsewhere = new.is_remote and not new.is_present
    return known.is_present and known.user_id != new.user_id and not is_removal_elsewhere
