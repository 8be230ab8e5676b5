"""ETags (RFC 9110 §8.8.3): the name of a state, by which two editors notice each other.

The tag of a resource stands for what can be edited of it. Times and counts beside that are not in
it, so an edit elsewhere in a pipeline does not make a tag stale.
"""

import json
from hashlib import blake2b
from typing import Annotated, Any, TypeAlias, TypeVar

from fastapi import Header
from fastapi.encoders import jsonable_encoder
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
    plain = json.dumps(_canonical(jsonable_encoder(content)), sort_keys=True, ensure_ascii=True)
    return f'"{blake2b(plain.encode(), digest_size=12).hexdigest()}"'


def _canonical(value: Any) -> Any:
    """Give equal JSON values one spelling: 1.0 is 1."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {key: _canonical(item) for key, item in value.items()}
        case list():
            return [_canonical(item) for item in value]
    return value


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
