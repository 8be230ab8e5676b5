"""Elements of one id are compared whatever structs they come in."""

import pytest
from pycrdt import Array, Doc, Map, Text

from crdt.updates.format import Struct, first_structs, read_structs
from crdt.updates.same_elements import are_same

CLIENT = 7


def written(*texts: str, deleted: slice | None = None) -> bytes:
    doc: Doc[object] = Doc(client_id=CLIENT)
    text = doc.get("text", type=Text)
    for each in texts:
        text += each
    if deleted is not None:
        del text[deleted]
    return doc.get_update()


def numbers(*values: object) -> bytes:
    doc: Doc[object] = Doc(client_id=CLIENT)
    doc.get("list", type=Array).extend(values)
    return doc.get_update()


def same(one: bytes, other: bytes) -> bool:
    return are_same((one, read_structs(one)[CLIENT]), other, CLIENT)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (written("abc"), written("a", "bc"), True),
        (written("abc"), written("abcdef"), True),
        (written("abc"), written("abd"), False),
        (written("a😀c"), written("a", "😀", "c"), True),
        (written("a😀c"), written("a😁c"), False),
        (written("a😀c"), written("a\ufffd\ufffdc"), True),
        (written("abcd"), written("abxd", deleted=slice(2, 3)), True),
        (written("abcd"), written("abxe", deleted=slice(2, 3)), False),
        (numbers("a", "b"), numbers("a", "c"), False),
        (numbers("a", True, None), numbers("a", True, None, "more"), True),
        (numbers("a", True), numbers("a", False), False),
        (numbers(1), numbers(1.5), True),
        (numbers({"a": 1}), numbers("a"), True),
        (numbers("a"), written("a"), False),
    ],
)
def test_elements_of_one_id(one: bytes, other: bytes, is_same: bool) -> None:
    assert same(one, other) is is_same
    assert same(other, one) is is_same


def test_the_first_structs_of_a_client() -> None:
    doc: Doc[object] = Doc(client_id=CLIENT)
    for key in "abc":
        doc.get("map", type=Map)[key] = Text(key)
    update = doc.get_update()
    whole = read_structs(update)[CLIENT]
    assert first_structs(update, CLIENT, 1_000) == whole
    assert first_structs(update, CLIENT, 2) == whole[:2]
    assert first_structs(update, CLIENT + 1, 2) == []
    assert first_structs(b"\x00\x00", CLIENT, 2) == []
    assert all(isinstance(each, Struct) for each in whole)
