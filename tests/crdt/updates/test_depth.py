"""However a client builds a tower of shared types, it ends before the stack does."""

import random
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from pycrdt import Doc, Map

from crdt.document.document import Document
from crdt.errors import MalformedUpdate
from crdt.updates.depth import DepthGuard, DepthWithin, depth_bound, depth_of
from crdt.updates.format import read_structs
from crdt.updates.limits import ACCEPTED, REPLAYED, Limits
from tests.crdt.raw_updates import (
    Y_ARRAY,
    Y_MAP,
    after,
    before,
    chain,
    deletions,
    in_root,
    in_type,
    update,
    value,
)
from tests.rounds import rounds

HOSTILE_DEPTH = 5_000

LIMITS = replace(ACCEPTED, pending_types=rounds(ACCEPTED.pending_types, few=100))
"""What each of many types that wait costs grows with their number."""


def depth(*updates: bytes) -> int:
    return sum(depth_bound(*map(read_structs, updates)))


def stopped_at(document: Document, updates: list[bytes], limits: Limits = ACCEPTED) -> int:
    """Apply until the document has enough; return how many updates it took."""
    for count, each in enumerate(updates):
        try:
            document.apply(each, limits)
        except MalformedUpdate as error:
            assert re.search("400 deep|before their parents", str(error))  # noqa: PT017 - and which
            return count
    pytest.fail(f"expected a refusal, got {len(updates)} updates applied")


def one_by_one(structs: list[bytes], client: int = 1) -> list[bytes]:
    return [update(struct, client=client, clock=clock) for clock, struct in enumerate(structs)]


def by_parents() -> list[bytes]:
    return one_by_one(chain(HOSTILE_DEPTH))


def by_left_neighbours() -> list[bytes]:
    """Each level is put beside a value within the level before, and so names no parent."""
    structs = [in_root(7, Y_ARRAY, key=None)]
    for clock in range(0, 2 * HOSTILE_DEPTH, 2):
        structs.append(in_type(8, value(b"\x7e"), (1, clock), key=None))
        structs.append(after(7, Y_ARRAY, (1, clock + 1)))
    return one_by_one(structs)


def by_right_neighbours() -> list[bytes]:
    structs = [in_root(7, Y_ARRAY, key=None)]
    for clock in range(0, 2 * HOSTILE_DEPTH, 2):
        structs.append(in_type(8, value(b"\x7e"), (1, clock), key=None))
        structs.append(before(7, Y_ARRAY, (1, clock + 1)))
    return one_by_one(structs)


def by_many_clients() -> list[bytes]:
    first = update(in_root(7, Y_MAP), client=1)
    rest = [update(in_type(7, Y_MAP, (n, 0)), client=n + 1) for n in range(1, HOSTILE_DEPTH)]
    return [first, *rest]


def children_first() -> list[bytes]:
    return by_many_clients()[::-1]


def shuffled() -> list[bytes]:
    updates = by_many_clients()
    random.Random(7).shuffle(updates)
    return updates


