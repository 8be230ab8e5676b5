from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from app.api import app as api
from app.api.schemas.common import Form, Given, Patch
from app.setting_values import expectation

assert api.RESOURCES, "all resources are imported, and with them the models of their bodies"


def bodies(base: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for model in base.__subclasses__():
        yield from (model, *bodies(model))


def with_pattern(schema: dict[str, Any]) -> bool:
    return any("pattern" in kind for kind in (schema, *schema.get("anyOf", ())))


FORMED = [
    (model, name)
    for base in (Given, Patch)
    for model in bodies(base)
    for name, schema in model.model_json_schema().get("properties", {}).items()
    if model.__module__.startswith("app.") and with_pattern(schema)
]


def complaint(model: type[BaseModel], field: str, value: str) -> str | None:
    """What is said of a field of a body, whatever else the body lacks."""
    try:
        model.model_validate({field: value})
    except ValidationError as refused:
        said = [expectation(one) for one in refused.errors() if one["loc"] == (field,)]
        return said[0] if said else None
    return None


def test_there_are_fields_of_a_form() -> None:
    assert {name for _, name in FORMED} == {"slug", "email", "avatar_url"}


@pytest.mark.parametrize(("model", "field"), FORMED, ids=lambda one: getattr(one, "__name__", one))
def test_of_a_text_of_another_form_an_example_is_given_that_has_it(
    model: type[BaseModel], field: str
) -> None:
    said = complaint(model, field, "?! \n")
    assert said is not None
    assert said.startswith("expected "), said
    assert "^" not in said
    _, _, example = said.partition("such as ")
    assert complaint(model, field, example) is None
    assert complaint(model, field, f"{example}\n?") == said


def test_no_parameter_and_no_header_but_the_key_of_a_repetition_has_a_pattern() -> None:
    document = api.openapi_document()
    named = {
        parameter["name"]
        for item in document["paths"].values()
        for operation in item.values()
        for parameter in operation.get("parameters", ())
        if with_pattern(parameter.get("schema", {}))
    }
    # Its message is in words: see `core/idempotency.py`.
    assert named == {"Idempotency-Key"}


def test_a_form_is_that_of_the_whole_text() -> None:
    form = Form("^a$", "one a")
    assert form._checked("a") == "a"
    for text in ("a\n", "ab", ""):
        with pytest.raises(ValueError, match="expected one a"):
            form._checked(text)
