"""Finds which step reads whose output, and derives the connections between them.

The names that stand in a step (`crdt/pipeline/mentions.py`) are looked up from its own list of
steps outward: first the names of all steps in sight, then their `output_field`s. A variable is
read from the `set_variable` step that wrote it last: of those in the same namespace the nearest
before the reader, else the nearest behind it, which wrote it in an earlier round of a loop.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias
from uuid import UUID, uuid5

from .fields import MAIN_SLOT
from .mentions import CONDITIONS, Certainty, Mention, Path, mentions_in
from .model import Connection, JsonMap, Pipeline, Step
from .placement import Children, Scope, children_of, crosses_border, walk

CONNECTION_NAMESPACE: Final = UUID("5b0f6f5e-6f5c-5f0e-9a53-2f1d1f7f6a11")
"""Namespace of connection ids, which are UUIDs of version 5 (RFC 9562, section 5.5).

So every node derives the same id for the same flow.
"""

INLINE_SLOTS: Final = ("pipeline.steps", "pipeline.workflow.steps")
"""The slots of an inline pipeline."""

_Namespace: TypeAlias = Scope | None


@dataclass(frozen=True, slots=True)
class Reference:
    """A name that stands in a step, the consumer, and means another step's output.

    `producer` is the id of the step to which the name resolves, None if there is none in scope (a
    dangling reference). `from_output` names the part of the output, and `path` leads to the value
    in which the name stands. The certainty is that of the mention.
    """

    consumer: str
    name: str
    producer: str | None
    from_output: str
    path: Path
    certainty: Certainty


def derive_connections(pipeline: Pipeline) -> list[Connection]:
    """Derive every data flow between two different steps, each once, in reading order.

    A step that mentions itself is left out, and so is a name that no step in scope has.
    """
    found: dict[str, Connection] = {}
    for one in find_references(pipeline):
        if one.producer is not None and one.producer != one.consumer:
            connection = _connection(one.producer, one)
            found.setdefault(connection.id, connection)
    return list(found.values())


def _connection(producer: str, one: Reference) -> Connection:
    to_input = input_name(one.path)
    key = f"{producer}|{one.consumer}|{one.from_output}|{to_input}"
    id_ = str(uuid5(CONNECTION_NAMESPACE, key))
    return Connection(id_, producer, one.consumer, one.from_output, to_input)


def input_name(path: Path) -> str:
    """Write a path as a port's name: ("prompt", 0) is "prompt[0]"."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def find_references(pipeline: Pipeline) -> Iterator[Reference]:
    """Yield the references of all steps in reading order, with the dangling ones.

    A guessed name that no step has is no reference, nor is a variable that no step writes.
    """
    children = children_of(pipeline.steps)
    names, variables = _Names(pipeline, children), _Variables(pipeline, children)
    for step in walk(children):
        # Where a name is a step's it is no variable's. Mentions of one place stand together.
        is_step_at: tuple[Path, int] | None = None
        for mention in mentions_in(step.type, step.config):
            if mention.certainty == "variable":
                at = mention.place, mention.start
                reference = None if is_step_at == at else variables.resolve(step, mention)
            else:
                reference = names.resolve(step, mention)
            if reference is not None:
                is_step_at = mention.place, mention.start
                yield reference


def visible_scopes(
    step_id: str, path: Path, scope_of: Callable[[str], Scope | None]
) -> Iterator[Scope]:
    """Yield the lists in which a step may find a name that stands at a path, the innermost first.

    It looks from its own list outward, never across an inline pipeline. The conditions of a loop
    find the names of its body first, since they read what it wrote; the outputs of an inline
    pipeline are those of the steps inside. A cycle of parents is walked once.
    """
    if path[0] == "outputs":
        yield from ((step_id, slot) for slot in INLINE_SLOTS)
        return
    if path[0] in CONDITIONS:
        yield step_id, MAIN_SLOT
    seen: set[str] = set()
    current: str | None = step_id
    while current is not None and current not in seen:
        seen.add(current)
        scope = scope_of(current)
        if scope is None:
            return
        yield scope
        parent, slot = scope
        current = None if crosses_border(slot) else parent


