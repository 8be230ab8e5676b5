"""The y-websocket protocol: one document per socket, one message per binary frame.

    frame      = varUint type, body
    type 0     sync: varUint step (0 SyncStep1, 1 SyncStep2, 2 Update), varUint8Array
    type 1     awareness: varUint8Array
    type 2     auth: varUint 0 (permission denied), varString reason; server to client only
    type 3     query awareness: no body

Source: y-protocols 1.0.7 (PROTOCOL.md, sync.js, auth.js), y-websocket 3. Clients up to 3.1 read
only the first message of a frame, so two messages are never put into one frame.
"""

from typing import assert_never

from crdt.errors import ProtocolError

from .lib0 import Reader, var_bytes, var_string, var_uint
from .messages import (
    Accepted,
    Authenticated,
    AwarenessUpdate,
    ClientMessage,
    Message,
    QueryAwareness,
    Refused,
    Stateless,
    SyncStep1,
    SyncStep2,
    TokenWanted,
    Update,
)

SYNC, AWARENESS, AUTH, QUERY_AWARENESS = range(4)
STEP_1, STEP_2, UPDATE = range(3)

UPDATE_HEAD = bytes((SYNC, UPDATE))
SHORT_HEADS = [UPDATE_HEAD + bytes((size,)) for size in range(0x80)]
"""What stands before an update of so few bytes."""

MIN_UPDATE_FRAME = 4
"""Bytes of a frame with an update of one byte."""


def decode(frame: bytes) -> ClientMessage:
    """Decode a frame from a client. Raises ProtocolError."""
    if (update := _short_update(frame)) is not None:
        return Update(update)
    reader = Reader(frame)
    message = _body(reader.var_uint(), reader)
    reader.finish()
    return message


def _short_update(frame: bytes) -> bytes | None:
    """Return the update of a frame that is an Update of up to 16 KiB, as most are; else None."""
    if frame[:2] != UPDATE_HEAD or len(frame) < MIN_UPDATE_FRAME:
        return None
    size, start = frame[2], 3
    if size >= 0x80:
        size, start = size & 0x7F | frame[3] << 7, 4
        if frame[3] >= 0x80:
            return None
    return frame[start:] if len(frame) == start + size else None


def _body(kind: int, reader: Reader) -> ClientMessage:
    match kind:
        case 0:
            return decode_sync(reader)
        case 1:
            return AwarenessUpdate(reader.var_bytes())
        case 3:
            return QueryAwareness()
        case _:
            raise ProtocolError(f"expected message type 0 (sync), 1 or 3 (awareness), got {kind}")


def decode_sync(reader: Reader) -> SyncStep1 | SyncStep2 | Update:
    """Decode the body of a sync message, behind its type. Raises ProtocolError."""
    step, payload = reader.var_uint(), reader.var_bytes()
    match step:
        case 0:
            return SyncStep1(payload)
        case 1:
            return SyncStep2(payload)
        case 2:
            return Update(payload)
        case _:
            raise ProtocolError(f"expected sync step 0, 1 or 2, got {step}")


def encode(message: Message) -> bytes:
    """Encode a message as one frame; empty bytes if the protocol has no such message.

    An update is acknowledged by sending it back to its sender (y-websocket 4); a SyncStep2 needs no
    acknowledgement.
    """
    # Nearly every message is one of these, and a match asks for what it is several times.
    if isinstance(message, (Update, Accepted)):
        # A SyncStep2 that brought nothing new needs no acknowledgement.
        is_empty = not message.update and isinstance(message, Accepted)
        return b"" if is_empty else _update_frame(message.update)
    match message:
        case AwarenessUpdate(payload):
            return bytes((AWARENESS,)) + var_bytes(payload)
        case QueryAwareness():
            return bytes((QUERY_AWARENESS,))
        case Refused(reason):
            return bytes((AUTH,)) + var_uint(0) + var_string(reason)
        case Authenticated() | Stateless() | TokenWanted():
            return b""
        case _:
            return encode_sync(message)


def _update_frame(update: bytes) -> bytes:
    size = len(update)
    if size < 0x80:
        return SHORT_HEADS[size] + update
    return UPDATE_HEAD + var_uint(size) + update


def encode_sync(message: SyncStep1 | SyncStep2 | Update) -> bytes:
    """Encode a sync message, with its type in front."""
    match message:
        case SyncStep1(payload):
            step = STEP_1
        case SyncStep2(payload):
            step = STEP_2
        case Update(payload):
            step = UPDATE
        case _:
            assert_never(message)
    return bytes((SYNC, step)) + var_bytes(payload)
