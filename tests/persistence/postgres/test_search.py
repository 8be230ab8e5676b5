"""Finding pipelines by the words in them, as a user of the API."""

from uuid import UUID

import pytest

import sql
from crdt.pipeline.rows import RowChanges, StepRow
from persistence.ports.user_rows import Record
from persistence.postgres.pool import Pool, open_pool
from persistence.postgres.projections import PostgresProjections
from persistence.postgres.queries import API_QUERIES
from persistence.postgres.row_writes import MANY_ROWS, MANY_STEPS
from persistence.postgres.user_rows import PostgresUserDatabase, PostgresUserRows
from tests.contracts.stores import Stores, a_pipeline, a_step, an_id, stores_on
from tests.persistence.worlds import a_world, build

LOOM, MILL = an_id(1), an_id(2)


@pytest.fixture(autouse=True)
def _queries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        API_QUERIES, "found", "SELECT id FROM pipelines WHERE id IN (SELECT search_pipelines($1))"
    )


@pytest.fixture
async def stores(pool: Pool) -> Stores:
    """A team with an owner and two pipelines."""
    prepared = stores_on(pool)
    await prepared.prepare()
    await prepared.directory.add_member(prepared.team_id, prepared.author.id, "owner")
    for number in (1, 2):
        await prepared.new_pipeline(number)
        await prepared.project(RowChanges(), 1)
    return prepared


async def found(pool: Pool, user_id: UUID, words: str) -> set[UUID]:
    async with PostgresUserDatabase(pool).rows(user_id) as rows:
        return {row["id"] for row in await rows.fetch("found", words)}


async def project(stores: Stores, pipeline_id: UUID, changes: RowChanges) -> None:
    """Write changes as a worker does when the pipeline has got one more update."""
    (seq,) = await stores.log.append([stores.update(pipeline_id)])
    assert seq is not None
    await stores.project(changes, seq)


async def rested(pool: Pool) -> None:
    """Let all entries have been refreshed long ago."""
    await pool.run_script("UPDATE pipeline_search SET refreshed_at = '-infinity'")


def saying(number: int, text: object, **fields: object) -> StepRow:
    return a_step(number, config={"prompt": [{"type": "static", "content": text}]}, **fields)


async def test_finds_by_name_description_tags_and_step_text(pool: Pool, stores: Stores) -> None:
    header = a_pipeline("Weave flax", description="Turns plants into cloth", tags=("linen", "raw"))
    steps = [
        saying(1, "Summarize the harvest"),
        a_step(2, "spin_yarn", type="unsupported", declared_type="spinning_wheel"),
    ]
    await project(stores, LOOM, RowChanges(pipeline=header, steps=steps))
    words = ["flax", "FLAX", "plant", "linen", "harvest", "summarizing", "yarn", "spinning wheel"]
    for said in [*words, "flax linen harvest yarn"]:
        assert (said, await found(pool, stores.author.id, said)) == (said, {LOOM})
    for said in ["wool", "flax wool", "content", "static wool"]:
        assert (said, await found(pool, stores.author.id, said)) == (said, set())


async def test_the_last_word_may_be_only_begun(pool: Pool, stores: Stores) -> None:
    header = a_pipeline("Weaving", description="Follows the pre-commit rules of it's makers")
    await project(stores, LOOM, RowChanges(pipeline=header, steps=[saying(1, "Summarize")]))
    for said in [
        "we",
        "weavin",
        "weaves",
        "summ",
        "summariz",
        "summarizatio",
        "weaving summa",
        "pre-comm",
        "weave it's ma",
    ]:
        assert (said, await found(pool, stores.author.id, said)) == (said, {LOOM})
    for said in [
        "w",
        "summ weaving",
        "weavers",
        "team",
        "team:",
        f":{str(stores.team_id)[:8]}",
        "summ ",
        "' : *",
        ":*",
    ]:
        assert (said, await found(pool, stores.author.id, said)) == (said, set())


async def test_a_change_is_found_at_once_if_the_entry_has_rested(
    pool: Pool, stores: Stores
) -> None:
    await project(stores, LOOM, RowChanges(steps=[saying(1, "flax")]))
    await rested(pool)
    await project(stores, LOOM, RowChanges(steps=[saying(1, "wool")]))
    assert await found(pool, stores.author.id, "wool") == {LOOM}
    assert await found(pool, stores.author.id, "flax") == set()
    await rested(pool)
    await project(stores, LOOM, RowChanges(removed_steps=[an_id(1)]))
    assert await found(pool, stores.author.id, "wool") == set()


