"""How long the search for pipelines takes, for rare and frequent words, as a user of the API.

Fills a database of its own with pipelines of made-up words, a few of them in every step and most of
them rare, as in any language. They belong to two teams, and the user to both. Then words of each
kind are asked for, and a page of statistics. Ends with an error when a plan does not use the index.

    python -m bench.search [--pipelines 10000] [--steps 50] [--rounds 30]
"""

import argparse
import asyncio
import json
import random
import re
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Final, TypeAlias
from uuid import UUID

from persistence.embedded.server import EmbeddedPostgres
from persistence.postgres.directory import PostgresDirectory
from persistence.postgres.migrations import migrate
from persistence.postgres.pool import Pool, connect, open_pool
from persistence.postgres.projections import PostgresProjections
from persistence.postgres.queries import API_QUERIES
from persistence.postgres.user_rows import PostgresUserDatabase

from .figures import SPREAD, Spread, table
from .machine import describe

INDEX: Final = "idx_pipeline_search"
SEED: Final = 20
VOCABULARY: Final = 30_000
WORDS_PER_STEP: Final = 40
NEEDLE: Final = "needleword"
WORDS: Final[Mapping[str, str]] = {
    "in one pipeline": NEEDLE,
    "in one of a hundred": "word29000",
    "in one of ten": "word3000",
    "in every pipeline": "word0",
    "two of those": "word0 word1",
    "one of those, and the one": f"word0 {NEEDLE}",
    "only begun, in every one": "wo",
    "only begun, in one of four": "word2900",
    "nowhere": "word99999",
}

QUERIES: Final = {
    "count": "SELECT count(*) FROM pipelines WHERE id IN (SELECT search_pipelines($1))",
    "page": """
        SELECT id, name, status, tags, updated_at FROM pipelines
        WHERE id IN (SELECT search_pipelines($1))
        ORDER BY created_at DESC, id DESC LIMIT 50
    """,
    "stats": """
        SELECT p.name, s.* FROM pipelines AS p JOIN pipeline_stats AS s ON s.id = p.id
        WHERE p.team_id = $1 ORDER BY p.created_at DESC, p.id DESC LIMIT 50
    """,
}
PIPELINE_COLUMNS: Final = ("id", "team_id", "name", "created_at")
STEP_COLUMNS: Final = ("pipeline_id", "id", "name", "type", "config")

Pipelines: TypeAlias = list[tuple[UUID, UUID, str, datetime]]


async def fill(dsn: str, teams: Sequence[UUID], pipelines: int, steps: int) -> None:
    """Write pipelines, in turns to the teams, their steps, and cursors as if just projected."""
    draw, now = random.Random(SEED), datetime.now(UTC)
    made = [
        (_id(draw), teams[number % len(teams)], f"Pipeline {number}", now - timedelta(hours=number))
        for number in range(pipelines)
    ]
    driver = await connect(dsn)
    await driver.copy_records_to_table("pipelines", columns=PIPELINE_COLUMNS, records=made)
    await driver.execute("INSERT INTO projection_cursors (pipeline_id) SELECT id FROM pipelines")
    # A trigger for each of so many steps would only find the entries stale already.
    await driver.execute("ALTER TABLE steps DISABLE TRIGGER USER")
    await driver.copy_records_to_table(
        "steps", columns=STEP_COLUMNS, records=_steps(draw, made, steps)
    )
    await driver.execute("ALTER TABLE steps ENABLE TRIGGER USER")
    await driver.execute("UPDATE pipeline_search SET is_stale = true")
    await driver.execute("VACUUM ANALYZE")
    await driver.close()


def _steps(draw: random.Random, pipelines: Pipelines, steps: int) -> Iterator[tuple[object, ...]]:
    vocabulary = [f"word{rank}" for rank in range(VOCABULARY)]
    weights = list(accumulate(1 / (rank + 1) for rank in range(VOCABULARY)))
    for pipeline_id, *_ in pipelines:
        for number in range(steps):
            words = draw.choices(vocabulary, cum_weights=weights, k=WORDS_PER_STEP)
            if (pipeline_id, number) == (pipelines[0][0], 0):
                words.append(NEEDLE)
            config = {"prompt": [{"type": "static", "content": " ".join(words)}]}
            yield pipeline_id, _id(draw), f"step {number}", "claude", json.dumps(config)


def _id(draw: random.Random) -> UUID:
    return UUID(int=draw.getrandbits(128), version=4)


