"""`/invitation-links`: whoever has a link joins its team, with an account or to get one."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import ConfigDict, Field

from app.api.core.context import Asking
from app.api.core.guests import JOIN, OFFER, link_digest, secret_in, why_ended
from app.api.core.problems import NotFound
from app.api.schemas.common import Given, Name, Shown, UserProfile, problems
from app.api.schemas.people import Email
from app.api.schemas.pipelines import PROFILE_EXAMPLE
from app.auth.tokens import NotRenewable
from persistence.errors import UnknownSubject
from persistence.ports.directory import Role
from persistence.ports.identities import LinkOffer

from . import teams

router = APIRouter(tags=["me"])


class Offer(Shown):
    """What a link offers, for whoever has it."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "team_id": "5c0b7a64-6c0e-4d1c-9f5e-0f2f9f6f2c11",
                "team_name": "Core",
                "organization_name": "Acme",
                "role": "member",
                "invited_by": PROFILE_EXAMPLE,
                "expires_at": "2026-12-07T09:00:00Z",
                "uses_left": 24,
                "gives_accounts": True,
            }
        }
    )

    team_id: UUID
    team_name: str
    organization_name: str
    role: Role
    invited_by: UserProfile
    expires_at: datetime
    uses_left: int = Field(description="0: it is used up, and lets only members in.")
    gives_accounts: bool = Field(description="Whether `join` makes an account for somebody new.")


class LinkGiven(Given):
    """The secret of a link: what follows `#invitation=` in it."""

    model_config = ConfigDict(json_schema_extra={"example": {"secret": "0ynq6vQ4Vx0xTzOtk4h8"}})

    secret: str = Field(max_length=100)


class Newcomer(Given):
    """Somebody who has no account yet."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"email": "ada@example.org", "name": "Ada"}}
    )

    email: Email = Field(description="Nobody verifies it: no invitation to it is shown.")
    name: Name


class Joined(Shown):
    """The first token of somebody new, which a page renews as that of any session."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "team_id": "5c0b7a64-6c0e-4d1c-9f5e-0f2f9f6f2c11",
                "token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.…",
                "expires_at": "2026-11-23T21:00:00Z",
                "renewable_until": "2026-11-30T09:00:00Z",
            }
        }
    )

    team_id: UUID
    token: str
    expires_at: datetime
    renewable_until: datetime


@router.get(OFFER, name="get_invitation_link_offer", responses=problems(404))
async def offer(caller: Asking, request: Request) -> Offer:
    """Read to which team a link leads, in which role, and who invites.

    Send its secret as the bearer token, with an account or without one.
    """
    digest = link_digest(secret_in(request.headers))
    found = None if digest is None else await caller.context.identities.offer(digest)
    if found is None or found.is_revoked or found.is_expired:
        raise NotFound(why_ended(found))
    return _offer_of(found, gives_accounts=caller.context.renewer is not None)


def _offer_of(stored: LinkOffer, *, gives_accounts: bool) -> Offer:
    return Offer(
        team_id=stored.team_id,
        team_name=stored.team_name,
        organization_name=stored.organization_name,
        role=stored.role,
        invited_by=UserProfile.model_validate(stored.inviter, from_attributes=True),
        expires_at=stored.expires_at,
        uses_left=stored.uses_left,
        gives_accounts=gives_accounts,
    )


@router.post("/invitation-links/accept", name="accept_invitation_link", responses=problems(404))
async def accept(caller: Asking, given: LinkGiven) -> teams.Team:
    """Become a member of the team of a link; who is one already stays as they are."""
    digest = link_digest(given.secret)
    if digest is None:
        raise NotFound(why_ended(None))
    async with caller.rows() as rows:
        team_id: UUID | None = await rows.fetchval("accept_invitation_link", digest)
        row = None if team_id is None else await rows.fetchrow("team", team_id)
    if row is None:
        raise NotFound(why_ended(await caller.context.identities.offer(digest)))
    return teams.Team.of(row)


@router.post(JOIN, name="join_by_link", status_code=201, responses=problems(403, 404, 409))
async def join(caller: Asking, request: Request, newcomer: Newcomer) -> Joined:
    """Get an account and join the team of a link; send its secret as the bearer token.

    Where an identity provider makes the tokens there are no accounts to be had here (403), and an
    address that somebody has is refused (409): sign in, and accept the link.
    """
    context, digest = caller.context, link_digest(secret_in(request.headers))
    if context.renewer is None:
        raise NotRenewable("accounts come from your issuer: sign in there, then open the link")
    if digest is None:
        raise NotFound(why_ended(None))
    try:
        made = await context.identities.join(digest, newcomer.email, newcomer.name, caller.address)
    except UnknownSubject as error:
        raise NotFound(why_ended(await context.identities.offer(digest))) from error
    if caller.writes is not None:
        caller.writes.note_rows(made.transaction_id)
    issued = context.renewer.begin_session(made.user, context.session_length, context.clock.now())
    return Joined(
        team_id=made.team_id,
        token=issued.token,
        expires_at=issued.expires_at,
        renewable_until=issued.renewable_until,
    )
