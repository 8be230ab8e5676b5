"""Inspects an update: what it holds, and what it requires of the document that applies it.

Inspecting costs two microseconds a part, many times what applying costs. It does not depend on the
document, so a large update can be inspected in a thread. What is left to do in the room depends on
the number of clients in the update and not on its size.
"""

from collections import defaultdict, deque
from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import pairwise
from math import inf
from typing import Final, NamedTuple, TypeAlias

from crdt.protocol.lib0 import Reader

from .amplification import check_amplification
from .chunks import Order, split_update
from .delete_set import DeleteSet
from .depth import NO_DEPTH, DepthWithin, depth_within
from .format import Id, Struct, Structs, read_parts, read_structs
from .limits import REPLAYED, Limits
from .short import read_short
from .state_vector import StateVector
from .surrogates.json_escapes import replace_escaped_halves
from .surrogates.pairs import NO_PAIRS, Pairs, pairs_in

_Span: TypeAlias = tuple[int, int]
_NOTHING: Final[_Span] = (0, 0)


class Inspection(NamedTuple):
    """An update and what was found out about it.

    `update` is what the library is given: the bytes that were received, but for the escapes of
    half characters (`crdt/updates/surrogates/json_escapes.py`).

    `parts` is the number of its parts as `Limits.parts` counts them, and `types` that of the shared
    types in it, which lie so deep within each other as `depth` says. A document whose state vector
    includes `required` integrates all of it, and has `provided` afterwards; `provided` is None if
    some of it is pending in any case. Integrated as a whole, it is applied in `chunks`, if there
    are any (`crdt/updates/chunks.py`). `pairs` are the surrogate pairs in its texts.

    `is_own` is whether the server made it, on a copy of the document that it is for.
    """

    update: bytes
    read: Structs | None
    """The structs, if they are at hand."""
    deletions: DeleteSet
    parts: int
    types: int
    depth: DepthWithin
    required: StateVector
    provided: StateVector | None
    chunks: tuple[bytes, ...] = ()
    pairs: Pairs = NO_PAIRS
    is_own: bool = False

    @property
    def structs(self) -> Structs:
        """Its structs, which may have to be read once more."""
        return read_structs(self.update) if self.read is None else self.read

    def of_own_edit(self) -> "Inspection":
        """Return the inspection of an edit that was made on a copy, to be sent to another process.

        It has no structs with it. There may be half a million of them, and the document hardly ever
        needs to know them: what the server writes whole characters into cuts none.
        """
        return self._replace(read=None, is_own=True)

    def state_after(self, state: StateVector) -> StateVector | None:
        """Return the clocks of its clients after it, or None if not all of it can be integrated."""
        if self.provided is None:
            return None
        for one, need in self.required.items():
            if state.get(one, 0) < need:
                return None
        after = {}
        for client, end in self.provided.items():
            have = state.get(client, 0)
            after[client] = max(have, end)
        return after


def inspect_update(update: bytes, limits: Limits = REPLAYED) -> Inspection:
    """Inspect an update.

    Raises MalformedUpdate when it cannot be decoded, and MessageTooBig when it exceeds `limits`.
    """
    if (short := read_short(update)) is not None and short.parts <= limits.parts:
        return Inspection(
            update, None, short.deletions, short.parts, 0, NO_DEPTH, short.required, short.provided
        )
    return inspect_any_update(update, limits)


def inspect_any_update(update: bytes, limits: Limits = REPLAYED) -> Inspection:
    """Inspect an update the long way, which every update can go. Raises as `inspect_update`."""
    reader = Reader(update, limits.parts)
    structs, deletions = read_parts(reader, limits.leftover_bytes)
    update = replace_escaped_halves(update, structs)
    copied_bytes = check_amplification(update, structs, deletions, limits)
    types = sum(struct.is_type for found in structs.values() for struct in found)
    depth = depth_within(structs) if types else NO_DEPTH
    spans = {client: (found[0].clock, found[-1].end) for client, found in structs.items() if found}
    required = _required(structs, spans)
    _require_deleted(deletions, spans, required)
    order = _order(structs, spans)
    provided = None if order is None else {client: end for client, (_, end) in spans.items()}
    chunks: list[bytes] = []
    if order is not None and limits.seconds < inf:
        chunks = split_update(update, order, deletions, finely=copied_bytes > limits.copied_bytes)
    return Inspection(
        update,
        structs,
        deletions,
        reader.counted,
        types,
        depth,
        required,
        provided,
        tuple(chunks),
        pairs_in(update),
    )


def _required(structs: Structs, spans: dict[int, _Span]) -> StateVector:
    """Return the clocks that a document must have before it can integrate these structs."""
    required = {client: first for client, (first, _) in spans.items()}
    for client, other, clock in _all_dependencies(structs):
        first, end = spans.get(other, _NOTHING)
        if other != client and not first <= clock < end:
            required[other] = max(required.get(other, 0), clock + 1)
    return required


def _all_dependencies(structs: Structs) -> Iterator[tuple[int, int, int]]:
    """Yield each client with the id (client, clock) of an element that its structs depend on."""
    for client, found in structs.items():
        for struct in found:
            for other, clock in struct.dependencies:
                yield client, other, clock


def _require_deleted(deletions: DeleteSet, spans: dict[int, _Span], required: StateVector) -> None:
    for client, ranges in deletions.items():
        stop = max(clock + length for clock, length in ranges)
        if stop > spans.get(client, _NOTHING)[1]:
            required[client] = max(required.get(client, 0), stop)


def _order(structs: Structs, spans: dict[int, _Span]) -> Order | None:
    """Return an order in which all structs can be integrated once `required` is here, if any."""
    for found in structs.values():
        if any(one.end != following.clock for one, following in pairwise(found)):
            return None
    if len(spans) < 2:
        # Structs of one client depend on earlier ones only (`format._check_age`).
        return [(client, struct) for client, found in structs.items() for struct in found]
    integration = IntegrationOrder(structs, spans)
    return integration.order if integration.find() else None


class IntegrationOrder:
    """Finds an order in which structs of several clients can be integrated."""

    def __init__(self, structs: Structs, spans: dict[int, _Span]) -> None:
        self._queues = {client: deque(structs[client]) for client in spans}
        self._ends = {client: end for client, (_, end) in spans.items()}
        self._here = {client: first for client, (first, _) in spans.items()}
        self._blocked: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        self.order: list[tuple[int, Struct]] = []

    def find(self) -> bool:
        """Find the order; return whether it includes all structs: some may depend on each other."""
        todo = list(self._queues)
        while todo:
            client = todo.pop()
            self._advance(client)
            todo += self._unblocked(client)
        return not any(self._queues.values())

    def _advance(self, client: int) -> None:
        queue = self._queues[client]
        while queue:
            if (missing := self._missing_dependency(queue[0])) is not None:
                heappush(self._blocked[missing[0]], (missing[1], client))
                return
            self.order.append((client, queue.popleft()))
            self._here[client] = self.order[-1][1].end

    def _missing_dependency(self, struct: Struct) -> Id | None:
        for other, clock in struct.dependencies:
            # An element beyond those of this update is required of the document.
            if self._here.get(other, clock + 1) <= clock < self._ends[other]:
                return other, clock
        return None

    def _unblocked(self, client: int) -> Iterator[int]:
        blocked, here = self._blocked[client], self._here[client]
        while blocked and blocked[0][0] < here:
            yield heappop(blocked)[1]
