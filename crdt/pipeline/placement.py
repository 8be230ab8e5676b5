"""Which steps stand where: inside which parent, in which of its slots, in which order."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from .model import Step

Children: TypeAlias = Mapping[str | None, Mapping[str, list[Step]]]
"""parent step id (None: top level) -> slot -> steps in order."""


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