def output_name(rest: str) -> str:
    """Return the name of the output to which a path after a step's name leads.

    `steps.NAME.result` is the whole output, as `steps.NAME` is.
    """
    path = rest.strip(".: ")
    if path == "result" or path.startswith(("result.", "result[")):
        path = path.removeprefix("result").lstrip(".")
    return path or "output"


class _Names:
    """Looks up the names of steps."""

    def __init__(self, pipeline: Pipeline, children: Children) -> None:
        self._steps = pipeline.steps
        self._names: dict[Scope, dict[str, str]] = {}
        self._fields: dict[Scope, dict[str, str]] = {}
        for parent, slots in children.items():
            for slot, steps in slots.items():
                self._register((parent, slot), steps)

    def _register(self, scope: Scope, steps: list[Step]) -> None:
        # Reversed, so that the first of several steps with one name or field is found.
        self._names[scope] = {step.name: step.id for step in reversed(steps)}
        fields = ((output_field(step.config), step.id) for step in reversed(steps))
        self._fields[scope] = {field: id_ for field, id_ in fields if field is not None}

    def resolve(self, step: Step, mention: Mention) -> Reference | None:
        scopes = list(visible_scopes(step.id, mention.path, self._scope_of))
        for scope in scopes:
            if id_ := self._names.get(scope, {}).get(mention.name):
                return _reference(step, mention, id_, output_name(mention.rest))
        # Only after the names of all scopes: a name far outside wins over an `output_field` nearby.
        for scope in scopes:
            if id_ := self._fields.get(scope, {}).get(mention.name):
                return _reference(step, mention, id_, mention.name)
        if mention.certainty == "guessed":
            return None
        return _reference(step, mention, None, output_name(mention.rest))

    def _scope_of(self, step_id: str) -> Scope | None:
        step = self._steps.get(step_id)
        return None if step is None else (step.parent_step_id, step.slot)


def output_field(config: JsonMap) -> str | None:
    """Return the name under which a step says that its output can be read, None if it has none."""
    field = config.get("output_field")
    return field if isinstance(field, str) else None


class _Variables:
    """Looks up who wrote a variable."""

    def __init__(self, pipeline: Pipeline, children: Children) -> None:
        self._steps = pipeline.steps
        self._places = {step.id: place for place, step in enumerate(walk(children))}
        self._ids = list(self._places)
        self._writers: dict[tuple[_Namespace, str], list[int]] = defaultdict(list)
        for place, id_ in enumerate(self._ids):
            for name in _written(self._steps[id_]):
                self._writers[self._namespace(id_), name].append(place)

    def resolve(self, step: Step, mention: Mention) -> Reference | None:
        writers = self._writers.get((self._namespace(step.id), mention.name))
        if writers is None:
            return None
        own = self._places[step.id]
        others = [place for place in writers if place != own]
        if not others:
            return None
        nearest = others[max(bisect_left(others, own) - 1, 0)]
        return _reference(step, mention, self._ids[nearest], mention.name)

    def _namespace(self, step_id: str) -> _Namespace:
        """Return the slot of the innermost inline pipeline around a step, None outside of any."""
        step: Step | None = self._steps[step_id]
        while step is not None and step.parent_step_id is not None:
            if crosses_border(step.slot):
                return step.parent_step_id, step.slot
            step = self._steps.get(step.parent_step_id)
        return None


def _written(step: Step) -> Iterator[str]:
    if step.type != "set_variable":
        return
    written = step.config.get("variables")
    yield from written if isinstance(written, Mapping) else ()
    # The singular form, which real files have.
    single = step.config.get("variable")
    if isinstance(single, str):
        yield single


def _reference(step: Step, mention: Mention, producer: str | None, output: str) -> Reference:
    return Reference(step.id, mention.name, producer, output, mention.path, mention.certainty)
