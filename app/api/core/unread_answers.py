"""Large answers that are not read yet: bounded by bytes for each caller.

An answer is in memory until its client has read it. `app/stoppable_http.py` sends a large one in
parts, so that a request ends when nearly all of its answer is taken: until then its bytes count.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from app.stoppable_http import PART_BYTES

from .error_responses import problem_response
from .problems import TooManyRequests

MOST_BYTES: Final = 64 * 1024 * 1024
"""Bytes of large answers that one caller may leave unread. A single one may have more."""

RETRY_SECONDS: Final = 1

_TOO_MUCH: Final = "large answers that you asked for are not read yet: read those first"


class UnreadAnswers:
    """Counts the large answers of each caller while they are sent."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._unread: Counter[UUID] = Counter()

    def __len__(self) -> int:
        """How many callers have large answers on their way."""
        return len(self._unread)

    @contextmanager
    def counted(
        self, caller: UUID, scope: Scope, receive: Receive, send: Send
    ) -> Iterator["_Counted"]:
        """What sends the answer of one request, which ends with the block."""
        answer = _Counted(self, caller, scope, receive, send)
        try:
            yield answer
        finally:
            self._release(caller, answer.size)

    def has_room(self, caller: UUID, size: int) -> bool:
        """Whether a caller may have so many bytes more, as anybody may who has none."""
        unread = self._unread.get(caller, 0)
        return not unread or unread + size <= self._most_bytes

    def reserve(self, caller: UUID, size: int) -> None:
        """Count so many bytes more."""
        self._unread[caller] += size

    def _release(self, caller: UUID, size: int) -> None:
        self._unread[caller] -= size
        if not self._unread[caller]:
            del self._unread[caller]


class _Counted:
    """Sends an answer, or 429 in its place where that is large and there is no room for it.

    The answer to a write that was carried out is sent in any case: it says what has happened.
    """

    def __init__(
        self, answers: UnreadAnswers, caller: UUID, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._answers, self._caller = answers, caller
        self._scope, self._receive, self._send = scope, receive, send
        self._is_refused = False
        self.size = 0

    async def send(self, message: Message) -> None:
        """See the class."""
        if message["type"] == "http.response.start":
            await self._start(message)
        elif not self._is_refused:
            await self._send(message)

    async def _start(self, message: Message) -> None:
        size = _size_of(message)
        is_needed = self._scope["method"] != "GET" and message["status"] < 300
        if size and not is_needed and not self._answers.has_room(self._caller, size):
            self._is_refused = True
            refusal = problem_response(TooManyRequests(RETRY_SECONDS, _TOO_MUCH))
            await refusal(self._scope, self._receive, self._send)
            return
        self.size = size
        self._answers.reserve(self._caller, size)
        await self._send(message)


def _size_of(start: Message) -> int:
    """The bytes of an answer that is sent in parts; 0 for small ones, and streams, which wait."""
    size = int(Headers(raw=start.get("headers", ())).get("content-length", "0"))
    return size if size > PART_BYTES else 0
