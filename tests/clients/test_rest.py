"""Whether the types of the library's REST client are those of the server's OpenAPI document."""

from clients.js import rest_schema
from tests.interop.stock import node


def test_the_types_are_those_of_the_server() -> None:
    written = rest_schema.written(str(node()))
    assert rest_schema.TARGET.read_text() == written, "run `python -m clients.js.rest_schema`"
