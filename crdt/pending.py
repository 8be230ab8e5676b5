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
from typing import Any, TypeAlias, TypeVar

from .encoding import Reader
from .update_format import DeleteSet, Id, Struct, Structs
from .update_writer import Draft

StateVector: TypeAlias = dict[int, int]
"""client -> how many of its elements are here"""

Deletion: TypeAlias = tuple[int, int, int]
"""(client, clock, length)"""

_Fingerprint: TypeAlias = tuple[int, int, bytes] | Deletion


def read_state_vector(encoded: bytes) -> StateVector:
    """Read a state vector: varUint clients, clients × (varUint client, varUint clock)."""
    reader = Reader(encoded)
    return {reader.var_uint(): reader.var_uint() for _ in range(reader.var_uint())}


def whole(structs: Structs, deletions: DeleteSet, state: StateVector) -> StateVector | None:
    """Return how far an update brings its clients if it can be applied as it is, else None.

    None is also the answer, for speed, if clients within the update need each other.
    """
    reached: StateVector = {}
    for client, found in structs.items():
        have = state.get(client, 0)
        for struct in found:
            if struct.clock > have or not _is_placed(client, struct, state, have):
                return None
            have = max(have, struct.end)
        reached[client] = have
    for client, ranges in deletions.items():
        have = reached.get(client) or state.get(client, 0)
        if any(clock + length > have for clock, length in ranges):
            return None
    return reached


def _is_placed(client: int, struct: Struct, state: StateVector, have: int) -> bool:
    return all(
        clock < (have if other == client else state.get(other, 0))
        for other, clock in struct.surroundings
    )


class _Rest:
    """What is left of one update, `source`."""

    def __init__(self, source: bytes, structs: Structs, deletions: DeleteSet) -> None:
        self.source = source
        self.structs = {client: deque(found) for client, found in structs.items()}
        self.deletions = {
            (client, clock, length)
            for client, ranges in deletions.items()
            for clock, length in ranges
            if length
        }

    def __bool__(self) -> bool:
        return bool(self.deletions) or any(self.structs.values())

    def integrate(self, client: int, state: StateVector, draft: Draft) -> Id | None:
        """Move the client's structs into the draft until one lacks an element; return that."""
        queue = self.structs[client]
        while queue:
            struct = queue[0]
            if struct.end > state.get(client, 0):
                lacking = _lacking(client, struct, state)
                if lacking is not None:
                    return lacking
                draft.insert(client, struct, self.source)
                state[client] = struct.end
            queue.popleft()
        return None

    def delete(self, deletion: Deletion, state: StateVector, draft: Draft) -> Deletion | None:
        """Move as much of a deletion into the draft as is here; return what is left of it."""
        client, clock, length = deletion
        self.deletions.discard(deletion)
        here = min(length, max(0, state.get(client, 0) - clock))
        if here:
            draft.delete(client, clock, here)
        if here == length:
            return None
        left = client, clock + here, length - here
        self.deletions.add(left)
        return left

    def fingerprints(self) -> Iterator[_Fingerprint]:
        """Name everything left."""
        for client, queue in self.structs.items():
            for struct in queue:
                yield client, struct.clock, self.source[struct.start : struct.stop]
        yield from self.deletions

    def updates(self) -> list[bytes]:
        """Write what is left as updates."""
        draft = Draft()
        for client, queue in self.structs.items():
            for struct in queue:
                draft.insert(client, struct, self.source)
        for deletion in self.deletions:
            draft.delete(*deletion)
        return draft.updates()


def _lacking(client: int, struct: Struct, state: StateVector) -> Id | None:
    """Return an element that must be here before the struct, if one is missing."""
    if struct.clock > state.get(client, 0):
        return client, struct.clock - 1
    for element in struct.surroundings:
        if element[1] >= state.get(element[0], 0):
            return element
    return None


