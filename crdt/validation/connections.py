"""The connections of a pipeline: both ends exist, and no two are the same."""

from bisect import bisect_left, insort
from collections.abc import Container, Iterable, Iterator, Mapping

from crdt.pipeline.rows import ConnectionRow, Diagnostic

from .diagnostics import Code, connection_subject, pointer, shown
from .entries import ConnectionEntry, Route


class ValidConnections:
    """All connections that have two ends, by key. `steps` are the steps that have rows."""

    def __init__(self, steps: Container[str]) -> None:
        self._steps = steps
        self._connections: dict[str, ConnectionEntry] = {}
        self._same_route: dict[Route, list[str]] = {}
        self._at_step: dict[str, set[str]] = {}

    def update(self, entries: Mapping[str, ConnectionEntry | None]) -> set[str]:
        """Take connections (None: there is none); return every key whose row may have changed."""
        concerned = set(entries)
        for key, connection in entries.items():
            concerned |= self._remove(key)
            if connection is not None:
                concerned |= self._add(key, connection)
        return concerned

    def at_steps(self, steps: Iterable[str]) -> set[str]:
        """Return the keys of all connections from or to these steps."""
        return {key for step in steps for key in self._at_step.get(step, ())}

    def row(self, key: str) -> ConnectionRow | None:
        """Return the row of a connection, None if it has none."""
        connection = self._connections.get(key)
        if connection is None or self._is_double(key) or self._missing_ends(key):
            return None
        return connection.row()

    def diagnostics(self, key: str) -> Iterator[Diagnostic]:
        """Yield the reason why a connection with two ends has no row."""
        if key not in self._connections:
            return
        subject, instead = connection_subject(key), "this connection is not in the tables"
        if missing := " and ".join(map(shown, self._missing_ends(key))):
            message = f"ends: {missing} is no step of the tables; {instead}."
            yield Code.DANGLING_CONNECTION.about(subject, message, path=pointer("ends"))
        elif self._is_double(key):
            message = f"ends: another connection has the same and a smaller id; {instead}."
            yield Code.DUPLICATE_CONNECTION.about(subject, message, path=pointer("ends"))

    def _is_double(self, key: str) -> bool:
        return self._same_route[self._connections[key].route][0] != key

    def _missing_ends(self, key: str) -> list[str]:
        return [step for step in _ends(self._connections[key].route) if step not in self._steps]

    def _add(self, key: str, connection: ConnectionEntry) -> set[str]:
        """Add a connection; return the key that had its route until now, if any."""
        self._connections[key] = connection
        for step in _ends(connection.route):
            self._at_step.setdefault(step, set()).add(key)
        keys = self._same_route.setdefault(connection.route, [])
        former = set(keys[:1])
        insort(keys, key)
        return former

    def _remove(self, key: str) -> set[str]:
        """Remove a connection; return the key that has its route from now on, if any."""
        connection = self._connections.pop(key, None)
        if connection is None:
            return set()
        for step in _ends(connection.route):
            self._detach(key, step)
        keys = self._same_route[connection.route]
        del keys[bisect_left(keys, key)]
        if not keys:
            del self._same_route[connection.route]
        return set(keys[:1])

    def _detach(self, key: str, step: str) -> None:
        self._at_step[step].discard(key)
        if not self._at_step[step]:
            del self._at_step[step]


def _ends(route: Route) -> tuple[str, ...]:
    """Return the distinct steps at the ends: one for a connection of a step with itself."""
    return tuple(dict.fromkeys((route.from_step, route.to_step)))
