"""Where a step stands among its siblings: fractional index strings, compared by code point.

The keys are those of the package `fractional-indexing` (npm; PyPI has a port), which editors use:
an integer part, whose first character gives its length ("a0" … "az", "b00" …; before "a0" come
"Zz", "Zy" …), and a fraction in base 62 behind it. Between two keys there is always room for
another, so moving a step never touches its siblings. Steps with equal keys (two people inserted at
the same place) stand in the order of their ids.

The algorithm is that of David Greenspan, https://observablehq.com/@dgreensp/implementing-fractional-indexing
"""

from collections.abc import Iterator
from itertools import islice, takewhile
from typing import Final

DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

MAX_ORDER: Final = 200
"""Longest key, in characters, next to which another one is made.

A key grows by one character for about six steps put at one place, and its cost by its length.
"""

_BASE: Final = len(DIGITS)
_VALUE: Final = {digit: value for value, digit in enumerate(DIGITS)}
_ZERO, _LAST = DIGITS[0], DIGITS[-1]
_SMALLEST: Final = "A" + _ZERO * 26
"""The smallest integer part; as a key it is refused, since nothing comes before it."""


def is_order_key(text: str) -> bool:
    """Whether a text is a key beside which others can be made; any text can be sorted by.

    It is one if the package accepts it, holds base 62 only, and has at most MAX_ORDER characters.
    """
    if not text or len(text) > MAX_ORDER or not _VALUE.keys() >= set(text):
        return False
    length = _integer_length(text[0])
    has_integer = 0 < length <= len(text)
    return has_integer and text != _SMALLEST and not text[length:].endswith(_ZERO)


def fresh_keys(n: int) -> list[str]:
    """Return `n` ascending keys for a slot in which nobody has one: "a0", "a1" and so on."""
    return keys_between(None, None, n)


def key_between(a: str | None, b: str | None) -> str:
    """Return a key after `a` and before `b`; None stands for no neighbour.

    Raises ValueError when a neighbour is no order key, or `a` does not come before `b`.
    """
    _check(a, b)
    if a is None:
        return f"a{_ZERO}" if b is None else _before(b)
    return _after(a) if b is None else _between(a, b)


def keys_between(a: str | None, b: str | None, n: int) -> list[str]:
    """Return `n` ascending keys after `a` and before `b`, evenly spread between two neighbours.

    At an open end they are consecutive integers. Raises ValueError as `key_between` does.
    """
    _check(a, b)
    if b is None:
        return list(islice(_onward(a), n))
    if a is None:
        return list(islice(_backward(b), n))[::-1]
    return _spread(a, b, n)


def _check(a: str | None, b: str | None) -> None:
    for key in (a, b):
        if key is not None and not is_order_key(key):
            raise ValueError(f"expected a fractional index such as 'a0', got {key[:20]!r}")
    if a is not None and b is not None and a >= b:
        raise ValueError(f"expected room between two order keys, got {a!r} and {b!r}")


def _onward(key: str | None) -> Iterator[str]:
    while True:
        key = f"a{_ZERO}" if key is None else _after(key)
        yield key


def _backward(key: str) -> Iterator[str]:
    while True:
        key = _before(key)
        yield key


def _spread(a: str, b: str, n: int) -> list[str]:
    if n == 0:
        return []
    middle, half = _between(a, b), n // 2
    return [*_spread(a, middle, half), middle, *_spread(middle, b, n - half - 1)]


def _before(key: str) -> str:
    integer, fraction = _parts(key)
    if integer == _SMALLEST:
        return integer + _midpoint("", fraction)
    if fraction:
        return integer
    lower = _decremented(integer)
    # Nothing comes before the smallest integer, so it is no key by itself.
    return lower if lower != _SMALLEST else lower + _midpoint("", None)


def _after(key: str) -> str:
    integer, fraction = _parts(key)
    return _incremented(integer) or integer + _midpoint(fraction, None)


def _between(a: str, b: str) -> str:
    integer, fraction = _parts(a)
    integer_of_b, fraction_of_b = _parts(b)
    if integer == integer_of_b:
        return integer + _midpoint(fraction, fraction_of_b)
    following = _incremented(integer)
    return following if following and following < b else integer + _midpoint(fraction, None)


def _midpoint(a: str, b: str | None) -> str:
    """Return a short fraction between two: `a` may be "" for zero, `b` None for one."""
    found = ""
    while True:
        if b is not None:
            common = _in_common(a, b)
            found, a, b = found + b[:common], a[common:], b[common:]
        low, high = _VALUE[a[0]] if a else 0, _BASE if b is None else _VALUE[b[0]]
        if high - low > 1:
            return found + DIGITS[(low + high + 1) // 2]
        if b is not None and len(b) > 1:
            return found + b[0]
        # The digits follow each other: what is between lies behind the lower one.
        found, a, b = found + DIGITS[low], a[1:], None


def _in_common(a: str, b: str) -> int:
    """Count the digits with which both fractions begin; behind its end `a` is all zeros."""
    pairs = zip(a.ljust(len(b), _ZERO), b, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _parts(key: str) -> tuple[str, str]:
    length = _integer_length(key[0])
    return key[:length], key[length:]


def _integer_length(head: str) -> int:
    """Return the length of an integer part by its first character, 0 if it can be none's."""
    if "a" <= head <= "z":
        return ord(head) - ord("a") + 2
    return ord("Z") - ord(head) + 2 if "A" <= head <= "Z" else 0


def _incremented(integer: str) -> str | None:
    """Return the next integer part, None after the largest."""
    head, digits = integer[0], integer[1:]
    if kept := digits.rstrip(_LAST):
        digit = DIGITS[_VALUE[kept[-1]] + 1]
        return head + (kept[:-1] + digit).ljust(len(digits), _ZERO)
    if head == "z":
        return None
    following = "a" if head == "Z" else chr(ord(head) + 1)
    return following.ljust(_integer_length(following), _ZERO)


def _decremented(integer: str) -> str:
    """Return the integer part before one that is not the smallest."""
    head, digits = integer[0], integer[1:]
    if kept := digits.rstrip(_ZERO):
        digit = DIGITS[_VALUE[kept[-1]] - 1]
        return head + (kept[:-1] + digit).ljust(len(digits), _LAST)
    former = "Z" if head == "a" else chr(ord(head) - 1)
    return former.ljust(_integer_length(former), _LAST)
