"""What an engine is asked and what it answers: native, by Electric, or by another process."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, TypeAlias
from uuid import UUID

from crdt.errors import PipeloomError

from .parameters import Definition, ShapeRequest

Reason: TypeAlias = Literal["unknown_handle", "other_scope", "trimmed", "dropped"]
"""Why a client has to begin anew; a label of a metric."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it arrived, for engines that pass it on; `headers` have lower-case names."""

    method: str = "GET"
    query: bytes = b""
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the user of a token, until when that is good, and the request as it arrived."""

    user_id: UUID
    expires_at: datetime
    sent: Sent = field(default_factory=Sent)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response. A body of parts is sent as these come; whoever does not read it closes it."""

    status: int
    headers: Mapping[str, str]
    body: bytes | AsyncGenerator[bytes, None] = b""


class MustRefetch(PipeloomError):
    """The client's copy can no longer be continued: it begins anew, with this handle."""

    def __init__(self, reason: Reason, handle: str | None = None) -> None:
        super().__init__(f"must refetch: {reason}")
        self.reason: Reason = reason
        self.handle = handle


class TooManyShapes(PipeloomError):
    """This user, or all users together, have as many shapes or live requests as there may be.

    `is_own` says that it is the user's own doing; after `retry_after` seconds it may be different.
    """

    def __init__(self, problem: str, *, is_own: bool, retry_after: int = 1) -> None:
        super().__init__(problem)
        self.is_own, self.retry_after = is_own, retry_after


class DeletionNotAllowed(PipeloomError):
    """Clients may not drop shapes here."""


class Interrupted(PipeloomError):
    """The rest of a body cannot be had: the connection to the client has to break."""


class Engine(Protocol):
    """Answers requests for shapes.

    Raises of PipeloomError: InvalidShape, MustRefetch, TooManyShapes, Draining, StoreError. The
    endpoint makes responses of these.
    """

    async def answer(self, request: ShapeRequest, who: Caller) -> Answer:
        """Answer a GET or a POST, after having looked what the caller may see now."""
        ...

    async def drop(self, definition: Definition, handle: str | None, who: Caller) -> None:
        """Drop the caller's shape, as DELETE asks. Raises DeletionNotAllowed as well."""
        ...

    @property
    def is_ready(self) -> bool:
        """Whether shapes can be had now."""
        ...
