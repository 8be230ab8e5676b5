"""How much one update may ask of a server, and what a document may come to.

What one node accepted from a client, all must replay, together with what others accepted at once;
so there are two sets of limits, and one between them for what has waited.
"""

import sys
from dataclasses import dataclass, replace
from math import inf
from typing import Final

PART_SECONDS: Final = 4e-6
"""What an honest part takes the library at most, when it is applied."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an update is refused for.

    `depth` limits how deep shared types lie within each other once the update is applied, and
    `early` how many wait for what they are to lie in: nobody can tell yet how deep. `parts` limits
    the structs, values and deleted ranges of one update together, a client counting as ten; each
    costs a few microseconds, however small it is. `early_parts` is the same for an update of which
    anything lacks its predecessors, since that is taken apart in the room.

    The rest limits what costs the library more than its number. `rivals` are structs that claim a
    key of a map as if nobody else had; their square costs 2 ns. `copies` are the bytes that it
    holds at once to join runs of text or values which an honest client has joined already: 10,000
    values in 60 KB take 2.3 GB. `seconds` of computing, and `PART_SECONDS` more for each part, is
    what an update of many places may take; what that comes to depends on the document: 5,000
    values, each behind another one of 5,000 neighbours and before what is far away, take five
    seconds, and so does deleting every second one of 50,000 characters of a long text.
    """

    depth: int
    early: int
    parts: int
    early_parts: int
    rivals: int
    copies: int
    seconds: float


ACCEPTED: Final = Limits(
    depth=1_000,
    early=500,
    parts=500_000,
    early_parts=20_000,
    rivals=1_000,
    copies=64 * 1024 * 1024,
    seconds=0.3,
)
"""For an update of a client. A first sync of 10,000 steps has some 460,000 parts."""

REPLAYED: Final = Limits(
    depth=4_000,
    early=2_000,
    parts=sys.maxsize,
    early_parts=sys.maxsize,
    rivals=sys.maxsize,
    copies=sys.maxsize,
    seconds=inf,
)
"""For what comes from the log and from other nodes."""

FREED: Final = replace(REPLAYED, seconds=ACCEPTED.seconds)
"""For what a client's update brings in of those that waited: each was checked when it came."""
