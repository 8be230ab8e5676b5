import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.api.core.pagination import NEWEST_FIRST, Keyset, small_integer, text_value
from app.api.core.problems import BadCursor

NOON = datetime(2026, 11, 23, 12, 0, 0, 123456, UTC)
ID = UUID(int=7)
THINGS = Keyset("things", NEWEST_FIRST)
ROWS = [{"created_at": NOON, "id": UUID(int=number)} for number in range(3)]


def test_a_cursor_brings_back_the_last_key_to_the_microsecond() -> None:
    page = THINGS.page(ROWS, 2, dict)
    assert page.items == ROWS[:2]
    assert THINGS.after(page.next_cursor) == [NOON, UUID(int=1)]


def test_the_last_page_has_no_cursor() -> None:
    assert THINGS.page(ROWS, 3, dict).next_cursor is None
    assert THINGS.page([], 3, dict).next_cursor is None


def test_the_first_page_comes_after_nothing() -> None:
    assert THINGS.after(None) == [None, None]


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "x",
        "é",
        "WyJ0aGluZ3MiXQ==",  # ["things"]
        "WyJvdGhlcnMiLCAiMjAyNi0xMS0yM1QxMjowMDowMCswMDowMCIsICJ4Il0=",
        "WyJ0aGluZ3MiLCAiMjAyNi0xMS0yM1QxMjowMDowMCIsICIwMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDciXQ==",
        "bnVsbA==",
        "MQ==",
        "W10=",
        "W1tbW1tbW1tbW1tb",
    ],
)
def test_a_forged_cursor_is_refused(forged: str) -> None:
    with pytest.raises(BadCursor):
        THINGS.after(forged)


def test_a_cursor_of_another_list_is_refused() -> None:
    cursor = Keyset("others", NEWEST_FIRST).page(ROWS, 2, dict).next_cursor
    with pytest.raises(BadCursor):
        THINGS.after(cursor)


@pytest.mark.parametrize(
    "key",
    [
        ["0001-01-01T00:00:00+23:59", str(ID), 1, "x"],
        ["9999-12-31T23:59:59-23:59", str(ID), 1, "x"],
        [NOON.isoformat(), str(ID), float("inf"), "x"],
        [NOON.isoformat(), str(ID), True, "x"],
        [NOON.isoformat(), str(ID), "9" * 19, "x"],
        [NOON.isoformat(), str(ID), "1", "\x00"],
        [NOON.isoformat(), str(ID), "1", "\ud800"],
        [NOON.isoformat(), str(ID), "1", None],
    ],
)
def test_a_key_that_no_row_has_is_refused(key: list[object]) -> None:
    every_kind = Keyset("things", {**NEWEST_FIRST, "number": small_integer, "code": text_value})
    with pytest.raises(BadCursor):
        every_kind.after(urlsafe_b64encode(json.dumps(["things", *key]).encode()).decode())
