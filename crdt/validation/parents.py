"""Which step contains which: the parents that steps declare, made into a tree without cycles.

Every step declares at most one parent, so each connected group of steps has at most one cycle. The
cycle is cut above its smallest id; a parent that does not exist counts as none. The result depends
on nothing but the declared parents, so all replicas agree, and an update costs as much as the paths
from the changed steps to their roots are long.
"""

from collections.abc import Iterable, Mapping

from crdt.pipeline.model import MISSING, Missing


class Parents:
    """The effective parent of every step."""

    def __init__(self) -> None:
        self._declared: dict[str, str | None] = {}
        self._children: dict[str, set[str]] = {}
        self._cycles: dict[str, tuple[str, ...]] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._declared

    def parent(self, key: str) -> str | None:
        """Return the step that holds this one in the tables, None at the top level."""
        declared = self._declared[key]
        return None if declared not in self._declared or self.cycle(key) else declared

    def cycle(self, key: str) -> tuple[str, ...]:
        """Return the cycle that is cut above this step, sorted; empty if there is none."""
        cycle = self._cycles.get(key, ())
        return cycle if cycle and cycle[0] == key else ()

    def dangles(self, key: str) -> bool:
        """Whether the declared parent does not exist."""
        declared = self._declared[key]
        return declared is not None and declared not in self._declared

    def update(self, parents: Mapping[str, str | Missing | None]) -> set[str]:
        """Take declared parents (MISSING: the step is gone); return all keys this may concern."""
        changed = {key for key, parent in parents.items() if self._declares_anew(key, parent)}
        concerned = set(changed)
        for key in changed:
            if (key in self._declared) != (parents[key] is not MISSING):
                concerned |= self._children.get(key, frozenset())
            self._declare(key, parents[key])
        concerned |= self._open_cycles(changed)
        concerned |= self._close_cycles(changed)
        return concerned

    def _declares_anew(self, key: str, parent: str | Missing | None) -> bool:
        return self._declared.get(key, MISSING) != parent

    def _declare(self, key: str, parent: str | Missing | None) -> None:
        former = self._declared.pop(key, None)
        if former is not None:
            self._children[former].discard(key)
            if not self._children[former]:
                del self._children[former]
        if isinstance(parent, str):
            self._children.setdefault(parent, set()).add(key)
        if parent is not MISSING:
            self._declared[key] = parent

    def _open_cycles(self, changed: Iterable[str]) -> set[str]:
        """Forget the cycles a changed step was on; return where they were cut."""
        opened = set()
        for key in changed:
            if cycle := self._cycles.get(key):
                opened.add(cycle[0])
                for member in cycle:
                    del self._cycles[member]
        return opened

    def _close_cycles(self, changed: Iterable[str]) -> set[str]:
        """Find the cycles a changed step is on, each walked once; return where they are cut."""
        closed: set[str] = set()
        seen: set[str] = set()
        for key in changed:
            if cycle := self._cycle_above(key, seen):
                closed.add(cycle[0])
                self._cycles.update(dict.fromkeys(cycle, cycle))
        return closed

    def _cycle_above(self, key: str, seen: set[str]) -> tuple[str, ...]:
        """Walk up from a step over steps not seen yet; return the new cycle this ends in."""
        way: dict[str, int] = {}
        at: str | None = key
        while at in self._declared and at not in seen and at not in self._cycles:
            seen.add(at)
            way[at] = len(way)
            at = self._declared[at]
        return tuple(sorted(list(way)[way[at] :])) if at in way else ()
