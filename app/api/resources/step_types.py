"""`/step-types`: what a step of each type may be, as JSON Schema, from the one table of types.

The answer depends on the program alone, so it is made once, and clients may keep it for a while.
"""

from functools import cache
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Response
from pydantic import ConfigDict, Field
from pydantic_core import to_json

from app.api.core import etags
from app.api.core.context import Asking
from app.api.core.etags import IfNoneMatch
from app.api.core.problems import NotFound
from app.api.schemas.common import Shown, problems
from crdt.pipeline.step_types import EVERY_SLOT, TYPES, Family, step_schema

router = APIRouter(prefix="/step-types", tags=["step types"])

MAX_AGE: Final = 300
"""Seconds for which a client may use the answer without asking again (RFC 9111 §5.2.2.1)."""

_PRIVATE: Final = f"private, max-age={MAX_AGE}"

_EXAMPLE: Final[dict[str, Any]] = {
    "type": "break",
    "title": "Break",
    "description": "Ends the loop around it.",
    "family": "flow",
    "slots": [],
    "schema": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Break",
        "type": "object",
        "properties": {"name": {"type": "string"}, "type": {"const": "break"}},
        "required": ["name", "type"],
    },
}


class SlotShown(Shown):
    """A list of a step that holds other steps."""

    name: str = Field(description="What `slot` of these steps is.")
    title: str
    description: str
    required: bool = Field(description="Whether a step cannot run without it.")
    keyed: bool = Field(
        description="One for each key of a map: `slot` is the name, a colon and the key as JSON."
    )


class StepTypeShown(Shown):
    """A type of steps."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})

    type: str
    title: str
    description: str
    family: Family = Field(description="How a canvas may group and colour it.")
    slots: list[SlotShown]
    schema_: dict[str, Any] = Field(
        alias="schema",
        description="JSON Schema (2020-12) of a step as its map in the document has it.",
    )


class StepTypes(Shown):
    """Every type that Pipeline YAML v2 knows."""

    items: list[StepTypeShown]


@cache
def _shown(name: str) -> StepTypeShown:
    type_ = TYPES[name]
    slots = [
        SlotShown(
            name=slot.name,
            title=slot.title,
            description=slot.description,
            required=slot.is_required,
            keyed=slot.is_keyed,
        )
        for slot in (*type_.slots, *EVERY_SLOT)
    ]
    return StepTypeShown(
        type=name,
        title=type_.title,
        description=type_.description,
        family=type_.family,
        slots=slots,
        schema=step_schema(name),
    )


@cache
def _written(*names: str) -> tuple[bytes, str]:
    """The answer for all types, or for one of a name; and its tag."""
    shown = [_shown(name) for name in names]
    content = StepTypes(items=shown) if len(names) > 1 else shown[0]
    written = to_json(content, by_alias=True)
    return written, etags.etag_of(written.decode())


def _answer(if_none_match: str | None, *names: str) -> Response:
    written, etag = _written(*names)
    response = Response(written, media_type="application/json")
    response.headers["Cache-Control"] = _PRIVATE
    etags.answered(response, written, etag, if_none_match)
    return response


@router.get("", name="list_step_types", response_model=StepTypes, responses=problems(304))
async def index(_: Asking, if_none_match: IfNoneMatch = None) -> Response:
    """List all types of steps, each with the JSON Schema of such a step."""
    return _answer(if_none_match, *TYPES)


@router.get(
    "/{step_type}", name="get_step_type", response_model=StepTypeShown, responses=problems(304, 404)
)
async def show(
    _: Asking,
    step_type: Annotated[str, Path(max_length=100)],
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Read one type of steps."""
    if step_type not in TYPES:
        raise NotFound("no such type of steps: see the list of them")
    return _answer(if_none_match, step_type)
