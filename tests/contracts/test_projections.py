"""What every store of projected rows does."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, cast
from uuid import UUID

import pytest

from crdt.pipeline.rows import Diagnostic, RowChanges, Rows, StepPosition
from persistence.errors import StoreError
from persistence.ports.projections import Projection
from tests.contracts.stores import NOON, Stores, a_connection, a_pipeline, a_step, an_id

if TYPE_CHECKING:
    from persistence.ports.projections import DiagnosticsReader

TWO_STEPS = RowChanges(steps=[a_step(11), a_step(12)], connections=[a_connection(21, 11, 12)])


class WorkerFailedError(Exception):
    """Raised by a worker in the middle of its work."""


async def stored_rows(stores: Stores) -> Rows:
    """The rows of pipeline 1, made dirty first."""
    await stores.log.append([stores.update(an_id(1))])
    async with stores.projections.claim([an_id(1)]) as claim:
        assert claim is not None
        return await claim.stored_rows()


async def test_rows_come_back_as_they_were_written(stores: Stores) -> None:
    await stores.new_pipeline()
    changes = RowChanges(
        pipeline=a_pipeline(
            "Weave",
            description="über",
            status="active",
            tags=("x", "y"),
            config={"environment": "e" * 10_000},
            defaults={"a": {"b": [True, None, 1, 1.5, "é"]}},
            authentication={"k": ""},
            is_template=True,
        ),
        steps=[
            a_step(11, config={"n": 4000, "f": 0.1, "s": "☃"}, enabled=False),
            a_step(12, parent_step_id=an_id(11), slot="body", width=1.0, height=2.0),
            a_step(13, type="unsupported", declared_type="quantum"),
        ],
        connections=[a_connection(21, 11, 12, path_data=[[1, 2], {"c": "z"}])],
        diagnostics=[
            Diagnostic("duplicate-name", "step:x", "warning", "renamed", "/name", "Rename it.")
        ],
    )
    await stores.project(changes, cursor=1)
    rows = await stored_rows(stores)
    assert rows.pipeline == changes.pipeline
    assert list(rows.steps.values()) == list(changes.steps)
    assert list(rows.connections.values()) == list(changes.connections)
    [diagnostic] = rows.diagnostics.values()
    assert (diagnostic.severity, diagnostic.message) == ("warning", "renamed")
    assert (diagnostic.path, diagnostic.suggestion) == ("/name", "Rename it.")
    assert rows.diagnostics.keys() == {("duplicate-name", "step:x")}


async def test_of_a_step_that_moves_only_the_position_is_written(stores: Stores) -> None:
    await stores.new_pipeline()
    first, second = a_step(11, config={"n": [1.5]}, width=7.0), a_step(12)
    await stores.project(RowChanges(steps=[first, second]), cursor=1)
    moves = [StepPosition(first.id, -3.5, 1e9), StepPosition(second.id, 0.0, 2.0)]
    await stores.log.append([stores.update(an_id(1))])
    await stores.project(RowChanges(moved_steps=moves), cursor=2)
    assert (await stored_rows(stores)).steps == {
        first.id: replace(first, position_x=-3.5, position_y=1e9),
        second.id: replace(second, position_x=0.0, position_y=2.0),
    }


async def test_a_projected_pipeline_is_not_dirty(stores: Stores) -> None:
    await stores.new_pipeline()
    await stores.project(RowChanges(), cursor=1)
    async with stores.projections.claim() as claim:
        assert claim is None


async def test_an_append_makes_it_dirty_again(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    await stores.project(RowChanges(), cursor=1)
    await stores.log.append([stores.update(pipeline)])
    async with stores.projections.claim() as claim:
        assert claim is not None
        assert claim.cursor == 1


async def test_two_claims_never_share_a_pipeline(stores: Stores) -> None:
    one, two = await stores.new_pipeline(1), await stores.new_pipeline(2)
    async with stores.projections.claim() as first, stores.projections.claim() as second:
        assert {one, two} == {claim and claim.pipeline_id for claim in (first, second)}
        async with stores.projections.claim() as third:
            assert third is None
    async with stores.projections.claim() as again:
        assert again is not None


async def test_a_claim_may_be_narrowed(stores: Stores) -> None:
    one, two = await stores.new_pipeline(1), await stores.new_pipeline(2)
    async with stores.projections.claim([two]) as claim:
        assert claim is not None
        assert claim.pipeline_id == two
    async with stores.projections.claim(excluding=[one]) as claim:
        assert claim is not None
        assert claim.pipeline_id == two
    async with stores.projections.claim([]) as claim:
        assert claim is None
    async with stores.projections.claim([one], excluding=[one]) as claim:
        assert claim is None


async def test_the_longest_unprojected_comes_first(stores: Stores) -> None:
    one, two = await stores.new_pipeline(1), await stores.new_pipeline(2)
    await stores.log.append([stores.update(one), stores.update(two)])
    claimed = []
    for cursor in (1, 1, 2, 2):
        async with stores.projections.claim() as claim:
            assert claim is not None
            claimed.append(claim.pipeline_id)
            await claim.apply(RowChanges(), cursor)
    assert claimed == [one, two, one, two]


async def test_an_exception_undoes_rows_and_cursor(stores: Stores) -> None:
    await stores.new_pipeline()
    with pytest.raises(WorkerFailedError):
        await _work_and_fail(stores)
    async with stores.projections.claim() as claim:
        assert claim is not None
        assert claim.cursor == 0
        assert (await claim.stored_rows()).steps == {}


async def _work_and_fail(stores: Stores) -> None:
    async with stores.projections.claim() as claim:
        assert claim is not None
        await claim.apply(TWO_STEPS, cursor=1)
        raise WorkerFailedError


async def test_many_claimed_at_once_are_written_together(stores: Stores) -> None:
    ids = [await stores.new_pipeline(number) for number in (1, 2, 3)]
    async with stores.projections.claim_many(9) as claim:
        assert [each.pipeline_id for each in claim.documents] == ids
        assert [(each.cursor, each.mend_at, each.reported) for each in claim.documents] == [
            (0, None, 0)
        ] * 3
        await claim.apply(
            [
                Projection(ids[0], TWO_STEPS, 1),
                Projection(ids[1], RowChanges(steps=[a_step(11, config={"l": [1]})]), 1),
            ]
        )
    assert await _stored(stores, ids[0]) == (1, {an_id(11), an_id(12)}, {an_id(21)})
    assert await _stored(stores, ids[1]) == (1, {an_id(11)}, set())
    assert await _stored(stores, ids[2]) == (0, set(), set())


async def _stored(stores: Stores, pipeline: UUID) -> tuple[int, set[UUID], set[UUID]]:
    await stores.log.append([stores.update(pipeline)])
    async with stores.projections.claim([pipeline]) as claim:
        assert claim is not None
        rows = await claim.stored_rows()
        return claim.cursor, {*rows.steps}, {*rows.connections}


async def test_the_rows_of_many_come_back_as_they_were_written(stores: Stores) -> None:
    one, two = await stores.new_pipeline(1), await stores.new_pipeline(2)
    first = RowChanges(
        pipeline=a_pipeline("Weave", tags=("x",)),
        steps=[a_step(11, config={"s": '{,}"NULL'}), a_step(12, parent_step_id=an_id(11))],
        connections=[a_connection(21, 11, 12, path_data=[[1, 2], [3]])],
        diagnostics=[Diagnostic("c", "s", "error", "m", "/p", "Do.")],
    )
    second = RowChanges(
        steps=[a_step(11, type="unsupported", declared_type="x"), a_step(12)],
        connections=[a_connection(21, 11, 12, path_data={"a": None}), a_connection(22, 12, 11)],
        diagnostics=[Diagnostic("c", "t", "warning", "n"), Diagnostic("d", "s", "error", "o")],
    )
    async with stores.projections.claim_many(2) as claim:
        await claim.apply([Projection(one, first, 1), Projection(two, second, 1)])
    await stores.log.append([stores.update(one), stores.update(two)])
    for pipeline, written in ((one, first), (two, second)):
        async with stores.projections.claim([pipeline]) as again:
            assert again is not None
            rows = await again.stored_rows()
        assert [*rows.steps.values()] == list(written.steps)
        assert [*rows.connections.values()] == list(written.connections)
        assert [*rows.diagnostics.values()] == list(written.diagnostics)
        if written.pipeline is not None:
            assert rows.pipeline == written.pipeline


async def test_of_many_only_the_steps_of_the_own_pipeline_are_moved(stores: Stores) -> None:
    one, two = await stores.new_pipeline(1), await stores.new_pipeline(2)
    async with stores.projections.claim_many(2) as claim:
        await claim.apply([Projection(each, TWO_STEPS, 1) for each in (one, two)])
    await stores.log.append([stores.update(one), stores.update(two)])
    async with stores.projections.claim_many(2) as claim:
        moves = [StepPosition(an_id(11), 5.0, 6.0)], [StepPosition(an_id(12), 7.0, 8.0)]
        first, second = (RowChanges(moved_steps=each) for each in moves)
        await claim.apply([Projection(one, first, 2), Projection(two, second, 2)])
    await stores.log.append([stores.update(one), stores.update(two)])
    places = []
    for pipeline in (one, two):
        async with stores.projections.claim([pipeline]) as again:
            assert again is not None
            steps = (await again.stored_rows()).steps
        places += [(steps[an_id(id_)].position_x, steps[an_id(id_)].position_y) for id_ in (11, 12)]
    assert places == [(5.0, 6.0), (1.5, -2.0), (1.5, -2.0), (7.0, 8.0)]


async def test_many_are_deleted_each_from_its_own_pipeline(stores: Stores) -> None:
    one, two = await stores.new_pipeline(1), await stores.new_pipeline(2)
    found = Diagnostic("c", "s", "error", "m")
    all_of_it = replace(TWO_STEPS, diagnostics=[found])
    async with stores.projections.claim_many(2) as claim:
        await claim.apply([Projection(one, all_of_it, 1), Projection(two, all_of_it, 1)])
    await stores.log.append([stores.update(one), stores.update(two)])
    gone = RowChanges(removed_steps=[an_id(12)], removed_diagnostics=[("c", "s")])
    async with stores.projections.claim_many(2) as claim:
        edges = RowChanges(removed_connections=[an_id(21)])
        await claim.apply([Projection(one, gone, 2), Projection(two, edges, 2)])
    assert await _stored(stores, one) == (2, {an_id(11)}, set())
    assert await _stored(stores, two) == (2, {an_id(11), an_id(12)}, set())
    reader = cast("DiagnosticsReader", stores.projections)
    assert await reader.first_diagnostics(one, 9) == []
    assert await reader.first_diagnostics(two, 9) == [found]


async def test_an_exception_undoes_what_was_written_of_many(stores: Stores) -> None:
    ids = [await stores.new_pipeline(number) for number in (1, 2)]
    with pytest.raises(WorkerFailedError):
        await _write_many_and_fail(stores, ids)
    for each in ids:
        assert await _stored(stores, each) == (0, set(), set())


async def _write_many_and_fail(stores: Stores, ids: Sequence[UUID]) -> None:
    async with stores.projections.claim_many(2) as claim:
        await claim.apply([Projection(each, TWO_STEPS, 1) for each in ids])
        raise WorkerFailedError


async def test_one_that_breaks_a_constraint_undoes_all(stores: Stores) -> None:
    one, two = await stores.new_pipeline(1), await stores.new_pipeline(2)
    dangling = RowChanges(connections=[a_connection(21, 11, 99)])
    with pytest.raises(StoreError):
        async with stores.projections.claim_many(2) as claim:
            await claim.apply([Projection(one, TWO_STEPS, 1), Projection(two, dangling, 1)])
    assert await _stored(stores, one) == (0, set(), set())


async def test_many_are_claimed_within_limits_and_by_one_worker(stores: Stores) -> None:
    ids = [await stores.new_pipeline(number) for number in (1, 2, 3, 4)]
    many = stores.projections.claim_many
    async with stores.projections.claim([ids[1]]), many(2) as claim, many(9) as rest:
        assert [each.pipeline_id for each in claim.documents] == [ids[0], ids[2]]
        assert [each.pipeline_id for each in rest.documents] == [ids[3]]
        async with many(9) as none:
            assert list(none.documents) == []
            await none.apply([])
    async with many(9, ids[:3], excluding=ids[:1]) as claim:
        assert [each.pipeline_id for each in claim.documents] == ids[1:3]
    async with many(9, []) as none:
        assert list(none.documents) == []


async def test_a_claim_sees_its_own_writes(stores: Stores) -> None:
    await stores.new_pipeline()
    async with stores.projections.claim() as claim:
        assert claim is not None
        await claim.apply(TWO_STEPS, cursor=1)
        assert (await claim.stored_rows()).steps.keys() == {an_id(11), an_id(12)}
        assert claim.cursor == 1


async def test_removed_rows_are_gone(stores: Stores) -> None:
    await stores.new_pipeline()
    diagnostics = [Diagnostic("a", "step:x", "error", ""), Diagnostic("a", "step:y", "error", "")]
    await stores.project(RowChanges(steps=[a_step(11)], diagnostics=diagnostics), cursor=1)
    await stored_rows(stores)
    removal = RowChanges(removed_steps=[an_id(11)], removed_diagnostics=[("a", "step:x")])
    await stores.project(removal, cursor=2)
    rows = await stored_rows(stores)
    assert rows.steps == {}
    assert rows.diagnostics.keys() == {("a", "step:y")}


async def test_a_connection_is_removed_alone(stores: Stores) -> None:
    await stores.new_pipeline()
    await stores.project(TWO_STEPS, cursor=1)
    await stored_rows(stores)
    await stores.project(RowChanges(removed_connections=[an_id(21)]), cursor=2)
    rows = await stored_rows(stores)
    assert (len(rows.steps), len(rows.connections)) == (2, 0)


async def test_a_deleted_step_takes_children_and_connections_along(stores: Stores) -> None:
    await stores.new_pipeline()
    family = [
        a_step(11),
        a_step(12, parent_step_id=an_id(11)),
        a_step(13, parent_step_id=an_id(12)),
        a_step(14),
    ]
    await stores.project(RowChanges(steps=family, connections=[a_connection(21, 13, 14)]), 1)
    await stored_rows(stores)
    await stores.project(RowChanges(removed_steps=[an_id(11)]), cursor=2)
    rows = await stored_rows(stores)
    assert rows.steps.keys() == {an_id(14)}
    assert rows.connections == {}


async def test_a_child_moved_out_survives_its_parent(stores: Stores) -> None:
    await stores.new_pipeline()
    await stores.project(RowChanges(steps=[a_step(11), a_step(12, parent_step_id=an_id(11))]), 1)
    await stored_rows(stores)
    await stores.project(RowChanges(steps=[a_step(12)], removed_steps=[an_id(11)]), cursor=2)
    assert (await stored_rows(stores)).steps.keys() == {an_id(12)}


async def test_names_may_be_swapped(stores: Stores) -> None:
    await stores.new_pipeline()
    await stores.project(RowChanges(steps=[a_step(11, "a"), a_step(12, "b")]), cursor=1)
    await stored_rows(stores)
    await stores.project(RowChanges(steps=[a_step(11, "b"), a_step(12, "a")]), cursor=2)
    steps = (await stored_rows(stores)).steps
    assert [steps[an_id(11)].name, steps[an_id(12)].name] == ["b", "a"]


async def test_children_may_come_before_their_parent(stores: Stores) -> None:
    await stores.new_pipeline()
    steps = [a_step(12, parent_step_id=an_id(11)), a_step(11)]
    await stores.project(RowChanges(steps=steps), cursor=1)
    assert len((await stored_rows(stores)).steps) == 2


async def test_a_name_may_recur_in_another_scope(stores: Stores) -> None:
    await stores.new_pipeline()
    steps = [
        a_step(11, "same"),
        a_step(12, "same", slot="else"),
        a_step(13, "same", parent_step_id=an_id(11)),
    ]
    await stores.project(RowChanges(steps=steps), cursor=1)
    assert len((await stored_rows(stores)).steps) == 3


async def test_an_id_of_another_pipeline_is_free(stores: Stores) -> None:
    one, two = await stores.new_pipeline(1), await stores.new_pipeline(2)
    for pipeline, name in ((one, "mine"), (two, "yours")):
        async with stores.projections.claim([pipeline]) as claim:
            assert claim is not None
            await claim.apply(RowChanges(steps=[a_step(11, name)]), cursor=1)
    assert (await stored_rows(stores)).steps[an_id(11)].name == "mine"


REFUSED = {
    "duplicate name": RowChanges(steps=[a_step(11, "same"), a_step(12, "same")]),
    "duplicate name in a loop": RowChanges(
        steps=[
            a_step(11),
            a_step(12, "same", parent_step_id=an_id(11)),
            a_step(13, "same", parent_step_id=an_id(11)),
        ]
    ),
    "duplicate connection": RowChanges(
        steps=[a_step(11), a_step(12)],
        connections=[a_connection(21, 11, 12), a_connection(22, 11, 12)],
    ),
    "dangling connection": RowChanges(steps=[a_step(11)], connections=[a_connection(21, 11, 99)]),
    "no such parent": RowChanges(steps=[a_step(11, parent_step_id=an_id(99))]),
    "its own parent": RowChanges(steps=[a_step(11, parent_step_id=an_id(11))]),
    "unknown type": RowChanges(steps=[a_step(11, type="quantum")]),
    "declared type beside a known one": RowChanges(steps=[a_step(11, declared_type="quantum")]),
    "unknown status": RowChanges(pipeline=a_pipeline(status="done")),
    "NUL in a text": RowChanges(steps=[a_step(11, "a\0b")]),
    "NUL in JSON": RowChanges(steps=[a_step(11, config={"a": "\0"})]),
    "half a surrogate pair": RowChanges(steps=[a_step(11, "\ud800")]),
    "half a surrogate pair in JSON": RowChanges(steps=[a_step(11, config={"\ud800": 1})]),
    "NaN in JSON": RowChanges(steps=[a_step(11, config={"a": float("nan")})]),
}


@pytest.mark.parametrize("changes", REFUSED.values(), ids=REFUSED)
async def test_rows_that_break_a_constraint_are_refused(
    stores: Stores, changes: RowChanges
) -> None:
    await stores.new_pipeline()
    with pytest.raises(StoreError):
        await stores.project(changes, cursor=1)
    async with stores.projections.claim() as claim:
        assert claim is not None
        assert claim.cursor == 0
        assert await claim.stored_rows() == Rows(pipeline=a_pipeline())


async def test_a_step_of_another_pipeline_is_no_end(stores: Stores) -> None:
    one, two = await stores.new_pipeline(1), await stores.new_pipeline(2)
    async with stores.projections.claim([one]) as claim:
        assert claim is not None
        await claim.apply(RowChanges(steps=[a_step(11)]), cursor=1)
    stolen = RowChanges(steps=[a_step(12)], connections=[a_connection(21, 11, 12)])
    with pytest.raises(StoreError):
        await stores.project(stolen, cursor=1)
    async with stores.projections.claim([two]) as claim:
        assert claim is not None
        assert (await claim.stored_rows()).steps == {}


async def test_replaying_changes_nothing(stores: Stores) -> None:
    await stores.new_pipeline()
    await stores.project(TWO_STEPS, cursor=1)
    before = await stored_rows(stores)
    await stores.project(TWO_STEPS, cursor=2)
    assert await stored_rows(stores) == before


FOUND = Diagnostic("duplicate_name", "step:x", "warning", "renamed")


async def mark(stores: Stores, cursor: int, **found: Sequence[Diagnostic]) -> None:
    """Project something and have the document mended at noon."""
    async with stores.projections.claim() as claim:
        assert claim is not None
        await claim.apply(RowChanges(**found), cursor, NOON)  # type: ignore[arg-type]


async def test_a_document_is_mended_when_its_time_has_come(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    await mark(stores, 1)
    async with stores.projections.claim_mending(NOON - timedelta(seconds=1)) as claim:
        assert claim is None
    async with stores.projections.claim_mending(NOON, excluding=[pipeline]) as claim:
        assert claim is None
    async with stores.projections.claim_mending(NOON) as claim:
        assert claim is not None
        assert (claim.pipeline_id, claim.cursor) == (pipeline, 1)
        async with stores.projections.claim_mending(NOON) as other:
            assert other is None
        await claim.mend_again(None)
    async with stores.projections.claim_mending(NOON) as claim:
        assert claim is None


async def test_a_document_whose_rows_lag_is_not_mended(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    await mark(stores, 1)
    await stores.log.append([stores.update(pipeline)])
    async with stores.projections.claim_mending(NOON) as mending:
        assert mending is None
    async with stores.projections.claim() as claim:
        assert claim is not None
        assert claim.mend_at == NOON


async def test_what_fails_leaves_the_time_as_it_was(stores: Stores) -> None:
    await stores.new_pipeline()
    await mark(stores, 1)
    with suppress(WorkerFailedError):
        async with stores.projections.claim_mending(NOON) as claim:
            assert claim is not None
            await claim.mend_again(None)
            raise WorkerFailedError
    async with stores.projections.claim_mending(NOON) as claim:
        assert claim is not None


async def test_a_diagnostic_that_is_written_again_stands_since_the_first_time(
    stores: Stores,
) -> None:
    pipeline = await stores.new_pipeline()
    await mark(stores, 1, diagnostics=[FOUND])
    async with stores.projections.claim_mending(NOON) as claim:
        assert claim is not None
        before = await claim.found_at()
    await stores.log.append([stores.update(pipeline)])
    await mark(stores, 2, diagnostics=[replace(FOUND, message="renamed otherwise")])
    async with stores.projections.claim_mending(NOON) as claim:
        assert claim is not None
        assert await claim.found_at() == before
    assert before.keys() == {(FOUND.code, FOUND.subject)}


async def test_the_first_diagnostics_are_the_errors(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    found = [
        FOUND,
        Diagnostic("not_a_map", "step:y", "error", "no map"),
        Diagnostic("not_a_map", "step:B", "error", "no map"),
    ]
    await mark(stores, 1, diagnostics=found)
    reader = cast("DiagnosticsReader", stores.projections)
    assert await reader.first_diagnostics(pipeline, 9) == [found[2], found[1], found[0]]
    assert await reader.first_diagnostics(pipeline, 1) == [found[2]]
    assert await reader.first_diagnostics(an_id(9), 9) == []


async def test_diagnostics_are_rewritten_while_mending(stores: Stores) -> None:
    await stores.new_pipeline()
    await mark(stores, 1, diagnostics=[FOUND])
    other = Diagnostic("deleted_while_edited", "step:y", "warning", "by Ada", "", "Restore it.")
    async with stores.projections.claim_mending(NOON) as claim:
        assert claim is not None
        await claim.rewrite([other], [(FOUND.code, FOUND.subject)], 0)
        await claim.rewrite([], [], 0)
    async with stores.projections.claim_mending(NOON) as claim:
        assert claim is not None
        assert (await claim.found_at()).keys() == {(other.code, other.subject)}
        assert await claim.diagnostics() == [other]
    assert [*(await stored_rows(stores)).diagnostics.values()] == [other]


async def test_of_two_reports_about_one_step_the_last_one_stays(stores: Stores) -> None:
    await stores.new_pipeline()
    await mark(stores, 1)
    first, last = (
        Diagnostic("deleted_while_edited", "step:y", "warning", f"by {name}", "", "Restore it.")
        for name in ("Ada", "Ben")
    )
    async with stores.projections.claim_mending(NOON) as claim:
        assert claim is not None
        await claim.rewrite([first, last], [], 0)
    assert [*(await stored_rows(stores)).diagnostics.values()] == [last]


async def test_what_is_reported_is_noted_while_mending_and_never_taken_back(
    stores: Stores,
) -> None:
    pipeline = await stores.new_pipeline()
    await mark(stores, 1)
    with suppress(WorkerFailedError):
        async with stores.projections.claim_mending(NOON) as claim:
            assert claim is not None
            await claim.rewrite([], [], 1)
            raise WorkerFailedError
    for reported, before in ((1, 0), (0, 1)):
        async with stores.projections.claim_mending(NOON) as claim:
            assert claim is not None
            assert claim.reported == before
            await claim.rewrite([], [], reported)
    await stores.log.append([stores.update(pipeline)])
    async with stores.projections.claim() as projecting:
        assert projecting is not None
        assert projecting.reported == 1
        await projecting.apply(RowChanges(), 2, NOON)
    async with stores.projections.claim_mending(NOON) as claim:
        assert claim is not None
        assert claim.reported == 1


async def test_users_have_names(stores: Stores) -> None:
    found = await stores.projections.user_names([stores.author.id, an_id(99)])
    assert found == {stores.author.id: "Ada"}
