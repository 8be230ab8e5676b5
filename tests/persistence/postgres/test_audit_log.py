"""The audit log: what the triggers write, and that nobody changes it afterwards."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args
from uuid import UUID

import pytest

import sql
from app.api.resources.audit_log import Action
from persistence.errors import NotAllowed, TooManyChanges
from persistence.postgres.deletions import MOST_ENTRIES, PostgresDeletions
from persistence.postgres.pool import COMMAND, WORKER, Pool, connect, open_pool
from persistence.postgres.user_rows import PostgresUserDatabase
from tests.directory import WritableDirectory
from tests.persistence.worlds import World, a_world, build

DAY = timedelta(days=1)
SIDES = ("before", "after")


@pytest.fixture
def database_url(emptied_database_url: str) -> str:
    """These tests change rows and no schema."""
    return emptied_database_url


@pytest.fixture
async def world(pool: Pool) -> World:
    """A world, and an audit log that begins after it was made."""
    made = a_world()
    await build(pool, made)
    await expire_all(pool)
    return made


async def expire_all(pool: Pool) -> None:
    await pool._driver.execute("SELECT expire_audit_log(-1, 1000)")


async def entries(pool: Pool) -> list[Any]:
    return list(await pool._driver.fetch("SELECT * FROM audit_log ORDER BY id"))


async def recorded(pool: Pool) -> list[tuple[str, UUID]]:
    return [(row["action"], row["subject_id"]) for row in await entries(pool)]


async def run(pool: Pool, statement: str, world: World) -> None:
    await pool._driver.execute(world.say(statement))


async def test_everything_that_is_made_is_recorded(pool: Pool) -> None:
    world = a_world()
    await build(pool, world)
    found = await entries(pool)
    assert {(row["action"], row["subject_id"]) for row in found} >= {
        ("organization.created", world.organization),
        ("team.created", world.team),
        ("member.added", world.user),
        ("pipeline.created", world.pipeline),
    }
    assert sum(row["action"] == "template.created" for row in found) == 1
    elsewhere = [row["action"] for row in found if row["organization_id"] != world.organization]
    assert sorted(elsewhere) == [
        "invitation.created", "member.added", "organization.created", "team.created",
    ]  # fmt: skip
    assert all(row["before"] is None and row["after"] for row in found if row["actor_id"])
    assert {row["address"] for row in found} == {"server", "database"}  # one is made by hand


CHANGES = {
    "UPDATE organizations SET name = 'Mills' WHERE id = {organization}": (
        "organization.changed", "organization", ("name", "Looms", "Mills"),
    ),
    "UPDATE teams SET name = 'Spinners' WHERE id = {team}": (
        "team.changed", "team", ("name", "Weavers", "Spinners"),
    ),
    "UPDATE pipelines SET deleted_at = now() WHERE id = {pipeline}": (
        "pipeline.deleted", "pipeline", ("name", "Loom", "Loom"),
    ),
    "UPDATE pipelines SET deleted_at = NULL WHERE id = {deleted}": (
        "pipeline.restored", "deleted", ("name", "Rags", "Rags"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("statement", CHANGES)
async def test_a_change_is_recorded_with_before_and_after(
    pool: Pool, world: World, statement: str
) -> None:
    action, subject, (field, old, new) = CHANGES[statement]
    await run(pool, statement, world)
    (entry,) = await entries(pool)
    assert (entry["action"], entry["subject_id"]) == (action, getattr(world, subject))
    assert (entry["before"][field], entry["after"][field]) == (old, new)
    assert entry["organization_id"] == world.organization


NO_CHANGES = (
    "UPDATE organizations SET name = name",
    "UPDATE teams SET settings = settings",
    "UPDATE team_members SET role = role",
    "UPDATE pipelines SET deleted_at = now() WHERE id = {deleted}",
    "UPDATE pipelines SET name = 'x', config = '{{}}', updated_at = now()",
    "UPDATE pipeline_templates SET usage_count = 9",
    "UPDATE comments SET resolved = true",
    "UPDATE steps SET name = 'x' WHERE id = {step}",
)


@pytest.mark.parametrize("statement", NO_CHANGES)
async def test_what_changes_nothing_or_a_document_is_not_recorded(
    pool: Pool, world: World, statement: str
) -> None:
    await run(pool, statement, world)
    assert await entries(pool) == []


async def test_members_come_change_and_go(pool: Pool, world: World) -> None:
    mate = (await WritableDirectory(pool).create_user("bo@example.org", "Bo")).id
    for role in ("viewer", "viewer", "admin"):
        await pool.execute("set_member", world.team, mate, role)
    await pool._driver.execute("DELETE FROM users WHERE id = $1", mate)
    found = await entries(pool)
    assert [row["action"] for row in found] == [
        "member.added",
        "member.role_changed",
        "member.removed",
    ]
    assert {row["subject_id"] for row in found} == {mate}
    assert [found[1][side]["role"] for side in SIDES] == ["viewer", "admin"]


async def test_a_pipeline_that_moves_is_in_the_logs_of_both_teams(pool: Pool, world: World) -> None:
    elsewhere = a_world()
    await build(pool, elsewhere)
    await expire_all(pool)
    move = f"UPDATE pipelines SET team_id = '{elsewhere.team}' WHERE id = {{pipeline}}"
    await run(pool, move, world)
    found = await entries(pool)
    assert {row["action"] for row in found} == {"pipeline.moved"}
    assert {(row["organization_id"], row["team_id"]) for row in found} == {
        (each.organization, each.team) for each in (world, elsewhere)
    }


async def test_comments_that_others_delete_are_recorded_and_one_s_own_are_not(
    pool: Pool, world: World
) -> None:
    mate = (await WritableDirectory(pool).create_user("bo@example.org", "Bo")).id
    await pool.execute("set_member", world.team, mate, "admin")
    own = f"INSERT INTO comments (pipeline_id, user_id, content) SELECT {{pipeline}}, '{mate}', 'x'"
    await run(pool, own, world)
    await expire_all(pool)
    async with pool.transaction() as transaction:
        await transaction.execute("become_api_user", mate, "192.0.2.1", "")
        await transaction.run_script("DELETE FROM comments")
    (entry,) = await entries(pool)
    assert (entry["action"], entry["actor_id"]) == ("comment.deleted", mate)
    assert (entry["address"], entry["before"]["content"]) == ("192.0.2.1", "Why?")
    assert (entry["team_id"], entry["after"]) == (world.team, None)


async def test_what_goes_with_a_team_is_named_one_by_one(pool: Pool, world: World) -> None:
    await run(pool, "DELETE FROM teams WHERE id = {team}", world)
    gone = [("pipeline.purged", one) for one in sorted((world.pipeline, world.deleted))]
    assert await recorded(pool) == [*gone, ("team.purged", world.team)]
    assert [row["before"]["name"] for row in await entries(pool)][-1] == "Weavers"
    assert {row["organization_id"] for row in await entries(pool)} == {world.organization}


async def test_what_goes_with_an_organization_is_named_too(pool: Pool, world: World) -> None:
    await run(pool, "DELETE FROM organizations WHERE id = {organization}", world)
    found = await entries(pool)
    assert sorted(row["action"] for row in found) == [
        "organization.deleted",
        *["pipeline.purged"] * 3,
        *["team.purged"] * 2,
    ]
    names = {row["before"]["name"] for row in found}
    assert names == {"Looms", "Weavers", "Dyers", "Loom", "Rags", "Vat"}
    assert {row["organization_id"] for row in found} == {world.organization}


async def test_a_team_is_deleted_and_comes_back_with_its_pipelines_by_name(
    pool: Pool, world: World
) -> None:
    for function in ("delete_team", "restore_team"):
        async with pool.transaction() as transaction:
            await transaction.execute("become_api_user", world.user, "", "")
            await transaction.run_script(world.say(f"SELECT {function}({{team}})"))
    found = await entries(pool)
    assert [(row["action"], row["subject_id"]) for row in found] == [
        ("pipeline.deleted", world.pipeline),
        ("team.deleted", world.team),
        ("pipeline.restored", world.pipeline),
        ("team.restored", world.team),
    ]
    hidden = [row[side]["team_deleted_at"] is not None for row in found[::2] for side in SIDES]
    assert hidden == [False, True, True, False]


async def test_a_purged_pipeline_is_named_and_what_was_in_it_is_not(
    pool: Pool, world: World
) -> None:
    await run(pool, "DELETE FROM pipelines WHERE id = {pipeline}", world)
    assert await recorded(pool) == [("pipeline.purged", world.pipeline)]


async def test_long_values_are_cut_and_secrets_left_out(pool: Pool, world: World) -> None:
    await pool._driver.execute(
        "UPDATE teams SET name = repeat('n', 9000), settings = $1 WHERE id = $2",
        {"words": ["word"] * 2000},
        world.team,
    )
    secret = """UPDATE pipelines SET deleted_at = now(), authentication = '{{"key": "hush"}}'
        WHERE id = {pipeline}"""
    await run(pool, secret, world)
    cut, hidden = await entries(pool)
    assert cut["after"]["name"] == "n" * 500 + "…"
    assert cut["after"]["settings"].keys() == {"bytes", "sha256"}
    assert len(json.dumps(cut["after"])) < 2000
    assert {"authentication", "config", "defaults"}.isdisjoint(hidden["after"])
    assert "hush" not in json.dumps(hidden["after"])


async def test_the_author_of_a_new_pipeline_is_named(pool: Pool, world: World) -> None:
    insert = """SELECT set_config('app.user_id', {user}, true),
        set_config('app.address', '192.0.2.7', true)"""
    async with pool.transaction() as transaction:
        await transaction.run_script(world.say(insert))
        await transaction.run_script(
            world.say("INSERT INTO pipelines (team_id, name) VALUES ({team}, 'New')")
        )
    (entry,) = await entries(pool)
    assert (entry["actor_id"], entry["address"]) == (world.user, "192.0.2.7")


@pytest.mark.parametrize(
    ("program", "address"),
    [(WORKER, "worker"), (COMMAND, "command"), ("pipeloom", "server"), ("psql", "database")],
)
async def test_without_a_user_the_program_is_named(
    database_url: str, pool: Pool, world: World, program: str, address: str
) -> None:
    programs = await open_pool(database_url, application_name=program)
    await run(programs, "UPDATE teams SET name = 'x' WHERE id = {team}", world)
    await programs.close()
    (entry,) = await entries(pool)
    assert (entry["actor_id"], entry["address"]) == (None, address)


async def test_a_change_by_a_user_names_user_and_address(pool: Pool, world: World) -> None:
    async with PostgresUserDatabase(pool).rows(world.user, "2001:db8::1") as rows:
        await rows.fetchrow("write_team", world.team, "x", "x", {})
    (entry,) = await entries(pool)
    assert (entry["actor_id"], entry["address"]) == (world.user, "2001:db8::1")
    await run(
        pool, "UPDATE teams SET name = 'y' WHERE id = {team}", world
    )  # the same session, without the user
    assert (await entries(pool))[1]["address"] == "server"


async def rename(pool: Pool, world: World, name: str, most: int | None = 3) -> None:
    async with PostgresUserDatabase(pool, most).rows(world.user) as rows:
        await rows.fetchrow("write_team", world.team, name, "x", {})


async def test_a_user_makes_so_many_changes_an_hour(pool: Pool, world: World) -> None:
    for name in "abc":
        await rename(pool, world, name)
    await pool.run_script(
        "ALTER TABLE audit_log DISABLE TRIGGER keep_audit_log; "
        "UPDATE audit_log SET at = now() - interval '50 minutes' WHERE after ->> 'name' = 'a'; "
        "ALTER TABLE audit_log ENABLE TRIGGER keep_audit_log"
    )
    with pytest.raises(TooManyChanges) as refusal:
        await rename(pool, world, "d")
    assert 590 <= refusal.value.wait <= 600
    assert len(await entries(pool)) == 3
    await rename(pool, world, "c")  # what changes nothing
    await run(pool, "UPDATE teams SET name = 'by hand' WHERE id = {team}", world)
    await rename(pool, world, "e", most=4)
    await rename(pool, world, "f", most=None)
    assert [row["after"]["name"] for row in await entries(pool)][3:] == ["by hand", "e", "f"]


async def test_one_change_may_be_of_many_entries_and_restoring_is_free(
    pool: Pool, world: World
) -> None:
    async with PostgresUserDatabase(pool, 1).rows(world.user) as rows:
        await rows.fetchval("remove_team", world.team)
    assert len(await entries(pool)) > 1
    with pytest.raises(TooManyChanges):
        async with PostgresUserDatabase(pool, 1).rows(world.user) as rows:
            await rows.fetchval("new_organization", "x", "x", "y", "y")
    async with PostgresUserDatabase(pool, 1).rows(world.user) as rows:
        await rows.fetchval("bring_back_team", world.team)
    assert {row["action"] for row in await entries(pool)} >= {"team.deleted", "team.restored"}


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_log SET address = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log"],
)
async def test_not_even_the_owner_of_the_tables_changes_it(
    database_url: str, pool: Pool, world: World, statement: str
) -> None:
    await run(pool, "UPDATE teams SET name = 'x' WHERE id = {team}", world)
    with pytest.raises(NotAllowed, match="the audit log is not changed"):
        await pool.run_script(statement)
    assert len(await entries(pool)) == 1


async def test_old_entries_expire_in_parts(pool: Pool, world: World) -> None:
    await pool._driver.execute(
        """INSERT INTO audit_log (at, organization_id, address, action, subject_id)
        SELECT now() - make_interval(days => n / 500), $1, 'x', 'team.changed', $1
        FROM generate_series(0, 2600) AS n""",
        world.organization,
    )
    deletions = PostgresDeletions(pool)
    expired = [await deletions.expire_audit_log(DAY * 1.5) for _ in range(3)]
    assert expired == [MOST_ENTRIES, 601, 0]
    assert len(await entries(pool)) == 1000
    # The transaction that let them expire is over: nothing else may be deleted.
    with pytest.raises(NotAllowed):
        await pool.run_script("DELETE FROM audit_log")


async def test_the_actions_are_those_of_the_code(database_url: str) -> None:
    driver = await connect(database_url)
    check = await driver.fetchval(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = $1",
        "audit_log_action_check",
    )
    await driver.close()
    assert set(re.findall(r"'([\w.]+)'", check)) == set(get_args(Action))


def test_every_action_is_explained_and_no_other() -> None:
    page = (Path(sql.__file__).parent.parent / "docs" / "api.md").read_text()
    table = page.partition("### The audit log")[2].partition("\n## ")[0]
    assert set(re.findall(r"`([a-z]+\.[a-z_]+)`", table)) == set(get_args(Action))
