"""Which steps stand where: inside which parent, in which of its slots, in which order.

The one home of these questions, for steps as they were written (`crdt/editing/entry_index.py`) and
as the tables nest them (`crdt/validation/step_tree.py`). Siblings are the steps of one scope; they
stand in the order of their fractional indices and, of equal ones, of their keys.
"""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from .fields import MAIN_SLOT
from .model import Step

Children: TypeAlias = Mapping[str | None, Mapping[str, list[Step]]]
"""parent step id (None: top level) -> slot -> steps in order."""

Scope: TypeAlias = tuple[str | None, str]
"""The parent's key, None at the top level, and the slot."""

Standing: TypeAlias = tuple[str, str]
"""The order and the key of a step: siblings stand in the order of these."""


class Place(NamedTuple):
    """Where a step stands, and under which name; make it with `place_at`."""

    parent: str | None
    slot: str
    order: str
    name: str

    @property
    def scope(self) -> Scope:
        """The list that the step stands in."""
        return self.parent, self.slot


def place_at(parent: str | None, slot: str, order: str, name: str) -> Place:
    """Make a place; at the top level there is one slot, whatever the step declares."""
    return Place(parent, MAIN_SLOT if parent is None else slot, order, name)


class Line:
    """The steps of one scope, in order and by name. Every change costs O(log n) comparisons."""

    def __init__(self) -> None:
        self._line: list[Standing] = []
        self._keys: dict[str, list[str]] = {}

    def __len__(self) -> int:
        return len(self._line)

    def __iter__(self) -> Iterator[Standing]:
        return iter(self._line)

    def index_of(self, key: str, order: str) -> int:
        """Return the index of a step in the line, counted from 0; it must be there."""
        return bisect_left(self._line, (order, key))

    def named(self, name: str) -> Sequence[str]:
        """Return the keys of the steps with this name, sorted."""
        return self._keys.get(name, ())

    def last_before(self, standing: Standing | None, *, besides: str) -> Standing | None:
        """Return the last step before a standing (None: at the end), passing over one step."""
        end = len(self._line) if standing is None else bisect_left(self._line, standing)
        last_two = reversed(self._line[max(end - 2, 0) : end])
        return next((one for one in last_two if one[1] != besides), None)

    def add(self, key: str, order: str, name: str) -> None:
        """Put a step in line."""
        self._insert(key, order)
        self._add_name(key, name)

    def remove(self, key: str, order: str, name: str) -> None:
        """Take a step out of the line; order and name are those it was added with."""
        self._delete(key, order)
        self._remove_name(key, name)

    def move(self, key: str, former: str, order: str) -> None:
        """Give a step another order."""
        self._delete(key, former)
        self._insert(key, order)

    def rename(self, key: str, former: str, name: str) -> None:
        """Give a step another name."""
        self._remove_name(key, former)
        self._add_name(key, name)

    def _insert(self, key: str, order: str) -> int:
        standing, at = (order, key), len(self._line)
        # Most steps come last in their line, and are not searched for.
        if at and standing < self._line[-1]:
            at = bisect_left(self._line, standing)
        self._line.insert(at, standing)
        return at

    def _delete(self, key: str, order: str) -> int:
        at = bisect_left(self._line, (order, key))
        del self._line[at]
        return at

    def _add_name(self, key: str, name: str) -> None:
        keys = self._keys.get(name)
        if keys is None:
            self._keys[name] = [key]
        else:
            insort(keys, key)

    def _remove_name(self, key: str, name: str) -> None:
        keys = self._keys[name]
        del keys[bisect_left(keys, key)]
        if not keys:
            del self._keys[name]


L = TypeVar("L", bound=Line)


