"""What the JSON bodies of all resources have in common."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Self, TypeAlias
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
)
from pydantic_core.core_schema import CoreSchema, no_info_after_validator_function

from app.http import ProblemCode

PROBLEM_REF = "#/components/schemas/Problem"

LARGEST: Final = 2**31 - 1
SmallInteger: TypeAlias = Annotated[int, Field(ge=1, le=LARGEST)]
"""A number that fits the columns that count."""

Name: TypeAlias = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)
]


@dataclass(frozen=True, slots=True)
class Form:
    """The form of a text: a regular expression for programs, and words for people.

    A pattern of pydantic would be shown to whoever gave another text, and nothing else.
    """

    pattern: str
    expected: str

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """See pydantic's custom types."""
        return no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """See pydantic's custom types."""
        return {**handler(schema), "pattern": self.pattern}

    def _checked(self, text: str) -> str:
        if not re.fullmatch(self.pattern, text):
            raise ValueError(f"expected {self.expected}")
        return text


MAX_SLUG: Final = 100
Slug: TypeAlias = Annotated[
    str,
    StringConstraints(max_length=MAX_SLUG),
    Form(r"^[a-z0-9]+(-[a-z0-9]+)*$", "words in a-z and 0-9, joined by hyphens, such as core-team"),
]
Url: TypeAlias = Annotated[
    str,
    StringConstraints(max_length=2000),
    Form(r"^https?://[^\s]+$", "an address such as https://example.org/ada.png"),
]
JsonObject: TypeAlias = dict[str, Any]

MAX_SMALL: Final = 64 * 1024
"""Bytes of JSON that stand in lists, where they are read again and again."""


def _small(value: JsonObject) -> JsonObject:
    if len(json.dumps(value)) > MAX_SMALL:
        raise ValueError(f"expected at most {MAX_SMALL} bytes of JSON")
    return value


SmallObject: TypeAlias = Annotated[JsonObject, AfterValidator(_small)]
"""An object of at most MAX_SMALL bytes."""


def _without_defaults(schema: dict[str, Any]) -> None:
    for field in schema.get("properties", {}).values():
        field.pop("default", None)


class Shown(BaseModel):
    """A resource as the API shows it."""

    model_config = ConfigDict(frozen=True)

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """Make it of a row whose columns are its fields."""
        return cls.model_validate(dict(row))


class Given(BaseModel):
    """A resource as a client gives it: unknown fields are refused, they are misspellings."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Patch(BaseModel):
    """Changes to a resource (RFC 7396): fields that are missing stay as they are."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra=_without_defaults)

    def given(self) -> dict[str, Any]:
        """The fields that were given."""
        return self.model_dump(exclude_unset=True)


def kept() -> Any:
    """The default of a field of a Patch: never seen, since `given` leaves it out."""
    return Field(default=None)


class ProblemError(Shown):
    """One fault of a request."""

    path: str = Field(description="Where in the request, as a dotted path.")
    detail: str
    line: int | None = None
    column: int | None = None


class Problem(Shown):
    """Why a request was refused (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "about:blank",
                "title": "Not Found",
                "status": 404,
                "code": "not_found",
                "detail": "no such pipeline: check the id",
            }
        }
    )

    type: str = "about:blank"
    title: str
    status: int
    code: ProblemCode = Field(description="What went wrong, for programs.")
    detail: str
    errors: list[ProblemError] | None = Field(
        default=None, description="With 422: what is wrong where."
    )
    roles: list[str] | None = Field(default=None, description="With 403: roles that may do this.")
    current: Any = Field(default=None, description="With 412: the state to look at.")


DESCRIPTIONS: Mapping[int, str] = {
    304: "It has not changed.",
    400: "A query parameter is unknown, or the cursor is none of this list.",
    401: "The token is missing, malformed, forged or expired.",
    403: "The caller's role does not suffice.",
    404: "There is no such thing, or the caller may not know of it.",
    408: "The body did not arrive in time.",
    409: "It contradicts what is there.",
    412: "It has changed since; `current` shows it.",
    413: "The body is too big.",
    415: "The body is compressed, or of another media type.",
    422: "Something in the request cannot be; `errors` says what and where.",
    429: "Too many requests; Retry-After says when to come back.",
    503: "Overloaded, draining, or the database is away; Retry-After says when to come back.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Document the refusals of an endpoint, for `responses=`."""
    content = {"application/problem+json": {"schema": {"$ref": PROBLEM_REF}}}
    return {
        status: {
            "description": DESCRIPTIONS[status],
            **({"content": content} if status >= 400 else {}),
        }
        for status in statuses
    }


EVERYWHERE = problems(400, 401, 408, 413, 415, 422, 429, 503)


class UserProfile(Shown):
    """Somebody with whom the caller shares a team, or who invites the caller to one."""

    id: UUID
    name: str
    avatar_url: str | None = None