class Pending:
    """What waits in one document.

    `_blocked` has an entry (clock, rest, client) for every client whose structs in that rest wait
    for an element, and `_undeleted` one (clock, rest, deletion) for every deletion, both by the
    client of the element that is missing.
    """

    def __init__(self) -> None:
        self._rests: dict[int, _Rest] = {}
        self._blocked: defaultdict[int, list[tuple[int, int, int]]] = defaultdict(list)
        self._undeleted: defaultdict[int, list[tuple[int, int, Deletion]]] = defaultdict(list)
        self._fingerprints: set[_Fingerprint] = set()
        self._numbers = count()

    def __bool__(self) -> bool:
        return bool(self._rests)

    def admit(
        self, update: bytes, structs: Structs, deletions: DeleteSet, state: StateVector
    ) -> tuple[list[bytes], bool]:
        """Take an update; return what is to be applied now, and whether any of it is left waiting.

        What is to be applied comes in order, frees what waited before too, and holds nothing but
        what is integrated at once; `state` is moved to where it leads. What waits already is not
        left a second time.
        """
        number = next(self._numbers)
        rest = self._rests[number] = _Rest(update, structs, deletions)
        draft = Draft()
        self._integrate([(number, client) for client in structs], state, draft)
        for deletion in list(rest.deletions):
            self._delete(number, deletion, state, draft)
        is_left = self._remember(number, rest)
        self._tidy()
        return draft.updates(), is_left

    def release(self, clients: Iterable[int], state: StateVector) -> list[bytes]:
        """Return what is to be applied now that more elements of these clients are here."""
        draft = Draft()
        self._integrate(self._freed(clients, state), state, draft, clients)
        self._tidy()
        return draft.updates()

    def updates(self) -> list[bytes]:
        """Write what waits as updates, for those who join."""
        return [update for rest in self._rests.values() for update in rest.updates()]

    def structs(self) -> list[Structs]:
        """Return the structs that wait."""
        return [
            {client: list(queue) for client, queue in rest.structs.items()}
            for rest in self._rests.values()
        ]

    def _integrate(
        self,
        todo: list[tuple[int, int]],
        state: StateVector,
        draft: Draft,
        advanced: Iterable[int] = (),
    ) -> None:
        """Integrate structs of (rest, client), and whatever that frees."""
        grown = set(advanced)
        while todo:
            number, client = todo.pop()
            if (rest := self._rests.get(number)) is None:
                continue
            before = state.get(client, 0)
            if lacking := rest.integrate(client, state, draft):
                heappush(self._blocked[lacking[0]], (lacking[1], number, client))
            if state.get(client, 0) > before:
                grown.add(client)
                todo += self._freed([client], state)
        for client in grown:
            for number, deletion in self._deletable(client, state):
                self._delete(number, deletion, state, draft)

    def _freed(self, clients: Iterable[int], state: StateVector) -> list[tuple[int, int]]:
        return [
            (number, waiting)
            for client in clients
            for _, number, waiting in _up_to(self._blocked.get(client), state.get(client, 0))
        ]

    def _deletable(self, client: int, state: StateVector) -> list[tuple[int, Deletion]]:
        due = _up_to(self._undeleted.get(client), state.get(client, 0))
        return [(number, deletion) for _, number, deletion in due]

    def _delete(self, number: int, deletion: Deletion, state: StateVector, draft: Draft) -> None:
        rest = self._rests.get(number)
        if rest is not None and (left := rest.delete(deletion, state, draft)):
            heappush(self._undeleted[left[0]], (left[1], number, left))

    def _remember(self, number: int, rest: _Rest) -> bool:
        """Keep what is left of a new update unless it waits already; whether it is kept."""
        left = set(rest.fingerprints())
        if left <= self._fingerprints:
            del self._rests[number]
            return False
        self._fingerprints |= left
        return True

    def _tidy(self) -> None:
        self._rests = {number: rest for number, rest in self._rests.items() if rest}
        if not self._rests:
            self._blocked.clear()
            self._undeleted.clear()
            self._fingerprints.clear()


_Entry = TypeVar("_Entry", bound=tuple[Any, ...])


def _up_to(heap: list[_Entry] | None, clock: int) -> list[_Entry]:
    """Take the entries below a clock from a heap."""
    due = []
    while heap and heap[0][0] < clock:
        due.append(heappop(heap))
    return due
