import pytest

from app.api.core.etags import etag_of, matches, require_match
from app.api.core.problems import Stale


@pytest.mark.parametrize(
    ("one", "other"),
    [({"a": 1, "b": [2]}, {"b": [2.0], "a": 1.0}), ({"x": {"y": 3.0}}, {"x": {"y": 3}})],
)
def test_equal_values_have_one_tag(one: object, other: object) -> None:
    assert etag_of(one) == etag_of(other)


@pytest.mark.parametrize(
    "other", [{"a": 2}, {"a": True}, {"a": "1"}, {"a": [1]}, {"a": None}, {}, {"a": 1, "b": None}]
)
def test_other_values_have_another_tag(other: object) -> None:
    assert etag_of({"a": 1}) != etag_of(other)


@pytest.mark.parametrize("condition", ['"x"', '"a", "x"', 'W/"x"', "*", ' "x" '])
def test_a_condition_that_names_the_state_holds(condition: str) -> None:
    assert matches(condition, '"x"')


@pytest.mark.parametrize("condition", ['"y"', "x", "", '"x y"'])
def test_any_other_does_not(condition: str) -> None:
    assert not matches(condition, '"x"')


def test_who_names_another_state_is_shown_the_current_one() -> None:
    with pytest.raises(Stale) as refusal:
        require_match('"old"', {"a": 1}, '"x"')
    assert refusal.value.members == {"current": {"a": 1}}
    assert refusal.value.headers == {"ETag": '"x"'}


def test_who_names_none_does_not_care() -> None:
    require_match(None, {}, '"x"')
