"""Variables of templates: `{{template.name}}` in any text of a pipeline, but in no key.

Pipeline YAML v2 has `{{expression}}` of its own, whose first words are `steps`, `inputs`, `state`,
`global_vars`, names of steps and the like; `template` is none of them, unless a step is called so.

A text that is nothing but a variable becomes its value, of whatever kind; within a longer text the
value is written out.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Final

from crdt.pipeline.model import Json, JsonMap

from .pipeline_json import written

RESERVED: Final = "template"
"""The name that no step of a template may have."""

MAX_RESULT: Final = 8 * 1024 * 1024
"""Most characters of the texts that filling in may make, together.

A template may repeat a variable as often as it likes, so a long value would multiply.
"""

_VARIABLE: Final = re.compile(r"\{\{\s*template\.([A-Za-z_]\w{0,99})\s*\}\}", re.ASCII)


class TooMuchText(ValueError):
    """The texts with all values filled in would be longer than MAX_RESULT."""


def variables_of(data: Json) -> list[str]:
    """Return the names of the variables in JSON data, sorted."""
    found: set[str] = set()

    def note(text: str) -> str:
        found.update(_VARIABLE.findall(text))
        return text

    _mapped(data, note)
    return sorted(found)


def filled(data: Json, values: JsonMap) -> Json:
    """Return data with values in the place of variables.

    A text that is nothing but a variable becomes the value itself, of any type; in a longer text a
    value is written as text, or as JSON if it is none. Raises TooMuchText, and KeyError for a
    variable without a value.
    """
    left = MAX_RESULT

    def fill(text: str) -> Json:
        nonlocal left
        result = _filled(text, values)
        left -= len(result) if isinstance(result, str) else len(json.dumps(result))
        if left < 0:
            raise TooMuchText(f"expected at most {MAX_RESULT} characters with all values filled in")
        return result

    return _mapped(data, fill)


def _mapped(data: Json, change: Callable[[str], Json]) -> Json:
    match data:
        case str():
            return change(data)
        case Mapping():
            return {key: _mapped(value, change) for key, value in data.items()}
        case list():
            return [_mapped(item, change) for item in data]
    return data


def _filled(text: str, values: JsonMap) -> Json:
    if whole := _VARIABLE.fullmatch(text):
        return values[whole[1]]
    return _VARIABLE.sub(lambda found: written(values[found[1]]), text)
