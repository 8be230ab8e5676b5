import random
import string
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from crdt.errors import PipelineFileError
from crdt.pipeline.model import Json, JsonMap, Pipeline, PipelineSettings, Step
from crdt.pipeline.rows import UNSUPPORTED
from crdt.yaml import importer
from crdt.yaml.codec import Imported, read, write
from crdt.yaml.nodes import Mapping, Node, Scalar, Sequence
from crdt.yaml.reader import read_tree
from crdt.yaml.writer import emit, inline
from tests.crdt.through_javascript import exact, parse, through_document
from tests.rounds import SEED, rounds, some


def ids() -> Callable[[], str]:
    numbers = count()
    return lambda: f"id{next(numbers)}"


def load(text: str | bytes) -> Imported:
    return read(text, name="file", new_id=ids())


def load_steps(text: str) -> list[Step]:
    return list(load("workflow:\n  name: p\n  steps:\n" + text).pipeline.steps.values())


def again(text: str | bytes, seed: int = 0) -> str:
    """Import, let the pipeline live in a document, export."""
    return write(through_document(load(text).pipeline, random.Random(seed)))


def assert_survives(text: str, seed: int = 0) -> None:
    exported = again(text, seed)
    assert inline(read_tree(exported).root) == inline(read_tree(text).root)
    assert again(exported, seed + 1) == exported


FIXTURES = {
    "switch with typed case keys": """
        workflow:
          name: s
          steps:
            - name: pick
              type: switch
              expression: "steps.a.kind"
              cases:
                approve: [{name: a, type: claude}]
                true: [{name: b, type: claude}]
                "true": [{name: b2, type: claude}]
                200: [{name: c, type: claude}]
                "200": []
                1.0: [{name: d, type: claude}]
                null: [{name: e, type: claude}]
                .inf: [{name: not a step, type: claude}]
                text: "{{later}}"
                [a, b]: [{name: not a step, type: claude}]
              default:
                - {name: f, type: claude}
    """,
    "loops three deep": """
        workflow:
          name: loops
          steps:
            - name: one
              type: for_loop
              iterator: x
              data_source: "[1, 2]"
              steps:
                - type: while_loop
                  name: two
                  condition: "three.more"
                  steps:
                    - {name: three, type: for_loop, steps: [{name: four, type: claude}]}
                    - {name: none, type: for_loop, steps: []}
              parallel: true
    """,
    "inline pipelines": """
        workflow:
          name: outer
          steps:
            - name: a
              type: pipeline
              pipeline:
                defaults: {claude_model: opus, z: 1.0, a: 1}
                name: inner
                steps:
                  - {name: echo, type: test_echo, value: "{{inputs.x}}"}
                after: 1
              inputs: {x: 1}
            - name: b
              type: pipeline
              pipeline: {workflow: {steps: [{name: deep, type: test_echo}], name: w}}
            - {name: c, type: pipeline, pipeline_file: x.yaml}
            - {name: d, type: pipeline, pipeline: {steps: []}}
    """,
    "handlers": """
        workflow:
          name: h
          steps:
            - name: save
              type: checkpoint
              on_not_found: [{name: fresh, type: set_variable, variables: {a: 1}}]
              error_handler: [{name: mend, type: claude}]
              on_error: [{name: tell, type: claude}]
            - {name: b, type: claude, on_error: continue, error_handler: {action: x}}
            - {name: c, type: claude, steps: [{name: data}], cases: {a: []}, default: []}
    """,
    "header in its own order": """
        output: {b: 1, a: 2.0}
        workflow:
          tags: [x, y]
          steps: [{type: claude, name: a}]
          gemini_auth: null
          claude_auth: {z: 1, a: 2}
          defaults: {}
          description: null
          metadata: {owner: me}
          name: p
        another: ~
    """,
    "header of other kinds": """
        workflow: {name: 1.0, description: 12, tags: [a, 1], defaults: null, steps: null}
    """,
    "bare root": """
        steps: [{name: a, type: claude}]
        name: bare
        tags: []
        workflow: null
    """,
    "pipeline beside steps": """
        pipeline: {description: d, name: apart}
        steps: []
        output: {x: 1}
    """,
    "no name, no steps": "workflow: {}",
    "odd steps": """
        workflow:
          name: odd
          steps:
            - null
            - text
            - 1.0
            - [1, {a: 1.0}]
            - {}
            - {name: "", type: 7, enabled: true}
            - {name: [a], type: null, enabled: "no"}
            - {name: .inf, type: !t x, enabled: false}
            - !tagged {name: step 1, type: claude}
    """,
    "scalars": """
        workflow:
          name: scalars
          steps:
            - name: n
              type: claude
              numbers: [1, 1.0, 1e3, 0x10, 0o17, 010, -0.0, -0, 0.1, 1e300, -1.5e-9, .5]
              big: [9007199254740991, 9007199254740992, 123456789012345678901234567890, 1e22]
              beyond: [.inf, -.inf, .nan]
              words: [yes, no, on, "null", "true", "1", "1.0", 1_000, 1:30, 2024-01-01, "", ~, null]
              keys: {1: a, "1": b, true: c, "true": d, null: e, ~1: f, a/b: {1.0: x}, 1.5: g}
              tags: [!t 1, !!str 1, !!int "2", !!float 2, !x [], !y {a: 1}, !<tag:a,1:b%20c> z]
              complex: {[1, {a: b}]: 1, ? {x: 1} : 2}
    """,
    "texts": """
        workflow:
          name: "unicode \\u00e9 \\u6f22 \\U0001F600"
          description: "tab\\t, bell\\a, line\\u2028 end\\x85"
          steps:
            - name: n
              type: claude
              a: "one\\ntwo"
              b: "one\\ntwo\\n"
              c: "one\\ntwo\\n\\n"
              d: "  indented\\nthen not\\n"
              e: "\\n\\nlate"
              f: "blank at the end \\n and\\n  \\n"
              g: "# no comment\\n- no: list\\n"
              h: "a\\r\\nb"
              i: "\\n"
    """,
}


