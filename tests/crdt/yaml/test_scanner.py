"""Line breaks and tabs are those of YAML 1.2, not of YAML 1.1."""

import pytest

from crdt.errors import PipelineFileError
from crdt.yaml.nodes import Mapping, Scalar
from crdt.yaml.reader import read_tree
from crdt.yaml.scanner import BREAKS_OF_1_1, shield
from crdt.yaml.writer import inline

STYLES = {
    "plain": ("v: a{c}b", "a{c}b"),
    "plain, in two lines": ("v: a{c}b\n  c", "a{c}b c"),
    "single": ("v: 'a{c}b'", "a{c}b"),
    "double": ('v: "a{c}b"', "a{c}b"),
    "literal": ("v: |-\n  a{c}b\n  second", "a{c}b\nsecond"),
    "folded": ("v: >-\n  a{c}b\n  second", "a{c}b second"),
    "key": ("a{c}b: 1", None),
    "flow": ("{{v: a{c}b}}", "a{c}b"),
    "behind a comment": ("v: x # a{c}b", "x"),
    "beside a private character": ("v: \U000f0000a{c}b", "\U000f0000a{c}b"),
    "beside its escape": ('v: "\\U000F0000a{c}b"', "\U000f0000a{c}b"),
}


@pytest.mark.parametrize("character", BREAKS_OF_1_1)
@pytest.mark.parametrize("style", STYLES)
def test_a_break_of_yaml_1_1_is_an_ordinary_character(character: str, style: str) -> None:
    text, value = (each and each.format(c=character) for each in STYLES[style])
    root = read_tree(text or "").root
    assert isinstance(root, Mapping)
    [(key, found)] = root.entries
    assert isinstance(key, Scalar)
    assert isinstance(found, Scalar)
    assert (key.value, found.value) == (
        ("v", value) if value is not None else (f"a{character}b", 1)
    )
    assert key.mark.line == found.mark.line == 1


def test_what_follows_such_a_character_is_where_it_was() -> None:
    root = read_tree("a: x\x85y\nb: z").root
    assert isinstance(root, Mapping)
    assert [key.mark.line for key, _ in root.entries] == [1, 2]


def test_every_private_character_may_be_taken_but_a_few() -> None:
    text = "\x85" + "".join(map(chr, range(0xF0000, 0xFFFFE))) + "100000 \\U00100001"
    shielded, unshield = shield(text)
    assert shielded[0] == "\U00100002"
    assert unshield(shielded) == text


@pytest.mark.parametrize(
    ("text", "as_if"),
    [
        ("a:\tb", "a: b"),
        ("a: \tb", "a: b"),
        ("a\t:\tb", "a: b"),
        ("'a'\t: b", "a: b"),
        ("-\tb\n- \tc", "[b, c]"),
        ("?\ta\n:\tb", "a: b"),
        ("a: b\t# c\nd: e", "{a: b, d: e}"),
        ("a: b\t\nc: d\t", "{a: b, c: d}"),
        ("a:\t\n  b: c", "a: {b: c}"),
        ("a: b\n\t# comment\nc: d", "{a: b, c: d}"),
        ("a:\n  b: c\n\t\n  d: e", "a: {b: c, d: e}"),
        ("a:\n  \tb", "a: b"),
        ("a: &x\tb", "a: b"),
        ("---\ta", "a"),
        ("[a,\tb\t,\n\tc]", "[a, b, c]"),
        ("a: b\tc", '{a: "b\\tc"}'),
        ("a: b\t \n \t\n   \tc", '{a: "b\\nc"}'),
        ("a: b\n \tc", "a: b c"),
        ("a: |\t\n  x", "a: |\n  x"),
        ("a: >-\t# c\n  x", "a: x"),
        ("a: |2+\t\n   x\n\n", "a: |2+\n   x\n\n"),
        ("a: |-1\n  x", "a: |1-\n  x"),
    ],
)
def test_a_tab_separates_tokens(text: str, as_if: str) -> None:
    assert inline(read_tree(text).root) == inline(read_tree(as_if).root)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a:\n\tb: c", "line 2, column 1: found a tab in the indentation"),
        ("a:\n  \tb: c", "mapping values are not allowed here"),
        ("-\t- a", "sequence entries are not allowed here"),
        ("- \ta: b\n  c: d", "mapping values are not allowed here"),
        ("a: |0\n  x", "indentation indicators"),
        ("a: |+-\n  x", "indentation indicators"),
        ("a: |12\n  x", "indentation indicators"),
        ("a: | x\n  x", "expected a comment or a line break"),
        ("a: |#\n  x", "indentation indicators"),
    ],
)
def test_a_tab_indents_nothing(text: str, problem: str) -> None:
    with pytest.raises(PipelineFileError, match=problem):
        read_tree(text)


@pytest.mark.parametrize(
    ("directive", "codes"), [("%YAML 1.1", ["yaml-version"]), ("%YAML 1.2", []), ("# none", [])]
)
def test_a_file_of_yaml_1_1_is_read_as_1_2_with_a_finding(directive: str, codes: list[str]) -> None:
    tree = read_tree(f"{directive}\n---\na: yes\nb: 010")
    assert inline(tree.root) == '{a : "yes", b : 10}'
    assert [one.code for one in tree.findings] == codes
