"""A stand-in for lost elements: something in their place, so that what builds on them can follow.

Where rows of the log are lost, later edits of the same clients would wait for ever. So the clocks
of what is lost are filled with text in a root type of its own, which nobody reads. What has a lost
neighbour or parent has no place any more, and is filled as well: Yjs and the library would do
different things with it.

What the library fails at is filled in the same way, but it is not wanted from anybody: whoever has
it would send it again and again.

Nothing that is filled counts as deleted. Yjs has structs without content (GC), which would cost
less, but whoever gets them takes their elements for deleted, and says so to everybody in the next
exchange: what was lost would be deleted wherever it is still to be had, and as soon as it is back.

A stand-in is a way to read a damaged log, and is never written into it: clients that were sent one
send it back, and it is taken out again. Whatever has the lost elements, a row that is brought back
or a client, takes its place when the document is loaded anew.
"""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from crdt.protocol.lib0 import Reader, var_string, var_uint

from .delete_set import DeleteSet, merge_ranges
from .format import DELETED, GC, HAS_LEFT, KIND, SKIP, TEXT, Id, Struct, Structs
from .writer import Run, UpdateBuilder, write_update

LOST_ROOT: Final = "pipeloom:lost"
"""The names of the root types begin with this; one of each struct, so that none has neighbours."""

MOST_ELEMENTS: Final = 4_000_000
"""Lost elements of a document that are filled, one byte each; beyond, their successors wait.

A client can name any clock, and so make others believe in any number of lost elements.
"""

_Owned: TypeAlias = tuple[int, Struct]
"""A client and one of its structs."""


class _Elements:
    """A set of elements, as ranges of clocks that do not overlap."""

    def __init__(self) -> None:
        self._ranges: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)

    def add(self, client: int, start: int, stop: int) -> None:
        """Add those from `start` up to `stop`, of which none is in here."""
        insort(self._ranges[client], (start, stop))

    def overlaps(self, client: int, start: int, stop: int) -> bool:
        """Whether any from `start` up to `stop` is in here."""
        ranges = self._ranges.get(client, [])
        index = bisect_left(ranges, (stop,))
        return index > 0 and ranges[index - 1][1] > start

    def first(self, client: int) -> int | None:
        """Return the lowest clock of a client in here."""
        ranges = self._ranges.get(client)
        return ranges[0][0] if ranges else None


class StandIn:
    """What is filled in one document because something is lost.

    `_holes` are the lost elements, `_filled` are those, the `refused` ones, which nobody is to send
    again, and the ones that depend on any of them.
    """

    def __init__(self, refused: Iterable[Structs] = ()) -> None:
        self._holes, self._filled = _Elements(), _Elements()
        self._left = MOST_ELEMENTS
        self._refused = _spans(refused)

    def refused_next(self, state: Mapping[int, int]) -> DeleteSet:
        """Return the refused elements that come next of their clients, client -> [(clock, length)].

        `state` is what is there by now, client -> clock.
        """
        found: DeleteSet = {}
        for client, spans in self._refused.items():
            here = state.get(client, 0)
            for start, stop in spans:
                if start <= here < stop:
                    found[client] = [(here, stop - here)]
        return found

    def affordable(self, gaps: DeleteSet) -> DeleteSet:
        """Return those of some gaps, client -> [(clock, length)], that can still be filled."""
        left, found = self._left, defaultdict(list)
        for client in sorted(gaps):
            for clock, length in gaps[client]:
                if length <= left:
                    left -= length
                    found[client].append((clock, length))
        return found

    def fill(self, gaps: DeleteSet) -> list[bytes]:
        """Take the elements in affordable gaps for lost; return what fills them.

        These are updates, of which some may have to wait for elements between two gaps.
        """
        builder = UpdateBuilder()
        for client, ranges in gaps.items():
            for clock, length in ranges:
                self._left -= length
                self._lose(client, clock, clock + length)
                self._filled.add(client, clock, clock + length)
                _insert(builder, client, Struct(clock, length), _filler(client, clock, length))
        return builder.build()

    def _lose(self, client: int, start: int, stop: int) -> None:
        """Note elements as lost, but for the refused ones."""
        for first, end in self._refused.get(client, []):
            if start < first < stop:
                self._holes.add(client, start, first)
            if first < stop:
                start = max(start, end)
        if start < stop:
            self._holes.add(client, start, stop)

    def note_dependents(self, updates: Iterable[Structs]) -> None:
        """Note what of these depends on lost elements, before any of them is applied."""
        together: defaultdict[int, list[Struct]] = defaultdict(list)
        for structs in updates:
            for client, found in structs.items():
                together[client] += found
        self._fill_dependents(together)

    def lower(self, state: Mapping[int, int]) -> dict[int, int]:
        """Return a state vector without the holes and what follows them: a peer may have it."""
        lowered = dict(state)
        for client, clock in state.items():
            first = self._holes.first(client)
            if first == 0:
                del lowered[client]
            elif first is not None:
                lowered[client] = min(clock, first)
        return lowered

    def is_mended_by(self, update: bytes, structs: Structs) -> bool:
        """Whether an update has lost elements, and not only a stand-in for them."""
        fillers = self._fillers(update, structs)
        return any(
            self._holes.overlaps(client, struct.clock, struct.end)
            and (client, struct.clock) not in fillers
            for client, struct in _each(structs)
        )

    def taken_out(self, update: bytes, structs: Structs, deletions: DeleteSet) -> bytes:
        """Return an update of a client without the parts of a stand-in that it was sent."""
        fillers = self._fillers(update, structs)
        if not fillers:
            return update
        runs = [_without(update, client, found, fillers) for client, found in structs.items()]
        return write_update([run for run in runs if run.structs], deletions)

    def filled(self, update: bytes, structs: Structs, deletions: DeleteSet) -> list[bytes] | None:
        """Fill what depends on lost elements; None if nothing in an update does.

        Returns the updates to apply in place of it.
        """
        if not self._fill_dependents(structs):
            return None
        builder = UpdateBuilder()
        for client, struct in _each(structs):
            if not self._filled.overlaps(client, struct.clock, struct.end):
                builder.insert(client, struct, update)
            elif update[struct.start] & KIND in (GC, DELETED):
                _insert(builder, client, struct, bytes((GC,)) + var_uint(struct.length))
            else:
                filler = _filler(client, struct.clock, struct.length)
                _insert(builder, client, struct, filler)
        for client, ranges in deletions.items():
            for start, stop in merge_ranges(ranges):
                builder.delete(client, start, stop)
        return builder.build()

    def _fillers(self, update: bytes, structs: Structs) -> set[Id]:
        """Return the ids of the structs that stand in for others, whole or in parts."""
        fillers: set[Id] = set()
        for client, struct in _each(structs):
            if self._is_filler(update, client, struct, fillers):
                fillers.update((client, clock) for clock in (struct.clock, struct.end - 1))
        return fillers

    def _is_filler(self, update: bytes, client: int, struct: Struct, before: set[Id]) -> bool:
        if not self._filled.overlaps(client, struct.clock, struct.end):
            return False
        if update[struct.start] == GC or _is_in_lost_root(update, struct):
            return True
        # Where somebody has deleted a part of it, the rest names its left neighbour.
        is_after = bool(update[struct.start] & HAS_LEFT)
        return is_after and struct.dependencies[0] == (client, struct.clock - 1) in before

    def _fill_dependents(self, structs: Structs) -> bool:
        """Note which structs depend on filled ones, directly or not; return whether any does."""
        dependents = _dependents(structs)
        todo = [one for one in _each(structs) if any(map(self._is_filled, one[1].dependencies))]
        is_any = bool(todo)
        while todo:
            client, struct = todo.pop()
            if not self._filled.overlaps(client, struct.clock, struct.end):
                self._filled.add(client, struct.clock, struct.end)
                todo += _in_span(dependents.get(client, []), struct)
        return is_any

    def _is_filled(self, element: Id) -> bool:
        client, clock = element
        return self._filled.overlaps(client, clock, clock + 1)


