"""Connections have two ends and no doubles."""

from uuid import UUID

import pytest

from crdt.pipeline.fields import MAX_PORT
from crdt.pipeline.model import MISSING, Json
from crdt.validation.valid_pipeline import ValidPipeline
from tests.crdt.entries import A, B, C, D, findings, key, rows, step, wire


class TestConnections:
    def test_a_good_connection_is_taken_as_it_is(self) -> None:
        raw: Json = {**wire(A, B, from_output="left", to_input="right"), "path_data": [[1, 2]]}
        result = rows({A: step("a"), B: step("b")}, {C: raw})
        (row,) = result.connections.values()
        assert (row.id, row.from_step_id, row.to_step_id) == (UUID(C), UUID(A), UUID(B))
        assert (row.from_output, row.to_input, row.path_data) == ("left", "right", [[1, 2]])
        assert not result.diagnostics

    def test_a_step_may_feed_itself(self) -> None:
        result = rows({A: step("a")}, {C: wire(A, A)})
        (row,) = result.connections.values()
        assert (row.from_output, row.to_input, row.path_data) == ("output", "input", None)
        assert not result.diagnostics

    @pytest.mark.parametrize(
        "raw",
        [
            {},
            {"ends": None},
            {"ends": [A, B]},
            {"ends": {"from_step_id": A}},
            wire(A, 5),
            wire(None, B),
            wire(A, "nowhere"),
            wire(D, A),
            wire(A.upper(), B),
        ],
    )
    def test_a_connection_without_two_ends_is_left_out(self, raw: Json) -> None:
        result = rows({A: step("a"), B: step("b")}, {C: raw})
        assert not result.connections
        assert findings(result) == {("dangling_connection", f"connection:{C}")}

    @pytest.mark.parametrize(
        ("bad", "raw", "code"),
        [("x", wire(A, A), "invalid_key"), (C, [A, A], "not_a_map"), (C, None, "not_a_map")],
    )
    def test_what_is_no_connection_is_left_out(self, bad: str, raw: Json, code: str) -> None:
        result = rows({A: step("a")}, {bad: raw})
        assert not result.connections
        assert findings(result) == {(code, f"connection:{bad}")}

    def test_ports_of_another_kind_and_long_ones(self) -> None:
        result = rows({A: step("a")}, {C: wire(A, A, from_output=1, to_input="i" * 300)})
        (row,) = result.connections.values()
        assert (row.from_output, row.to_input) == ("output", "i" * MAX_PORT)
        assert {code for code, _ in findings(result)} == {"invalid_value", "text_cut"}

    def test_of_equal_connections_the_smallest_id_stays(self) -> None:
        steps = {A: step("a"), B: step("b")}
        valid = ValidPipeline()
        valid.update(steps=steps, connections={key(7): wire(A, B), key(9): wire(A, B)})
        assert list(valid.rows().connections) == [UUID(int=7)]
        assert findings(valid.rows()) == {("duplicate_connection", f"connection:{key(9)}")}
        valid.update(connections={key(5): wire(A, B, to_input="input")})
        assert list(valid.rows().connections) == [UUID(int=5)]
        changes = valid.update(connections={key(5): wire(A, B, to_input="other")})
        assert sorted(valid.rows().connections) == [UUID(int=5), UUID(int=7)]
        assert changes.removed_diagnostics == [("duplicate_connection", f"connection:{key(7)}")]

    def test_connections_go_and_come_with_their_steps(self) -> None:
        valid = ValidPipeline()
        valid.update(steps={A: step("a"), B: step("b")}, connections={C: wire(A, B)})
        assert valid.update(steps={B: MISSING}).removed_connections == [UUID(C)]
        assert findings(valid.rows()) == {("dangling_connection", f"connection:{C}")}
        assert [row.id for row in valid.update(steps={B: step("b")}).connections] == [UUID(C)]
        assert not valid.rows().diagnostics
