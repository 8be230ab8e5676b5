import pytest

from crdt.yaml.nodes import Mapping, Node, Plain, Scalar, Sequence
from crdt.yaml.reader import read_tree
from crdt.yaml.writer import emit, inline, is_plain

AMBIGUOUS = """
    1 1.5 true Null yes OFF y 2024-01-01 1:30 a: {{x}} << = .inf *a &a !a %a @a `a 1_000 0x1 ~ #a
    [a a] 'a' "a"
"""


@pytest.mark.parametrize(
    "text", ["a", "two words", "a-b_c", "/var/x", "./x", "http://x.y/z", "a#b", "é漢"]
)
def test_ordinary_texts_need_no_quotes(text: str) -> None:
    assert is_plain(text)


@pytest.mark.parametrize(
    "text",
    [
        *AMBIGUOUS.split(),
        "",
        "a: b",
        "a #b",
        "- a",
        " a",
        "a ",
        "a, b",
        "a\tb",
        "a\u2028b",
        "\ufeffa",
    ],
)
def test_texts_that_some_reader_takes_for_something_else_are_quoted(text: str) -> None:
    assert not is_plain(text)
    quoted = inline(Scalar(text))
    assert quoted[0] == quoted[-1] == '"'
    assert read_tree(quoted).root == Scalar(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (-3, "-3"),
        (1.0, "1.0"),
        (1e300, "1.0e+300"),
        (1.5e-9, "1.5e-09"),
        (float("inf"), ".inf"),
        (float("-inf"), "-.inf"),
        (float("nan"), ".nan"),
        ("a\x00\x85\n", r'"a\u0000\u0085\n"'),
    ],
)
def test_scalars(value: Plain, text: str) -> None:
    assert inline(Scalar(value)) == text


def mapping(**entries: Node) -> Mapping:
    return Mapping(tuple((Scalar(key), value) for key, value in entries.items()))


@pytest.mark.parametrize(
    ("text", "block"),
    [
        ("x\ny\n", "a: |\n  x\n  y\n"),
        ("x\n\ny", "a: |-\n  x\n\n  y\n"),
        ("x\ny\n\n", "a: |+\n  x\n  y\n\n"),
        ("  x\ny\n", "a: |2\n    x\n  y\n"),
        ("\n\n", 'a: "\\n\\n"\n'),
        ("x\r\ny", 'a: "x\\r\\ny"\n'),
    ],
)
def test_texts_of_several_lines_are_literal_blocks(text: str, block: str) -> None:
    assert emit(mapping(a=Scalar(text))) == block
    assert read_tree(block).root == mapping(a=Scalar(text))


def test_blocks_nest_and_short_lists_stay_on_their_line() -> None:
    short = Sequence((Scalar("Read"), Scalar(1)))
    long = Sequence(tuple(Scalar("x" * 30) for _ in range(3)))
    nested = Sequence((Sequence((mapping(b=short, c=Mapping()), long)), Sequence()))
    xs = "x" * 30
    assert emit(mapping(a=nested)) == (
        f"a:\n  - - b: [Read, 1]\n      c: {{}}\n    - - {xs}\n      - {xs}\n      - {xs}\n  - []\n"
    )


def test_tags_and_keys_of_every_kind_read_back() -> None:
    key = Sequence((Scalar(1), Mapping(((Scalar(None), Scalar("x")),))))
    long_key = Scalar("k" * 2000)
    value = Mapping(((key, Sequence((Scalar("v"),), "!t")), (long_key, Mapping(tag="tag:x y"))))
    tagged = mapping(a=Mapping(value.entries, "!m"), b=Scalar("1", "tag:yaml.org,2002:binary"))
    assert read_tree(emit(tagged)).root == tagged
    assert read_tree(inline(tagged)).root == tagged


@pytest.mark.parametrize(
    "root", [Scalar("x\ny"), Scalar(" \n\nx"), Sequence((Scalar("a\n"),)), Mapping(), Sequence()]
)
def test_any_node_can_be_a_document(root: Node) -> None:
    assert read_tree(emit(root)).root == root
