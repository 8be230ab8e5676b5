import pytest

from app.api.core.json_body import MAX_VALUES, check
from app.api.core.problems import Invalid


def with_values(count: int) -> bytes:
    return b'{"a": [' + b"[]," * (count - 3) + b"[]]}"


def test_as_many_values_as_may_be_are_taken() -> None:
    check(with_values(MAX_VALUES))


@pytest.mark.parametrize("count", [MAX_VALUES + 1, 6 * MAX_VALUES])
def test_more_values_are_refused(count: int) -> None:
    with pytest.raises(Invalid, match="at most 20000 values"):
        check(with_values(count))
