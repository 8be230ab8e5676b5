import pytest

from app.api.core.json_body import MAX_VALUES, check, may_have_too_many_values
from app.api.core.problems import Invalid


def with_values(count: int) -> bytes:
    return b'{"a": [' + b"[]," * (count - 3) + b"[]]}"


def test_as_many_values_as_may_be_are_taken() -> None:
    check(with_values(MAX_VALUES))


@pytest.mark.parametrize("count", [MAX_VALUES + 1, 6 * MAX_VALUES])
def test_more_values_are_refused(count: int) -> None:
    with pytest.raises(Invalid, match="at most 20000 values"):
        check(with_values(count))


@pytest.mark.parametrize(
    ("body", "may"),
    [
        (with_values(MAX_VALUES // 2), False),
        (with_values(MAX_VALUES + 1), True),
        (b"[" + b"0," * (MAX_VALUES - 2) + b"0]", False),
        (b"[" + b"0," * MAX_VALUES + b"0]", True),
        (b"[" * MAX_VALUES, True),
    ],
)
def test_many_values_are_seen_without_a_parser(body: bytes, may: bool) -> None:
    assert may_have_too_many_values(body) == may


def test_names_that_are_repeated_are_counted_each_time() -> None:
    body = b'{"a": 1' + b', "a": 1' * MAX_VALUES + b"}"
    assert may_have_too_many_values(body)
    with pytest.raises(Invalid, match="at most 20000 values"):
        check(body)
