"""Where an update cuts texts, once a document merges it.

As in Yjs (src/structs/Item.js: getMissing, integrate; src/utils/DeleteSet.js), it cuts behind the
left neighbour of each struct, before its right neighbour, where a struct goes beyond what is here
of its client, and at both ends of each deleted range. Structs and deletions that the document knows
count as well: Yjs cuts there, too, before it finds that out.
"""

from collections.abc import Mapping

from ..delete_set import DeleteSet
from ..format import HAS_LEFT, HAS_RIGHT, Id, Struct, Structs


def cuts(
    update: bytes, structs: Structs, deletions: DeleteSet, state: Mapping[int, int]
) -> list[Id]:
    """Return the id of the first element behind each cut that merging an update makes.

    `state` is what the document has before, as a state vector. The same cut may come repeatedly.
    """
    found: list[Id] = []
    for client, run in structs.items():
        here = state.get(client, 0)
        for struct in run:
            if struct.clock < here < struct.clock + struct.length:
                found.append((client, here))
            if struct.dependencies and not struct.is_child:
                _add_neighbours(found, update[struct.start], struct)
    for client, ranges in deletions.items():
        for clock, length in ranges:
            found += (client, clock), (client, clock + length)
    return found


def _add_neighbours(found: list[Id], info: int, struct: Struct) -> None:
    if info & HAS_LEFT:
        client, clock = struct.dependencies[0]
        found.append((client, clock + 1))
    if info & HAS_RIGHT:
        found.append(struct.dependencies[-1])
