"""Structs and deletions whose predecessors are missing, kept until those arrive.

The library keeps such structs too, but it tells nobody, encodes only some of them, loses those of
several clients that wait for each other, and merges overlapping ones into gaps of negative length
(pycrdt 0.14.13: edits of 223 out of 300 histories delivered in random order). So it never sees
them: what can be integrated is taken out of an update and the rest waits here, as in Yjs itself
(yjs/src/utils/encoding.js: integrateStructs). Confessed: what waits for ever costs memory, and
joining clients are sent it; nothing but the size and rate of messages limits it.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from itertools import count
from typing import TypeAlias

from crdt.protocol.lib0 import Reader

from .format import DeleteSet, Id, Struct, Structs, merged
from .inspection import StateVector
from .writer import Draft

_Name: TypeAlias = tuple[int, int, bytes]
"""(client, clock, content): tells a struct from all others, also from those that take its place"""


def read_state_vector(encoded: bytes) -> StateVector:
    """Read a state vector: varUint clients, clients × (varUint client, varUint clock)."""
    reader = Reader(encoded)
    return {reader.var_uint(): reader.var_uint() for _ in range(reader.var_uint())}


def _lacking(client: int, struct: Struct, state: StateVector) -> Id | None:
    """Return an element that must be here before the struct, if one is missing."""
    if struct.clock > state.get(client, 0):
        return client, struct.clock - 1
    for element in struct.surroundings:
        if element[1] >= state.get(element[0], 0):
            return element
    return None


class _Run:
    """Structs of one client, in order, out of the update `source`."""

    __slots__ = ("client", "names", "queue", "source")

    def __init__(self, client: int, structs: Iterable[Struct], source: bytes) -> None:
        self.client, self.queue, self.source = client, deque(structs), source
        self.names: frozenset[_Name] = frozenset()

    def __iter__(self) -> Iterator[_Name]:
        for struct in self.queue:
            yield self.client, struct.clock, self.source[struct.start : struct.stop]

    def integrate(self, state: StateVector, draft: Draft) -> Id | None:
        """Move structs into the draft until one lacks an element; return that."""
        while self.queue:
            struct = self.queue[0]
            if struct.end > state.get(self.client, 0):
                lacking = _lacking(self.client, struct, state)
                if lacking is not None:
                    return lacking
                draft.insert(self.client, struct, self.source)
                state[self.client] = struct.end
            self.queue.popleft()
        return None

    def write(self, draft: Draft) -> None:
        """Copy what is left into a draft."""
        for struct in self.queue:
            draft.insert(self.client, struct, self.source)


class _Deletions:
    """Deletions of elements that are not here, each from `start` up to `stop`, by client."""

    def __init__(self) -> None:
        self._heaps: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        self._known: set[tuple[int, int, int]] = set()

    def __bool__(self) -> bool:
        return bool(self._known)

    def add(self, client: int, start: int, stop: int) -> bool:
        """Keep a deletion; whether it is another than those kept already."""
        if (client, start, stop) in self._known:
            return False
        self._known.add((client, start, stop))
        heappush(self._heaps[client], (start, stop))
        return True

    def execute(self, client: int, state: StateVector, draft: Draft) -> None:
        """Move into the draft what deletes elements that are here."""
        have = furthest = state.get(client, 0)
        for start, stop in _below(self._heaps.get(client), have):
            self._known.discard((client, start, stop))
            draft.delete(client, start, min(stop, have))
            furthest = max(furthest, stop)
        # One for all that go on: ranges that overlap would else cost their number per element.
        if furthest > have:
            self.add(client, have, furthest)

    def write(self, draft: Draft) -> None:
        """Copy all into a draft."""
        for client, start, stop in self._known:
            draft.delete(client, start, stop)


class Pending:
    """What waits in one document.

    `_blocked` has an entry (clock, number) for every run that lacks an element, by the client of
    that element. `_known` holds the names of all structs that wait.
    """

    def __init__(self) -> None:
        self._numbers = count()
        self._runs: dict[int, _Run] = {}
        self._blocked: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        self._known: set[_Name] = set()
        self._deletions = _Deletions()
        self._written: list[bytes] | None = None

    def __bool__(self) -> bool:
        return bool(self._runs or self._deletions)

    def admit(
        self, update: bytes, structs: Structs, deletions: DeleteSet, state: StateVector
    ) -> tuple[list[bytes], bool]:
        """Take an update; return what is to be applied now, and whether any of it is left waiting.

        What is to be applied comes in order, frees what waited before too, and holds nothing but
        what is integrated at once; `state` is moved to where it leads. What waits already is not
        left a second time.
        """
        self._written = None
        draft = Draft()
        runs = [_Run(client, found, update) for client, found in structs.items()]
        numbers = [self._enter(run) for run in runs if not self._known.issuperset(run)]
        self._integrate(numbers, state, draft)
        is_left = [self._keep(number) for number in numbers if number in self._runs]
        is_early = self._delete(deletions, state, draft)
        return draft.updates(), any(is_left) or is_early

    def release(self, clients: Iterable[int], state: StateVector) -> list[bytes]:
        """Return what is to be applied now that more elements of these clients are here."""
        self._written = None
        draft = Draft()
        for client in tuple(clients):
            self._integrate(self._freed(client, state), state, draft)
            self._deletions.execute(client, state, draft)
        return draft.updates()

    def updates(self) -> list[bytes]:
        """Write what waits as updates, for those who join; kept until something changes."""
        if self._written is None:
            self._written = self._write()
        return self._written

    def _write(self) -> list[bytes]:
        draft = Draft()
        for run in self._runs.values():
            run.write(draft)
        self._deletions.write(draft)
        return draft.updates()

    def structs(self) -> list[Structs]:
        """Return the structs that wait."""
        return [{run.client: list(run.queue)} for run in self._runs.values()]

    def _enter(self, run: _Run) -> int:
        number = next(self._numbers)
        self._runs[number] = run
        return number

    def _integrate(self, numbers: Iterable[int], state: StateVector, draft: Draft) -> None:
        """Integrate as much of these runs as can be, and of all that this frees."""
        todo, grown = list(numbers), set()
        while todo:
            number = todo.pop()
            if (run := self._runs.get(number)) is None:
                continue
            before = state.get(run.client, 0)
            self._settle(number, run, run.integrate(state, draft))
            if state.get(run.client, 0) > before:
                grown.add(run.client)
                todo += self._freed(run.client, state)
        for client in grown:
            self._deletions.execute(client, state, draft)

    def _settle(self, number: int, run: _Run, lacking: Id | None) -> None:
        if lacking is None:
            del self._runs[number]
            self._known -= run.names
        else:
            heappush(self._blocked[lacking[0]], (lacking[1], number))

    def _freed(self, client: int, state: StateVector) -> list[int]:
        due = _below(self._blocked.get(client), state.get(client, 0))
        return [number for _, number in due]

    def _keep(self, number: int) -> bool:
        """Keep what is left of a run unless all of it waits already; whether it is kept."""
        names = frozenset(self._runs[number])
        if names <= self._known:
            del self._runs[number]
            return False
        self._runs[number].names = names
        self._known |= names
        return True

    def _delete(self, deletions: DeleteSet, state: StateVector, draft: Draft) -> bool:
        """Delete what is here and keep the rest; whether there is a rest that was not yet kept."""
        is_early = False
        for client, ranges in deletions.items():
            have = state.get(client, 0)
            for start, stop in merged(ranges):
                if start < have:
                    draft.delete(client, start, min(stop, have))
                if stop > have:
                    is_early |= self._deletions.add(client, max(start, have), stop)
        return is_early


def _below(heap: list[tuple[int, int]] | None, clock: int) -> list[tuple[int, int]]:
    """Take the entries below a clock from a heap."""
    due = []
    while heap and heap[0][0] < clock:
        due.append(heappop(heap))
    return due