class Placement(Generic[L]):
    """The places of all steps by key, and the line of every scope that has steps."""

    def __init__(self, new_line: Callable[[], L]) -> None:
        self._new_line = new_line
        self._places: dict[str, Place] = {}
        self._lines: dict[Scope, L] = {}
        self._slots: dict[str | None, set[str]] = {}

    def get(self, key: str) -> Place | None:
        """Return the place of a step, None if it has none."""
        return self._places.get(key)

    def all(self) -> dict[str, Place]:
        """Return all places by key."""
        return dict(self._places)

    def line(self, scope: Scope) -> L | None:
        """Return the line of a scope, None if no step stands there."""
        return self._lines.get(scope)

    def scope_of(self, key: str) -> Scope:
        """Return the scope that a step stands in. Raises KeyError if it has no place."""
        return self._places[key].scope

    def line_of(self, key: str) -> L:
        """Return the line that a step stands in. Raises KeyError if it has no place."""
        return self._lines[self._places[key].scope]

    def children(self, parent: str) -> list[str]:
        """Return the keys of the steps in all slots of a parent, sorted."""
        slots = self._slots.get(parent, ())
        return sorted(key for slot in slots for _, key in self._lines[parent, slot])

    def update(self, places: Mapping[str, Place | None]) -> set[Scope]:
        """Move steps to places, None to take one away; return the scopes that this changes."""
        changed: set[Scope] = set()
        entering: dict[Scope, list[tuple[Standing, str]]] = {}
        for key, place in places.items():
            former = self._places.get(key)
            if former is not None and former != place:
                changed.add(former.scope)
                self._shift_or_leave(key, former, place)
            if place is not None and key not in self._places:
                self._places[key] = place
                entering.setdefault(place.scope, []).append(((place.order, key), place.name))
        for scope, steps in entering.items():
            self._enter(scope, steps)
        return changed.union(entering)

    def _shift_or_leave(self, key: str, former: Place, place: Place | None) -> None:
        if place is None or former.scope != place.scope:
            self._leave(key, former)
        else:
            self._shift(key, former, place)

    def _shift(self, key: str, former: Place, place: Place) -> None:
        line = self.line_of(key)
        if former.order != place.order:
            line.move(key, former.order, place.order)
        if former.name != place.name:
            line.rename(key, former.name, place.name)
        self._places[key] = place

    def _enter(self, scope: Scope, steps: list[tuple[Standing, str]]) -> None:
        line = self._lines.get(scope)
        if line is None:
            line = self._lines[scope] = self._new_line()
            self._slots.setdefault(scope[0], set()).add(scope[1])
        # In order, so that ten thousand new siblings are appended to their line one by one: where
        # a list grows in the middle, all behind it is copied.
        for (order, key), name in sorted(steps):
            line.add(key, order, name)

    def _leave(self, key: str, former: Place) -> None:
        del self._places[key]
        line = self._lines[former.scope]
        line.remove(key, former.order, former.name)
        if not line:
            self._drop(former)

    def _drop(self, former: Place) -> None:
        del self._lines[former.scope]
        slots = self._slots[former.parent]
        slots.discard(former.slot)
        if not slots:
            del self._slots[former.parent]


def children_of(steps: Mapping[str, Step]) -> Children:
    """Group steps by parent and slot, each list in order."""
    children: dict[str | None, dict[str, list[Step]]] = defaultdict(lambda: defaultdict(list))
    for step in sorted(steps.values(), key=lambda step: (step.slot, step.order, step.id)):
        children[step.parent_step_id][step.slot].append(step)
    return {parent: dict(slots) for parent, slots in children.items()}


def walk(children: Children) -> Iterator[Step]:
    """Yield every step that hangs on the top level, parents first, in reading order.

    A step whose parents form a cycle or are missing is not reached (`validation` mends it).
    """
    pending = _reversed_children(children, None)
    while pending:
        step = pending.pop()
        yield step
        pending += _reversed_children(children, step.id)


def _reversed_children(children: Children, parent: str | None) -> list[Step]:
    return [step for steps in children.get(parent, {}).values() for step in steps][::-1]


def crosses_border(slot: str) -> bool:
    """Return whether the steps in a slot have a namespace of their own (an inline pipeline)."""
    return slot.startswith("pipeline.")
