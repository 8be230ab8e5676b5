"""The table of step types: its schemas are schemas, and agree with each other and with the data."""

import json
from typing import Any

import jsonschema_rs
import pytest

from crdt.pipeline.config_fields import PROMPT_PARTS
from crdt.pipeline.fields import STEP
from crdt.pipeline.required_fields import LOOPS, PROMPTED, REQUIRED
from crdt.pipeline.step_types import EVERY_SLOT, TYPES, step_schema

EVERY_TYPE = pytest.mark.parametrize("name", TYPES)


def schema_of(name: str) -> Any:
    """The schema as clients get it."""
    return json.loads(json.dumps(step_schema(name)))


def accepts(name: str, step: Any) -> bool:
    return jsonschema_rs.Draft202012Validator(schema_of(name)).is_valid(step)


def named(rule: Any) -> list[Any]:
    """Every rule of a field in a schema, at any depth."""
    inner = [one for key in ("anyOf", "oneOf") for one in rule.get(key, ())]
    inner += [rule["items"]] if isinstance(rule.get("items"), dict) else []
    fields = list(rule.get("properties", {}).values())
    return [*fields, *(found for one in (*inner, *fields) for found in named(one))]


@EVERY_TYPE
def test_each_schema_is_one_and_accepts_its_own_examples(name: str) -> None:
    schema = schema_of(name)
    jsonschema_rs.meta.validate(schema)
    (example,) = schema["examples"]
    assert accepts(name, example)
    assert not accepts(name, {**example, "type": "another"})
    assert not accepts(name, {"type": name})


@EVERY_TYPE
def test_every_field_has_a_title_and_a_description(name: str) -> None:
    schema = schema_of(name)
    fields = [schema, *schema["properties"].values()]
    fields += [
        rule
        for rule in named(schema["properties"]["config"])
        if rule.get("type") not in {"integer", "number"} or "title" in rule
    ]
    lacking = [rule for rule in fields if not ({"title", "description"} <= rule.keys())]
    assert [rule for rule in lacking if rule.get("title") != "Settings"] == []


@EVERY_TYPE
def test_no_two_fields_of_a_form_have_the_same_title(name: str) -> None:
    titles = [STEP["name"].title, *(field.title for field in TYPES[name].fields.values())]
    assert sorted(set(titles)) == sorted(titles)


@EVERY_TYPE
def test_defaults_and_examples_obey_their_own_rules(name: str) -> None:
    for rule in named(schema_of(name)):
        checked = jsonschema_rs.Draft202012Validator(
            {key: one for key, one in rule.items() if key not in {"default", "examples"}}
        )
        given = [rule["default"]] if "default" in rule else []
        for value in (*given, *rule.get("examples", ())):
            assert checked.is_valid(value), (rule, value)


def test_a_schema_has_the_fields_of_a_step_in_the_document() -> None:
    assert step_schema("claude")["properties"].keys() == STEP.keys()


@pytest.mark.parametrize(
    ("name", "config", "is_complete"),
    [
        ("claude", {}, False),
        ("claude", {"prompt": "a text"}, False),
        ("claude", {"prompt": [{"type": "static", "content": "a"}], "unknown": 1}, True),
        ("claude", {"prompt": [{"type": "static"}]}, False),
        ("claude", {"prompt": [{"type": "telepathy", "content": "a"}]}, False),
        ("claude_batch", {}, False),
        ("claude_batch", {"tasks": []}, True),
        ("pipeline", {}, True),
        ("for_loop", {"iterator": "x"}, False),
        ("for_loop", {"iterator": "x", "data_source": [1, 2]}, True),
        ("break", {}, True),
    ],
)
def test_what_a_config_must_have(name: str, config: Any, is_complete: bool) -> None:
    assert accepts(name, {"name": "x", "type": name, "config": config}) is is_complete


def test_what_cannot_run_without_is_named_with_the_slots() -> None:
    assert TYPES["for_loop"].required == ("iterator", "data_source", "steps")
    assert TYPES["switch"].required == ("expression", "cases")
    assert TYPES["claude_batch"].one_of == ("prompt", "tasks")


def test_diagnostics_ask_the_same_table() -> None:
    assert REQUIRED["for_loop"] == TYPES["for_loop"].required
    assert (REQUIRED["claude"], "claude" in PROMPTED) == ((), True)
    assert "claude_batch" not in PROMPTED
    assert {"for_loop", "while_loop"} == LOOPS


def test_each_prompt_part_declares_the_field_it_needs() -> None:
    for part in PROMPT_PARTS.values():
        assert [key for key, each in part.fields.items() if each.is_required] == [part.needs]


def test_a_slot_is_named_once() -> None:
    for type_ in TYPES.values():
        names = [slot.name for slot in (*type_.slots, *EVERY_SLOT)]
        assert len(names) == len(set(names))
