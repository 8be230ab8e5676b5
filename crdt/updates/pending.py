"""Pending structs and deletions: those whose dependencies are missing, kept until these arrive.

The library keeps pending structs, too, but it does not show them, encodes only some of them, loses
those of several clients that depend on each other, and merges overlapping ones into gaps of
negative length (pycrdt 0.14.13: edits were lost in 223 of 300 histories delivered in random order).
So the library never sees them: what can be integrated is taken out of an update, and the rest is
kept here, as Yjs does it (yjs/src/utils/encoding.js: integrateStructs). Confessed: what stays
pending for ever costs memory, and joining clients are sent it; only the size and the rate of
messages limit it.
"""

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator
from heapq import heappop, heappush
from typing import TypeAlias

from .delete_set import DeleteSet, merge_ranges
from .format import Id, Struct, Structs
from .state_vector import StateVector
from .writer import UpdateBuilder

_StructKey: TypeAlias = tuple[int, int, bytes]
"""(client, clock, bytes); two structs of the same clock may differ in their bytes."""


def _missing_dependency(client: int, struct: Struct, state: StateVector) -> Id | None:
    """Return the id of a missing element that the struct depends on, if there is one."""
    if struct.clock > state.get(client, 0):
        return client, struct.clock - 1
    for element in struct.dependencies:
        if element[1] >= state.get(element[0], 0):
            return element
    return None


class _PendingRun:
    """Structs of one client, by ascending clock, from the update `source`."""

    __slots__ = ("client", "keys", "queue", "source")

    def __init__(self, client: int, structs: Iterable[Struct], source: bytes) -> None:
        self.client, self.queue, self.source = client, deque(structs), source
        self.keys: frozenset[_StructKey] = frozenset()

    def __iter__(self) -> Iterator[_StructKey]:
        for struct in self.queue:
            yield self.client, struct.clock, self.source[struct.start : struct.stop]

    def integrate(self, state: StateVector, builder: UpdateBuilder) -> Id | None:
        """Move structs into the builder until one depends on a missing element; return its id."""
        while self.queue:
            struct = self.queue[0]
            if struct.end > state.get(self.client, 0):
                missing = _missing_dependency(self.client, struct, state)
                if missing is not None:
                    return missing
                builder.insert(self.client, struct, self.source)
                state[self.client] = struct.end
            self.queue.popleft()
        return None

    def write(self, builder: UpdateBuilder) -> None:
        """Copy the structs that are left into a builder."""
        for struct in self.queue:
            builder.insert(self.client, struct, self.source)


class _PendingDeletions:
    """Deletions of elements that are not here yet: clocks from `start` up to `stop`, by client."""

    def __init__(self) -> None:
        self._heaps: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        self.known: set[tuple[int, int, int]] = set()

    def add(self, client: int, start: int, stop: int) -> bool:
        """Keep a deletion; return whether it was not kept already."""
        if (client, start, stop) in self.known:
            return False
        self.known.add((client, start, stop))
        heappush(self._heaps[client], (start, stop))
        return True

    def execute(self, client: int, state: StateVector, builder: UpdateBuilder) -> None:
        """Move the deletions of elements that are here into the builder."""
        have = furthest = state.get(client, 0)
        for start, stop in _below(self._heaps.get(client), have):
            self.known.discard((client, start, stop))
            builder.delete(client, start, min(stop, have))
            furthest = max(furthest, stop)
        # One range for all that go further: overlapping ones would cost their number per element.
        if furthest > have:
            self.add(client, have, furthest)

    def write(self, builder: UpdateBuilder) -> None:
        """Copy all deletions into a builder."""
        for client, start, stop in self.known:
            builder.delete(client, start, stop)


