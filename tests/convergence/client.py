"""A browser tab with a pipeline in it: a y-websocket client on top of pycrdt's own protocol code.

What y-websocket does on opening, closing and hearing of presence is done here in the same order
(y-websocket 3, y-websocket.js); the server's codec is not used.
"""

from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import UUID

from pycrdt import (
    Awareness,
    Doc,
    create_awareness_message,
    create_sync_message,
    create_update_message,
    handle_sync_message,
    read_message,
)

from crdt.room.session import UserProfile
from crdt.updates.format import EMPTY_UPDATE, read_update
from crdt.updates.pending import Pending
from crdt.updates.state_vector import read_state_vector
from tests.convergence.edits import Author
from tests.convergence.link import Link

SYNC, AWARENESS = 0, 1
STEP_1, UPDATE = 0, 2
RENEWAL = 15.0
"""Seconds after which a client renews its presence (y-protocols, awareness.js)."""


@dataclass(eq=False)
class Client:
    """One person, who may close the tab and open it again.

    `unechoed` holds what was sent as an edit on this connection, `offered` what was sent in answer
    to the server's SyncStep1, which is echoed only if it is news. `safe` holds, for all time, what
    was acknowledged.

    Confessed: it takes updates through `crdt/updates/pending.py`, as the server does, since the
    library (pycrdt 0.14) loses some that come before their predecessors, which Yjs does not.
    """

    name: str
    user_id: UUID
    random: Random

    def __post_init__(self) -> None:
        self.author = Author(self.random)
        self.safe: list[bytes] = []
        self.link: Link | None = None
        self.open_page()

    def open_page(self) -> None:
        """Start with an empty document; what was not sent to the server is lost."""
        self.doc: Doc[Any] = Doc(client_id=self.random.getrandbits(32))
        self._own: list[bytes] = []
        self._subscription = self.doc.observe(lambda event: self._own.append(event.update))
        self.unechoed: list[bytes] = []
        self.offered: list[bytes] = []
        self.awareness = Awareness(self.doc)
        self.awareness.observe(self._on_presence)
        self._renewed_at = 0.0
        self._pending = Pending()

    def connect(self, link: Link) -> None:
        """Say hello, as `ws.onopen` does."""
        self.link = link
        self._send(create_sync_message(self.doc))
        if self.awareness.get_local_state() is not None:
            self._send_presence([self.doc.client_id])

    def leave(self) -> None:
        """Close the tab as a browser does that has the time: say so first."""
        link = self.link
        self.awareness.remove_awareness_states([self.doc.client_id], "unload")
        if link is not None:
            link.hang_up()
            self.disconnected()

    def disconnected(self) -> None:
        """See `Peer.disconnected`."""
        self.link = None
        self.unechoed.clear()
        self.offered.clear()
        others = [client for client in self.awareness.states if client != self.doc.client_id]
        self.awareness.remove_awareness_states(others, "provider")

    def edit(self) -> str:
        """Make an edit and send it if there is a connection; return what it was."""
        self._own.clear()
        what = self.author.edit(self.doc)
        if self.link is not None:
            for payload in self._own:
                self.unechoed.append(payload)
                self._send(create_update_message(payload))
        return what

    def point(self) -> None:
        """Move the mouse."""
        cursor = {"x": self.random.randrange(900), "y": 0}
        self.awareness.set_local_state({"user": "somebody else", "cursor": cursor})

    def seen_by(self, other: "Client") -> object:
        """This client's presence; to others the server says whose it is."""
        state = self.awareness.get_local_state()
        if other is self or state is None:
            return state
        return {**state, "user": UserProfile(self.user_id, "Weaver").card}

    def tick(self, now: float) -> None:
        """Renew the presence when it is due."""
        state = self.awareness.get_local_state()
        if state is not None and now - self._renewed_at >= RENEWAL:
            self._renewed_at = now
            self.awareness.set_local_state(state)

    def talk_rubbish(self) -> None:
        """Send what is no frame of the protocol, or no update."""
        self._send(self.random.choice([b"", b"\x07", b"\x00\x02\x05abc", b"\x01\x03\x01\x01\x01"]))

    def take(self, frame: bytes) -> None:
        """See `Peer.take`."""
        if frame[0] == SYNC:
            self._take_sync(frame)
        elif frame[0] == AWARENESS:
            self.awareness.apply_awareness_update(read_message(frame[1:]), "provider")
        else:
            raise AssertionError(f"expected a sync or an awareness frame, got {frame[:40]!r}")

    def _take_sync(self, frame: bytes) -> None:
        if frame[1] == STEP_1:
            self._offer(handle_sync_message(frame[1:], self.doc))
        else:
            self._merge(read_message(frame[2:]))
        if frame[1] == UPDATE:
            self._take_echo(read_message(frame[2:]))

    def _merge(self, update: bytes) -> None:
        state = read_state_vector(self.doc.get_state())
        ready, _ = self._pending.add(update, *read_update(update), state)
        for each in ready:
            self.doc.apply_update(each)

    def _offer(self, answer: bytes | None) -> None:
        assert answer is not None
        payload = read_message(answer[2:])
        if payload != EMPTY_UPDATE:
            self.offered.append(payload)
        self._send(answer)
        # Yjs answers with what waits in it, too.
        for waiting in self._pending.updates():
            self.offered.append(waiting)
            self._send(create_update_message(waiting))

    def _take_echo(self, payload: bytes) -> None:
        for sent in (self.unechoed, self.offered):
            if payload in sent:
                sent.remove(payload)

    def _on_presence(self, topic: str, event: tuple[dict[str, list[int]], object]) -> None:
        if topic == "update":
            # Whoever it came from: y-websocket sends back what it hears.
            self._send_presence([client for changed in event[0].values() for client in changed])

    def _send_presence(self, clients: list[int]) -> None:
        self._send(create_awareness_message(self.awareness.encode_awareness_update(clients)))

    def _send(self, frame: bytes) -> None:
        if self.link is not None:
            self.link.up.append(frame)
