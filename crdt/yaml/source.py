"""A YAML node as JSON-clean data, and beside it what JSON cannot express.

A document holds JavaScript values: 1 and 1.0 are one number, integers beyond 2**53 lose digits,
keys are strings, mappings have no order. `split` therefore returns the data and a small source:

    keys      pointer of a mapping -> its keys in order, as YAML text
    literals  pointer of a value -> its YAML text; for a tagged list or mapping, its tag: "!t []"

Pointers are those of RFC 6901. Either part is missing where reading the data back gives the same
node. `join` puts both together again. Where they differ the data wins, since people edit it: a
literal is used only while it still reads as the present value, and a key only while it is in the
data.
"""

from collections.abc import Collection, Iterable
from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence as AnySequence
from itertools import chain, count
from math import isfinite
from typing import Final, TypeAlias

from crdt.errors import PipelineFileError
from crdt.pipeline.model import Json, JsonMap

from .nodes import Mapping, Node, Plain, Scalar, Sequence, text_of
from .reader import read_tree
from .writer import inline, is_plain

MAX_SAFE_INTEGER: Final = 2**53 - 1
"""The largest integer n such that JavaScript's numbers hold n and n + 1 (MAX_SAFE_INTEGER)."""

Place: TypeAlias = tuple[str, str]
"""An entry of a mapping: the mapping's pointer and the key's YAML text."""

Grafts: TypeAlias = AnyMapping[str, AnySequence[tuple[Node, Node]]]
"""Entries that are kept elsewhere, by the pointer of the mapping they belong to."""

_FIRST = """
    name type id task_id step turn path session_id description version author role enabled
    condition expression iterator data_source input_source operation field extract model preset
    tags environment claude_auth gemini_auth defaults variables claude_options token_budget
    output_to_file
"""
_LAST = """
    content prompt parallel_tasks tasks operations output_field cases default steps workflow
    error_handler on_error on_not_found
"""
# The order of keys that no source orders: those of _FIRST, all others by name, those of _LAST.
_RANK = {name: rank for rank, name in enumerate(_FIRST.split(), -len(_FIRST))}
_RANK |= {name: rank for rank, name in enumerate(_LAST.split(), 1)}


def split(node: Node, holes: Collection[Place] = ()) -> tuple[Json, dict[str, Json]]:
    """Return the data of a node and its source, leaving out the entries in `holes`.

    The holes are the lists of steps, which become entries of their own in the document.
    """
    splitter = _Splitter(holes)
    value = splitter.value(node, "")
    parts: dict[str, Json] = {"keys": splitter.keys, "literals": splitter.literals}
    return value, {name: part for name, part in parts.items() if part}


def join(value: Json, source: JsonMap, grafts: Grafts | None = None) -> Node:
    """Return the node of which `split` made `value` and `source`, as far as they still agree.

    A graft replaces an entry with the same key. A client may have written anything into the source:
    what cannot be read in it is ignored.
    """
    return _Joiner(source, grafts or {}).node(value, "")


def pointer_to(pointer: str, *names: str) -> str:
    """Extend an RFC 6901 pointer by names, escaping `~` as `~0` and `/` as `~1` (section 3)."""
    # `~` first: otherwise the `~` of `~1` would be escaped again.
    return pointer + "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)


class _Splitter:
    """Reads nodes as data, and collects what the data cannot hold."""

    def __init__(self, holes: Collection[Place]) -> None:
        self.keys: dict[str, Json] = {}
        self.literals: dict[str, Json] = {}
        self._holes = frozenset(holes)

    def value(self, node: Node, pointer: str) -> Json:
        match node:
            case Scalar():
                return self._scalar(node, pointer)
            case Sequence(items, tag):
                self._tag(Sequence(tag=tag), pointer)
                return [self.value(item, f"{pointer}/{i}") for i, item in enumerate(items)]
            case Mapping(tag=tag):
                self._tag(Mapping(tag=tag), pointer)
                return self._mapping(node, pointer)

    def _scalar(self, node: Scalar, pointer: str) -> Json:
        value = _json_of(node)
        if node.tag is not None or not _same(node.value, _canonical(value)):
            self.literals[pointer] = inline(node)
        return value

    def _tag(self, shell: Node, pointer: str) -> None:
        if shell.tag is not None:
            self.literals[pointer] = inline(shell)

    def _mapping(self, node: Mapping, pointer: str) -> dict[str, Json]:
        keys = [key for key, _ in node.entries]
        texts = [inline(key) for key in keys]
        # The order is kept only where it is not the canonical one, which `join` makes by itself.
        if any(text_of(key) is None for key in keys) or keys != sorted(keys, key=_rank):
            self.keys[pointer] = texts
        return {
            name: self.value(value, pointer_to(pointer, name))
            for name, text, (_, value) in zip(_names(keys), texts, node.entries, strict=True)
            if (pointer, text) not in self._holes
        }