def _spans(updates: Iterable[Structs]) -> dict[int, list[tuple[int, int]]]:
    """Return which elements updates have, client -> [(start, stop)] in order."""
    ranges: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for structs in updates:
        for client, struct in _each(structs):
            ranges[client].append((struct.clock, struct.length))
    return {client: [*merge_ranges(found)] for client, found in ranges.items()}


def _each(structs: Structs) -> Iterator[_Owned]:
    return ((client, struct) for client, found in structs.items() for struct in found)


def _without(update: bytes, client: int, structs: list[Struct], fillers: set[Id]) -> Run:
    """Write a run of structs without fillers, of which it skips the clocks, and other gaps."""
    kept = [struct for struct in structs if (client, struct.clock) not in fillers]
    written: list[bytes] = []
    here = kept[0].clock if kept else 0
    for struct in kept:
        if struct.clock > here:
            written.append(bytes((SKIP,)) + var_uint(struct.clock - here))
        written.append(update[struct.start : struct.stop])
        here = struct.end
    return Run(client, kept[0].clock if kept else 0, written)


def _dependents(structs: Structs) -> dict[int, list[tuple[int, int, Struct]]]:
    """Return by client which of its clocks others depend on, in order: (clock, client, struct)."""
    found: defaultdict[int, list[tuple[int, int, Struct]]] = defaultdict(list)
    for client, struct in _each(structs):
        for other, clock in struct.dependencies:
            found[other].append((clock, client, struct))
    for each in found.values():
        each.sort(key=lambda one: one[0])
    return found


def _in_span(dependents: list[tuple[int, int, Struct]], struct: Struct) -> Iterator[_Owned]:
    """Yield those that depend on an element of a struct."""
    for index in range(bisect_left(dependents, (struct.clock,)), len(dependents)):
        clock, client, dependent = dependents[index]
        if clock >= struct.end:
            return
        yield client, dependent


def _filler(client: int, clock: int, length: int) -> bytes:
    """Write text in a root type of its own."""
    root = f"{LOST_ROOT}:{client}:{clock}"
    return bytes((TEXT, 1)) + var_string(root) + var_uint(length) + b" " * length


def _is_in_lost_root(update: bytes, struct: Struct) -> bool:
    reader = Reader(update[struct.start : struct.stop])
    # The kind is text or, where somebody has deleted it, that it is deleted.
    if reader.byte() not in (TEXT, DELETED) or reader.var_uint() != 1:
        return False
    return reader.var_string().startswith(LOST_ROOT)


def _insert(builder: UpdateBuilder, client: int, struct: Struct, source: bytes) -> None:
    builder.insert(client, struct._replace(start=0, stop=len(source)), source)
