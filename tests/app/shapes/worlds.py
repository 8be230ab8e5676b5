"""Random teams with everything in them, made from a seed, and what one user sees of a table.

`sql` is a connection of asyncpg, or a pool of these.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final
from uuid import UUID

import asyncpg

ROLES: Final = ("owner", "admin", "member", "viewer")


@dataclass
class World:
    """The ids of what there is."""

    users: list[UUID] = field(default_factory=list)
    organizations: list[UUID] = field(default_factory=list)
    teams: list[UUID] = field(default_factory=list)
    pipelines: list[UUID] = field(default_factory=list)


def an_id(random: Random) -> UUID:
    return UUID(int=random.getrandbits(128), version=4)


async def build(sql: Any, random: Random, users: int = 4, teams: int = 4) -> World:
    """Make users, two organizations, teams, some of them deleted, and pipelines with their rows."""
    world = World()
    for number in range(users):
        world.users.append(user_id := an_id(random))
        await sql.execute(
            "INSERT INTO users (id, email, name) VALUES ($1, $2, $3)",
            user_id,
            f"{user_id}@example.org",
            f"user {number}",
        )
    for _ in range(2):
        await _organization(sql, random, world, teams // 2)
    return world


async def _organization(sql: Any, random: Random, world: World, teams: int) -> None:
    world.organizations.append(organization := an_id(random))
    await sql.execute(
        "INSERT INTO organizations (id, name, slug) VALUES ($1, 'o', $2)",
        organization,
        str(organization),
    )
    for _ in range(teams):
        await add_team(sql, random, world, organization)


async def add_team(sql: Any, random: Random, world: World, organization: UUID) -> None:
    """Add a team with an owner, some members, pipelines and templates."""
    world.teams.append(team := an_id(random))
    await sql.execute(
        "INSERT INTO teams (id, organization_id, name, slug, deleted_at) "
        "VALUES ($1, $2, 't', $3, CASE WHEN $4 THEN now() END)",
        team,
        organization,
        str(team),
        random.random() < 0.15,
    )
    members = random.sample(world.users, random.randint(1, 3))
    for place, user_id in enumerate(members):
        await add_member(sql, team, user_id, random.choice(ROLES) if place else "owner")
    for _ in range(random.randint(1, 3)):
        await add_pipeline(sql, random, world, team)
    await sql.execute(
        "INSERT INTO pipeline_templates (team_id, name, pipeline_config, created_by) "
        "VALUES ($1, 'template', '{}', $2)",
        team,
        members[0],
    )


async def add_member(sql: Any, team: UUID, user_id: UUID, role: str) -> None:
    await sql.execute(
        "INSERT INTO team_members (team_id, user_id, role) VALUES ($1, $2, $3) "
        "ON CONFLICT DO NOTHING",
        team,
        user_id,
        role,
    )


async def add_pipeline(sql: Any, random: Random, world: World, team: UUID) -> None:
    """Add a pipeline, deleted perhaps, with a row of each table of rows of pipelines."""
    world.pipelines.append(pipeline := an_id(random))
    await sql.execute(
        "INSERT INTO pipelines (id, team_id, created_by, name, description, status, tags, "
        "is_template, deleted_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, CASE WHEN $9 THEN now() END)",
        pipeline,
        team,
        random.choice(world.users),
        random.choice(("weave", "Spin", "dye it", "100%", "a\\b", "")),
        random.choice((None, "cloth", "50% wool")),
        random.choice(("draft", "active", "archived")),
        random.sample(["a", "b", "c d", 'e"f', "{}"], random.randint(0, 3)),
        random.random() < 0.3,
        random.random() < 0.15,
    )
    steps = [an_id(random) for _ in range(random.randint(1, 3))]
    await add_rows(sql, random, world, pipeline, steps)


async def add_rows(
    sql: Any, random: Random, world: World, pipeline: UUID, steps: Sequence[UUID]
) -> None:
    """Add steps, a connection, a comment and a version to a pipeline."""
    for number, step in enumerate(steps):
        await sql.execute(
            "INSERT INTO steps (id, pipeline_id, name, type, order_index, position_x, enabled) "
            "VALUES ($1, $2, $3, 'bash', $4, $5, $6)",
            step,
            pipeline,
            f"step {step}",
            number,
            random.choice((0.0, -1.5, 1e9)),
            random.random() < 0.5,
        )
    await sql.execute(
        "INSERT INTO connections (id, pipeline_id, from_step_id, to_step_id) "
        "VALUES ($1, $2, $3, $4)",
        an_id(random),
        pipeline,
        steps[0],
        steps[-1],
    )
    await sql.execute(
        "INSERT INTO comments (pipeline_id, user_id, content) VALUES ($1, $2, 'Why?')",
        pipeline,
        random.choice(world.users),
    )
    await sql.execute(
        "INSERT INTO pipeline_versions (pipeline_id, version_number, seq, state, "
        "pipeline_snapshot, steps_snapshot, connections_snapshot, name) "
        "VALUES ($1, (SELECT count(*) + 1 FROM pipeline_versions), 1, 'secret', '{}', '[]', '[]', "
        "'first')",
        pipeline,
    )


async def seen(sql: Any, user_id: UUID, statement: str) -> list[tuple[Any, ...]]:
    """What a user gets for a statement under row-level security, sorted."""
    async with _session(sql) as session, session.transaction(readonly=True):
        await session.execute(
            "SELECT set_config('role', 'pipeloom_api', true), set_config('app.user_id', $1, true)",
            str(user_id),
        )
        return sorted((tuple(row) for row in await session.fetch(statement)), key=str)


@asynccontextmanager
async def _session(sql: Any) -> AsyncIterator[Any]:
    if isinstance(sql, asyncpg.Pool):
        async with sql.acquire() as session:
            yield session
    else:
        yield sql


async def read(sql: Any, statement: str) -> list[tuple[Any, ...]]:
    """What the owner of the tables gets for a statement, sorted."""
    return sorted((tuple(row) for row in await sql.fetch(statement)), key=str)
