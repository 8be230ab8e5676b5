"""The counters of what a team stores are what summing everything would give, whatever happens."""

from datetime import timedelta
from random import Random
from uuid import UUID

import pytest

from persistence.ports.versions import NewVersion, Retention
from persistence.postgres.pool import Pool
from tests.contracts.stores import NOON, Stores, stores_on
from tests.rounds import SEED, rounds

COUNTED = "SELECT log, versions, comments FROM team_bytes($1)"
SUMMED = """
SELECT
    (SELECT coalesce(sum(octet_length(u.payload)), 0) FROM pipeline_updates AS u
     JOIN pipelines AS p ON p.id = u.pipeline_id WHERE p.team_id = $1) AS log,
    (SELECT coalesce(sum(v.bytes), 0) FROM pipeline_versions AS v
     JOIN pipelines AS p ON p.id = v.pipeline_id WHERE p.team_id = $1) AS versions,
    (SELECT coalesce(sum(octet_length(c.content)), 0) FROM comments AS c
     JOIN pipelines AS p ON p.id = c.pipeline_id WHERE p.team_id = $1) AS comments
"""


@pytest.fixture
async def stores(pool: Pool) -> Stores:
    made = stores_on(pool)
    await made.prepare()
    return made


class Life:
    """What happens to the pipelines of a team, at random."""

    def __init__(self, stores: Stores, pool: Pool, rng: Random) -> None:
        self.stores, self.pool, self.rng = stores, pool, rng
        self.ids: list[UUID] = []
        self.created = 0

    async def step(self) -> None:
        deeds = [self.create, *[self.append] * 4, *[self.save] * 2, self.prune]
        deeds += [*[self.comment] * 2, self.edit_comments, self.remove_comments, self.purge]
        await self.rng.choice(deeds)()

    @property
    def one(self) -> UUID:
        return self.rng.choice(self.ids)

    async def create(self) -> None:
        self.created += 1
        self.ids.append(await self.stores.new_pipeline(self.created))

    async def append(self) -> None:
        sizes = self.rng.choices(range(1, 3000), k=4)
        updates = [self.stores.update(self.one, bytes(size)) for size in sizes]
        await self.stores.log.append(updates)

    async def save(self) -> None:
        rows = '{"name": "Loom"}', "[{}]".format(",".join(["1234"] * self.rng.randrange(900))), "[]"
        made_at = NOON - timedelta(days=self.rng.randrange(200))
        state = self.rng.randbytes(self.rng.randrange(5000))
        name = self.rng.choice([None, "kept"])
        await self.stores.versions.save(
            NewVersion(self.one, 1, state, *rows, name, None, None, made_at)  # type: ignore[arg-type]
        )

    async def prune(self) -> None:
        await self.stores.versions.prune(self.one, NOON, Retention())

    async def comment(self) -> None:
        await self.pool._driver.execute(
            "INSERT INTO comments (pipeline_id, user_id, content) SELECT $1, $2, $3 "
            "FROM generate_series(1, 3)",
            self.one,
            self.stores.author.id,
            "é" * self.rng.randrange(1, 200),
        )

    async def edit_comments(self) -> None:
        await self.pool._driver.execute(
            "UPDATE comments SET content = content || 'more' WHERE pipeline_id = $1", self.one
        )

    async def remove_comments(self) -> None:
        await self.pool._driver.execute("DELETE FROM comments WHERE pipeline_id = $1", self.one)

    async def purge(self) -> None:
        if len(self.ids) > 1:
            gone = self.one
            self.ids.remove(gone)
            await self.stores.directory.delete_pipeline(gone)


@pytest.mark.parametrize("number", range(rounds(20, few=2)))
async def test_counters_are_the_sums(stores: Stores, pool: Pool, number: int) -> None:
    print(f"seed {SEED}, life {number}")
    life = Life(stores, pool, Random(SEED * 100 + number))
    await life.create()
    for _ in range(60):
        await life.step()
        counted = await pool._driver.fetchrow(COUNTED, stores.team_id)
        assert dict(counted) == dict(await pool._driver.fetchrow(SUMMED, stores.team_id))


async def test_a_deleted_user_leaves_the_counters(stores: Stores, pool: Pool) -> None:
    life = Life(stores, pool, Random(1))
    await life.create()
    await life.comment()
    await pool.run_script("DELETE FROM users WHERE email = 'ada@example.org'")
    counted = await pool._driver.fetchrow(COUNTED, stores.team_id)
    assert dict(counted) == dict(await pool._driver.fetchrow(SUMMED, stores.team_id))
    assert counted["comments"] > 0
