"""Checks of roles before an action, so that a refusal can name the role that is needed.

Row-level security (docs/adr/0006) refuses the same in any case; these checks turn that into
responses with 403 and 404.
"""

from typing import Final
from uuid import UUID

from crdt.errors import PipelineNotFound
from persistence.ports.directory import Role
from persistence.ports.user_rows import UserRows

from .problems import NotFound, RoleNeeded

RANKS: Final[tuple[Role, ...]] = ("viewer", "member", "admin", "owner")
"""The roles, weakest first: each may do what the one before it may."""


def at_least(least: Role) -> tuple[Role, ...]:
    """The roles that may do what `least` may."""
    return RANKS[RANKS.index(least) :]


def require(role: Role, least: Role, deed: str) -> None:
    """Raise RoleNeeded unless the role is at least `least`; `deed` is what it is needed for."""
    if role not in at_least(least):
        raise RoleNeeded(deed, *at_least(least))


def require_power_over(mine: Role, *touched: Role) -> None:
    """Raise RoleNeeded if an owner is to be made or changed by somebody who is none."""
    if "owner" in touched and mine != "owner":
        raise RoleNeeded("making or changing an owner", "owner")


async def in_team(rows: UserRows, team_id: UUID) -> Role:
    """The user's role in a team. Raises NotFound for an outsider."""
    role: Role | None = await rows.fetchval("my_role_in_team", team_id)
    if role is None:
        raise NotFound(f"no team {team_id}: check the id")
    return role


async def in_organization(rows: UserRows, organization_id: UUID) -> Role:
    """The user's strongest role in an organization's teams. Raises NotFound for an outsider."""
    role: Role | None = await rows.fetchval("my_role_in_organization", organization_id)
    if role is None:
        raise NotFound(f"no organization {organization_id}: check the id")
    return role


async def at_pipeline(rows: UserRows, pipeline_id: UUID) -> Role:
    """The user's role in a pipeline's team. Raises PipelineNotFound for an outsider."""
    role: Role | None = await rows.fetchval("my_role_at_pipeline", pipeline_id)
    if role is None:
        raise PipelineNotFound(f"no pipeline {pipeline_id}: check the id")
    return role
