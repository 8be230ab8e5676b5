"""Awareness updates as bytes: what clients and other nodes say of presence, read and checked.

    awareness update = varUint n, n × (varUint client, varUint clock, varString JSON state or null)

Source: y-protocols 1.0.7, awareness.js.
"""

import json
import sys
from collections.abc import Sequence
from typing import Final, NamedTuple
from uuid import UUID

from crdt.errors import ProtocolError

from .lib0 import Reader, var_string, var_uint

MAX_STATE_BYTES: Final = 64 * 1024
"""Largest presence state accepted, but for its user; a selection of 1,500 steps takes 60 KB."""

MAX_STATE_DEPTH: Final = 100
"""How deep its values may nest: readers that recurse give up at some depth, not all at the same."""

MAX_CLIENTS_PER_UPDATE: Final = 1_000
"""Most entries read of one awareness update of a client."""

MAX_NUMBER: Final = 2**53 - 1
"""Largest client id and clock: clients fail to read a larger number, and all that comes with it."""

NULL: Final = "null"
"""The state of a client that is gone."""


class Entry(NamedTuple):
    """What an awareness update says of one client; `state` is JSON text."""

    client: int
    clock: int
    state: str

    @property
    def is_readable(self) -> bool:
        """Whether every client could read its numbers."""
        return max(self.client, self.clock) <= MAX_NUMBER


def read_entries(payload: bytes, limit: int = sys.maxsize) -> list[Entry]:
    """Read an awareness update, or its first entries. Raises ProtocolError."""
    reader = Reader(payload)
    count = reader.var_uint()
    entries = [
        Entry(reader.var_uint(), reader.var_uint(), reader.var_string())
        for _ in range(min(count, limit))
    ]
    if count <= limit:
        reader.finish()
    return entries


def write_entry(entry: Entry) -> bytes:
    """Encode one entry of an awareness update."""
    return var_uint(entry.client) + var_uint(entry.clock) + var_string(entry.state)


def joined(entries: Sequence[bytes]) -> bytes:
    """Make an awareness update of encoded entries."""
    return var_uint(len(entries)) + b"".join(entries)


def latest(updates: Sequence[bytes]) -> bytes:
    """Merge awareness updates of one room, oldest first: the last word on each client stays."""
    if len(updates) == 1:
        return updates[0]
    entries = {client: entry for update in updates for client, entry in _encoded(update)}
    return joined([*entries.values()])


def in_pieces(update: bytes, limit: int) -> list[bytes]:
    """Cut an awareness update into some of `limit` bytes; one with a single entry may be longer."""
    if len(update) <= limit:
        return [update]
    pieces: list[list[bytes]] = [[]]
    size = 0
    for _, entry in _encoded(update):
        if pieces[-1] and size + len(entry) > limit:
            pieces.append([])
            size = 0
        pieces[-1].append(entry)
        size += len(entry)
    return [joined(piece) for piece in pieces]


def _encoded(update: bytes) -> list[tuple[int, bytes]]:
    """Cut an update of our own into its entries, by client."""
    reader = Reader(update)
    entries = []
    for _ in range(reader.var_uint()):
        start = reader.position
        client, _ = reader.var_uint(), reader.var_uint()
        reader.skip_bytes()
        entries.append((client, update[start : reader.position]))
    return entries


def checked_state(text: str, card: str) -> str:
    """Check that every client can parse the state, a JSON object or null; put the user in.

    Raises ProtocolError.
    """
    size = len(text.encode())
    # A client that came back says its own state again as it was told it, with the user in it.
    if size > MAX_STATE_BYTES and size > MAX_STATE_BYTES + len(f'"user":{card},'.encode()):
        raise ProtocolError(f"expected a presence state up to {MAX_STATE_BYTES} bytes, got {size}")
    try:
        state = json.loads(text, parse_constant=_refuse)
        _check_depth(text, state)
        return NULL if state is None else _with_user(state, card)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("expected a presence state in JSON, got something else") from error


def _check_depth(text: str, state: object) -> None:
    # Most states have fewer brackets than that.
    if text.count("[") + text.count("{") <= MAX_STATE_DEPTH:
        return
    level = [state]
    for _ in range(MAX_STATE_DEPTH + 1):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    if level:
        raise ProtocolError(f"expected a presence state of at most {MAX_STATE_DEPTH} levels")


def _with_user(state: object, card: str) -> str:
    if not isinstance(state, dict):
        raise ProtocolError("expected a presence state that is a JSON object or null")
    state.pop("user", None)
    # In ASCII, as half a surrogate pair has no UTF-8; and 1e999 has been read as infinity.
    rest = json.dumps(state, allow_nan=False)
    return f'{{"user": {card}{", " if state else ""}{rest[1:]}'


def user_of(text: str) -> UUID | None:
    """Return whose state this is that another node has checked; None if it does not say so.

    Nobody's, the UUID of zeros, if it is that of a client that is gone.
    """
    try:
        state = json.loads(text)
        return UUID(int=0) if state is None else UUID(state["user"]["id"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
