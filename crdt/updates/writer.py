"""Writes updates out of structs read from others, byte for byte (crdt/updates/format.py).

A struct names its surroundings and neighbours by id, so it means the same in any update.
"""

from dataclasses import dataclass, field

from crdt.protocol.lib0 import var_uint

from .format import GC, DeleteSet, Struct, Structs, merged


@dataclass(slots=True)
class _Segment:
    """Structs of one client without a gap."""

    clock: int
    end: int
    structs: list[bytes] = field(default_factory=list)


class Draft:
    """What is to be applied, in an order in which it can be."""

    def __init__(self) -> None:
        self._updates: list[bytes] = []
        self._segments: dict[int, _Segment] = {}
        self._deletions: DeleteSet = {}

    def insert(self, client: int, struct: Struct, source: bytes) -> None:
        """Add a struct that `source` holds; what it needs has been added or is applied."""
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
        """Add a deletion of elements that have been added or are applied."""
        self._deletions.setdefault(client, []).append((start, stop - start))

    def updates(self) -> list[bytes]:
        """Write what was added."""
        self._finish()
        return self._updates

    def _finish(self) -> None:
        if self._segments or self._deletions:
            self._updates.append(_structs(self._segments) + _delete_set(self._deletions))
            self._segments, self._deletions = {}, {}


def without_content(structs: Structs) -> list[bytes]:
    """Write updates that take up the same clocks and hold nothing, so that later ones fit.

    Their structs are of the kind that Yjs leaves where content was collected (GC).
    """
    draft = Draft()
    for client, found in structs.items():
        for struct in found:
            collected = bytes((GC,)) + var_uint(struct.length)
            draft.insert(client, struct._replace(start=0, stop=len(collected)), collected)
    return draft.updates()


def _structs(segments: dict[int, _Segment]) -> bytes:
    parts = [var_uint(len(segments))]
    for client, segment in segments.items():
        parts += var_uint(len(segment.structs)), var_uint(client), var_uint(segment.clock)
        parts += segment.structs
    return b"".join(parts)


def _delete_set(deletions: DeleteSet) -> bytes:
    parts = [var_uint(len(deletions))]
    for client, ranges in deletions.items():
        # Yjs keeps early deletions as differences between clocks, and garbles unsorted ones.
        spans = merged(ranges)
        parts += var_uint(client), var_uint(len(spans))
        parts += (var_uint(start) + var_uint(end - start) for start, end in spans)
    return b"".join(parts)
