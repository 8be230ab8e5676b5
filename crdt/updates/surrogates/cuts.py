"""Where an update cuts texts, once a document merges it.

As in Yjs (src/structs/Item.js: getMissing, integrate; src/utils/DeleteSet.js), it cuts behind the
left neighbour of each struct, before its right neighbour, where a struct goes beyond what is here
of its client, and at both ends of each deleted range. Structs and deletions that the document knows
count as well: Yjs cuts there, too, before it finds that out.
"""

from collections.abc import Iterator, Mapping

from ..delete_set import DeleteSet
from ..format import HAS_LEFT, HAS_RIGHT, Id, Struct, Structs


def cuts(
    update: bytes, structs: Structs, deletions: DeleteSet, state: Mapping[int, int]
) -> Iterator[Id]:
    """Yield the id of the first element behind each cut that merging an update makes.

    `state` is what the document has before, as a state vector. The same cut may come repeatedly.
    """
    for client, found in structs.items():
        yield from _overlaps(client, found, state.get(client, 0))
        for struct in found:
            if struct.dependencies and not struct.is_child:
                yield from _neighbours(update[struct.start], struct)
    for client, ranges in deletions.items():
        for clock, length in ranges:
            yield client, clock
            yield client, clock + length


def _overlaps(client: int, found: list[Struct], here: int) -> Iterator[Id]:
    for struct in found:
        if struct.clock >= here:
            return
        if struct.end > here:
            yield client, here
            return


def _neighbours(info: int, struct: Struct) -> Iterator[Id]:
    if info & HAS_LEFT:
        client, clock = struct.dependencies[0]
        yield client, clock + 1
    if info & HAS_RIGHT:
        yield struct.dependencies[-1]
