"""Finds the names that stand in a step and may mean another step, or a variable.

In Pipeline YAML no step has a list of its inputs: a step reads another one by naming it in its
values. The rules are those of the format's reference, by the place where a name stands:

    prompt parts of type previous_response              step, extract
    {{ steps.NAME.path }}  {{ previous_response:NAME }}  any text
    input_source, right_source, data_source             previous_response:NAME:FIELD, NAME.FIELD
    condition, break_/continue_condition, expression    names as the condition engine reads them
    outputs of an inline pipeline                       NAME.FIELD of a step inside
    {{ NAME.field }}                                    where NAME is a step
    {{ state.NAME }}  {{ variables.NAME }}  {{ NAME }}   variables, which set_variable writes

The regular expressions use possessive quantifiers (`*+`) where a text could otherwise be matched in
many ways: a client may write a text that would take the others for ever.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Literal, TypeAlias

from .model import Json, JsonMap

Path: TypeAlias = tuple[str | int, ...]
Certainty: TypeAlias = Literal["required", "mentioned", "guessed", "variable"]

CONDITIONS: Final = ("condition", "break_condition", "continue_condition")
TASK_LISTS: Final = ("parallel_tasks", "tasks", "conversation")

MAX_MENTIONS: Final = 10_000
"""Names in one step that count: somebody may write a text of nothing else."""

_TEMPLATE = re.compile(r"\{\{([^{}]+)\}\}")
_REST = r"(?P<rest>(?:\.[\w-]+|\[[^\]\[]*\])*+)"
_PREVIOUS = re.compile(r"\bprevious_response:\s*+(?P<name>[\w-][\w -]*+)[.:]?(?P<rest>[\w.-]*)")
_STEPS = re.compile(r"(?<![\w.])steps\.(?P<name>[\w-]+)" + _REST)
_ONLY_STEPS = re.compile(r"\s*steps\.(?P<name>\w[\w-]*(?: +\w[\w-]*)*)" + _REST + r"\s*")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_NAMED = re.compile(
    r"(?<![\w.-])(?P<root>(?:steps|state|variables)\.)?(?P<name>[^\W\d][\w-]*+)"
    + _REST
    + r"(?!\s*\()"
)
_SOURCE = re.compile(
    r"\s*(?:previous_response:|steps\.)?(?P<name>[^:.]+)[:.]?(?P<rest>.*)", re.DOTALL
)

# What may stand in each of these places as a name: the same classes as above, as whole names.
_ANY = re.compile(r"(?!.*\{\{).+", re.DOTALL)
_SPACED = re.compile(r"[\w-](?:[\w -]*[\w-])?")
_WORD = re.compile(r"[\w-]+")
_WORDS = re.compile(r"\w[\w-]*(?: +\w[\w-]*)*")
_IN_SOURCE = re.compile(r"(?!context$|previous_response$|steps$)[^:.\s{}](?:[^:.{}]*[^:.\s{}])?")
_ENGINE_ROOTS = """
    steps inputs state global_vars variables loop config environment workflow step error system
    secrets context previous_response timestamp date execution_id
