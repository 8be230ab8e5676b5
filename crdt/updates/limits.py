"""How much one update may cost a server, and how large and deep it may make a document.

What one node accepted from a client, all nodes must replay, together with what others accepted at
the same time. So there are two sets of limits, and one between them for released pending structs.
"""

import sys
from dataclasses import dataclass, replace
from math import inf
from typing import Final

PART_SECONDS: Final = 4e-6
"""How long applying one ordinary part takes the library at most."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits beyond which an update is refused.

    `depth` limits how deep shared types lie within each other once the update is applied, so that
    with the values in them no more than 900 levels are to be read, at which Python's JSON parser
    still succeeds. `pending_types` limits how many shared types depend on missing elements, since
    their depth is unknown.
    `parts` limits the structs, values and deleted ranges of one update together, a client counting
    as ten; each costs a few microseconds, however small it is. `pending_parts` is the same for an
    update with pending structs, since the room itself has to take that apart.

    `leftover_bytes` may follow behind the update: nothing reads them, so whoever sent them means
    something else by the whole. An update of format V2 is an empty one of V1 with bytes left over.

    The other limits are for what costs the library more than its number. `map_conflicts` are
    structs that set a key of a map without naming the value that they replace; it takes 2 ns times
    their square. `copied_bytes` are held at once to join runs of text or values that an honest
    client has joined already: 10,000 values in 60 KB take 2.3 GB. `seconds`, and `PART_SECONDS`
    more for each part, is how long applying an update of many positions may take. That depends on
    the document: 5,000 values, each behind another one of 5,000 neighbours and before what is far
    away, take five seconds, and so does deleting every second one of 50,000 characters of a text.
    """

    depth: int
    pending_types: int
    parts: int
    pending_parts: int
    map_conflicts: int
    copied_bytes: int
    seconds: float
    leftover_bytes: int


ACCEPTED: Final = Limits(
    depth=400,
    pending_types=1_000,
    parts=500_000,
    pending_parts=20_000,
    map_conflicts=1_000,
    copied_bytes=64 * 1024 * 1024,
    seconds=0.3,
    leftover_bytes=0,
)
"""For an update of a client. A first sync of 10,000 steps has some 460,000 parts."""

REPLAYED: Final = Limits(
    depth=4_000,
    pending_types=2_000,
    parts=sys.maxsize,
    pending_parts=sys.maxsize,
    map_conflicts=sys.maxsize,
    copied_bytes=sys.maxsize,
    seconds=inf,
    leftover_bytes=sys.maxsize,
)
"""For updates from the log and from other nodes, which were checked when they were accepted."""

FOLLOWED: Final = replace(REPLAYED, seconds=24 * 3600.0)
"""As `REPLAYED`, but in chunks, whose number shows what may be dear (`Document.is_dear`)."""

RELEASED: Final = replace(REPLAYED, seconds=ACCEPTED.seconds)
"""For pending structs that an update of a client releases: they were checked when they arrived."""
