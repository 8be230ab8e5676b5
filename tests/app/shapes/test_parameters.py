"""What a request asks for, and what is wrong with it."""

import json
from urllib.parse import urlencode

import pytest

from app.shapes.errors import InvalidShape
from app.shapes.parameters import LAST, Offset, RequestLimits, ShapeRequest, parse_request

LIMITS = RequestLimits()


def read(body: object = None, **given: str) -> ShapeRequest:
    query = urlencode({"table": "steps", "offset": "-1"} | given).encode()
    return parse_request(query, None if body is None else json.dumps(body).encode(), LIMITS)


def errors(body: object = None, **given: str) -> dict[str, list[str]]:
    with pytest.raises(InvalidShape) as caught:
        read(body, **given)
    return caught.value.errors


def test_the_first_request_of_a_client() -> None:
    request = read(log="full")

    assert request.definition.table.name == "steps"
    assert request.offset == "-1"
    assert not request.live


def test_a_live_request() -> None:
    request = read(
        offset="12_inf",
        handle="h-1",
        live="true",
        cursor="",
        live_sse="true",
        experimental_live_sse="true",
    )

    assert request.offset == Offset(12, LAST)
    assert str(request.offset) == "12_inf"
    assert (request.live, request.sse, request.cursor) == (True, True, None)


@pytest.mark.parametrize(
    "name", ['"public"."steps"', "public.steps", "STEPS", '"steps"', ' public . "steps" ']
)
def test_a_table_is_named_as_in_sql(name: str) -> None:
    assert read(table=name).definition.table.name == "steps"


@pytest.mark.parametrize(
    "name", ["pipeline_updates", '"Steps"', "a.steps", "steps, users", "steps;", "", '"steps', "."]
)
def test_other_tables_are_denied(name: str) -> None:
    assert list(errors(table=name)) == ["table"]


def test_columns_have_the_order_of_the_table() -> None:
    request = read(columns='"name",id,pipeline_id,"name"')

    assert request.definition.columns == ("id", "pipeline_id", "name")


@pytest.mark.parametrize(
    "columns", ["", "id", "id,pipeline_id,secret", "*", "id,,pipeline_id", '"Id","pipeline_id"']
)
def test_columns_that_are_refused(columns: str) -> None:
    assert list(errors(columns=columns)) == ["columns"]


def test_what_users_have_by_default() -> None:
    assert read(table="users").definition.columns == ("id", "name", "avatar_url")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"offset": "x"}, "offset"),
        ({"offset": "1_"}, "offset"),
        ({"offset": "0_0"}, "handle"),
        ({"live": "true"}, "live"),
        ({"offset": "0_0", "handle": "h", "live_sse": "true"}, "live_sse"),
        ({"replica": "none"}, "replica"),
        ({"log": "none"}, "log"),
        ({"tabel": "x"}, "tabel"),
        ({"cursor": "x"}, "cursor"),
        ({"params": "x"}, "params"),
        ({"params": '{"x": "y"}'}, "params"),
        ({"params": '{"1": null}'}, "params"),
        ({"where": "a\0"}, "where"),
        ({"subset__limit": "1"}, "order_by"),
        ({"subset__limit": "-1"}, "limit"),
    ],
)
def test_what_is_refused_names_the_parameter(given: dict[str, str], field: str) -> None:
    assert list(errors(**given)) == [field]


def test_a_parameter_that_is_given_twice_is_refused_unless_it_says_the_same() -> None:
    query = b"table=steps&offset=-1&table="

    assert parse_request(query + b"steps", None, LIMITS).definition.table.name == "steps"
    with pytest.raises(InvalidShape, match="twice"):
        parse_request(query + b"users", None, LIMITS)


def test_what_only_electric_needs_is_ignored() -> None:
    request = read(**{"cache-buster": "1", "secret": "s"})

    assert request == read()


def test_a_handle_that_is_over_is_known() -> None:
    assert read(expired_handle="h").expired_handle == "h"


@pytest.mark.parametrize("query", [b"%FF=1", b"table=%ff", b"a=1&" * 5000, b"\xff", b"x" * 100_000])
def test_a_query_that_is_none(query: bytes) -> None:
    with pytest.raises(InvalidShape):
        parse_request(query, None, LIMITS)


def test_a_subset_may_have_no_parameters() -> None:
    for none in ("{}", "[]"):
        # As TanStack DB asks for all rows.
        assert read(subset__where="true = true", subset__params=none).subset is not None


def test_a_body_may_ask_for_a_subset_and_nothing_else() -> None:
    assert read(body={}).subset is not None
    assert list(errors(body={"table": "users"})) == ["table"]
    assert list(errors(body={"subset": {"where": "true"}})) == ["subset"]
    assert list(errors(body=[])) == ["body"]
    assert list(errors(body={"limit": True})) == ["limit"]
    with pytest.raises(InvalidShape, match="20000 values"):
        parse_request(b"table=steps&offset=-1", b'{"params":[' + b"{}," * 20_000 + b"{}]}", LIMITS)


def test_what_a_shape_is_is_read_once() -> None:
    given = {"where": "name = $1", "params[1]": "loom", "columns": "id,pipeline_id,name"}
    first = read(**given)
    second = read(**given, offset="12_0", handle="h", live="true", cursor="7")
    assert second.definition is first.definition
    for other in ({"params[1]": "other"}, {"replica": "full"}, {"columns": "id,pipeline_id"}):
        assert read(**(given | other)).definition != first.definition
    assert read(**(given | {"table": "pipelines", "columns": "id,name"})).definition.columns


def test_what_is_refused_is_refused_again() -> None:
    for _ in range(2):
        assert errors(where="nothing = 1").keys() == {"where"}


def test_what_a_long_text_says_is_not_kept() -> None:
    one = {"params[1]": "x" * 1_000}
    many = {f"params[{number}]": "" for number in range(1, 101)}
    for given in ({"where": "name = $1"} | one, {"where": "name = $1"} | many):
        assert read(**given).definition == read(**given).definition
        assert read(**given).definition is not read(**given).definition
