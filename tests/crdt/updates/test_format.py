"""Updates are read as the library reads them, and refused where readers might differ."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment, XmlText

from crdt.errors import MalformedUpdate, MessageTooBig, ProtocolError
from crdt.protocol.lib0 import var_string, var_uint
from crdt.updates.format import (
    EMPTY_UPDATE,
    IS_V2,
    Struct,
    Structs,
    has_structs,
    read_deletions,
    read_structs,
    read_update,
)
from tests.crdt.raw_updates import (
    EMPTY_OF_V2,
    OF_V2,
    Y_ARRAY,
    Y_MAP,
    Y_TEXT,
    after,
    before,
    deletions,
    in_root,
    in_type,
    update,
    value,
)


def without_bytes(structs: Structs) -> dict[int, list[Struct]]:
    """The structs, without where in the update their bytes are."""
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


def test_a_struct_has_its_dependencies() -> None:
    structs = without_bytes(
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
    assert without_bytes(structs) == {1: [Struct(0, 5), Struct(8, 1, is_type=True)]}


def test_an_empty_struct_takes_no_clock() -> None:
    """As in the library, which drops it (block.rs: Item::new)."""
    structs = read_structs(update(in_root(4, var_string("")), in_root(7, Y_MAP)))
    assert without_bytes(structs) == {1: [Struct(0, 1, is_type=True)]}


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
def test_a_struct_that_depends_on_later_elements_of_its_client_is_refused(place: bytes) -> None:
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


@pytest.mark.parametrize("whole", [EMPTY_UPDATE, update(in_root(7, Y_MAP))])
def test_bytes_behind_an_update_are_refused_within_a_limit(whole: bytes) -> None:
    assert read_update(whole + b"abc", max_leftover=3) == read_update(whole, max_leftover=0)
    with pytest.raises(MalformedUpdate, match="expected the end, got 3 bytes more"):
        read_update(whole + b"abc", max_leftover=2)


@pytest.mark.parametrize("update_of_v2", [EMPTY_OF_V2, OF_V2])
def test_an_update_of_format_v2_is_named(update_of_v2: bytes) -> None:
    with pytest.raises(MalformedUpdate) as refused:
        read_update(update_of_v2, max_leftover=0)
    assert refused.value.reason == IS_V2, "expected the whole reason in a close frame"


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
