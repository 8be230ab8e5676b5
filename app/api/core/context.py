"""The services that endpoints use, and the caller on whose behalf they work."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Annotated, Final, TypeAlias
from uuid import UUID

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from app.auth.access_watch import AccessWatch
from app.auth.tokens import Claims, Renewer
from app.clock import Clock
from app.compute_queue import ComputeQueue
from app.rooms.hub import Hub
from app.services.events import RoomEvents
from app.services.history import History
from app.services.known_files import KnownFiles
from app.services.projection_watch import ProjectionWatch
from app.services.versions import Versioning
from persistence.ports.directory import Directory
from persistence.ports.idempotency import Fulfilled, IdempotencyKeys
from persistence.ports.identities import Identities
from persistence.ports.tickets import Tickets
from persistence.ports.update_log import UpdateLog
from persistence.ports.user_rows import UserDatabase, UserRows
from persistence.worker.replay import Compute

from .idempotency import CLAIM, SUBJECT
from .middleware import CALLER
from .quotas import Quotas
from .transaction_ids import WRITES, Writes

BEARER = HTTPBearer(
    auto_error=False,  # the middleware has checked it; this is for the documentation
    bearerFormat="JWT",
    description="A token of `pipeloom token`, or of the configured issuer.",
)


UNKNOWN_ADDRESS: Final = "unknown"
"""Where a client is whose proxy says something else than an IP address."""


@dataclass(frozen=True, slots=True)
class Context:
    """The services of the server that the API uses.

    `users` reads and writes on behalf of a user, within row-level security; everything else does
    what only the server itself may do, after a check. `compute` runs what takes long; whoever calls
    it for a user must have a turn of `compute_queue`, or of `read_queue` for what only reads: who
    exports a file waits for no import. `known_files` need not be computed again. `renewer` is None
    if others issue the tokens.
    """

    users: UserDatabase
    directory: Directory
    log: UpdateLog
    hub: Hub
    versioning: Versioning
    history: History
    events: RoomEvents
    projections: ProjectionWatch
    access: AccessWatch
    clock: Clock
    compute: Compute
    quotas: Quotas
    compute_queue: ComputeQueue
    read_queue: ComputeQueue
    known_files: KnownFiles
    tickets: Tickets
    idempotency_keys: IdempotencyKeys
    renewer: Renewer | None
    identities: Identities
    session_length: timedelta
    keep_deleted: timedelta
    invitation_lasts: timedelta


@dataclass(frozen=True, slots=True)
class Caller:
    """The user who makes a request, what the token claims, from which address, and the services.

    `claim` is under which a request runs whose client has given it a key, and `subject_id` the id
    of what it creates, the same whenever it is sent again. `writes` is None for a request that only
    reads.
    """

    claims: Claims
    context: Context
    address: str = ""
    claim: UUID | None = None
    subject_id: UUID | None = None
    writes: Writes | None = None

    @property
    def id(self) -> UUID:
        """The user."""
        return self.claims.user_id

    @property
    def expires_at(self) -> datetime:
        """Until when the token is valid."""
        return self.claims.expires_at

    def fulfilled_by(self, subject_id: UUID) -> Fulfilled | None:
        """What an edit that creates something fulfils: the request, if it has a key."""
        return None if self.claim is None else Fulfilled(self.id, self.claim, subject_id)

    def rows(self) -> AbstractAsyncContextManager[UserRows]:
        """A transaction that sees and does what this user may see and do."""
        on_written = None if self.writes is None else self.writes.note_rows
        return self.context.users.rows(self.id, self.address, self.claim, on_written)


async def _caller(request: Request, _: Annotated[object, Depends(BEARER)]) -> Caller:
    # It awaits nothing, but FastAPI would run a plain function in a thread, for each request.
    address = _address_in(request.client.host) if request.client else ""
    claims, context = getattr(request.state, CALLER), request.app.state.context
    keyed = getattr(request.state, CLAIM, None), getattr(request.state, SUBJECT, None)
    return Caller(claims, context, address, *keyed, getattr(request.state, WRITES, None))


def _address_in(text: str) -> str:
    # That of `X-Forwarded-For` may be any text, and the audit log has `worker` and `command` for
    # what no client did.
    try:
        return str(ip_address(text)).partition("%")[0]
    except ValueError:
        return UNKNOWN_ADDRESS


Asking: TypeAlias = Annotated[Caller, Depends(_caller)]
"""The parameter of every endpoint for the caller."""
