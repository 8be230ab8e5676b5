"""The short way of an inspection finds what the long way finds, or leaves the update to it."""

import random
from dataclasses import replace
from typing import Any

import pytest
from pycrdt import Array, Doc, Map, Text, TransactionEvent, XmlFragment

from crdt.errors import MessageTooBig, SyncError
from crdt.protocol.lib0 import var_string, var_uint
from crdt.updates.format import read_structs
from crdt.updates.inspection import inspect_any_update, inspect_update
from crdt.updates.limits import ACCEPTED
from crdt.updates.short import MAX_BYTES, MAX_RUN, read_short
from tests.rounds import SEED, rounds

BIG_CLIENT, BIG_CLOCK = 2**53, 2**32


class Author:
    """A client that edits, and the updates it sends."""

    def __init__(self, client_id: int) -> None:
        self.doc: Doc[Any] = Doc(client_id=client_id)
        self.sent: list[bytes] = []
        self._subscription = self.doc.observe(self._on_transaction)
        self.text = self.doc.get("text", type=Text)
        self.map = self.doc.get("map", type=Map)
        self.list = self.doc.get("list", type=Array)

    def _on_transaction(self, event: TransactionEvent) -> None:
        self.sent.append(event.update)

    def edit(self, draw: random.Random) -> None:
        """Do one of the things that people do."""
        size = len(self.text.to_py() or "")
        at = draw.randint(0, size)
        match draw.randrange(10):
            case 0 | 1:
                self.text.insert(at, draw.choice(("a", "word ", "x" * 200)))
            case 2:
                # Positions are those of bytes: only the beginning lies within no character.
                self.doc.get("emoji", type=Text).insert(0, draw.choice(("é", "😀")))
            case 3 if size:
                del self.text[min(at, size - 1) : min(at + 2, size)]
            case 4 | 5:
                value = {
                    "x": draw.randrange(10**6),
                    "y": -draw.random(),
                    "deep": [[1], {"a": None}],
                }
                self.map[draw.choice("abc")] = value
            case 6:
                self.list.append(draw.choice((True, "s", [1, 2, [3, [4, [5, [6]]]]], 2**40, 1.5)))
            case 7:
                with self.doc.transaction():
                    self.map["name"], self.map["other"] = "n" * draw.randrange(300), b"bytes"
            case 8:
                self.map["nested"] = draw.choice((Text("new"), Map({"k": 1}), Array([1])))
            case _:
                self.doc.get("xml", type=XmlFragment)
                self.text.insert(at, "bold", attrs={"b": True})


def long_way(update: bytes) -> object:
    try:
        return inspect_any_update(update, ACCEPTED)
    except SyncError as error:
        return type(error)


def assert_alike(update: bytes) -> bool:
    """Assert that both ways agree; return whether the short one was taken."""
    short = read_short(update)
    if short is None:
        return False
    found, expected = inspect_update(update, ACCEPTED), long_way(update)
    assert found.read is None
    assert found._replace(read=read_structs(update)) == expected, update.hex()
    return True


def test_what_people_do_goes_the_short_way() -> None:
    author, draw = Author(2**32 - 1), random.Random(SEED)
    for _ in range(50):
        author.text.insert(draw.randrange(1 + len(author.text.to_py() or "")), "k")
        author.map["position"] = {"x": draw.randrange(900), "y": 1.5, "w": None}
        author.list.append("entry")
        del author.text[0]
    assert all(assert_alike(update) for update in author.sent)


@pytest.mark.parametrize("number", range(rounds(500, 8)))
def test_it_agrees_about_whatever_clients_write(number: int) -> None:
    draw = random.Random(SEED + number)
    authors = [Author(each) for each in draw.sample(range(1, 2 ** draw.choice((3, 7, 14, 32))), 2)]
    for _ in range(30):
        author = draw.choice(authors)
        author.edit(draw)
        for other in authors:
            if other is not author and draw.randrange(2):
                other.doc.apply_update(author.doc.get_update(other.doc.get_state()))
    for update in (*authors[0].sent, *authors[1].sent):
        assert_alike(update)


@pytest.mark.parametrize("number", range(rounds(2_000, 15)))
def test_it_agrees_about_garbage(number: int) -> None:
    draw = random.Random(SEED + number)
    author = Author(draw.choice((5, 2**31)))
    for _ in range(12):
        author.edit(draw)
    for update in author.sent:
        for _ in range(40):
            assert_alike(_garbled(update, draw))


def _garbled(update: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(update))
    match draw.randrange(5):
        case 0:
            return update[:at]
        case 1:
            return update + draw.randbytes(draw.randrange(1, 4))
        case 2:
            return update[:at] + draw.randbytes(1) + update[at + 1 :]
        case 3:
            return update[:at] + draw.choice((b"\xff" * 9, b"\x80", b"\xff\x7f", b"")) + update[at:]
        case _:
            return update[:at] + bytes((update[at] ^ 1 << draw.randrange(8),)) + update[at + 1 :]


def one_text(client: int = 7, clock: int = 0, text: str = "a") -> bytes:
    """An update with one struct: a text in the root named t."""
    head = var_uint(1) + var_uint(1) + var_uint(client) + var_uint(clock)
    return head + b"\x04\x01\x01t" + var_string(text)


def deleting(*ranges: tuple[int, int], client: int = 7) -> bytes:
    """The end of an update: the delete set of one client."""
    parts = (var_uint(clock) + var_uint(length) for clock, length in ranges)
    return var_uint(1) + var_uint(client) + var_uint(len(ranges)) + b"".join(parts)


@pytest.mark.parametrize(
    "update",
    [
        one_text() + b"\x00" + b"leftover",
        one_text(client=BIG_CLIENT) + b"\x00",
        one_text(clock=BIG_CLOCK - 1) + b"\x00",
        one_text() + deleting((0, 1), client=BIG_CLIENT),
        one_text() + deleting((BIG_CLOCK - 1, 1)),
        one_text() + deleting(*((each, 1) for each in range(MAX_RUN + 1))),
        one_text(text="") + b"\x00",
        one_text(text="é") + b"\x00",
        one_text(text="😀") + b"\x00",
        one_text(text="x" * MAX_BYTES) + b"\x00",
        b"\x02" + one_text()[1:] + b"\x00",
        b"\x01\x01\x07\x05\x84\x07\x05\x01a\x00",
        b"\x01\x01" + b"\xff" * 10 + b"\x01",
        b"",
        b"\x00",
    ],
)
def test_what_is_unusual_is_left_to_the_long_way(update: bytes) -> None:
    assert read_short(update) is None


@pytest.mark.parametrize(
    "update",
    [b"\x00\x00", one_text() + b"\x00", b"\x00" + deleting((3, 2)), one_text() + deleting()],
)
def test_both_ways_agree_at_the_edge(update: bytes) -> None:
    if read_short(update) is not None:
        assert assert_alike(update)


def test_the_limits_hold_on_the_short_way() -> None:
    with pytest.raises(MessageTooBig):
        inspect_update(one_text() + b"\x00", replace(ACCEPTED, parts=5))
