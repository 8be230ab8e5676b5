"""Every entry becomes a value of the right types, whatever it holds."""

from uuid import UUID

import pytest

from crdt.pipeline.fields import MAX_NAME, MAX_TYPE
from crdt.pipeline.model import Json
from crdt.pipeline.rows import STEP_TYPES, UNSUPPORTED, PipelineRow, StepRow
from crdt.validation.valid_pipeline import ValidPipeline
from tests.crdt.entries import A, B, findings, line, names, only_step, rows, step


class TestSettings:
    def test_a_good_header_is_taken_as_it_is(self) -> None:
        result = rows(
            settings={
                "name": "Summaries",
                "description": "what it does",
                "yaml_version": "v2",
                "status": "active",
                "tags": ["llm", "daily"],
                "config": {"a": 1},
                "defaults": {"b": [True, None]},
                "authentication": {"c": {}},
                "is_template": True,
                "source": {"never": "projected"},
            }
        )
        assert result.pipeline == PipelineRow(
            name="Summaries",
            description="what it does",
            yaml_version="v2",
            status="active",
            config={"a": 1},
            defaults={"b": [True, None]},
            authentication={"c": {}},
            tags=("llm", "daily"),
            is_template=True,
        )
        assert not result.diagnostics

    def test_missing_fields_are_defaults(self) -> None:
        result = rows(settings={"name": "P"})
        assert result.pipeline == PipelineRow("P", None, {}, {}, {}, ())
        assert not result.diagnostics

    @pytest.mark.parametrize("settings", [None, 3, "x", [], [{}]])
    def test_settings_of_another_kind_give_an_untitled_draft(self, settings: Json) -> None:
        valid = ValidPipeline()
        valid.update(settings=settings)
        pipeline = valid.rows().pipeline
        assert pipeline is not None
        assert (pipeline.name, pipeline.status) == ("Untitled pipeline", "draft")
        assert findings(valid.rows()) == {
            ("missing_name", "pipeline"),
            ("invalid_value", "pipeline"),
        }

    @pytest.mark.parametrize(
        ("field", "value", "shown"),
        [
            ("status", "deleted", "draft"),
            ("status", 1, "draft"),
            ("description", 5, None),
            ("is_template", "yes", False),
            ("is_template", 1, False),
            ("yaml_version", 2, "v2"),
            ("config", [], {}),
            ("defaults", "x", {}),
            ("authentication", 0, {}),
            ("tags", "llm", ()),
            ("tags", {"llm": 1}, ()),
            ("tags", ["a", 1, None, ["b"], "c"], ("a", "c")),
        ],
    )
    def test_a_wrong_value_gives_way_to_the_default(
        self, field: str, value: Json, shown: object
    ) -> None:
        result = rows(settings={"name": "P", field: value})
        assert getattr(result.pipeline, field) == shown
        diagnostic = result.diagnostics["invalid_value", "pipeline"]
        assert diagnostic.message.startswith(f"{field}: expected ")
        assert diagnostic.severity == "warning"

    def test_tags_are_distinct_short_and_few(self) -> None:
        tags: list[Json] = ["x" * 300, "x" * 200, "a", "a", *map(str, range(200))]
        result = rows(settings={"name": "P", "tags": tags})
        assert result.pipeline is not None
        assert result.pipeline.tags == ("x" * 100, "a", *map(str, range(98)))
        assert findings(result) == {("text_cut", "pipeline"), ("invalid_value", "pipeline")}
        assert "leave 102 out" in result.diagnostics["invalid_value", "pipeline"].message

    def test_a_second_look_at_the_same_settings_changes_nothing(self) -> None:
        valid = ValidPipeline()
        assert valid.update(settings={"name": "P", "config": {"n": 1}}).pipeline is not None
        assert not valid.update(settings={"config": {"n": 1.0}, "name": "P", "source": {"x": 1}})
        assert valid.update(settings={"name": "P", "config": {"n": True}}).pipeline is not None


