"""What an update holds and what it needs, found out before it meets a document.

Reading an update costs two microseconds a part, many times what applying it costs. None of it
depends on the document, so a large update is read in a thread, and what is left to do in the room
depends on the number of clients in it and not on its size.
"""

from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import pairwise
from math import inf
from typing import Final, TypeAlias

from crdt.protocol.lib0 import Reader

from .amplification import check_amplification
from .chunks import Order, split_update
from .depth import depth_within
from .format import DeleteSet, Id, Struct, Structs, read_parts
from .limits import REPLAYED, Limits

StateVector: TypeAlias = dict[int, int]
"""client -> how many of its elements are here"""

FEW_TYPES: Final = 8
"""So many shared types are counted as if each lay in the one before."""

_Span: TypeAlias = tuple[int, int]
_NOTHING: Final[_Span] = (0, 0)


@dataclass(frozen=True, slots=True)
class Inspection:
    """An update that was read.

    `parts` counts as `Limits.parts` does, and `types` the shared types in it; these lie at most
    `depth` deep within each other. What has `needs` takes it in at once, and has each client up to
    `reach` then; `reach` is None if something of it has to wait in any case. Taken in at once, it
    is taken in by these `chunks`, if there are any; see `crdt/updates/chunks.py`.
    """

    update: bytes
    structs: Structs
    deletions: DeleteSet
    parts: int
    types: int
    depth: int
    needs: StateVector
    reach: StateVector | None
    chunks: tuple[bytes, ...] = ()

    def reached(self, state: StateVector) -> StateVector | None:
        """Return how far it brings its clients if all of it can be applied now, else None."""
        if self.reach is None or any(state.get(one, 0) < need for one, need in self.needs.items()):
            return None
        return {client: max(end, state.get(client, 0)) for client, end in self.reach.items()}


def inspect_update(update: bytes, limits: Limits = REPLAYED) -> Inspection:
    """Read an update. Raises MalformedUpdate, and MessageTooBig for what `limits` refuse."""
    reader = Reader(update, limits.parts)
    structs, deletions = read_parts(reader)
    copies = check_amplification(update, structs, deletions, limits)
    types = sum(struct.nests for found in structs.values() for struct in found)
    depth = types if types <= FEW_TYPES else depth_within(structs)
    spans = {client: (found[0].clock, found[-1].end) for client, found in structs.items() if found}
    needs = _needs(structs, spans)
    _need_deleted(deletions, spans, needs)
    order = _order(structs, spans)
    reach = None if order is None else {client: end for client, (_, end) in spans.items()}
    cut: list[bytes] = []
    if order is not None and limits.seconds < inf:
        cut = split_update(update, order, deletions, finely=copies > limits.copies)
    return Inspection(
        update, structs, deletions, reader.parts, types, depth, needs, reach, tuple(cut)
    )


def _needs(structs: Structs, spans: dict[int, _Span]) -> StateVector:
    """Return what must be here of each client before any of these."""
    needs = {client: first for client, (first, _) in spans.items()}
    for client, other, clock in _neighbours(structs):
        first, end = spans.get(other, _NOTHING)
        if other != client and not first <= clock < end:
            needs[other] = max(needs.get(other, 0), clock + 1)
    return needs


def _neighbours(structs: Structs) -> Iterator[tuple[int, int, int]]:
    """Each client, and an element (client, clock) beside or in which one of its structs lies."""
    for client, found in structs.items():
        for struct in found:
            for other, clock in struct.surroundings:
                yield client, other, clock


def _need_deleted(deletions: DeleteSet, spans: dict[int, _Span], needs: StateVector) -> None:
    for client, ranges in deletions.items():
        stop = max(clock + length for clock, length in ranges)
        if stop > spans.get(client, _NOTHING)[1]:
            needs[client] = max(needs.get(client, 0), stop)


def _order(structs: Structs, spans: dict[int, _Span]) -> Order | None:
    """Return an order in which all structs can be integrated once their needs are met, if any."""
    for found in structs.values():
        if any(one.end != following.clock for one, following in pairwise(found)):
            return None
    if len(spans) < 2:
        # One client's structs lie beside earlier ones: the format says so.
        return [(client, struct) for client, found in structs.items() for struct in found]
    flow = _Flow(structs, spans)
    return flow.order if flow.reaches_the_end() else None


class _Flow:
    """Plays through in which order structs of several clients can be integrated."""

    def __init__(self, structs: Structs, spans: dict[int, _Span]) -> None:
        self._queues = {client: deque(structs[client]) for client in spans}
        self._ends = {client: end for client, (_, end) in spans.items()}
        self._here = {client: first for client, (first, _) in spans.items()}
        self._blocked: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        self.order: list[tuple[int, Struct]] = []

    def reaches_the_end(self) -> bool:
        """Whether nothing is left in the end; some may wait for each other for ever."""
        todo = list(self._queues)
        while todo:
            client = todo.pop()
            self._advance(client)
            todo += self._freed(client)
        return not any(self._queues.values())

    def _advance(self, client: int) -> None:
        queue = self._queues[client]
        while queue:
            if (lacking := self._lacking(queue[0])) is not None:
                heappush(self._blocked[lacking[0]], (lacking[1], client))
                return
            self.order.append((client, queue.popleft()))
            self._here[client] = self.order[-1][1].end

    def _lacking(self, struct: Struct) -> Id | None:
        for other, clock in struct.surroundings:
            # What lies beyond the end is needed of the document.
            if self._here.get(other, clock + 1) <= clock < self._ends[other]:
                return other, clock
        return None

    def _freed(self, client: int) -> Iterator[int]:
        blocked, here = self._blocked[client], self._here[client]
        while blocked and blocked[0][0] < here:
            yield heappop(blocked)[1]