def fragments_joined_last() -> list[bytes]:
    """Towers of 50 stand on elements that lack, which come in the end."""
    fragments = []
    for n in range(HOSTILE_DEPTH // 50):
        below = in_type(7, Y_MAP, (10_000 + n, 0))
        rest = [in_type(7, Y_MAP, (20_000 + n, clock)) for clock in range(49)]
        fragments.append(update(below, *rest, client=20_000 + n))
    joints = [update(in_root(7, Y_MAP), client=10_000)]
    joints += [
        update(in_type(7, Y_MAP, (20_000 + n - 1, 49)), client=10_000 + n)
        for n in range(1, HOSTILE_DEPTH // 50)
    ]
    return fragments + joints


SHAPES = [
    by_parents,
    by_left_neighbours,
    by_right_neighbours,
    by_many_clients,
    fragments_joined_last,
]
IN_OTHER_ORDERS = [children_first, shuffled]
"""They bring what `by_many_clients` brings, in other orders: in one update they are it."""


@pytest.mark.parametrize("tower", [*SHAPES, *IN_OTHER_ORDERS])
def test_a_tower_is_refused_however_it_is_built(tower: Callable[[], list[bytes]]) -> None:
    document = Document()
    updates = tower()
    count = stopped_at(document, updates, LIMITS if tower in IN_OTHER_ORDERS else ACCEPTED)
    assert depth(document.encode()) <= ACCEPTED.depth
    assert count >= 10
    str(document.doc.get("steps", type=Map))


@pytest.mark.parametrize("tower", SHAPES)
def test_a_tower_in_one_update_is_refused(tower: Callable[[], list[bytes]]) -> None:
    doc: Doc[Any] = Doc()
    for each in tower():
        doc.apply_update(each)
    document = Document()
    with pytest.raises(MalformedUpdate, match="nested at most 4000 deep"):
        document.apply(doc.get_update())
    assert document.state_vector() == b"\x00"


def test_a_tower_that_would_be_deleted_at_once_is_refused() -> None:
    structs = chain(50_000)
    hostile = update(*structs, deletions=deletions(1, (0, 1)))
    with pytest.raises(MalformedUpdate, match="nested"):
        Document().apply(hostile)


def test_what_the_log_holds_may_be_deeper_than_what_a_client_may_bring() -> None:
    """Two nodes may each have accepted half of it."""
    between = update(*chain(REPLAYED.depth))
    with pytest.raises(MalformedUpdate):
        Document().apply(between, ACCEPTED)
    document = Document()
    assert document.apply(between)
    assert str(document.doc.get("steps", type=Map)).count("{") == REPLAYED.depth + 1
    assert document.apply(update(in_type(7, Y_MAP, (1, 0), key="x"), client=2))
    with pytest.raises(MalformedUpdate):
        document.apply(update(in_type(7, Y_MAP, (1, 0), key="y"), client=3), ACCEPTED)


def test_a_refusal_leaves_room_for_other_edits() -> None:
    document = Document()
    count = stopped_at(document, by_parents())
    assert document.apply(update(in_root(8, value(b"\x7e"), key="x"), client=9), ACCEPTED)
    top = deletions(1, (0, 1))
    assert document.apply(b"\x00" + top, ACCEPTED)
    shallow = update(in_root(7, Y_MAP, key="y"), client=10)
    assert document.apply(shallow, ACCEPTED), f"after {count} levels, deleted"


def test_any_number_of_shallow_types_is_accepted() -> None:
    document = Document()
    for n in range(3 * ACCEPTED.depth):
        step = update(in_root(7, Y_MAP, key=f"s{n}"), in_type(7, Y_MAP, (n + 1, 0)), client=n + 1)
        assert document.apply(step, ACCEPTED)
    assert depth(document.encode()) == 2
    copy = Document()
    assert copy.apply(document.encode(), ACCEPTED)


def test_edits_of_our_own_count() -> None:
    document = Document()
    structs = chain(ACCEPTED.depth - 5)
    document.apply(update(*structs), ACCEPTED)
    with document.transact():
        document.doc.get("steps", type=Map)["x"] = Map({str(n): Map() for n in range(5)})
    last = (1, len(structs) - 1)
    top = update(*chain(5, client=2)[1:], client=3)
    assert document.apply(update(in_type(7, Y_MAP, last), client=2), ACCEPTED)
    assert top != b""
    assert depth(document.encode()) == ACCEPTED.depth - 4


def test_depth_of_what_is_settled() -> None:
    assert depth(update()) == 0
    assert depth(update(in_root(8, value(b"\x7e")))) == 0
    assert depth(update(*chain(3))) == 3
    assert depth(update(*chain(3)), update(in_type(7, Y_MAP, (1, 2)), client=2)) == 4


def test_types_whose_surroundings_lack_count_each() -> None:
    lost = [update(in_type(7, Y_MAP, (9, n)), client=n + 20) for n in range(4)]
    assert depth(update(*chain(3)), *lost) == 7


def test_of_two_stories_the_deeper_counts() -> None:
    flat = update(in_root(7, Y_MAP), in_root(7, Y_MAP, key="x"))
    assert depth(update(*chain(2)), flat) == depth(flat, update(*chain(2))) == 2
    in_the_later = update(in_type(7, Y_MAP, (1, 1)), client=2)
    assert depth(update(*chain(2)), flat, in_the_later) == 3


def test_types_in_themselves_are_refused() -> None:
    first = update(in_type(7, Y_MAP, (2, 0)), client=1)
    second = update(in_type(7, Y_MAP, (1, 0)), client=2)
    with pytest.raises(MalformedUpdate, match="in themselves"):
        depth(first, second)


def test_types_that_wait_for_ever_keep_nobody_out() -> None:
    document = Document()
    lost = (
        update(in_type(7, Y_MAP, (9, n)), client=1000 + n) for n in range(2 * LIMITS.pending_types)
    )
    for each in [update(*chain(LIMITS.depth)), *lost]:
        with suppress(MalformedUpdate):
            document.apply(each, LIMITS)
    assert depth_bound(*document.all_structs()) == (LIMITS.depth, LIMITS.pending_types)
    assert document.apply(update(*chain(5), client=8), LIMITS)


def test_a_text_of_many_pieces_is_no_depth() -> None:
    """Neighbours are followed one by one, 20,000 of them, and not by recursion."""
    pieces = [in_root(8, value(b"\x7e"), key=None)]
    pieces += [after(8, value(b"\x7e"), (1, clock)) for clock in range(20_000)]
    assert depth(update(*pieces, after(7, Y_MAP, (1, 20_000)))) == 1


@pytest.mark.parametrize("seed", range(20))
def test_the_bound_is_true_of_random_trees(seed: int) -> None:
    """In any order, through any number of updates, the depth found is that of the tree built."""
    rng = random.Random(seed)
    depths = [1]
    structs = [update(in_root(7, Y_MAP, key="r"), client=1)]
    for n in range(1, 60):
        parent = rng.randrange(n)
        depths.append(depths[parent] + 1)
        structs.append(update(in_type(7, Y_MAP, (parent + 1, 0), key=f"{n}"), client=n + 1))
    doc: Doc[Any] = Doc()
    for count in range(len(structs)):
        doc.apply_update(structs[count])
        assert depth(doc.get_update()) == max(depths[: count + 1]), f"seed {seed}"
    rng.shuffle(structs)
    late: Doc[Any] = Doc()
    for each in structs:
        late.apply_update(each)
        assert depth(late.get_update()) <= 60, f"seed {seed}"
    assert depth(late.get_update()) == max(depths), f"seed {seed}"


def test_a_bound_that_has_risen_far_is_measured_and_lowered() -> None:
    guard = DepthGuard(lambda: pytest.fail("read the whole document"))
    part = DepthWithin(2, 2)
    times = 0
    while not guard.is_loose:
        guard.check(part, dict, ACCEPTED)
        times += 1
    assert times == ACCEPTED.depth // 4 + 1
    for _ in range(3):
        guard.begin_measuring()
        for _ in range(20):
            guard.check(part, dict, ACCEPTED)
        # It was five deep; since then it may have become deeper.
        guard.tighten(5)
        assert guard._bound == 45
    guard.check(DepthWithin(300, 0), dict, ACCEPTED)
    guard.begin_measuring()
    guard.tighten(300)
    assert not guard.is_loose


@pytest.mark.parametrize("seed", range(20))
def test_the_bound_of_a_document_is_never_below_its_depth(seed: int) -> None:
    rng = random.Random(seed)
    document = Document()
    editors: list[Doc[Any]] = [Doc(client_id=n + 1) for n in range(3)]
    measured: int | None = None
    for number in range(40):
        editor = rng.choice(editors)
        before = editor.get_state()
        with editor.transaction():
            for _ in range(rng.randrange(1, 4)):
                place = editor.get("steps", type=Map)
                while (inner := [*place.keys()]) and rng.random() < 0.7:
                    place = place[rng.choice(inner)]
                place[str(rng.randrange(4))] = Map({"a": Map({"b": Map()})} if number % 3 else {})
        document.apply(editor.get_update(before))
        if measured is not None and rng.random() < 0.5:
            document.tighten_depth(measured)
            measured = None
        assert document._depth_guard._bound >= depth(document.encode()), f"seed {seed}"
        if measured is None and rng.random() < 0.3:
            document._depth_guard.begin_measuring()
            measured = depth_of([document.encode()])
        one, other = rng.sample(editors, 2)
        one.apply_update(other.get_update())
