"""What is counted and traced of the stores."""

from collections.abc import Mapping
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app.telemetry.metrics import REGISTRY, WORKER_REGISTRY
from app.telemetry.timed_stores import CountedVersions, TimedLog, TimedProjections
from crdt.pipeline.rows import RowChanges
from persistence.postgres.pool import Pool
from persistence.worker.version_snapshot import VersionMetadata, version_of
from tests.app.fakes import Replica
from tests.contracts.stores import NOON, Stores, a_step, an_id, stores_on


@pytest.fixture
async def stores(pool: Pool) -> Stores:
    prepared = stores_on(pool)
    await prepared.prepare()
    await prepared.new_pipeline()
    return prepared


def value(name: str) -> float:
    return REGISTRY.get_sample_value(name) or WORKER_REGISTRY.get_sample_value(name) or 0.0


def spans_of(exported: InMemorySpanExporter, name: str) -> list[Mapping[str, Any]]:
    return [
        dict(span.attributes or {}) for span in exported.get_finished_spans() if span.name == name
    ]


async def test_a_commit_tells_how_much_it_held(
    stores: Stores, exported: InMemorySpanExporter
) -> None:
    before = value("pipeloom_commit_updates_sum")
    update = stores.update(an_id(1))
    await TimedLog(stores.log).append([update, update])
    assert value("pipeloom_commit_updates_sum") == before + 2
    size = 2 * len(update.payload)
    assert spans_of(exported, "log.commit") == [
        {"pipeloom.updates": 2, "pipeloom.bytes": size, "pipeloom.pipelines": 1}
    ]


async def test_a_stored_state_is_told_of(stores: Stores, exported: InMemorySpanExporter) -> None:
    await TimedLog(stores.log).store_state(an_id(1), 1, b"state")
    (span,) = spans_of(exported, "state.store")
    assert (span["pipeloom.seq"], span["pipeloom.bytes"]) == (1, 5)


async def test_a_projection_tells_how_far_it_went_and_what_it_wrote(
    stores: Stores, exported: InMemorySpanExporter
) -> None:
    rows, done = value("pipeloom_projected_rows_total"), value("pipeloom_projection_seconds_count")
    projections = TimedProjections(stores.projections)
    async with projections.claim() as claim:
        assert claim is not None
        assert len((await claim.stored_rows()).steps) == 0
        await claim.apply(RowChanges(steps=[a_step(11), a_step(12)]), 1)
        assert claim.cursor == 1
    async with projections.claim() as nothing:
        assert nothing is None
    assert value("pipeloom_projected_rows_total") == rows + 2
    assert value("pipeloom_projection_seconds_count") == done + 1
    assert spans_of(exported, "projection") == [
        {"pipeloom.pipeline_id": str(an_id(1)), "pipeloom.seq": 1, "pipeloom.rows": 2}
    ]


async def test_a_projection_that_is_undone_is_counted_as_that(
    stores: Stores, exported: InMemorySpanExporter
) -> None:
    failed, rows = (
        value("pipeloom_projections_failed_total"),
        value("pipeloom_projected_rows_total"),
    )
    with pytest.raises(LookupError):
        await broken_off(TimedProjections(stores.projections))
    assert value("pipeloom_projections_failed_total") == failed + 1
    assert value("pipeloom_projected_rows_total") == rows
    (span,) = spans_of(exported, "projection")
    assert span["error.type"] == "LookupError"


async def broken_off(projections: TimedProjections) -> None:
    async with projections.claim() as claim:
        assert claim is not None
        await claim.apply(RowChanges(steps=[a_step(11)]), 1)
        raise LookupError


async def test_saved_versions_are_counted(stores: Stores) -> None:
    before = value("pipeloom_versions_saved_total")
    metadata = VersionMetadata(None, "Saved automatically", None, NOON)
    await CountedVersions(stores.versions).save(version_of(an_id(1), Replica(), 1, metadata))
    assert value("pipeloom_versions_saved_total") == before + 1
