"""What a runner of Pipeline YAML v2 needs in a step of each type, beside `name` and `type`.

These are the questions that diagnostics ask; `step_types.py` has the answers.
"""

from collections.abc import Mapping
from typing import Final

from .config_fields import PROMPT_PARTS
from .fields import MAIN_SLOT
from .step_types import TYPES

_PROMPT: Final = "prompt"

PROMPTED: Final = frozenset(name for name, type_ in TYPES.items() if _PROMPT in type_.required)
"""Step types that need a list of prompt parts."""

REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    name: tuple(field for field in type_.required if field != _PROMPT)
    for name, type_ in TYPES.items()
}
"""The fields that step types need besides a prompt, by type; a slot with steps stands for one."""

PART_NEEDS: Final[Mapping[str, str]] = {kind: part.needs for kind, part in PROMPT_PARTS.items()}
"""The types of prompt parts, and the field that each needs."""

PIPELINE_SOURCES: Final = TYPES["pipeline"].one_of
"""Where a `pipeline` step may have its pipeline from; of several a runner takes the first."""

LOOPS: Final = frozenset(
    name for name, type_ in TYPES.items() if any(slot.name == MAIN_SLOT for slot in type_.slots)
)
"""Step types that run the steps inside them again and again."""
