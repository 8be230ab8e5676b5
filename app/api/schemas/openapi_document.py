"""The OpenAPI document as generators take it: what FastAPI writes, and what it leaves out."""

from collections.abc import Iterator
from typing import Any, Final

from fastapi import FastAPI

from app.api.core.idempotency import NOT_KEPT
from app.api.core.transaction_ids import HEADER, WRITES_NOTHING

from . import common

METHODS: Final = frozenset({"get", "put", "post", "patch", "delete"})


def complete_document(application: FastAPI) -> None:
    """Have an application describe problem documents, and parameters by plain types."""
    generate = application.openapi

    def openapi() -> dict[str, Any]:
        if application.openapi_schema is not None:
            return application.openapi_schema
        document = generate()
        _add_problem(document)
        _add_key(document)
        _add_transaction_id(document)
        for operation in operations(document):
            for parameter in operation.get("parameters", ()):
                parameter |= {"schema": _without_null(parameter["schema"])}
        return document

    application.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own recipe


def _add_key(document: dict[str, Any]) -> None:
    """Describe the header of requests that can be repeated, which no endpoint reads itself."""
    for path, item in document["paths"].items():
        operation = item.get("post")
        if operation is None or NOT_KEPT.fullmatch(path):
            continue
        operation.setdefault("parameters", []).append(_KEY)
        for status, answer in common.problems(409).items():
            operation["responses"].setdefault(str(status), answer)


def _add_transaction_id(document: dict[str, Any]) -> None:
    """Describe the header by which clients of shapes recognise what they have written."""
    for path, item in document["paths"].items():
        if WRITES_NOTHING.fullmatch(path):
            continue
        for operation in (one for method, one in item.items() if method in METHODS - {"get"}):
            for status, answer in operation["responses"].items():
                if status.startswith("2"):
                    answer.setdefault("headers", {})[HEADER] = _TRANSACTION_ID


_TRANSACTION_ID: Final = {
    "description": "The transaction that has written the rows; missing if none has, or if that is "
    "not known.",
    "schema": {"type": "string", "pattern": "^[0-9]{1,10}$"},
}

_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Repeat a request with its key, and it does nothing twice.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}


def operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The operations of a document."""
    for item in document["paths"].values():
        yield from (one for method, one in item.items() if method in METHODS)


def _add_problem(document: dict[str, Any]) -> None:
    """Add the schema of problem documents, which no endpoint returns as its result."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schema = common.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= schema.pop("$defs", {})
    schemas["Problem"] = schema


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a parameter that may be left out: an address can hold no null."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) != 1:
        return schema
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    return {**kinds[0], **rest}
