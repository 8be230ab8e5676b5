"""What people and programs do to the tables while shapes follow them, at random.

All of it is done by one connection, so that between two acts every user sees something definite.
"""

from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any, Final, TypeAlias
from uuid import UUID

import asyncpg

from tests.app.shapes.worlds import ROLES, World, add_member, add_pipeline, add_team, an_id

Act: TypeAlias = Callable[["Actor"], Awaitable[None]]

CHANGES: Final = {
    "users": "name = {word}",
    "organizations": "name = {word}, settings = jsonb_build_object('a', {word})",
    "teams": "name = {word}",
    "team_members": "role = role, joined_at = joined_at - interval '1 second'",
    "pipelines": "name = {word}, tags = ARRAY[{word}, 'a,b', NULL], status = {status}",
    "steps": "config = to_jsonb({word}::text), position_x = {number}, enabled = NOT enabled",
    "connections": "from_output = {word}, path_data = NULL",
    "pipeline_templates": "description = {word}, usage_count = usage_count + 1",
    "comments": "content = {word}, user_id = NULL",
    "pipeline_versions": "name = {word}",
}
"""How a row of each table is changed."""


class Actor:
    """Does one thing after the other, in transactions, some of which are undone."""

    def __init__(self, sql: Any, random: Random, world: World) -> None:
        self.sql, self.random, self.world = sql, random, world
        self._number = 0

    async def act(self) -> None:
        """Do something, or several things at once; what the database refuses is not done."""
        count = self.random.choice((1, 1, 1, 2, 4))
        is_undone = self.random.random() < 0.1
        try:
            async with self.sql.transaction():
                for _ in range(count):
                    await self.random.choice(ACTS)(self)
                if is_undone:
                    raise asyncpg.PostgresError
        except asyncpg.PostgresError:
            return

    async def one(self, table: str, column: str = "id") -> UUID:
        """Some row of a table, by a column of it."""
        self._number += 1
        found = await self.sql.fetchval(
            f"SELECT {column} FROM {table} ORDER BY md5({column}::text || $1) LIMIT 1",
            f"{self.random.random()}",
        )
        return UUID(str(found)) if found else an_id(self.random)

    def words(self) -> dict[str, str]:
        """Values for CHANGES."""
        self._number += 1
        return {
            "word": f"'w{self._number}-{self.random.choice(('a/b', 'ü', '', 'x' * 50))}'",
            "status": f"'{self.random.choice(('draft', 'active'))}'",
            "number": f"{self.random.choice((0.1, -5e-7, 1e300))!r}",
        }


async def change_rows(actor: Actor) -> None:
    table = actor.random.choice([*CHANGES])
    key = {"team_members": "user_id"}.get(table, "id")
    change = CHANGES[table].format(**actor.words())
    where = "" if actor.random.random() < 0.15 else f"WHERE {key} = '{await actor.one(table, key)}'"
    await actor.sql.execute(f"UPDATE {table} SET {change} {where}")


async def change_back(actor: Actor) -> None:
    comment = await actor.one("comments")
    for content in ("content || '!'", "left(content, -1)"):
        await actor.sql.execute(f"UPDATE comments SET content = {content} WHERE id = $1", comment)


async def move_comment(actor: Actor) -> None:
    await actor.sql.execute(
        "UPDATE comments SET pipeline_id = $1 WHERE id = $2",
        await actor.one("pipelines"),
        await actor.one("comments"),
    )


async def delete_row(actor: Actor) -> None:
    table = actor.random.choice(("steps", "connections", "comments", "pipeline_templates"))
    await actor.sql.execute(f"DELETE FROM {table} WHERE id = $1", await actor.one(table))


async def rename_key(actor: Actor) -> None:
    step = await actor.one("steps")
    await actor.sql.execute("DELETE FROM connections WHERE $1 IN (from_step_id, to_step_id)", step)
    await actor.sql.execute("UPDATE steps SET id = $2 WHERE id = $1", step, an_id(actor.random))


async def add_step(actor: Actor) -> None:
    pipeline = await actor.one("pipelines")
    step = an_id(actor.random)
    await actor.sql.execute(
        "INSERT INTO steps (id, pipeline_id, name, type) VALUES ($1, $2, $1::text, 'bash')",
        step,
        pipeline,
    )
    if actor.random.random() < 0.3:
        await actor.sql.execute("DELETE FROM steps WHERE id = $1", step)


async def add_comment(actor: Actor) -> None:
    await actor.sql.execute(
        "INSERT INTO comments (pipeline_id, user_id, content) VALUES ($1, $2, $3)",
        await actor.one("pipelines"),
        actor.random.choice(actor.world.users),
        str(actor.random.random()),
    )


async def move_pipeline(actor: Actor) -> None:
    await actor.sql.execute(
        "UPDATE pipelines SET team_id = $2 WHERE id = $1",
        await actor.one("pipelines"),
        await actor.one("teams"),
    )


async def hide_or_show(actor: Actor) -> None:
    table = actor.random.choice(("pipelines", "pipelines", "teams"))
    other = "CASE WHEN deleted_at IS NULL THEN now() END"
    await actor.sql.execute(
        f"UPDATE {table} SET deleted_at = {other} WHERE id = $1", await actor.one(table)
    )


async def delete_pipeline(actor: Actor) -> None:
    await actor.sql.execute("DELETE FROM pipelines WHERE id = $1", await actor.one("pipelines"))


async def make_pipeline(actor: Actor) -> None:
    await add_pipeline(actor.sql, actor.random, actor.world, await actor.one("teams"))


async def make_team(actor: Actor) -> None:
    organization = actor.random.choice(actor.world.organizations)
    await add_team(actor.sql, actor.random, actor.world, organization)


async def come(actor: Actor) -> None:
    user_id, role = actor.random.choice(actor.world.users), actor.random.choice(ROLES)
    await add_member(actor.sql, await actor.one("teams"), user_id, role)


async def leave(actor: Actor) -> None:
    await actor.sql.execute(
        "DELETE FROM team_members WHERE team_id = $1 AND user_id = $2",
        await actor.one("team_members", "team_id"),
        actor.random.choice(actor.world.users),
    )


async def change_role(actor: Actor) -> None:
    await actor.sql.execute(
        "UPDATE team_members SET role = $2 WHERE user_id = $1",
        actor.random.choice(actor.world.users),
        actor.random.choice(ROLES),
    )


async def truncate(actor: Actor) -> None:
    if actor.random.random() < 0.2:
        await actor.sql.execute("TRUNCATE comments")


ACTS: Final[Sequence[Act]] = (
    *(change_rows,) * 14,
    change_back,
    move_comment,
    delete_row,
    rename_key,
    *(add_step,) * 2,
    *(add_comment,) * 2,
    move_pipeline,
    hide_or_show,
    delete_pipeline,
    make_pipeline,
    make_team,
    *(come,) * 2,
    *(leave,) * 2,
    change_role,
    truncate,
)
