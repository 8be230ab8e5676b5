"""Finds which step reads whose output, and derives the connections between them.

In Pipeline YAML no step has a list of its inputs: a step reads another one by naming it in its
values. The rules are those of the format's reference, by the place where a name stands:

    prompt parts of type previous_response              step, extract
    {{ steps.NAME.path }}  {{ previous_response:NAME }}  any text
    input_source, right_source, data_source             previous_response:NAME:FIELD, NAME.FIELD
    condition, break_/continue_condition, expression    names as the condition engine reads them
    {{ NAME.field }}                                    where NAME is a step
    the output_field of a step                          instead of its name, in all of these

The regular expressions use possessive quantifiers (`*+`) where a text could otherwise be matched in
many ways: a client may write a text that would take the others for ever.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias
from uuid import UUID, uuid5

from .fields import MAIN_SLOT
from .model import Connection, Json, Pipeline, Step
from .placement import Children, children_of, crosses_border, walk

CONNECTION_NAMESPACE: Final = UUID("5b0f6f5e-6f5c-5f0e-9a53-2f1d1f7f6a11")
"""Namespace of connection ids, which are UUIDs of version 5 (RFC 9562, section 5.5).

So every node derives the same id for the same flow.
"""

Path: TypeAlias = tuple[str | int, ...]
Certainty: TypeAlias = Literal["required", "mentioned", "guessed"]

_TEMPLATE = re.compile(r"\{\{([^{}]+)\}\}")
_REST = r"(?P<rest>(?:\.[\w-]+|\[[^\]\[]*\])*+)"
_PREVIOUS = re.compile(r"\bprevious_response:\s*+(?P<name>[\w-][\w -]*+)[.:]?(?P<rest>[\w.-]*)")
_STEPS = re.compile(r"(?<![\w.])steps\.(?P<name>[\w-]+)" + _REST)
_ONLY_STEPS = re.compile(r"\s*steps\.(?P<name>\w[\w-]*(?: +\w[\w-]*)*)" + _REST + r"\s*")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_NAMED = re.compile(
    r"(?<![\w.-])(?P<steps>steps\.)?(?P<name>[^\W\d][\w-]*+)" + _REST + r"(?!\s*\()"
)
_SOURCE = re.compile(r"(?:previous_response:|steps\.)?(?P<name>[^:.]+)[:.]?(?P<rest>.*)", re.DOTALL)

_CONDITIONS = ("condition", "break_condition", "continue_condition")
_TASK_LISTS = ("parallel_tasks", "tasks", "conversation")
_ENGINE_ROOTS = """
    steps inputs state global_vars variables loop config environment workflow step error system
    secrets context previous_response timestamp date execution_id
"""
# First words of expressions that mean something of the runner's own, and so no step of that name.
_OTHER_ROOTS = frozenset(_ENGINE_ROOTS.split())


@dataclass(frozen=True, slots=True)
class Reference:
    """A name that stands in a step, the consumer, and means another step's output.

    `producer` is the id of the step to which the name resolves, None if there is none in scope (a
    dangling reference). `from_output` names the part of the output, and `path` leads to the value
    in which the name stands. The certainty is "required" for a prompt part that needs the step,
    "mentioned" for a template that can only mean a step, and "guessed" for a name that means
    something else if no step has it.
    """

    consumer: str
    name: str
    producer: str | None
    from_output: str
    path: Path
    certainty: Certainty


@dataclass(frozen=True, slots=True)
class _Mention:
    """A possible reference, before its name is looked up; `rest` is the path after the name."""

    name: str
    rest: str
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

    A guessed name that no step has is no reference.
    """
    children = children_of(pipeline.steps)
    scopes = _Scopes(pipeline, children)
    for step in walk(children):
        for mention in _mentions(step):
            reference = scopes.resolve(step, mention)
            if reference.producer is not None or mention.certainty != "guessed":
                yield reference


class _Scopes:
    """Looks names up from the innermost list of steps outward, never across an inline pipeline."""

    def __init__(self, pipeline: Pipeline, children: Children) -> None:
        self._steps = pipeline.steps
        self._names: dict[tuple[str | None, str], dict[str, str]] = {}
        self._fields: dict[tuple[str | None, str], dict[str, str]] = {}
        for parent, slots in children.items():
            for slot, steps in slots.items():
                self._register((parent, slot), steps)

    def _register(self, scope: tuple[str | None, str], steps: list[Step]) -> None:
        # Reversed, so that the first of several steps with one name or field is found.
        self._names[scope] = {step.name: step.id for step in reversed(steps)}
        fields = ((step.config.get("output_field"), step.id) for step in reversed(steps))
        self._fields[scope] = {field: id_ for field, id_ in fields if isinstance(field, str)}

    def resolve(self, step: Step, mention: _Mention) -> Reference:
        scopes = list(self._enclosing(step, mention.path))
        for scope in scopes:
            if id_ := self._names.get(scope, {}).get(mention.name):
                return _reference(step, mention, id_, _output(mention.rest))
        # Only after the names of all scopes: a name far outside wins over an `output_field` nearby.
        for scope in scopes:
            if id_ := self._fields.get(scope, {}).get(mention.name):
                return _reference(step, mention, id_, mention.name)
        return _reference(step, mention, None, _output(mention.rest))

    def _enclosing(self, step: Step, path: Path) -> Iterator[tuple[str | None, str]]:
        """Yield the lists in which `step` may find names, the innermost first.

        The conditions of a loop find the names of its body first, since they read what it wrote.
        """
        if path[0] in _CONDITIONS:
            yield step.id, MAIN_SLOT
        current: Step | None = step
        while current is not None:
            yield current.parent_step_id, current.slot
            if current.parent_step_id is None or crosses_border(current.slot):
                return
            current = self._steps.get(current.parent_step_id)


