"""The steps of a pipeline in their places: parents without cycles, names without doubles."""

from collections.abc import Iterator, Mapping
from uuid import UUID

from crdt.pipeline.fields import plain_values
from crdt.pipeline.model import MISSING
from crdt.pipeline.placement import Place, Placement, Scope, Standing, place_at
from crdt.pipeline.rows import Diagnostic, StepRow

from .diagnostics import Code, pointer, shown, step_subject
from .entries import StepEntry
from .parents import Parents
from .references import MeantStep
from .siblings import Siblings


class StepTree:
    """All steps that become rows, by key."""

    def __init__(self) -> None:
        self._steps: dict[str, StepEntry] = {}
        # Apart from the entries, which would have to be made anew for each move.
        self._moved: dict[str, tuple[float, float]] = {}
        self._parents = Parents()
        self._placement = Placement(Siblings)

    def __contains__(self, key: object) -> bool:
        return key in self._steps

    def update(self, entries: Mapping[str, StepEntry | None]) -> set[str]:
        """Take steps (None: no row can be made); return every key whose row may have changed."""
        parents = {key: step.parent if step else MISSING for key, step in entries.items()}
        concerned = self._parents.update(parents) | entries.keys()
        for key, step in entries.items():
            self._declare(key, step)
        unsettled = self._placement.update({key: self._wanted_place(key) for key in concerned})
        for scope in unsettled:
            concerned |= self._settle(scope)
        return concerned

    def move(self, key: str, position: tuple[float, float]) -> UUID | None:
        """Take the position of a step of which nothing else has changed; return its id.

        None if it stands there already. Raises KeyError without a row.
        """
        step = self._steps[key]
        if self._moved.get(key, step.position) == position:
            return None
        self._moved[key] = position
        return step.id

    def row(self, key: str) -> StepRow | None:
        """Return the row of a step, None if it has none."""
        if key not in self._steps:
            return None
        step, siblings = self._steps[key], self._placement.line_of(key)
        x, y = self._moved.get(key, step.position)
        parent, slot = self._placement.scope_of(key)
        return StepRow(
            id=step.id,
            name=siblings.new_name(key) or step.name,
            type=step.type,
            declared_type=step.declared_type,
            **plain_values(step),
            config=step.config,
            position_x=x,
            position_y=y,
            width=step.size[0],
            height=step.size[1],
            parent_step_id=None if parent is None else self._steps[parent].id,
            slot=slot,
            order_index=siblings.index(key),
        )

    def meant(self, key: str) -> MeantStep | None:
        """Return what of a step matters for its meaning, None if it has no row."""
        step = self._steps.get(key)
        if step is None:
            return None
        scope = self._placement.scope_of(key)
        return MeantStep(step.name, step.type, step.config, scope, step.order, step.enabled)

    def siblings(self, key: str) -> list[Standing]:
        """Return the steps of a step's slot in line, itself included. Raises KeyError."""
        return [*self._placement.line_of(key)]

    def diagnostics(self, key: str) -> Iterator[Diagnostic]:
        """Yield what the tables show differently because of other steps."""
        if key in self._steps:
            subject = step_subject(key)
            yield from self._parent_diagnostics(key, subject)
            yield from self._name_diagnostics(key, subject)

    def _parent_diagnostics(self, key: str, subject: str) -> Iterator[Diagnostic]:
        instead = "in the tables it stands at the top level"
        if self._parents.dangles(key):
            parent = shown(self._steps[key].parent)
            message = f"parent_step_id: {parent} is no step of the tables; {instead}."
            yield Code.DANGLING_PARENT.about(subject, message, path=pointer("parent_step_id"))
        if cycle := self._parents.cycle(key):
            message = f"parent_step_id: a cycle of {len(cycle)} starts here; {instead}."
            yield Code.PARENT_CYCLE.about(subject, message, path=pointer("parent_step_id"))

    def _name_diagnostics(self, key: str, subject: str) -> Iterator[Diagnostic]:
        new_name = self._placement.line_of(key).new_name(key)
        if new_name is not None:
            found = f"a sibling is {shown(self._steps[key].name)}, too"
            message = f"name: {found}; the tables show {shown(new_name)}."
            yield Code.DUPLICATE_NAME.about(subject, message, path=pointer("name"))

    def _declare(self, key: str, step: StepEntry | None) -> None:
        self._moved.pop(key, None)
        if step is None:
            self._steps.pop(key, None)
        else:
            self._steps[key] = step

    def _wanted_place(self, key: str) -> Place | None:
        step = self._steps.get(key)
        if step is None:
            return None
        return place_at(self._parents.parent(key), step.slot, step.order, step.name)

    def _settle(self, scope: Scope) -> set[str]:
        siblings = self._placement.line(scope)
        return set() if siblings is None else siblings.settle()
