"""The Hocuspocus protocol: many documents per socket, one message per binary frame.

    frame    = varString address, varUint type, body; or the byte 9 (ping) or 10 (pong) alone
    address  = document name, or document name, NUL, session id (`sessionAwareness`)
    type 0   sync: varUint step, varUint8Array, as y-websocket has it
    type 1   awareness: varUint8Array
    type 2   auth. To the server: varUint 0, varString token, perhaps varString provider version.
             To the client: varUint 0 (send your token again); 1, varString reason (denied);
             2, varString scope (granted)
    type 3   query awareness: no body
    type 5   stateless: varString
    type 7   close this document; to the client with varString reason
    type 8   sync status, to the client: varUint 1 (the update is in the log) or 0 (refused)

Source: Hocuspocus 4 (common/src/routingKey.ts, common/src/auth.ts, provider/src). Types 4 and 6 are
for messages between servers, and are refused. An answer has the address of what it answers, with
the session id. A client counts sync statuses: exactly one for each Update and each SyncStep2.
"""

from dataclasses import dataclass
from typing import Final, Self, TypeAlias, assert_never

from crdt.errors import ProtocolError, SyncError

from .lib0 import Reader, var_bytes, var_string
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
from .y_websocket import decode_sync, encode_sync

SYNC, AWARENESS, AUTH, QUERY_AWARENESS = range(4)
STATELESS, CLOSE, SYNC_STATUS = 5, 7, 8
PING, PONG = b"\x09", b"\x0a"
TOKEN, DENIED, GRANTED = range(3)

MAX_ADDRESS: Final = 255
"""Longest address accepted, in characters; a pipeline's id has 36, a session's about 11."""


@dataclass(frozen=True, slots=True)
class Authenticate:
    """A token: it opens a document, or replaces the token with which that was opened."""

    token: str


@dataclass(frozen=True, slots=True)
class Detach:
    """The client closes a document: its session ends, the socket stays open."""


@dataclass(frozen=True, slots=True)
class Denied:
    """The document may not be used; the client may try another token on the same socket."""

    reason: str

    @classmethod
    def because(cls, error: SyncError) -> Self:
        """Deny with an error's close code and reason: the message has a place for one text only."""
        return cls(f"{error.close_code} {error.reason}")


@dataclass(frozen=True, slots=True)
class Detached:
    """The server closes a document; the socket stays open."""

    reason: str


FromClient: TypeAlias = ClientMessage | Authenticate | Detach
ToClient: TypeAlias = Message | Denied | Detached


def decode(frame: bytes) -> tuple[str, FromClient]:
    """Decode a frame, other than a ping or pong, into its address and message.

    Raises ProtocolError.
    """
    reader = Reader(frame)
    address = _address(reader)
    message = _body(reader.var_uint(), reader)
    reader.finish()
    return address, message


def address_of(beginning: bytes) -> str:
    """Return the address of a frame of which only the beginning is there. Raises ProtocolError."""
    return _address(Reader(beginning))


def document_name(address: str) -> str:
    """Return the document name in an address."""
    return address.partition("\0")[0]


def _address(reader: Reader) -> str:
    address = reader.var_string()
    if not document_name(address).strip() or len(address) > MAX_ADDRESS:
        raise ProtocolError(
            f"expected the name of a document, up to {MAX_ADDRESS} characters, got {address[:40]!r}"
        )
    return address


def _body(kind: int, reader: Reader) -> FromClient:
    match kind:
        case 0:
            return decode_sync(reader)
        case 1:
            return AwarenessUpdate(reader.var_bytes())
        case 2:
            return _authenticate(reader)
        case 3:
            return QueryAwareness()
        case 5:
            return Stateless(reader.var_string())
        case 7:
            return Detach()
        case _:
            raise ProtocolError(f"expected message type 0, 1, 2, 3, 5 or 7, got {kind}")


def _authenticate(reader: Reader) -> Authenticate:
    if (kind := reader.var_uint()) != TOKEN:
        raise ProtocolError(f"expected a token (auth type 0), got auth type {kind}")
    token = reader.var_string()
    if reader.remaining:
        # The provider's version (4.x), which changes nothing.
        reader.var_string()
    return Authenticate(token)


@dataclass(frozen=True, slots=True)
class Encoder:
    """Encodes messages for one address.

    Encoders of one address are equal, so that a broadcast is encoded once for all of them.
    """

    address: str

    def __call__(self, message: ToClient) -> bytes:
        """Encode a message as one frame."""
        return var_string(self.address) + _encode(message)


def _encode(message: ToClient) -> bytes:
    match message:
        case SyncStep1() | SyncStep2() | Update():
            return encode_sync(message)
        case Authenticated() | Denied() | TokenWanted():
            return _encode_auth(message)
        case Accepted():
            return bytes((SYNC_STATUS, 1))
        case Refused():
            return bytes((SYNC_STATUS, 0))
        case _:
            return _encode_other(message)


def _encode_auth(message: Authenticated | Denied | TokenWanted) -> bytes:
    match message:
        case Authenticated(scope):
            return bytes((AUTH, GRANTED)) + var_string(scope)
        case Denied(reason):
            return bytes((AUTH, DENIED)) + var_string(reason)
        case TokenWanted():
            return bytes((AUTH, TOKEN))
    assert_never(message)


def _encode_other(message: AwarenessUpdate | QueryAwareness | Stateless | Detached) -> bytes:
    match message:
        case AwarenessUpdate(payload):
            return bytes((AWARENESS,)) + var_bytes(payload)
        case QueryAwareness():
            return bytes((QUERY_AWARENESS,))
        case Stateless(payload):
            return bytes((STATELESS,)) + var_string(payload)
        case Detached(reason):
            return bytes((CLOSE,)) + var_string(reason)
    assert_never(message)
