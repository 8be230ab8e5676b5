import random
from contextlib import suppress

import pytest

from crdt.errors import PipelineFileError
from crdt.yaml import reader
from crdt.yaml.nodes import Mapping, Mark, Scalar, Sequence
from crdt.yaml.reader import MAX_DEPTH, read_tree
from crdt.yaml.writer import inline
from tests.rounds import some


def text_of(text: str | bytes) -> str:
    return inline(read_tree(text).root)


def codes(text: str) -> list[tuple[str, int, int]]:
    return [(one.code, one.line, one.column) for one in read_tree(text).findings]


def refused(text: str | bytes) -> PipelineFileError:
    with pytest.raises(PipelineFileError) as caught:
        read_tree(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("~", None),
        ("null", None),
        ("True", True),
        ("false", False),
        ("yes", "yes"),
        ("010", 10),
        ("0o10", 8),
        ("0xff", 255),
        ("+1", 1),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("1.", 1.0),
        (".5e1", 5.0),
        ("-.INF", float("-inf")),
        ("'1'", "1"),
        ("! 1", "1"),
        ("!!str 1", "1"),
        ("!!int '1'", 1),
        ("!!float 1", 1.0),
        ("!!bool 'true'", True),
        ("=", "="),
    ],
)
def test_scalars_follow_the_core_schema(text: str, value: object) -> None:
    root = read_tree(text).root
    assert isinstance(root, Scalar)
    assert (type(root.value), root.value, root.tag) == (type(value), value, None)


def test_not_a_number_is_one() -> None:
    assert text_of(".NaN") == ".nan"


def test_marks_count_from_one() -> None:
    root = read_tree("a:\n  - b\n").root
    assert isinstance(root, Mapping)
    (_, items) = root.entries[0]
    assert isinstance(items, Sequence)
    assert (root.mark, items.items[0].mark) == (Mark(1, 1), Mark(2, 5))


def test_the_first_of_two_equal_keys_wins() -> None:
    text = "a: 1\n1: x\nb: 2\n'a': 3\n'1': y\n"
    assert text_of(text) == '{a : 1, 1 : x, b : 2, "1" : "y"}'
    assert codes(text) == [("duplicate-key", 4, 1)]


def test_aliases_become_copies() -> None:
    assert text_of("[&a {x: 1}, *a, &a 2, *a]") == "[{x : 1}, {x : 1}, 2, 2]"
    assert codes("[&a 1, *a]") == [("alias-expanded", 1, 8)]


def test_merge_keys_merge_below_what_is_written() -> None:
    text = "[&a {x: 1, y: 1}, &b {y: 2, z: 2}, {<<: [*a, *b], z: 3}, {w: 0, <<: *b, y: 4}]"
    assert text_of(text).endswith('{x : 1, "y" : 1, z : 3}, {w : 0, z : 2, "y" : 4}]')


@pytest.mark.parametrize("text", ["{'<<': {a: 1}}", "{<<: 1}", "{<<: [1]}", "[<<]", "<<"])
def test_what_looks_like_a_merge_stays(text: str) -> None:
    assert '"<<"' in text_of(text)


def test_tags_beyond_the_core_schema_are_kept() -> None:
    text = "%TAG !e! tag:e.com,2000:\n--- [!a 1, !e!b [], !!set {}, !!int x, !<x> 'y z']\n"
    assert text_of(text) == '[!a "1", !<tag:e.com,2000:b> [], !!set {}, !!int x, !<x> y z]'
    assert codes("!a [1]") == [("unknown-tag", 1, 1)]


def test_integers_too_long_to_print_stay_texts() -> None:
    assert text_of("9" * 5000) == f'!!int "{"9" * 5000}"'


def test_surrogates_are_joined_or_replaced() -> None:
    root = read_tree(r'["\ud83d\ude00", "\ud83d"]').root
    assert root == Sequence((Scalar("😀"), Scalar("\ufffd")))


@pytest.mark.parametrize(
    ("text", "problem", "line", "column"),
    [
        ("", "empty", None, None),
        ("# only a comment\n", "empty", None, None),
        ("a: 1\n---\nb: 2\n", "a second", 2, 1),
        ("a:\n\tb: 1\n", "use spaces", 2, 1),
        ("a: {b\n", "flow mapping", 2, 1),
        ("a: *b\n", "*b", 1, 4),
        ("&a [1, *a]\n", "*a", 1, 8),
        ("a: \x01\n", "printable", 1, 4),
        ("a: \x00\n", "printable", 1, 4),
        (b"a: 1\nb: \xff\n", "0xff", 2, 4),
        ("a: 1".encode("utf-16"), "0xff", 1, 1),
        ('a: "\\U00110000"', "fails on", None, None),
        ('a: "\\UFFFFFFFF"', "fails on", None, None),
    ],
)
def test_texts_that_are_not_one_document_are_refused_where_they_fail(
    text: str | bytes, problem: str, line: int | None, column: int | None
) -> None:
    error = refused(text)
    assert problem in error.problem
    assert (error.line, error.column) == (line, column)


def test_nesting_has_a_limit() -> None:
    assert text_of("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    assert "levels of nesting" in refused("[" * (MAX_DEPTH + 1)).problem
    assert "levels of nesting" in refused("[" * 100_000).problem


def test_aliases_cannot_nest_beyond_the_limit() -> None:
    lines = ["- &a0 []", *(f"- &a{n} [*a{n - 1}]" for n in range(1, MAX_DEPTH + 1))]
    assert "levels of nesting" in refused("\n".join(lines)).problem


def test_a_billion_laughs_are_refused_before_they_are_expanded() -> None:
    lines = ["- &a0 [lol]", *(f"- &a{n} [{f'*a{n - 1},' * 10}]" for n in range(1, 12))]
    assert "nodes" in refused("\n".join(lines)).problem


def test_copies_of_a_long_text_are_refused() -> None:
    text = f"- &a {'x' * 100_000}\n" + "- *a\n" * 100
    assert "characters" in refused(text).problem


def test_large_files_are_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_BYTES", 10)
    assert "at most 10 bytes, got 12" in refused("'ééééé'").problem
    assert "at most 10 bytes, got 11" in refused(b"a: 45678901").problem


@pytest.mark.parametrize("seed", some(range(200), few=40))
def test_broken_files_are_refused_or_read_and_nothing_else(seed: int) -> None:
    print(f"seed {seed}")
    rng = random.Random(seed)
    text = list("workflow: &a\n  name: 'x'\n  steps:\n    - {a: [1, \"b\"], !t c: |\n  d: *a\n")
    for _ in range(rng.randrange(1, 6)):
        text[rng.randrange(len(text))] = rng.choice("\t\n:-?&*!|>{}[]'\"%@`#,~<\\\x07\ufeff")
    with suppress(PipelineFileError):
        read_tree("".join(text))
