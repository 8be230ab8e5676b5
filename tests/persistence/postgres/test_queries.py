import re

import pytest

from persistence.postgres.queries import API_QUERIES, QUERIES, parse


def test_takes_a_file_apart() -> None:
    text = "-- one --\n-- A sentence.\nSELECT 1\n\n-- two --\n-- Another.\nSELECT 2\n"
    assert parse(text) == {"one": "-- A sentence.\nSELECT 1", "two": "-- Another.\nSELECT 2"}


def test_an_unknown_name_names_the_known_ones() -> None:
    with pytest.raises(KeyError, match=r"no query 'three'.*one, two"):
        parse("-- two --\nSELECT 2\n-- one --\nSELECT 1\n")["three"]


def test_a_name_is_used_once() -> None:
    with pytest.raises(ValueError, match="got one twice"):
        parse("-- one --\nSELECT 1\n-- one --\nSELECT 2\n")


def test_nothing_comes_before_the_first_title() -> None:
    with pytest.raises(ValueError, match="expected a title"):
        parse("SELECT 1\n-- one --\nSELECT 1\n")


def test_every_query_starts_with_a_sentence() -> None:
    sentence = re.compile(r"-- [A-Z](.|\n-- )*\.\n(?!--)")
    queries = QUERIES | API_QUERIES
    assert [name for name, query in queries.items() if not sentence.match(query)] == []


def test_no_query_of_the_api_changes_who_it_works_for() -> None:
    change = re.compile(r"\b(set_config|reset|set\s+(local|session|role|app))\b", re.IGNORECASE)
    assert [name for name, query in API_QUERIES.items() if change.search(query)] == []
