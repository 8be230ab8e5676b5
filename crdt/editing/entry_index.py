"""Indexes of what an edit by the server must know of all other entries: places, names and ends.

Reading 10,000 steps takes about 0.1 s (measured), so all are read once per room, when an edit first
needs an index, and afterwards only those that transactions touch. Both can be done a few at a time
before (`Editor.prepare`). Entries count as they were
written, not as the tables repair them. Confessed: a step whose parent is gone does not keep others
from having its name, and the tables may have to number one of them.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import islice
from typing import Any, Final, Generic, NamedTuple, TypeVar

from pycrdt import Map

from crdt.document.library import end_with
from crdt.document.schema import collect_touched, to_json
from crdt.pipeline.fields import MAIN_SLOT
from crdt.pipeline.model import Json
from crdt.pipeline.placement import Line, Place, Placement, Scope, place_at

T = TypeVar("T")


class Ends(NamedTuple):
    """Where a connection leads, as it was written."""

    from_step_id: str
    to_step_id: str
    from_output: str
    to_input: str


class _StaleEntries(Generic[T]):
    """The entries of a root map that must be read again before an index is used.

    `read` makes a value of the given fields of an entry, each of which is None if it is missing.
    `update` receives these values by key, None for an entry that is no map or is gone.
    """

    def __init__(
        self,
        root: "Map[Any]",
        fields: tuple[str, ...],
        read: "Callable[..., T]",
        update: "Callable[[Mapping[str, T | None]], object]",
    ) -> None:
        self._root, self._fields, self._read, self._update = root, fields, read, update
        self._stale: set[str] = set()
        self._is_filled = False
        end_with(self, root, root.observe_deep(partial(collect_touched, self._stale)))

    def add(self, key: str) -> None:
        """Note that an entry has changed."""
        self._stale.add(key)

    def refresh(self, most: int | None = None) -> bool:
        """Read what has changed since the last call, of which the first one reads everything.

        Reads `most` entries at most, and returns whether more are left.
        """
        if not self._is_filled:
            self._stale.update(self._root.keys())
            self._is_filled = True
        if not self._stale:
            return False
        keys = [*islice(self._stale, most)]
        with self._root.doc.transaction() as transaction:
            # `_txn` is private; see `_values`.
            found = {key: self._entry(transaction._txn, key) for key in keys}  # noqa: SLF001
        self._update(found)
        self._stale.difference_update(keys)
        return bool(self._stale)

    def _entry(self, transaction: Any, key: str) -> T | None:
        # One by one: the lists of values of ten thousand entries, kept until the last one is read,
        # would be work for the garbage collector.
        values = self._values(transaction, key)
        return None if values is None else self._read(*values)

    def _values(self, transaction: Any, key: str) -> Iterable[Json] | None:
        """Read the fields of one entry, None if it is no map.

        Confessed: this uses the library's private interface; the public one takes seven times as
        long.
        """
        try:
            entry = self._root.integrated.get(transaction, key)
        except ValueError:
            return None
        if isinstance(entry, dict):
            return map(entry.get, self._fields)
        if type(entry).__name__ != "Map":
            return None
        values = [_value(entry, transaction, field) for field in self._fields]
        if all(type(value) in _PLAIN for value in values):
            return values
        shown = to_json(self._root[key])
        return map(shown.get, self._fields) if isinstance(shown, Mapping) else None


_PLAIN: Final = frozenset({str, bool, int, float, dict, list, type(None)})


def _value(entry: Any, transaction: Any, field: str) -> Any:
    try:
        return entry.get(transaction, field)
    except ValueError:
        return None


class PlaceIndex:
    """Where every step stands as it was written: its parent, slot, order and name."""

    def __init__(self, steps: "Map[Any]") -> None:
        self._placement = Placement(Line)
        self._stale = _StaleEntries(
            steps, ("parent_step_id", "slot", "order", "name"), _place, self._placement.update
        )
        self.refresh = self._stale.refresh

    def get(self, key: str) -> Place | None:
        """Return the place of a step, None if it is no map, or not there."""
        self._stale.refresh()
        return self._placement.get(key)

    def all(self) -> dict[str, Place]:
        """Return all places by key."""
        self._stale.refresh()
        return self._placement.all()

    def line(self, scope: Scope) -> Line:
        """Return the steps of a scope in their order."""
        self._stale.refresh()
        return self._placement.line(scope) or Line()

    def children(self, parent: str) -> list[str]:
        """Return the keys of the steps in all slots of a parent."""
        self._stale.refresh()
        return self._placement.children(parent)

    def touch(self, key: str) -> None:
        """Note that a step has changed in a transaction whose events are still to come."""
        self._stale.add(key)


class EndsIndex:
    """Where every connection leads as it was written."""

    def __init__(self, connections: "Map[Any]") -> None:
        self._by_step = _EndsByStep()
        self._stale = _StaleEntries(connections, ("ends",), _ends, self._by_step.update)
        self.refresh = self._stale.refresh

    def get(self, key: str) -> Ends | None:
        """Return the ends of a connection, None if it is no map, or not there."""
        self._stale.refresh()
        return self._by_step.ends.get(key)

    def all(self) -> dict[str, Ends]:
        """Return the ends of all connections by key."""
        self._stale.refresh()
        return dict(self._by_step.ends)

    def at_step(self, step_id: str) -> dict[str, Ends]:
        """Return the connections that lead from or to a step, by key."""
        self._stale.refresh()
        return self._by_step.at_step(step_id)

    def touch(self, key: str) -> None:
        """Note that a connection has changed in the present transaction; see `PlaceIndex.touch`."""
        self._stale.add(key)


class _EndsByStep:
    """The ends of connections by key, and the keys by the steps at either end."""

    def __init__(self) -> None:
        self.ends: dict[str, Ends] = {}
        self._at_step: dict[str, set[str]] = {}

    def at_step(self, step_id: str) -> dict[str, Ends]:
        return {key: self.ends[key] for key in self._at_step.get(step_id, ())}

    def update(self, found: Mapping[str, Ends | None]) -> None:
        for key, ends in found.items():
            self._put(key, ends)

    def _put(self, key: str, ends: Ends | None) -> None:
        former = self.ends.pop(key, None)
        for step in {former.from_step_id, former.to_step_id} if former else ():
            self._at_step[step].discard(key)
            if not self._at_step[step]:
                del self._at_step[step]
        if ends is not None:
            self.ends[key] = ends
            for step in (ends.from_step_id, ends.to_step_id):
                self._at_step.setdefault(step, set()).add(key)


def _place(parent: Json, slot: Json, order: Json, name: Json) -> Place:
    parent = parent if isinstance(parent, str) else None
    return place_at(parent, _text(slot, MAIN_SLOT), _text(order), _text(name))


def _ends(ends: Json) -> Ends:
    ends = ends if isinstance(ends, Mapping) else {}
    return Ends(
        _text(ends.get("from_step_id")),
        _text(ends.get("to_step_id")),
        _text(ends.get("from_output"), "output"),
        _text(ends.get("to_input"), "input"),
    )


def _text(value: Json, default: str = "") -> str:
    return value if isinstance(value, str) else default
