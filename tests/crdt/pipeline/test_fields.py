"""The schema is complete: what reads, writes and checks fields forgets none of them."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import pytest

from crdt.document.schema import connection_fields, settings_fields, step_fields
from crdt.pipeline.fields import (
    CONNECTION,
    SETTINGS,
    STATUSES,
    STEP,
    AnyJson,
    Choice,
    ConnectionFields,
    EntryId,
    Field,
    Flag,
    JsonObject,
    Kind,
    OrderKey,
    PlainField,
    SettingsFields,
    StepFields,
    Tags,
    Text,
    defaults_of,
    plain_values,
)
from crdt.pipeline.model import Connection, Json, PipelineSettings, Step
from crdt.pipeline.rows import PipelineRow, StepRow
from crdt.validation.entries import connection_entry, settings_entry, step_entry
from tests.crdt.entries import key

A, B, C = key(1), key(2), key(3)
TABLES = {"step": STEP, "connection": CONNECTION, "settings": SETTINGS}
EVERY_FIELD = [
    pytest.param(field, id=f"{name} of {table}")
    for table, each in TABLES.items()
    for name, field in each.items()
]


def test_a_document_holds_exactly_the_fields_of_the_schema() -> None:
    assert step_fields(Step(A, "a", "claude")).keys() == STEP.keys()
    assert settings_fields(PipelineSettings("P")).keys() == SETTINGS.keys()
    connection = connection_fields(Connection(C, A, B))
    ends = connection.pop("ends")
    assert isinstance(ends, Mapping)
    assert connection.keys() | ends.keys() == CONNECTION.keys()


def test_rows_have_a_column_for_every_field() -> None:
    assert {each.name for each in fields(PipelineRow)} == SETTINGS.keys()
    columns = {each.name for each in fields(StepRow)}
    own = {"id", "declared_type", "position_x", "position_y", "width", "height", "order_index"}
    assert columns - own == STEP.keys() - {"position", "size", "order"}


@pytest.mark.parametrize("field", EVERY_FIELD)
def test_what_stands_for_a_missing_field_may_be_written(field: Field) -> None:
    assert field.is_required or field.kind == OrderKey() or field.accepts(field.default)


@pytest.mark.parametrize("owner", [StepFields, ConnectionFields, SettingsFields])
def test_plain_fields_have_one_default(owner: Any) -> None:
    blank = owner()
    declared = {each.name: each.metadata["declared"] for each in fields(owner)}
    assert plain_values(blank) == {name: field.default for name, field in declared.items()}
    assert all(isinstance(field, PlainField) for field in declared.values())


def test_a_missing_field_reads_as_its_default() -> None:
    step = step_entry(A, {"name": "a", "type": "claude", "order": "a0"})
    assert step.value is not None
    assert plain_values(step.value) == plain_values(StepFields())
    assert (step.value.config, step.value.slot, step.value.parent) == ({}, "steps", None)
    assert step.value.position == tuple(defaults_of(STEP)["position"].values())  # type: ignore[union-attr]
    assert not step.diagnostics
    connection = connection_entry(C, {"ends": {"from_step_id": A, "to_step_id": B}})
    assert connection.value is not None
    assert connection.value.row() == connection_entry_row()
    settings = settings_entry({"name": "P"})
    assert settings.value is not None
    assert plain_values(settings.value) == plain_values(SettingsFields())


def connection_entry_row() -> Any:
    entry = connection_entry(
        C,
        {
            "ends": {
                "from_step_id": A,
                "to_step_id": B,
                **{name: CONNECTION[name].default for name in ("from_output", "to_input")},
            }
        },
    )
    assert entry.value is not None
    return entry.value.row()


def test_tables_agree_about_a_name_they_share() -> None:
    both = defaults_of(STEP) | defaults_of(CONNECTION) | defaults_of(SETTINGS)
    for table in TABLES.values():
        assert defaults_of(table).items() <= both.items()


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Flag(), [True, False], [0, 1, "true", None]),
        (Text(3), ["a", "abc"], ["", "  ", "abcd", 1, None]),
        (Text(3, may_be_blank=True), ["", "abc"], ["abcd", None]),
        (Choice(STATUSES), ["draft"], ["Draft", "", 1, None]),
        (AnyJson(), [None, 1, {}], []),
        (JsonObject(), [{}, {"a": 1}], [[], None]),
        (EntryId(), [A], [A.upper().replace("0", "F"), "x", None]),
        (OrderKey(), ["a0"], ["", "0", "é", 1]),
        (Tags(), [[], ["a", "b"]], [["a", "a"], [1], [""], "ab", ["x"] * 101]),
        (STEP["position"].kind, [{"x": 1, "y": -2.5}], [{"x": 1}, {"x": 1, "y": True}, [1, 2]]),
        (STEP["size"].kind, [{"width": 1, "height": 2}], [{"width": 0, "height": 2}]),
    ],
)
def test_a_kind_takes_its_own_values(kind: Kind, good: list[Json], bad: list[Json]) -> None:
    assert [value for value in good if not kind.accepts(value)] == []
    assert [value for value in bad if kind.accepts(value)] == []
    assert kind.expected
