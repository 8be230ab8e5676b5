"""Where a step stands among its siblings: fractional index strings, compared by code point.

A key is a base 62 fraction: "V" is 31/62, "V1" a little more. Between two keys there is always
room for another, so moving a step never touches its siblings. Steps with equal keys (two people
inserted at the same place) stand in the order of their ids.
"""

from collections.abc import Iterable
from typing import Final

DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

_BASE = len(DIGITS)
_VALUE = {digit: value for value, digit in enumerate(DIGITS)}
_ROOM_AT_AN_END = 4


def key_between(a: str | None, b: str | None) -> str:
    """Return a key after `a` and before `b`; None stands for no neighbour. Raises ValueError."""
    return keys_between(a, b, 1)[0]


def keys_between(a: str | None, b: str | None, n: int) -> list[str]:
    """Return `n` ascending keys after `a` and before `b`, as short as they can be evenly spread.

    At an open end the keys stay close to the neighbour instead, so that appending step after step
    does not lengthen them. No key ends in "0". Raises ValueError when a neighbour is not base 62
    or nothing fits between them ("a" and "a0" are the same fraction).
    """
    _check(a, b)
    length = 1 if (a is None) == (b is None) else max(len(a or b or ""), _ROOM_AT_AN_END)
    while True:
        low, high = _floor(a, length), _ceiling(b, length)
        if high - low > n:
            return [_text(value, length) for value in _spread(a, b, low, high, n)]
        length += 1


def _check(a: str | None, b: str | None) -> None:
    for key in (a, b):
        if key is not None and not _VALUE.keys() >= set(key):
            raise ValueError(f"expected an order key in base 62, got {key!r}")
    if b is not None and (a or "").rstrip("0") >= b.rstrip("0"):
        raise ValueError(f"expected room between two order keys, got {a!r} and {b!r}")


def _spread(a: str | None, b: str | None, low: int, high: int, n: int) -> Iterable[int]:
    """Choose `n` values strictly between `low` and `high`."""
    if b is None and a is not None:
        return range(low + 1, low + n + 1)
    if a is None and b is not None:
        return range(high - n, high)
    return (low + (high - low) * (i + 1) // (n + 1) for i in range(n))


def _floor(key: str | None, length: int) -> int:
    """Return the largest fraction of `length` digits that is at most `key`, 0 for no key."""
    value = 0
    for digit in (key or "")[:length].ljust(length, DIGITS[0]):
        value = value * _BASE + _VALUE[digit]
    return value


def _ceiling(key: str | None, length: int) -> int:
    if key is None:
        return int(_BASE**length)
    return _floor(key, length) + bool(key[length:].strip(DIGITS[0]))


def _text(value: int, length: int) -> str:
    digits = []
    for _ in range(length):
        value, digit = divmod(value, _BASE)
        digits.append(DIGITS[digit])
    return "".join(reversed(digits)).rstrip(DIGITS[0])