@pytest.mark.parametrize("name", FIXTURES)
def test_fixtures_survive(name: str) -> None:
    for seed in range(5):
        assert_survives(FIXTURES[name], seed)


def test_slots_hold_typed_cases() -> None:
    steps = load(FIXTURES["switch with typed case keys"]).pipeline.steps.values()
    assert {step.name: step.slot for step in steps} == {
        "pick": "steps",
        "a": 'cases:"approve"',
        "b": "cases:true",
        "b2": 'cases:"true"',
        "c": "cases:200",
        "d": "cases:1.0",
        "e": "cases:null",
        "f": "default",
    }


def test_loops_nest_and_keep_order() -> None:
    steps = load(FIXTURES["loops three deep"]).pipeline.steps
    parents = {step.name: step.parent_step_id for step in steps.values()}
    assert parents == {"one": None, "two": "id0", "three": "id1", "none": "id1", "four": "id2"}
    assert "steps" not in steps["id0"].config
    assert steps["id2"].order < steps["id4"].order


def test_an_inline_pipeline_keeps_its_header_in_its_step() -> None:
    steps = load(FIXTURES["inline pipelines"]).pipeline.steps.values()
    by_name = {step.name: step for step in steps}
    assert by_name["a"].config["pipeline"] == {
        "defaults": {"claude_model": "opus", "z": 1, "a": 1},
        "name": "inner",
        "after": 1,
    }
    assert by_name["echo"].slot == "pipeline.steps"
    assert by_name["deep"].slot == "pipeline.workflow.steps"


def test_only_documented_slots_hold_steps() -> None:
    steps = load(FIXTURES["handlers"]).pipeline.steps.values()
    assert {step.name: step.slot for step in steps if step.parent_step_id} == {
        "fresh": "on_not_found",
        "mend": "error_handler",
        "tell": "on_error",
    }


def test_the_header_goes_to_its_fields() -> None:
    settings = load(FIXTURES["header in its own order"]).pipeline.settings
    assert settings.name == "p"
    assert settings.description is None
    assert settings.tags == ("x", "y")
    assert settings.defaults == {}
    assert settings.authentication == {"gemini_auth": None, "claude_auth": {"z": 1, "a": 2}}
    assert settings.config == {"metadata": {"owner": "me"}}


