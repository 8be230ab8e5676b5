import pytest

from crdt.yaml.nodes import Mapping, Scalar
from crdt.yaml.reader import read_tree
from crdt.yaml.slots import filled_slots, place_of
from crdt.yaml.writer import inline


def slots(text: str) -> list[str]:
    root = read_tree(text).root
    assert isinstance(root, Mapping)
    return [slot for slot, _ in filled_slots(root)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{type: for_loop, steps: [], default: []}", ["steps"]),
        ("{type: while_loop, steps: [], on_error: []}", ["steps", "on_error"]),
        ("{type: claude, steps: [], error_handler: []}", ["error_handler"]),
        ("{type: checkpoint, on_not_found: []}", ["on_not_found"]),
        (
            "{type: pipeline, pipeline: {steps: [], workflow: {steps: []}}}",
            ["pipeline.steps", "pipeline.workflow.steps"],
        ),
        ("{type: pipeline, pipeline: x}", []),
        (
            "{type: switch, cases: {a: [], true: [], 'true': [], 1.0: []}}",
            ['cases:"a"', "cases:true", 'cases:"true"', "cases:1.0"],
        ),
        ("{type: switch, cases: {.nan: [], [x]: [], !t y: [], z: 1}}", []),
        (f"{{type: switch, cases: {{{'k' * 93}: []}}}}", []),
        (f"{{type: switch, cases: {{{'k' * 92}: []}}}}", [f'cases:"{"k" * 92}"']),
        ("{type: for_loop, steps: '{{x}}'}", []),
        ("{type: for_loop, steps: !t []}", []),
        ("{steps: []}", []),
    ],
)
def test_lists_in_the_documented_places_are_slots(text: str, expected: list[str]) -> None:
    assert slots(text) == expected


@pytest.mark.parametrize(
    ("slot", "pointer", "key"),
    [
        ("steps", "", "steps"),
        ("pipeline.steps", "/pipeline", "steps"),
        ("pipeline.workflow.steps", "/pipeline/workflow", "steps"),
        ('cases:"a"', "/cases", "a"),
        ("cases:true", "/cases", "true"),
        ('cases:"true"', "/cases", '"true"'),
        ("cases:1.0", "/cases", "1.0"),
        ("cases:{}", "/cases", '"{}"'),
        ("cases:oops", "/cases", "oops"),
        ("made up", "", "made up"),
    ],
)
def test_a_slot_leads_to_its_place(slot: str, pointer: str, key: str) -> None:
    place = place_of(slot)
    assert (place.pointer, inline(place.key)) == (pointer, key)
    assert isinstance(place.key, Scalar)