"""
# First words of expressions that mean something of the runner's own, and so no step of that name.
_OTHER_ROOTS: Final = frozenset(_ENGINE_ROOTS.split())
_BARE = re.compile(rf"(?!(?:{'|'.join(_ENGINE_ROOTS.split())})$)[^\W\d][\w-]*")
_ROOTED = re.compile(r"[^\W\d][\w-]*")


@dataclass(frozen=True, slots=True)
class Mention:
    """A name in a step's config, before it is looked up; `rest` is the path after the name.

    `path` leads to the value as a port (docs/document-model.md), `place` to the text in which the
    name stands, from code point `start` up to `end`. The certainty is "required" for a prompt part
    that needs the step, "mentioned" for a template that can only mean a step, "guessed" for a name
    that means something else if no step has it, and "variable" for one that never means a step.
    """

    name: str
    rest: str
    path: Path
    certainty: Certainty
    place: Path
    start: int
    end: int
    grammar: re.Pattern[str]

    def admits(self, name: str) -> bool:
        """Whether another name can stand here and would be read as one."""
        return self.grammar.fullmatch(name) is not None


def mentions_in(type_: str, config: JsonMap) -> Iterator[Mention]:
    """Yield the names in a step of a type, the first MAX_MENTIONS of them.

    A name that may mean several things is yielded for each.
    """
    return islice(_mentions_in(type_, config), MAX_MENTIONS)


def _mentions_in(type_: str, config: JsonMap) -> Iterator[Mention]:
    yield from _prompt_mentions(config)
    yield from _source_mentions(type_, config)
    yield from _output_mentions(type_, config)
    yield from _condition_mentions(type_, config)
    for path, text in _texts(config, ()):
        if "{{" in text and not _has_own_rule(type_, path):
            yield from _template_mentions(text, path)


def _prompt_mentions(config: JsonMap) -> Iterator[Mention]:
    yield from _parts(config.get("prompt"), ("prompt",))
    for key in TASK_LISTS:
        for index, task in enumerate(_items(config.get(key))):
            if isinstance(task, Mapping):
                yield from _parts(task.get("prompt"), (key, index, "prompt"))


def _parts(prompt: Json, path: Path) -> Iterator[Mention]:
    for index, part in enumerate(_items(prompt)):
        if isinstance(part, Mapping) and part.get("type") == "previous_response":
            name, extract = part.get("step"), part.get("extract")
            if isinstance(name, str) and "{{" not in name:
                rest = extract if isinstance(extract, str) else ""
                place = (*path, index)
                yield Mention(name, rest, place, "required", (*place, "step"), 0, len(name), _ANY)


def _source_mentions(type_: str, config: JsonMap) -> Iterator[Mention]:
    if type_ == "for_loop":
        yield from _source(config.get("data_source"), ("data_source",))
    if type_ == "data_transform":
        yield from _source(config.get("input_source"), ("input_source",))
        for index, operation in enumerate(_items(config.get("operations"))):
            if isinstance(operation, Mapping):
                path = ("operations", index, "right_source")
                yield from _source(operation.get("right_source"), path)


def _source(value: Json, path: Path) -> Iterator[Mention]:
    match = _SOURCE.fullmatch(value) if isinstance(value, str) else None
    if match and "{{" not in match[0]:
        one = _mention(match, _Text(path, path), "guessed", _IN_SOURCE)
        if one.name and one.name != "context":
            yield one


def _output_mentions(type_: str, config: JsonMap) -> Iterator[Mention]:
    """Yield the steps inside an inline pipeline whose results it hands out."""
    if type_ != "pipeline" or not isinstance(config.get("pipeline"), Mapping):
        return
    for index, output in enumerate(_items(config.get("outputs"))):
        path: Path = ("outputs", index)
        if isinstance(output, Mapping):
            yield from _source(output.get("path"), (*path, "path"))
        else:
            yield from _source(output, path)


def _condition_mentions(type_: str, config: JsonMap) -> Iterator[Mention]:
    keys = (*CONDITIONS, "expression") if type_ == "switch" else CONDITIONS
    for key in keys:
        for below, text in _texts(config.get(key), ()):
            yield from _names_in(text, _Text((key,), (key, *below)), bare=True)


@dataclass(frozen=True, slots=True)
class _Text:
    """The port and the place of a text, and where in it the part begins that is searched."""

    path: Path
    place: Path
    start: int = 0


def _template_mentions(text: str, path: Path) -> Iterator[Mention]:
    for template in _TEMPLATE.finditer(text):
        expression, part = template[1], _Text(path, path, template.start(1))
        if whole := _ONLY_STEPS.fullmatch(expression):
            yield _mention(whole, part, "mentioned", _WORDS)
            continue
        for match in _STEPS.finditer(expression):
            yield _mention(match, part, "mentioned", _WORD)
        for match in _PREVIOUS.finditer(expression):
            yield _mention(match, part, "mentioned", _SPACED)
        yield from _names_in(expression, part, bare=False)


def _names_in(expression: str, part: _Text, *, bare: bool) -> Iterator[Mention]:
    """Yield the names outside quotes that may be steps; without `bare` only those with a path."""
    unquoted = _QUOTED.sub(lambda quoted: " " * len(quoted[0]), expression)
    for match in _NAMED.finditer(unquoted):
        root = match["root"]
        if root in {"state.", "variables."}:
            yield _mention(match, part, "variable", _ROOTED)
        elif root or match["name"] not in _OTHER_ROOTS:
            grammar = _ROOTED if root else _BARE
            if bare or match["rest"]:
                yield _mention(match, part, "guessed", grammar)
            if not root:
                yield _mention(match, part, "variable", grammar)


def _mention(
    match: re.Match[str], part: _Text, certainty: Certainty, grammar: re.Pattern[str]
) -> Mention:
    name = match["name"].strip()
    start = part.start + match.start("name") + match["name"].index(name)
    rest = match["rest"].rstrip()
    end = start + len(name)
    return Mention(name, rest, part.path, certainty, part.place, start, end, grammar)


def _has_own_rule(type_: str, path: Path) -> bool:
    # The names within an inline pipeline are those of its own steps; a condition of an operation is
    # about the item at hand; and conditions of the step are read by `_condition_mentions`.
    inner_namespace = type_ == "pipeline" and path[0] == "pipeline"
    item_scope = path[0] == "operations" and path[-1] == "condition"
    return inner_namespace or item_scope or path[0] in CONDITIONS


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
