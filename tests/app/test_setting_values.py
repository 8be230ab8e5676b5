"""What can never match what a client sends is refused, with what was expected."""

import pytest
from pydantic import BaseModel, ValidationError, field_validator

from app.setting_values import as_frame_ancestors, as_host_names, as_origins, expectation


@pytest.mark.parametrize(
    "text",
    ["", "*", "https://a.example", "https://a.example/", "HTTP://A.example:8080, https://b.example",
     "http://[::1]:5173", "chrome-extension://abcdef"],
)  # fmt: skip
def test_origins_are_taken_as_they_are(text: str) -> None:
    assert as_origins(text) == text


@pytest.mark.parametrize(
    "text",
    ["a.example", "https://a.example/app", "https://a.example?x", "https://", "//a.example",
     "https://a.example:port", "https://[bad", "https://a.example b.example"],
)  # fmt: skip
def test_what_no_browser_sends_as_an_origin_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^expected origins such as .*; one of them is '"):
        as_origins(text)


@pytest.mark.parametrize("text", ["", "*", "a.example", "A.example,10.0.0.1", "::1"])
def test_names_are_taken_as_they_are(text: str) -> None:
    assert as_host_names(text) == text


@pytest.mark.parametrize(
    "text", ["https://a.example", "a.example:8443", "a.example/", "me@a.example", "[bad", "[::1]"]
)
def test_what_no_header_has_as_a_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^expected names such as .*; one of them is '"):
        as_host_names(text)


@pytest.mark.parametrize(
    "text",
    ["", "*", "'self'", "'none'", "https:", "https://a.example", "https://a.example/",
     "https://*.a.example:*, 'self'", "a.example:8443", "HTTP://localhost:5173", "*.a.example",
     "http://127.0.0.1:1", "*:8443"],
)  # fmt: skip
def test_sources_of_frames_are_taken_as_they_are(text: str) -> None:
    assert as_frame_ancestors(text) == text


@pytest.mark.parametrize(
    "text",
    ["self", "none", "https", "\"self\"", "'unsafe-inline'", "https//a.example", "https:/a.example",
     "https://", "https://a.example/app", "https://a.example;", "a.example; script-src *",
     "https://a.example:port", "https://a.example:65536", "https://*a.example", "https://a..b",
     "https://[::1]:8000", "https://ä.example", "'self' selves' "],
)  # fmt: skip
def test_what_no_browser_takes_as_a_source_of_frames_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^expected sources such as .*; one of them is ['\"]"):
        as_frame_ancestors(text)


def test_nobody_beside_somebody_is_refused() -> None:
    assert as_frame_ancestors("'none'") == "'none'"
    with pytest.raises(ValueError, match=r"^expected 'none' alone, or the sources without it$"):
        as_frame_ancestors("'none' https://a.example")


def test_a_long_source_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match=r"^expected sources"):
        as_frame_ancestors("a-" * 100_000 + "!")


class _Model(BaseModel):
    number: int = 0
    text: str = ""

    @field_validator("text")
    @classmethod
    def _check(cls, text: str) -> str:
        raise ValueError("expected a, or b")


@pytest.mark.parametrize(
    ("given", "text"),
    [({"number": "x"}, "expected a valid integer, unable to"), ({"text": "x"}, "expected a, or b")],
)
def test_what_was_expected_is_said_without_the_words_of_the_library(
    given: dict[str, object], text: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        _Model.model_validate(given)
    assert expectation(refused.value.errors()[0]).startswith(text)
