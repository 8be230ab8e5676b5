"""YAML text to a tree of nodes, within limits and without recursion.

Works on parser events rather than on a library's own node graph, because only there can depth and
alias expansion be bounded before they cost anything.

Two parsers make the same events of what both accept: libyaml takes a thirtieth of ruamel's time,
and ruamel knows YAML 1.2 and says what is wrong with a text (`parsing.py`). So every text is given
to libyaml first, and to ruamel if anything is wrong with it.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from crdt.errors import PipelineFileError
from crdt.pipeline.rows import Severity

from .finding import Finding
from .nodes import CORE, NOWHERE, Mapping, Mark, Node, Plain, Scalar, Sequence, resolve
from .parsing import (
    AliasEvent,
    CollectionEnd,
    CollectionStart,
    DocumentStart,
    Event,
    NotTaken,
    ScalarEvent,
    events,
    quick_events,
)
from .scanner import shield
from .writer import inline

MAX_BYTES: Final = 8 * 1024 * 1024
"""Largest text, in bytes of UTF-8; also the most characters after alias expansion.

Reading takes seconds per megabyte, and the characters end up in a document that every client loads.
"""

MAX_NODES: Final = 500_000
"""Most nodes (scalars, sequences, mappings) after alias expansion.

Aliases of aliases multiply: a file of some hundred bytes can stand for billions of nodes (known as
the billion laughs). The characters do not bound them, since nodes may have none.
"""

MAX_DEPTH: Final = 100
"""Deepest nesting of sequences and mappings.

