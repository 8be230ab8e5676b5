"""The shapes that are held: their handles, and which make room."""

from itertools import count
from uuid import UUID

import pytest

from app.shapes.answers import MustRefetch, TooManyShapes
from app.shapes.changes import Changes, Region
from app.shapes.parameters import Offset
from app.shapes.scopes import Nobody, OnePipeline, Teams
from app.shapes.shape import MOST_HANDLES, Shape, ShapeLimits, Shapes, Sleeper
from tests.app.shapes.shapes import a_definition, a_position, a_row, an_id, run

ME, OTHER = UUID(int=1), UUID(int=2)
ONE_TEAM, TWO_TEAM = UUID(int=11), UUID(int=12)
STEPS = a_definition("steps", "id pipeline_id name")


def some_shapes(**limits: int) -> Shapes:
    numbers = count(1)
    return Shapes(ShapeLimits(**limits), lambda: f"handle {next(numbers)}")


def fill(shape: Shape, rows: int = 20) -> None:
    """Have a shape hold about 7 KB more, or 350 bytes for each of so many rows."""
    stored = [a_row(1, an_id(place), an_id(1), "x" * 100) for place in range(rows)]
    run(shape.log.begin(stored, a_position(10)))


def a_shape(shapes: Shapes, number: int, maker: UUID = ME) -> Shape:
    """A loaded shape of one pipeline, last used at `number`."""
    shape = shapes.make(STEPS, OnePipeline(UUID(int=number)), maker)
    shape.is_loaded, shape.used_at = True, float(number)
    return shape


def test_shapes_are_shared_by_what_they_show_and_who_sees_it() -> None:
    shapes = some_shapes()
    made = a_shape(shapes, 1)
    assert shapes.find(STEPS, OnePipeline(UUID(int=1))) is made
    assert shapes.find(STEPS, OnePipeline(UUID(int=2))) is None
    assert shapes.find(STEPS, Nobody()) is None
    for other in (
        a_definition("steps", "id pipeline_id"),
        a_definition("steps", "id pipeline_id name", replica="full"),
        a_definition("steps", "id pipeline_id name", log="changes_only"),
        a_definition("connections", "id pipeline_id"),
    ):
        assert shapes.find(other, OnePipeline(UUID(int=1))) is None


def test_a_client_that_begins_anew_gets_a_handle_that_nobody_had() -> None:
    shapes = some_shapes()
    shape = a_shape(shapes, 1)
    first = shape.handles[0]
    assert shapes.handle_for(shape, None) == first
    second = shapes.handle_for(shape, first)
    assert second != first
    shapes.check(shape, first)
    with pytest.raises(MustRefetch) as refused:
        shapes.check(shape, "of another server")
    assert refused.value.reason == "unknown_handle"
    assert refused.value.handle not in {first, second, None}
    other = a_shape(shapes, 2)
    with pytest.raises(MustRefetch) as refused:
        shapes.check(other, first)
    assert refused.value.reason == "other_scope"


def test_the_oldest_handles_end() -> None:
    shapes = some_shapes()
    shape = a_shape(shapes, 1)
    handles = [shape.handles[0], *(shapes.refetch(shape, "trimmed").handle for _ in range(99))]
    assert shape.handles == handles[-MOST_HANDLES:]
    with pytest.raises(MustRefetch) as refused:
        shapes.check(shape, str(handles[0]))
    assert refused.value.reason == "unknown_handle"


def test_what_was_used_the_longest_ago_makes_room() -> None:
    shapes = some_shapes(shapes=3)
    kept = [a_shape(shapes, number) for number in (1, 2, 3)]
    kept[0].used_at = 9.0
    kept[1].sleep(Sleeper(ME))
    a_shape(shapes, 4)
    assert [shape.is_dropped for shape in kept] == [False, False, True]
    with pytest.raises(MustRefetch):
        shapes.check(kept[0], kept[2].handles[0])


def test_what_is_in_use_makes_no_room() -> None:
    shapes = some_shapes(shapes=2, per_user=1)
    mine = a_shape(shapes, 1)
    mine.sleep(Sleeper(ME))
    with pytest.raises(TooManyShapes, match="PIPELOOM_SHAPES_PER_USER") as refused:
        a_shape(shapes, 2)
    assert refused.value.is_own
    theirs = a_shape(shapes, 3, OTHER)
    theirs.sleep(Sleeper(OTHER))
    with pytest.raises(TooManyShapes, match="PIPELOOM_SHAPE_BYTES") as refused:
        a_shape(shapes, 4, UUID(int=3))
    assert not refused.value.is_own
    assert not mine.is_dropped


def test_what_is_being_read_makes_no_room() -> None:
    shapes = some_shapes(shapes=1)
    shapes.make(STEPS, Teams((ME,)), ME)
    with pytest.raises(TooManyShapes):
        a_shape(shapes, 1)


def test_what_nobody_has_used_for_long_is_forgotten() -> None:
    shapes = some_shapes(idle_seconds=100)
    old, used, fresh = (a_shape(shapes, number) for number in (1, 2, 150))
    used.sleep(Sleeper(ME))
    shapes.tidy(now=200.0)
    assert [shape.is_dropped for shape in (old, used, fresh)] == [True, False, False]
    assert len(shapes) == 2


def test_shapes_that_have_grown_make_room() -> None:
    shapes = some_shapes(bytes=10_000)
    shapes_of_7_kb = [a_shape(shapes, number) for number in (1, 2, 3)]
    for shape in shapes_of_7_kb:
        fill(shape)
    shapes_of_7_kb[0].sleep(Sleeper(ME))
    shapes.tidy(now=5.0)
    assert [shape.is_dropped for shape in shapes_of_7_kb] == [False, True, True]
    assert 5_000 < shapes.bytes < 10_000
    fill(a_shape(shapes, 4))
    # The next one takes the place of what is idle.
    a_shape(shapes, 5)
    assert len(shapes) == 2