def test_values_that_fit_no_field_stay_in_the_config() -> None:
    settings = load(FIXTURES["header of other kinds"]).pipeline.settings
    assert settings.name == "file"
    assert settings.config == {
        "name": 1,
        "description": 12,
        "tags": ["a", 1],
        "defaults": None,
        "steps": None,
    }


def test_steps_without_a_usable_name_or_type_show_a_fallback() -> None:
    steps = load_steps("    - {type: claude}\n    - {name: step 1}\n    - 5\n")
    assert [(step.name, step.type) for step in steps] == [
        ("step 1 (unnamed)", "claude"),
        ("step 1", UNSUPPORTED),
        ("step 3", UNSUPPORTED),
    ]


def test_a_plain_step_needs_no_source() -> None:
    (step,) = load_steps("    - name: a\n      type: claude\n      role: brain\n      prompt: []\n")
    assert step.source == {}
    assert step.config == {"role": "brain", "prompt": []}


def test_numbers_that_javascript_lacks_are_texts_in_the_config() -> None:
    (step,) = load_steps("    - {name: a, type: b, x: [.inf, 9007199254740993, 2.0, 1e300]}\n")
    assert exact(step.config["x"]) == exact([".inf", "9007199254740993", 2, 1e300])


def test_steps_are_connected_and_laid_out() -> None:
    pipeline = load(
        "workflow: {name: p, steps: [{name: a, type: claude}, "
        "{name: b, type: claude, prompt: [{type: previous_response, step: a}]}]}"
    ).pipeline
    (connection,) = pipeline.connections.values()
    assert (connection.from_step_id, connection.to_step_id) == ("id0", "id1")
    assert pipeline.connections == {connection.id: connection}
    assert pipeline.steps["id0"].position.y < pipeline.steps["id1"].position.y


def edited(text: str, **changes: Any) -> Any:
    """Import, change the first step, export, parse."""
    pipeline = load(text).pipeline
    steps = dict(pipeline.steps)
    steps["id0"] = replace(steps["id0"], **changes)
    return parse(write(through_document(replace(pipeline, steps=steps), random.Random(1))))


def one_step(item: str) -> str:
    return f"workflow: {{name: p, steps: [{item}]}}"


@pytest.mark.parametrize(
    ("item", "changes", "expected"),
    [
        ("{type: a}", {"name": "new"}, {"name": "new", "type": "a"}),
        ("{name: 1.0, type: a}", {"name": "1.0"}, {"name": "1.0", "type": "a"}),
        ("{name: n, type: null}", {"type": "a"}, {"name": "n", "type": "a"}),
        ("5", {"name": "new"}, {"name": "new"}),
        ("5", {"config": {"x": 1}}, {"x": 1}),
        ("5", {"enabled": False}, {"enabled": False}),
        ("{name: n, type: a, enabled: true}", {"enabled": False}, None),
        ("{name: n, type: a, enabled: x}", {"enabled": False}, None),
        ("{name: n, type: a, v: 1.0}", {"config": {"v": 2}}, {"name": "n", "type": "a", "v": 2}),
        (
            "{name: n, type: a, v: .inf}",
            {"config": {"v": "i"}},
            {"name": "n", "type": "a", "v": "i"},
        ),
        ("{name: n, type: a, v: {1: x}}", {"config": {"v": 1}}, {"name": "n", "type": "a", "v": 1}),
        ("{name: n, type: for_loop, steps: []}", {"config": {"steps": "{{x}}"}}, None),
        ("{name: n, type: pipeline, pipeline: {steps: []}}", {"config": {"pipeline": "x"}}, None),
        ("{name: n, type: pipeline, pipeline: {steps: []}}", {"config": {}}, None),
    ],
)
def test_an_edit_wins_over_what_was_imported(
    item: str, changes: dict[str, Any], expected: dict[str, Any] | None
) -> None:
    text = one_step(item)
    (step,) = edited(text, **changes)["workflow"]["steps"]
    if expected is None:
        original = parse(text)["workflow"]["steps"][0]
        expected = {"name": original["name"], "type": original["type"]}
        expected |= changes.get("config", {})
        expected |= {"enabled": False} if "enabled" in changes else {}
    assert sorted(map(repr, exact(step)[1])) == sorted(map(repr, exact(expected)[1]))