This module keeps a stack of its own, but whatever works on the tree afterwards calls itself for
every level, and Python's own stack is limited.
"""


@dataclass(frozen=True, slots=True)
class Tree:
    """What a text holds, and what was odd about its YAML."""

    root: Node
    findings: tuple[Finding, ...]


def read_tree(text: str | bytes) -> Tree:
    """Read the one YAML document in `text`, with a finding for whatever is odd about it.

    Of equal keys the first wins. `<<` merges, as in YAML 1.1. Tags outside the core schema are kept
    with the text that they apply to. An alias becomes a copy of its anchor.

    Raises PipelineFileError when the text is not UTF-8, not YAML, empty, several documents, or
    beyond MAX_BYTES, MAX_NODES or MAX_DEPTH.
    """
    shielded, unshield = shield(_decode(text))
    # What is wrong with a text is for the other parser to say, also what only the limits refuse.
    with suppress(NotTaken, PipelineFileError):
        return _built(quick_events(shielded), unshield)
    return _built(events(shielded), unshield)


def _built(events: Iterator[Event], unshield: Callable[[str], str]) -> Tree:
    builder = _Builder(unshield)
    for event in events:
        builder.take(event)
    if builder.root is None:
        raise PipelineFileError("expected a YAML document, got an empty file")
    return Tree(builder.root, tuple(builder.findings))


def _decode(text: str | bytes) -> str:
    # YAML 1.2.2 (section 5.2) has UTF-16 and UTF-32 as well, which no pipeline file uses.
    size = len(text if isinstance(text, bytes) else text.encode(errors="surrogatepass"))
    if size > MAX_BYTES:
        raise PipelineFileError(f"expected at most {MAX_BYTES} bytes, got {size}: split the file")
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        column = error.start - text.rfind(b"\n", 0, error.start)
        problem = f"expected UTF-8, got byte 0x{text[error.start]:02x}: save the file as UTF-8"
        raise PipelineFileError(problem, line, column) from error


@dataclass(frozen=True, slots=True)
class _Weight:
    """What a subtree costs wherever an alias copies it: nodes, characters, levels of nesting."""

    nodes: int = 1
    characters: int = 0
    height: int = 0


@dataclass(slots=True)
class _Frame:
    """A sequence or mapping whose end has not been read.

    `children` of a mapping are its keys and values in turn; `merges` holds the indices of the keys
    `<<` among them.
    """

    event: CollectionStart
    mark: Mark
    children: list[Node] = field(default_factory=list)
    merges: set[int] = field(default_factory=set)
    nodes: int = 1
    characters: int = 0
    height: int = 0


class _Builder:
    """Turns events into nodes. A finished container moves into the frame that it stands in.

    Everything is counted before it is placed, so that a text beyond a limit is refused before it
    takes memory.
    """

    def __init__(self, unshield: Callable[[str], str]) -> None:
        self.root: Node | None = None
        self._unshield = unshield
        self.findings: list[Finding] = []
        self._frames: list[_Frame] = []
        self._anchors: dict[str, tuple[Node, _Weight]] = {}
        self._documents = 0
        self._nodes = 0
        self._characters = 0

    def take(self, event: Event) -> None:
        match event:
            case ScalarEvent():
                self._scalar(event, self._place_of(event))
            case CollectionStart():
                self._open(event, event.mark)
            case CollectionEnd():
                self._close()
            case AliasEvent():
                self._alias(event.anchor, event.mark)
            case DocumentStart():
                self._begin_document(event, event.mark)

    def _place_of(self, event: ScalarEvent) -> Mark:
        """Where a scalar stands; where a mapping has nothing, the key that has no value.

        The parsers have different places for nothing, and ruamel that of what comes next.
        """
        if event.value or not event.is_plain:
            return event.mark
        if not self._frames:
            return NOWHERE
        frame = self._frames[-1]
        if frame.event.is_sequence:
            return event.mark
        return frame.children[-1].mark if len(frame.children) % 2 else frame.mark

    def _begin_document(self, event: DocumentStart, mark: Mark) -> None:
        self._documents += 1
        if self._documents > 1:
            problem = "expected one YAML document, got a second: put each pipeline in its own file"
            raise PipelineFileError(problem, *mark)
        if event.version not in (None, (1, 2)):
            said = ".".join(map(str, event.version))
            message = f"the file says YAML {said} and is read as YAML 1.2, where yes is a text"
            self._note("warning", "yaml-version", message, mark)

    def _alias(self, anchor: str, mark: Mark) -> None:
        # In YAML a node may contain an alias of itself (section 3.2.1: the graph may have cycles),
        # which no tree can hold. Such an alias stands before its anchor is finished.
        if anchor not in self._anchors:
            problem = (
                f"expected an anchor before its alias, got *{anchor} with no finished &{anchor}"
            )
            raise PipelineFileError(problem, *mark)
        self._note("warning", "alias-expanded", f"*{anchor} becomes a copy of &{anchor}", mark)
        node, weight = self._anchors[anchor]
        self._count(weight, mark)
        self._place(node, weight)

    def _scalar(self, event: ScalarEvent, mark: Mark) -> None:
        weight = _Weight(characters=len(event.value))
        self._count(weight, mark)
        # `<<` merges only where it is plain: "<<" in quotes is an ordinary key.
        if event.value == "<<" and event.is_plain and self._frames:
            self._frames[-1].merges.add(len(self._frames[-1].children))
        self._finish(self._leaf(event, mark), weight, event.anchor)

    def _leaf(self, event: ScalarEvent, mark: Mark) -> Scalar:
        text = self._repaired(self._unshield(event.value), mark)
        # The non-specific tag `!` makes a text of any scalar (YAML 1.2.2, section 6.9.1).
        tag = None if event.tag in ("!", CORE + "str") else event.tag
        if tag is None and not event.is_plain:
            return Scalar(text, mark=mark)
        try:
            return Scalar(_typed(text, tag), mark=mark)
        except ValueError:
            tag = tag or CORE + "int"
            self._note("warning", "unknown-tag", f"{text[:40]!r} stays text, tagged {tag}", mark)
            return Scalar(text, tag, mark)

    def _open(self, event: CollectionStart, mark: Mark) -> None:
        if len(self._frames) >= MAX_DEPTH:
            raise PipelineFileError(_TOO_DEEP, *mark)
        self._count(_Weight(), mark)
        self._frames.append(_Frame(event, mark))

    def _close(self) -> None:
        frame = self._frames.pop()
        tag = self._container_tag(frame)
        node: Node
        if frame.event.is_sequence:
            node = Sequence(tuple(frame.children), tag, frame.mark)
        else:
            node = Mapping(self._entries(frame), tag, frame.mark)
        weight = _Weight(frame.nodes, frame.characters, frame.height + 1)
        self._finish(node, weight, frame.event.anchor)

    def _container_tag(self, frame: _Frame) -> str | None:
        tag = frame.event.tag
        if tag in (None, "!", CORE + ("seq" if frame.event.is_sequence else "map")):
            return None
        self._note("warning", "unknown-tag", f"the tag {tag} means nothing here", frame.mark)
        return tag

    def _finish(self, node: Node, weight: _Weight, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = node, weight
        self._place(node, weight)

    def _place(self, node: Node, weight: _Weight) -> None:
        if not self._frames:
            self.root = node
            return
        frame = self._frames[-1]
        frame.children.append(node)
        frame.nodes += weight.nodes
        frame.characters += weight.characters
        frame.height = max(frame.height, weight.height)

    def _count(self, weight: _Weight, mark: Mark) -> None:
        self._nodes += weight.nodes
        self._characters += weight.characters
        if self._nodes > MAX_NODES:
            problem = f"expected at most {MAX_NODES} nodes, got more once aliases are expanded"
            raise PipelineFileError(problem, *mark)
        if self._characters > MAX_BYTES:
            problem = f"expected at most {MAX_BYTES} characters, got more with aliases expanded"
            raise PipelineFileError(problem, *mark)
        if len(self._frames) + weight.height > MAX_DEPTH:
            raise PipelineFileError(_TOO_DEEP, *mark)

    def _entries(self, frame: _Frame) -> tuple[tuple[Node, Node], ...]:
        pairs = list(zip(frame.children[::2], frame.children[1::2], strict=True))
        # The keys that the mapping has itself win over merged ones wherever they stand, and of the
        # merged ones the first (https://yaml.org/type/merge.html).
        own = {inline(key) for key, _ in pairs} if frame.merges else set()
        kept: dict[str, tuple[Node, Node]] = {}
        for index, (key, value) in enumerate(pairs):
            merged = _merged(value) if 2 * index in frame.merges else None
            if merged is not None:
                self._note("warning", "merge-expanded", "<< becomes what it merges", key.mark)
                kept |= {k: v for k, v in merged.items() if k not in own and k not in kept}
            # YAML 1.2.2 (section 3.2.1.1) requires keys to be unique; many parsers keep the last
            # one without a word.
            elif (text := inline(key)) in kept:
                self._duplicate(text, kept[text][0], key)
            else:
                kept[text] = key, value
        return tuple(kept.values())

    def _duplicate(self, text: str, first: Node, key: Node) -> None:
        message = f"the key {text} stands on line {first.mark.line} already: this one is dropped"
        self._note("error", "duplicate-key", message, key.mark)

    def _repaired(self, text: str, mark: Mark) -> str:
        """Join surrogate pairs, and replace lone surrogates: UTF-8 has neither.

        JSON, which is YAML, writes characters beyond U+FFFF as two escapes (RFC 8259, section 7).
        """
        if text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text):
            return text
        self._note("warning", "surrogate", "half a character is replaced by U+FFFD", mark)
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def _note(self, severity: Severity, code: str, message: str, mark: Mark) -> None:
        self.findings.append(Finding(severity, code, message, *mark))


_TOO_DEEP = f"expected at most {MAX_DEPTH} levels of nesting, got more"


def _typed(text: str, tag: str | None) -> Plain:
    """Read a scalar that is plain or carries a tag. Raises ValueError for what it cannot mean."""
    value = resolve(text)
    match tag, value:
        case None, _:
            return value
        case "tag:yaml.org,2002:float", int() if not isinstance(value, bool):
            return float(value)
    if _TYPES.get(tag or "") is not type(value):
        raise ValueError(f"{tag} does not apply to {text!r}")
    return value


_TYPES = {CORE + "null": type(None), CORE + "bool": bool, CORE + "int": int, CORE + "float": float}


def _merged(value: Node) -> dict[str, tuple[Node, Node]] | None:
    """Return what `<<: value` merges (https://yaml.org/type/merge.html), None if it is no merge."""
    sources = value.items if isinstance(value, Sequence) else (value,)
    merged: dict[str, tuple[Node, Node]] = {}
    for source in sources:
        if not isinstance(source, Mapping):
            return None
        for entry in source.entries:
            merged.setdefault(inline(entry[0]), entry)
    return merged
