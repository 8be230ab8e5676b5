"""What every store knows of how much teams store."""

from datetime import timedelta
from uuid import UUID

from crdt.pipeline.rows import RowChanges
from persistence.ports.update_log import NewUpdate
from persistence.ports.versions import NewVersion
from tests.contracts.stores import NOON, Stores, an_id

PAYLOAD = 10_000


async def is_full(stores: Stores, pipeline: UUID, limit: int) -> bool:
    return await stores.storage.full_pipelines([pipeline], limit) == {pipeline}


async def a_log(stores: Stores, number: int = 1, edits: int = 3) -> UUID:
    pipeline = await stores.new_pipeline(number)
    edit = NewUpdate(pipeline, stores.author.id, bytes(PAYLOAD), NOON)
    await stores.log.append([edit] * edits)
    return pipeline


async def test_a_team_is_full_when_its_logs_reach_the_limit(stores: Stores) -> None:
    one, two = await a_log(stores, 1), await a_log(stores, 2)
    whole = 2 * (3 * PAYLOAD + len(b"seed"))
    assert await stores.storage.full_pipelines([one, two], whole) == {one, two}
    assert await stores.storage.full_pipelines([one], whole) == {one}
    assert await stores.storage.full_pipelines([one, two], whole + 1) == set()
    assert await stores.storage.stored_bytes(stores.team_id) == whole


async def test_other_teams_do_not_count(stores: Stores) -> None:
    await a_log(stores, 1)
    organization = await stores.directory.create_organization("Other", "other")
    stores.team_id = await stores.directory.create_team(organization, "Others", "others")
    other = await stores.new_pipeline(2)
    assert not await is_full(stores, other, PAYLOAD)
    assert await stores.storage.full_pipelines([an_id(9)], 0) == set()
    assert await stores.storage.stored_bytes(stores.team_id) < PAYLOAD
    assert await stores.storage.stored_bytes(an_id(9)) == 0


async def test_states_and_versions_count(stores: Stores) -> None:
    pipeline = await a_log(stores, edits=1)
    assert not await is_full(stores, pipeline, 2 * PAYLOAD)
    await stores.log.store_state(pipeline, 1, bytes(PAYLOAD))
    assert await is_full(stores, pipeline, 2 * PAYLOAD)
    assert not await is_full(stores, pipeline, 3 * PAYLOAD)
    empty = '{"name": "Loom"}', "[]", "[]"
    version = NewVersion(pipeline, 1, bytes(PAYLOAD), *empty, None, None, None, NOON)  # type: ignore[arg-type]
    await stores.versions.save(version)
    assert await is_full(stores, pipeline, 3 * PAYLOAD)
    assert not await is_full(stores, pipeline, 4 * PAYLOAD)


async def test_what_is_folded_or_gone_counts_no_more(stores: Stores) -> None:
    pipeline, other = await a_log(stores, 1), await a_log(stores, 2)
    await stores.project(RowChanges(), 4)
    await stores.project(RowChanges(), 4)
    found = await stores.folding.next_foldable(NOON + timedelta(days=1), only=pipeline)
    assert found is not None
    last = (await stores.log.since(pipeline, 3))[0]
    merged = type(last)(4, last.user_id, bytes(PAYLOAD), NOON, 2, NOON)
    assert await stores.folding.fold(found, 4, [merged], 2 * PAYLOAD)
    assert await is_full(stores, other, 4 * PAYLOAD)
    assert not await is_full(stores, other, 5 * PAYLOAD)
    await stores.directory.delete_pipeline(pipeline)
    assert await is_full(stores, other, 3 * PAYLOAD)
    assert not await is_full(stores, other, 4 * PAYLOAD)
