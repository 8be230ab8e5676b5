"""Slices of an encoded document: byte ranges that become updates, to be applied one after another.

The CRDT library holds the interpreter while it applies an update, so a large document is loaded
slice by slice, and other threads run in between. What a struct depends on lies in its slice or in
one before, or the library would keep it as pending. Where a state can be cut so is found once,
when it is stored, and written as

    slices = digest of the state and of what follows here, varUint slices,
             slices × (varUint runs, runs × run), varUint start of the delete set
    run    = varUint client, varUint structs, varUint clock, varUint end clock,
             varUint start, varUint stop

A run says where in the state the structs of a client stand; the delete set is applied last.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final, NamedTuple

from crdt.errors import MalformedUpdate, ProtocolError
from crdt.protocol.lib0 import Reader, var_uint

from .format import SKIP, Id, Struct, read_struct
from .inspection import IntegrationOrder
from .state_vector import StateVector
from .surrogates.simple_structs import SIMPLE_STRUCT

MIN_STATE_BYTES: Final = 256 * 1024
"""A state of fewer bytes is one slice: the library loads it in some milliseconds."""

SLICE_WEIGHT: Final = 5_000
"""Of so many structs a slice is, a kilobyte counting as one: the library applies it in 5 ms."""

BYTES_PER_WEIGHT: Final = 1_000

SEGMENT_STRUCTS: Final = 500
"""Structs of one client that are in one slice in any case."""

DIGEST_BYTES: Final = 16

NOTHING: Final[tuple[Id, ...]] = ()

NO_SLICES: Final = b""
"""The slices of a state that is applied as a whole."""


class Run(NamedTuple):
    """Consecutive structs of one client, from `clock` to `end`: bytes `start` to `stop`."""

    client: int
    structs: int
    clock: int
    end: int
    start: int
    stop: int

    def weight(self) -> int:
        """What applying it costs, about."""
        return self.structs + (self.stop - self.start) // BYTES_PER_WEIGHT


@dataclass(frozen=True, slots=True)
class Slices:
    """The slices of one state; iterate over them to get them as updates."""

    state: bytes
    slices: list[list[Run]]
    deletions: int
    """Where in the state the delete set starts."""

    def __iter__(self) -> Iterator[bytes]:
        for number, runs in enumerate(self.slices, 1):
            yield self._update(runs, is_last=number == len(self.slices))

    def _update(self, runs: list[Run], *, is_last: bool) -> bytes:
        parts = [var_uint(len(runs))]
        for run in runs:
            parts += map(var_uint, (run.structs, run.client, run.clock))
            parts.append(self.state[run.start : run.stop])
        parts.append(self.state[self.deletions :] if is_last else b"\x00")
        return b"".join(parts)

    @property
    def state_vector(self) -> StateVector:
        """What a document has that has applied all of them."""
        return {run.client: run.end for runs in self.slices for run in runs}


def find_slices(state: bytes) -> bytes:
    """Find where an encoded document can be cut, and write that.

    NO_SLICES if it need not be cut, or cannot be since it holds structs that wait. Takes a
    microsecond per struct. Raises MalformedUpdate.
    """
    if len(state) < MIN_STATE_BYTES:
        return NO_SLICES
    try:
        found = _find(state)
    except ProtocolError as error:
        raise MalformedUpdate(f"state cannot be decoded: {error}") from error
    return NO_SLICES if found is None or len(found.slices) < 2 else _written(found)


def sliced(state: bytes, slices: bytes) -> Slices | None:
    """Return the slices of a state as they were written; None if they are not those of this state.

    A program that knows nothing of slices stores a state beside those of the state before. Nor are
    they those of this state if a byte of them has changed since.
    """
    if slices[:DIGEST_BYTES] != _digest(state, slices[DIGEST_BYTES:]):
        return None
    try:
        return _read(state, slices)
    except ProtocolError:
        return None


def _digest(state: bytes, written: bytes) -> bytes:
    found = blake2b(state, digest_size=DIGEST_BYTES)
    found.update(written)
    return found.digest()


def _written(slices: Slices) -> bytes:
    numbers = [len(slices.slices)]
    for runs in slices.slices:
        numbers.append(len(runs))
        for run in runs:
            numbers += run
    written = b"".join(map(var_uint, (*numbers, slices.deletions)))
    return _digest(slices.state, written) + written


def _read(state: bytes, slices: bytes) -> Slices:
    reader = Reader(slices)
    reader.skip(DIGEST_BYTES)
    found = [
        [Run(*(reader.var_uint() for _ in Run._fields)) for _ in range(reader.count())]
        for _ in range(reader.count())
    ]
    return Slices(state, found, reader.var_uint())


def _find(state: bytes) -> Slices | None:
    """Return the slices of a state; None if its structs cannot be brought into an order."""
    segments, deletions = _Segments(state), 0
    deletions = segments.read()
    spans = {one: (found[0].clock, found[-1].end) for one, found in segments.found.items()}
    if any(first for first, _ in spans.values()):
        return None
    integration = IntegrationOrder(segments.found, spans)
    if segments.has_gaps or not integration.find():
        return None
    writer = _SliceWriter()
    for client, segment in integration.order:
        structs = segments.structs[segment.start]
        writer.add(Run(client, structs, segment.clock, segment.end, segment.start, segment.stop))
    return Slices(state, writer.finish(), deletions)


class _Segments:
    """Reads a state as segments: structs of one client, of which the first may need other clients.

    `found` has them by client, in the form of structs. `structs` is how many are in the one that
    starts at a byte.
    """

    def __init__(self, state: bytes) -> None:
        self._state, self._reader = state, Reader(state)
        self.found: dict[int, list[Struct]] = {}
        self.structs: dict[int, int] = {}
        self.has_gaps = False

    def read(self) -> int:
        """Read all structs; return where the delete set starts. Raises ProtocolError."""
        for _ in range(self._reader.count()):
            structs, start = self._reader.count(), self._reader.position
            client = self._reader.var_uint()
            own = self._state[start : self._reader.position]
            clock = self._reader.var_uint()
            if structs:
                self.found[client] = []
                self._read_client(client, own, clock, structs)
        return self._reader.position

    def _read_client(self, client: int, own: bytes, clock: int, structs: int) -> None:
        state, reader, match = self._state, self._reader, SIMPLE_STRUCT.match
        segment = _Segment(clock, reader.position)
        for _ in range(structs):
            start, needed = reader.position, NOTHING
            simple = match(state, start)
            if simple is not None and _is_own(own, *simple.group("client", "other")):
                reader.position, end = simple.end(), clock + 1
            else:
                end, needed = self._read_struct(client, clock)
            if needed or segment.structs >= SEGMENT_STRUCTS:
                self._add(client, segment, clock, start)
                segment = _Segment(clock, start, needed)
            segment.structs += 1
            clock = end
        self._add(client, segment, clock, reader.position)

    def _read_struct(self, client: int, clock: int) -> tuple[int, tuple[Id, ...]]:
        """Read the next struct; return the clock after it, and what it needs of other clients."""
        self.has_gaps |= self._state[self._reader.position] == SKIP
        struct, _ = read_struct(self._reader, client, clock)
        return struct.end, tuple(one for one in struct.dependencies if one[0] != client)

    def _add(self, client: int, segment: "_Segment", clock: int, stop: int) -> None:
        if segment.structs:
            length = clock - segment.clock
            made = Struct(segment.clock, length, segment.needed, start=segment.start, stop=stop)
            self.found[client].append(made)
            self.structs[segment.start] = segment.structs


@dataclass(slots=True)
class _Segment:
    """A segment that is being read: where it starts, and what its first struct needs."""

    clock: int
    start: int
    needed: tuple[Id, ...] = NOTHING
    structs: int = 0


def _is_own(own: bytes, client: bytes | None, other: bytes | None) -> bool:
    """Whether a struct depends on its own client alone, or on nothing; ids as they are written."""
    return (client is None or client == own) and (other is None or other == own)


@dataclass(slots=True)
class _SliceWriter:
    """Collects runs, in an order in which they can be applied, for slices."""

    _slices: list[list[Run]] = field(default_factory=list)
    _runs: dict[int, Run] = field(default_factory=dict)
    _weight: int = 0

    def add(self, run: Run) -> None:
        """Add a run. The runs of a client follow each other, in the state and here."""
        last = self._runs.get(run.client)
        if last is not None:
            structs = last.structs + run.structs
            joined = last._replace(structs=structs, end=run.end, stop=run.stop)
            self._runs[run.client] = joined
        else:
            self._runs[run.client] = run
        self._weight += run.weight()
        if self._weight >= SLICE_WEIGHT:
            self._cut()

    def finish(self) -> list[list[Run]]:
        """Return all slices."""
        self._cut()
        return self._slices

    def _cut(self) -> None:
        if self._runs:
            self._slices.append(list(self._runs.values()))
        self._runs, self._weight = {}, 0
