"""Which siblings read each other's output in a circle: the strongly connected parts of each list.

An edge leads from the step that is read to the one that reads it. Edges belong to whoever causes
them, a step or a connection, and a list is looked at again only when one of its edges has changed.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TypeAlias

from crdt.pipeline.placement import Scope

Edge: TypeAlias = tuple[Scope, str, str]
"""The list in which both steps stand, the step that is read, and the one that reads."""

Graph: TypeAlias = Mapping[str, Mapping[str, int]]


class DataCycles:
    """All cycles, each under its smallest key."""

    def __init__(self) -> None:
        self._edges: dict[str, frozenset[Edge]] = {}
        self._graphs: dict[Scope, dict[str, Counter[str]]] = {}
        self._cycles: dict[Scope, dict[str, tuple[str, ...]]] = {}
        self._cycle_of: dict[str, tuple[str, ...]] = {}
        self._unsettled: set[Scope] = set()

    def put(self, owner: str, edges: Collection[Edge]) -> None:
        """Replace the edges of an owner."""
        former = self._edges.pop(owner, frozenset())
        present = frozenset(edges)
        if present:
            self._edges[owner] = present
        for edge in former - present:
            self._remove(edge)
        for scope, read, reader in present - former:
            self._graphs.setdefault(scope, {}).setdefault(read, Counter())[reader] += 1
            self._unsettled.add(scope)

    def cycle_of(self, key: str) -> tuple[str, ...]:
        """Return the steps of the cycle that a step is on, sorted, as of the last `settle`."""
        return self._cycle_of.get(key, ())

    def settle(self) -> set[str]:
        """Bring the cycles up to date; return the smallest keys of those that came or went."""
        changed: set[str] = set()
        for scope in self._unsettled:
            former = self._cycles.pop(scope, {})
            present = {cycle[0]: cycle for cycle in _cycles(self._graphs.get(scope, {}))}
            self._forget(former.values())
            self._remember(scope, present)
            changed |= {key for key, _ in former.items() ^ present.items()}
        self._unsettled.clear()
        return changed

    def _remove(self, edge: Edge) -> None:
        scope, read, reader = edge
        graph = self._graphs[scope]
        graph[read][reader] -= 1
        if not graph[read][reader]:
            del graph[read][reader]
        if not graph[read]:
            del graph[read]
        if not graph:
            del self._graphs[scope]
        self._unsettled.add(scope)

    def _forget(self, cycles: Iterable[tuple[str, ...]]) -> None:
        for cycle in cycles:
            for key in cycle:
                # A step that has moved may be on a cycle of its new list already.
                if self._cycle_of.get(key) is cycle:
                    del self._cycle_of[key]

    def _remember(self, scope: Scope, cycles: dict[str, tuple[str, ...]]) -> None:
        if cycles:
            self._cycles[scope] = cycles
        for cycle in cycles.values():
            self._cycle_of |= dict.fromkeys(cycle, cycle)


def _cycles(graph: Graph) -> Iterator[tuple[str, ...]]:
    """Yield every strongly connected part of more than one step or with an edge to itself."""
    for part in _strongly_connected(graph):
        if len(part) > 1 or part[0] in graph.get(part[0], ()):
            yield tuple(sorted(part))


class _Search:
    """The state of Tarjan's algorithm (SIAM J. Comput. 1, 1972), without recursion."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._number: dict[str, int] = {}
        self._low: dict[str, int] = {}
        self._open: dict[str, None] = {}
        self._path: list[tuple[str, Iterator[str]]] = []

    def parts(self) -> Iterator[list[str]]:
        for root in self._graph:
            if root not in self._number:
                self._enter(root)
                yield from self._walk()

    def _enter(self, key: str) -> None:
        self._number[key] = self._low[key] = len(self._number)
        self._open[key] = None
        self._path.append((key, iter(self._graph.get(key, ()))))

    def _walk(self) -> Iterator[list[str]]:
        while self._path:
            key, following = self._path[-1]
            further = next(following, None)
            if further is None:
                self._path.pop()
                yield from self._leave(key)
            elif further not in self._number:
                self._enter(further)
            elif further in self._open:
                self._low[key] = min(self._low[key], self._number[further])

    def _leave(self, key: str) -> Iterator[list[str]]:
        if self._path:
            above = self._path[-1][0]
            self._low[above] = min(self._low[above], self._low[key])
        if self._low[key] == self._number[key]:
            part: list[str] = []
            while not part or part[-1] != key:
                part.append(self._open.popitem()[0])
            yield part


def _strongly_connected(graph: Graph) -> Iterator[list[str]]:
    return _Search(graph).parts()
