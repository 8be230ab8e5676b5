"""Where steps stand, for what it means to others: what is inside what, where a run ends early."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from crdt.pipeline.placement import Scope, Standing
from crdt.pipeline.required_fields import LOOPS

from .references import MeantStep

_STOPS: Final = frozenset(("break", "continue"))


@dataclass(slots=True)
class Change:
    """What an update concerns, while its steps are taken one by one.

    `concerned` steps may get other diagnostics, `unread` ones may read other steps, and `moved`
    ones have another place, with all steps inside them. `names` are the spellings that some step
    got or lost, and in the lists `stopped` a run may end at another step.
    """

    concerned: set[str] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)
    moved: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    stopped: set[Scope] = field(default_factory=set)


class StepPlaces:
    """Where steps stand: what is inside which step, and where a run of a list ends early."""

    def __init__(self) -> None:
        self._members: dict[Scope, set[str]] = {}
        self._inside: dict[str, Counter[str]] = {}
        self._stops: dict[Scope, set[str]] = {}
        self._first_stops: dict[Scope, Standing] = {}

    def slots(self, key: str) -> Collection[str]:
        """Return the slots of a step that hold steps."""
        return self._inside.get(key, {})

    def children(self, key: str) -> set[str]:
        return {each for slot in self.slots(key) for each in self._members[key, slot]}

    def below(self, keys: Iterable[str]) -> set[str]:
        """Return the steps, and all steps inside them."""
        found = set(keys)
        pending = list(found)
        while pending:
            inside = self.children(pending.pop()) - found
            found |= inside
            pending += inside
        return found

    def first_stop(self, scope: Scope) -> Standing | None:
        """Return where the first step stands that ends every run of a list, None without one."""
        return self._first_stops.get(scope)

    def take(
        self, key: str, former: MeantStep | None, step: MeantStep | None, change: Change
    ) -> None:
        """Put a step where it stands now."""
        if former is not None and (step is None or former.scope != step.scope):
            self._leave(key, former.scope)
        if step is not None and (former is None or former.scope != step.scope):
            self._enter(key, step.scope)
        if _place_of(former) != _place_of(step):
            change.moved.add(key)
            ends = (each.scope[0] for each in (former, step) if each is not None)
            change.concerned |= {end for end in ends if end is not None}
        for each, is_there in ((former, False), (step, True)):
            if each is not None and _is_stop(each):
                _put(self._stops, each.scope, key, is_there=is_there)
                change.stopped.add(each.scope)

    def settle_stops(self, scopes: Iterable[Scope], steps: Mapping[str, MeantStep]) -> set[str]:
        """Find the first stops of lists anew; return the steps for which that matters."""
        concerned: set[str] = set()
        for scope in scopes:
            stops = [(steps[key].order, key) for key in self._stops.get(scope, ())]
            self._first_stops.pop(scope, None)
            if stops:
                self._first_stops[scope] = min(stops)
            concerned |= self._members.get(scope, set())
        return concerned

    def _enter(self, key: str, scope: Scope) -> None:
        _put(self._members, scope, key, is_there=True)
        if scope[0] is not None:
            self._inside.setdefault(scope[0], Counter())[scope[1]] += 1

    def _leave(self, key: str, scope: Scope) -> None:
        _put(self._members, scope, key, is_there=False)
        parent, slot = scope
        if parent is not None:
            inside = self._inside[parent]
            inside[slot] -= 1
            if not inside[slot]:
                del inside[slot]
            if not inside:
                del self._inside[parent]


def _put(sets: dict[Scope, set[str]], scope: Scope, key: str, *, is_there: bool) -> None:
    if is_there:
        sets.setdefault(scope, set()).add(key)
        return
    keys = sets[scope]
    keys.discard(key)
    if not keys:
        del sets[scope]


def _place_of(step: MeantStep | None) -> object:
    """Return what decides which steps are in one list with another, and which are in a loop."""
    return step and (step.scope, step.type in LOOPS)


def _is_stop(step: MeantStep) -> bool:
    return step.type in _STOPS and step.is_enabled and step.config.get("condition") is None
