"""The library's REST client, and whether its types are those of the server's OpenAPI document."""

import asyncio
import json
from pathlib import Path

import pytest

from clients.js import rest_schema
from tests.clients.javascript import compiled, run
from tests.interop.stock import node
from tests.server import Installation

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_types_are_those_of_the_server() -> None:
    written = await asyncio.to_thread(rest_schema.written, str(node()))
    assert rest_schema.TARGET.read_text() == written, "run `python -m clients.js.rest_schema`"


async def test_a_page_does_over_rest_what_is_not_in_the_document(
    shared_database: str, tmp_path: Path
) -> None:
    installation = Installation(shared_database, tmp_path / "data")
    async with installation.serve() as server:
        given = json.dumps({"url": server.http(""), "token": await installation.token()})
        await asyncio.to_thread(_tour, given)


def _tour(given: str) -> None:
    tour = str(compiled() / "test" / "restTour.js")
    assert run(node(), tour, stdin=given) == "done\n"
