"""The errors of Pipeloom, one family.

PipeloomError
├── SyncError                 a client cannot go on; carries its WebSocket close code
│   ├── ProtocolError         4400  the bytes are not the protocol
│   │   └── MalformedUpdate   4400  the frame is fine, the CRDT update inside is not
│   ├── MessageTooBig         1009
│   ├── Unauthenticated       4401
│   ├── Forbidden             4403
│   ├── PipelineNotFound      4404
│   ├── ResetConnection       4205
│   ├── ConnectionTimeout     4408
│   ├── InternalError         1011  a bug of the server; the log has its traceback
│   ├── Draining              1012
│   └── Overloaded            1013
│       └── TooManyConnections      of one user, from one address, or altogether
├── DocumentPoisoned          a change broke off in the middle; the document must be loaded anew
├── PipelineFileError         a pipeline file that cannot be imported; carries line and column
├── EditRefused               an edit by the server that the document cannot take; nothing changed
│   ├── UnknownEntry          a step or connection it names is not there
│   ├── EditConflict          it would collide with what is there: a name, a cycle, a connection
│   ├── InvalidEdit           a value that no pipeline may hold
│   └── PipelineTooLarge      it would add to a pipeline that has grown beyond its limit
└── StoreError                (persistence/errors.py) PostgreSQL refused or is away

Close codes follow docs/protocol.md: 4400–4499 tell a y-websocket ≥ 3.1 client to stay away,
1011, 1012 and 1013 tell it to come back.
"""

from typing import ClassVar


class PipeloomError(Exception):
    """Something went wrong that Pipeloom has a name for."""


class SyncError(PipeloomError):
    """A client cannot go on; `remedy` is the close reason, short enough for RFC 6455 §5.5."""

    close_code: ClassVar[int] = 4400
    remedy: ClassVar[str] = "close this connection"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.remedy)

    @property
    def reason(self) -> str:
        """The close reason, cut to what a close frame can carry."""
        return str(self).encode()[:123].decode(errors="ignore")


class ProtocolError(SyncError):
    """The bytes are not the protocol of this endpoint."""

    close_code = 4400
    remedy = "send binary frames of the y-websocket protocol"


class MalformedUpdate(ProtocolError):
    """The update cannot be decoded or is nested beyond reason; the document is untouched."""

    remedy = "reload the document: an update could not be decoded"


class MessageTooBig(SyncError):
    """The frame is too large, or the update in it would cost too much (`updates/limits.py`)."""

    close_code = 1009
    remedy = "message too big: send smaller updates"


class Unauthenticated(SyncError):
    """The token is missing, malformed, forged or expired."""

    close_code = 4401
    remedy = "token missing or invalid: get a new one"


class Forbidden(SyncError):
    """The user is not a member of the pipeline's team."""

    close_code = 4403
    remedy = "not a member of this pipeline's team: ask its owner"


class PipelineNotFound(SyncError):
    """There is no such pipeline."""

    close_code = 4404
    remedy = "no such pipeline: check the id"


class ResetConnection(SyncError):
    """A client says or asks for too much before it has shown a token (Hocuspocus: 4205)."""

    close_code = 4205
    remedy = "show a token first: send less before it is accepted"


class ConnectionTimeout(SyncError):
    """A socket for many documents has none (Hocuspocus: 4408)."""

    close_code = 4408
    remedy = "no document open: reconnect when there is one"


class InternalError(SyncError):
    """The server has met with a condition that it did not expect (RFC 6455 §7.4.1)."""

    close_code = 1011
    remedy = "the server failed: reconnect"


class Draining(SyncError):
    """The server is going down; another one, or this one, will be there shortly."""

    close_code = 1012
    remedy = "server is restarting: reconnect"


class Overloaded(SyncError):
    """The server, or this client's queue, is full."""

    close_code = 1013
    remedy = "overloaded: try again later"


class TooManyConnections(Overloaded):
    """As many connections are open as may be."""


class DocumentPoisoned(PipeloomError):
    """A change broke off in the middle: drop the document and load it anew.

    The CRDT library panicked, or took too long.
    """


class PipelineFileError(PipeloomError):
    """A pipeline file that cannot be imported; nothing of it is stored.

    `line` and `column` count from 1 and are None where the fault has no place in the text.
    """

    def __init__(self, problem: str, line: int | None = None, column: int | None = None) -> None:
        self.problem, self.line, self.column = problem, line, column
        super().__init__(problem if line is None else f"line {line}, column {column}: {problem}")


class EditRefused(PipeloomError):
    """An edit that the document cannot take; nothing of it was done.

    `field` is the field at fault, in dots where it lies deeper, None where it is the whole edit.
    """

    def __init__(self, problem: str, field: str | None = None) -> None:
        self.problem, self.field = problem, field
        super().__init__(problem if field is None else f"{field}: {problem}")


class UnknownEntry(EditRefused):
    """A step or a connection that the edit names is not in the pipeline."""


class EditConflict(EditRefused):
    """The edit would collide with what is there: a name is taken, a step would hold itself."""


class InvalidEdit(EditRefused):
    """A value that no pipeline may hold: of the wrong kind, too long, too deep or too big."""


class PipelineTooLarge(EditRefused):
    """The pipeline has grown beyond its limit: it may only shrink."""

    def __init__(self) -> None:
        super().__init__("the pipeline is too large: delete something before you add more")
