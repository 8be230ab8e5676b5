"""What a runner of Pipeline YAML v2 would hold against a file. Nothing here stops an import."""

from collections.abc import Iterator
from collections.abc import Mapping as AnyMapping
from typing import Final

from crdt.pipeline.data_flow import Reference, find_references, input_name
from crdt.pipeline.mentions import Path
from crdt.pipeline.model import Pipeline
from crdt.pipeline.required_fields import PART_NEEDS, PIPELINE_SOURCES, PROMPTED, REQUIRED
from crdt.pipeline.rows import STEP_TYPES, Severity

from .finding import Finding
from .importer import Root
from .nodes import Mapping, Node, Scalar, Sequence, text_of
from .slots import filled_slots
from .writer import inline


def check(root: Root) -> Iterator[Finding]:
    """Check the header and the steps at every depth, and yield a finding for each fault."""
    yield from _check_header(root)
    steps = root.steps
    if not isinstance(steps, Sequence):
        yield _error("missing-steps", "expected a list `steps` with at least one step", root.header)
        return
    if not steps.items:
        yield _error("missing-steps", "expected at least one step, got an empty list", steps)
    functions = root.header.get("gemini_functions")
    yield from _check_list(steps, _defined(functions))


def check_references(pipeline: Pipeline, nodes: AnyMapping[str, Node]) -> Iterator[Finding]:
    """Yield a finding for each name of a step that no step in scope has.

    `nodes` are the nodes of the steps by id, which have the places in the text.
    """
    for one in find_references(pipeline):
        if one.producer is None:
            yield _dangling(one, pipeline, nodes[one.consumer])


def _dangling(one: Reference, pipeline: Pipeline, node: Node) -> Finding:
    step = pipeline.steps[one.consumer].name
    where = f"{input_name(one.path)} of {step!r}"
    message = f"{where} reads {one.name!r}, but no step in its scope has that name"
    severity: Severity = "error" if one.certainty == "required" else "warning"
    return _finding(severity, "dangling-reference", message, _node_at(node, one.path))


def _node_at(node: Node, path: Path) -> Node:
    """Return the node at a path, or the last one before the path leaves the tree."""
    for part in path:
        match node, part:
            case Mapping(), str():
                below = node.get(part)
            case Sequence(items), int():
                below = items[part] if part < len(items) else None
            case _:
                below = None
        if below is None:
            return node
        node = below
    return node


def _check_header(root: Root) -> Iterator[Finding]:
    if root.layout != "workflow":
        message = "expected the pipeline under the key `workflow`: runners refuse this file"
        yield _finding("warning", "root-layout", message, root.node)
    if _is_missing(root.header.get("name")):
        yield _error("missing-name", "expected a `name` for the pipeline", root.header)
    functions = root.header.get("gemini_functions")
    if isinstance(functions, Mapping):
        yield from _check_functions(functions)


def _check_functions(functions: Mapping) -> Iterator[Finding]:
    for name, function in functions.named():
        described = isinstance(function, Mapping) and not _is_missing(function.get("description"))
        takes = function.get("parameters") if isinstance(function, Mapping) else None
        if not described or not isinstance(takes, Mapping):
            message = f"expected a `description` and a mapping `parameters` in {name!r}"
            yield _error("bad-function", message, function)


def _check_list(steps: Sequence, functions: frozenset[str]) -> Iterator[Finding]:
    seen: set[str] = set()
    for step in steps.items:
        if not isinstance(step, Mapping):
            yield _error("step-not-mapping", f"expected a step, got {_kind(step)}", step)
            continue
        yield from _check_name(step, seen)
        yield from _check_type(step)
        yield from _check_function_names(step, functions)
        for _, inner in filled_slots(step):
            yield from _check_list(inner, functions)


def _check_name(step: Mapping, seen: set[str]) -> Iterator[Finding]:
    node = step.get("name")
    name = text_of(node)
    if node is None or _is_missing(node) or name == "":
        yield _error("missing-name", "expected a `name` for the step", step)
    elif name is None:
        yield _finding("warning", "name-not-text", f"expected text, got {_kind(node)}", node)
    elif name in seen:
        message = f"another step of this list is called {name!r}: the later result replaces it"
        yield _error("duplicate-step-name", message, node)
    else:
        seen.add(name)


def _check_type(step: Mapping) -> Iterator[Finding]:
    node = step.get("type")
    type_ = text_of(node)
    if node is None or _is_missing(node):
        yield _error("missing-type", "expected a `type` for the step", step)
    elif type_ not in STEP_TYPES:
        yield _error("unknown-type", f"expected a step type, got {inline(node)[:100]}", node)
    else:
        yield from _check_fields(step, type_)


def _check_fields(step: Mapping, type_: str) -> Iterator[Finding]:
    for name in REQUIRED.get(type_, ()):
        if _is_missing(step.get(name)):
            yield _error("missing-field", f"expected `{name}` in a {type_} step", step)
    if type_ == "pipeline":
        yield from _check_pipeline_source(step)
    if type_ == "claude_batch" and _is_missing(step.get("prompt")):
        if _is_missing(step.get("tasks")):
            yield _error("missing-prompt", "expected `prompt` or `tasks` in claude_batch", step)
    elif type_ in PROMPTED or step.get("prompt") is not None:
        yield from _check_prompt(step, type_)