class Pending:
    """The pending structs and deletions of one document.

    `_blocked` has an entry (clock, run number) for every run whose next struct depends on a missing
    element, by the client of that element. `_known` holds the keys of all pending structs.
    It can be pickled.
    """

    def __init__(self) -> None:
        self._entered = 0
        self._runs: dict[int, _PendingRun] = {}
        self._blocked: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        self._known: set[_StructKey] = set()
        self._deletions = _PendingDeletions()
        self._written: list[bytes] | None = None

    def __bool__(self) -> bool:
        return bool(self._runs or self._deletions.known)

    def add(
        self, update: bytes, structs: Structs, deletions: DeleteSet, state: StateVector
    ) -> tuple[list[bytes], bool]:
        """Add an update; return the updates to apply now, and whether some of it is now pending.

        The updates to apply are in order and contain pending structs that this update releases;
        the library integrates all of them at once. `state` is changed to what it is after them.
        What is pending already is not kept a second time, and does not count.
        """
        self._written = None
        builder = UpdateBuilder()
        runs = [_PendingRun(client, found, update) for client, found in structs.items()]
        numbers = [self._enter(run) for run in runs if not self._known.issuperset(run)]
        self._integrate(numbers, state, builder)
        is_left = [self._keep_rest(number) for number in numbers if number in self._runs]
        is_pending = self._delete(deletions, state, builder)
        return builder.build(), any(is_left) or is_pending

    def release(self, clients: Iterable[int], state: StateVector) -> list[bytes]:
        """Return the updates to apply now that more elements of these clients are here."""
        self._written = None
        builder = UpdateBuilder()
        for client in tuple(clients):
            self._integrate(self._unblocked(client, state), state, builder)
            self._deletions.execute(client, state, builder)
        return builder.build()

    def updates(self) -> list[bytes]:
        """Encode all that is pending as updates, for joining clients; cached until it changes."""
        if self._written is None:
            self._written = self._write()
        return self._written

    def _write(self) -> list[bytes]:
        builder = UpdateBuilder()
        for run in self._runs.values():
            run.write(builder)
        self._deletions.write(builder)
        return builder.build()

    def structs(self) -> list[Structs]:
        """Return the pending structs, by run."""
        return [{run.client: list(run.queue)} for run in self._runs.values()]

    def gaps(self, state: StateVector) -> DeleteSet:
        """Return elements that pending structs lack, and that no pending struct brings.

        These are the ones between the structs of a client; if there are none, all of other clients
        up to the last one that something depends on. Empty if all that is pending waits for each
        other.
        """
        ranges: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        for run in self._runs.values():
            ranges[run.client] += ((struct.clock, struct.length) for struct in run.queue)
        spans = {client: merge_ranges(found) for client, found in ranges.items()}
        between = {one: _between(state.get(one, 0), found) for one, found in spans.items()}
        found = {client: gaps for client, gaps in between.items() if gaps}
        return found or self._gaps_of_others(spans, state)

    def _gaps_of_others(self, pending: Collection[int], state: StateVector) -> DeleteSet:
        ends: dict[int, int] = {}
        for run in self._runs.values():
            for struct in run.queue:
                for client, clock in struct.dependencies:
                    if client not in pending and clock >= state.get(client, 0):
                        ends[client] = max(ends.get(client, 0), clock + 1)
        return {one: [(state.get(one, 0), end - state.get(one, 0))] for one, end in ends.items()}

    def _enter(self, run: _PendingRun) -> int:
        self._entered = number = self._entered + 1
        self._runs[number] = run
        return number

    def _integrate(
        self, numbers: Iterable[int], state: StateVector, builder: UpdateBuilder
    ) -> None:
        """Integrate as much as possible of these runs, and of those that this unblocks."""
        todo, grown = list(numbers), set()
        while todo:
            number = todo.pop()
            if (run := self._runs.get(number)) is None:
                continue
            before = state.get(run.client, 0)
            self._finish_or_block(number, run, run.integrate(state, builder))
            if state.get(run.client, 0) > before:
                grown.add(run.client)
                todo += self._unblocked(run.client, state)
        for client in grown:
            self._deletions.execute(client, state, builder)

    def _finish_or_block(self, number: int, run: _PendingRun, missing: Id | None) -> None:
        if missing is None:
            del self._runs[number]
            self._known -= run.keys
        else:
            heappush(self._blocked[missing[0]], (missing[1], number))

    def _unblocked(self, client: int, state: StateVector) -> list[int]:
        due = _below(self._blocked.get(client), state.get(client, 0))
        return [number for _, number in due]

    def _keep_rest(self, number: int) -> bool:
        """Keep the rest of a run unless all of it is pending already; return whether it is kept."""
        keys = frozenset(self._runs[number])
        if keys <= self._known:
            del self._runs[number]
            return False
        self._runs[number].keys = keys
        self._known |= keys
        return True

    def _delete(self, deletions: DeleteSet, state: StateVector, builder: UpdateBuilder) -> bool:
        """Delete what is here and keep the rest; return whether there is a rest not yet kept."""
        is_pending = False
        for client, ranges in deletions.items():
            have = state.get(client, 0)
            for start, stop in merge_ranges(ranges):
                if start < have:
                    builder.delete(client, start, min(stop, have))
                if stop > have:
                    is_pending |= self._deletions.add(client, max(start, have), stop)
        return is_pending


def _between(here: int, spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the gaps (clock, length) between the clock that is here and ascending spans."""
    gaps = []
    for start, stop in spans:
        if start > here:
            gaps.append((here, start - here))
        here = max(here, stop)
    return gaps


def _below(heap: list[tuple[int, int]] | None, clock: int) -> list[tuple[int, int]]:
    """Remove and return the entries below a clock from a heap."""
    due = []
    while heap and heap[0][0] < clock:
        due.append(heappop(heap))
    return due
