"""A YAML document as a tree of frozen nodes, with nothing of its data lost.

The tree distinguishes 1 from 1.0, keeps mapping keys of any kind, their order, and tags outside
the core schema. Anchors are expanded and styles forgotten. Scalars resolve by the core schema of
YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema): timestamps, `yes` and `0b1` are strings.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

CORE: Final = "tag:yaml.org,2002:"
"""Prefix of the tags that YAML itself defines; `!!int` is short for it."""

Plain: TypeAlias = bool | int | float | str | None

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"([-+]?)\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_LONGEST_INTEGER = 3000
"""Digits of the longest integer that is one; in Python, printing one of more than 4,300 fails."""


class Mark(NamedTuple):
    """A place in the text; line and column count from 1."""

    line: int
    column: int


NOWHERE: Final = Mark(1, 1)
"""The place of nodes that were not read from a text."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A leaf. Where `tag` is set, `value` is the text the tag applies to."""

    value: Plain
    tag: str | None = None
    mark: Mark = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Sequence:
    """An ordered list of nodes."""

    items: tuple["Node", ...] = ()
    tag: str | None = None
    mark: Mark = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and values in the order of the text; no key occurs twice."""

    entries: tuple[tuple["Node", "Node"], ...] = ()
    tag: str | None = None
    mark: Mark = field(default=NOWHERE, compare=False)

    def get(self, name: str) -> "Node | None":
        """Return the value under the untagged string key `name`."""
        return next((value for key, value in self.named() if key == name), None)

    def named(self) -> Iterator[tuple[str, "Node"]]:
        """Yield the entries whose key is an untagged string."""
        for key, value in self.entries:
            if (name := text_of(key)) is not None:
                yield name, value


Node: TypeAlias = Scalar | Sequence | Mapping


def text_of(node: Node | None) -> str | None:
    """Return the text of an untagged string, None for any other node."""
    if isinstance(node, Scalar) and node.tag is None and isinstance(node.value, str):
        return node.value
    return None


def resolve(text: str) -> Plain:
    """Read a plain (unquoted, untagged) scalar by the core schema.

    Raises ValueError for integers of more than 3,000 digits.
    """
    if text in _NULL:  # the empty text among them
        return None
    if text in _BOOL:
        return _BOOL[text]
    number = _resolve_number(text)
    return text if number is None else number


def _resolve_number(text: str) -> int | float | None:
    if text[0] not in "+-.0123456789":
        return None
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if match := _INFINITE.fullmatch(text):
        return float((match[1] or "") + text.lstrip("+-")[1:].lower())
    return None


def _integer(text: str) -> int:
    if len(text) > _LONGEST_INTEGER:
        raise ValueError(f"expected an integer of at most {_LONGEST_INTEGER} digits")
    # Not base 0 for all: Python would refuse 012, which is twelve in the core schema.
    return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