def _check_pipeline_source(step: Mapping) -> Iterator[Finding]:
    sources = [name for name in PIPELINE_SOURCES if not _is_missing(step.get(name))]
    expected = f"expected one of {', '.join(PIPELINE_SOURCES)}"
    if not sources:
        yield _error("missing-field", f"{expected}, got none", step)
    elif len(sources) > 1:
        message = f"{expected}, got {' and '.join(sources)}: the first is used"
        yield _finding("warning", "several-sources", message, step)


def _check_prompt(step: Mapping, type_: str) -> Iterator[Finding]:
    prompt = step.get("prompt")
    if prompt is None or _is_missing(prompt):
        yield _error("missing-prompt", f"expected a `prompt` in a {type_} step", step)
    elif not isinstance(prompt, Sequence):
        message = f"expected a list of prompt parts, got {_kind(prompt)}"
        yield _error("prompt-not-list", message, prompt)
    else:
        for part in prompt.items:
            yield from _check_part(part)


def _check_part(part: Node) -> Iterator[Finding]:
    if not isinstance(part, Mapping):
        yield _error("bad-prompt-part", f"expected a mapping, got {_kind(part)}", part)
        return
    type_ = text_of(part.get("type"))
    need = PART_NEEDS.get(type_ or "")
    if need is None:
        expected = ", ".join(PART_NEEDS)
        yield _error("bad-prompt-part", f"expected a type of {expected}, got {type_!r}", part)
    elif _is_missing(part.get(need)):
        message = f"expected `{need}` in a prompt part of type {type_}"
        yield _error("bad-prompt-part", message, part)


def _check_function_names(step: Mapping, defined: frozenset[str]) -> Iterator[Finding]:
    functions = step.get("functions")
    if not isinstance(functions, Sequence):
        return
    for node in functions.items:
        if text_of(node) not in defined:
            message = f"expected a name from `gemini_functions`, got {inline(node)[:100]}"
            yield _error("unknown-function", message, node)


def _defined(functions: Node | None) -> frozenset[str]:
    named = functions.named() if isinstance(functions, Mapping) else ()
    return frozenset(name for name, _ in named)


def _is_missing(node: Node | None) -> bool:
    # A key without a value is null in YAML, and counts as if it were not there.
    return node is None or (isinstance(node, Scalar) and node.value is None)


def _kind(node: Node) -> str:
    match node:
        case Scalar(value=None):
            return "null"
        case Scalar(value=str()):
            return "a text"
        case Scalar(value):
            return f"a {type(value).__name__}"
        case Sequence():
            return "a list"
        case Mapping():
            return "a mapping"


def _error(code: str, message: str, node: Node) -> Finding:
    return _finding("error", code, message, node)


def _finding(severity: Severity, code: str, message: str, node: Node) -> Finding:
    return Finding(severity, code, message, node.mark.line, node.mark.column)


_V1_TYPES: Final = frozenset(("claude", "gemini", "parallel_claude"))
_V1_HEADER_KEYS = """
    name description version checkpoint_enabled workspace_dir checkpoint_dir defaults
    gemini_functions steps
"""
_V1_HEADER = frozenset(_V1_HEADER_KEYS.split())
_V2_PARTS: Final = frozenset(("session_context", "claude_continue"))


def detect_version(root: Root) -> str:
    """Return "v1" for a file with a construct that only v1 knows and none that only v2 knows."""
    steps = root.steps.items if isinstance(root.steps, Sequence) else ()
    mappings = [step for step in steps if isinstance(step, Mapping)]
    if not any(_only_v1(step) for step in mappings):
        return "v2"
    v2 = {name for name, _ in root.header.named()} - _V1_HEADER
    return "v2" if v2 or any(_only_v2(step) for step in mappings) else "v1"


def _only_v1(step: Mapping) -> bool:
    retry = step.get("retry")
    return (
        isinstance(step.get("on_error"), Scalar)
        or step.get("max_attempts") is not None
        or (isinstance(retry, Mapping) and retry.get("max_attempts") is not None)
    )


def _only_v2(step: Mapping) -> bool:
    prompt = step.get("prompt")
    parts = prompt.items if isinstance(prompt, Sequence) else ()
    return (
        text_of(step.get("type")) not in _V1_TYPES
        or isinstance(step.get("condition"), Mapping | Sequence)
        or any(True for _ in filled_slots(step))
        or any(isinstance(one, Mapping) and text_of(one.get("type")) in _V2_PARTS for one in parts)
        or any("{{steps." in text.replace(" ", "") for text in _texts(step))
    )


def _texts(node: Node) -> Iterator[str]:
    match node:
        case Scalar(value=str() as text):
            yield text
        case Sequence(items):
            for item in items:
                yield from _texts(item)
        case Mapping(entries):
            for _, value in entries:
                yield from _texts(value)
