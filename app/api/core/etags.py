"""ETags (RFC 9110 §8.8.3): the name of a state, by which two editors notice each other.

The tag of a resource stands for what can be edited of it. Times and counts beside that are not in
it, so an edit elsewhere in a pipeline does not make a tag stale.
"""

import json
from hashlib import blake2b
from typing import Annotated, TypeAlias, TypeVar

from fastapi import Header
from fastapi.encoders import jsonable_encoder
from pydantic_core import to_json
from starlette.responses import Response

from .problems import NotModified, Stale

T = TypeVar("T")

IfMatch: TypeAlias = Annotated[
    str | None,
    Header(max_length=1000, description="Edit only this state: the ETag of an earlier answer."),
]
IfNoneMatch: TypeAlias = Annotated[
    str | None, Header(max_length=1000, description="Answer 304 while this is the state.")
]


def etag_of(content: object) -> str:
    """The tag of a JSON value, a row or a model."""
    plain = json.loads(to_json(content), parse_float=_shortest)
    spelled = json.dumps(plain, sort_keys=True, ensure_ascii=True)
    return f'"{blake2b(spelled.encode(), digest_size=12).hexdigest()}"'


def _shortest(text: str) -> float:
    """Read a number with a point; equal numbers have one spelling: 1.0 is 1."""
    number = float(text)
    return int(number) if number.is_integer() else number


def matches(condition: str, etag: str) -> bool:
    """Whether a list of tags, or `*`, contains a tag."""
    named = (one.strip().removeprefix("W/") for one in condition.split(","))
    return condition.strip() == "*" or etag in named


def require_match(condition: str | None, current: object, etag: str) -> None:
    """Raise Stale unless the caller knows the current state, or does not care."""
    if condition is not None and not matches(condition, etag):
        raise Stale(jsonable_encoder(current), etag)


def answered(response: Response, content: T, etag: str, known: str | None = None) -> T:
    """Tag an answer with its state. Raises NotModified when the caller knows that state."""
    if known is not None and matches(known, etag):
        raise NotModified(etag)
    response.headers["ETag"] = etag
    return content
