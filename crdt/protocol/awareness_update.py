"""Awareness updates as bytes: read, checked, merged and split.

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
"""Largest awareness state accepted, without its user; a selection of 1,500 steps takes 60 KB."""

MAX_STATE_DEPTH: Final = 100
"""Most levels of values in a state: readers that recurse fail at different depths."""

MAX_CLIENTS_PER_UPDATE: Final = 1_000
"""Most entries that are read of one awareness update of a client; the others are ignored."""

MAX_NUMBER: Final = 2**53 - 1
"""Largest client id and clock: JavaScript clients fail to read an update with a larger one."""

NULL: Final = "null"
"""The state of a client that is gone."""


class Entry(NamedTuple):
    """The entry of one client in an awareness update; `state` is JSON text."""

    client: int
    clock: int
    state: str

    @property
    def is_readable(self) -> bool:
        """Whether every client could read its numbers."""
        return max(self.client, self.clock) <= MAX_NUMBER


def read_entries(payload: bytes, limit: int = sys.maxsize) -> list[Entry]:
    """Read the entries of an awareness update, at most `limit` of them. Raises ProtocolError."""
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


def join_entries(entries: Sequence[bytes]) -> bytes:
    """Make an awareness update of encoded entries."""
    return var_uint(len(entries)) + b"".join(entries)


def merge_awareness(updates: Sequence[bytes]) -> bytes:
    """Merge awareness updates of one room, oldest first: the last entry of each client remains."""
    if len(updates) == 1:
        return updates[0]
    entries = {client: entry for update in updates for client, entry in _encoded(update)}
    return join_entries([*entries.values()])


def split_awareness(update: bytes, limit: int) -> list[bytes]:
    """Split an awareness update into some of at most `limit` bytes, or of a single entry."""
    if len(update) <= limit:
        return [update]
    batches: list[list[bytes]] = [[]]
    size = 0
    for _, entry in _encoded(update):
        if batches[-1] and size + len(entry) > limit:
            batches.append([])
            size = 0
        batches[-1].append(entry)
        size += len(entry)
    return [join_entries(batch) for batch in batches]


def _encoded(update: bytes) -> list[tuple[int, bytes]]:
    """Return the encoded entries of an update that this server encoded, with their clients."""
    reader = Reader(update)
    entries = []
    for _ in range(reader.var_uint()):
        start = reader.position
        client, _ = reader.var_uint(), reader.var_uint()
        reader.skip_bytes()
        entries.append((client, update[start : reader.position]))
    return entries


def checked_state(text: str, card: str) -> str:
    """Check that every client can parse a state, and put the user's `card` into it.

    Raises ProtocolError when the state is not a JSON object or null, or is too large or too deep.
    """
    size = len(text.encode())
    # A client that reconnects sends its state as it received it back, with the user in it.
    if size > MAX_STATE_BYTES and size > MAX_STATE_BYTES + len(f'"user":{card},'.encode()):
        raise ProtocolError(f"expected a presence state up to {MAX_STATE_BYTES} bytes, got {size}")
    try:
        state = json.loads(text, parse_constant=_refuse)
        _check_depth(text, state)
        return NULL if state is None else _with_user(state, card)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("expected a presence state in JSON, got something else") from error


def _check_depth(text: str, state: object) -> None:
    # Fewer brackets cannot nest that deep, and most states have fewer.
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


def user_id_of(text: str) -> UUID | None:
    """Return the user in a state that another node has checked, None if there is none in it.

    It is the UUID of zeros, nobody, for a client that is gone.
    """
    try:
        state = json.loads(text)
        return UUID(int=0) if state is None else UUID(state["user"]["id"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
