"""The steps of a pipeline in their places: parents without cycles, names without doubles."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, TypeAlias

from crdt.pipeline.fields import MAIN_SLOT, plain_values
from crdt.pipeline.model import MISSING
from crdt.pipeline.rows import Diagnostic, StepRow

from .diagnostics import Code, shown, step_subject
from .entries import StepEntry
from .parents import Parents
from .siblings import Siblings

Scope: TypeAlias = "tuple[str | None, str]"
"""The parent's key, None at the top level, and the slot."""


class _Place(NamedTuple):
    scope: Scope
    order: str
    name: str


class StepTree:
    """All steps that become rows, by key."""

    def __init__(self) -> None:
        self._steps: dict[str, StepEntry] = {}
        self._parents = Parents()
        self._places: dict[str, _Place] = {}
        self._slots: dict[Scope, Siblings] = {}

    def __contains__(self, key: object) -> bool:
        return key in self._steps

    def update(self, entry: Mapping[str, StepEntry | None]) -> set[str]:
        """Take steps (None: no row can be made); return every key whose row may have changed."""
        parents = {key: step.parent if step else MISSING for key, step in entry.items()}
        concerned = self._parents.update(parents) | entry.keys()
        for key, step in entry.items():
            self._declare(key, step)
        unsettled = {scope for key in concerned for scope in self._place(key)}
        for scope in unsettled:
            concerned |= self._settle(scope)
        return concerned

    def row(self, key: str) -> StepRow | None:
        """Return the row of a step, None if it has none."""
        if key not in self._steps:
            return None
        step, (scope, _, _) = self._steps[key], self._places[key]
        siblings = self._slots[scope]
        parent, slot = scope
        return StepRow(
            id=step.id,
            name=siblings.new_name(key) or step.name,
            type=step.type,
            declared_type=step.declared_type,
            **plain_values(step),
            config=step.config,
            position_x=step.position[0],
            position_y=step.position[1],
            width=step.size[0],
            height=step.size[1],
            parent_step_id=None if parent is None else self._steps[parent].id,
            slot=slot,
            order_index=siblings.index(key),
        )

    def diagnostics(self, key: str) -> Iterator[Diagnostic]:
        """Tell what the tables show otherwise because of other steps."""
        if key in self._steps:
            subject = step_subject(key)
            yield from self._parent_diagnostics(key, subject)
            yield from self._name_diagnostics(key, subject)

    def _parent_diagnostics(self, key: str, subject: str) -> Iterator[Diagnostic]:
        instead = "in the tables it stands at the top level"
        if self._parents.dangles(key):
            parent = shown(self._steps[key].parent)
            message = f"parent_step_id: {parent} is no step of the tables; {instead}."
            yield Code.DANGLING_PARENT.about(subject, message)
        if cycle := self._parents.cycle(key):
            message = f"parent_step_id: a cycle of {len(cycle)} starts here; {instead}."
            yield Code.PARENT_CYCLE.about(subject, message)

    def _name_diagnostics(self, key: str, subject: str) -> Iterator[Diagnostic]:
        new_name = self._slots[self._places[key].scope].new_name(key)
        if new_name is not None:
            found = f"a sibling is {shown(self._steps[key].name)}, too"
            message = f"name: {found}; the tables show {shown(new_name)}."
            yield Code.DUPLICATE_NAME.about(subject, message)

    def _declare(self, key: str, step: StepEntry | None) -> None:
        if step is None:
            self._steps.pop(key, None)
        else:
            self._steps[key] = step

    def _wanted_place(self, key: str) -> _Place | None:
        step = self._steps.get(key)
        if step is None:
            return None
        parent = self._parents.parent(key)
        slot = MAIN_SLOT if parent is None else step.slot
        return _Place((parent, slot), step.order, step.name)

    def _place(self, key: str) -> tuple[Scope, ...]:
        """Move a step to where it belongs; return the scopes this unsettles."""
        former, place = self._places.get(key), self._wanted_place(key)
        if former == place:
            return ()
        if former and place and former.scope == place.scope:
            self._shift(key, former, place)
            return (place.scope,)
        self._transfer(key, former, place)
        return tuple(each.scope for each in (former, place) if each)

    def _shift(self, key: str, former: _Place, place: _Place) -> None:
        siblings = self._slots[place.scope]
        if former.order != place.order:
            siblings.move(key, former.order, place.order)
        if former.name != place.name:
            siblings.rename(key, former.name, place.name)
        self._places[key] = place

    def _transfer(self, key: str, former: _Place | None, place: _Place | None) -> None:
        if former:
            del self._places[key]
            self._slots[former.scope].remove(key, former.order, former.name)
        if place:
            self._places[key] = place
            self._slots.setdefault(place.scope, Siblings()).add(key, place.order, place.name)

    def _settle(self, scope: Scope) -> set[str]:
        changed = self._slots[scope].settle()
        if not self._slots[scope]:
            del self._slots[scope]
        return changed
