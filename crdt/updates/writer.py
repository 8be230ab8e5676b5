"""Writes updates from structs of other updates, byte for byte (`crdt/updates/format.py`).

A struct names its dependencies by id, so its bytes mean the same in any update.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from crdt.protocol.lib0 import var_uint

from .delete_set import DeleteSet, merge_ranges
from .format import GC, Struct, Structs


class Run(NamedTuple):
    """Structs of one client without a gap, each as its bytes; the first has this clock."""

    client: int
    clock: int
    structs: list[bytes]


@dataclass(slots=True)
class _Segment:
    """A run whose structs are still to come; `end` is the clock after those that are here."""

    run: Run
    end: int


class UpdateBuilder:
    """Collects structs and deletions, in an order in which they can be integrated, for updates."""

    def __init__(self) -> None:
        self._updates: list[bytes] = []
        self._segments: dict[int, _Segment] = {}
        self._deletions: DeleteSet = {}

    def insert(self, client: int, struct: Struct, source: bytes) -> None:
        """Add a struct of the update `source`.

        Everything that it depends on must have been added, or be in the document.
        """
        segment = self._segments.get(client)
        if segment is not None and segment.end != struct.clock:
            # An update has one run of structs per client, and clocks count on within it.
            self._finish()
            segment = None
        if segment is None:
            run = Run(client, struct.clock, [])
            segment = self._segments[client] = _Segment(run, struct.clock)
        segment.run.structs.append(source[struct.start : struct.stop])
        segment.end = struct.end

    def delete(self, client: int, start: int, stop: int) -> None:
        """Add a deletion of elements that have been added, or are in the document."""
        self._deletions.setdefault(client, []).append((start, stop - start))

    def build(self) -> list[bytes]:
        """Return the updates of all that was added; apply them in this order."""
        self._finish()
        return self._updates

    def _finish(self) -> None:
        if self._segments or self._deletions:
            runs = [segment.run for segment in self._segments.values()]
            self._updates.append(write_update(runs, self._deletions))
            self._segments, self._deletions = {}, {}


def without_content(structs: Structs) -> list[bytes]:
    """Write updates that fill the same clocks without content, so that later structs can follow.

    Their structs are those that Yjs leaves where content was garbage-collected (GC).
    """
    builder = UpdateBuilder()
    for client, found in structs.items():
        for struct in found:
            collected = bytes((GC,)) + var_uint(struct.length)
            builder.insert(client, struct._replace(start=0, stop=len(collected)), collected)
    return builder.build()


def write_update(runs: Collection[Run], deletions: DeleteSet) -> bytes:
    """Write one update: a run of each client, and deletions."""
    return _structs(runs) + _delete_set(deletions)


def _structs(runs: Collection[Run]) -> bytes:
    parts = [var_uint(len(runs))]
    for client, clock, structs in runs:
        parts += var_uint(len(structs)), var_uint(client), var_uint(clock)
        parts += structs
    return b"".join(parts)


def _delete_set(deletions: DeleteSet) -> bytes:
    parts = [var_uint(len(deletions))]
    for client, ranges in deletions.items():
        # Yjs keeps pending deletions as differences between clocks, and garbles unsorted ones.
        spans = merge_ranges(ranges)
        parts += var_uint(client), var_uint(len(spans))
        parts += (var_uint(start) + var_uint(end - start) for start, end in spans)
    return b"".join(parts)
