"""How the client of the commands takes what a server may answer with."""

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from app.commands.remote import MOST_TRIES, Remote, RemoteError, api_of


@dataclass
class Script:
    """What a server answers with, the last of it for ever, and what it was sent."""

    answers: Sequence[tuple[int, dict[str, str], bytes]] = ()
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    def take(self) -> tuple[int, dict[str, str], bytes]:
        return self.answers[min(len(self.requests), len(self.answers)) - 1]


@pytest.fixture
def script() -> Iterator[Script]:
    """A server that answers by a script."""
    made = Script()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", "0")))
            made.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
            status, headers, content = made.take()
            self.send_response(status)
            for name, value in {"content-length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815 - the standard library's name

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        made.url = f"http://127.0.0.1:{server.server_port}"
        yield made
        server.shutdown()
        thread.join()


def problem(
    status: int, detail: str, code: str = "some", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    document = {"title": "No", "status": status, "detail": detail, "code": code, "created": "it"}
    kind = {"content-type": "application/problem+json"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, {**kind, **named}, json.dumps(document).encode()


FINE = (200, {"content-type": "application/json"}, b'{"fine": true}')
PAGE = (200, {"content-type": "text/html; charset=utf-8"}, b"<html>")


@pytest.mark.parametrize("status", [429, 503])
def test_it_comes_back_when_the_server_says(script: Script, status: int) -> None:
    script.answers = [problem(status, "later", retry_after="7"), problem(status, "soon"), FINE]
    slept: list[float] = []
    assert Remote(script.url, "t", slept.append).post("/x", {}, "key") == {"fine": True}
    assert slept == [7, 1]
    assert {headers["idempotency-key"] for _, headers in script.requests} == {"key"}


def test_what_was_created_before_a_crash_is_not_created_again(script: Script) -> None:
    script.answers = [problem(409, "runs", "key_in_use"), problem(409, "done", "key_done")]
    slept: list[float] = []
    assert Remote(script.url, "t", slept.append).post("/x", {}, "key") == {"id": "it"}
    assert slept == [1]


@pytest.mark.parametrize(("wait", "tries"), [("1", MOST_TRIES), ("99999", 1)])
def test_it_does_not_wait_for_ever(script: Script, wait: str, tries: int) -> None:
    script.answers = [problem(429, "much later", retry_after=wait)]
    with pytest.raises(RemoteError, match="429 No: much later"):
        Remote(script.url, "t", lambda _: None).get("/x")
    assert len(script.requests) == tries


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (PAGE, "answers with text/html"),
        ((404, {"content-type": "text/html"}, b""), "check --url"),
        ((404, {}, b""), "without a media type"),
        ((302, {"location": "https://elsewhere"}, b""), "redirects to https://elsewhere"),
        ((200, {"content-type": "application/json"}, b'{"cut'), "cut off"),
        (problem(401, "expired"), "pipeloom token"),
        (problem(403, "not for you"), "403 No: not for you"),
        (problem(409, "taken"), "409 No: taken"),
        (problem(413, "too\nbig"), "413 No: too big"),
    ],
)
def test_refusals_are_explained(
    script: Script, answer: tuple[int, dict[str, str], bytes], words: str
) -> None:
    script.answers = [answer]
    with pytest.raises(RemoteError, match=words):
        Remote(script.url, "secret").get("/x")
    assert len(script.requests) == 1


def test_no_proxy_learns_the_token_for_a_server_of_this_machine(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.answers = [FINE]
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert Remote(script.url, "secret").get("/x") == {"fine": True}


@pytest.mark.parametrize("token", ["secret\nof two lines", "sécret"])
def test_what_is_no_token_is_refused_without_saying_it(script: Script, token: str) -> None:
    with pytest.raises(RemoteError, match="one line of ASCII") as refusal:
        Remote(script.url, token)
    assert token not in str(refusal.value)


def test_a_server_that_hangs_up_is_explained(script: Script) -> None:
    script.answers = [(200, {"content-length": "99", "content-type": "application/json"}, b"{")]
    with pytest.raises(RemoteError, match="lost the connection"):
        Remote(script.url, "t").get("/x")


@pytest.mark.parametrize(
    ("url", "api"),
    [
        ("https://one.org", "https://one.org/api"),
        ("https://one.org/", "https://one.org/api"),
        ("http://[::1]:8000/api/", "http://[::1]:8000/api"),
        ("https://one.org/below", "https://one.org/below/api"),
    ],
)
def test_the_api_is_below_the_address(url: str, api: str) -> None:
    assert api_of(url) == api


@pytest.mark.parametrize(
    "url", ["", "one.org", "file:///x", "ftp://x", "http://", "http://a b", "http://a:b", "http://ä",
            "http://u:p@x", "http://x?y"],
)  # fmt: skip
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(RemoteError, match="https://HOST"):
        api_of(url)
