"""Steps have a place each: parents without cycles, names without doubles, a line without gaps."""

from uuid import UUID

import pytest

from crdt.pipeline.fields import MAX_NAME, MAX_SLOT
from crdt.pipeline.model import MISSING
from crdt.validation.valid_pipeline import ValidPipeline
from tests.crdt.entries import A, B, C, D, findings, key, names, parents, rows, step, work


class TestParents:
    def test_children_stand_in_the_slot_they_name(self) -> None:
        result = rows({A: step("a", type="for_loop"), B: step("b", parent_step_id=A, slot="else")})
        row = result.steps[UUID(B)]
        assert (row.parent_step_id, row.slot) == (UUID(A), "else")
        assert not result.diagnostics

    @pytest.mark.parametrize("parent", [B, "no id", "", A.upper()])
    def test_a_parent_that_is_missing_leaves_the_child_at_the_top(self, parent: str) -> None:
        result = rows({A: step("a", parent_step_id=parent, slot="else")})
        row = result.steps[UUID(A)]
        assert (row.parent_step_id, row.slot) == (None, "steps")
        assert findings(result) == {("dangling_parent", f"step:{A}")}

    def test_a_parent_that_has_no_row_counts_as_missing(self) -> None:
        result = rows({A: step("a", parent_step_id=B), B: "no map"})
        assert parents(result) == {A: None}
        assert ("dangling_parent", f"step:{A}") in findings(result)

    def test_a_parent_of_another_kind_is_none(self) -> None:
        result = rows({A: step("a", parent_step_id=[B]), B: step("b")})
        assert parents(result) == {A: None, B: None}
        assert findings(result) == {("invalid_value", f"step:{A}")}

    def test_a_step_inside_itself_is_at_the_top(self) -> None:
        result = rows({A: step("a", parent_step_id=A)})
        assert parents(result) == {A: None}
        assert findings(result) == {("parent_cycle", f"step:{A}")}

    def test_a_cycle_is_cut_above_its_smallest_id_only(self) -> None:
        cycle = {
            D: step("d", parent_step_id=B),
            B: step("b", parent_step_id=C),
            C: step("c", parent_step_id=B),
            A: step("a", parent_step_id=C),
        }
        result = rows(cycle)
        assert parents(result) == {A: C, B: None, C: B, D: B}
        assert findings(result) == {("parent_cycle", f"step:{B}")}

    def test_a_cycle_that_opens_puts_its_step_back(self) -> None:
        valid = ValidPipeline()
        valid.update(steps={A: step("a", parent_step_id=B), B: step("b", parent_step_id=A)})
        changes = valid.update(steps={B: step("b")})
        assert parents(valid.rows()) == {A: B, B: None}
        assert changes.removed_diagnostics == [("parent_cycle", f"step:{A}")]

    def test_children_follow_when_the_parent_comes_and_goes(self) -> None:
        valid = ValidPipeline()
        valid.update(steps={B: step("b", parent_step_id=A)})
        valid.update(steps={A: step("a")})
        assert parents(valid.rows()) == {A: None, B: A}
        changes = valid.update(steps={A: MISSING})
        assert changes.removed_steps == [UUID(A)]
        assert parents(valid.rows()) == {B: None}

    def test_slots_of_another_kind_and_long_ones(self) -> None:
        result = rows(
            {
                A: step("a"),
                B: step("b", parent_step_id=A, slot=5),
                C: step("c", parent_step_id=A, slot="s" * 101),
                D: step("d", parent_step_id=A, slot="s" * 102),
            }
        )
        slots = [result.steps[UUID(each)].slot for each in (B, C, D)]
        assert slots[0] == "steps"
        assert slots[1] != slots[2]
        assert all(len(slot) <= MAX_SLOT for slot in slots)
        message = result.diagnostics["text_cut", f"step:{C}"].message
        assert message == "slot: 101 characters; the tables show its beginning and a digest."
        assert findings(result) == {
            ("invalid_value", f"step:{B}"),
            ("text_cut", f"step:{C}"),
            ("text_cut", f"step:{D}"),
        }

    def test_a_long_chain_is_walked_once(self) -> None:
        chain = {
            key(n): step(str(n), parent_step_id=key(n - 1) if n > 1 else None)
            for n in range(1, 2001)
        }
        assert work(lambda: rows(chain)) < 20 * work(
            lambda: rows({each: chain[each] for each in list(chain)[:200]})
        )


