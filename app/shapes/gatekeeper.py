"""Who may see what, now: asked at each request, and once more before its rows are sent.

Rows were read before the second question. If the answer is the same, whoever receives them was
still allowed to see them when they were read: the answer says since when somebody is in the teams,
so that who was away meanwhile is known.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from persistence.ports.shapes import Access, ShapeReader

from . import scopes
from .parameters import Definition
from .scopes import OnePipeline, Scope, Teams, pipeline_asked, scope_of
from .shared import Shared

_Question: TypeAlias = tuple[UUID, UUID | None]


Since: TypeAlias = tuple[tuple[UUID, datetime | None], ...]
"""The teams by which a scope is somebody's, and when they came into each."""


@dataclass(frozen=True, slots=True)
class View:
    """What a user sees now, and since when."""

    scope: Scope
    since: Since


class Gatekeeper:
    """Looks up scopes, those of everybody who asks at the same time in one query."""

    def __init__(self, reader: ShapeReader) -> None:
        self._reader = reader
        self._access = Shared[_Question, Access](self._look)

    async def scope(self, user_id: UUID, definition: Definition) -> Scope:
        """The scope of a user's shape at a moment after the call. Raises StoreUnavailable."""
        return (await self.view(user_id, definition)).scope

    async def view(self, user_id: UUID, definition: Definition) -> View:
        """The same, and since when it is the user's. Raises StoreUnavailable."""
        table, condition = definition.table, definition.condition
        pipeline_id = pipeline_asked(table, condition)
        found = await self._access.ask((user_id, pipeline_id))
        team_ids = found.teams[user_id]
        seen = set()
        if pipeline_id is not None and found.pipelines.get(pipeline_id, None) in team_ids:
            seen.add(pipeline_id)
        access = scopes.Access(user_id, team_ids, frozenset(seen))
        scope = scope_of(table, condition, access)
        teams = _teams_of(scope, found)
        return View(scope, tuple((team, found.joined.get((user_id, team))) for team in teams))

    async def _look(self, asked: frozenset[_Question]) -> Access:
        users = {user_id for user_id, _ in asked}
        pipelines = {pipeline_id for _, pipeline_id in asked if pipeline_id is not None}
        return await self._reader.access(users, pipelines)


def _teams_of(scope: Scope, found: Access) -> tuple[UUID, ...]:
    """The teams by which somebody has a scope."""
    match scope:
        case Teams(team_ids):
            return team_ids
        case OnePipeline(pipeline_id):
            return (found.pipelines[pipeline_id],)
    return ()
