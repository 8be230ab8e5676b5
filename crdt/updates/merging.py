"""Merges updates that follow each other into one that makes the same of any document.

A struct names its neighbours by id, so its bytes mean the same in any update (`writer.py`). So
merging is writing the structs of all updates one after the other, client by client, and then all
deletions. What was typed key by key becomes one struct, as it does in a document: a text is the
same whether it came as one item or as several of which each stands right behind the one before and
has the same right neighbour (yjs/src/structs/Item.js: splitItem is the inverse).

Nothing that came is left out: text that was typed and deleted again is still there. The library's
own `merge_updates` is not used: it writes origins that its decoder and Yjs refuse.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from crdt.protocol.lib0 import Reader, var_uint

from .delete_set import DeleteSet, merge_ranges
from .format import HAS_LEFT, HAS_RIGHT, KIND, TEXT, Id, Struct, read_update, skip_origins
from .writer import Run, write_update


def merge_in_order(updates: Sequence[bytes]) -> bytes | None:
    """Merge updates in the order in which they came; return None if they cannot be one update.

    They cannot if one begins beyond where those before it end for the same client, or repeats part
    of a struct: an update has one run of structs per client. Raises MalformedUpdate.
    """
    runs: dict[int, _Run] = {}
    deletions: DeleteSet = {}
    for update in updates:
        structs, deleted = read_update(update)
        for client, found in structs.items():
            run = runs.setdefault(client, _Run(found[0].clock) if found else _Run(0))
            if found and not run.extend(client, found, update):
                return None
        for client, ranges in deleted.items():
            deletions.setdefault(client, []).extend(ranges)
    filled = {client: run for client, run in runs.items() if run.pieces}
    merged = write_update([run.written(client) for client, run in filled.items()], deletions)
    return merged if _is_whole(merged, filled, deletions) else None


@dataclass(slots=True)
class _Piece:
    """One struct to write: its bytes, or those before a text, and the parts of the text.

    `right` is the right neighbour of a text.
    """

    head: bytes
    texts: list[bytes] = field(default_factory=list)
    right: Id | None = None

    def written(self) -> bytes:
        if not self.texts:
            return self.head
        text = b"".join(self.texts)
        return self.head + var_uint(len(text)) + text


@dataclass(slots=True)
class _Run:
    """The structs of one client without a gap, up to the clock `end`."""

    clock: int
    end: int = -1
    pieces: list[_Piece] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.end = self.clock

    def extend(self, client: int, structs: Iterable[Struct], source: bytes) -> bool:
        """Add the structs of the next update; return False where they do not follow."""
        for struct in structs:
            if struct.end <= self.end:
                # It was sent twice, as clients do that reconnect.
                continue
            if struct.clock != self.end:
                return False
            self._add(client, struct, source)
            self.end = struct.end
        return True

    def _add(self, client: int, struct: Struct, source: bytes) -> None:
        piece = _piece_of(struct, source)
        last = self.pieces[-1] if self.pieces else None
        if last is not None and _continues(last, piece, client, struct, source):
            last.texts += piece.texts
        else:
            self.pieces.append(piece)

    def written(self, client: int) -> Run:
        return Run(client, self.clock, [piece.written() for piece in self.pieces])


def _piece_of(struct: Struct, source: bytes) -> _Piece:
    info = source[struct.start]
    if info & KIND != TEXT:
        return _Piece(source[struct.start : struct.stop])
    reader = Reader(source)
    reader.position = struct.start + 1
    skip_origins(reader, info)
    start = reader.position
    text = reader.take(reader.var_uint())
    right = struct.dependencies[-1] if info & HAS_RIGHT else None
    return _Piece(source[struct.start : start], [text], right)


def _continues(last: _Piece, piece: _Piece, client: int, struct: Struct, source: bytes) -> bool:
    """Whether a text stands right behind the one before, with the same right neighbour."""
    if not (last.texts and piece.texts and source[struct.start] & HAS_LEFT):
        return False
    return struct.dependencies[0] == (client, struct.clock - 1) and last.right == piece.right


def _is_whole(merged: bytes, runs: dict[int, _Run], deletions: DeleteSet) -> bool:
    """Whether a merged update reads as what went into it: clocks of each client, and deletions."""
    structs, deleted = read_update(merged)
    spans = {client: (found[0].clock, found[-1].end) for client, found in structs.items()}
    return spans == {client: (run.clock, run.end) for client, run in runs.items()} and {
        client: merge_ranges(ranges) for client, ranges in deleted.items() if ranges
    } == {client: merge_ranges(ranges) for client, ranges in deletions.items() if ranges}
