"""What a runner of Pipeline YAML v2 needs in a step of each type, beside `name` and `type`."""

from collections.abc import Mapping
from typing import Final

PROMPTED: Final = frozenset(
    """claude gemini claude_smart claude_session claude_extract claude_robust
    gemini_instructor""".split()
)
"""Step types that need a list of prompt parts."""

REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "parallel_claude": ("parallel_tasks",),
    "for_loop": ("iterator", "data_source", "steps"),
    "while_loop": ("condition", "steps"),
    "switch": ("expression", "cases"),
    "data_transform": ("input_source",),
    "file_ops": ("operation",),
    "codebase_query": ("queries",),
}
"""The fields that step types need, by type."""

PART_NEEDS: Final[Mapping[str, str]] = {
    "static": "content",
    "file": "path",
    "previous_response": "step",
    "session_context": "session_id",
    "claude_continue": "session_id",
}
"""The types of prompt parts, and the field that each needs."""

PIPELINE_SOURCES: Final = ("pipeline_file", "pipeline", "pipeline_ref")
"""Where a `pipeline` step may have its pipeline from; of several a runner takes the first."""

LOOPS: Final = frozenset(("for_loop", "while_loop"))
"""Step types that run the steps inside them again and again."""
