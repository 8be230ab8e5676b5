"""The quick parser and the faithful one make the same of what the quick one takes."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

import app
from crdt.errors import PipelineFileError
from crdt.yaml import parsing, reader
from crdt.yaml.nodes import Mapping, Mark
from crdt.yaml.parsing import NotTaken, events, quick_events
from crdt.yaml.reader import read_tree
from tests.rounds import rounds

DEMO = (Path(app.__file__).parent / "demo.yaml").read_text()

ATOMS = (
    *(
        "a",
        "b: ",
        "c:",
        "- ",
        "? ",
        ": ",
        "\n",
        "\n  ",
        "\n    ",
        "  ",
        " ",
        "#",
        " # c\n",
        "'",
        '"',
    ),
    *("[", "]", "{", "}", ", ", "&x ", "*x", "&x", "!t ", "!!int ", "!", "|\n  ", "|-\n", "|2\n"),
    *(">\n  ", ">+\n", "...\n", "---\n", "--- ", "%", "1", "0x1", "~", "<<: ", "é", "http://x"),
    *(
        "x:y",
        ":",
        "-",
        "\\",
        "\\n",
        "\\x41",
        "\r\n",
        "\r",
        "@",
        "`",
        "=",
        "\ufeff",
        "\u2028",
        "\x85",
    ),
    *(",", "?", "|", ">", "key: value\n", "- item\n", "\n\n", "a b", "!<x> ", "\t", "!= ", "**b**"),
)
SEPARATORS = (", ", ",", " ,", "\n ")
LEAVES = (
    *(
        "a",
        "b c",
        "'q''x'",
        '"d\\n"',
        '"a: b"',
        "1",
        "x:y",
        "-1",
        "http://a/b",
        "a#b",
        "*x",
        "&x y",
    ),
    *("!t z", "!!str 1", "~", "", "a, b", "é", "- x", "|", "a\\", "'two\n   lines'", "a != b", "!"),
)


def made_up(draw: random.Random) -> str:
    return "".join(draw.choice(ATOMS) for _ in range(draw.randint(1, draw.choice([5, 10, 25]))))


def mutilated(draw: random.Random) -> str:
    lines = DEMO.splitlines(keepends=True)
    start = draw.randrange(len(lines))
    text = list(dedent("".join(lines[start : start + draw.randint(1, 12)])))
    for _ in range(draw.randint(1, 3)):
        place = draw.randrange(len(text) + 1)
        text[place : place + draw.randint(0, 3)] = draw.choice(ATOMS)
    return "".join(text)


def nested(draw: random.Random, depth: int = 0, *, is_flow: bool = False) -> str:
    indent, kind, leaf = "  " * depth, draw.random(), draw.choice(LEAVES)
    if depth > 3 or kind < 0.4:
        return leaf
    if kind < 0.6:
        items = [nested(draw, depth + 1, is_flow=True) for _ in range(draw.randint(0, 3))]
        return f"[{draw.choice(SEPARATORS).join(items)}{draw.choice(['', ',', ' '])}]"
    if kind < 0.75:
        colon = draw.choice([": ", ":", " : ", ""])
        return (
            "{"
            + ", ".join(f"{leaf}{colon}{nested(draw, depth + 1, is_flow=True)}" for _ in "ab")
            + "}"
        )
    if is_flow:
        return leaf
    count = draw.randint(1, 3)
    if kind < 0.85:
        return "\n" + "".join(f"{indent}- {nested(draw, depth + 1)}\n" for _ in range(count))
    colons = (": ", ":", " : ", f": |\n{indent}    ", f": >-\n{indent}    ")
    entries = (
        f"{indent}{draw.choice(LEAVES)}{draw.choice(colons)}{nested(draw, depth + 1)}"
        f"{draw.choice(['', ' # c'])}\n"
        for _ in range(count)
    )
    return draw.choice(["", "&m ", "!t "]) + "\n" + "".join(entries)


def read_by(parser: Callable[[str], Iterator[parsing.Event]], text: str) -> str | None:
    """The tree with its marks, and the findings; None if a parser refuses the text."""
    shielded, unshield = reader.shield(text.removeprefix("\ufeff"))
    try:
        return repr(reader._built(parser(shielded), unshield))
    except (NotTaken, PipelineFileError):
        return None


@pytest.mark.parametrize("make", [made_up, mutilated, nested])
@pytest.mark.parametrize("seed", range(rounds(40, 2)))
def test_whatever_the_quick_parser_takes_is_what_the_faithful_one_reads(
    make: Callable[[random.Random], str], seed: int
) -> None:
    draw = random.Random(seed)
    taken = 0
    for _ in range(250):
        text = make(draw)
        if (quick := read_by(quick_events, text)) is not None:
            taken += 1
            assert quick == read_by(events, text), f"seed {seed}: {text!r}"
    assert taken


@pytest.mark.parametrize(
    "text",
    [
        "a:\tb",
        "%YAML 1.1\n---\na: 1",
        "a: |#\n  x",
        "|-\n#",
        "|\n  \n    ",
        ">+\n...\n",
        "&x?>]",
        "  &xkey: value\n",
        "!!!int \\\n",
        "!t \n&x y:a",
        "!http://x!\r",
        "!t # c\n&x y",
        "- a\ufeff",
    ],
)
def test_what_it_would_read_otherwise_is_not_taken(text: str) -> None:
    assert read_by(quick_events, text) is None


@pytest.mark.parametrize(
    "text", [DEMO, "a: so **bold:** text!\n", "a: b != c\n", "a: |\n  # head\n  x\n"]
)
def test_what_people_write_is_taken(text: str) -> None:
    assert read_by(quick_events, text) is not None


def test_a_value_that_is_not_there_stands_where_its_key_does() -> None:
    for text in ("a:\n\n\nb: 1\n", "a:\t\n\n\nb: 1\n"):
        root = read_tree(text).root
        assert isinstance(root, Mapping)
        assert [value.mark for _, value in root.entries] == [Mark(1, 1), Mark(4, 4)]


def test_without_libyaml_everything_is_read_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = read_tree(DEMO)
    monkeypatch.setattr(parsing, "CParser", None)
    assert read_tree(DEMO) == expected