def _reference(step: Step, mention: _Mention, producer: str | None, output: str) -> Reference:
    return Reference(step.id, mention.name, producer, output, mention.path, mention.certainty)


def _output(rest: str) -> str:
    """Return the name of the output to which a path after a step's name leads.

    `steps.NAME.result` is the whole output, as `steps.NAME` is.
    """
    path = rest.strip(".: ")
    if path == "result" or path.startswith(("result.", "result[")):
        path = path.removeprefix("result").lstrip(".")
    return path or "output"


def _mentions(step: Step) -> Iterator[_Mention]:
    yield from _prompt_mentions(step.config)
    yield from _source_mentions(step)
    yield from _condition_mentions(step)
    for path, text in _texts(step.config, ()):
        if "{{" in text and not _has_own_rule(step, path):
            yield from _template_mentions(text, path)


def _prompt_mentions(config: Mapping[str, Json]) -> Iterator[_Mention]:
    yield from _parts(config.get("prompt"), ("prompt",))
    for key in _TASK_LISTS:
        for index, task in enumerate(_items(config.get(key))):
            if isinstance(task, Mapping):
                yield from _parts(task.get("prompt"), (key, index, "prompt"))


def _parts(prompt: Json, path: Path) -> Iterator[_Mention]:
    for index, part in enumerate(_items(prompt)):
        if isinstance(part, Mapping) and part.get("type") == "previous_response":
            name, extract = part.get("step"), part.get("extract")
            if isinstance(name, str) and "{{" not in name:
                rest = extract if isinstance(extract, str) else ""
                yield _Mention(name, rest, (*path, index), "required")


def _source_mentions(step: Step) -> Iterator[_Mention]:
    if step.type == "for_loop":
        yield from _source(step.config.get("data_source"), ("data_source",))
    if step.type == "data_transform":
        yield from _source(step.config.get("input_source"), ("input_source",))
        for index, operation in enumerate(_items(step.config.get("operations"))):
            if isinstance(operation, Mapping):
                path = ("operations", index, "right_source")
                yield from _source(operation.get("right_source"), path)


def _source(value: Json, path: Path) -> Iterator[_Mention]:
    match = _SOURCE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match and "{{" not in match[0] and match["name"] != "context":
        yield _Mention(match["name"].strip(), match["rest"], path, "guessed")


def _condition_mentions(step: Step) -> Iterator[_Mention]:
    keys = (*_CONDITIONS, "expression") if step.type == "switch" else _CONDITIONS
    for key in keys:
        for _, text in _texts(step.config.get(key), ()):
            yield from _names_in(text, (key,), bare=True)


def _template_mentions(text: str, path: Path) -> Iterator[_Mention]:
    for template in _TEMPLATE.finditer(text):
        expression = template[1]
        for match in (*_step_matches(expression), *_PREVIOUS.finditer(expression)):
            yield _Mention(match["name"].strip(), match["rest"], path, "mentioned")
        yield from _names_in(expression, path, bare=False)


def _step_matches(expression: str) -> Iterator[re.Match[str]]:
    """Find `steps.NAME`; only a template that is nothing else may have blanks in the name."""
    whole = _ONLY_STEPS.fullmatch(expression)
    yield from (_STEPS.finditer(expression) if whole is None else [whole])


def _names_in(expression: str, path: Path, *, bare: bool) -> Iterator[_Mention]:
    """Yield the names outside quotes that may be steps; without `bare` only those with a path."""
    for match in _NAMED.finditer(_QUOTED.sub(" ", expression)):
        own_root = match["steps"] is None and match["name"] in _OTHER_ROOTS
        if (bare or match["rest"]) and not own_root:
            yield _Mention(match["name"], match["rest"], path, "guessed")


def _has_own_rule(step: Step, path: Path) -> bool:
    # The names within an inline pipeline are those of its own steps; a condition of an operation is
    # about the item at hand; and conditions of the step are read by `_condition_mentions`.
    inner_namespace = step.type == "pipeline" and path[0] == "pipeline"
    item_scope = path[0] == "operations" and path[-1] == "condition"
    return inner_namespace or item_scope or path[0] in _CONDITIONS


def _texts(value: Json, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield every text in a value with the path to it."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        # Sorted, since replicas of one document may have the keys of a map in different orders.
        for key in sorted(value):
            yield from _texts(value[key], (*path, key))
    else:
        for index, item in enumerate(_items(value)):
            yield from _texts(item, (*path, index))


def _items(value: Json) -> Sequence[Json]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()
