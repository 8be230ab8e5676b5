"""What every store of versions does."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from crdt.errors import PipelineNotFound
from crdt.pipeline.json_values import JsonText
from crdt.pipeline.rows import RowChanges
from persistence.ports.update_log import NewUpdate
from persistence.ports.versions import NewVersion, Retention
from tests.contracts.stores import NOON, Stores, an_id


def a_version(pipeline_id: UUID, name: str | None = "first light", **fields: object) -> NewVersion:
    return replace(
        NewVersion(
            pipeline_id,
            seq=1,
            state=b"\x00\xff",
            pipeline=JsonText.of({"name": "Loom", "tags": ["é"]}),
            steps=JsonText.of([{"id": str(an_id(5)), "config": {"n": 1.5, "none": None}}]),
            connections=JsonText("[]"),
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
    assert loaded.state == await stores.versions.state(pipeline, info.number) == version.state
    rows = (loaded.pipeline, loaded.steps, loaded.connections)
    assert rows == tuple(map(json.loads, (version.pipeline, version.steps, version.connections)))
    assert await stores.versions.state(pipeline, info.number + 1) is None


async def test_numbers_count_from_one_per_pipeline(stores: Stores) -> None:
    first, second = await stores.new_pipeline(1), await stores.new_pipeline(2)
    for pipeline in (first, second, first):
        await stores.versions.save(a_version(pipeline))
    assert (await numbers(stores, first), await numbers(stores, second)) == ([2, 1], [1])


async def test_numbers_have_no_gap_however_many_save_at_once(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    await asyncio.gather(*(stores.versions.save(a_version(pipeline)) for _ in range(12)))
    assert await numbers(stores, pipeline) == [*range(12, 0, -1)]


async def test_a_version_with_an_id_is_saved_once_however_many_save_it(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    version = a_version(pipeline, id=an_id(7))
    saved = await asyncio.gather(*(stores.versions.save(version) for _ in range(3)))
    assert {(info.id, info.number) for info in saved} == {(an_id(7), 1)}
    other = await stores.versions.save(a_version(pipeline))
    again = await stores.versions.save(replace(version, name="another name"))
    assert (other.number, again) == (2, saved[0])
    assert await numbers(stores, pipeline) == [2, 1]


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


MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
NOBODYS = an_id(0)


async def edited(stores: Stores, pipeline: UUID, *minutes: float) -> None:
    """Log an update per moment, counted from noon, and project all there is."""
    await stores.log.append(
        [
            NewUpdate(pipeline, stores.author.id, b"edit", NOON + minute * MINUTE)
            for minute in minutes
        ]
    )
    heads = await stores.log.heads([pipeline])
    async with stores.projections.claim([pipeline]) as claim:
        assert claim is not None
        await claim.apply(RowChanges(), heads[pipeline])


async def due(
    stores: Stores,
    *,
    first: float | None = None,
    last: float | None = None,
    excluding: UUID = NOBODYS,
) -> UUID | None:
    """The pipeline that is due by minutes from noon."""
    moments = [None if each is None else NOON + each * MINUTE for each in (first, last)]
    async with stores.versions.claim_unsaved(*moments, excluding=[excluding]) as found:
        return found


async def test_a_version_is_due_some_time_after_the_first_or_the_last_edit(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    assert await due(stores, first=99) is None
    await edited(stores, pipeline, 2, 9)
    assert await due(stores, first=0) == pipeline
    assert await due(stores, first=-1) is None
    assert await due(stores, last=9) == pipeline
    assert await due(stores, last=8.9) is None
    assert await due(stores) is None
    assert await due(stores, first=99, excluding=pipeline) is None


async def test_what_a_version_holds_is_due_no_more(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    await edited(stores, pipeline, 2)
    await stores.versions.save(a_version(pipeline, seq=2))
    assert await due(stores, first=99, last=99) is None
    await edited(stores, pipeline, 5, 7)
    assert await due(stores, first=5) == pipeline
    assert await due(stores, first=4.9) is None


async def test_edits_since_the_version_was_made_stay_due(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    await edited(stores, pipeline, 2, 5, 7)
    await stores.versions.mark_saved(pipeline, 2)
    assert await due(stores, first=4.9) is None
    assert await due(stores, first=5) == pipeline
    await stores.versions.mark_saved(pipeline, 9)
    assert await due(stores, first=99) is None


async def test_settling_what_is_not_there_is_nothing(stores: Stores) -> None:
    await stores.versions.mark_saved(an_id(404), 1)
    assert await due(stores, first=99) is None


async def test_the_longest_unsaved_comes_first_and_nobody_holds_it_twice(stores: Stores) -> None:
    first, second = await stores.new_pipeline(1), await stores.new_pipeline(2)
    for pipeline in (first, second):
        await edited(stores, pipeline, 1)
        await stores.versions.mark_saved(pipeline, 1)
    await edited(stores, second, 3)
    async with stores.versions.claim_unsaved(None, NOON + 9 * MINUTE) as one:
        async with stores.versions.claim_unsaved(None, NOON + 9 * MINUTE) as other:
            assert (one, other) == (first, second)
            assert await due(stores, last=9) is None
        await edited(stores, first, 4)
        await stores.versions.save(a_version(first, seq=4))
        assert await due(stores, last=9) == second
    assert await due(stores, last=9) == second


async def test_held_by_somebody_who_failed_it_is_due_again(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    await edited(stores, pipeline, 1)
    with pytest.raises(ZeroDivisionError):
        async with stores.versions.claim_unsaved(None, NOON + 9 * MINUTE):
            raise ZeroDivisionError
    assert await due(stores, last=9) == pipeline


async def saved_at(
    stores: Stores, pipeline: UUID, *moments: datetime, name: str | None = None
) -> None:
    for moment in moments:
        await stores.versions.save(a_version(pipeline, name, created_at=moment))


async def test_unnamed_versions_thin_out_with_age(stores: Stores) -> None:
    pipeline, other = await stores.new_pipeline(1), await stores.new_pipeline(2)
    ages = [100, 91, 90, 3.4, 3.2, 3.1, 2.4, 1, 0.9, 0.5, 0]
    await saved_at(stores, other, NOON - 200 * DAY, NOON - 199 * DAY)
    await saved_at(stores, pipeline, *(NOON - age * DAY for age in ages))
    await stores.versions.prune(pipeline, NOON, Retention())
    kept = [info.created_at for info in await stores.versions.newest(pipeline, 50)]
    assert kept == [NOON - age * DAY for age in (0, 0.5, 0.9, 1, 2.4, 3.1, 90)]
    assert await numbers(stores, other) == [2, 1]


async def test_days_are_those_of_utc(stores: Stores) -> None:
    pipeline, midnight = await stores.new_pipeline(), datetime(2026, 2, 1, tzinfo=UTC)
    await saved_at(stores, pipeline, midnight - MINUTE, midnight, midnight + MINUTE, NOON)
    await stores.versions.prune(pipeline, NOON, Retention())
    assert await numbers(stores, pipeline) == [4, 3, 1]


async def test_a_name_keeps_a_version_and_stands_for_no_other(stores: Stores) -> None:
    pipeline, long_ago = await stores.new_pipeline(), NOON - 400 * DAY
    await saved_at(stores, pipeline, long_ago, name="first light")
    await saved_at(stores, pipeline, NOON - 9.1 * DAY)
    await saved_at(stores, pipeline, NOON - 9 * DAY, name="second light")
    await saved_at(stores, pipeline, NOON)
    await stores.versions.prune(pipeline, NOON, Retention())
    assert await numbers(stores, pipeline) == [4, 3, 2, 1]


async def test_the_newest_stays_and_no_number_is_given_twice(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    await saved_at(stores, pipeline, NOON - 400 * DAY, NOON - 399 * DAY)
    await stores.versions.prune(pipeline, NOON, Retention())
    assert await numbers(stores, pipeline) == [2]
    assert (await stores.versions.save(a_version(pipeline))).number == 3
    await stores.versions.prune(an_id(404), NOON, Retention())