class _Joiner:
    """Makes nodes of data, using what a source still knows about it."""

    def __init__(self, source: JsonMap, grafts: Grafts) -> None:
        self._keys = _as_mapping(source.get("keys"))
        self._literals = _as_mapping(source.get("literals"))
        self._grafts = grafts

    def node(self, value: Json, pointer: str) -> Node:
        literal = self._literal(pointer)
        match value:
            case AnyMapping():
                tag = literal.tag if isinstance(literal, Mapping) else None
                return Mapping(self._entries(value, pointer), tag)
            case AnySequence() if not isinstance(value, str):
                tag = literal.tag if isinstance(literal, Sequence) else None
                items = (self.node(item, f"{pointer}/{i}") for i, item in enumerate(value))
                return Sequence(tuple(items), tag)
        if isinstance(literal, Scalar) and _same_number_or_value(_json_of(literal), value):
            return literal
        return Scalar(_canonical(value))

    def _literal(self, pointer: str) -> Node | None:
        text = self._literals.get(pointer)
        return _parse(text) if isinstance(text, str) else None

    def _entries(self, value: JsonMap, pointer: str) -> tuple[tuple[Node, Node], ...]:
        hinted = self._hinted_keys(pointer)
        names = dict(zip(_names(hinted.values()), hinted.values(), strict=True))
        entries: dict[str, tuple[Node, Node]] = {}
        for name, item in value.items():
            key = names.get(name, Scalar(name))
            entries[inline(key)] = key, self.node(item, pointer_to(pointer, name))
        for key, graft in self._grafts.get(pointer, ()):
            entries[inline(key)] = key, graft
        return _in_order(entries, list(hinted))

    def _hinted_keys(self, pointer: str) -> dict[str, Node]:
        texts = self._keys.get(pointer)
        if not isinstance(texts, AnySequence):
            return {}
        nodes = (_parse(text) for text in texts if isinstance(text, str))
        return {inline(node): node for node in nodes if node is not None}


def _in_order(
    entries: dict[str, tuple[Node, Node]], hinted: list[str]
) -> tuple[tuple[Node, Node], ...]:
    """Put hinted keys first, in their order, and the others after them in the canonical order."""
    place = {text: index for index, text in enumerate(hinted)}
    last = len(hinted)
    texts = sorted(entries, key=lambda text: (place.get(text, last), _rank(entries[text][0])))
    return tuple(entries[text] for text in texts)


def _rank(key: Node) -> tuple[int, str]:
    name = text_of(key)
    return (0, inline(key)) if name is None else (_RANK.get(name, 0), name)


def _names(keys: Iterable[Node]) -> list[str]:
    """Name keys for JSON, whose keys are texts: `1` and "1" become "1" and "1 (2)" as they come."""
    names: dict[str, None] = {}
    for key in keys:
        text = text_of(key)
        names[_unused(inline(key) if text is None else text, names)] = None
    return list(names)


def _unused(name: str, taken: Collection[str]) -> str:
    candidates: Iterable[str] = (f"{name} ({n})" for n in count(2))
    return next(one for one in chain((name,), candidates) if one not in taken)


def _parse(text: str) -> Node | None:
    # Nearly all keys are plain names, for which no parser need be started.
    if is_plain(text):
        return Scalar(text)
    try:
        return read_tree(text).root
    except PipelineFileError:
        return None


def _json_of(node: Scalar) -> Plain:
    """Return what a document can hold of a scalar: a text for numbers beyond JavaScript's."""
    value = node.value
    if isinstance(value, float):
        return _double(value) if isfinite(value) else inline(node)
    if isinstance(value, int) and abs(value) > MAX_SAFE_INTEGER:
        return str(value)
    return value


def _canonical(value: Json) -> Plain:
    """Return the scalar that a bare document value stands for."""
    match value:
        case bool() | None | str():
            return value
        case int() | float():
            return _double(value)
    raise TypeError(f"expected a JSON value, got {type(value).__name__}")


def _double(value: int | float) -> int | float:
    """Return a number as a document reads it back: an int where it is whole and safe."""
    if abs(value) <= MAX_SAFE_INTEGER:
        return int(value) if value == int(value) else value
    try:
        return float(value)
    except OverflowError:
        return value


def _same(a: object, b: object) -> bool:
    # Strictly: to Python, 1, 1.0 and True are equal.
    return type(a) is type(b) and repr(a) == repr(b)


def _same_number_or_value(a: Json, b: Json) -> bool:
    # 1 and 1.0 are the same number in a document, so the literal 1.0 still stands for a 1 there.
    if isinstance(a, int | float) and isinstance(b, int | float):
        return isinstance(a, bool) == isinstance(b, bool) and a == b
    return type(a) is type(b) and a == b


def _as_mapping(value: Json) -> JsonMap:
    return value if isinstance(value, AnyMapping) else {}
