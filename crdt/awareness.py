"""Presence: who is in a room and what they point at. Nothing of it is ever stored.

    awareness update = varUint n, n × (varUint client, varUint clock, varString JSON state or null)

An entry counts if its clock is newer than the known one, or equal to it and the state null.
Source: y-protocols 1.0.7, awareness.js. Three rules are stricter than there:

- A state belongs to the latest session that had news of its client, or that introduced itself as
  that client: a client that reconnects faster than its old connection ends keeps its presence.
- A client id in use by one user is closed to all others.
- The `user` of a state is whoever the server knows it to be.

A session introduces itself by its first awareness update, if that names one client (y-websocket:
`onopen`). Later ones without news are relays: y-websocket clients send back whatever they hear.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from .effects import SessionId
from .encoding import Reader, var_string, var_uint
from .errors import ProtocolError
from .person import Person

EXPIRY = 30.0
"""Seconds without a word after which a client is gone; clients renew every 15 (awareness.js)."""

MAX_STATE_BYTES = 64 * 1024
"""Largest presence state accepted; a selection of 1,500 steps takes 60 KB."""

MAX_CLIENTS_PER_SESSION = 100
"""Most clients that one session may bring in: a browser tab is one."""

MAX_CLIENTS_PER_UPDATE = 1_000
"""Most entries accepted in one awareness update."""

MAX_NUMBER = 2**53 - 2
"""Largest client id and clock accepted: clients fail to read a larger number than 2**53 - 1, and
the clock of a client that returns is raised by one."""

NULL = "null"


@dataclass(slots=True)
class Presence:
    """What is known of one client. `state` is JSON text, "null" once the client is gone.

    `withdrawn` marks a removal by this server: the client itself still counts from `clock`.
    """

    clock: int
    state: str
    owner: SessionId
    user_id: UUID
    seen_at: float
    withdrawn: bool = False


class Awareness:
    """The presence states of one room."""

    def __init__(self) -> None:
        self._clients: dict[int, Presence] = {}
        self._brought: dict[SessionId, int] = {}

    def __len__(self) -> int:
        return sum(presence.state != NULL for presence in self._clients.values())

    def apply(self, payload: bytes, session: SessionId, person: Person, now: float) -> bytes | None:
        """Take in an update from a session; return what to relay, None if nothing changed.

        Whatever a state says of its user, it says who `person` is. Raises ProtocolError, and then
        nothing is taken in.
        """
        card = json.dumps(person.card, ensure_ascii=False)
        entries = list(_entries(payload, card))
        introduction = session not in self._brought and len(entries) == 1
        self._count(session, sum(client not in self._clients for client, _, _ in entries))
        accepted = [
            client
            for client, clock, state in entries
            if self._accept(client, Presence(clock, state, session, person.id, now), introduction)
        ]
        return self.encode(accepted) if accepted else None

    def _count(self, session: SessionId, clients: int) -> None:
        brought = self._brought.get(session, 0) + clients
        if brought > MAX_CLIENTS_PER_SESSION:
            raise ProtocolError(
                f"expected at most {MAX_CLIENTS_PER_SESSION} clients of one connection"
            )
        self._brought[session] = brought

    def _accept(self, client: int, new: Presence, introduction: bool) -> bool:
        known = self._clients.get(client)
        if known is None:
            self._clients[client] = new
            return new.state != NULL
        if known.state != NULL and known.user_id != new.user_id:
            return False
        if introduction and _returns(known, new):
            # Others forgot this client at this very clock and want a newer one.
            new.clock += 1
        elif not _counts(known, new):
            if introduction:
                known.owner, known.user_id, known.seen_at = new.owner, new.user_id, new.seen_at
            return False
        self._clients[client] = new
        return True

    def leave(self, session: SessionId) -> bytes | None:
        """Remove what belongs to a session that ended; return what to relay."""
        self._brought.pop(session, None)
        return self._withdraw(
            client for client, presence in self._clients.items() if presence.owner == session
        )

    def expire(self, now: float) -> bytes | None:
        """Remove clients that fell silent and forget those gone for long; return what to relay."""
        silent = [c for c, p in self._clients.items() if now - p.seen_at > EXPIRY]
        removed = self._withdraw(silent)
        for client in silent:
            if now - self._clients[client].seen_at > 2 * EXPIRY:
                del self._clients[client]
        return removed

    def _withdraw(self, clients: Iterable[int]) -> bytes | None:
        removed = [client for client in clients if self._clients[client].state != NULL]
        for client in removed:
            self._clients[client].state = NULL
            self._clients[client].withdrawn = True
        return self.encode(removed) if removed else None

    def present(self) -> list[tuple[UUID, str]]:
        """Everybody who is here: the user and the state, as JSON, of each client."""
        return [(one.user_id, one.state) for one in self._clients.values() if one.state != NULL]

    def encode(self, clients: Iterable[int] | None = None) -> bytes:
        """Encode the named clients, removed ones too; or by default everybody who is here."""
        if clients is None:
            clients = [client for client, p in self._clients.items() if p.state != NULL]
        entries = [(client, self._clients[client]) for client in clients]
        return var_uint(len(entries)) + b"".join(
            var_uint(client) + var_uint(presence.clock) + var_string(presence.state)
            for client, presence in entries
        )

    def encode_with_departed(self) -> bytes:
        """Encode everybody, and that those are gone who left a short while ago."""
        return self.encode(self._clients)


def _returns(known: Presence, new: Presence) -> bool:
    return known.withdrawn and new.state != NULL and new.clock == known.clock


def _counts(known: Presence, new: Presence) -> bool:
    if new.clock == known.clock:
        return new.state == NULL and known.state != NULL
    return new.clock > known.clock


def _entries(payload: bytes, card: str) -> Iterator[tuple[int, int, str]]:
    reader = Reader(payload)
    count = reader.var_uint()
    if count > MAX_CLIENTS_PER_UPDATE:
        raise ProtocolError(
            f"expected at most {MAX_CLIENTS_PER_UPDATE} clients in an awareness update, got {count}"
        )
    for _ in range(count):
        yield _number(reader), _number(reader), _state(reader.var_string(), card)
    reader.finish()


def _number(reader: Reader) -> int:
    number = reader.var_uint()
    if number > MAX_NUMBER:
        raise ProtocolError(f"expected a client id or clock up to {MAX_NUMBER}, got {number}")
    return number


def _state(text: str, card: str) -> str:
    """Check that every client can parse the state, a JSON object or null; put the user in."""
    size = len(text.encode())
    if size > MAX_STATE_BYTES:
        raise ProtocolError(f"expected a presence state up to {MAX_STATE_BYTES} bytes, got {size}")
    try:
        state = json.loads(text, parse_constant=_refuse)
        return NULL if state is None else _with_user(state, card)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("expected a presence state in JSON, got something else") from error


def _with_user(state: object, card: str) -> str:
    if not isinstance(state, dict):
        raise ProtocolError("expected a presence state that is a JSON object or null")
    state.pop("user", None)
    # In ASCII, as half a surrogate pair has no UTF-8; and 1e999 has been read as infinity.
    rest = json.dumps(state, allow_nan=False)
    return f'{{"user": {card}{", " if state else ""}{rest[1:]}'


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
