"""Half a character in JSON becomes U+FFFD; everything that only looks like one stays."""

import pytest

from crdt.protocol.lib0 import var_string
from crdt.updates.format import read_structs
from crdt.updates.surrogates.json_escapes import replace_escaped_halves
from tests.crdt.raw_updates import after, in_root, update


def embedded(json: str) -> bytes:
    return update(in_root(5, var_string(json), key=None))


def mended(source: bytes) -> bytes:
    return replace_escaped_halves(source, read_structs(source))


@pytest.mark.parametrize(
    ("json", "expected"),
    [
        (r'"\ud83d"', r'"\ufffd"'),
        (r'"\uDE00x"', r'"\ufffdx"'),
        (r'{"a":["\ude00\ud83d"]}', r'{"a":["\ufffd\ufffd"]}'),
        (r'"\ud83d\ude00"', r'"\ud83d\ude00"'),
        (r'"\ud83d\ud83d\ude00"', r'"\ufffd\ud83d\ude00"'),
        (r'"\\ud83d"', r'"\\ud83d"'),
        (r'"\\\ud83d"', r'"\\\ufffd"'),
        (r'"\ud7ff\ue000"', r'"\ud7ff\ue000"'),
    ],
)
def test_the_escape_of_half_a_character_is_replaced(json: str, expected: str) -> None:
    assert mended(embedded(json)) == embedded(expected)


def test_the_value_of_a_format_is_mended_and_its_name_is_not() -> None:
    def formatted(json: str) -> bytes:
        return update(after(6, var_string(r"\ud83d") + var_string(json), (2, 0)))

    assert mended(formatted(r'"\ud83d"')) == formatted(r'"\ufffd"')


def test_a_text_may_say_what_it_likes() -> None:
    source = update(in_root(4, var_string(r"\ud83d"), key=None), in_root(5, var_string("1")))
    assert mended(source) == source


def test_an_update_without_such_escapes_is_the_same() -> None:
    source = embedded(r'"\u00e9"')
    assert mended(source) is source