async def test_a_change_while_the_entry_rests_is_found_later(pool: Pool, stores: Stores) -> None:
    await project(stores, LOOM, RowChanges(steps=[saying(1, "flax")]))
    await project(stores, LOOM, RowChanges(steps=[saying(1, "wool")]))
    assert await found(pool, stores.author.id, "wool") == set()
    assert not await stores.projections.refresh_search()
    await rested(pool)
    assert await stores.projections.refresh_search()
    assert not await stores.projections.refresh_search()
    assert await found(pool, stores.author.id, "wool") == {LOOM}


async def test_a_rename_is_found_at_once(pool: Pool, stores: Stores) -> None:
    await project(stores, LOOM, RowChanges(a_pipeline("Flax"), steps=[saying(1, "harvest")]))
    await project(stores, LOOM, RowChanges(a_pipeline("Wool")))
    assert await found(pool, stores.author.id, "wool harvest") == {LOOM}
    assert await found(pool, stores.author.id, "flax") == set()


async def test_a_move_on_the_canvas_leaves_the_entry_alone(pool: Pool, stores: Stores) -> None:
    await project(stores, LOOM, RowChanges(steps=[saying(1, "flax")]))
    await rested(pool)
    await project(stores, LOOM, RowChanges(steps=[saying(1, "flax", position_x=7.0)]))
    assert not await stores.projections.refresh_search()


async def test_a_large_pipeline_is_refreshed_beside_the_projection(
    pool: Pool, stores: Stores
) -> None:
    await project(stores, LOOM, RowChanges(steps=_many(MANY_ROWS + 1)))
    assert MANY_ROWS > MANY_STEPS
    assert await stores.projections.refresh_search()
    await rested(pool)
    await project(stores, LOOM, RowChanges(steps=[saying(1, "wool")]))
    assert await found(pool, stores.author.id, "wool") == set()
    assert await stores.projections.refresh_search()
    assert await found(pool, stores.author.id, "wool") == {LOOM}


def _many(count: int) -> list[StepRow]:
    return [a_step(number) for number in range(1, count + 1)]


async def test_an_entry_waits_for_the_projection_of_its_pipeline(
    pool: Pool, stores: Stores
) -> None:
    await project(stores, LOOM, RowChanges(steps=[saying(1, "flax")]))
    await project(stores, LOOM, RowChanges(steps=[saying(1, "wool")]))
    await rested(pool)
    await stores.log.append([stores.update(LOOM)])
    async with stores.projections.claim() as claim:
        assert claim is not None
        assert not await stores.projections.refresh_search()
    assert await stores.projections.refresh_search()


async def test_another_team_s_pipelines_are_not_found(pool: Pool, stores: Stores) -> None:
    await project(stores, LOOM, RowChanges(a_pipeline("Flax")))
    await project(stores, MILL, RowChanges(a_pipeline("Flax")))
    directory = stores.directory
    eve = await directory.create_user("eve@example.org", "Eve")
    assert await found(pool, eve.id, "flax") == set()
    organization = await directory.create_organization("Mills", "mills")
    team = await directory.create_team(organization, "Millers", "millers")
    await directory.add_member(team, eve.id, "viewer")
    assert await found(pool, eve.id, "flax") == set()
    await _move(pool, MILL, team)
    assert await found(pool, eve.id, "flax") == {MILL}
    assert await found(pool, stores.author.id, "flax") == {LOOM}
    await directory.add_member(stores.team_id, eve.id, "viewer")
    assert await found(pool, eve.id, "flax") == {LOOM, MILL}


async def _move(pool: Pool, pipeline_id: UUID, team_id: UUID) -> None:
    await pool._driver.execute(
        "UPDATE pipelines SET team_id = $2 WHERE id = $1", pipeline_id, team_id
    )


