"""Which format a file was written for: no file says so, but each has what the other lacks."""

from collections.abc import Iterator
from typing import Final

from .slots import filled_slots
from .yaml_import import Root
from .yaml_tree import Mapping, Node, Scalar, Sequence, text_of

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
