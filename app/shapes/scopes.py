"""Who may see which rows, by the same rules as the SELECT policies of `sql/schema.sql`.

A scope is that part of "who asks" on which rows depend: users with equal scopes share a shape.
Whether a scope is still that of a user is asked at every request; a scope by itself grants nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias
from uuid import UUID

from .conditions import Condition
from .tables import Table, Visibility


@dataclass(frozen=True, slots=True)
class Access:
    """What a user has access to at one moment.

    `team_ids` are the user's teams that are not deleted; `pipeline_ids` those of the pipelines that
    were asked about which the user sees.
    """

    user_id: UUID
    team_ids: frozenset[UUID]
    pipeline_ids: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Nobody:
    """No row."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who is in no team, and sees nobody else."""

    user_id: UUID


@dataclass(frozen=True, slots=True)
class Teams:
    """What the members of all these teams see of them; the ids are sorted."""

    team_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class OnePipeline:
    """A pipeline that is not deleted, or its rows."""

    pipeline_id: UUID


Scope: TypeAlias = Nobody | Person | Teams | OnePipeline

_TEAM_COLUMN: Final = {
    Visibility.TEAMS: "id",
    Visibility.TEAM_ROWS: "team_id",
    Visibility.PIPELINES: "team_id",
}

_PIPELINE_COLUMN: Final = {Visibility.PIPELINES: "id", Visibility.PIPELINE_ROWS: "pipeline_id"}


def pipeline_asked(table: Table, condition: Condition) -> UUID | None:
    """The one pipeline whose rows a shape can have, whether or not anybody sees it; else None."""
    return _equal_id(condition, _PIPELINE_COLUMN.get(table.visibility))


def team_asked(table: Table, condition: Condition) -> UUID | None:
    """The one team whose rows a shape can have, whether or not anybody sees it; else None."""
    return _equal_id(condition, _TEAM_COLUMN.get(table.visibility))


def scope_of(table: Table, condition: Condition, access: Access) -> Scope:
    """The scope of a user's shape; `access` must know about `pipeline_asked(table, condition)`."""
    pipeline_id = pipeline_asked(table, condition)
    if pipeline_id is not None:
        return OnePipeline(pipeline_id) if pipeline_id in access.pipeline_ids else Nobody()
    team_id = team_asked(table, condition)
    if team_id is not None:
        return Teams((team_id,)) if team_id in access.team_ids else Nobody()
    if access.team_ids:
        return Teams(tuple(sorted(access.team_ids)))
    # Who is in a team is among its members; who is in none still sees the own row.
    return Person(access.user_id) if table.visibility is Visibility.FELLOWS else Nobody()


def predicate(scope: Scope, table: Table) -> str:
    """SQL that is true of the rows of the table in the scope.

    Columns have no prefix: the table stands alone in FROM. Ids come from UUID alone, so nothing of
    a client is in the text; lists are literals, since Electric understands these, too.
    """
    match scope:
        case Nobody():
            return "FALSE"
        case Person(user_id):
            return f"\"id\" = '{user_id}'"
        case OnePipeline(pipeline_id):
            return _of_pipeline(table, pipeline_id)
        case Teams(team_ids):
            return _of_teams(table, team_ids)


def _of_pipeline(table: Table, pipeline_id: UUID) -> str:
    seen = f'"id" = \'{pipeline_id}\' AND "deleted_at" IS NULL'
    if table.visibility is Visibility.PIPELINES:
        return seen
    return f'"pipeline_id" IN (SELECT "id" FROM "pipelines" WHERE {seen})'  # noqa: S608


def _of_teams(table: Table, team_ids: Iterable[UUID]) -> str:
    ids = ", ".join(f"'{team_id}'" for team_id in team_ids)
    of_teams = f'"team_id" IN ({ids})'
    match table.visibility:
        case Visibility.FELLOWS:
            return f'"id" IN (SELECT "user_id" FROM "team_members" WHERE {of_teams})'  # noqa: S608
        case Visibility.ORGANIZATIONS:
            teams = f'"id" IN ({ids}) AND "deleted_at" IS NULL'
            return f'"id" IN (SELECT "organization_id" FROM "teams" WHERE {teams})'  # noqa: S608
        case Visibility.TEAMS:
            return f'"id" IN ({ids}) AND "deleted_at" IS NULL'
        case Visibility.TEAM_ROWS:
            return of_teams
        case Visibility.PIPELINES:
            return f'{of_teams} AND "deleted_at" IS NULL'
        case Visibility.PIPELINE_ROWS:
            seen = f'{of_teams} AND "deleted_at" IS NULL'
            return f'"pipeline_id" IN (SELECT "id" FROM "pipelines" WHERE {seen})'  # noqa: S608


def _equal_id(condition: Condition, column: str | None) -> UUID | None:
    literal = condition.equal_to(column) if column is not None else None
    return None if literal is None or len(literal) > _LONGEST_ID else _id(literal)


_LONGEST_ID: Final = 50
"""Characters of an id that is kept; those in the usual notations are shorter."""


@lru_cache(maxsize=500)
def _id(literal: str) -> UUID | None:
    try:
        return UUID(literal)
    except ValueError:
        return None
