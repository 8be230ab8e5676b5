"""The difference of rows held and rows wanted is what has to be written, and nothing else."""

from dataclasses import replace
from uuid import UUID

import pytest

from crdt.pipeline.model import Json
from crdt.pipeline.rows import ConnectionRow, Diagnostic, PipelineRow, RowChanges, Rows, StepRow
from crdt.validation.valid_pipeline import ValidPipeline
from persistence.postgres.pool import Pool
from persistence.postgres.projections import PostgresProjections
from persistence.worker.projector import difference
from tests.contracts.stores import stores_on
from tests.crdt.vandal import Vandal

A, B, C = (UUID(int=number) for number in range(1, 4))

HEADER = PipelineRow("P", None, {"n": 1}, {}, {}, ("tag",))
STEP = StepRow(A, "a", "claude", None, {"n": 1}, 0.0, 0.0, 200.0, 100.0, None, "steps", 0)
WIRE = ConnectionRow(C, A, A, "output", "input", path_data={"d": [1]})
FOUND = Diagnostic("missing_name", "pipeline", "warning", "no name")


def rows_of(*rows: PipelineRow | StepRow | ConnectionRow | Diagnostic) -> Rows:
    return Rows(
        pipeline=next((row for row in rows if isinstance(row, PipelineRow)), None),
        steps={row.id: row for row in rows if isinstance(row, StepRow)},
        connections={row.id: row for row in rows if isinstance(row, ConnectionRow)},
        diagnostics={(d.code, d.subject): d for d in rows if isinstance(d, Diagnostic)},
    )


ALL = rows_of(HEADER, STEP, WIRE, FOUND)


def test_equal_rows_differ_in_nothing() -> None:
    assert not difference(ALL, rows_of(HEADER, STEP, WIRE, FOUND))


def test_empty_tables_get_everything() -> None:
    assert difference(Rows(), ALL) == RowChanges(
        pipeline=HEADER, steps=[STEP], removed_steps=[], connections=[WIRE],
        removed_connections=[], diagnostics=[FOUND], removed_diagnostics=[],
    )  # fmt: skip


def test_what_is_not_wanted_goes_and_the_header_stays() -> None:
    assert difference(ALL, Rows()) == RowChanges(
        pipeline=None, steps=[], removed_steps=[A], connections=[],
        removed_connections=[C], diagnostics=[], removed_diagnostics=[("missing_name", "pipeline")],
    )  # fmt: skip


def test_only_the_rows_that_differ_are_written() -> None:
    other = replace(STEP, id=B, name="b")
    moved = replace(other, position_x=5.0)
    changes = difference(rows_of(HEADER, STEP, other), rows_of(HEADER, STEP, moved))
    assert list(changes.steps) == [moved]
    assert len(changes) == 1


@pytest.mark.parametrize("config", [{"n": 1.0}, {"n": 1}])
def test_numbers_are_compared_as_javascript_does(config: dict[str, Json]) -> None:
    assert not difference(rows_of(STEP), rows_of(replace(STEP, config=config)))


@pytest.mark.parametrize("config", [{"n": True}, {"n": "1"}, {"n": [1]}, {"n": 1, "m": None}, {}])
def test_other_values_differ(config: dict[str, Json]) -> None:
    assert len(difference(rows_of(STEP), rows_of(replace(STEP, config=config)))) == 1


def test_a_boolean_deep_inside_differs_from_a_number() -> None:
    bent = replace(WIRE, path_data={"d": [True]})
    assert list(difference(rows_of(WIRE), rows_of(bent)).connections) == [bent]


def test_a_diagnostic_with_another_message_is_written() -> None:
    other = replace(FOUND, message="still no name")
    assert list(difference(rows_of(FOUND), rows_of(other)).diagnostics) == [other]


@pytest.mark.parametrize("seed", range(4))
async def test_postgresql_takes_the_rows_of_any_document_and_gives_them_back(
    seed: int, pool: Pool
) -> None:
    print(f"seed {seed}")
    projections, vandal, valid = PostgresProjections(pool), Vandal(seed), ValidPipeline()
    stores = stores_on(pool)
    await stores.prepare()
    await stores.new_pipeline()
    for _ in range(30):
        changes = valid.update(
            settings=vandal.any_settings(),
            steps=vandal.entries(vandal.step_keys, vandal.any_step),
            connections=vandal.entries(vandal.wire_keys, vandal.any_wire),
        )
        async with projections.claim() as claim:
            assert claim is not None
            # The cursor stays, so that the pipeline can be claimed again.
            await claim.apply(changes, 0)
            assert not difference(await claim.stored_rows(), valid.rows())
