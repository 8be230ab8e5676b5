"""Writes updates from structs of other updates, byte for byte (`crdt/updates/format.py`).

A struct names its dependencies by id, so its bytes mean the same in any update.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from crdt.protocol.lib0 import var_uint

from .delete_set import DeleteSet, merge_ranges
from .format import GC, Struct, Structs


@dataclass(slots=True)
class _Segment:
    """Structs of one client without a gap."""

    clock: int
    end: int
    structs: list[bytes] = field(default_factory=list)


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
            segment = self._segments[client] = _Segment(struct.clock, struct.clock)
        segment.structs.append(source[struct.start : struct.stop])
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
            self._updates.append(_structs(self._segments) + _delete_set(self._deletions))
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


def write_state_vector(state: Mapping[int, int]) -> bytes:
    """Write a state vector: varUint clients, clients × (varUint client, varUint clock)."""
    clocks = (var_uint(client) + var_uint(clock) for client, clock in state.items())
    return var_uint(len(state)) + b"".join(clocks)


def _structs(segments: dict[int, _Segment]) -> bytes:
    parts = [var_uint(len(segments))]
    for client, segment in segments.items():
        parts += var_uint(len(segment.structs)), var_uint(client), var_uint(segment.clock)
        parts += segment.structs
    return b"".join(parts)


def _delete_set(deletions: DeleteSet) -> bytes:
    parts = [var_uint(len(deletions))]
    for client, ranges in deletions.items():
        # Yjs keeps pending deletions as differences between clocks, and garbles unsorted ones.
        spans = merge_ranges(ranges)
        parts += var_uint(client), var_uint(len(spans))
        parts += (var_uint(start) + var_uint(end - start) for start, end in spans)
    return b"".join(parts)
