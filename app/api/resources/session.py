"""`/session`: a page renews its token before that expires, so that nobody opens a link again.

Only tokens of a session can be renewed, and only for as long as the session may last: the link that
`pipeloom serve` prints begins one, and so does `pipeloom token --renewable`. A token of anybody
else who knows the secret lasts as long as its issuer meant it to.
"""

from datetime import datetime

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from app.api.core.context import Asking
from app.api.schemas.common import Shown, problems
from app.auth.tokens import NotRenewable
from crdt.errors import Unauthenticated
from persistence.ports.directory import User

router = APIRouter(prefix="/session", tags=["me"])


class Session(Shown):
    """The next token of a session."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.…",
                "expires_at": "2026-11-23T21:00:00Z",
                "renewable_until": "2026-11-30T09:00:00Z",
            }
        }
    )

    token: str
    expires_at: datetime = Field(description="Renew it well before.")
    renewable_until: datetime = Field(description="When the session ends for good.")


@router.post("", name="renew_session", responses=problems(403))
async def renew(caller: Asking) -> Session:
    """Exchange a token of a session, while it is valid, for one that is valid for longer."""
    renewer = caller.context.renewer
    if renewer is None:
        raise NotRenewable("tokens come from your issuer: get a new one there")
    async with caller.rows() as rows:
        row = await rows.fetchrow("me")
    if row is None:
        raise Unauthenticated("the user of this token is gone")
    user = User(row["id"], row["email"], row["name"])
    issued = renewer.renew(user, caller.claims, caller.context.clock.now())
    return Session(
        token=issued.token,
        expires_at=issued.expires_at,
        renewable_until=issued.renewable_until,
    )