async def refresh(pool: Pool, count: int) -> Spread:
    """Bring entries up to date as a worker does, all others at once; return what one took."""
    projections, times = PostgresProjections(pool), []
    for _ in range(count):
        start = time.perf_counter()
        await projections.refresh_search()
        times.append(time.perf_counter() - start)
    return Spread.of(times)


async def refresh_all(dsn: str) -> None:
    """Bring all entries up to date in one statement, and let PostgreSQL count them."""
    driver = await connect(dsn)
    await driver.execute(
        "UPDATE pipeline_search SET steps = words_of_steps(pipeline_id), is_stale = false "
        "WHERE is_stale"
    )
    await driver.execute("VACUUM ANALYZE pipeline_search")
    await driver.close()


async def ask(
    users: PostgresUserDatabase, user_id: UUID, name: str, arguments: Sequence[object], rounds: int
) -> tuple[Spread, int]:
    """Run a query in sessions of a user; return how long a session took, and how much it found."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        async with users.rows(user_id) as session:
            rows = await session.fetch(name, *arguments)
        times.append(time.perf_counter() - start)
    return Spread.of(times), len(rows)


async def plan(dsn: str, user_id: UUID, words: str) -> str:
    """The plan that PostgreSQL makes inside search_pipelines, with what it did."""
    driver = await connect(dsn)
    body = await driver.fetchval("SELECT prosrc FROM pg_proc WHERE proname = 'search_pipelines'")
    await driver.execute("SET plan_cache_mode = force_generic_plan")
    await driver.execute(f"SET app.user_id = '{user_id}'")
    await driver.execute("PREPARE search (text) AS " + re.sub(r"\bwords\b", "$1", body))
    lines = await driver.fetch(f"EXPLAIN (ANALYZE, COSTS OFF) EXECUTE search ('{words}')")
    await driver.close()
    return "\n".join(line[0] for line in lines)


async def measure(dsn: str, pipelines: int, steps: int, rounds: int) -> str:
    """Fill the database, search it, and report the times. Raises RuntimeError for a bad plan."""
    await migrate(dsn)
    pool = await open_pool(dsn, max_size=3)
    directory = PostgresDirectory(pool)
    demo = await directory.ensure_demo()
    others = await pool.fetchval("ensure_organization", "Others", "others")
    teams = (demo.team_id, await pool.fetchval("ensure_team", others, "Others", "others"))
    await pool.execute("set_member", teams[1], demo.owner.id, "viewer")
    await fill(dsn, teams, pipelines, steps)
    refreshed = await refresh(pool, 10 * rounds)
    await refresh_all(dsn)
    users, lines = PostgresUserDatabase(pool), []
    for kind, words in WORDS.items():
        await _expect_index(dsn, demo.owner.id, words)
        page, _ = await ask(users, demo.owner.id, "page", (words,), rounds)
        async with users.rows(demo.owner.id) as session:
            found = await session.fetchval("count", words)
        lines.append([f"{kind}: {words}", str(found), *page.cells])
    stats, _ = await ask(users, demo.owner.id, "stats", (demo.team_id,), rounds)
    lines.append(["a page of pipeline_stats", "-", *stats.cells])
    for sort in ("created", "updated", "name"):
        filters = (demo.team_id, None, None, None, None, False, sort, None, None, None, 51, 30, 10)
        listed, _ = await ask(users, demo.owner.id, "pipelines", filters, rounds)
        lines.append([f"a page of the list, by {sort}", "-", *listed.cells])
    lines.append(["(refresh of an entry)", "-", *refreshed.cells])
    await pool.close()
    return table(["search", "found", *SPREAD], lines)


async def _expect_index(dsn: str, user_id: UUID, words: str) -> None:
    found = await plan(dsn, user_id, words)
    if f"Bitmap Index Scan on {INDEX}" not in found or "Seq Scan" in found:
        raise RuntimeError(f"expected a scan of {INDEX} for {words!r}, got:\n{found}")


def main() -> None:
    """Measure at the size given."""
    parser = argparse.ArgumentParser(prog="bench.search")
    parser.add_argument("--pipelines", type=int, default=10_000)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=30)
    given = parser.parse_args()
    API_QUERIES.update(QUERIES)
    print(describe())
    with (
        tempfile.TemporaryDirectory(prefix="pipeloom-bench-") as directory,
        EmbeddedPostgres(Path(directory)) as postgres,
    ):
        print(asyncio.run(measure(postgres.dsn, given.pipelines, given.steps, given.rounds)))


if __name__ == "__main__":
    main()
