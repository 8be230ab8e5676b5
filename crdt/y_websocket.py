"""The y-websocket protocol: one document per socket, one message per binary frame.

    frame      = varUint type, body
    type 0     sync: varUint step (0 SyncStep1, 1 SyncStep2, 2 Update), varUint8Array
    type 1     awareness: varUint8Array
    type 2     auth: varUint 0 (permission denied), varString reason; server to client only
    type 3     query awareness: no body

Source: y-protocols 1.0.7 (PROTOCOL.md, sync.js, auth.js), y-websocket 3. Clients up to 3.1 read
only the first message of a frame, so two are never joined.
"""

from typing import assert_never

from .encoding import Reader, var_bytes, var_string, var_uint
from .errors import ProtocolError
from .messages import (
    AwarenessUpdate,
    Message,
    PermissionDenied,
    QueryAwareness,
    SyncStep1,
    SyncStep2,
    Update,
)

SYNC, AWARENESS, AUTH, QUERY_AWARENESS = range(4)
STEP_1, STEP_2, UPDATE = range(3)


def decode(frame: bytes) -> Message:
    """Turn one frame from a client into a message. Raises ProtocolError."""
    reader = Reader(frame)
    message = _body(reader.var_uint(), reader)
    reader.finish()
    return message


def _body(kind: int, reader: Reader) -> Message:
    match kind:
        case 0:
            return _sync(reader.var_uint(), reader.var_bytes())
        case 1:
            return AwarenessUpdate(reader.var_bytes())
        case 3:
            return QueryAwareness()
        case _:
            raise ProtocolError(f"expected message type 0 (sync), 1 or 3 (awareness), got {kind}")


def _sync(step: int, payload: bytes) -> Message:
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
    """Turn a message into the one frame that carries it."""
    match message:
        case SyncStep1(payload):
            return bytes((SYNC, STEP_1)) + var_bytes(payload)
        case SyncStep2(payload):
            return bytes((SYNC, STEP_2)) + var_bytes(payload)
        case Update(payload):
            return bytes((SYNC, UPDATE)) + var_bytes(payload)
        case AwarenessUpdate(payload):
            return bytes((AWARENESS,)) + var_bytes(payload)
        case PermissionDenied(reason):
            return bytes((AUTH,)) + var_uint(0) + var_string(reason)
        case QueryAwareness():
            return bytes((QUERY_AWARENESS,))
    assert_never(message)