async def test_a_text_cannot_put_a_pipeline_into_another_team(
    pool: Pool, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = stores.directory
    organization = await directory.create_organization("Mills", "mills")
    team = await directory.create_team(organization, "Millers", "millers")
    eve = await directory.create_user("eve@example.org", "Eve")
    await directory.add_member(team, eve.id, "owner")
    await project(stores, LOOM, RowChanges(a_pipeline(f"flax :{team} ':{team}'")))
    await pool.run_script(f"UPDATE pipeline_search SET header = header || ''':{team}'''::tsvector")
    # The ids alone, without the policies of pipelines around them.
    monkeypatch.setitem(API_QUERIES, "found", "SELECT search_pipelines($1) AS id")
    assert await found(pool, stores.author.id, "flax") == {LOOM}
    assert await found(pool, eve.id, "flax") == set()
    assert await found(pool, eve.id, f":{stores.team_id}") == set()


@pytest.mark.parametrize(
    "words",
    [
        "",
        "  ",
        "the and of",
        "'",
        "& | ! :* ()",
        "a" * 5000,
        "\N{PILE OF POO}" * 5000,
        "flax " * 900,
    ],
)
async def test_any_words_may_be_asked_for(pool: Pool, stores: Stores, words: str) -> None:
    assert await found(pool, stores.author.id, words) == set()


TEXTS = {
    "one word": ["x" * 1_000_000],
    "many words": [" ".join(f"word{number}" for number in range(150_000))],
    "many steps of many words": [
        " ".join(f"word{step}x{number}" for number in range(9_000)) for step in range(20)
    ],
    "addresses": [" ".join(f"http://host{n}.example/a-b-c/{n}?q={n}" for n in range(40_000))],
    "escapes": ['\n\t"\\/\b\f\r\x01' * 50_000 + " "],
    "wide characters": [" ".join(chr(0x4E00 + n) * 3 for n in range(20_000)) for _ in range(3)],
}


@pytest.mark.parametrize("kind", TEXTS)
async def test_text_of_any_length_can_be_searched(pool: Pool, stores: Stores, kind: str) -> None:
    steps = [saying(number, f"flax {text}") for number, text in enumerate(TEXTS[kind], 1)]
    header = a_pipeline(TEXTS[kind][0], description=TEXTS[kind][-1], tags=tuple(TEXTS[kind]))
    await project(stores, LOOM, RowChanges(pipeline=header, steps=steps))
    assert await found(pool, stores.author.id, "flax") == {LOOM}


async def test_an_entry_that_no_index_can_hold_stops_nothing(pool: Pool, stores: Stores) -> None:
    await pool.run_script("""
        CREATE OR REPLACE FUNCTION words_of_steps(pipeline uuid) RETURNS tsvector
        LANGUAGE sql STABLE AS $$ SELECT to_tsvector(string_agg('x' || n, ' '))
        FROM generate_series(1, 200000) AS n $$
    """)
    await project(stores, LOOM, RowChanges(a_pipeline("Flax"), steps=[saying(1, "harvest")]))
    assert await found(pool, stores.author.id, "flax") == {LOOM}
    assert not await stores.projections.refresh_search()


async def test_the_index_is_read_and_not_the_table(pool: Pool, stores: Stores) -> None:
    await pool.run_script(f"""
        INSERT INTO pipelines (team_id, name)
        SELECT '{stores.team_id}', 'Loom ' || n || ' of ' || n % 10 FROM generate_series(1, 3000) n;
        ANALYZE pipeline_search; ANALYZE pipelines;
    """)
    for words, expected in {"2999": 1, "loom 7": 300, "loom": 3002}.items():
        async with PostgresUserDatabase(pool).rows(stores.author.id) as rows:
            before = await _scans(rows)
            assert (words, len(await rows.fetch("found", words))) == (words, expected)
            after = await _scans(rows)
            assert (words, after["seq_scan"]) == (words, before["seq_scan"])
            assert (words, after["idx_scan"] > before["idx_scan"]) == (words, True)


async def _scans(rows: PostgresUserRows) -> Record:
    """How often this connection has read the table and its indexes, not counting what it reported.

    The statistics of a transaction are not bound by policies.
    """
    row: Record = await rows._connection._driver.fetchrow(
        "SELECT seq_scan, idx_scan FROM pg_stat_xact_user_tables WHERE relname = 'pipeline_search'"
    )
    return row


async def test_pipelines_from_before_are_found_once_a_worker_has_seen_them(
    empty_database_url: str,
) -> None:
    scripts, world = sql.migrations(), a_world()
    pool = await open_pool(empty_database_url)
    for name in ("0001_first", "0002_access"):
        await pool.run_script(scripts[name])
    later = {"deleted_pipelines", "deleted_teams", "audit_log", "invitations", "my_invitations"}
    later |= {"invitation_links"}
    await build(pool, world, without=later)
    await pool.run_script('UPDATE steps SET config = \'{"prompt": "Spin flax"}\'')
    await pool.run_script(scripts["0003_search"])
    assert await found(pool, world.user, "loom") == {world.pipeline}
    assert await found(pool, world.user, "flax") == set()
    assert await PostgresProjections(pool).refresh_search()
    assert await found(pool, world.user, "flax loom") == {world.pipeline}
    await pool.close()
