import asyncio
from uuid import UUID

import pytest

from persistence.errors import (
    Conflict,
    InvalidValue,
    NotAllowed,
    StoreError,
    StoreUnavailable,
    UnknownSubject,
)
from persistence.postgres.pool import Pool, connection, open_pool
from persistence.postgres.queries import API_QUERIES
from persistence.postgres.user_rows import PostgresUserDatabase
from tests.directory import WritableDirectory

QUERIES = {
    "who": "SELECT current_user::text AS role, current_user_id() AS id",
    "teams": "SELECT slug FROM teams ORDER BY slug",
    "rename_team": "UPDATE teams SET slug = $2 WHERE slug = $1",
    "leave": "DELETE FROM team_members WHERE user_id = $1",
    "set_role": "UPDATE team_members SET role = $2 WHERE user_id = $1",
    "name_nobody": "DO 'BEGIN RAISE foreign_key_violation; END'",
    "touch_steps": "DELETE FROM steps",
    "wait": "SELECT pg_sleep(10)",
    "lock_teams": "SELECT slug FROM teams FOR UPDATE",
    "xmin_of_team": "SELECT xmin::text::bigint FROM teams WHERE slug = $1",
}


@pytest.fixture
def database_url(emptied_database_url: str) -> str:
    """These tests change rows and no schema."""
    return emptied_database_url


@pytest.fixture(autouse=True)
def _queries(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, query in QUERIES.items():
        monkeypatch.setitem(API_QUERIES, name, query)


@pytest.fixture
async def owner(pool: Pool) -> UUID:
    """The owner of the team "weavers"; nobody is in the team "spinners"."""
    directory = WritableDirectory(pool)
    organization = await directory.create_organization("Looms", "looms")
    await directory.create_team(organization, "Spinners", "spinners")
    team = await directory.create_team(organization, "Weavers", "weavers")
    user = await directory.create_user("ada@example.org", "Ada")
    await directory.add_member(team, user.id, "owner")
    return user.id


async def test_a_session_works_as_the_user_and_ends_with_its_transaction(
    database_url: str, owner: UUID
) -> None:
    pool = await open_pool(database_url, max_size=1)
    async with PostgresUserDatabase(pool).rows(owner) as rows:
        row = await rows.fetchrow("who")
        assert row is not None
        assert dict(row) == {"role": "pipeloom_api", "id": owner}
        assert [row["slug"] for row in await rows.fetch("teams")] == ["weavers"]
    left = await pool._driver.fetchrow(QUERIES["who"])
    assert left["role"] != "pipeloom_api"
    assert left["id"] is None
    await pool.close()


async def test_sessions_side_by_side_do_not_mix(pool: Pool, owner: UUID) -> None:
    async def who(user_id: UUID) -> UUID:
        async with PostgresUserDatabase(pool).rows(user_id) as rows:
            row = await rows.fetchrow("who")
            assert row is not None
            found: UUID = row["id"]
            return found

    users = [UUID(int=number) for number in range(40)]
    assert await asyncio.gather(*map(who, users)) == users


async def test_a_session_is_undone_by_an_exception(pool: Pool, owner: UUID) -> None:
    users = PostgresUserDatabase(pool)
    with pytest.raises(ZeroDivisionError):
        await _fail_after_renaming(users, owner)
    async with users.rows(owner) as rows:
        assert await rows.fetchval("teams") == "weavers"


async def test_who_asks_is_told_which_transaction_has_written(pool: Pool, owner: UUID) -> None:
    users, written = PostgresUserDatabase(pool), list[int]()
    async with users.rows(owner, on_written=written.append) as rows:
        await rows.execute("rename_team", "weavers", "knitters")
        assert not written
    async with users.rows(owner) as rows:
        assert await rows.fetchval("xmin_of_team", "knitters") == written[0]
    async with users.rows(owner, on_written=written.append) as rows:
        await rows.fetch("teams")
    async with users.rows(owner, on_written=written.append) as rows:
        await rows.fetch("lock_teams")
        rows.note_unchanged()
    with pytest.raises(Conflict):
        await _leave(users, owner, written)
    assert len(written) == 1


async def _leave(users: PostgresUserDatabase, owner: UUID, written: list[int]) -> None:
    async with users.rows(owner, on_written=written.append) as rows:
        await rows.execute("leave", owner)


async def test_only_queries_of_the_api_can_be_run(pool: Pool, owner: UUID) -> None:
    async with PostgresUserDatabase(pool).rows(owner) as rows:
        with pytest.raises(KeyError, match="become_api_user"):
            await rows.execute("become_api_user", UUID(int=1), "")


async def _fail_after_renaming(users: PostgresUserDatabase, owner: UUID) -> None:
    async with users.rows(owner) as rows:
        await rows.execute("rename_team", "weavers", "knitters")
        raise ZeroDivisionError


async def _run(pool: Pool, user: UUID, query: str, *args: object) -> None:
    async with PostgresUserDatabase(pool).rows(user) as rows:
        await rows.execute(query, *args)


async def test_what_a_user_may_not_do_is_not_allowed(pool: Pool, owner: UUID) -> None:
    with pytest.raises(NotAllowed, match="steps"):
        await _run(pool, owner, "touch_steps")


async def test_a_taken_slug_is_a_conflict(pool: Pool, owner: UUID) -> None:
    with pytest.raises(Conflict) as caught:
        await _run(pool, owner, "rename_team", "weavers", "spinners")
    assert caught.value.constraint == "teams_organization_id_slug_key"


async def test_the_last_owner_is_a_conflict_at_commit(pool: Pool, owner: UUID) -> None:
    with pytest.raises(Conflict) as caught:
        await _run(pool, owner, "leave", owner)
    assert caught.value.constraint == "team_keeps_an_owner"


async def test_what_does_not_exist_is_unknown(pool: Pool, owner: UUID) -> None:
    with pytest.raises(UnknownSubject):
        await _run(pool, owner, "name_nobody")


@pytest.mark.parametrize("role", ["king", "member\0", "member\ud800"])
async def test_a_bad_value_is_said_to_be_one(pool: Pool, owner: UUID, role: str) -> None:
    with pytest.raises(InvalidValue):
        await _run(pool, owner, "set_role", owner, role)


async def test_postgresql_away_is_unavailable(database_url: str, owner: UUID) -> None:
    pool = await open_pool(database_url, command_timeout=0.2)
    with pytest.raises(StoreUnavailable):
        await _run(pool, owner, "wait")
    await pool.close()


async def test_a_server_that_may_not_act_for_users_says_what_to_run(
    postgres_server: str, database_url: str, owner: UUID
) -> None:
    stranger = f"stranger_{owner.hex}"
    async with connection(postgres_server) as admin:
        await admin.run_script(f"CREATE ROLE {stranger} LOGIN")
    try:
        pool = await open_pool(_as(database_url, stranger))
        with pytest.raises(StoreError, match="GRANT pipeloom_api TO") as caught:
            await _run(pool, owner, "teams")
        assert not isinstance(caught.value, NotAllowed)
        await pool.close()
    finally:
        async with connection(postgres_server) as admin:
            await admin.run_script(f"DROP ROLE {stranger}")


def _as(dsn: str, role: str) -> str:
    scheme, _, rest = dsn.partition("://")
    return f"{scheme}://{role}@{rest.rpartition('@')[2]}"
