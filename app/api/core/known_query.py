"""Query parameters that an operation does not have are refused: they are misspellings.

A filter that is spelt wrong would otherwise let everything through.
"""

from collections.abc import Iterable
from difflib import get_close_matches

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from .problems import UnknownParameter


async def require_known_query(request: Request) -> None:
    """Raise UnknownParameter if the query has a parameter that the operation does not take."""
    # It awaits nothing, but FastAPI would run a plain function in a thread, for each request.
    if not request.query_params:
        return
    route = request.scope["route"]
    known = query_parameters(route)
    for name in request.query_params:
        if name not in known:
            raise UnknownParameter(name, known, _nearest(name, known))


def query_parameters(route: APIRoute) -> tuple[str, ...]:
    """The names of the query parameters of an operation."""
    return tuple(dict.fromkeys(_names(route.dependant)))


def _names(dependant: Dependant) -> Iterable[str]:
    yield from (field.alias for field in dependant.query_params)
    for other in dependant.dependencies:
        yield from _names(other)


def _nearest(name: str, known: Iterable[str]) -> str | None:
    # What is longer than any name is not compared with them: that takes a time of its own.
    close = get_close_matches(name[:50].lower(), known, n=1)
    return close[0] if close else None
