"""Bringing siblings into an order by moving as few of them as possible.

Siblings are sorted by whatever text a client wrote as their order. Beside one that is no order key
no other can be made, so such a sibling gets a new key as soon as somebody moves next to it.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from .fractional_index import fresh_keys, is_order_key, keys_between


def reordered(wanted: Sequence[tuple[str, str | None]]) -> dict[str, str]:
    """Return new orders for some of the siblings so that all stand as given.

    `wanted` has (key, present order) from first to last; None for a sibling that is yet to be
    placed. Nobody moves who stands right already. Where somebody comes to stand beside what is no
    order key, or between equal ones, more move: see `renewed`.
    """
    stays = _staying(wanted)
    if len(stays) == len(wanted):
        return {}
    try:
        return dict(_filled(wanted, stays))
    except ValueError:
        return renewed(wanted)


def moved(wanted: Sequence[tuple[str, str]]) -> list[str]:
    """Return the fewest siblings that must move, given (key, order) in the order wanted."""
    stays = _staying(wanted)
    return [key for number, (key, _) in enumerate(wanted) if number not in stays]


def renewed(wanted: Sequence[tuple[str, str | None]]) -> dict[str, str]:
    """Return new orders for all siblings without an order key, so that all stand as given.

    Of the others those keep theirs that stand right by it, also two equal ones unless somebody
    must stand between them; where there is no room left, all move.
    """
    usable = [(key, order if order and is_order_key(order) else None) for key, order in wanted]
    for is_strict in (False, True):
        try:
            return dict(_filled(usable, _staying(usable, is_strict=is_strict)))
        except ValueError:
            continue
    return dict(zip([key for key, _ in wanted], fresh_keys(len(wanted)), strict=True))


def _staying(wanted: Sequence[tuple[str, str | None]], *, is_strict: bool = False) -> set[int]:
    """Return the numbers of most siblings that can keep their orders, strictly: distinct ones."""
    standing = [n for n, (_, order) in enumerate(wanted) if order is not None]
    places = [(wanted[n][1] or "", "" if is_strict else wanted[n][0]) for n in standing]
    return {standing[n] for n in _longest_ascending(places)}


def _filled(wanted: Sequence[tuple[str, str | None]], stays: set[int]) -> Iterator[tuple[str, str]]:
    """Yield an order for every sibling that does not stay. Raises ValueError without room."""
    gap: list[str] = []
    before: str | None = None
    for number, (key, order) in enumerate((*wanted, ("", None))):
        if number < len(wanted) and number not in stays:
            gap.append(key)
            continue
        if gap:
            yield from zip(gap, keys_between(before, order, len(gap)), strict=True)
        gap, before = [], order


def _longest_ascending(values: Sequence[tuple[str, str]]) -> list[int]:
    """Return the indices of a longest ascending subsequence (patience sorting)."""
    tails: list[tuple[str, str]] = []
    ends: list[int] = []
    former: list[int] = []
    for index, value in enumerate(values):
        pile = bisect_left(tails, value)
        former.append(ends[pile - 1] if pile else -1)
        tails[pile : pile + 1] = [value]
        ends[pile : pile + 1] = [index]
    found = []
    at = ends[-1] if ends else -1
    while at >= 0:
        found.append(at)
        at = former[at]
    return found[::-1]
