"""The other end of the Hocuspocus protocol: frames that clients send, read what servers send.

The server's codec does neither. The stock providers of tests/interop/ make sure that both ends are
right.
"""

from collections.abc import Callable
from typing import TypeAlias

from crdt.protocol.hocuspocus import (
    AUTH,
    AWARENESS,
    CLOSE,
    DENIED,
    GRANTED,
    QUERY_AWARENESS,
    STATELESS,
    SYNC,
    SYNC_STATUS,
    TOKEN,
    Authenticate,
    Denied,
    Detach,
    Detached,
    Encoder,
    FromClient,
    ToClient,
)
from crdt.protocol.lib0 import Reader, var_string
from crdt.protocol.messages import (
    Accepted,
    Authenticated,
    AwarenessUpdate,
    QueryAwareness,
    Refused,
    Stateless,
    TokenWanted,
)
from crdt.protocol.y_websocket import decode_sync

Frame: TypeAlias = tuple[str, ToClient]

ACCEPTED, REFUSED = Accepted(b""), Refused("")


def client_frame(address: str, message: FromClient) -> bytes:
    """What a provider sends."""
    match message:
        case Authenticate(token):
            return var_string(address) + bytes((AUTH, TOKEN)) + var_string(token)
        case Detach():
            return var_string(address) + bytes((CLOSE,))
        case _:
            return Encoder(address)(message)


def read(frame: bytes) -> Frame:
    """What a provider makes of a frame; an acknowledgement does not tell of what."""
    reader = Reader(frame)
    address = reader.var_string()
    message = _message(reader.var_uint(), reader)
    reader.finish()
    return address, message


def _message(kind: int, reader: Reader) -> ToClient:
    known: dict[int, Callable[[], ToClient]] = {
        SYNC: lambda: decode_sync(reader),
        AWARENESS: lambda: AwarenessUpdate(reader.var_bytes()),
        AUTH: lambda: _auth(reader),
        QUERY_AWARENESS: QueryAwareness,
        STATELESS: lambda: Stateless(reader.var_string()),
        CLOSE: lambda: Detached(reader.var_string()),
        SYNC_STATUS: lambda: ACCEPTED if reader.var_uint() == 1 else REFUSED,
    }
    assert kind in known, f"expected a frame that providers know, got type {kind}"
    return known[kind]()


def _auth(reader: Reader) -> ToClient:
    kind = reader.var_uint()
    if kind == TOKEN:
        return TokenWanted()
    if kind == DENIED:
        return Denied(reader.var_string())
    assert kind == GRANTED
    return Authenticated("readonly" if reader.var_string() == "readonly" else "read-write")
