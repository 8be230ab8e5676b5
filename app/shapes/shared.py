"""Questions that are asked at the same time share one answer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class _Round(Generic[Question, Answer]):
    def __init__(self) -> None:
        self.questions: set[Question] = set()
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()


class Shared(Generic[Question, Answer]):
    """Answers by `look`, one call at a time, which begins after its questions were asked.

    So the answer is one of a moment after the question, however many ask.
    """

    def __init__(self, look: Callable[[frozenset[Question]], Awaitable[Answer]]) -> None:
        self._look = look
        self._next: _Round[Question, Answer] | None = None
        self._looking: asyncio.Task[None] | None = None

    async def ask(self, question: Question) -> Answer:
        """Return the answer to this question and others. Raises what `look` raises."""
        if self._next is None:
            self._next = _Round()
        asked = self._next
        asked.questions.add(question)
        if self._looking is None:
            self._looking = asyncio.create_task(self._run())
        # Whoever asks may go away, and the others wait for the answer all the same.
        return await asyncio.shield(asked.answer)

    async def _run(self) -> None:
        try:
            while (asked := self._next) is not None:
                self._next = None
                await self._answer(asked)
        finally:
            self._looking = None

    async def _answer(self, asked: _Round[Question, Answer]) -> None:
        try:
            asked.answer.set_result(await self._look(frozenset(asked.questions)))
        except Exception as error:
            asked.answer.set_exception(error)
            # Seen, even if nobody is left to see it.
            asked.answer.exception()