class TestOneStep:
    def test_a_good_step_is_taken_as_it_is(self) -> None:
        result = rows(
            {
                A: {
                    "name": "ask",
                    "type": "claude",
                    "enabled": False,
                    "parent_step_id": None,
                    "slot": "steps",
                    "order": "a0",
                    "position": {"x": 10, "y": -2.5},
                    "size": {"width": 300, "height": 120},
                    "config": {"prompt": [{"type": "static"}]},
                    "source": {"never": "projected"},
                }
            }
        )
        assert list(result.steps.values()) == [
            StepRow(
                id=UUID(A),
                name="ask",
                type="claude",
                declared_type=None,
                enabled=False,
                config={"prompt": [{"type": "static"}]},
                position_x=10.0,
                position_y=-2.5,
                width=300.0,
                height=120.0,
                parent_step_id=None,
                slot="steps",
                order_index=0,
            )
        ]
        assert not result.diagnostics

    def test_missing_optional_fields_are_defaults(self) -> None:
        result = rows({A: step()})
        row = result.steps[UUID(A)]
        assert (row.enabled, row.config, row.slot) == (True, {}, "steps")
        assert (row.position_x, row.position_y, row.width, row.height) == (0, 0, 200, 100)
        assert not result.diagnostics

    @pytest.mark.parametrize(
        "bad", ["", "x", A.upper(), f"{{{A}}}", A.replace("-", ""), "a\0" * 200]
    )
    def test_a_key_that_is_no_lower_case_uuid_is_left_out(self, bad: str) -> None:
        result = rows({bad: step()})
        assert not result.steps
        (diagnostic,) = result.diagnostics.values()
        assert (diagnostic.code, diagnostic.severity) == ("invalid_key", "error")
        assert len(diagnostic.subject) <= 205
        assert "\0" not in diagnostic.subject

    def test_different_keys_are_different_subjects(self) -> None:
        bad = ["x" * 300, "x" * 301, "a\0", "a\ufffd", "x" * 200, "\ud800"]
        first = {subject for _, subject in rows(dict.fromkeys(bad)).diagnostics}
        assert len(first) == len(bad)
        # Not even a key that imitates another key's subject.
        imitations = [subject.removeprefix("step:") for subject in first]
        assert len(rows(dict.fromkeys({*bad, *imitations})).diagnostics) == len({*bad, *imitations})

    @pytest.mark.parametrize("value", [None, True, 1, 1.5, "text", [], [step()]])
    def test_a_value_that_is_no_map_is_left_out(self, value: Json) -> None:
        result = rows({A: value})
        assert not result.steps
        assert findings(result) == {("not_a_map", f"step:{A}")}

    @pytest.mark.parametrize("name", [None, "", 7, False, ["x"], {"x": 1}])
    def test_a_missing_name_gets_a_placeholder(self, name: Json) -> None:
        result = rows({A: step(name)})
        assert result.steps[UUID(A)].name == "unnamed"
        assert findings(result) == {("missing_name", f"step:{A}")}

    def test_a_long_name_is_cut(self) -> None:
        result = rows({A: step("ä" * 501), B: step("b" * 500)})
        assert names(result) == {A: "ä" * MAX_NAME, B: "b" * MAX_NAME}
        assert findings(result) == {("text_cut", f"step:{A}")}

    @pytest.mark.parametrize(
        ("declared", "kept"),
        [
            ("{{inputs.x}}", "{{inputs.x}}"),
            ("gpt5", "gpt5"),
            ("unsupported", "unsupported"),
            ("Claude", "Claude"),
            ("t" * 101, "t" * MAX_TYPE),
            ("", None),
            (None, None),
            (5, None),
            (["claude"], None),
        ],
    )
    def test_an_unknown_type_is_unsupported(self, declared: Json, kept: str | None) -> None:
        result = rows({A: step(type=declared)})
        row = result.steps[UUID(A)]
        assert (row.type, row.declared_type) == (UNSUPPORTED, kept)
        assert ("unsupported_type", f"step:{A}") in findings(result)

    @pytest.mark.parametrize("known", sorted(STEP_TYPES))
    def test_a_known_type_is_kept(self, known: str) -> None:
        row = only_step(step(type=known))
        assert (row.type, row.declared_type) == (known, None)

    @pytest.mark.parametrize("enabled", ["false", 0, 1, [], {}])
    def test_enabled_of_another_kind_is_true(self, enabled: Json) -> None:
        result = rows({A: step(enabled=enabled)})
        assert result.steps[UUID(A)].enabled is True
        assert findings(result) == {("invalid_value", f"step:{A}")}

    @pytest.mark.parametrize(
        "position",
        [
            5,
            "x",
            [1, 2],
            {},
            {"x": 1},
            {"x": "1", "y": 2},
            {"x": True, "y": 2},
            {"x": 2e9, "y": 0},
            {"x": 0, "y": -(10**400)},
            {"x": float("nan"), "y": 0},
            {"x": 0, "y": float("inf")},
        ],
    )
    def test_a_bad_position_is_the_origin(self, position: Json) -> None:
        result = rows({A: step(position=position)})
        row = result.steps[UUID(A)]
        assert (row.position_x, row.position_y) == (0.0, 0.0)
        assert ("invalid_value", f"step:{A}") in findings(result)

    @pytest.mark.parametrize(
        "size",
        [
            {"width": 0, "height": 10},
            {"width": 10, "height": -1},
            {"width": 1e10, "height": 1},
            {"width": None, "height": 1},
            [],
        ],
    )
    def test_a_bad_size_is_the_default(self, size: Json) -> None:
        result = rows({A: step(size=size)})
        row = result.steps[UUID(A)]
        assert (row.width, row.height) == (200.0, 100.0)
        assert ("invalid_value", f"step:{A}") in findings(result)

    @pytest.mark.parametrize("config", [[], "x", 1, False])
    def test_a_config_of_another_kind_is_empty(self, config: Json) -> None:
        result = rows({A: step(config=config)})
        assert result.steps[UUID(A)].config == {}
        assert findings(result) == {("invalid_value", f"step:{A}")}

    @pytest.mark.parametrize("order", [None, 3, [], {}])
    def test_an_order_of_another_kind_comes_first(self, order: Json) -> None:
        result = rows({A: step("a"), B: step("b", order=order)})
        assert line(result) == [B, A]
        assert findings(result) == {("invalid_value", f"step:{B}")}

    def test_a_message_says_what_was_found_and_what_is_shown(self) -> None:
        result = rows({A: step(enabled="no", config=[1])})
        assert result.diagnostics["invalid_value", f"step:{A}"].message == (
            'enabled: expected true or false, got "no"; the tables show true. '
            "config: expected a map, got a list; the tables show an empty map."
        )

    def test_a_message_quotes_only_the_beginning_of_a_text(self) -> None:
        result = rows({A: step(enabled="x" * 100_000, type="y" * 100_000)})
        assert all(len(each.message) < 300 for each in result.diagnostics.values())


