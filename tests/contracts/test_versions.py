"""What every store of versions does."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from crdt.errors import PipelineNotFound
from persistence.ports import NewVersion
from tests.contracts.stores import NOON, Stores, an_id


def a_version(pipeline_id: UUID, name: str | None = "first light", **fields: object) -> NewVersion:
    return replace(
        NewVersion(
            pipeline_id,
            seq=1,
            state=b"\x00\xff",
            pipeline={"name": "Loom", "tags": ["é"]},
            steps=[{"id": str(an_id(5)), "config": {"n": 1.5, "none": None}}],
            connections=[],
            name=name,
            change_summary=None,
            created_by=None,
            created_at=NOON,
        ),
        **fields,  # type: ignore[arg-type]
    )


async def numbers(
    stores: Stores, pipeline: UUID, limit: int = 50, before: int | None = None
) -> list[int]:
    return [info.number for info in await stores.versions.newest(pipeline, limit, before)]


async def test_what_is_saved_is_loaded(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    version = a_version(pipeline, created_by=stores.author.id, change_summary="all new")
    info = await stores.versions.save(version)
    loaded = await stores.versions.load(pipeline, info.number)
    assert loaded is not None
    assert loaded.info == info
    assert (info.number, info.seq, info.name, info.change_summary) == (
        1,
        1,
        "first light",
        "all new",
    )
    assert (info.created_by, info.created_at) == (stores.author.id, NOON)
    assert (loaded.state, loaded.pipeline) == (version.state, version.pipeline)
    assert (loaded.steps, loaded.connections) == (version.steps, version.connections)


async def test_numbers_count_from_one_per_pipeline(stores: Stores) -> None:
    first, second = await stores.new_pipeline(1), await stores.new_pipeline(2)
    for pipeline in (first, second, first):
        await stores.versions.save(a_version(pipeline))
    assert (await numbers(stores, first), await numbers(stores, second)) == ([2, 1], [1])


async def test_numbers_have_no_gap_however_many_save_at_once(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    await asyncio.gather(*(stores.versions.save(a_version(pipeline)) for _ in range(12)))
    assert await numbers(stores, pipeline) == [*range(12, 0, -1)]


async def test_the_newest_come_first_page_by_page(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    for _ in range(5):
        await stores.versions.save(a_version(pipeline, None))
    assert await numbers(stores, pipeline, limit=2) == [5, 4]
    assert await numbers(stores, pipeline, limit=2, before=4) == [3, 2]
    assert await numbers(stores, pipeline, before=1) == []


async def test_an_author_who_is_gone_is_none(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    info = await stores.versions.save(a_version(pipeline, created_by=an_id(404)))
    assert info.created_by is None


async def test_a_pipeline_that_is_not_there_has_no_versions(stores: Stores) -> None:
    with pytest.raises(PipelineNotFound):
        await stores.versions.save(a_version(an_id(404)))
    assert await numbers(stores, an_id(404)) == []
    assert await stores.versions.load(an_id(404), 1) is None


async def test_there_is_no_version_of_another_number(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    await stores.versions.save(a_version(pipeline))
    assert await stores.versions.load(pipeline, 2) is None


async def test_versions_go_with_their_pipeline(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    await stores.versions.save(a_version(pipeline))
    await stores.directory.delete_pipeline(pipeline)
    assert await numbers(stores, pipeline) == []