def test_what_is_noted_counts_until_it_is_read() -> None:
    shapes = some_shapes()
    shape = a_shape(shapes, 1)
    region = Region(frozenset({an_id(9)}), frozenset({an_id(1)}))
    before = shapes.bytes
    shapes.routes.note(Changes({"steps": region}))
    assert shapes.bytes > before
    assert shape.take_behind() == region
    shapes.tidy(now=1.0)
    assert shapes.bytes == before


def test_what_was_noted_and_read_makes_room_before_any_shape() -> None:
    shapes = some_shapes(bytes=10_000)
    kept = a_shape(shapes, 1)
    fill(kept)
    for number in range(20):
        ids, owners = frozenset({an_id(number)}), frozenset({an_id(1)})
        shapes.routes.note(Changes({"steps": Region(ids, owners)}))
    assert shapes.bytes > 10_000
    kept.take_behind()
    a_shape(shapes, 2)
    assert not kept.is_dropped


def test_whoever_sees_a_shape_by_a_team_that_moved_is_not_admitted() -> None:
    shape = a_shape(some_shapes(), 1)
    mine, theirs, both = (ONE_TEAM, None), (TWO_TEAM, None), UUID(int=3)
    for user_id, since in ((ME, (mine,)), (OTHER, (theirs,)), (both, (mine, theirs))):
        shape.admit(user_id, since)
    shape.forget_teams([ONE_TEAM])
    assert not shape.has_admitted(ME, (mine,))
    assert not shape.has_admitted(both, (mine, theirs))
    assert shape.admits(OTHER, (theirs,), shape.log.offset)


def test_what_was_noted_of_an_idle_shape_ends_none_in_use() -> None:
    shapes = some_shapes(bytes=20_000)
    idle, (used,) = a_shape(shapes, 1), in_use(shapes, 2)
    for number in range(50):
        ids, owners = frozenset({an_id(number)}), frozenset({an_id(1)})
        shapes.routes.note(Changes({"steps": Region(ids, owners)}))
    assert shapes.bytes > 20_000
    assert shapes.tidy(now=5.0) == []
    assert (idle.is_dropped, used.is_dropped) == (True, False)


def grow(shape: Shape, changes: int) -> None:
    """Have a shape keep some changes of its first row, of about 100 bytes each."""
    for change in range(changes):
        row = a_row(100 + change, an_id(0), an_id(1), f"{change}" * 10)
        region = Region(frozenset({an_id(0)}), None)
        run(shape.log.refresh(region, [row], a_position(20 + 2 * change), is_certain=True))


def in_use(shapes: Shapes, *numbers: int) -> list[Shape]:
    made = [a_shape(shapes, number) for number in numbers]
    for shape in made:
        fill(shape)
        shape.sleep(Sleeper(ME))
    return made


def test_the_largest_logs_make_room_while_all_shapes_are_in_use() -> None:
    shapes = some_shapes(bytes=25_000)
    small, large = in_use(shapes, 1, 2)
    grow(small, 5)
    grow(large, 50)
    before = large.log.offset, small.log.operations
    assert shapes.bytes > 25_000
    assert shapes.tidy(now=5.0) == []
    assert shapes.bytes <= 25_000
    assert (large.log.operations, large.log.log_bytes) == (0, 0)
    assert (large.log.offset, small.log.operations) == before
    # Who has all of it goes on; who has not begins anew.
    assert large.log.since(large.log.offset) == []
    assert large.log.since(Offset(10, 0)) is None
    grow(large, 1)
    assert len(large.log.since(before[0]) or []) == 1
    a_shape(shapes, 3)


def test_a_new_shape_is_refused_while_rows_in_use_are_too_much() -> None:
    shapes = some_shapes(bytes=12_000)
    in_use(shapes, 1, 2)
    with pytest.raises(TooManyShapes, match="PIPELOOM_SHAPE_BYTES") as refused:
        a_shape(shapes, 3)
    assert not refused.value.is_own


def test_what_is_idle_makes_as_much_room_as_is_needed_for_a_new_shape() -> None:
    shapes = some_shapes(bytes=10_000)
    in_use(shapes, 1)
    tiny, large = a_shape(shapes, 2), a_shape(shapes, 3)
    fill(large)
    a_shape(shapes, 4)
    assert (tiny.is_dropped, large.is_dropped) == (True, True)
    assert shapes.bytes <= 10_000


def test_a_shape_that_was_read_fits_in_or_is_refused() -> None:
    shapes = some_shapes(bytes=10_000)
    (used,) = in_use(shapes, 1)
    idle = a_shape(shapes, 2)
    new = a_shape(shapes, 3)
    new.used_at = 0.0
    shapes.fit_in(new)
    assert not idle.is_dropped
    fill(new)
    with pytest.raises(TooManyShapes):
        shapes.fit_in(new)
    assert (used.is_dropped, idle.is_dropped, new.is_dropped) == (False, True, False)


def test_of_shapes_in_use_that_have_grown_too_large_the_largest_ends() -> None:
    shapes = some_shapes(bytes=16_000)
    first, second = in_use(shapes, 1, 2)
    assert shapes.tidy(now=5.0) == []
    fill(second, 50)
    assert shapes.tidy(now=5.0) == [second]
    assert (first.is_dropped, second.is_dropped) == (False, True)
    assert shapes.bytes <= 16_000