class TestNames:
    def test_the_smallest_id_keeps_the_name(self) -> None:
        result = rows({C: step("x"), A: step("x"), B: step("x"), D: step("y")})
        assert names(result) == {A: "x", B: "x (2)", C: "x (3)", D: "y"}
        assert findings(result) == {
            ("duplicate_name", f"step:{B}"),
            ("duplicate_name", f"step:{C}"),
        }
        message = result.diagnostics["duplicate_name", f"step:{B}"].message
        assert message == 'name: a sibling is "x", too; the tables show "x (2)".'

    def test_declared_names_are_passed_over(self) -> None:
        result = rows({A: step("x"), B: step("x"), C: step("x (2)"), D: step("x (2)")})
        assert names(result) == {A: "x", B: "x (3)", C: "x (2)", D: "x (2) (2)"}

    def test_names_are_unique_per_parent_and_slot_only(self) -> None:
        result = rows(
            {
                A: step("x"),
                B: step("x", parent_step_id=A),
                C: step("x", parent_step_id=A, slot="else"),
            }
        )
        assert set(names(result).values()) == {"x"}
        assert not result.diagnostics

    def test_names_meet_when_a_cycle_or_a_missing_parent_throws_them_together(self) -> None:
        result = rows({A: step("x"), B: step("x", parent_step_id=D)})
        assert names(result) == {A: "x", B: "x (2)"}

    def test_long_names_stay_apart_and_within_the_limit(self) -> None:
        one, other = "x" * 499 + "1", "x" * 499 + "2"
        result = rows({A: step(one), B: step(one), C: step(other), D: step(other)})
        distinct = set(names(result).values())
        assert len(distinct) == 4
        assert all(len(name) <= MAX_NAME for name in distinct)

    def test_placeholders_are_names_too(self) -> None:
        assert names(rows({A: step(None), B: step("")})) == {A: "unnamed", B: "unnamed (2)"}

    def test_names_that_part_are_given_back(self) -> None:
        valid = ValidPipeline()
        valid.update(steps={A: step("x"), B: step("x")})
        changes = valid.update(steps={A: step("y")})
        assert {row.name for row in changes.steps} == {"x", "y"}
        assert changes.removed_diagnostics == [("duplicate_name", f"step:{B}")]

    def test_two_names_swapped_are_two_rows(self) -> None:
        valid = ValidPipeline()
        valid.update(steps={A: step("x"), B: step("y")})
        changes = valid.update(steps={A: step("y"), B: step("x")})
        assert {str(row.id): row.name for row in changes.steps} == {A: "y", B: "x"}
        assert len(changes) == 2


class TestOrder:
    def test_siblings_are_counted_by_order_then_id(self) -> None:
        result = rows(
            {
                A: step("a", order="b"),
                B: step("b", order="a"),
                C: step("c", order="b"),
                D: step("d", parent_step_id=A),
            }
        )
        assert {str(r.id): r.order_index for r in result.steps.values()} == {B: 0, A: 1, C: 2, D: 0}

    def test_a_move_touches_the_steps_it_passes(self) -> None:
        valid = ValidPipeline()
        valid.update(steps={key(n): step(str(n), order=f"a0{n:02}V") for n in range(100)})
        changes = valid.update(steps={key(10): step("10", order="a012X")})
        assert sorted(row.order_index for row in changes.steps) == [10, 11, 12]
        assert len(changes) == 3
