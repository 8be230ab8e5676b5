"""The server's side of the table of cases on which it agrees with the client libraries."""

import pytest

from tests.cases.cases import Case, load, outcome

CASES = load()


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_server_does_what_the_table_says(case: Case) -> None:
    result = outcome(case)
    assert result == {key: case[key] for key in result}


def test_cases_have_names_of_their_own() -> None:
    assert len({case["name"] for case in CASES}) == len(CASES) > 40
