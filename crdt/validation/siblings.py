"""The steps that stand together in one slot: a line of them, each with a name of its own."""

from collections.abc import Iterator
from itertools import count
from typing import Final

from crdt.pipeline.fields import MAX_NAME
from crdt.pipeline.placement import Line

MAX_STEM: Final = MAX_NAME - len(" (999999999)")
"""Characters of a name that are kept when a number is added to it."""


class Siblings(Line):
    """The steps of one scope of the tables, where each has an index and a name of its own.

    Of steps with one name the smallest key keeps it; the others get " (2)", " (3)" and so on,
    passing over every name that a sibling declares. After changes, `settle` brings indices and
    names up to date; it looks only at the part of the line that moved.
    """

    def __init__(self) -> None:
        super().__init__()
        self._moved: list[int] = []
        self._growth = 0
        self._index: dict[str, int] = {}
        self._shared: set[str] = set()
        self._renamed: dict[str, str] = {}
        self._names_changed = False

    def index(self, key: str) -> int:
        """Return the place in the line, counted from 0, as of the last `settle`."""
        return self._index[key]

    def new_name(self, key: str) -> str | None:
        """Return the name a step has instead of the declared one, as of the last `settle`."""
        return self._renamed.get(key)

    def remove(self, key: str, order: str, name: str) -> None:
        """Take a step out of the line; order and name are those it was added with."""
        super().remove(key, order, name)
        del self._index[key]

    def settle(self) -> set[str]:
        """Bring indices and names up to date; return the keys for which one of them changed."""
        return self._settle_line() | self._settle_names()

    def _insert(self, key: str, order: str) -> int:
        at = super()._insert(key, order)
        self._moved.append(at)
        self._growth += 1
        return at

    def _delete(self, key: str, order: str) -> int:
        at = super()._delete(key, order)
        self._moved.append(at)
        self._growth -= 1
        return at

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
        super()._add_name(key, name)
        self._note_holders(name)

    def _remove_name(self, key: str, name: str) -> None:
        super()._remove_name(key, name)
        self._note_holders(name)

    def _note_holders(self, name: str) -> None:
        if len(self.named(name)) > 1:
            self._shared.add(name)
        else:
            self._shared.discard(name)
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
            for key in self.named(name)[1:]:
                names[key] = self._free_name(stem, numbering)
        return names

    def _free_name(self, stem: str, numbering: Iterator[int]) -> str:
        candidates = (f"{stem} ({number})" for number in numbering)
        return next(name for name in candidates if not self.named(name))
