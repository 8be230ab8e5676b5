import pytest

from crdt.pipeline.model import Json
from crdt.yaml import template_variables
from crdt.yaml.template_variables import TooMuchText, filled, variables_of

VALUES = {"a": "x", "n": 3, "list": [1, {"b": None}], "yes": True}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("{{template.a}}", "x"),
        ("{{ template.n }}", 3),
        ("{{template.list}}", [1, {"b": None}]),
        ("n={{template.n}}, {{template.yes}}, {{template.list}}", 'n=3, true, [1, {"b": null}]'),
        ("{{steps.a.result}} {{template.a}} {{state.x}}", "{{steps.a.result}} x {{state.x}}"),
        (
            "{{template.a.b}} {{template}} {{ template. a }}",
            "{{template.a.b}} {{template}} {{ template. a }}",
        ),
        ("{template.a} {{{template.a}}}", "{template.a} {x}"),
    ],
)
def test_variables_are_filled_in_and_nothing_else(text: str, result: Json) -> None:
    assert filled(text, VALUES) == result
    assert filled({"k": [text]}, VALUES) == {"k": [result]}


def test_values_are_not_searched_for_variables() -> None:
    assert filled("{{template.a}}", {"a": "{{template.b}}"}) == "{{template.b}}"


def test_keys_hold_no_variables() -> None:
    data = {"{{template.a}}": 1, "b": ["{{template.n}} {{template.c}}", 2, None]}
    assert variables_of(data) == ["c", "n"]


def test_a_little_text_does_not_become_a_flood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template_variables, "MAX_RESULT", 100)
    assert filled(["{{template.a}}"] * 10, {"a": "x" * 10})
    with pytest.raises(TooMuchText):
        filled(["{{template.a}}"] * 11, {"a": "x" * 10})
