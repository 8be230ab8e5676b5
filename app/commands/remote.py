"""A server's REST API, as commands with `--url` use it.

The standard library's client is enough for one request at a time; another one would be a
requirement of everybody who runs a server. It follows no redirections: the token would go along.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request

from app.auth.https_fetch import opener_for
from crdt.errors import PipeloomError

YAML: Final = "application/yaml"
SECONDS: Final = 60.0
"""How long an answer may take to begin, and to go on."""

MOST_TRIES: Final = 6
LONGEST_WAIT: Final = 120.0
"""Seconds that are waited at most because the server asks for it."""

DEFAULT_WAIT: Final = 1.0
PAGE: Final = 200


class RemoteError(PipeloomError):
    """The server refuses a request, or cannot be asked; `status` is None if it did not answer.

    `created` is the id of what the request had created before, if that is why it is refused.
    """

    def __init__(self, message: str, status: int | None = None, created: str | None = None) -> None:
        super().__init__(message)
        self.status, self.created = status, created


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server answered with."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        """The answer as JSON. Raises RemoteError for a page of something else."""
        try:
            return json.loads(self.content)
        except ValueError as error:
            raise RemoteError("the answer is cut off: try again", self.status) from error


class Remote:
    """The API of the server at a URL, asked with a token. `sleep` waits some seconds.

    Raises RemoteError for what is no address of a server, and for what no token can be.
    """

    def __init__(self, url: str, token: str, sleep: Callable[[float], None] = time.sleep) -> None:
        if not token.isascii() or not token.isprintable():
            # The library would refuse it with the token in the message.
            raise RemoteError("expected --token as one line of ASCII: it was cut or copied badly")
        self._url, self._token, self._sleep = url, token, sleep
        self._api = api_of(url)
        self._opener = opener_for(self._api)

    def get(self, path: str, **query: object) -> Any:
        """Read JSON. Raises RemoteError, as all verbs do."""
        return self.ask("GET", path, query=query).json()

    def items(self, path: str, **query: object) -> Iterator[Any]:
        """All items of a list, page by page."""
        query = {"limit": PAGE, **query}
        while True:
            page = self.get(path, **query)
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            query["cursor"] = page["next_cursor"]

    def post(self, path: str, content: object, key: str) -> Any:
        """Create something once, however often it takes to be answered; return it.

        Of what was created by a try whose answer was lost with the server, only the `id` is known.
        """
        body = json.dumps(content).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        try:
            return self.ask("POST", path, body=body, headers=headers).json()
        except RemoteError as error:
            if error.created is None:
                raise
            return {"id": error.created}

    def patch(self, path: str, content: object) -> Any:
        """Change some fields of something."""
        body, headers = json.dumps(content).encode(), {"Content-Type": "application/json"}
        return self.ask("PATCH", path, body=body, headers=headers).json()

    def put(self, path: str, body: bytes, kind: str) -> Any:
        """Put something in the place of what is there."""
        return self.ask("PUT", path, body=body, headers={"Content-Type": kind}).json()

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request, again while the server asks to come back later. Raises RemoteError."""
        address = f"{self._api}{path}"
        if query:
            address = f"{address}?{urlencode(query, doseq=True)}"
        known = {"Authorization": f"Bearer {self._token}", "Accept": "*/*", **(headers or {})}
        for last in (*(False,) * (MOST_TRIES - 1), True):
            request = Request(address, body, known, method=method)  # noqa: S310 - see `api_of`
            answer = self._once(request)
            wait = None if last else wait_of(answer)
            if wait is None:
                return self._checked(answer)
            self._sleep(wait)
        raise AssertionError("the last try returns or raises")

    def _once(self, request: Request) -> Answer:
        try:
            with self._opener.open(request, timeout=SECONDS) as got:
                return Answer(got.status, lowered(got.headers), got.read())
        except HTTPError as error:
            with error:
                return Answer(error.code, lowered(error.headers), error.read())
        except URLError as error:
            raise RemoteError(f"cannot reach {self._url}: {_cause(error.reason)}") from error
        except (HTTPException, OSError) as error:
            raise RemoteError(f"lost the connection to {self._url}: {_cause(error)}") from error

    def _checked(self, answer: Answer) -> Answer:
        if 300 <= answer.status < 400:
            where = answer.headers.get("location", "elsewhere")
            raise RemoteError(f"{self._url} redirects to {where}: pass that as --url")
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if answer.status < 400:
            if answer.content and kind not in ("application/json", YAML):
                raise RemoteError(self._no_api(kind), answer.status)
            return answer
        if kind != "application/problem+json":
            raise RemoteError(f"{self._no_api(kind)} (status {answer.status})", answer.status)
        created = _problem(answer).get("created")
        raise RemoteError(explained(answer), answer.status, created)

    def _no_api(self, kind: str) -> str:
        kind = kind or "something without a media type"
        return f"{self._url} answers with {kind}, and not as Pipeloom does: check --url"


def api_of(url: str) -> str:
    """The address of a server's API. Raises RemoteError for what is no address of a server."""
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname)
        is_good = is_good and parts.port != 0 and not (parts.username or parts.query)
    except ValueError:
        is_good = False
    if not is_good or not url.isascii() or not url.isprintable() or " " in url:
        raise RemoteError(f"expected --url as https://HOST, got {url}")
    return f"{url.partition('#')[0].rstrip('/').removesuffix('/api')}/api"


def wait_of(answer: Answer) -> float | None:
    """For how many seconds the server asks to wait; None if it does not, or for too long."""
    code = _problem(answer).get("code")
    if answer.status not in (429, 503) and code != "key_in_use":
        return None
    try:
        wait = float(answer.headers.get("retry-after", DEFAULT_WAIT))
    except ValueError:
        return DEFAULT_WAIT
    return wait if 0 <= wait <= LONGEST_WAIT else None


def explained(answer: Answer) -> str:
    """What a problem document says, and what to do about it."""
    problem = _problem(answer)
    detail = " ".join(str(problem.get("detail", "no reason given")).split())
    hint = _HINTS.get(answer.status, "")
    return f"{answer.status} {problem.get('title', 'refused')}: {detail}{hint}"


_HINTS: Final[Mapping[int, str]] = {
    401: " (a token is made by `pipeloom token`, and passed as --token or PIPELOOM_TOKEN)",
}


def _problem(answer: Answer) -> Mapping[str, Any]:
    try:
        found = json.loads(answer.content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def lowered(headers: Message) -> Mapping[str, str]:
    """The headers by their names in lower case."""
    return {name.lower(): str(value) for name, value in headers.items()}


def _cause(reason: object) -> str:
    strerror = reason.strerror if isinstance(reason, OSError) else None
    return strerror or " ".join(str(reason).split()) or type(reason).__name__
