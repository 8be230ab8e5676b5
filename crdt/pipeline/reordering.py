"""Bringing siblings into an order by moving as few of them as possible."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final

from .fractional_index import DIGITS, keys_between

MAX_ORDER: Final = 200
"""Longest fractional index, in characters, next to which another one is made.

A key grows by one character for about six steps put at one place, and its cost by its square.
"""

_DIGITS: Final = frozenset(DIGITS)


def is_usable_order(order: str) -> bool:
    """Whether a fractional index can have neighbours: base 62, not too long, not zero."""
    return bool(order.rstrip("0")) and len(order) <= MAX_ORDER and _DIGITS.issuperset(order)


def reordered(wanted: Sequence[tuple[str, str | None]]) -> dict[str, str]:
    """Return new orders for some of the siblings so that all stand as given.

    `wanted` has (key, present order) from first to last; None for a sibling that is yet to be
    placed. Nobody moves who stands right already. Where there is no room left, all move.
    """
    standing = [n for n, (_, order) in enumerate(wanted) if order is not None]
    places = [(wanted[n][1] or "", wanted[n][0]) for n in standing]
    stays = {standing[n] for n in _longest_ascending(places)}
    if len(stays) == len(wanted):
        return {}
    try:
        return dict(_filled(wanted, stays))
    except ValueError:
        orders = keys_between(None, None, len(wanted))
        return {key: order for (key, _), order in zip(wanted, orders, strict=True)}


def _filled(wanted: Sequence[tuple[str, str | None]], stays: set[int]) -> Iterator[tuple[str, str]]:
    """Yield an order for every sibling that does not stay. Raises ValueError without room."""
    gap: list[str] = []
    before: str | None = None
    for number, (key, order) in enumerate((*wanted, ("", None))):
        if number < len(wanted) and number not in stays:
            gap.append(key)
            continue
        if gap:
            yield from zip(gap, between(before, order, len(gap)), strict=True)
        gap, before = [], order


def between(before: str | None, after: str | None, count: int = 1) -> list[str]:
    """Return orders between two siblings'. Raises ValueError where there is no room."""
    for order in (before, after):
        if order is not None and not is_usable_order(order):
            raise ValueError(f"expected a fractional index, got {order[:20]!r}")
    return keys_between(before, after, count)


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
