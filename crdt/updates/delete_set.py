"""Delete sets: which elements an update or a document deletes."""

from bisect import bisect_right
from typing import TypeAlias

DeleteSet: TypeAlias = dict[int, list[tuple[int, int]]]
"""client -> [(clock, length)]"""


def merge_ranges(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Merge ranges (clock, length) that touch; return [(start, stop)] in ascending order."""
    joined: list[tuple[int, int]] = []
    for clock, length in sorted(ranges):
        if joined and clock <= joined[-1][1]:
            start, stop = joined.pop()
            joined.append((start, max(stop, clock + length)))
        elif length:
            joined.append((clock, clock + length))
    return joined


def includes_deletions(known: DeleteSet, other: DeleteSet) -> bool:
    """Whether `known` includes everything that `other` deletes."""
    return all(
        _includes(merge_ranges(known.get(client, [])), merge_ranges(ranges))
        for client, ranges in other.items()
    )


def _includes(known: list[tuple[int, int]], spans: list[tuple[int, int]]) -> bool:
    # Every client that joins sends its delete set, which may have thousands of ranges.
    starts = [start for start, _ in known]

    def is_known(start: int, stop: int) -> bool:
        index = bisect_right(starts, start) - 1
        return index >= 0 and stop <= known[index][1]

    return all(is_known(start, stop) for start, stop in spans)
