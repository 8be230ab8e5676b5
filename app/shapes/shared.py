"""Questions that are asked at the same time share one answer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")


ANSWERED_AT_ONCE: Final = 10
"""Who goes on with an answer before others have their turn: what they wait to do is a write each,
and two hundred live requests ask at once when what they watch has changed."""


class _Round(Generic[Question, Answer]):
    def __init__(self) -> None:
        self.questions: set[Question] = set()
        self.waiting: list[asyncio.Future[Answer]] = []


class Shared(Generic[Question, Answer]):
    """Answers by `look`, one call at a time, which begins after its questions were asked.

    So the answer is one of a moment after the question, however many ask.
    """

    def __init__(self, look: Callable[[frozenset[Question]], Awaitable[Answer]]) -> None:
        self._look = look
        self._next: _Round[Question, Answer] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._answering: set[asyncio.Task[None]] = set()

    async def ask(self, question: Question) -> Answer:
        """Return the answer to this question and others. Raises what `look` raises."""
        if self._next is None:
            self._next = _Round()
        asked = self._next
        asked.questions.add(question)
        # One for each: whoever asks may go away, and the others wait for the answer all the same.
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        asked.waiting.append(answer)
        if self._looking is None:
            self._looking = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        try:
            while (asked := self._next) is not None:
                self._next = None
                # The next look begins at once, and not when all have their answer.
                answering = asyncio.create_task(_answer(asked, await self._outcome(asked)))
                self._answering.add(answering)
                answering.add_done_callback(self._answering.discard)
        finally:
            self._looking = None

    async def _outcome(self, asked: _Round[Question, Answer]) -> "asyncio.Future[Answer]":
        outcome: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        try:
            outcome.set_result(await self._look(frozenset(asked.questions)))
        except Exception as error:
            outcome.set_exception(error)
        return outcome


async def _answer(asked: _Round[Question, Answer], outcome: "asyncio.Future[Answer]") -> None:
    """Give everybody the outcome, with turns for others between."""
    error = outcome.exception()
    for place, waiting in enumerate(asked.waiting, 1):
        if waiting.done():
            continue
        if error is None:
            waiting.set_result(outcome.result())
        else:
            waiting.set_exception(error)
            # Seen, even if nobody is left to see it.
            waiting.exception()
        if place % ANSWERED_AT_ONCE == 0:
            await asyncio.sleep(0)
