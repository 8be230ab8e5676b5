"""Diagnostics have stable codes, each with a meaning."""

from crdt.validation.diagnostics import MAX_POINTER, Code, pointer


def test_every_code_is_explained_in_a_sentence() -> None:
    assert all(code.meaning.endswith(".") and code.meaning.count(".") == 1 for code in Code)
    assert {code.severity for code in Code} == {"error", "warning"}


def test_every_code_says_what_to_do() -> None:
    assert all(code.suggestion.endswith(".") for code in Code)


def test_a_path_is_a_json_pointer_of_bounded_length() -> None:
    assert pointer("config", "a/b~", 0) == "/config/a~1b~0/0"
    assert pointer() == ""
    assert pointer("config", "x" * MAX_POINTER, "y") == "/config"
