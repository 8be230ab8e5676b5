"""Updates are read as the library reads them, and refused where that cannot be told."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment, XmlText

from crdt.errors import MalformedUpdate, MessageTooBig, ProtocolError
from crdt.protocol.lib0 import var_string, var_uint
from crdt.updates.any_values import MAX_NESTING
from crdt.updates.delete_set import includes_deletions
from crdt.updates.format import (
    EMPTY_UPDATE,
    Struct,
    Structs,
    has_structs,
    read_deletions,
    read_structs,
    read_update,
)
from tests.crdt.raw_updates import (
    Y_ARRAY,
    Y_MAP,
    Y_TEXT,
    after,
    before,
    deep_array,
    deep_behind_members,
    deep_object,
    deletions,
    in_root,
    in_type,
    update,
    value,
)


def places(structs: Structs) -> dict[int, list[Struct]]:
    """The structs, wherever in the update they stand."""
    return {
        client: [struct._replace(start=0, stop=0) for struct in found]
        for client, found in structs.items()
    }


def updates_of(change: Callable[["Doc[Any]"], None]) -> list[bytes]:
    """All updates of a change, and the whole document after it."""
    doc: Doc[Any] = Doc(client_id=300)
    updates: list[bytes] = []
    subscription = doc.observe(lambda event: updates.append(event.update))
    change(doc)
    doc.unobserve(subscription)
    return [*updates, doc.get_update()]


def formatted_text(doc: "Doc[Any]") -> None:
    text = doc.get("t", type=Text)
    text += "it's bold 😀 — and more"
    text.format(5, 9, {"bold": True})
    text.insert_embed(3, {"image": "x"})
    del text[0:2]


def nested_types(doc: "Doc[Any]") -> None:
    root = doc.get("m", type=Map)
    root["a"] = Map({"list": Array([1, Map({"x": Text("deep")}), [2, {"y": None}]])})
    root["a"]["list"].insert(1, Map())
    root["a"] = Map()


def xml(doc: "Doc[Any]") -> None:
    fragment = doc.get("x", type=XmlFragment)
    fragment.children.append(XmlElement("p", {"class": "u"}, [XmlText("words")]))
    fragment.children.append(XmlText("more"))
    del fragment.children[0]


def plain_values(doc: "Doc[Any]") -> None:
    root = doc.get("m", type=Map)
    root["all"] = [None, True, False, 0, -70, 2**40, 0.5, 1e300, "é😀", b"\x00\xff", {"k": [{}]}]
    root["bytes"] = b"uv" * 300
    root["all"] = {}


def documents_inside(doc: "Doc[Any]") -> None:
    doc.get("m", type=Map)["sub"] = Doc({"t": Text("inside")})


def long_text(doc: "Doc[Any]") -> None:
    text = doc.get("t", type=Text)
    for _ in range(50):
        text += "uvuv 'quoted' " * 100
        text.insert(0, "v")
    del text[10:40]


KINDS = [formatted_text, nested_types, xml, plain_values, documents_inside, long_text]


@pytest.mark.parametrize("change", KINDS)
def test_every_kind_of_content_is_read(change: Callable[["Doc[Any]"], None]) -> None:
    for each in updates_of(change):
        structs = read_structs(each)
        assert set(structs) <= {300}
        deleted = read_deletions(each)
        assert deleted or structs


@pytest.mark.parametrize("change", KINDS)
def test_clocks_are_counted_as_the_library_counts_them(
    change: Callable[["Doc[Any]"], None],
) -> None:
    doc: Doc[Any] = Doc(client_id=300)
    change(doc)
    last = read_structs(doc.get_update())[300][-1]
    # A state vector: one client, then its next clock.
    assert doc.get_state() == b"\x01" + var_uint(300) + var_uint(last.clock + last.length)


def test_a_struct_tells_its_place() -> None:
    structs = places(
        read_structs(
            update(
                in_root(7, Y_MAP),
                in_type(8, value(b"\x7e"), (1, 0)),
                after(4, var_string("a😀"), (1, 1)),
                before(7, Y_ARRAY, (1, 2)),
                bytes((0xC8,)) + b"\x01\x02\x01\x05" + value(b"\x7e"),
            )
        )
    )
    assert structs == {
        1: [
            Struct(0, 1, is_type=True),
            Struct(1, 1, ((1, 0),), is_child=True),
            Struct(2, 3, ((1, 1),)),
            Struct(5, 1, ((1, 2),), is_type=True),
            Struct(6, 1, ((1, 2), (1, 5))),
        ]
    }


def test_collected_structs_count_and_skipped_ones_are_absent() -> None:
    structs = read_structs(update(b"\x00\x05", b"\x0a\x03", in_root(7, Y_TEXT)))
    assert places(structs) == {1: [Struct(0, 5), Struct(8, 1, is_type=True)]}


def test_an_empty_struct_takes_no_clock() -> None:
    """As in the library, which drops it (block.rs: Item::new)."""
    structs = read_structs(update(in_root(4, var_string("")), in_root(7, Y_MAP)))
    assert places(structs) == {1: [Struct(0, 1, is_type=True)]}


@pytest.mark.parametrize("deep", [deep_array, deep_object, deep_behind_members])
def test_a_value_nested_too_deep_is_refused(deep: Callable[[int], bytes]) -> None:
    allowed, hostile = (
        update(in_root(8, value(deep(depth)))) for depth in (MAX_NESTING, MAX_NESTING + 1)
    )
    read_structs(allowed)
    with pytest.raises(MalformedUpdate, match="nested at most 500 deep"):
        read_structs(hostile)


def test_options_of_a_document_inside_are_values_too() -> None:
    hostile = update(in_root(9, var_string("guid") + deep_object(20_000)))
    with pytest.raises(MalformedUpdate, match="nested"):
        read_structs(hostile)


@pytest.mark.parametrize(
    "struct",
    [
        in_root(2, b"\x01\x02{}"),  # content JSON: the library reads one text too many
        in_root(7, b"\x05"),  # an XML hook: Yjs reads a name, the library none
        in_root(7, b"\x07"),
        in_root(7, b"\x09"),
        in_root(7, b"\x0f"),
        in_root(11, b"\x00\x00\x00"),
        in_root(0x17, Y_MAP),  # a bit that the library ignores and Yjs does not
        b"\x80\x01\x01",
        in_root(8, value(b"\x73")),
        in_root(4, b"\x01\xff"),
    ],
)
def test_what_readers_may_read_differently_is_refused(struct: bytes) -> None:
    with pytest.raises(MalformedUpdate):
        read_structs(update(struct))


@pytest.mark.parametrize(
    "hostile",
    [
        update(in_root(7, Y_MAP), client=2**53),
        update(in_root(7, Y_MAP), clock=2**32),
        update(b"\x00" + var_uint(2**32), in_root(7, Y_MAP)),
        b"\x02" + update(b"\x00\x01")[1:-1] + update(b"\x00\x01")[1:-1] + b"\x00",
        b"\x00" + deletions(2**53, (0, 1)),
        b"\x00" + deletions(1, (2**32, 1)),
        b"\x00" + deletions(1, (0, 2**32)),
        update(in_type(7, Y_MAP, (2**53, 0))),
        update(after(7, Y_MAP, (9, 2**32))),
    ],
    ids=[
        "client",
        "clock",
        "length",
        "a client twice",
        "client of a deletion",
        "clock of a deletion",
        "length of a deletion",
        "parent",
        "neighbour",
    ],
)
def test_numbers_that_the_library_would_cut_are_refused(hostile: bytes) -> None:
    with pytest.raises(MalformedUpdate):
        read_structs(hostile)


@pytest.mark.parametrize("place", [in_type(7, Y_MAP, (1, 5)), after(7, Y_MAP, (1, 9))])
def test_what_lies_beside_later_elements_of_its_client_is_refused(place: bytes) -> None:
    with pytest.raises(MalformedUpdate, match="below 5"):
        read_structs(update(place, clock=5))


@pytest.mark.parametrize(
    ("parts", "counted"),
    [
        (update(b"\x00\x01", b"\x00\x01"), 12),
        (update(in_root(8, b"\x02\x7e" + b"\x75\x03\x7e\x7e\x7e")), 16),
        (b"\x00" + deletions(1, (0, 1), (5, 1)), 12),
        (b"\x00" + deletions(1, (0, 1), (0, 1)), 12),
    ],
    ids=["structs", "values", "deletions", "the same again"],
)
def test_parts_are_counted(parts: bytes, counted: int) -> None:
    read_update(parts, counted)
    with pytest.raises(MessageTooBig, match="send it in several"):
        read_update(parts, counted - 1)


def test_a_wrong_count_ends_at_the_end() -> None:
    for count in (2**60, 2):
        with pytest.raises(MalformedUpdate, match="truncated"):
            read_structs(var_uint(1) + var_uint(count) + update(in_root(7, Y_MAP))[2:-1])


@pytest.mark.parametrize("change", KINDS)
def test_every_truncated_prefix_is_refused(change: Callable[["Doc[Any]"], None]) -> None:
    whole = updates_of(change)[-1][:2000]
    for length in range(len(whole)):
        with pytest.raises(ProtocolError):
            read_deletions(whole[:length])


@given(st.binary(max_size=200))
def test_random_bytes_are_read_or_malformed(data: bytes) -> None:
    try:
        structs = read_structs(data)
    except MalformedUpdate:
        return
    assert all(struct.length for found in structs.values() for struct in found)


def test_deletions_are_read_whatever_stands_before_them() -> None:
    tail = deletions(5, (0, 3), (7, 1))
    assert read_deletions(update(in_root(7, Y_MAP), deletions=tail)) == {5: [(0, 3), (7, 1)]}
    assert read_deletions(b"\x00" + tail) == {5: [(0, 3), (7, 1)]}
    assert read_deletions(EMPTY_UPDATE) == {}


def test_whether_an_update_inserts() -> None:
    assert not has_structs(EMPTY_UPDATE)
    assert not has_structs(b"\x00" + deletions(5, (0, 3)))
    assert has_structs(update(in_root(7, Y_MAP)))
    with pytest.raises(ProtocolError):
        has_structs(b"")


KNOWN = {1: [(0, 3), (10, 5)], 2: [(4, 4), (0, 4)]}


@pytest.mark.parametrize(
    ("other", "covered"),
    [
        ({}, True),
        ({1: []}, True),
        ({9: []}, True),
        ({1: [(0, 3)]}, True),
        ({1: [(1, 1), (12, 3)]}, True),
        ({2: [(1, 6)]}, True),  # across two ranges that touch
        ({1: [(0, 4)]}, False),
        ({1: [(2, 9)]}, False),
        ({1: [(9, 2)]}, False),
        ({1: [(15, 1)]}, False),
        ({3: [(0, 1)]}, False),
        ({1: [(0, 1)], 3: [(0, 1)]}, False),
    ],
)
def test_coverage_of_delete_sets(other: dict[int, list[tuple[int, int]]], covered: bool) -> None:
    assert includes_deletions(KNOWN, other) is covered


@given(st.data())
def test_coverage_is_that_of_sets(data: st.DataObject) -> None:
    ranges = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 5)), max_size=6)
    known, other = data.draw(ranges), data.draw(ranges)

    def elements(some: list[tuple[int, int]]) -> set[int]:
        return {each for clock, length in some for each in range(clock, clock + length)}

    assert includes_deletions({1: known}, {1: other}) is (elements(other) <= elements(known))


def test_coverage_of_many_ranges_is_quick() -> None:
    """20,000 × 20,000 comparisons would take minutes, in the event loop."""
    many = {1: [(2 * n, 1) for n in range(20_000)]}
    assert includes_deletions(many, many)
