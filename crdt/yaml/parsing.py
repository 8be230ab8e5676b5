"""YAML text to events, by two parsers that make the same ones of what both accept.

`quick_events` asks libyaml, the parser in C that PyYAML brings, which takes a thirtieth of the
time. It reads YAML 1.1, of which it refuses most that is not YAML 1.2 as well. For whatever it
refuses, and for the few texts that it would read otherwise, there is `events`: ruamel, which reads
YAML 1.2, and whose errors say what is wrong and where.

A differential test (`tests/crdt/yaml/test_parsing.py`) holds the two to the same trees.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StreamMark
from ruamel.yaml.reader import ReaderError

from crdt.errors import PipelineFileError

from .nodes import NOWHERE, Mark
from .scanner import TabScanner

try:
    from yaml._yaml import CParser  # type: ignore[import-untyped]
except ImportError:  # PyYAML was built where libyaml is not: everything is read the slow way.
    CParser = None

_READ_OTHERWISE: Final = re.compile(
    r"""
      [\t\ufeff] | ^%                          # tabs, marks of byte order within, directives
    | [|>][-+0-9]*\#                          # a comment right behind the header of a block scalar
    | [|>][-+0-9]*[ ]*[\r\n]+ (?: \# | \.\.\. | --- | [ ]+[\r\n] )  # and one that may be empty
    | (?<![\w*&])[&*][\w-]+[?:%@`]           # the names of anchors
    | (?<![^\s,\[{:?-])!(?!=?!?\w*(?:\s|\Z))      # tags of other characters than letters
    | !\S*\s+(?:\#.*\s+)*&                  # tags before anchors
    """,
    re.MULTILINE | re.VERBOSE,
)
"""What libyaml accepts and reads, or places, otherwise than YAML 1.2 or ruamel does.

It may match too much: then a text takes longer to read.
"""


@dataclass(frozen=True, slots=True)
class DocumentStart:
    """A document begins, of the YAML version that its directive names, if there is one."""

    mark: Mark
    version: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class AliasEvent:
    """An alias of an anchor."""

    mark: Mark
    anchor: str


@dataclass(frozen=True, slots=True)
class ScalarEvent:
    """A leaf; a plain one has neither quotes nor a tag, and means what it looks like."""

    mark: Mark
    anchor: str | None
    tag: str | None
    value: str
    is_plain: bool


@dataclass(frozen=True, slots=True)
class CollectionStart:
    """A sequence or a mapping begins."""

    mark: Mark
    anchor: str | None
    tag: str | None
    is_sequence: bool


@dataclass(frozen=True, slots=True)
class CollectionEnd:
    """What began last and has not ended yet ends."""


Event: TypeAlias = DocumentStart | AliasEvent | ScalarEvent | CollectionStart | CollectionEnd

_END: Final = CollectionEnd()


class NotTaken(Exception):
    """libyaml refuses a text, or would read it otherwise than YAML 1.2 says."""


def quick_events(text: str) -> Iterator[Event]:
    """Yield the events of a text as libyaml reads it. Raises NotTaken, also after some of them."""
    if CParser is None or _READ_OTHERWISE.search(text):
        raise NotTaken
    try:
        parser = CParser(text)
        while (event := parser.get_event()) is not None:
            if (made := _event_of(event)) is not None:
                yield made
    # It raises errors of its own, and UnicodeEncodeError at half a character.
    except Exception as error:
        raise NotTaken from error


def events(text: str) -> Iterator[Event]:
    """Yield the events of a text as ruamel reads it. Raises PipelineFileError."""
    try:
        yaml = YAML(typ="safe", pure=True)
        yaml.Scanner = TabScanner
        for event in yaml.parse(text):
            if (made := _event_of(event)) is not None:
                yield made
    except MarkedYAMLError as error:
        raise PipelineFileError(_problem(error), *_mark(error.problem_mark)) from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - text.rfind("\n", 0, error.position)
        problem = f"expected printable characters, got {chr(error.character)!r}"
        raise PipelineFileError(problem, line, column) from error
    # ruamel raises ValueError, OverflowError and AssertionError at escapes and directives that
    # nobody writes by accident; none of these errors carries its place in the text.
    except Exception as error:
        raise PipelineFileError(f"expected YAML, got text the parser fails on: {error}") from error


def _event_of(event: Any) -> Event | None:
    """Make the event of either library ours: their classes have the same names and attributes."""
    match type(event).__name__:
        case "ScalarEvent":
            is_plain = event.implicit[0] and event.tag is None
            return ScalarEvent(
                _mark(event.start_mark), event.anchor, event.tag, event.value, is_plain
            )
        case "MappingStartEvent" | "SequenceStartEvent" as kind:
            is_sequence = kind == "SequenceStartEvent"
            return CollectionStart(_mark(event.start_mark), event.anchor, event.tag, is_sequence)
        case "MappingEndEvent" | "SequenceEndEvent":
            return _END
        case "AliasEvent":
            return AliasEvent(_mark(event.start_mark), event.anchor)
        case "DocumentStartEvent":
            return DocumentStart(_mark(event.start_mark), event.version)
    return None


def _problem(error: MarkedYAMLError) -> str:
    return ", ".join(part for part in (error.context, error.problem) if part)


def _mark(mark: StreamMark | None) -> Mark:
    return NOWHERE if mark is None else Mark(mark.line + 1, mark.column + 1)
