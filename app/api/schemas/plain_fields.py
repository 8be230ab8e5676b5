"""The plain fields of steps and connections, added to the models of the API.

`crdt/pipeline/fields.py` declares them once; the decorators here add them to a model as the API
shows it, as a client gives it, or as a client changes it. The decorated class is still the class to
the type checker, which knows the fields that are written down in it.
"""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Protocol, TypeAlias, TypeVar

from pydantic import AfterValidator, BaseModel, WithJsonSchema, create_model
from pydantic import Field as ModelField

from crdt.pipeline.fields import PlainField
from crdt.validation.diagnostics import shown

from .common import kept

M = TypeVar("M", bound=BaseModel)
Table: TypeAlias = Mapping[str, PlainField]


class Decorator(Protocol):
    """Returns a model with the fields added, as the class that it was."""

    def __call__(self, model: type[M]) -> type[M]: ...


def shows_plain(table: Table) -> Decorator:
    """Add the fields to a model of what there is: each has a value."""
    return _adding(
        {
            name: (_type(field), ModelField(description=field.description))
            for name, field in table.items()
        }
    )


def takes_plain(table: Table) -> Decorator:
    """Add the fields to a model of what is to be created: each may be left out."""
    return _adding({name: (_type(field), field.default) for name, field in table.items()})


def patches_plain(table: Table) -> Decorator:
    """Add the fields to a `Patch`: each that is left out stays as it is."""
    return _adding({name: (_type(field), kept()) for name, field in table.items()})


def _adding(definitions: Mapping[str, Any]) -> Decorator:
    def add(model: type[M]) -> type[M]:
        return create_model(
            model.__name__,
            __base__=model,
            __module__=model.__module__,
            __doc__=model.__doc__,
            **definitions,
        )

    return add


def _type(field: PlainField) -> Any:
    """Return the annotation of a field: checked as edits by the server check it."""
    schema = dict(field.kind.json_schema)
    if field.is_nullable and schema:
        schema = {"anyOf": [schema, {"type": "null"}]}
    value_type = field.kind.value_type | None if field.is_nullable else field.kind.value_type
    return Annotated[value_type, AfterValidator(partial(_checked, field)), WithJsonSchema(schema)]


def _checked(field: PlainField, value: Any) -> Any:
    if not field.accepts(value):
        raise ValueError(f"expected {field.kind.expected}, got {shown(value)}")
    return value
