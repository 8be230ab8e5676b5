"""The errors of Pipeloom, one family.

PipeloomError
├── SyncError                 the connection must be closed; carries the close code
│   ├── ProtocolError         4400  the frame cannot be decoded
│   │   ├── MalformedUpdate   4400  the CRDT update in a frame cannot be decoded
│   │   ├── ClientIdReused    4400  a client began anew under a client id that was in use
│   │   └── UnusableEdit      4400  an edit took too long, or the CRDT library failed at it
│   ├── MessageTooBig         4413
│   ├── Unauthenticated       4401
│   ├── Forbidden             4403
│   ├── PipelineNotFound      4404
│   ├── ResetConnection       4205
│   ├── ConnectionTimeout     4408
│   ├── InternalError         1011  a bug of the server; the log has its traceback
│   ├── Draining              1012
│   └── Overloaded            1013
│       └── TooManyConnections      of one user, from one address, or altogether
├── DocumentPoisoned          a change broke off in the middle; the document must be reloaded
├── PipelineFileError         a pipeline file that cannot be imported; carries line and column
├── EditRefused               an edit by the server is not possible; nothing changed
│   ├── UnknownEntry          it names a step or connection that does not exist
│   ├── EditConflict          it conflicts with what exists: a name, a cycle, a connection
│   ├── InvalidEdit           a value that no pipeline may hold
│   └── PipelineTooLarge      it would add to a pipeline that is beyond its size limit
│       └── StorageFull       or to what a team stores that is beyond its quota
└── StoreError                (persistence/errors.py) PostgreSQL refused it or is unavailable

Close codes follow docs/protocol.md: 4400–4499 have a y-websocket ≥ 3.1 client stay away,
1011, 1012 and 1013 have it come back.
"""

from typing import ClassVar


class PipeloomError(Exception):
    """The base of all errors that Pipeloom raises itself."""


class SyncError(PipeloomError):
    """A connection must be closed.

    The close reason is the message, by default `remedy`: what happened and what to do.
    """

    close_code: ClassVar[int] = 4400
    remedy: ClassVar[str] = "close this connection"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.remedy)

    @property
    def reason(self) -> str:
        """The close reason, cut to the 123 bytes that a close frame can carry (RFC 6455 §5.5)."""
        return str(self).encode()[:123].decode(errors="ignore")


class ProtocolError(SyncError):
    """A frame is not a message of the endpoint's protocol."""

    close_code = 4400
    remedy = "send binary frames of the y-websocket protocol"


class MalformedUpdate(ProtocolError):
    """An update cannot be decoded or nests too deep; the document is unchanged."""

    remedy = "reload the document: an update could not be decoded"


class ClientIdReused(ProtocolError):
    """A client has other elements under its client id than the document; nothing was applied."""

    remedy = "this client id was used before in this document: reload, and let Yjs choose it"


class UnusableEdit(ProtocolError):
    """An edit could not be integrated in another process; the document is unchanged."""

    remedy = "this edit cannot be applied: reload the page"


class MessageTooBig(SyncError):
    """A frame is too large, or its update would cost too much (`crdt/updates/limits.py`)."""

    # Not 1009, after which clients reconnect and send the same again
    # (docs/adr/0013-a-message-that-is-too-big.md).
    close_code = 4413
    remedy = "message too big: undo the large edit, then reconnect"


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
    """A client sends too much before it is authenticated (Hocuspocus: 4205)."""

    close_code = 4205
    remedy = "show a token first: send less before it is accepted"


class ConnectionTimeout(SyncError):
    """A socket for many documents has none open for too long (Hocuspocus: 4408)."""

    close_code = 4408
    remedy = "no document open: reconnect when there is one"


class InternalError(SyncError):
    """The server has met with a condition that it did not expect (RFC 6455 §7.4.1)."""

    close_code = 1011
    remedy = "the server failed: reconnect"


class Draining(SyncError):
    """The server is stopping; it, or another one, will accept connections shortly."""

    close_code = 1012
    remedy = "server is restarting: reconnect"


class Overloaded(SyncError):
    """The server, or this client's queue, is full."""

    close_code = 1013
    remedy = "overloaded: try again later"


class TooManyConnections(Overloaded):
    """A limit of connections is reached: of a user, of an address, or of the server."""


class DocumentPoisoned(PipeloomError):
    """A change broke off in the middle, because the CRDT library panicked or took too long.

    Whoever catches it drops the document and loads it again.
    """


class PipelineFileError(PipeloomError):
    """A pipeline file cannot be imported; nothing of it is stored.

    `line` and `column` count from 1, and are None if the fault is not at one place in the file.
    """

    def __init__(self, problem: str, line: int | None = None, column: int | None = None) -> None:
        self.problem, self.line, self.column = problem, line, column
        super().__init__(problem if line is None else f"line {line}, column {column}: {problem}")


class EditRefused(PipeloomError):
    """An edit by the server is not possible; nothing was changed.

    `field` is the path of the field at fault, with dots, or None if it is the whole edit.
    """

    def __init__(self, problem: str, field: str | None = None) -> None:
        self.problem, self.field = problem, field
        super().__init__(problem if field is None else f"{field}: {problem}")


class UnknownEntry(EditRefused):
    """The edit names a step or a connection that is not in the pipeline."""


class EditConflict(EditRefused):
    """The edit conflicts with what exists: a name is taken, a step would contain itself."""


class InvalidEdit(EditRefused):
    """A value that no pipeline may contain: of the wrong kind, too long, too deep or too large."""


class PipelineTooLarge(EditRefused):
    """The pipeline is larger than its limit: only deletions are accepted."""

    def __init__(
        self, reason: str = "the pipeline is too large: delete something before you add more"
    ) -> None:
        super().__init__(reason)


class StorageFull(PipelineTooLarge):
    """The team of the pipeline stores as many bytes as it may: only deletions are accepted."""

    def __init__(self) -> None:
        super().__init__(
            "the team stores as much as it may: delete pipelines, which count until they are "
            "purged, or ask whoever runs this server to raise PIPELOOM_MAX_BYTES_PER_TEAM"
        )