def test_edits_of_the_header_win() -> None:
    pipeline = load("workflow: {description: null, tags: [], defaults: {}, steps: null}").pipeline
    changed = replace(
        pipeline.settings, name="new", description="d", tags=("t",), defaults={"a": 1}, config={}
    )
    assert parse(write(replace(pipeline, settings=changed))) == {
        "workflow": {"description": "d", "tags": ["t"], "defaults": {"a": 1}, "name": "new"}
    }


def test_steps_added_to_a_file_without_steps_or_to_an_empty_slot_are_written() -> None:
    pipeline = load("workflow: {name: p, steps: '{{later}}'}").pipeline
    added = replace(pipeline, steps={"x": Step("x", "x", "claude")})
    assert parse(write(added))["workflow"]["steps"] == [{"name": "x", "type": "claude"}]
    pipeline = load(one_step("{name: l, type: for_loop, steps: []}")).pipeline
    inner = {"x": Step("x", "x", "claude", parent_step_id="id0")}
    added = replace(pipeline, steps={**pipeline.steps, **inner})
    assert parse(write(added))["workflow"]["steps"][0]["steps"] == [{"name": "x", "type": "claude"}]


def test_a_pipeline_made_on_the_canvas_is_written_in_the_canonical_order() -> None:
    loop = Step("l", "loop", "for_loop", config={"data_source": "a", "iterator": "x"})
    body = Step(
        "b",
        "body",
        "claude",
        parent_step_id="l",
        enabled=False,
        config={
            "prompt": [{"content": "first\nsecond\n", "type": "static"}],
            "claude_options": {"allowed_tools": ["Read", "Write"], "max_turns": 3.0},
            "zeta": 0.5,
        },
    )
    case = Step("c", "case", "switch", order="b", config={"expression": "x"})
    chosen = Step("d", "chosen", "break", parent_step_id="c", slot="cases:true")
    steps = {step.id: step for step in (chosen, case, body, loop)}
    assert write(Pipeline(PipelineSettings("made here", description="", tags=("x",)), steps)) == (
        "workflow:\n"
        "  name: made here\n"
        '  description: ""\n'
        "  tags: [x]\n"
        "  steps:\n"
        "    - name: loop\n"
        "      type: for_loop\n"
        "      iterator: x\n"
        "      data_source: a\n"
        "      steps:\n"
        "        - name: body\n"
        "          type: claude\n"
        "          enabled: false\n"
        "          claude_options:\n"
        "            allowed_tools: [Read, Write]\n"
        "            max_turns: 3\n"
        "          zeta: 0.5\n"
        "          prompt:\n"
        "            - type: static\n"
        "              content: |\n"
        "                first\n"
        "                second\n"
        "    - name: case\n"
        "      type: switch\n"
        "      expression: x\n"
        "      cases:\n"
        "        true:\n"
        "          - name: chosen\n"
        "            type: break\n"
    )


def test_an_empty_pipeline_has_an_empty_list_of_steps() -> None:
    assert write(Pipeline(PipelineSettings("p"))) == "workflow:\n  name: p\n  steps: []\n"


@pytest.mark.parametrize(
    "steps",
    ["[a, b, c, d]", "[a, {name: b, type: for_loop, steps: [c, d]}]"],
    ids=["in one list", "inside another"],
)
def test_more_steps_than_a_file_may_have_are_refused(
    monkeypatch: pytest.MonkeyPatch, steps: str
) -> None:
    monkeypatch.setattr(importer, "MAX_STEPS", 4)
    assert len(load(f"steps: {steps}").pipeline.steps) == 4
    monkeypatch.setattr(importer, "MAX_STEPS", 2)
    with pytest.raises(PipelineFileError, match="at most 2 steps, got more"):
        load(f"steps: {steps}")


