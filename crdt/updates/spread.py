"""Spreads a large edit by the server over several client ids, as if several clients had made it.

What an update costs the library follows the length of one client's list of structs: each struct
that is put into the middle of a long one, or splits one there, moves all that stand behind. So ten
thousand steps under one id make each later edit of their texts slow, for as long as the document
lives.

Nothing but ids changes. Each part of the edit builds on the parts before it, as the edits of one
client build on those of another, so it merges as any other edits do.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from crdt.protocol.lib0 import var_uint

from .delete_set import DeleteSet
from .format import HAS_LEFT, HAS_RIGHT, Id, Struct, read_update
from .writer import Run, write_update

STRUCTS_OF_ONE: Final = 1_000
"""Structs of an edit that get one client id: those of some 50 steps.

Merging other words in all of 10,000 steps then holds the event loop for 51 to 57 ms of CPU; with
4,000 it was 63 to 75, and with one id more than a second.
"""


def spread(update: bytes, client: int, new_client_id: Callable[[], int]) -> bytes:
    """Return a client's edit with its structs under several ids, each with clocks of its own.

    The client must make no further edits. `new_client_id` makes ids that the document does not
    know. An edit of few structs is returned as it is. Raises MalformedUpdate.
    """
    structs, deletions = read_update(update)
    own = structs.pop(client, [])
    if len(own) <= STRUCTS_OF_ONE or structs:
        return update
    return _Spreading(update, client, own, new_client_id).written(deletions)


class _Spreading:
    """Gives each part of a client's structs another id, under which clocks begin at 0."""

    def __init__(
        self, update: bytes, client: int, own: Sequence[Struct], new_client_id: Callable[[], int]
    ) -> None:
        self._update, self._client = update, client
        self._parts = [
            own[first : first + STRUCTS_OF_ONE] for first in range(0, len(own), STRUCTS_OF_ONE)
        ]
        # What the client wrote before this edit keeps its clocks, and so does the first part.
        self._starts = [0, *(part[0].clock for part in self._parts[1:])]
        ids = {client: None}
        while len(ids) < len(self._parts):
            ids[new_client_id()] = None
        self._ids = list(ids)

    def written(self, deletions: DeleteSet) -> bytes:
        """Write the whole edit."""
        runs = [self._run(part) for part in self._parts]
        spread_deletions: DeleteSet = {}
        for client, ranges in deletions.items():
            for clock, length in ranges:
                for one, start, stop in self._spans(client, clock, clock + length):
                    spread_deletions.setdefault(one, []).append((start, stop - start))
        return write_update(runs, spread_deletions)

    def _run(self, part: Sequence[Struct]) -> Run:
        client, clock = self._renamed((self._client, part[0].clock))
        return Run(client, clock, [self._source(struct) for struct in part])

    def _source(self, struct: Struct) -> bytes:
        """Write a struct with the ids that its dependencies have now."""
        place, dependencies = struct.start, struct.dependencies
        if not dependencies:
            return self._update[place : struct.stop]
        info = self._update[place]
        # A parent is told from the name of a root type by a zero before its id.
        head = bytes((info,)) if info & (HAS_LEFT | HAS_RIGHT) else bytes((info, 0))
        place += len(head)
        for each in dependencies:
            head += _written(self._renamed(each))
            place += len(_written(each))
        return head + self._update[place : struct.stop]

    def _renamed(self, element: Id) -> Id:
        client, clock = element
        if client != self._client:
            return element
        number = bisect_right(self._starts, clock) - 1
        return self._ids[number], clock - self._starts[number]

    def _spans(self, client: int, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """Yield where elements are now: (client, start, stop)."""
        if client != self._client:
            yield client, start, stop
            return
        ends = (*self._starts[1:], stop)
        while start < stop:
            number = bisect_right(self._starts, start) - 1
            first, end = self._starts[number], min(stop, ends[number])
            yield self._ids[number], start - first, end - first
            start = end


def _written(element: Id) -> bytes:
    return var_uint(element[0]) + var_uint(element[1])