class TestStorable:
    def test_nul_and_surrogates_are_replaced_wherever_they_are(self) -> None:
        raw = step("a\0b", config={"k\0": ["\0", {"x": "\udfff"}], "fine": "ä\u2028😀"})
        result = rows({A: raw})
        row = result.steps[UUID(A)]
        assert row.name == "a\ufffdb"
        assert row.config == {"k\ufffd": ["\ufffd", {"x": "\ufffd"}], "fine": "ä\u2028😀"}
        assert findings(result) == {("unstorable_text", f"step:{A}")}

    def test_of_keys_that_become_one_the_unchanged_one_stays(self) -> None:
        one = only_step(step(config={"a\0": 1, "a\ufffd": 2}))
        other = only_step(step(config={"a\ufffd": 2, "a\0": 1}))
        assert one.config == other.config == {"a\ufffd": 2}

    @pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf"), 10**309])
    def test_a_number_that_no_column_holds_is_null(self, number: float) -> None:
        result = rows({A: step(config={"n": [number, 1e308]})})
        assert result.steps[UUID(A)].config == {"n": [None, 1e308]}
        assert findings(result) == {("unstorable_number", f"step:{A}")}

    def test_what_is_nested_too_deep_is_null(self) -> None:
        result = rows({A: step(config=nested(64)), B: step("b", config=nested(65))})
        assert depth(result.steps[UUID(A)].config) == 64
        assert depth(result.steps[UUID(B)].config) == 64
        assert findings(result) == {("nested_too_deep", f"step:{B}")}

    def test_a_hostile_depth_is_no_danger(self) -> None:
        assert depth(only_step(step(config=nested(100_000))).config) == 64


def nested(levels: int) -> Json:
    value: Json = {"deepest": levels}
    for _ in range(levels - 1):
        value = {"d": value}
    return value


def depth(value: Json) -> int:
    levels = 0
    while isinstance(value, dict):
        levels, value = levels + 1, value.get("d", value.get("deepest"))
    return levels
