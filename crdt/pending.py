"""Updates whose predecessors are missing, kept as received until those arrive.

The library keeps such updates too, but it tells nobody, encodes only some of them, and loses those
of several clients that wait for each other (pycrdt 0.14.13: edits of 223 out of 300 histories
delivered in random order). Merging the bytes loses nothing, so that is what happens here.
Confessed: what waits for ever costs memory, and time whenever others join it; nothing but the size
and rate of messages limits it.
Confessed, too: merged with a document that it overlaps, an update that waits comes out with a gap
of negative length, which `update_format` refuses to read.
"""

from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise
from typing import TypeAlias

from pycrdt import merge_updates

from .encoding import Reader
from .errors import ProtocolError
from .update_format import DeleteSet, Id, Struct, Structs, find, read_deletions, read_structs

StateVector: TypeAlias = Mapping[int, int]
"""client -> how many of its elements are here"""


def read_state_vector(encoded: bytes) -> dict[int, int]:
    """Read a state vector: varUint clients, clients × (varUint client, varUint clock)."""
    reader = Reader(encoded)
    return {reader.var_uint(): reader.var_uint() for _ in range(reader.var_uint())}


_NOTHING = Struct(0, 0)


class Pending:
    """The updates of one document that wait for others."""

    def __init__(self) -> None:
        self._updates: dict[bytes, Structs] = {}
        self._by_client: defaultdict[int, list[Structs]] = defaultdict(list)
        self._lacking: set[Id] = set()
        self._circle_closed = False

    def __bool__(self) -> bool:
        return bool(self._updates)

    def keep_unless_whole(
        self, update: bytes, state: StateVector, structs: Structs | None = None
    ) -> bool:
        """Keep an update, already applied, if some predecessor is missing; whether it is kept.

        `structs` is what it inserts, if that has been read.
        """
        try:
            structs = structs or read_structs(update)
            lacking = _lacking(structs, read_deletions(update), state)
        except ProtocolError:
            # The library has read it, so it is no garbage; but no honest client writes like that.
            return False
        if not lacking or update in self._updates:
            return False
        self._circle_closed |= all(self._is_in_another(element) for element in lacking)
        self._lacking |= lacking
        self._updates[update] = structs
        for client in structs:
            self._by_client[client].append(structs)
        return True

    def _is_in_another(self, element: Id) -> bool:
        return any(find(structs, element) for structs in self._by_client.get(element[0], ()))

    def is_due(self, state: StateVector) -> bool:
        """Whether something that was missing has arrived, or nothing but each other is missing."""
        return self._circle_closed or any(
            clock < state.get(client, 0) for client, clock in self._lacking
        )

    def merged_into(self, update: bytes) -> bytes:
        """Encode the given update and all that wait as one."""
        return merge_updates(update, *self._updates)

    def take(self) -> list[bytes]:
        """Forget the updates that wait and return them, to be applied once more, as one."""
        waiting = list(self._updates)
        self._updates.clear()
        self._by_client.clear()
        self._lacking.clear()
        self._circle_closed = False
        return waiting

    def put_back(self, updates: list[bytes], state: StateVector) -> None:
        """Keep those of the updates taken that have been applied and still wait."""
        for update in updates:
            self.keep_unless_whole(update, state)
        self._circle_closed = False


def _lacking(structs: Structs, deletions: DeleteSet, state: StateVector) -> set[Id]:
    """Return elements, one for every gap at least, that an update needs and that are not here."""
    needed = [*_places(structs), *_predecessors(structs), *_deleted(deletions)]
    return {
        element
        for element in needed
        if element[1] >= state.get(element[0], 0) and find(structs, element) is None
    }


def _places(structs: Structs) -> list[Id]:
    """Return the elements in which the structs lie or beside which they stand."""
    return [
        element
        for found in structs.values()
        for struct in found
        for element in ((struct.parent,) if struct.parent else struct.origins)
    ]


def _predecessors(structs: Structs) -> list[Id]:
    """Return the elements before the first of each client, and before each gap."""
    return [
        (client, struct.clock - 1)
        for client, found in structs.items()
        for before, struct in pairwise([_NOTHING, *found])
        if before.clock + before.length < struct.clock
    ]


def _deleted(deletions: DeleteSet) -> list[Id]:
    return [
        (client, clock + length - 1)
        for client, ranges in deletions.items()
        for clock, length in ranges
        if length
    ]
