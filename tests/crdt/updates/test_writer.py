"""Updates are taken apart and put together without a byte of a struct changed."""

import pytest
from pycrdt import Doc, Map

from crdt.document.document import Document
from crdt.protocol.lib0 import var_string, var_uint
from crdt.updates.format import EMPTY_UPDATE, read_structs, read_update
from crdt.updates.writer import UpdateBuilder, without_content
from tests.crdt.histories import History, content
from tests.crdt.raw_updates import Y_MAP, after, deletions, in_root, in_type, update, value


def redrafted(source: bytes) -> list[bytes]:
    builder, (structs, deleted) = UpdateBuilder(), read_update(source)
    for client, found in structs.items():
        for struct in found:
            builder.insert(client, struct, source)
    for client, ranges in deleted.items():
        for clock, length in ranges:
            builder.delete(client, clock, clock + length)
    return builder.build()


@pytest.mark.parametrize("seed", range(20))
def test_an_update_taken_apart_is_put_together_again(seed: int) -> None:
    for each in History(seed).updates:
        assert redrafted(each) == [each], f"seed {seed}"


@pytest.mark.parametrize(
    "source",
    [
        update(b"\x00\x05", in_root(7, Y_MAP), client=300, clock=200),
        update(in_type(4, var_string("a😀"), (2**50, 7)), after(5, b"\x02{}", (1, 2))),
        b"\x00" + deletions(2**40, (0, 3), (300, 1)),
    ],
)
def test_every_byte_of_a_struct_stays(source: bytes) -> None:
    assert redrafted(source) == [source]


def test_nothing_makes_no_update() -> None:
    assert redrafted(EMPTY_UPDATE) == []


def test_a_gap_begins_another_update() -> None:
    first, second = in_root(7, Y_MAP, key="a"), in_root(7, Y_MAP, key="b")
    assert redrafted(update(first, b"\x0a\x04", second)) == [update(first), update(second, clock=5)]


def test_an_update_without_content_takes_the_same_clocks() -> None:
    told = update(in_root(7, Y_MAP), in_type(4, var_string("four"), (1, 0)), client=9)
    (silent,) = without_content(read_structs(told))
    assert silent == b"\x01\x02\x09\x00\x00\x01\x00\x04\x00"
    document = Document()
    document.apply(silent)
    assert document.apply(update(in_root(8, value(b"\x7e")), client=9, clock=5))
    assert content(document.doc) == {"k": None}


def test_what_lay_in_the_content_left_out_is_gone_and_harms_nothing() -> None:
    doc: Doc[Map] = Doc(client_id=9)
    doc.get("steps", type=Map)["k"] = Map()
    parent = doc.get_update()
    before = doc.get_state()
    doc.get("steps", type=Map)["k"]["x"] = 1
    doc.get("steps", type=Map)["y"] = 2
    document = Document()
    for each in without_content(read_structs(parent)):
        document.apply(each)
    assert document.apply(doc.get_update(before))
    assert content(document.doc) == {"y": 2}
    assert document.state_vector() == b"\x01\x09" + var_uint(3)
