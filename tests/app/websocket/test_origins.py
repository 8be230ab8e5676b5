import pytest

from app.websocket.origins import Origins


@pytest.mark.parametrize(
    ("allowed", "origin", "host", "is_allowed"),
    [
        ((), None, "loom.example", True),
        ((), "https://loom.example", "loom.example", True),
        ((), "https://LOOM.example:8443", "loom.example:8000", True),
        ((), "http://localhost:5173", "127.0.0.1:8000", True),
        ((), "http://[::1]:5173", "localhost:8000", True),
        ((), "https://evil.example", "loom.example", False),
        ((), "https://loom.example.evil.example", "loom.example", False),
        ((), "http://localhost:5173", "loom.example", False),
        ((), "null", "loom.example", False),
        ((), "http://[", "loom.example", False),
        ((), "", "", False),
        (("https://app.example",), "https://app.example", "loom.example", True),
        (("https://app.example/",), "https://APP.example", "loom.example", True),
        (("https://app.example",), "http://app.example", "loom.example", False),
        (("https://app.example",), "https://loom.example", "loom.example", False),
        (("https://app.example",), None, "loom.example", True),
        (("*",), "https://evil.example", "loom.example", True),
        (("null",), "null", "loom.example", True),
    ],
)
def test_pages_of_this_host_or_of_the_list_may_connect_and_who_names_none(
    allowed: tuple[str, ...], origin: str | None, host: str, is_allowed: bool
) -> None:
    assert Origins(allowed).allow(origin, host) is is_allowed
