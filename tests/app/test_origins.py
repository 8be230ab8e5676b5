import pytest

from app.origins import Origins
from app.settings import Settings

APP = ("https://app.example",)


@pytest.mark.parametrize(
    ("allowed", "origin", "host", "is_allowed"),
    [
        ((), None, "loom.example", True),
        ((), "https://loom.example", "loom.example", True),
        ((), "https://LOOM.example:8443", "loom.example:8000", True),
        ((), "https://evil.example", "loom.example", False),
        ((), "https://loom.example.evil.example", "loom.example", False),
        ((), "http://localhost:5173", "loom.example", False),
        ((), "http://localhost:5173", "localhost:8000", False),
        ((), "http://localhost:8000", "localhost:8000", True),
        ((), "null", "loom.example", False),
        ((), "http://[", "loom.example", False),
        ((), "", "", False),
        (APP, "https://app.example", "loom.example", True),
        (("https://app.example/",), "https://APP.example", "loom.example", True),
        (APP, "http://app.example", "loom.example", False),
        (APP, "https://loom.example", "loom.example", True),
        (APP, "https://loom.example:8443", "loom.example", False),
        (APP, "http://localhost:5173", "localhost:8000", False),
        (APP, None, "loom.example", True),
        (("*",), "https://evil.example", "loom.example", True),
        (("null",), "null", "loom.example", True),
    ],
)
def test_own_pages_and_those_of_the_list_may_and_who_names_none(
    allowed: tuple[str, ...], origin: str | None, host: str, is_allowed: bool
) -> None:
    assert Origins(allowed).allow(origin, host) is is_allowed


@pytest.mark.parametrize(
    ("origin", "host", "is_allowed"),
    [
        ("http://localhost:5173", "127.0.0.1:8000", True),
        ("http://127.0.0.1:5173", "localhost:8000", True),
        ("http://[::1]:5173", "localhost:8000", True),
        ("http://localhost", "[::1]:8000", True),
        ("https://evil.example", "127.0.0.1:8000", False),
        # A name of a stranger that was made to lead here.
        ("http://localhost:5173", "evil.example:8000", False),
        ("http://localhost.evil.example", "127.0.0.1:8000", False),
    ],
)
def test_a_server_for_this_machine_alone_lets_in_all_pages_of_it(
    origin: str, host: str, is_allowed: bool
) -> None:
    assert Origins((), is_local=True).allow(origin, host) is is_allowed


@pytest.mark.parametrize(
    ("host", "is_allowed"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("::", False)],
)
def test_the_address_that_is_listened_on_decides_who_is_near(host: str, is_allowed: bool) -> None:
    found = Origins.of(Settings(host=host)).allow("http://localhost:5173", "localhost:8000")
    assert found is is_allowed


def test_the_old_list_for_rest_adds_to_the_one_list() -> None:
    origins = Origins.of(Settings(origins="https://a.example", cors_origins="https://b.example"))
    named = ("https://a.example", "https://b.example", "https://c.example")
    assert [origins.allow(one, "loom.example") for one in named] == [True, True, False]