def test_steps_nested_beyond_reason_are_refused() -> None:
    steps = {"s0": Step("s0", "s", "for_loop")}
    for n in range(1, 3000):
        steps[f"s{n}"] = Step(f"s{n}", "s", "for_loop", parent_step_id=f"s{n - 1}")
    with pytest.raises(PipelineFileError, match="levels of nesting"):
        write(Pipeline(PipelineSettings("p"), steps))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name: CI\non: push\njobs: {}\n", 'got the keys: name, "on", jobs'),
        ("workflow: text\n", "got the keys: workflow"),
        ("- a\n", "got a sequence"),
        ("just text", "got a scalar"),
        ("{}", "got the keys: none"),
    ],
)
def test_other_files_are_refused(text: str, problem: str) -> None:
    with pytest.raises(PipelineFileError, match="not a pipeline") as caught:
        load(text)
    assert problem in str(caught.value)


def test_findings_come_in_the_order_of_lines_with_their_place() -> None:
    text = (
        "steps:\n"
        "  - type: claude\n"
        "    prompt:\n"
        "      - type: previous_response\n"
        "        step: gone\n"
        "  - {name: b, type: b, name: c}\n"
    )
    found = [(one.line, one.column, one.code) for one in load(text).diagnostics]
    assert found == [
        (1, 1, "root-layout"),
        (1, 1, "missing-name"),
        (2, 5, "missing-name"),
        (4, 9, "dangling-reference"),
        (6, 21, "unknown-type"),
        (6, 24, "duplicate-key"),
    ]


def test_crlf_and_bom_and_bytes_read_alike() -> None:
    text = "workflow:\n  name: p\n  steps:\n    - name: a\n      type: b\n      x: |\n        1\n"
    expected = load(text).pipeline
    assert load(text.replace("\n", "\r\n")).pipeline == expected
    assert load(b"\xef\xbb\xbf" + text.encode()).pipeline == expected


def test_anchors_and_merges_are_expanded() -> None:
    text = (
        "workflow:\n  name: p\n  steps:\n"
        "    - &a {name: a, type: claude, options: &o {x: 1, y: 1.0}}\n"
        "    - {<<: *a, name: b}\n"
        "    - {name: c, type: claude, options: {<<: [*o, {z: 1}], x: 2}}\n"
    )
    exported = parse(again(text))["workflow"]["steps"]
    assert exported == parse(text)["workflow"]["steps"]
    assert exported[1] == {"type": "claude", "options": {"x": 1, "y": 1.0}, "name": "b"}


NAMES = ["name", "type", "steps", "prompt", "cases", "x", "pipeline", "enabled", "on_error", "tags"]
TYPES = ["claude", "for_loop", "switch", "pipeline", "checkpoint", "unknown", "while_loop"]
CHARACTERS = [*string.printable, "é", "漢", "😀", "\u2028", "\x85", "\ufeff", ": ", " #", "\n\n"]


