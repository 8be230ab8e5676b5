"""Diagnostics have stable codes, each with a meaning."""

from crdt.validation.diagnostics import Code


def test_every_code_is_explained_in_a_sentence() -> None:
    assert all(code.meaning.endswith(".") and code.meaning.count(".") == 1 for code in Code)
    assert {code.severity for code in Code} == {"error", "warning"}
