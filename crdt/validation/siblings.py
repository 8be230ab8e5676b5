"""The steps that stand together in one slot: a line of them, each with a name of its own."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from itertools import count
from typing import Final

from crdt.pipeline.fields import MAX_NAME

MAX_STEM: Final = MAX_NAME - len(" (999999999)")
"""Characters of a name that are kept when a number is added to it."""


class Siblings:
    """The steps of one (parent, slot), sorted by (order, key).

    Of steps with one name the smallest key keeps it; the others get " (2)", " (3)" and so on,
    passing over every name that a sibling declares. After changes, `settle` brings indices and
    names up to date; it looks only at the part of the line that moved.
    """

    def __init__(self) -> None:
        self._line: list[tuple[str, str]] = []
        self._moved: list[int] = []
        self._growth = 0
        self._index: dict[str, int] = {}
        self._keys: dict[str, list[str]] = {}
        self._shared: set[str] = set()
        self._renamed: dict[str, str] = {}
        self._names_changed = False

    def __bool__(self) -> bool:
        return bool(self._line)

    def index(self, key: str) -> int:
        """Return the place in the line, counted from 0, as of the last `settle`."""
        return self._index[key]

    def new_name(self, key: str) -> str | None:
        """Return the name a step has instead of the declared one, as of the last `settle`."""
        return self._renamed.get(key)

    def add(self, key: str, order: str, name: str) -> None:
        """Put a step in line."""
        self._insert(key, order)
        self._add_name(key, name)

    def remove(self, key: str, order: str, name: str) -> None:
        """Take a step out of the line; order and name are those it was added with."""
        self._delete(key, order)
        self._remove_name(key, name)
        del self._index[key]

    def move(self, key: str, former: str, order: str) -> None:
        """Give a step another order."""
        self._delete(key, former)
        self._insert(key, order)

    def rename(self, key: str, former: str, name: str) -> None:
        """Give a step another name."""
        self._remove_name(key, former)
        self._add_name(key, name)

    def settle(self) -> set[str]:
        """Bring indices and names up to date; return the keys for which one of them changed."""
        return self._settle_line() | self._settle_names()

    def _insert(self, key: str, order: str) -> None:
        at = bisect_left(self._line, (order, key))
        self._line.insert(at, (order, key))
        self._moved.append(at)
        self._growth += 1

    def _delete(self, key: str, order: str) -> None:
        at = bisect_left(self._line, (order, key))
        del self._line[at]
        self._moved.append(at)
        self._growth -= 1

    def _settle_line(self) -> set[str]:
        changed = set()
        for at in self._unsettled():
            key = self._line[at][1]
            if self._index.get(key) != at:
                self._index[key] = at
                changed.add(key)
        self._moved.clear()
        self._growth = 0
        return changed

    def _unsettled(self) -> range:
        """Return the places whose steps may have changed.

        Where as many steps came as went, those behind the last change stand where they stood;
        every change may have shifted it by one.
        """
        if not self._moved:
            return range(0)
        end = len(self._line)
        if not self._growth:
            end = min(end, max(self._moved) + len(self._moved))
        return range(min(self._moved), end)

    def _add_name(self, key: str, name: str) -> None:
        insort(self._keys.setdefault(name, []), key)
        self._share(name)

    def _remove_name(self, key: str, name: str) -> None:
        keys = self._keys[name]
        del keys[bisect_left(keys, key)]
        self._share(name)

    def _share(self, name: str) -> None:
        holders = len(self._keys[name])
        if holders > 1:
            self._shared.add(name)
        else:
            self._shared.discard(name)
        if not holders:
            del self._keys[name]
        self._names_changed = True

    def _settle_names(self) -> set[str]:
        if not self._names_changed:
            return set()
        self._names_changed = False
        before, self._renamed = self._renamed, self._numbered()
        return {key for key, _ in before.items() ^ self._renamed.items()}

    def _numbered(self) -> dict[str, str]:
        """Return the new names of all steps whose name belongs to a smaller key."""
        numbers: dict[str, Iterator[int]] = {}
        names = {}
        for name in sorted(self._shared):
            stem = name[:MAX_STEM]
            # One count per stem, since long names may share it.
            numbering = numbers.setdefault(stem, count(2))
            for key in self._keys[name][1:]:
                names[key] = self._free_name(stem, numbering)
        return names

    def _free_name(self, stem: str, numbering: Iterator[int]) -> str:
        candidates = (f"{stem} ({number})" for number in numbering)
        return next(name for name in candidates if name not in self._keys)