class Invention:
    """Random trees of nodes with every oddity that YAML has and JavaScript lacks."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def pipeline(self) -> Node:
        header = dict(self._entries(self._value, 3))
        if self.rng.random() < 0.9:
            header[Scalar("steps")] = self._steps(2)
        root = Mapping(tuple(header.items()))
        return self.rng.choice(
            [
                Mapping(((Scalar("workflow"), root), (Scalar("beside"), self._value(2)))),
                Mapping(((Scalar("workflow"), root),)),
                Mapping((*root.entries, (Scalar("steps"), Sequence())))
                if Scalar("steps") not in header
                else root,
            ]
        )

    def _steps(self, depth: int) -> Node:
        return Sequence(tuple(self._step(depth) for _ in range(self.rng.randrange(3))))

    def _step(self, depth: int) -> Node:
        if self.rng.random() < 0.1:
            return self._value(2)
        entries = dict(self._entries(self._value, 3))
        entries[Scalar("type")] = Scalar(self.rng.choice(TYPES))
        if depth:
            slots = ["steps", "default", "on_error", "error_handler", "on_not_found"]
            entries[Scalar(self.rng.choice(slots))] = self._steps(depth - 1)
            cases = Mapping(tuple(self._entries(lambda _: self._steps(depth - 1), 2)))
            entries[Scalar("cases")] = cases
            inner = ((Scalar("x"), self._value(1)), (Scalar("steps"), self._steps(depth - 1)))
            entries[Scalar("pipeline")] = Mapping(inner)
        return Mapping(tuple(self.rng.sample(list(entries.items()), len(entries))), self._tag())

    def _entries(self, value: Callable[[int], Node], most: int) -> Iterator[tuple[Node, Node]]:
        keys = [self._key() for _ in range(self.rng.randrange(most + 1))]
        for key in {inline(key): key for key in keys}.values():
            if key not in (Scalar("workflow"), Scalar("steps")):
                yield key, value(1)

    def _key(self) -> Node:
        if self.rng.random() < 0.6:
            return Scalar(self.rng.choice(NAMES))
        return self._value(1)

    def _value(self, depth: int) -> Node:
        kind = self.rng.random()
        if depth and kind < 0.2:
            items = tuple(self._value(depth - 1) for _ in range(self.rng.randrange(4)))
            return Sequence(items, self._tag())
        if depth and kind < 0.5:
            return Mapping(tuple(self._entries(lambda _: self._value(depth - 1), 3)), self._tag())
        return self._scalar()

    def _scalar(self) -> Node:
        tag = self._tag()
        text = "".join(self.rng.choices(CHARACTERS, k=self.rng.choice([0, 1, 1, 3, 8])))
        text = text.replace("\r", "").replace("\x0b", "").replace("\x0c", "")
        odd = [None, True, False, 0, 1, 1.0, -0.0, 0.1, 10**40, 2**53, 1e300, float("inf")]
        plain = self.rng.choice([*odd, text, text, "1", "true", "null", "yes", "<<", ".nan"])
        return Scalar(text, tag) if tag else Scalar(plain)

    def _tag(self) -> str | None:
        return self.rng.choice(["!t", "tag:x.com,2026:a b"]) if self.rng.random() < 0.04 else None


@pytest.mark.parametrize("number", some(range(150), few=12))
def test_invented_pipelines_survive(number: int) -> None:
    assert_survives(emit(Invention(number).pipeline()), number)


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
)
data = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=20,
)


@seeded(SEED)
@settings(max_examples=rounds(150, few=20), deadline=None)
@given(data)
@example([1, 1.0, True, "1", "1.0", "", None, 2**60, {"": {"/": 1.0, "~": "~"}}])
def test_any_data_survives_for_another_reader(value: Any) -> None:
    text = inline(as_node({"workflow": {"steps": [{"type": "t", "v": value}], "a": value}}))
    assert exact(parse(again(text))) == exact(parse(text))
    assert exact(parse(text)["workflow"]["a"]) == exact(value)


def as_node(value: Any) -> Node:
    if isinstance(value, dict):
        return Mapping(tuple((as_node(key), as_node(item)) for key, item in value.items()))
    if isinstance(value, list):
        return Sequence(tuple(map(as_node, value)))
    return Scalar(value)


@seeded(SEED)
@settings(max_examples=rounds(100, few=15), deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(
            ["keys", "literals", "layout", "root", "no_steps", "explicit", "shown", "empty", "item"]
        ),
        data
        | st.dictionaries(st.sampled_from(["", "/a", "/workflow", "name"]), data)
        | st.lists(
            st.sampled_from(["a", "{", "cases:", "cases:{}", "pipeline.x", "- b", "!!int z"])
        ),
    )
)
def test_no_source_can_stop_an_export_or_change_the_data(source: JsonMap) -> None:
    config: JsonMap = {"a": 1, "b": [True, "x"]}
    step = Step("s", "s", "claude", config=config, source=source)
    exported = inline(
        read_tree(write(Pipeline(PipelineSettings("p", source=source), {"s": step}))).root
    )
    assert "b" in exported
    assert inline(as_node(config["b"])) in exported


def test_export_is_the_same_before_and_after_a_stay_in_a_document() -> None:
    config: dict[str, Json] = {"a": 4000.0, "b": -0.0, "c": 0.5, "d": 2.0**60}
    made = Pipeline(PipelineSettings("p"), {"s": Step("s", "s", "claude", config=config)})
    assert write(through_document(made, random.Random(3))) == write(made)
