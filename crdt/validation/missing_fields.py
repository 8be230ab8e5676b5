"""What a step lacks by itself: the fields that its type needs, and a prompt that can be read."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from crdt.pipeline.mentions import Path
from crdt.pipeline.model import Json, JsonMap
from crdt.pipeline.required_fields import PART_NEEDS, PIPELINE_SOURCES, PROMPTED, REQUIRED
from crdt.pipeline.rows import Severity

from .diagnostics import Code, shown


class Finding(NamedTuple):
    """One fault in a step; several of one code become one diagnostic."""

    code: Code
    path: Path
    message: str
    suggestion: str = ""
    severity: Severity | None = None


def missing_fields(type_: str, config: JsonMap, slots: Collection[str]) -> Iterator[Finding]:
    """Yield what is missing in a step; `slots` are those of its slots that hold steps."""
    for field in REQUIRED.get(type_, ()):
        if config.get(field) is None and not _is_slot(field, slots):
            yield _missing(f"expected `{field}` in a {type_} step", "config", field)
    if type_ == "pipeline":
        yield from _source_findings(config, slots)
    has_tasks = type_ == "claude_batch" and config.get("tasks") is not None
    if config.get("prompt") is not None:
        yield from _prompt_findings(config["prompt"])
    elif type_ in PROMPTED or (type_ == "claude_batch" and not has_tasks):
        expected = "`prompt` or `tasks`" if type_ == "claude_batch" else "`prompt`"
        yield _missing(f"expected {expected} in a {type_} step", "config", "prompt")


def _is_slot(field: str, slots: Collection[str]) -> bool:
    return any(slot == field or slot.startswith(f"{field}:") for slot in slots)


def _missing(message: str, *path: str | int) -> Finding:
    return Finding(Code.MISSING_FIELD, path, f"{message}.", f"Fill in `{path[-1]}`.")


def _source_findings(config: JsonMap, slots: Collection[str]) -> Iterator[Finding]:
    is_inline = any(slot.startswith("pipeline.") for slot in slots)
    if not is_inline and all(config.get(source) is None for source in PIPELINE_SOURCES):
        expected = ", ".join(f"`{source}`" for source in PIPELINE_SOURCES)
        yield _missing(f"expected one of {expected} in a pipeline step", "config", "pipeline_file")


def _prompt_findings(prompt: Json) -> Iterator[Finding]:
    if isinstance(prompt, str) or not isinstance(prompt, Sequence):
        message = f"expected a list of prompt parts, got {shown(prompt)}."
        suggestion = "Make the prompt a list with one part of type static."
        yield Finding(Code.INVALID_PROMPT, ("config", "prompt"), message, suggestion)
        return
    for index, part in enumerate(prompt):
        yield from _part_findings(part, ("config", "prompt", index))


def _part_findings(part: Json, path: Path) -> Iterator[Finding]:
    if not isinstance(part, Mapping):
        message = f"expected a map as prompt part, got {shown(part)}."
        yield Finding(Code.INVALID_PROMPT, path, message)
        return
    kind = part.get("type")
    need = PART_NEEDS.get(kind) if isinstance(kind, str) else None
    if need is None:
        expected = ", ".join(PART_NEEDS)
        message = f"expected a prompt part of type {expected}, got {shown(kind)}."
        yield Finding(Code.INVALID_PROMPT, (*path, "type"), message)
    elif part.get(need) is None:
        yield _missing(f"expected `{need}` in a prompt part of type {kind}", *path, need)
