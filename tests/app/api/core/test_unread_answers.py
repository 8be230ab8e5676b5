"""Large answers that are not read: bounded for each caller, and in nobody else's way."""

import asyncio
from uuid import UUID

import pytest
from starlette.responses import Response
from starlette.types import Message, Scope

from app.api.core.unread_answers import UnreadAnswers
from app.stoppable_http import PART_BYTES
from tests.app.fakes import turns
from tests.contracts.stores import an_id

ADA, BOB = an_id(1), an_id(2)

LARGE = PART_BYTES + 1


class Client:
    """Asks for an answer, and takes no body of one before it `reads`."""

    def __init__(self, answers: UnreadAnswers, caller: UUID = ADA, method: str = "GET") -> None:
        self._answers, self._caller = answers, caller
        self._scope: Scope = {"type": "http", "method": method, "path": "/"}
        self.reads = asyncio.Event()
        self.start: Message = {}
        self.body = b""

    async def ask(self, size: int, status: int = 200) -> None:
        """Ask for an answer of so many bytes, and wait until it is sent."""
        response = Response(b"x" * size, status)
        with self._answers.counted(self._caller, self._scope, self._receive, self._send) as sent:
            await response(self._scope, self._receive, sent.send)

    async def _receive(self) -> Message:
        raise AssertionError("nothing is received for an answer")

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = message
            return
        self.body += message["body"]
        if self.start["status"] != 429:
            await self.reads.wait()


async def unread(answers: UnreadAnswers, size: int = LARGE) -> tuple[Client, "asyncio.Task[None]"]:
    """An answer to Ada of which the body is not read."""
    client = Client(answers)
    task = asyncio.create_task(client.ask(size))
    await turns()
    return client, task


async def read_at_once(client: Client, size: int, status: int = 200) -> int:
    client.reads.set()
    await client.ask(size, status)
    return int(client.start["status"])


async def test_beyond_what_is_unread_a_large_answer_is_refused_and_not_kept() -> None:
    answers = UnreadAnswers(2 * LARGE)
    waiting = [await unread(answers) for _ in range(2)]
    refused = Client(answers)
    assert await read_at_once(refused, LARGE) == 429
    assert dict(refused.start["headers"])[b"retry-after"] == b"1"
    assert b"not read yet" in refused.body
    assert b"xx" not in refused.body
    assert await read_at_once(Client(answers, BOB), LARGE) == 200
    client, task = waiting[0]
    client.reads.set()
    await task
    assert await read_at_once(Client(answers), LARGE) == 200
    waiting[1][1].cancel()
    await asyncio.wait([waiting[1][1]])
    assert len(answers) == 0


async def test_small_answers_are_sent_whatever_else_is_unread() -> None:
    answers = UnreadAnswers(LARGE)
    client, task = await unread(answers)
    assert await read_at_once(Client(answers), PART_BYTES) == 200
    client.reads.set()
    await task


async def test_one_answer_may_be_larger_than_all_may_be() -> None:
    answers = UnreadAnswers(LARGE)
    assert await read_at_once(Client(answers), 5 * LARGE) == 200
    assert len(answers) == 0


@pytest.mark.parametrize(("status", "answered"), [(201, 201), (412, 429)])
async def test_what_was_written_is_answered_and_a_refusal_is_not_needed(
    status: int, answered: int
) -> None:
    answers = UnreadAnswers(LARGE)
    client, task = await unread(answers)
    assert await read_at_once(Client(answers, method="PATCH"), LARGE, status) == answered
    assert len(answers) == 1
    client.reads.set()
    await task
    assert len(answers) == 0
