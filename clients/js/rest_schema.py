"""Writes `src/rest/types.ts`: what the API takes and answers, from the server's OpenAPI document.

`openapi-typescript` (MIT) makes the types; this takes out of the document what types do not need.
Run it from the root of the repository after a change of the API:
`python -m clients.js.rest_schema`. A test fails until the committed file is what this writes.
"""

import json
import subprocess
from pathlib import Path
from typing import Any, Final, get_args

from app.api.app import openapi_document
from app.services.events import Kind

LIBRARY: Final = Path(__file__).parent
TARGET: Final = LIBRARY / "src" / "rest" / "types.ts"
GENERATOR: Final = LIBRARY / "node_modules" / "openapi-typescript" / "bin" / "cli.js"

HEADER: Final = (
    "// Written by `python -m clients.js.rest_schema` from the server's OpenAPI document.\n"
)

EVENT_KINDS: Final = f"""\
/** The names of the events of a pipeline. */
export const EVENT_KINDS = {json.dumps(get_args(Kind))} as const;
"""

LEFT_OUT: Final = frozenset({"title", "summary", "example", "examples", "headers"})
"""What the generator would only put into comments, or into types that nobody reads."""


def written(node: str = "node") -> str:
    """Return the whole file. Needs Node.js and the library's packages (`npm ci`)."""
    # A field with a default may be left out by clients; the answers have it in `required`.
    command = (node, str(GENERATOR), "--immutable", "--default-non-nullable=false")
    document = json.dumps(_lean(openapi_document()))
    made = subprocess.run(  # noqa: S603 - the command is written above
        command, input=document, capture_output=True, text=True, check=True
    )
    _, _, types = made.stdout.partition("*/\n")
    return f"{HEADER}{types}\n{EVENT_KINDS}"


def _lean(document: Any) -> Any:
    for operations in document["paths"].values():
        for operation in operations.values():
            answers = operation["responses"]
            # Each refusal is a `Problem`.
            operation["responses"] = {code: one for code, one in answers.items() if code < "3"}
    return _without(document)


def _without(value: Any) -> Any:
    if isinstance(value, list):
        return [_without(one) for one in value]
    if not isinstance(value, dict):
        return value
    # Names of fields are no keywords, though a field may be called `title`.
    return {
        key: {name: _without(one) for name, one in each.items()}
        if key in ("properties", "schemas")
        else _without(each)
        for key, each in value.items()
        if key not in LEFT_OUT
    }


if __name__ == "__main__":
    TARGET.write_text(written())
