"""Messages and headers as Electric's clients require them."""

import json
import random
from datetime import UTC, datetime

import pytest

from app.shapes import messages
from app.shapes.messages import EPOCH, Operation, RowMessages, cursor, row_key, schema
from app.shapes.parameters import LAST, Offset, Replica
from persistence.ports.shapes import Position
from tests.app.shapes.shapes import ONE, TWO, a_definition


def test_a_key_names_the_row_and_escapes_what_separates() -> None:
    assert row_key("steps", [ONE, TWO]) == f'"public"."steps"/"{ONE}"/"{TWO}"'
    assert row_key("steps", ["a/b", None]) == '"public"."steps"/"a//b"/_'


def test_a_key_has_the_order_of_the_primary_key() -> None:
    steps = RowMessages(a_definition("steps", "id pipeline_id name"))
    said = json.loads(steps.snapshot_row([ONE, TWO, "a"]))
    assert said == {
        "key": f'"public"."steps"/"{TWO}"/"{ONE}"',
        "value": {"id": ONE, "pipeline_id": TWO, "name": "a"},
        "headers": {"operation": "insert", "relation": ["public", "steps"]},
    }


def test_positions_are_decimal_numbers() -> None:
    """The clients make a BigInt of them: `0/16B3F70` would throw."""
    position = Position(7, 9, (8,), 26800584)
    end = json.loads(messages.snapshot_end(position))["headers"]
    assert (end["xmin"], end["xmax"], end["xip_list"]) == ("7", "9", ["8"])
    up_to_date = json.loads(messages.up_to_date(26800584))["headers"]
    assert up_to_date == {"control": "up-to-date", "global_last_seen_lsn": "26800584"}
    start = messages.subset_start(position, 5)
    subset = json.loads(start + b'{"a":1},{"b":2}' + messages.SUBSET_END)
    assert subset == {
        "metadata": {
            "xmin": "7",
            "xmax": "9",
            "xip_list": ["8"],
            "snapshot_mark": 5,
            "database_lsn": "26800584",
        },
        "data": [{"a": 1}, {"b": 2}],
    }


def test_a_cursor_is_rounded_up_and_never_the_one_that_was_given() -> None:
    assert datetime.fromtimestamp(EPOCH, UTC) == datetime(2024, 10, 9, tzinfo=UTC)
    assert cursor(EPOCH + 1.5, None, 9) == "20"
    assert cursor(EPOCH + 20, None, 9) == "20"
    assert cursor(EPOCH + 20.9, 40, 9) == "20"
    assert cursor(EPOCH + 21, 40, 9) == "49"


def test_a_schema_has_the_types_of_elements() -> None:
    found = json.loads(schema(a_definition("pipelines", "id name tags description")))
    assert found == {
        "id": {"type": "uuid", "not_null": True, "pk_index": 0},
        "name": {"type": "text", "not_null": True},
        "tags": {"type": "text", "dims": 1, "not_null": True},
        "description": {"type": "text"},
    }


def test_nothing_is_kept_on_the_way() -> None:
    headers = messages.headers("h", Offset(5, LAST))
    assert headers["cache-control"] == "private, no-store"
    assert headers["vary"] == "Authorization, Cookie"
    assert headers["electric-offset"] == "5_inf"


@pytest.mark.parametrize("text", ["é", '"', "\u2028", "\n", "\U0001f9f5"])
def test_values_come_back_as_they_were(text: str) -> None:
    encoder = RowMessages(a_definition("users", "id name"))
    encoded = encoder.snapshot_row([ONE, text])
    assert json.loads(encoded)["value"]["name"] == text
    # An event of a stream is one line.
    assert b"\n" not in encoded
    assert b"\r" not in encoded


TEXTS = [None, "", "é", '"', "\\", "\u2028", "\n", "\x00", "\U0001f9f5", "100%s", "{}", "null"]


@pytest.mark.parametrize("replica", ["default", "full"])
@pytest.mark.parametrize("operation", ["insert", "update", "delete"])
def test_a_message_is_what_a_dictionary_would_be(operation: Operation, replica: Replica) -> None:
    chance = random.Random(1)
    names = ("id", "pipeline_id", "name", "slot", "type")
    encoder = RowMessages(a_definition("steps", " ".join(names), replica))
    said = {"operation": operation, "relation": ["public", "steps"], "txids": [7], "last": True}
    for _ in range(100):
        former = dict(zip(names, (ONE, TWO, *chance.choices(TEXTS, k=3)), strict=True))
        row = {**former, "name": chance.choice(TEXTS), "slot": chance.choice(TEXTS)}
        key = {"id": ONE, "pipeline_id": TWO}
        changed = [name for name in names if row[name] != former[name]]
        if operation == "insert" or replica == "full":
            value = row
        else:
            value = {**key, **{name: row[name] for name in changed if operation == "update"}}
        expected = {"key": row_key("steps", [TWO, ONE]), "value": value, "headers": said}
        if operation == "update" and replica == "full":
            expected["old_value"] = {name: former[name] for name in changed}
        made = encoder.operation(
            operation,
            [*row.values(), "an owner"],
            [*former.values(), "an owner"] if operation == "update" else None,
            {"txids": [7], "last": True},
        )
        assert json.loads(made) == expected
        if operation == "insert":
            assert made == messages.encoded(expected)
            snapshot = json.loads(encoder.snapshot_row([*row.values(), "an owner"]))
            assert (snapshot["key"], snapshot["value"]) == (expected["key"], row)
