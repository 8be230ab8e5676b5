"""Whether a history of concurrent operations could have happened one after the other.

An operation takes effect at one moment between its call and its answer. One whose answer never came
takes effect at any moment after its call, or never. The search for an order is that of Wing and
Gong (Testing and Verifying Concurrent Objects, 1993).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple, TypeAlias


class State(NamedTuple):
    """What the model knows of a pipeline."""

    description: str
    names: tuple[str, ...]


Model: TypeAlias = "Callable[[State], State]"
"""What an operation makes of a pipeline; the same if it refuses."""


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One call: what it should do, and when it was made and answered with the state after it.

    `seen` is None if nobody knows whether it took effect.
    """

    told: str
    model: Model
    called: float
    answered: float = inf
    seen: State | None = None


def is_linearizable(history: Sequence[Operation], first: State) -> bool:
    """Whether there is an order in which every answer is right, and no answer precedes its call."""
    tried: set[tuple[frozenset[Operation], State]] = set()
    pending = [(frozenset(history), first)]
    while pending:
        left, state = pending.pop()
        if all(each.seen is None for each in left):
            return True
        if (left, state) not in tried:
            tried.add((left, state))
            pending += _next(left, state)
    return False


def _next(left: frozenset[Operation], state: State) -> Iterator[tuple[frozenset[Operation], State]]:
    """Let one of the operations be the next, if it may come before all the others."""
    first_answer = min(each.answered for each in left)
    for each in left:
        after = each.model(state)
        if each.called <= first_answer and each.seen in (None, after):
            yield left - {each}, after
